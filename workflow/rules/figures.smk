# The paper's Figures 2 to 6.
rule paper_figure:
    input:
        pairs=lambda wildcards: pair_list_of(FIGURES[wildcards.figure].test),
        pictures=figure_results,
        data=lambda wildcards: faces_of(FIGURES[wildcards.figure].test),
    output:
        picture=report(
            "results/figures/{figure}.png",
            caption="../captions/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
    log:
        "logs/figures/{figure}.log",
    benchmark:
        "logs/times/results/figures/{figure}.png.jsonl"
    conda:
        "../envs/dg.yaml"
    params:
        job=lambda wildcards: job("paper_figure", figure=wildcards.figure),
        folders=lambda wildcards: folders_of(FIGURES[wildcards.figure].test),
    shell:
        "python -m dg paper_figure --settings {params.job:q} --data {params.folders} --pairs {input.pairs}"
        " --generated {input.pictures} --out {output.picture} 2>&1 | tee {log}"


# DG on each test of Tables 3 and 4, from the best pair to the worst.
rule figure:
    input:
        pairs=pair_list,
        pictures="results/evaluate/dg/{test}/dg.arrow",
        scores="results/evaluate/dg/{test}/dg.parquet",
        data=tested_faces,
    output:
        picture=report(
            "results/figures/dg_{test}.png",
            caption="../captions/range.rst",
            category="Figures",
            labels={"figure": "DG on {test}, best to worst"},
        ),
    log:
        "logs/figure/{test}.log",
    benchmark:
        "logs/times/results/figures/dg_{test}.png.jsonl"
    conda:
        "../envs/dg.yaml"
    params:
        job=lambda wildcards: job("figure", test=wildcards.test),
        folder=lambda wildcards: set_folders(wildcards)[0],
    shell:
        "python -m dg figure --settings {params.job:q} --folder {params.folder} --pairs {input.pairs}"
        " --generated {input.pictures} --scores {input.scores} --out {output.picture} 2>&1 | tee {log}"


# DG beside each method that it is measured against: where it trails most, and where it leads most.
rule lead_sheet:
    input:
        pairs=pair_list,
        pictures=lambda wildcards: expand(
            "results/evaluate/dg/{test}/{method}.arrow",
            test=wildcards.test,
            method=["dg", wildcards.method],
        ),
        scores=lambda wildcards: expand(
            "results/evaluate/dg/{test}/{method}.parquet",
            test=wildcards.test,
            method=["dg", wildcards.method],
        ),
        data=tested_faces,
    output:
        picture=report(
            "results/figures/leads/{method}_{test}.png",
            caption="../captions/leads.rst",
            category="Figures",
            labels={"figure": "DG beside {method} on {test}"},
        ),
    log:
        "logs/figures/leads/{method}_{test}.log",
    benchmark:
        "logs/times/results/figures/leads/{method}_{test}.png.jsonl"
    conda:
        "../envs/dg.yaml"
    params:
        job=lambda wildcards: job(
            "lead_sheet", test=wildcards.test, method=wildcards.method
        ),
        folders=set_folders,
    shell:
        "python -m dg lead_sheet --settings {params.job:q} --data {params.folders} --pairs {input.pairs}"
        " --generated {input.pictures} --scores {input.scores} --out {output.picture} 2>&1 | tee {log}"


LEAD_SHEETS = [
    f"results/figures/leads/{method}_{test}.png"
    for test in COMPARED
    for method in rivals_of(PARAMS, test)
]


rule figure_6_models:
    input:
        [
            f"results/{place(variant)}evaluate/{variant}/{FIGURES['figure6'].test}/{method}.json"
            for _, variant, method in figure_rows(PARAMS, "figure6")
        ],


rule report:
    input:
        tables=expand("results/{table}.csv", table=TABLES),
        claims="results/claims.csv",
        leads=LEAD_SHEETS,
        figures=expand("results/figures/{figure}.png", figure=FIGURES),
        summaries=[path for name in COMPARISONS for path in test_results(name, "json")],
        pictures=[path for name in COMPARISONS for path in test_results(name, "arrow")],
        data=[path for name in DATASETS for path in faces(name)],
    output:
        page="results/report.html",
    log:
        "logs/report.log",
    benchmark:
        "logs/times/results/report.html.jsonl"
    conda:
        "../envs/dg.yaml"
    params:
        job=job("report"),
    shell:
        "python -m dg report --settings {params.job:q} --out {output.page} 2>&1 | tee {log}"
