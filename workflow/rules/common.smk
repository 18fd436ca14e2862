# Reads and checks; no rules here.
import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from dvc.config import Config
from snakemake.exceptions import WorkflowError

sys.path.insert(0, workflow.basedir)

# As a module: this file runs among Snakemake's own names, and `Checkpoints` is one of them.
from dg import trained
from dg.digests import RawData, code_digest, content_digest, digest_of, raw_data
from dg.errors import DgError
from dg.identity import READ_LANDMARKS
from dg.networks import OF_DG
from dg.params import validate as validate_params
from dg.ready import check_variants, require_weights
from dg.steps.data import shards_in_use
from dg.steps.registry import step_settings
from dg.study.captions import captions
from dg.study.data import dataset_of, datasets_of
from dg.study.figures import FIGURES
from dg.study.models import (
    datasets_in_use,
    models_of,
    networks_of,
    training_behind,
    training_sets,
    variants_of,
)
from dg.study.rows import figure_rows, methods_of, rivals_of
from dg.study.tables import ABLATIONS, COMPARISONS, TABLES
from dg.study.trainings import trainings
from dg.study.variants import all_variants, main_variants, variants_by_row
from dg.tests import COMPARED, TESTS
from dg.trained_index import (
    index_of_ablations,
    index_of_methods,
    write_index,
    write_models,
)

try:
    PARAMS = validate_params(config, "params.yaml")
    check_variants(PARAMS)
    require_weights(PARAMS)
except DgError as error:
    raise WorkflowError(str(error)) from None

# Snakemake's report hands its captions the configuration alone.
config["captions"] = captions(PARAMS)
# One GPU job at a time where there is a GPU; without one the jobs share the cores.
GPU = int(shutil.which("nvidia-smi") is not None)
TRAINING_GPUS = GPU * PARAMS.training.gpus
DATASETS = datasets_in_use(PARAMS)
TRAININGS = trainings(PARAMS)
# Of data and trainings: no core is to stand still at the end while the last training runs, for want of tests that were
# done before.
LONGEST_WAY = 1
CHECKPOINTS = trained.Checkpoints(PARAMS)
SYNTHETIC = tuple(
    name for name, entry in PARAMS.datasets.items() if entry.kind == "synthface"
)


wildcard_constraints:
    dataset="|".join(PARAMS.datasets),
    test="|".join(TESTS),
    method="|".join(["dg", *PARAMS.methods]),
    variant="|".join(all_variants(PARAMS)),
    values="|".join([*main_variants(PARAMS), "[0-9a-f]{16}"]),
    model="|".join(map(re.escape, CHECKPOINTS.models)),
    recipe="[0-9a-f]{16}",
    shard="[0-9]+",
    ablations="(ablations/)?",
    table="|".join(TABLES),
    figure="|".join(FIGURES),


@cache
def raw(dataset):
    """What the raw pictures are: the recipe of a rendered set, the files' names and sizes of a real one."""
    if dataset in SYNTHETIC:
        return RawData(digest_of(job("synthface", dataset=dataset)), None)
    return raw_data(
        Path("data/raw", dataset), Path("data/sets", dataset, "manifest.json")
    )


@cache
def shard_count(dataset):
    return shards_in_use(PARAMS.datasets[dataset].shards, raw(dataset).files)


# Kept: VoxCeleb2's thousands of shards have one and the same.
@cache
def job(step, variant="dg", **which):
    """The one `params` entry of a rule: the values its step uses and a digest of its code, as JSON.

    One entry, because Snakemake compares params as a set of values without names; a digest, because dates of code
    and raw data say nothing.
    """
    try:
        settings = step_settings(PARAMS, step, variant, **which)
    except DgError as error:
        raise WorkflowError(str(error)) from None
    if step == "report":
        template = Path(workflow.basedir, "dg/reports/page").glob("page.*")
        return settings.job(template=content_digest(sorted(template)))
    if step == "manifest":
        found, shards = raw(which["dataset"]), shard_count(which["dataset"])
        return settings.job(raw=found.digest, raw_files=found.files, shards=shards)
    if step == "frames":
        dataset = which["dataset"]
        return settings.job(raw=raw(dataset).digest, shards=shard_count(dataset))
    return settings.job()


def max_broken(wildcards, threads):
    """How many pictures of a data set may be unusable.

    Snakemake doesn't record params of functions that ask for threads: to raise it reruns nothing that is done.
    """
    return PARAMS.datasets[wildcards.dataset].max_broken


def shards(dataset, *kinds):
    """The shard files of a data set: kinds are frames, landmarks, identity."""
    return [
        f"data/sets/{dataset}/{kind}/{k}.arrow"
        for kind in kinds
        for k in range(shard_count(dataset))
    ]


def training_data(training):
    """Files of the data sets that a training learns from: an input function."""

    def files(wildcards):
        return [
            path
            for name in training_sets(PARAMS, wildcards.model)
            for path in [
                *faces(name),
                *(codes(name) if training.network in OF_DG else []),
            ]
        ]

    return files


