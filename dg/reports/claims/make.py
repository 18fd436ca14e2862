"""Gathers the findings and writes them."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pandas as pd

from dg.files import write_csv, write_text
from dg.reports.claims.drawing import draw_leads
from dg.reports.claims.finding import Finding, verdict_of
from dg.reports.claims.landmarks import held_in_large_pose, nearer_than_the_references
from dg.reports.claims.losses import losses
from dg.reports.claims.poses import with_large_poses
from dg.reports.claims.rivals import against_rivals
from dg.reports.claims.table import shaped
from dg.reports.claims.text import as_markdown
from dg.steps.claims import ClaimsSettings
from dg.study.claims import CLAIMS


def make_claims(settings: ClaimsSettings, results: Path, out: Path) -> None:
    """Write the claims `out` (CSV), beside it the same for reading (.md) and DG's lead over yaw as a picture (.png).

    A row per claim (`kind` "claim": words, verdict), per finding that decides it ("finding") and per detail ("detail"):
    what is compared, on which test, by what measure and judge; `value` with its 95 % interval `low`, `high` over people
    and training seeds; `wanted`, the paper's sign as 1 or -1; `sign`, "paper's" or "opposite"; `verdict` by RULE;
    `won`, the share of pairs on the paper's side.

    Args:
        results: the folder of a finished run.

    Raises:
        DgError: a table or a summary is missing, or methods were measured on different pairs.
    """
    found = list(
        chain(
            losses(results),
            nearer_than_the_references(settings, results),
            held_in_large_pose(settings, results),
            against_rivals(settings, results),
            with_large_poses(settings, results),
        )
    )
    by_claim = {number: [finding for finding in found if finding.claim == number] for number in CLAIMS}
    rows = []
    for number, claim in CLAIMS.items():
        rows.append({"claim": number, "kind": "claim", "what": claim.words, "verdict": verdict_of(by_claim[number])})
        rows += [as_row(settings, finding) for finding in by_claim[number]]
    shared = {"scale": settings.scale, "stand_in": "; ".join(settings.stand_ins)}
    frame = shaped(pd.DataFrame(rows).assign(**shared))
    write_csv(out, frame.round(dict.fromkeys(("value", "low", "high", "won"), 6)))
    write_text(Path(out).with_suffix(".md"), as_markdown(frame))
    draw_leads(settings, by_claim[4], Path(out).with_suffix(".png"))


def as_row(settings: ClaimsSettings, finding: Finding) -> dict[str, object]:
    """What the table says of a finding."""
    measured = finding.difference
    return {
        "claim": finding.claim,
        "kind": "finding" if finding.decides else "detail",
        "what": finding.what,
        "test": finding.test,
        "data_set": settings.data_sets[finding.test],
        "measure": finding.measure,
        "metric": finding.metric,
        "judge": finding.judge,
        "yaw": finding.yaw,
        "value": measured.value,
        "low": measured.low,
        "high": measured.high,
        "wanted": finding.wanted,
        "sign": finding.sign,
        "verdict": finding.verdict,
        "won": finding.won,
        "seeds": measured.seeds,
        "pairs": measured.pairs,
        "subjects": measured.people,
    }
