"""The paper's claims, for the top of the page."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from dg.errors import DgError
from dg.reports.claims.table import read_table
from dg.reports.claims.text import CLAIMS_HEAD, HEAD, NOTHING, findings, headings, summary
from dg.study.claims import RULE


def read_claims(results: Path) -> dict[str, Any]:
    """Rule, table of the claims (head, rows), picture (data URI), and each claim's number, words, verdict, what was
    measured, findings and details (head, rows).

    Raises:
        DgError: results/claims.csv or its picture is missing.
    """
    path = results / "claims.csv"
    try:
        frame = read_table(path)
        picture = base64.b64encode(path.with_suffix(".png").read_bytes()).decode()
    except FileNotFoundError as error:
        raise DgError(f"{error.filename}: not found. Run the step that makes it (snakemake -- {path}).") from None
    return {
        "rule": RULE.replace("*", ""),
        "head": CLAIMS_HEAD,
        "rows": summary(frame),
        "picture": f"data:image/png;base64,{picture}",
        "line_head": HEAD,
        "nothing": NOTHING,
        "claims": [
            {
                "number": number, "words": words, "verdict": verdict, "asks": asks,
                "findings": findings(frame, number, "finding"), "details": findings(frame, number, "detail"),
            }
            for number, words, verdict, asks in headings(frame)
        ],
    }  # fmt: skip
