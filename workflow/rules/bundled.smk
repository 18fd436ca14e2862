# Makes the networks of dg/weights again, in data/pretraining; dg/weights/README.md says how to take them over.
# snakemake --cores all bundled_weights


rule bundled_weights:
    input:
        expand(
            "data/pretraining/weights/{name}.safetensors",
            name=[
                "visibility-synthface",
                "fan-synthface",
                "synthface-id",
                "rfg-synthface",
            ],
        ),
        "data/pretraining/face_model.csv",


rule people:
    input:
        head=rules.head.output,
    output:
        index="data/pretraining/people/index.parquet",
    log:
        "logs/pretraining/people.log",
    conda:
        "../envs/dg.yaml"
    threads: 64
    shell:
        "python -m dg.pretraining pictures {input.head} data/pretraining/people --threads {threads} 2>&1 | tee {log}"


rule face_model:
    input:
        index=rules.people.output.index,
    output:
        table="data/pretraining/face_model.csv",
    log:
        "logs/pretraining/face_model.log",
    conda:
        "../envs/dg.yaml"
    shell:
        "python -m dg.pretraining face-model data/pretraining/people {output.table} 2>&1 | tee {log}"


rule pretrain:
    input:
        index=rules.people.output.index,
    output:
        weights="data/pretraining/weights/{name}.safetensors",
    log:
        "logs/pretraining/{name}.log",
    wildcard_constraints:
        name="visibility-synthface|fan-synthface|synthface-id",
    conda:
        "../envs/dg.yaml"
    threads: 64
    shell:
        "python -m dg.pretraining {wildcards.name} data/pretraining/people {output.weights} --threads {threads}"
        " 2>&1 | tee {log}"


# The same workflow in a folder of its own.
rule pretrain_rfg:
    input:
        config=["params.yaml", "dg/pretraining/rfg.yaml"],
    output:
        weights="data/pretraining/weights/rfg-synthface.safetensors",
    log:
        "logs/pretraining/rfg-synthface.log",
    conda:
        "../envs/dg.yaml"
    threads: 64
    params:
        root=workflow.basedir,
        work="data/pretraining/rfg",
    shell:
        "(PYTHONPATH={params.root:q} snakemake --snakefile {params.root:q}/Snakefile --directory {params.work}"
        " --configfile {input.config}"
        " --cores {threads} -- rfg_self_models"
        " && python -m dg.pretraining rfg-synthface {params.work} {output.weights}) 2>&1 | tee {log}"
