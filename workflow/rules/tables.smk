# Tables 1 and 2. An ablation is a line of params.yaml.
rule ablation:
    input:
        summaries=ablation_results,
    output:
        csv=report(
            "results/{table}.csv",
            caption="../captions/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        markdown="results/{table}.md",
    log:
        "logs/{table}.log",
    wildcard_constraints:
        table="table[12]",
    conda:
        "../envs/dg.yaml"
    params:
        job=lambda wildcards: job("ablation", table=wildcards.table),
    shell:
        "python -m dg ablation --settings {params.job:q} --summaries {input.summaries} --out {output.csv} 2>&1 | tee {log}"


# Tables 3 and 4. A method is an entry of params.yaml.
rule comparison:
    input:
        summaries=lambda wildcards: test_summaries(wildcards.table),
    output:
        csv=report(
            "results/{table}.csv",
            caption="../captions/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        markdown="results/{table}.md",
        latex="results/{table}.tex",
        metrics="results/{table}.json",
    log:
        "logs/{table}.log",
    wildcard_constraints:
        table="table[34]",
    conda:
        "../envs/dg.yaml"
    params:
        job=lambda wildcards: job("comparison", table=wildcards.table),
    shell:
        "python -m dg comparison --settings {params.job:q} --summaries {input.summaries} --metrics {output.metrics}"
        " --out {output.csv} 2>&1 | tee {log}"


rule curves:
    input:
        summaries=[*test_summaries("table3"), *test_summaries("table4")],
    output:
        folder=directory("results/plots"),
    log:
        "logs/curves.log",
    conda:
        "../envs/dg.yaml"
    params:
        job=job("curves"),
    shell:
        "python -m dg curves --settings {params.job:q} --summaries {input.summaries} --out {output.folder} 2>&1 | tee {log}"


rule tables_1_and_2:
    input:
        "results/table1.csv",
        "results/table2.csv",


rule tables_3_and_4:
    input:
        "results/table3.csv",
        "results/table4.csv",
        "results/plots",
