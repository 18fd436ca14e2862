"""What the steps that write tables and their curves are told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from dg.networks import NETWORKS
from dg.params import Params
from dg.steps.generate import bundled_name, train_method_settings
from dg.steps.idsg import idsg_settings
from dg.steps.rfg import pictures_in_training
from dg.steps.settings import Settings
from dg.study.data import dataset_of
from dg.study.models import networks_of
from dg.study.rows import method_titles, methods_of
from dg.study.tables import TABLES
from dg.study.variants import variants_by_row, with_overrides
from dg.tests import COMPARED, TESTS
from dg.weights import bundled_card

Titles = tuple[tuple[str, str], ...]
"""(method, what the tables call it), in the tables' order: pairs, as the order must outlive JSON with sorted keys."""


class AblationSettings(Settings):
    """The values of Table 1 or 2."""

    MODULES = ("dg.reports.ablation",)

    table: str
    rows: tuple[tuple[str, dict[str, Any]], ...] = Field(description="(row, what it changes), in order")
    seeds: int = Field(gt=0, description="trainings per row")
    data_set: str
    kind: str = Field(description="of the data set")
    scale: str
    landmarks: str = Field(description="F_l's back end")
    identity: str = Field(description="E_f's")
    bundled: dict[str, tuple[str, ...]] = Field(description="row: its networks that start from bundled weights")
    kept: tuple[str, ...] = Field(description="rows whose IDSG lambda_keep holds to its start")
    bootstrap: int = Field(ge=100, description="resamples")
    seed: int = Field(ge=0, description="of the bootstrap")


class ComparisonSettings(Settings):
    """The values of Table 3 or 4."""

    MODULES = ("dg.reports.comparison",)

    table: str
    benchmarks: dict[str, str] = Field(description="benchmark: data set")
    kinds: dict[str, str] = Field(description="benchmark: kind of its data set")
    titles: Titles
    networks: dict[str, tuple[str, ...]] = Field(description="method: which of DG's it uses")
    scale: str
    landmarks: str = Field(description="F_l's back end")
    identity: str = Field(description="E_f's")
    bundled: tuple[str, ...] = Field(description="networks that start from bundled weights")
    kept: bool = Field(description="whether lambda_keep holds the IDSG to its start")
    pictures: dict[str, tuple[int, int]] = Field(
        description="method: pictures that its bundled start had made in training, 0 without one, and those here, of "
        "methods that paint by the RFG or are trained on as many"
    )


class CurvesSettings(Settings):
    """The values of the curves for dvc plots."""

    MODULES = ("dg.reports.curves",)

    titles: Titles


def started_bundled(p: Params) -> tuple[str, ...]:
    """Those of "idsg" and "rfg" that start from bundled weights."""
    return tuple(name for name in ("idsg", "rfg") if getattr(p.sizes, name).init == "bundled")


def idsg_kept(p: Params) -> bool:
    """Whether lambda_keep holds the IDSG to its start."""
    return idsg_settings(p, "self").kept is not None


def titles(p: Params, tests: Iterable[str]) -> Titles:
    """Of the methods that take part in one of the tests."""
    shown = {method for test in tests for method in methods_of(p, test)}
    return tuple((method, title) for method, title in method_titles(p).items() if method in shown)


def ablation_settings(p: Params, table: str) -> AblationSettings:
    """Of "table1" or "table2"."""
    (test,) = TABLES[table].tests
    dataset = dataset_of(p, test)
    # The table's start may differ from Table 4's, and a row of one's own may change it.
    values = {row: with_overrides(p, f"{table}-{row}-0") for row in variants_by_row(p, table)}
    networks = ("idsg", "rfg") if TABLES[table].network == "rfg" else ("idsg",)
    return AblationSettings(
        table=table,
        rows=tuple((row, getattr(p.ablations, table).get(row, {})) for row in variants_by_row(p, table)),
        seeds=p.sizes.tables.seeds,
        data_set=dataset,
        kind=p.datasets[dataset].kind,
        scale=p.scale,
        landmarks=p.landmarks.backend,
        identity=p.identity.backend,
        bundled={row: tuple(n for n in started_bundled(own) if n in networks) for row, own in values.items()},
        kept=tuple(row for row, own in values.items() if idsg_kept(own)),
        bootstrap=p.metrics.bootstrap,
        seed=p.seed,
    )


def comparison_settings(p: Params, table: str) -> ComparisonSettings:
    """Of "table3" or "table4"."""
    tests = TABLES[table].tests
    benchmarks = {TESTS[test].sources: dataset_of(p, test) for test in tests}
    shown = titles(p, tests)
    return ComparisonSettings(
        table=table,
        benchmarks=benchmarks,
        kinds={benchmark: p.datasets[dataset].kind for benchmark, dataset in benchmarks.items()},
        titles=shown,
        networks={method: tuple(n for n in networks_of(p, method) if n in NETWORKS) for method, _ in shown},
        scale=p.scale,
        landmarks=p.landmarks.backend,
        identity=p.identity.backend,
        bundled=started_bundled(p),
        kept=idsg_kept(p),
        pictures={method: seen for method, _ in shown if (seen := pictures_seen(p, method)) is not None},
    )


def pictures_seen(p: Params, method: str) -> tuple[int, int] | None:
    """Pictures that `method` has made in training, before in its bundled start and here; None: nobody knows."""
    used = networks_of(p, method)
    if "rfg" in used:
        start = "rfg-synthface" if p.sizes.rfg.init == "bundled" else None
    elif "model" in used and (training := train_method_settings(p, method)).pictures and not training.weights:
        start = bundled_name(method) if training.bundled else None
    else:
        return None
    return bundled_card(start)["pictures"] if start else 0, pictures_in_training(p)


def curves_settings(p: Params) -> CurvesSettings:
    """Of all tests."""
    return CurvesSettings(titles=titles(p, COMPARED))
