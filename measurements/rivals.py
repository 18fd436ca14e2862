"""Claim 4 alone: DG less each method that was trained beside it, from what lies in results/.

    python -m measurements.rivals [--tests RaFD MPIE] [--variants dg] [--picture lead.png]
                                                                        after results/table3.csv and table4.csv

Prints the findings and details of docs/claims.md without Tables 1 and 2 and Figure 6, which claims.csv wants: for a run
in which only DG's start or the other method's was changed, as in docs/results/README.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from dg import params
from dg.reports.claims.drawing import draw_leads
from dg.reports.claims.make import as_row
from dg.reports.claims.rivals import against_rivals
from dg.reports.claims.table import shaped
from dg.reports.claims.text import HEAD, findings
from dg.reports.markdown import grid
from dg.steps.registry import step_settings


def main() -> None:
    """Measure and print."""
    results = Path("results")
    # Of the run that lies here, however many training seeds it had.
    there = sorted({path.parent.parent.name for path in (results / "evaluate").glob("*/*/dg.json")})
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tests", nargs="+", help="default: all")
    parser.add_argument("--variants", nargs="+", default=there, help="training seeds: dg, seed-1, ...")
    parser.add_argument("--picture", type=Path, help="draw DG's lead by yaw")
    arguments = parser.parse_args()
    settings = step_settings(params.load(), "claims")
    rivals = tuple(one for one in settings.rivals if one[0] in (arguments.tests or dict(settings.rivals)))
    settings = settings.model_copy(update={"variants": tuple(arguments.variants), "rivals": rivals})
    found = list(against_rivals(settings, results))
    if arguments.picture:
        draw_leads(settings, found, arguments.picture)
    frame = shaped(pd.DataFrame([as_row(settings, finding) for finding in found]))
    for kind in ("finding", "detail"):
        print(f"## {kind.capitalize()}s\n\n{grid(HEAD, findings(frame, 4, kind))}\n")


if __name__ == "__main__":
    main()