def faces(dataset):
    """What all that reads faces needs of a data set."""
    return [
        f"data/sets/{dataset}/manifest.parquet",
        *shards(dataset, "frames", "landmarks"),
    ]


def codes(dataset):
    """Its face codes, which DG's networks alone are fed: another E_f leaves pair lists and other methods alone."""
    return shards(dataset, "identity")


def folders(wildcards):
    return [f"data/sets/{name}" for name in training_sets(PARAMS, wildcards.model)]


def gpu_limit():
    """How many GPUs Snakemake may use; with no limit those of a training, one training at a time."""
    limits = workflow.global_resources
    return limits["gpu"].value if "gpu" in limits else TRAINING_GPUS


def all_cores(gpus):
    """Threads of a job that may take all cores, or its share of them where several such jobs have `gpus` GPUs each."""
    jobs = gpu_limit() // gpus if gpus else 1
    return max(1, min(64, workflow.cores or 64) // max(1, jobs))


def training_threads(wildcards):
    """A training's share of the cores: small batches waste them, so trainings go side by side on fewer each.

    On a GPU those of Tables 3 and 4 go one after the other.
    """
    if wildcards.ablations:
        trainings = sum(map(len, variants_by_row(PARAMS, "table2").values()))
    elif TRAINING_GPUS:
        return all_cores(TRAINING_GPUS)
    else:
        trainings = trainings_at_once()
    cores = workflow.cores or 1
    return max(1, cores // min(trainings, cores))


@cache
def trainings_at_once():
    """How many trainings on pictures, of Tables 3 and 4, don't wait for one another.

    Where the targets are trainings, as in DVC's stages, of those: a stage that is one training has all cores.
    """
    stages = {f"{name}_models": [name] for name in TRAININGS}
    stages["results/methods/models.csv"] = [
        name for name, each in TRAININGS.items() if each.step == "train_method"
    ]
    asked = [
        name
        for target in workflow.dag_settings.targets or [""]
        for name in stages.get(target, TRAININGS)
    ]
    asked = {name: TRAININGS[name] for name in asked if TRAININGS[name].pictures}
    first = [
        each for each in asked.values() if asked.keys().isdisjoint(each.needs.values())
    ]
    return max(1, sum(len(main_checkpoints(each)) for each in first))


def place(variant):
    """Variants of Tables 1 and 2 and Figure 6 lie apart, so that each DVC stage has folders of its own."""
    return "" if variant in main_variants(PARAMS) else "ablations/"


def main_checkpoints(training):
    """The checkpoints of a training that belong to Tables 3 and 4, of every training seed."""
    return [
        CHECKPOINTS.of(training, model, variant).path
        for variant in main_variants(PARAMS)
        for model in models_of(PARAMS, variant)
    ]


# The parts of a training's rule that differ from record to record.


def wanted(training, wildcards):
    """The checkpoint that a job of the training's rule is to make."""
    return CHECKPOINTS.at(
        training.checkpoint(wildcards.values, wildcards.model, wildcards.ablations)
    )


def checkpoint_pattern(training):
    """The checkpoints of a training, with their wildcards."""
    return training.checkpoint("{values}", "{model}", "{ablations}")


def before(training):
    """Input function: the checkpoints that the training takes."""
    return lambda wildcards: {
        option: made.path for option, made in wanted(training, wildcards).needs.items()
    }


def options(training):
    """Params function: the same for its verb."""
    return lambda wildcards, input: " ".join(
        f"--{option} {input[option]}" for option in training.needs
    )


def values_of(training):
    """Params function: the training's values."""
    return lambda wildcards: job(
        training.step, wanted(training, wildcards).variant, **training.which
    )


def test_results(table, end):
    """The results of a table's tests: DG's and those of every method that takes part, of the first training seed."""
    return [
        f"results/evaluate/dg/{test}/{method}.{end}"
        for test in TABLES[table].tests
        for method in methods_of(PARAMS, test)
    ]


def test_summaries(table):
    """The summaries of a table's tests, of every training seed."""
    return [
        f"results/evaluate/{variant}/{test}/{method}.json"
        for test in TABLES[table].tests
        for method in methods_of(PARAMS, test)
        for variant in variants_of(PARAMS, method)
    ]


def ablation_results(wildcards):
    """The summaries of a table, row by row and in each row seed by seed."""
    rows = variants_by_row(PARAMS, wildcards.table).values()
    table = TABLES[wildcards.table]
    made = {
        "ace": "ace/{variant}/{test}.json",
        "evaluate": "evaluate/{variant}/{test}/dg.json",
    }
    return expand(
        f"results/ablations/{made[table.step]}",
        variant=[variant for variants in rows for variant in variants],
        test=table.tests,
    )


def claims_summaries():
    """What the claims rest on beside Tables 1 and 2."""
    told = step_settings(PARAMS, "claims")
    landmarks = expand(
        "ace/{variant}/{test}.json", variant=told.variants, test=told.landmark_tests
    )
    for _, ours, theirs, _ in told.landmark_variants:
        (test,) = TABLES["table1"].tests
        landmarks += expand(
            "ablations/ace/{variant}/{test}.json", variant=ours + theirs, test=test
        )
    tests = [
        f"evaluate/{variant}/{test}/{method}.json"
        for test, rivals in told.rivals
        for method in ("dg", *rivals)
        for variant in told.variants
    ]
    tests += [
        f"ablations/evaluate/{variant}/{FIGURES['figure6'].test}/{method}.json"
        for _, method, ours, theirs in told.pose_variants
        for variant in ours + theirs
    ]
    return [f"results/{path}" for path in dict.fromkeys(landmarks + tests)]


def rendered(wildcards):
    """The recipe of a rendered set, whose name says which pictures lie beside it: no others are ever read.

    Real data is laid there by hand and enters as a digest.
    """
    name = wildcards.dataset
    return [f"data/raw/{name}/recipe-{raw(name).digest}"] if name in SYNTHETIC else []


def pair_list_of(test):
    return f"data/sets/{dataset_of(PARAMS, test)}/pairs/{test}.parquet"


def folders_of(test):
    return [f"data/sets/{name}" for name in datasets_of(PARAMS, test)]


def faces_of(test):
    """The faces of the data sets that a test pairs."""
    return [path for name in datasets_of(PARAMS, test) for path in faces(name)]


def codes_of(test):
    """Their face codes."""
    return [path for name in datasets_of(PARAMS, test) for path in codes(name)]


def pair_list(wildcards):
    return pair_list_of(wildcards.test)


def set_folders(wildcards):
    return folders_of(wildcards.test)


def tested_faces(wildcards):
    return faces_of(wildcards.test)


def tested_checkpoints(wildcards):
    """The checkpoints of the trained networks that a method uses, by the option of its step."""
    return {
        option: CHECKPOINTS.tested(network, wildcards.test, wildcards.variant).path
        for option, network in networks_of(PARAMS, wildcards.method).items()
    }


def figure_results(wildcards):
    """The results files behind one of the paper's figures, row by row."""
    test = FIGURES[wildcards.figure].test
    return [
        f"results/{place(variant)}evaluate/{variant}/{test}/{method}.arrow"
        for _, variant, method in figure_rows(PARAMS, wildcards.figure)
    ]


def look_at_gpus():
    """Before the first job: refuse more GPUs than there are, and say so if torch can use none."""
    if GPU and workflow.local_exec:
        look = ["python", "-m", "dg", "gpus", "--wanted", str(gpu_limit())]
        if subprocess.run(look).returncode:
            raise WorkflowError("More GPUs are asked for than there are; see above.")


def refuse_untrustworthy_state():
    """Stop where Snakemake would answer 'nothing to be done' without knowing (see ARCHITECTURE.md, Snakemake and DVC)."""
    # Snakemake would cut the job's GPUs down to the limit without a word.
    limit = gpu_limit()
    if limit < TRAINING_GPUS:
        raise WorkflowError(
            f"params.yaml: training.gpus is {TRAINING_GPUS}, but Snakemake may use {limit}. Add --resources "
            f"gpu={TRAINING_GPUS} to the command (for DVC: to profiles/default/profile.yaml), or set training.gpus: {limit}."
        )
    # A cluster's profile sets the trainings' GPUs by itself; 0: it has none.
    for step, given in workflow.resource_settings.overwrite_resources.items():
        gpus = int(given["gpu"].value) if "gpu" in given else 0
        if step in TRAININGS and 0 < gpus < PARAMS.training.gpus:
            raise WorkflowError(
                f"params.yaml: training.gpus is {PARAMS.training.gpus}, but set-resources (profiles/slurm/profile.yaml) "
                f"gives {step} gpu: {gpus}. Make them alike."
            )
    if Path("results/table4.csv").exists() and not Path(".snakemake/metadata").exists():
        raise WorkflowError(
            "results/ holds results, but .snakemake/metadata, the records of how they were made, is missing. Bring the "
            "records back (dvc checkout, or dvc pull in a clone) or move results/ away to make it again."
        )
    if not shutil.which("dvc"):
        raise WorkflowError(
            "dvc is not on PATH. Switch the environment on first: . .venv/bin/activate (make setup makes it)."
        )
    kinds = Config(".dvc" if Path(".dvc").is_dir() else None)["cache"].get("type", [])
    if {"hardlink", "symlink"} & set(kinds):
        raise WorkflowError(
            f"DVC's cache.type is '{','.join(kinds)}': Snakemake would write through links into DVC's cache. Run "
            "`dvc config cache.type reflink,copy` and `dvc checkout --relink`."
        )
