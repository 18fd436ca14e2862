"""The frame of DVC's page of plots with Vega inside, so that it draws without a network."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from dg.files import write_text

_ASSETS = "assets/data"  # in Snakemake's package, for its own reports; of DVC's versions of Vega or a little newer
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>DVC plots</title>
{refresh_tag}
%s
</head>
<body>{plot_divs}</body>
</html>
"""


def write_plots_template(out: Path) -> None:
    """Write `out`, for `dvc plots diff --html-template`; without a place for the scripts that DVC would fetch."""
    assets = files("snakemake").joinpath(_ASSETS)
    texts = [assets.joinpath(name, f"{name}.js").read_text("utf-8") for name in ("vega", "vega-lite", "vega-embed")]
    scripts = "\n".join(f"<script>{text}</script>" for text in texts)
    write_text(out, _PAGE % scripts)
