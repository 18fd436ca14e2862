# A rule for each training, and a target for those that Tables 3 and 4 test: dg/networks.py holds the records of DG's
# networks, dg/study/trainings.py makes those of the methods that are trained.
for training in TRAININGS.values():

    rule:
        name:
            training.rule
        input:
            unpack(before(training)),
            data=training_data(training),
        output:
            net=(
                checkpoint_pattern(training)
                if training.suffix
                else directory(checkpoint_pattern(training))
            ),
        log:
            f"logs/{{ablations}}{training.rule}/{{values}}/{{model}}.log",
        benchmark:
            f"logs/times/{checkpoint_pattern(training)}.jsonl"
        priority: LONGEST_WAY
        conda:
            "../envs/dg.yaml"
        threads: training_threads if training.pictures else 1
        resources:
            gpu=TRAINING_GPUS,
        params:
            step=training.step,
            job=values_of(training),
            data=folders,
            before=options(training),
        shell:
            # No f-string: Snakemake fills it in when the job runs, and by then `training` is the last one.
            "python -m dg {params.step} --settings {params.job:q} --data {params.data} {params.before}"
            " --out {output.net} --threads {threads} --gpus {resources.gpu} 2>&1 | tee {log}"

    rule:
        name:
            f"{training.rule}_models"
        input:
            main_checkpoints(training),


# The models of all methods that are trained; none as shipped. Their index is there in any case, so that one DVC stage
# records them, whatever params.yaml calls them.
rule method_models:
    input:
        [
            path
            for training in TRAININGS.values()
            if training.step == "train_method"
            for path in main_checkpoints(training)
        ],
    output:
        index="results/methods/models.csv",
    log:
        "logs/method_models.log",
    benchmark:
        "logs/times/results/methods/models.csv.jsonl"
    params:
        # A function: commands hold {data} and the like, which Snakemake would take for its wildcards.
        index=lambda wildcards: json.dumps(index_of_methods(PARAMS, CHECKPOINTS)),
    run:
        write_models(json.loads(params.index), Path(output.index), Path(log[0]))
