"""What is made from what, as the paper's pipeline means it: written by hand beside the rules, to hold them to it.

A *place* is one job of a rule, or several that are alike: (rule, what it works on). That is a data set for the steps of
the data, a test for pair lists, a row for trainings ("dg", or "table2.bl" with all its seeds), test and method for the
pictures and scores of Tables 3 and 4 ("RaFD/dg", or "RaFD/dg/seed-1" of a further seed), a row for those of the
ablations ("figure6.mine:fom" of a method beside DG), a table or figure, or "".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from snakemake.jobs import Job

from dg.params import Params
from dg.study.data import dataset_of
from dg.study.models import model_of, models_of
from dg.study.trainings import trainings
from dg.study.variants import all_variants
from dg.trained import Checkpoints

Place = tuple[str, str]

SETS = {
    "VoxCeleb1": ("VoxCeleb1",), "VoxCeleb2": ("VoxCeleb2",), "RaFD": ("RaFD",), "MPIE": ("MPIE",),
    "MPIE_LP": ("MPIE",), "Extreme": ("VoxCeleb1", "MPIE"),
}  # fmt: skip
"""The benchmarks that a test pairs pictures of."""
TABLES = {"table3": ("VoxCeleb1",), "table4": ("VoxCeleb2", "RaFD", "MPIE", "MPIE_LP")}
TEST_OF_ROW = {"table1": "RaFD", "claims": "RaFD", "table2": "RaFD", "figure6": "Extreme"}
LANDMARKS_ALONE = ("table1", "claims")
"""Rows that are tested on landmarks, without an RFG."""
FACES = ("manifest", "frames", "landmarks")
"""What every reader of faces needs; face codes go to the networks alone."""
TRAININGS = ("idsg_self", "idsg_cross", "rfg_self", "rfg_cross")
FIGURES = {"figure2": "MPIE_LP", "figure3": "VoxCeleb1", "figure4": "RaFD", "figure5": "MPIE_LP"}


def places(jobs: Iterable[Job], params: Params) -> set[Place]:
    """The places of Snakemake's jobs."""
    rows = _rows_by_checkpoint(params)
    return {place for job in jobs for place in _places_of(job, rows)}


def _rows_by_checkpoint(params: Params) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    checkpoints = Checkpoints(params)
    for variant in all_variants(params):
        row = _row(variant)
        tested = TEST_OF_ROW.get(row.split(".")[0])
        models = [model_of(params, dataset_of(params, tested), variant)] if tested else models_of(params, variant)
        for training in trainings(params).values():
            if not (row.startswith(LANDMARKS_ALONE) and training.network == "rfg"):
                for model in models:
                    found.setdefault(checkpoints.of(training, model, variant).path, set()).add(row)
    return found


def _row(variant: str) -> str:
    """Of "table2-bl-0" "table2.bl"; "dg" and "seed-1" are rows themselves, and so are further seeds of Figure 6's rows
    ("figure6.mine+1"), as it shows the first one alone."""
    table, _, rest = variant.partition("-")
    row, _, seed = rest.rpartition("-")
    return variant if table in ("dg", "seed") else f"{table}.{row}" + f"+{seed}" * (table == "figure6" and seed != "0")


def _places_of(job: Job, rows: dict[str, set[str]]) -> list[Place]:
    rule, told = job.rule.name, job.wildcards_dict
    if rule in ("all", "figure_6_models"):
        return []
    if rule in TRAININGS or rule.startswith("train_"):
        return [(rule, row) for row in rows[str(job.output[0])]]
    if rule in ("synthface", "identity", *FACES):
        return [(rule, told["dataset"])]
    if rule in ("generate", "evaluate"):
        row, of_test = _row(told["variant"]), f"{told['test']}/{told['method']}"
        of_row = row if told["method"] == "dg" else f"{row}:{told['method']}"
        return [(rule, {"dg": of_test}.get(row, f"{of_test}/{row}" if row.startswith("seed") else of_row))]
    if rule == "ace":
        row, test = _row(told["variant"]), told["test"]
        return [(rule, {"dg": test}.get(row, f"{test}/{row}" if row.startswith("seed") else row))]
    if rule == "lead_sheet":
        return [(rule, f"{told['test']}/{told['method']}")]
    return [(rule, next((told[name] for name in ("test", "table", "figure") if name in told), ""))]


