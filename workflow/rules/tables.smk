# Tables 1 and 2. An ablation is a line of params.yaml.
rule ablation:
    input:
        summaries=ablation_results,
    output:
        csv="results/{table}.csv",
        markdown="results/{table}.md",
    log:
        "logs/{table}.log",
    conda:
        "../envs/dg.yaml"
    params:
        job=lambda wildcards: job("ablation", table=wildcards.table),
    shell:
        "python -m dg ablation --settings {params.job:q} --summaries {input.summaries} --out {output.csv} 2>&1 | tee {log}"


rule table4:
    input:
        summaries=table4_results("results/evaluate/{variant}/{benchmark}/{method}.json"),
        figures=expand("results/figures/table4_{benchmark}.png", benchmark=BENCHMARKS_4),
    output:
        csv="results/table4.csv",
        markdown="results/table4.md",
        metrics="results/metrics.json",
    log:
        "logs/table4.log",
    conda:
        "../envs/dg.yaml"
    params:
        job=job("table4"),
    shell:
        "python -m dg table4 --settings {params.job:q} --summaries {input.summaries} --out {output.csv} 2>&1 | tee {log}"


rule figure:
    input:
        pairs=pair_list,
        pictures="results/evaluate/dg/{benchmark}/dg.arrow",
        scores="results/evaluate/dg/{benchmark}/dg.parquet",
        data=lambda wildcards: prepared(dataset_of(PARAMS, wildcards.benchmark)),
    output:
        picture="results/figures/table4_{benchmark}.png",
    log:
        "logs/figure/{benchmark}.log",
    conda:
        "../envs/dg.yaml"
    params:
        job=lambda wildcards: job("figure", benchmark=wildcards.benchmark, method="dg"),
        folder=set_folder,
    shell:
        "python -m dg figure --settings {params.job:q} --folder {params.folder} --pairs {input.pairs}"
        " --generated {input.pictures} --scores {input.scores} --out {output.picture} 2>&1 | tee {log}"
