"""The pictures of faces in the documents say in themselves that they are synthetic, and each is shown somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

DOCS = Path(__file__).resolve().parent.parent / "docs"
PICTURES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*") if path.suffix in (".png", ".jpg"))
CHARTS = {"faces_people.png", "results/claims.png"}


@pytest.mark.parametrize("name", [name for name in PICTURES if name not in CHARTS])
def test_a_picture_of_faces_says_that_it_is_synthetic(name):
    with Image.open(DOCS / name) as picture:
        notes = [str(picture.info.get(key, "")) for key in ("provenance", "comment", "xmp", "XML:com.adobe.xmp")]
    assert "synthetic" in " ".join(notes)


def test_every_picture_is_shown():
    pages = [DOCS.parent / "README.md", *DOCS.rglob("*.md")]
    shown = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    assert [name for name in PICTURES if Path(name).name not in shown] == []
