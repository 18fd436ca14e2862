"""The gallery's data: pairs of each test with their pictures, landmarks and scores."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from dg.files import read_parquet
from dg.landmarks.regions import EDGES
from dg.metrics.metric import metric
from dg.protocols.results import Results
from dg.provenance import REENACTED, save_webp
from dg.reports.summaries import COMPARED
from dg.shards import FaceSet, decode_image
from dg.steps.report import ReportSettings
from dg.tests import TESTS
from dg.xmp import SourceType

PAIRS, ENDS = 40, 10  # pairs shown of a test; the worst and the best of DG that are always among them
SCORES = [metric for metric in COMPARED if metric.interval == "people"]  # a value for each pair
_QUALITY = 85


class _Pictures:
    """Pictures as data URIs, each different one once."""

    def __init__(self) -> None:
        self.uris: list[str] = []
        self._numbers: dict[tuple[str, str], int] = {}

    def number(self, kind: str, key: str, pixels: Any, note: str, source: SourceType | None) -> int:
        """The number of a picture; pixels() is called for a new (kind, key) alone."""
        if (kind, key) not in self._numbers:
            self._numbers[kind, key] = len(self.uris)
            self.uris.append(data_uri(pixels(), note, source))
        return self._numbers[kind, key]


def data_uri(pixels: np.ndarray, note: str, source: SourceType | None) -> str:
    """WebP of an (H, W, 3) uint8 picture as a data URI; `note` and `source`: see `save_webp`."""
    buffer = io.BytesIO()
    save_webp(Image.fromarray(pixels), buffer, note, source, quality=_QUALITY, method=6)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def gallery(settings: ReportSettings, results: Path, data: Path) -> dict[str, Any]:
    """What the page's script shows: edges, metrics, images and, per test, methods and pairs.

    Of each test there are DG's worst and best pairs by SSIM (by CSIM where no pair has a ground truth) and pairs at
    equal distances between.

    Raises:
        DgError: a results file or its scores are missing.
    """
    pictures = _Pictures()
    tests = []
    for test, methods in settings.tests:
        dataset = settings.benchmarks[TESTS[test].sources]
        faces = FaceSet([data / dataset])
        made = {m: Results(results / f"evaluate/dg/{test}/{m}.arrow") for m in methods}
        scores = {m: read_parquet(results / f"evaluate/dg/{test}/{m}.parquet") for m in methods}
        rendered = settings.kinds[dataset] == "synthface"
        own = "SynthFace, no real person" if rendered else f"of the data set {dataset}"
        origin = SourceType.RENDERED if rendered else None

        def known(key: str, faces: FaceSet = faces, told: tuple[str, SourceType | None] = (own, origin)) -> int | None:
            return pictures.number("data", key, lambda: faces.image(faces.row(key)), *told) if key else None

        pairs = []
        for number in chosen(scores["dg"]):
            row = scores["dg"].iloc[number]
            shown = {}
            for method in methods:
                result = made[method][number]
                name = f"{test}/{method}/{number}"
                note = REENACTED if method == "dg" else f"result of the method {method}"
                image = pictures.number("made", name, lambda r=result: decode_image(r.image), note, SourceType.TRAINED)
                points = result.points[:, :2] if np.isfinite(result.points).all() else _found(scores[method], number)
                shown[method] = {"image": image, "points": _rounded(points), "scores": _scores(scores[method], number)}
            reference = faces.row(row["reference"])
            pairs.append(
                {
                    "number": number,
                    "name": f"{row['subject']} as {row['reference_subject']}",
                    "yaw": round(float(row["yaw"])),
                    "source": known(row["source"]),
                    "reference": known(row["reference"]),
                    "target": known(row["target"]),
                    "points": _rounded(faces.points[reference][:, :2]),
                    "methods": shown,
                }
            )
        titles = {method: dict(settings.titles)[method] for method in methods}
        name = metric(ranked_by(scores["dg"])).title
        tests.append(
            {
                "key": test,
                "title": TESTS[test].title,
                "methods": titles,
                "pairs": pairs,
                "total": len(scores["dg"]),
                "ends": ENDS,
                "ranked_by": name,
            }
        )
    names = ("title", "heading", "unit", "digits", "sign")
    metrics = {score.key: {name: getattr(score, name) for name in names} for score in SCORES}
    return {"edges": EDGES, "metrics": metrics, "images": pictures.uris, "tests": tests}


def ranked_by(scores: pd.DataFrame) -> str:
    """The score by which a test's pairs are called worst and best."""
    return "ssim" if scores["ssim"].notna().any() else "csim"


def chosen(scores: pd.DataFrame) -> list[int]:
    """Rows of the pairs to show: the worst, those between (pairs without the score last), the best."""
    ranking = scores[ranked_by(scores)].to_numpy()
    order = ranking.argsort(kind="stable")
    known, unknown = order[~np.isnan(ranking[order])].tolist(), np.flatnonzero(np.isnan(ranking)).tolist()
    between = [*known[ENDS:-ENDS], *unknown]
    places = np.linspace(0, len(between) - 1, min(PAIRS - 2 * ENDS, len(between))).round().astype(int)
    return list(dict.fromkeys([*known[:ENDS], *(between[place] for place in places), *known[-ENDS:]]))


def _found(scores: pd.DataFrame, number: int) -> np.ndarray:
    return np.asarray(scores["landmarks"].iloc[number]).reshape(68, 2)


def _rounded(points: np.ndarray) -> list[float]:
    return [round(float(value), 3) for value in points.reshape(-1)]


def _scores(table: pd.DataFrame, number: int) -> dict[str, float | None]:
    row = table.iloc[number]
    return {s.key: None if pd.isna(row[s.key]) else round(float(row[s.key]), 3) for s in SCORES}
