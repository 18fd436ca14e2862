# A rule for each training, and a target for those that Tables 3 and 4 test: dg/networks.py holds the records.
def training_data(wildcards):
    return [
        path
        for name in training_sets(PARAMS, wildcards.model)
        for path in prepared(name)
    ]


def folders(wildcards):
    return [f"data/sets/{name}" for name in training_sets(PARAMS, wildcards.model)]


def training_threads(wildcards):
    """All cores for one training; Table 2's many go side by side instead, which wastes less on small batches."""
    if not wildcards.ablations:
        return 64
    variants = sum(map(len, variants_by_row(PARAMS, "table2").values()))
    cores = workflow.cores or 1
    return max(1, cores // min(variants, cores))


def to_make(training, wildcards):
    """The checkpoint that a job of the training's rule makes."""
    place = f"results/{wildcards.ablations}{training.rule}/{wildcards.values}"
    return CHECKPOINTS.at(f"{place}/{wildcards.model}.safetensors")


# What a rule is told by functions of its record. A closure each: in the loop below `training` goes on.


def checkpoints_before(training):
    return lambda wildcards: {
        option: made.path for option, made in to_make(training, wildcards).needs.items()
    }


def options_for_those_before(training):
    return lambda wildcards, input: " ".join(
        f"--{option} {input[option]}" for option in training.needs
    )


def values_of(training):
    return lambda wildcards: job(
        training.step, to_make(training, wildcards).variant, **training.which
    )


def main_checkpoints(training):
    """The checkpoints of a training that belong to Tables 3 and 4, of every training seed."""
    return [
        CHECKPOINTS.of(training, model, variant).path
        for variant in main_variants(PARAMS)
        for model in models_of(PARAMS, variant)
    ]


for training in TRAININGS.values():

    rule:
        name:
            training.rule
        input:
            unpack(checkpoints_before(training)),
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
            before=options_for_those_before(training),
        shell:
            # No f-string: Snakemake fills it in when the job runs, and by then `training` is the last one.
            "python -m dg {params.step} --settings {params.job:q} --data {params.data} {params.before}"
            " --out {output.net} --threads {threads} --gpus {resources.gpu} 2>&1 | tee {log}"

    rule:
        name:
            f"{training.rule}_models"
        input:
            main_checkpoints(training),
