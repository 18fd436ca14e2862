"""What the page with everything is told."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from dg.backends import KEPT, stand_ins
from dg.params import IdsgWeights, Params, RfgWeights
from dg.steps.settings import Settings
from dg.steps.tables import Titles, idsg_kept, pictures_seen, started_bundled, titles
from dg.study.rows import method_titles, methods_of, rivals_of, trained_rivals
from dg.study.variants import with_overrides
from dg.tests import COMPARED


class ReportSettings(Settings):
    """The values of the page."""

    MODULES = ("dg.reports.page",)

    params: dict[str, Any] = Field(description="values of params.yaml that it shows, keys dotted")
    benchmarks: dict[str, str] = Field(description="benchmark: data set")
    kinds: dict[str, str] = Field(description="data set: its kind")
    titles: Titles
    tests: tuple[tuple[str, tuple[str, ...]], ...] = Field(description="(test, its methods), in the tables' order")
    rivals: tuple[tuple[str, str], ...] = Field(description="(test, method that DG is measured against)")
    networks: dict[str, str] = Field(description="role: network of others")
    seeds: int = Field(gt=0, description="trainings behind a row of Tables 3 and 4")
    stand_ins: tuple[str, ...] = Field(description="what isn't the paper's, in sentences")
    template: str = Field(default="", description="digest of the page's template, as Snakemake gives it")


def report_settings(p: Params) -> ReportSettings:
    """Of the page."""
    networks = networks_of_others(p)
    benchmarks = p.benchmarks.model_dump()
    return ReportSettings(
        params=_shown(with_overrides(p, "dg")),
        benchmarks=benchmarks,
        kinds={dataset: p.datasets[dataset].kind for dataset in benchmarks.values()},
        titles=titles(p, COMPARED),
        tests=tuple((test, tuple(methods_of(p, test))) for test in COMPARED),
        rivals=tuple((test, method) for test in COMPARED for method in rivals_of(p, test)),
        networks=networks,
        seeds=p.sizes.tables.comparison_seeds,
        stand_ins=tuple(stand_ins_of(p, networks)),
    )


def _shown(p: Params) -> dict[str, Any]:
    weights = [*IdsgWeights.model_fields, *RfgWeights.model_fields]
    plain = p.model_dump(mode="json", include={"scale", "preset", "seed", "training_seed", "train_on", *weights})
    for block in ("idsg", "rfg", "training"):
        values = getattr(p, block).model_dump(mode="json")
        plain |= {f"{block}.{key}": value for key, value in values.items()}
    for block in ("idsg", "rfg", "fine_tune", "protocols"):
        sizes = getattr(p.sizes, block).model_dump(mode="json")
        plain |= {f"scales.{p.scale}.{block}.{key}": value for key, value in sizes.items()}
    return plain


def networks_of_others(p: Params) -> dict[str, str]:
    """Role -> network: F_l, E_f, and those that measure CSIM and FID."""
    return {
        "landmarks": p.landmarks.backend, "identity": p.identity.backend, "csim": p.metrics.csim, "fid": p.metrics.fid,
    }  # fmt: skip


def stand_ins_of(p: Params, networks: dict[str, str]) -> list[str]:
    """What isn't the paper's, in sentences. `networks`: see `networks_of_others`."""
    phrases = [
        f"data: SynthFace ({dataset}), people who don't exist, instead of {benchmark}"
        for benchmark, dataset in p.benchmarks.model_dump().items()
        if p.datasets[dataset].kind == "synthface"
    ]
    phrases += stand_ins(networks)
    if p.scale != "paper":
        phrases.append(f"sizes and iterations of scale '{p.scale}'")
    bundled = [name.upper() for name in started_bundled(p)]
    if bundled:
        phrases.append(f"{' and '.join(bundled)} started from bundled weights")
        phrases += unequal_starts(p)
    if idsg_kept(p):
        phrases.append(KEPT)
    return phrases


def unequal_starts(p: Params) -> list[str]:
    """A sentence for each trained rival that starts from fewer pictures than DG's RFG."""
    ours, _ = pictures_seen(p, "dg")
    phrases = []
    for name in trained_rivals(p):
        start, _ = pictures_seen(p, name) or (ours, 0)
        if start < ours:
            its = f"from weights trained on {start:,} pictures" if start else "from random weights"
            phrases.append(f"no equal start: {method_titles(p)[name]} {its}, DG's RFG from ones trained on {ours:,}")
    return phrases
