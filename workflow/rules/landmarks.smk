rule landmarks:
    input:
        frames=rules.frames.output.shard,
    output:
        shard="data/sets/{dataset}/landmarks/{shard}.arrow",
    log:
        "logs/landmarks/{dataset}/{shard}.log",
    benchmark:
        "logs/times/data/sets/{dataset}/landmarks/{shard}.arrow.jsonl"
    priority: LONGEST_WAY
    conda:
        "../envs/dg.yaml"
    resources:
        gpu=GPU,
    params:
        job=job("landmarks"),
        max_broken=max_broken,
    shell:
        "python -m dg landmarks --settings {params.job:q} --frames {input.frames} --out {output.shard}"
        " --max-broken {params.max_broken} --threads {threads} --gpus {resources.gpu} 2>&1 | tee {log}"


rule identity:
    input:
        frames=rules.frames.output.shard,
        landmarks=(
            rules.landmarks.output.shard
            if PARAMS.identity.backend in READ_LANDMARKS
            else []
        ),
    output:
        shard="data/sets/{dataset}/identity/{shard}.arrow",
    log:
        "logs/identity/{dataset}/{shard}.log",
    benchmark:
        "logs/times/data/sets/{dataset}/identity/{shard}.arrow.jsonl"
    priority: LONGEST_WAY
    conda:
        "../envs/dg.yaml"
    resources:
        gpu=GPU,
    params:
        job=job("identity"),
    shell:
        "python -m dg identity --settings {params.job:q} --frames {input.frames} --landmarks {input.landmarks}"
        " --out {output.shard}"
        " --threads {threads} --gpus {resources.gpu} 2>&1 | tee {log}"


rule prepared_data:
    input:
        [[*faces(name), *codes(name)] for name in DATASETS],
        [f"data/sets/{dataset_of(PARAMS, name)}/pairs/{name}.parquet" for name in TESTS],
