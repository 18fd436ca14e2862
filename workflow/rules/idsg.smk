rule idsg_self:
    input:
        data=training_data,
    output:
        net="results/{ablations}idsg_self/{variant}/{model}.safetensors",
    log:
        "logs/{ablations}idsg_self/{variant}/{model}.log",
    benchmark:
        "logs/times/results/{ablations}idsg_self/{variant}/{model}.safetensors.jsonl"
    conda:
        "../envs/dg.yaml"
    resources:
        gpu=TRAINING_GPUS,
    params:
        job=lambda wildcards: job("idsg", wildcards.variant, phase="self"),
        data=folders,
    shell:
        "python -m dg idsg --settings {params.job:q} --data {params.data} --out {output.net} --threads {threads}"
        " --gpus {resources.gpu} 2>&1 | tee {log}"


rule idsg_cross:
    input:
        data=training_data,
        init=lambda wildcards: trained("idsg_self", wildcards.variant, wildcards.model),
    output:
        net="results/{ablations}idsg_cross/{variant}/{model}.safetensors",
    log:
        "logs/{ablations}idsg_cross/{variant}/{model}.log",
    benchmark:
        "logs/times/results/{ablations}idsg_cross/{variant}/{model}.safetensors.jsonl"
    conda:
        "../envs/dg.yaml"
    resources:
        gpu=TRAINING_GPUS,
    params:
        job=lambda wildcards: job("idsg", wildcards.variant, phase="cross"),
        data=folders,
    shell:
        "python -m dg idsg --settings {params.job:q} --data {params.data} --init {input.init} --out {output.net}"
        " --threads {threads} --gpus {resources.gpu} 2>&1 | tee {log}"


rule idsg_self_models:
    input:
        tested_models("idsg_self"),


rule idsg_cross_models:
    input:
        tested_models("idsg_cross"),