class Flow:
    """The places of a finished pipeline, and what each reads."""

    def __init__(self, params: Params, known: set[Place]) -> None:
        """`known`: all places there are."""
        self._sets = params.benchmarks.model_dump()
        self._methods, self._known = params.methods, known
        self._self_only = params.rfg.cross_phase == "skip"

    def after(self, starts: set[Place]) -> set[Place]:
        """`starts` and every place that reads one of them, or of what is made from them."""
        found, before = set(starts), set()
        while found != before:
            before = set(found)
            found |= {place for place in self._known if before.intersection(self._read_by(*place))}
        return found

    def _of(self, rule: str, end: str = "") -> list[Place]:
        """The places of a rule whose work is called something that begins with `end`."""
        return [place for place in self._known if place[0] == rule and place[1].startswith(end)]

    def _faces(self, *benchmarks: str, codes: bool = False) -> Iterator[Place]:
        for benchmark in benchmarks:
            yield from ((step, self._sets[benchmark]) for step in (*FACES, *["identity"] * codes))

    def _tested(self, test: str, method: str, row: str = "dg") -> Iterator[Place]:
        """What a method's test reads: its pairs, their pictures, and the networks of its phase."""
        phase = "self" if test == "VoxCeleb1" else "cross"
        yield ("pairs", test)
        yield from self._faces(*SETS[test], codes=method == "dg")
        for network in ("idsg", "rfg") if method == "dg" else self._asked(method):
            training = f"{network}_{'self' if network == 'rfg' and self._self_only else phase}"
            yield (f"train_{method}" if network == "model" else training, row)

    def _asked(self, method: str) -> list[str]:
        return [name for name in ("idsg", "rfg", "model") if f"{{{name}}}" in self._methods[method].command]

    def _read_by(self, rule: str, what: str) -> Iterator[Place]:
        if rule == "synthface":
            yield ("head", "")
        elif rule == "manifest":
            yield ("synthface", what)
        elif rule == "frames":
            yield from [("synthface", what), ("manifest", what)]
        elif rule in ("landmarks", "identity"):
            yield ("frames", what)
            if rule == "identity":
                yield ("landmarks", what)
        elif rule == "pairs":
            yield from self._faces(*SETS[what])
        elif rule in TRAININGS or rule.startswith("train_"):
            yield from self._trained(rule, what)
        elif rule == "generate" and "/" in what:
            yield from self._tested(*what.split("/"))
        elif rule == "ace" and what.split("/")[0] in SETS:
            test, row = [*what.split("/"), "dg"][:2]
            yield from [("pairs", test), *self._faces(*SETS[test], codes=True), ("idsg_cross", row)]
        elif rule == "generate" and ":" in what:
            row, method = what.split(":")
            test = TEST_OF_ROW[row.split(".")[0]]
            yield from [("pairs", test), *self._faces(*SETS[test]), (f"train_{method}", row)]
        elif rule in ("generate", "ace"):
            test = TEST_OF_ROW[what.split(".")[0]]
            yield from [("pairs", test), *self._faces(*SETS[test], codes=True), ("idsg_cross", what)]
            if rule == "generate":
                yield ("rfg_self" if self._self_only else "rfg_cross", what)
        elif rule == "originals":
            yield from [("pairs", what), *self._faces(*SETS[what])]
        elif rule == "evaluate":
            yield ("generate", what)
            if "/" in what:
                yield ("originals", what.split("/")[0])
        else:
            yield from self._shown(rule, what)

    def _trained(self, rule: str, row: str) -> Iterator[Place]:
        # Joint training; the rows of Tables 1 and 2 learn from the set of their test alone, as their model is its own.
        table = row.split(".")[0]
        learns_from = dict.fromkeys(("table1", "claims", "table2"), ("RaFD",))
        learns_from |= {"figure6.without_large_pose": ("VoxCeleb1",)}
        learns_from |= {"figure6.with_large_pose": ("VoxCeleb1", "MPIE")}
        codes = rule in TRAININGS
        yield from self._faces(
            *learns_from.get(row.split("+")[0], learns_from.get(table, tuple(self._sets))), codes=codes
        )
        if rule in ("idsg_cross", "rfg_cross"):
            yield (rule.replace("cross", "self"), row)
        if rule == "rfg_cross":
            yield ("idsg_cross", row)

    def _shown(self, rule: str, what: str) -> Iterator[Place]:
        if rule == "ablation":
            yield from self._of("ace" if what == "table1" else "evaluate", f"{what}.")
        elif rule == "comparison":
            for test in TABLES[what]:
                yield from self._of("evaluate", f"{test}/")
        elif rule == "curves":
            for test in (*TABLES["table3"], *TABLES["table4"]):
                yield from self._of("evaluate", f"{test}/")
        elif rule == "training_plots":
            yield from [(training, "dg") for training in TRAININGS if not (self._self_only and training == "rfg_cross")]
        elif rule == "figure":
            yield ("evaluate", f"{what}/dg")
        elif rule == "paper_figure" and what in FIGURES:
            test = FIGURES[what]
            yield ("generate", f"{test}/dg")
            shown = [name for name, method in self._methods.items() if method.figures]
            for method in ["rfg_alone"] if what == "figure2" else shown:
                yield ("generate", f"{test}/{method}")
        elif rule == "paper_figure":
            yield from [place for place in self._of("generate", f"{what}.") if "+" not in place[1]]
        elif rule == "ablation_checkpoints":
            yield from [*self._of("ablation"), *self._of("evaluate", "figure6.")]
        elif rule == "method_models":
            rivals = [place for place in self._known if place[0].startswith("train_")]
            yield from [place for place in rivals if not place[1].startswith("figure6.")]
        elif rule == "lead_sheet":
            yield from [("evaluate", what), ("evaluate", f"{what.split('/')[0]}/dg")]
        elif rule == "claims":
            yield from [*self._of("ablation"), *self._of("ace"), *self._of("evaluate", "figure6.")]
            for name, method in self._methods.items():
                for test in method.tests if method.figures else ():  # those that DG is measured against
                    yield from [*self._of("evaluate", f"{test}/dg"), ("evaluate", f"{test}/{name}")]
        elif rule == "report":
            yield from [("claims", ""), *self._of("lead_sheet")]
            yield from [place for kept in ("ablation", "comparison", "paper_figure") for place in self._of(kept)]
            yield from [place for place in self._of("evaluate") if "/" in place[1]]
