# Pictures in, landmarks, IDSG, RFG, protocols, metrics, tables: every rule runs one step of `python -m dg`.
#     snakemake --cores 8 results/table4.csv        what would run, and why: add -n
from snakemake.utils import min_version

min_version("9.0")


configfile: "params.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/records.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/landmarks.smk"
include: "workflow/rules/trainings.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/bundled.smk"


refuse_untrustworthy_state()


rule all:
    default_target: True
    input:
        expand("results/{table}.csv", table=TABLES),
        "results/claims.csv",
        rules.figure_6_models.input,
        "results/ablations/checkpoints.csv",
        "results/methods/models.csv",
        "results/plots",
        "results/training_plots",
        expand("results/figures/{figure}.png", figure=FIGURES),
        expand("results/figures/dg_{test}.png", test=COMPARED),
        LEAD_SHEETS,
        "results/report.html",


onstart:
    look_at_gpus()
    begin_run()


onsuccess:
    end_run()
    require_same_values()


onerror:
    end_run()
