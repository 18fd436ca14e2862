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


# The RFG's pictures, few of each of many people, as one file that also travels to a borrowed GPU.
rule faces:
    input:
        head=rules.head.output,
    output:
        bundle="data/pretraining/faces.safetensors",
    log:
        "logs/pretraining/faces.log",
    conda:
        "../envs/dg.yaml"
    threads: 64
    shell:
        "python -m dg.pretraining.faces bundle {output.bundle} --head {input.head} --workers {threads} 2>&1 | tee {log}"


rule pretrain_rfg:
    input:
        bundle=rules.faces.output.bundle,
    output:
        weights="data/pretraining/weights/rfg-synthface.safetensors",
    log:
        "logs/pretraining/rfg-synthface.log",
    conda:
        "../envs/dg.yaml"
    threads: 64
    params:
        state=lambda wildcards, input: str(Path(input.bundle).with_suffix("")),
    shell:
        "(python -m dg.pretraining.faces train {input.bundle} {params.state} --threads {threads}"
        " && python -m dg.pretraining.faces pack {input.bundle} {params.state}/state.safetensors {output.weights})"
        " 2>&1 | tee {log}"
