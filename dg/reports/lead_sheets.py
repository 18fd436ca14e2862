"""Where DG leads most over another method, and where it trails most (claim 4), as pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from dg.errors import DgError
from dg.files import read_parquet, replacing
from dg.metrics.metric import metric
from dg.protocols.results import Results
from dg.provenance import REENACTED, save_png
from dg.reports.sheets import Row, draw_sheet
from dg.shards import FaceSet, decode_image
from dg.steps.figures import LeadSheetSettings
from dg.tests import TESTS
from dg.xmp import SourceType

_CASES = 4  # at either end


def make_lead_sheet(
    settings: LeadSheetSettings, folders: list[Path], pairs: Path, generated: list[Path], scores: list[Path], out: Path
) -> None:
    """Write the picture `out` (PNG, provenance text chunk): the four pairs on which DG trails the method most, then the
    four on which it leads most, by SSIM, or by CSIM where no pair has a ground truth.

    Args:
        folders: the prepared data sets.
        pairs: their pair list.
        generated: results of DG and of the method.
        scores: evaluate's values for each pair, of both.

    Raises:
        DgError: a file is missing, or they don't belong together.
    """
    faces, table = FaceSet(folders), read_parquet(pairs)
    results, values = [Results(path) for path in generated], [read_parquet(path) for path in scores]
    found = [made.keys("reference") for made in results] + [value["reference"].tolist() for value in values]
    for path, keys in zip([*generated, *scores], found):
        if keys != table["reference"].tolist():
            raise DgError(f"{path}: was made from other pairs than {pairs}. Run its step again.")
    name = "ssim" if values[0]["ssim"].notna().any() else "csim"
    lead = (values[0][name] - values[1][name]).to_numpy(float)
    order = np.argsort(lead, kind="stable")[: np.count_nonzero(~np.isnan(lead))]
    cases = min(_CASES, len(order) // 2)
    chosen = [*order[:cases].tolist(), *order[len(order) - cases :].tolist()]
    trails = int((lead[order] < 0).sum())

    def pictures(column: str) -> list[Image.Image | None]:
        return [Image.fromarray(faces.image(faces.row(key))) if key else None for key in table[column].iloc[chosen]]

    rows = [Row("source", pictures("source")), Row("reference", pictures("reference"))]
    for label, made in zip(("DG", settings.title), results):
        rows.append(Row(label, [Image.fromarray(decode_image(made.encoded(number))) for number in chosen]))
    if table["target"].ne("").any():
        rows.append(Row("ground truth", pictures("target")))
    title = f"DG beside {settings.title}. {TESTS[settings.test].title}: {', '.join(path.name for path in folders)}"
    subtitle = (
        f"{metric(name).title} of DG less that of {settings.title}: the {cases} pairs at either end. DG trails in "
        f"{trails} of {len(order)} pairs. Results are {REENACTED}. {settings.note}"
    ).strip()
    captions = [f"{lead[number]:+.3f}" for number in chosen]
    with replacing(out) as temporary:
        save_png(draw_sheet(title, subtitle, rows, captions), temporary, f"{title}. {subtitle}", SourceType.SHEET)
