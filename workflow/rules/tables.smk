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
        headlines="results/headlines/{table}.json",
    log:
        "logs/{table}.log",
    benchmark:
        "logs/times/results/{table}.csv.jsonl"
    wildcard_constraints:
        table="|".join(ABLATIONS),
    conda:
        "../envs/dg.yaml"
    params:
        job=lambda wildcards: job("ablation", table=wildcards.table),
    shell:
        "python -m dg ablation --settings {params.job:q} --summaries {input.summaries} --out {output.csv} 2>&1 | tee {log}"


# Which network of the ablations is whose; made last, as it removes those that params.yaml has no use for any more.
# No shell command: with many rows the index is longer than one may be.
rule ablation_checkpoints:
    input:
        tables=expand("results/{table}.csv", table=ABLATIONS),
        models=lambda wildcards: rules.figure_6_models.input,
    output:
        index="results/ablations/checkpoints.csv",
    log:
        "logs/ablation_checkpoints.log",
    benchmark:
        "logs/times/results/ablations/checkpoints.csv.jsonl"
    params:
        index=json.dumps(index_of_ablations(PARAMS, CHECKPOINTS)),
    run:
        write_index(json.loads(params.index), Path(output.index), Path(log[0]))


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
        numbers="results/{table}.json",
        headlines="results/headlines/{table}.json",
    log:
        "logs/{table}.log",
    benchmark:
        "logs/times/results/{table}.csv.jsonl"
    wildcard_constraints:
        table="|".join(COMPARISONS),
    conda:
        "../envs/dg.yaml"
    params:
        job=lambda wildcards: job("comparison", table=wildcards.table),
    shell:
        "python -m dg comparison --settings {params.job:q} --summaries {input.summaries}"
        " --out {output.csv} 2>&1 | tee {log}"


# The paper's claims, answered.
rule claims:
    input:
        tables=expand("results/{table}.csv", table=ABLATIONS),
        summaries=claims_summaries(),
    output:
        csv=report(
            "results/claims.csv",
            caption="../captions/claims.rst",
            category="Claims",
            labels={"claims": "table"},
        ),
        markdown="results/claims.md",
        picture=report(
            "results/claims.png",
            caption="../captions/claims.rst",
            category="Claims",
            labels={"claims": "DG's lead by yaw"},
        ),
    log:
        "logs/claims.log",
    benchmark:
        "logs/times/results/claims.csv.jsonl"
    conda:
        "../envs/dg.yaml"
    params:
        job=job("claims"),
    shell:
        "python -m dg claims --settings {params.job:q} --out {output.csv} 2>&1 | tee {log}"


rule curves:
    input:
        summaries=[path for name in COMPARISONS for path in test_summaries(name)],
    output:
        folder=directory("results/plots"),
    log:
        "logs/curves.log",
    benchmark:
        "logs/times/results/plots.jsonl"
    conda:
        "../envs/dg.yaml"
    params:
        job=job("curves"),
    shell:
        "python -m dg curves --settings {params.job:q} --summaries {input.summaries} --out {output.folder} 2>&1 | tee {log}"


# The trainings that dg's tests rest on.
PLOTTED = {
    CHECKPOINTS.of(training, model, "dg").path: training
    for training in TRAININGS.values()
    if training.plotted
    and any(
        training == training_behind(PARAMS, training.network, test, "dg")
        for test in TESTS
    )
    for model in models_of(PARAMS, "dg")
}


# Losses and last sample grids, whatever the models are called, in a folder per plot: dvc plots draws a folder one way.
rule training_plots:
    input:
        nets=list(PLOTTED),
    output:
        folder=directory("results/training_plots"),
    log:
        "logs/training_plots.log",
    benchmark:
        "logs/times/results/training_plots.jsonl"
    conda:
        "../envs/dg.yaml"
    params:
        trainings=[
            f"{training.network}:{training.phase}:{training.plotted}"
            for training in PLOTTED.values()
        ],
    shell:
        """
        (
            mkdir -p {output.folder}/samples
            set -- {params.trainings:q}
            for net in {input.nets:q}; do
                network=${{1%%:*}} plotted=${{1##*:}} phase=${{1#*:}}
                shift
                base=${{net%.safetensors}}
                name=${{phase%:*}}_$(basename "$(dirname "$net")")_$(basename "$base")
                for kind in loss $plotted; do
                    mkdir -p {output.folder}/${{network}}_$kind
                    cp "$base.losses.csv" "{output.folder}/${{network}}_$kind/$name.csv"
                done
                cp "$(ls "$base"_samples/*.png | tail -n 1)" "{output.folder}/samples/${{network}}_$name.png"
            done
        ) 2>&1 | tee {log}
        """


rule tables_1_and_2:
    input:
        expand("results/{table}.csv", table=ABLATIONS),
        "results/ablations/checkpoints.csv",


rule tables_3_and_4:
    input:
        expand("results/{table}.csv", table=COMPARISONS),
        "results/plots",
        "results/training_plots",
