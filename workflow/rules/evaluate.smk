rule generate:
    input:
        unpack(tested_checkpoints),
        pairs=pair_list,
        data=tested_faces,
        codes=lambda wildcards: (
            codes_of(wildcards.test) if wildcards.method == "dg" else []
        ),
    output:
        pictures="results/{ablations}evaluate/{variant}/{test}/{method}.arrow",
    log:
        "logs/{ablations}generate/{variant}/{test}/{method}.log",
    benchmark:
        "logs/times/results/{ablations}evaluate/{variant}/{test}/{method}.arrow.jsonl"
    conda:
        "../envs/dg.yaml"
    # DG's RFG is trained on in a tuned test, video by video.
    threads:
        lambda wildcards: (
            all_cores(GPU)
            if TESTS[wildcards.test].tuned and wildcards.method == "dg"
            else 1
        )
    resources:
        gpu=GPU,
    params:
        job=lambda wildcards: job(
            "generate",
            wildcards.variant,
            test=wildcards.test,
            method=wildcards.method,
        ),
        folders=set_folders,
        nets=lambda wildcards, input: " ".join(
            f"--{option} {input[option]}"
            for option in networks_of(PARAMS, wildcards.method)
        ),
    shell:
        "python -m dg generate --settings {params.job:q} --data {params.folders} --pairs {input.pairs} {params.nets}"
        " --out {output.pictures} --threads {threads} --gpus {resources.gpu} 2>&1 | tee {log}"


# What networks see in the pictures of the data sets is the same for every method.
rule originals:
    input:
        pairs=pair_list,
        data=tested_faces,
    output:
        shard="results/evaluate/originals/{test}.arrow",
    log:
        "logs/originals/{test}.log",
    benchmark:
        "logs/times/results/evaluate/originals/{test}.arrow.jsonl"
    conda:
        "../envs/dg.yaml"
    threads: all_cores(GPU) if GPU else 1
    resources:
        gpu=GPU,
    params:
        job=lambda wildcards: job("originals", test=wildcards.test),
        folders=set_folders,
    shell:
        "python -m dg originals --settings {params.job:q} --data {params.folders} --pairs {input.pairs}"
        " --out {output.shard} --threads {threads} --gpus {resources.gpu} 2>&1 | tee {log}"


rule evaluate:
    input:
        pairs=pair_list,
        originals=lambda wildcards: (
            [] if wildcards.ablations else rules.originals.output.shard
        ),
        pictures=rules.generate.output.pictures,
        data=tested_faces,
    output:
        summary="results/{ablations}evaluate/{variant}/{test}/{method}.json",
        scores="results/{ablations}evaluate/{variant}/{test}/{method}.parquet",
    log:
        "logs/{ablations}evaluate/{variant}/{test}/{method}.log",
    benchmark:
        "logs/times/results/{ablations}evaluate/{variant}/{test}/{method}.json.jsonl"
    conda:
        "../envs/dg.yaml"
    # One at a time on a GPU; without one they go side by side.
    threads: all_cores(GPU) if GPU else 1
    resources:
        gpu=GPU,
    params:
        job=lambda wildcards: job(
            "evaluate",
            wildcards.variant,
            test=wildcards.test,
            method=wildcards.method,
        ),
        folders=set_folders,
        # Ablations may have metrics of their own, and stand in a folder of their own.
        originals=lambda wildcards, input: (
            f"--originals {input.originals}" if input.originals else ""
        ),
    shell:
        "python -m dg evaluate --settings {params.job:q} --data {params.folders} --pairs {input.pairs}"
        " --generated {input.pictures} {params.originals} --out {output.summary} --threads {threads} --gpus {resources.gpu} 2>&1 | tee {log}"


rule ace:
    input:
        idsg=lambda wildcards: CHECKPOINTS.tested(
            "idsg", wildcards.test, wildcards.variant
        ).path,
        pairs=pair_list,
        data=tested_faces,
        codes=lambda wildcards: codes_of(wildcards.test),
    output:
        summary="results/{ablations}ace/{variant}/{test}.json",
        scores="results/{ablations}ace/{variant}/{test}.parquet",
    log:
        "logs/{ablations}ace/{variant}/{test}.log",
    benchmark:
        "logs/times/results/{ablations}ace/{variant}/{test}.json.jsonl"
    conda:
        "../envs/dg.yaml"
    params:
        job=lambda wildcards: job("ace", wildcards.variant, test=wildcards.test),
        folder=lambda wildcards: set_folders(wildcards)[0],
    shell:
        "python -m dg ace --settings {params.job:q} --folder {params.folder} --pairs {input.pairs} --idsg {input.idsg}"
        " --out {output.summary} 2>&1 | tee {log}"


rule evaluations:
    input:
        [path for name in COMPARISONS for path in test_summaries(name)],
