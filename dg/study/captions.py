"""The captions of Snakemake's own report."""

from __future__ import annotations

from dg.params import Params
from dg.study.claims import RULE
from dg.study.data import standing_in
from dg.study.figures import FIGURES
from dg.study.tables import TABLES
from dg.tests import COMPARED, TESTS

_SYNTHETIC = "All results are synthetic."


def captions(params: Params) -> dict[str, str]:
    """A paragraph for each table, figure and test of Tables 3 and 4, and for the claims, by key."""
    tables = {
        t.key: f"Table {t.number}: {t.about}. Stand-ins are named in the column stand_in." for t in TABLES.values()
    }
    figures = {
        f.key: f"Figure {f.number}: {f.about}. {TESTS[f.test].title}. {_SYNTHETIC}{_stand_ins(params, f.test)}"
        for f in FIGURES.values()
    }
    ranges = {
        test: f"DG on {TESTS[test].title}, pairs at equal distances from the best to the worst. {_SYNTHETIC}"
        + _stand_ins(params, test)
        for test in COMPARED
    }
    leads = "The pairs on which DG trails the method most, then those on which it leads most."
    return (
        tables
        | figures
        | ranges
        | {"claims": f"The paper's claims, by what was measured here. {RULE}", "leads": f"{leads} {_SYNTHETIC}"}
    )


def _stand_ins(params: Params, test: str) -> str:
    return "".join(
        f" Stand-in: SynthFace ({dataset}), people who don't exist, instead of {name}."
        for name, dataset in standing_in(params, test).items()
    )
