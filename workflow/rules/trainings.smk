# A rule for each training, and a target for those that Tables 3 and 4 test: dg/networks.py holds the records.
for training in TRAININGS.values():

    rule:
        name:
            training.rule
        input:
            unpack(before(training)),
            data=training_data,
        output:
            net=f"results/{{ablations}}{training.rule}/{{values}}/{{model}}.safetensors",
        log:
            f"logs/{{ablations}}{training.rule}/{{values}}/{{model}}.log",
        benchmark:
            f"logs/times/results/{{ablations}}{training.rule}/{{values}}/{{model}}.safetensors.jsonl"
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
