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
                "idsg-synthface",
                "fom-synthface",
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
        name="visibility-synthface|fan-synthface",
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


# E_f first: the RFG's eq. (12) and the IDSG's face codes are by it.
rule pretrain_identity:
    input:
        bundle=rules.faces.output.bundle,
        head=rules.head.output,
    output:
        weights="data/pretraining/weights/synthface-id.safetensors",
        state="data/pretraining/identity.safetensors",
    log:
        "logs/pretraining/synthface-id.log",
    conda:
        "../envs/dg.yaml"
    threads: 64
    params:
        # No output: Snakemake removes those before it starts a job again, and a killed training goes on from here.
        training="data/pretraining/training/identity",
        shape="data/pretraining/training/shape_code",
    shell:
        "(python -m dg.pretraining.faces identity {input.bundle} {params.training} --threads {threads}"
        " && cp {params.training}/state.safetensors {output.state}"
        " && python -m dg.pretraining.faces shape-code {input.bundle} {params.shape} --head {input.head}"
        " --identity {output.state} --threads {threads}"
        " && python -m dg.pretraining.faces pack-identity {input.bundle} {output.state}"
        " {params.shape}/state.safetensors {output.weights} --head {input.head})"
        " 2>&1 | tee {log}"


rule pretrain_rfg:
    input:
        bundle=rules.faces.output.bundle,
        identity=rules.pretrain_identity.output.state,
    output:
        weights="data/pretraining/weights/rfg-synthface.safetensors",
    log:
        "logs/pretraining/rfg-synthface.log",
    conda:
        "../envs/dg.yaml"
    threads: 64
    params:
        training="data/pretraining/training/rfg",
    shell:
        "(python -m dg.pretraining.faces train {input.bundle} {params.training} --threads {threads}"
        " --identity {input.identity}"
        " && python -m dg.pretraining.faces pack {input.bundle} {params.training}/state.safetensors {output.weights})"
        " 2>&1 | tee {log}"


# Face codes are by the E_f that lies in dg/weights, of the landmarks of the F_l there.
rule pretrain_idsg:
    input:
        networks=[
            "dg/weights/synthface-id.safetensors",
            "dg/weights/fan-synthface.safetensors",
        ],
        bundle=rules.faces.output.bundle,
        head=rules.head.output,
    output:
        weights="data/pretraining/weights/idsg-synthface.safetensors",
    log:
        "logs/pretraining/idsg-synthface.log",
    conda:
        "../envs/dg.yaml"
    threads: 64
    params:
        shapes="data/pretraining/shapes",
        training="data/pretraining/training/idsg",
    shell:
        "(python -m dg.pretraining.faces shapes {input.bundle} {params.shapes} --head {input.head}"
        " && python -m dg.pretraining.faces idsg {params.shapes} {params.training} --threads {threads}"
        " && python -m dg.pretraining.faces pack-idsg {params.shapes} {params.training}/state.safetensors {output.weights})"
        " 2>&1 | tee {log}"


rule pretrain_fom:
    input:
        bundle=rules.faces.output.bundle,
    output:
        weights="data/pretraining/weights/fom-synthface.safetensors",
    log:
        "logs/pretraining/fom-synthface.log",
    conda:
        "../envs/dg.yaml"
    threads: 64
    params:
        training="data/pretraining/training/fom",
    shell:
        "(python -m dg.pretraining.faces fom {input.bundle} {params.training} --threads {threads}"
        " && python -m dg.pretraining.faces pack-fom {input.bundle} {params.training}/state.safetensors {output.weights})"
        " 2>&1 | tee {log}"
