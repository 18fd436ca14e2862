"""What the steps that draw the figures are told."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dg.params import Params
from dg.steps.settings import Settings
from dg.steps.tables import pictures_seen
from dg.study.data import standing_in
from dg.study.figures import FIGURES
from dg.study.rows import figure_rows, method_titles, trained_rivals


class FigureSettings(Settings):
    """The values of one test's picture, from the best pair to the worst."""

    MODULES = ("dg.reports.figures",)

    test: str
    note: str = Field(description="a further line")


class PaperFigureSettings(Settings):
    """The values of one of the paper's figures."""

    MODULES = ("dg.reports.paper_figures",)

    figure: str
    test: str
    choice: Literal["turned", "spread"]
    labels: tuple[str, ...] = Field(description="of the rows of results, in order")
    landmarks: bool = Field(description="whether l_r and lhat_t are drawn")
    note: str = Field(description="a further line")


class LeadSheetSettings(Settings):
    """The values of the picture of DG beside another method on one test."""

    MODULES = ("dg.reports.lead_sheets",)

    test: str
    title: str = Field(description="what the tables call the method")
    note: str = Field(description="a further line")


def lead_sheet_settings(p: Params, test: str, method: str) -> LeadSheetSettings:
    """Of DG beside `method` on `test`."""
    return LeadSheetSettings(test=test, title=method_titles(p)[method], note=_stands_in(p, test))


def figure_settings(p: Params, test: str) -> FigureSettings:
    """On `test`, a key of TESTS."""
    return FigureSettings(test=test, note=_stands_in(p, test))


def paper_figure_settings(p: Params, figure: str) -> PaperFigureSettings:
    """Of `figure`, a key of FIGURES."""
    record = FIGURES[figure]
    return PaperFigureSettings(
        figure=figure,
        test=record.test,
        choice=record.choice,
        labels=tuple(label for label, _, _ in figure_rows(p, figure)),
        landmarks=record.landmarks,
        note=f"{_stands_in(p, record.test)}{_shared_start(p, figure)}".strip(),
    )


def _shared_start(p: Params, figure: str) -> str:
    """A sentence on starts that have seen what Figure 6 trains with and without; "" if there are none."""
    if FIGURES[figure].rows != "variants" or p.sizes.rfg.init != "bundled":
        return ""
    others = [method for method in trained_rivals(p) if (seen := pictures_seen(p, method)) and seen[0]]
    names = ["RFGs", *(method_titles(p)[method] for method in others)]
    return f" {' and '.join(names)} start from bundled weights that saw large poses."


def _stands_in(p: Params, test: str) -> str:
    """A sentence on those of a test's benchmarks that SynthFace stands in for; "" if it does for none."""
    names = standing_in(p, test)
    return f"SynthFace stands in for {' and '.join(names)}." if names else ""
