rule rfg_self:
    input:
        data=training_data,
    output:
        net="results/{ablations}rfg_self/{variant}/{model}.safetensors",
    log:
        "logs/{ablations}rfg_self/{variant}/{model}.log",
    benchmark:
        "logs/times/results/{ablations}rfg_self/{variant}/{model}.safetensors.jsonl"
    conda:
        "../envs/dg.yaml"
    threads: training_threads
    resources:
        gpu=TRAINING_GPUS,
    params:
        job=lambda wildcards: job("rfg", wildcards.variant, phase="self"),
        data=folders,
    shell:
        "python -m dg rfg --settings {params.job:q} --data {params.data} --out {output.net} --threads {threads}"
        " --gpus {resources.gpu} 2>&1 | tee {log}"


rule rfg_cross:
    input:
        data=training_data,
        init=lambda wildcards: trained("rfg_self", wildcards.variant, wildcards.model),
        idsg=lambda wildcards: trained("idsg_cross", wildcards.variant, wildcards.model),
    output:
        net="results/{ablations}rfg_cross/{variant}/{model}.safetensors",
    log:
        "logs/{ablations}rfg_cross/{variant}/{model}.log",
    benchmark:
        "logs/times/results/{ablations}rfg_cross/{variant}/{model}.safetensors.jsonl"
    conda:
        "../envs/dg.yaml"
    threads: training_threads
    resources:
        gpu=TRAINING_GPUS,
    params:
        job=lambda wildcards: job("rfg", wildcards.variant, phase="cross"),
        data=folders,
    shell:
        "python -m dg rfg --settings {params.job:q} --data {params.data} --init {input.init} --idsg {input.idsg}"
        " --out {output.net} --threads {threads} --gpus {resources.gpu} 2>&1 | tee {log}"


rule rfg_self_models:
    input:
        tested_models("rfg_self"),


rule rfg_cross_models:
    input:
        tested_models("rfg_cross"),
