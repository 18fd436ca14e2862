rule head:
    output:
        "data/synthface/head.safetensors",
    log:
        "logs/head.log",
    benchmark:
        "logs/times/data/synthface/head.safetensors.jsonl"
    conda:
        "../envs/dg.yaml"
    params:
        job=json.dumps({"code": code_digest("dg.synthface.head_builder")}),
    shell:
        "python -m dg head --out {output} 2>&1 | tee {log}"


# DVC versions what is made of the pictures, not them: other values, put back, find those of the values before. So the
# file that stands for them has the recipe's digest in its name, and goes with them when others are rendered.
rule synthface:
    input:
        head=rules.head.output,
    output:
        recipe=touch("data/raw/{dataset}/recipe-{recipe}"),
    log:
        "logs/synthface/{dataset}-{recipe}.log",
    benchmark:
        "logs/times/data/raw/{dataset}/recipe-{recipe}.jsonl"
    wildcard_constraints:
        dataset="|".join(SYNTHETIC),
    priority: LONGEST_WAY
    conda:
        "../envs/dg.yaml"
    threads: 64
    params:
        job=lambda wildcards: job("synthface", dataset=wildcards.dataset),
    shell:
        "python -m dg synthface --settings {params.job:q} --head {input.head} --out data/raw/{wildcards.dataset}"
        " --replace --threads {threads} 2>&1 | tee {log}"


# Ancient: rendered again by the same recipe the pictures are the same, whatever the date.
rule manifest:
    input:
        raw=ancient(rendered),
    output:
        manifest="data/sets/{dataset}/manifest.parquet",
    log:
        "logs/manifest/{dataset}.log",
    benchmark:
        "logs/times/data/sets/{dataset}/manifest.parquet.jsonl"
    priority: LONGEST_WAY
    conda:
        "../envs/dg.yaml"
    params:
        job=lambda wildcards: job("manifest", dataset=wildcards.dataset),
        max_broken=max_broken,
    shell:
        "python -m dg manifest --settings {params.job:q} --raw data/raw/{wildcards.dataset} --out {output.manifest}"
        " --max-broken {params.max_broken} 2>&1 | tee {log}"


rule frames:
    input:
        raw=ancient(rendered),
        manifest=rules.manifest.output.manifest,
    output:
        shard="data/sets/{dataset}/frames/{shard}.arrow",
    log:
        "logs/frames/{dataset}/{shard}.log",
    benchmark:
        "logs/times/data/sets/{dataset}/frames/{shard}.arrow.jsonl"
    priority: LONGEST_WAY
    conda:
        "../envs/dg.yaml"
    params:
        job=lambda wildcards: job("frames", dataset=wildcards.dataset),
        max_broken=max_broken,
    shell:
        "python -m dg frames --settings {params.job:q} --raw data/raw/{wildcards.dataset} --manifest {input.manifest}"
        " --shard {wildcards.shard} --out {output.shard} --max-broken {params.max_broken} --threads {threads}"
        " 2>&1 | tee {log}"


rule pairs:
    input:
        data=tested_faces,
    output:
        pairs="data/sets/{dataset}/pairs/{test}.parquet",
    log:
        "logs/pairs/{dataset}/{test}.log",
    benchmark:
        "logs/times/data/sets/{dataset}/pairs/{test}.parquet.jsonl"
    conda:
        "../envs/dg.yaml"
    params:
        job=lambda wildcards: job("pairs", test=wildcards.test),
        folders=set_folders,
    shell:
        "python -m dg pairs --settings {params.job:q} --data {params.folders} --out {output.pairs}"
        " 2>&1 | tee {log}"
