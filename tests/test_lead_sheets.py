"""DG beside another method: which pairs are shown, by scores that are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dg.errors import DgError
from dg.files import write_parquet
from dg.protocols.methods import NO_POINTS
from dg.protocols.pairs import make_pairs
from dg.protocols.results import Result, writing_results
from dg.provenance import REENACTED, png_bytes
from dg.reports import lead_sheets
from dg.shards import FaceSet
from dg.steps.figures import LeadSheetSettings
from tests.prepared import face_table, prepare
from tests.told import pairs_settings

SETTINGS = LeadSheetSettings(test="RaFD", title="Mine", note="SynthFace stands in for RaFD.")


@pytest.fixture
def made(tmp_path):
    """Data set, pairs, results and scores of DG and a method; pair k has a lead of k - 3.5 in SSIM."""
    folder = prepare(tmp_path / "toy", face_table(3), size=64)
    make_pairs(pairs_settings(references=8), [folder], tmp_path / "pairs.parquet")
    pairs, faces = pd.read_parquet(tmp_path / "pairs.parquet"), FaceSet([folder])
    results, scores = [], []
    for method, shade in (("dg", 50), ("mine", 200)):
        results.append(tmp_path / f"{method}.arrow")
        with writing_results(results[-1]) as writer:
            for pair in pairs.itertuples():
                image = png_bytes(np.full_like(faces.image(0), shade))
                writer.write([Result(pair.source, pair.reference, pair.target, image, NO_POINTS)])
        ssim = np.arange(len(pairs)) - 3.5 if method == "dg" else np.zeros(len(pairs))
        scores.append(tmp_path / f"{method}.parquet")
        write_parquet(scores[-1], pairs.assign(ssim=ssim, csim=0.0))
    return folder, tmp_path / "pairs.parquet", results, scores


def test_the_pairs_at_either_end_are_shown(made, tmp_path, monkeypatch):
    folder, pairs, results, scores = made
    drawn = {}
    draw = lead_sheets.draw_sheet
    monkeypatch.setattr(
        lead_sheets, "draw_sheet", lambda title, subtitle, rows, captions: drawn.update(rows=rows, captions=captions)
        or draw(title, subtitle, rows, captions),
    )  # fmt: skip
    lead_sheets.make_lead_sheet(SETTINGS, [folder], pairs, results, scores, tmp_path / "out.png")
    count = len(pd.read_parquet(pairs))
    assert count > 8
    ends = [-3.5, -2.5, -1.5, -0.5, *(count - 4.5 - np.arange(4)[::-1])]
    assert drawn["captions"] == [f"{value:+.3f}" for value in ends]
    rows = {row.label: row.pictures for row in drawn["rows"]}
    assert list(rows) == ["source", "reference", "DG", "Mine", "ground truth"]
    assert {np.asarray(picture).mean() for picture in rows["DG"]} == {50}
    assert {np.asarray(picture).mean() for picture in rows["Mine"]} == {200}
    faces, first = FaceSet([folder]), pd.read_parquet(pairs).iloc[0]
    np.testing.assert_array_equal(rows["source"][0], faces.image(faces.row(first["source"])))
    with Image.open(tmp_path / "out.png") as picture:
        note = " ".join(map(str, picture.text.values()))
    assert f"DG trails in 4 of {count} pairs" in note and REENACTED in note and "stands in for RaFD" in note


def test_results_of_other_pairs_are_refused(made, tmp_path):
    folder, pairs, results, scores = made
    write_parquet(scores[1], pd.read_parquet(scores[1]).iloc[::-1].reset_index(drop=True))
    with pytest.raises(DgError, match=r"mine\.parquet: was made from other pairs"):
        lead_sheets.make_lead_sheet(SETTINGS, [folder], pairs, results, scores, tmp_path / "out.png")
