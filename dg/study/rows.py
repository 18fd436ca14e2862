"""The rows of tables and figures: methods and variants."""

from __future__ import annotations

from dg.params import Params
from dg.study.figures import FIGURES
from dg.study.variants import variants_by_row
from dg.tests import TESTS


def methods_of(params: Params, test: str) -> list[str]:
    """The methods that take part in a test: "dg" and those of params.yaml; in Figure 6's, those that are trained."""
    if not TESTS[test].table:
        return ["dg", *trained_rivals(params)]
    return ["dg", *(name for name, method in params.methods.items() if test in method.tests)]


def rivals_of(params: Params, test: str) -> list[str]:
    """Those of them that DG is measured against: no floor, no ceiling, no part of DG; the same that figures show."""
    return [name for name in methods_of(params, test) if name != "dg" and params.methods[name].figures]


def method_titles(params: Params) -> dict[str, str]:
    """What the tables call each method."""
    return {"dg": "DG"} | {name: method.title for name, method in params.methods.items()}


def trained_rivals(params: Params) -> list[str]:
    """Methods that are trained here and shown beside DG, so that what they learn from can be changed as DG's is."""
    return [name for name, method in params.methods.items() if method.train and method.tests and method.figures]


def figure_rows(params: Params, figure: str) -> list[tuple[str, str, str]]:
    """The rows of results in a figure: (label, variant, method)."""
    record = FIGURES[figure]
    if record.rows == "variants":
        rows, titles = variants_by_row(params, figure), method_titles(params)
        return [
            (f"{titles[method]} trained\n{row.replace('_', ' ')}", names[0], method)
            for method in methods_of(params, record.test)
            for row, names in rows.items()
        ]
    others = methods_of(params, record.test)[1:]
    shown = [
        name for name in others if (name == "rfg_alone" if record.rows == "alone" else params.methods[name].figures)
    ]
    return [(method_titles(params)[name].replace(" without", "\nwithout"), "dg", name) for name in [*shown, "dg"]]
