"""DG's lead over each rival against the reference's yaw, as a picture."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from dg.files import replacing
from dg.metrics.metric import metric
from dg.reports.claims.finding import Finding
from dg.steps.claims import ClaimsSettings
from dg.tests import TESTS


def draw_leads(settings: ClaimsSettings, findings: list[Finding], out: Path) -> None:
    """Write the PNG `out`: a drawing per rival and metric with bins of yaw, a line per test with its 95 % interval;
    above zero DG is better.

    Args:
        findings: of claim 4.
    """
    binned = [finding for finding in findings if finding.yaw]
    panels = list(dict.fromkeys((finding.what, finding.metric) for finding in binned))
    figure = Figure(figsize=(4.6 * max(1, len(panels)), 3.6), dpi=130, layout="constrained")
    figure.suptitle("DG's lead by yaw" + (", on stand-ins" if settings.stand_ins else ""))
    if not panels:
        figure.text(0.5, 0.45, "params.yaml has no method that DG is measured against", ha="center")
    for place, panel in enumerate(panels, 1):
        axes = figure.add_subplot(1, len(panels), place)
        shown = [finding for finding in binned if (finding.what, finding.metric) == panel]
        for number, test in enumerate(dict.fromkeys(finding.test for finding in shown)):
            line = [finding for finding in shown if finding.test == test]
            middles = [sum(map(float, finding.yaw.split(" to "))) / 2 + number - 1 for finding in line]
            values, lows, highs = (
                [getattr(finding.difference, end) * finding.wanted for finding in line]
                for end in ("value", "low", "high")
            )
            below, above = ([abs(value - bound) for value, bound in zip(values, bounds)] for bounds in (lows, highs))
            look = {"marker": "o", "markersize": 4, "capsize": 3, "color": f"C{list(TESTS).index(test)}"}
            axes.errorbar(middles, values, [below, above], label=TESTS[test].title, **look)
        axes.axhline(0, color="black", linewidth=0.8)
        axes.set(xlabel="|yaw| of the reference (degrees)", ylabel=f"{metric(panel[1]).title}, {panel[0]}")
        axes.set(xlim=(0, 90), xticks=range(0, 91, 15))
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8, frameon=False)
    with replacing(out) as file:
        figure.savefig(file, format="png", metadata={"Software": None})
