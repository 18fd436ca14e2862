"""The pictures that DG, or a floor it must beat, makes of a pair list (Sec. 4.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from dg.errors import DgError
from dg.files import read_parquet
from dg.protocols.results import Result, writing_results
from dg.provenance import png_bytes
from dg.shards import FaceSet

_BATCH = 16

Reenact = Callable[[pd.DataFrame], Iterator[Result]]


def reenact(
    settings: dict[str, Any], folder: Path, pairs: Path, out: Path, idsg: Path | None = None, rfg: Path | None = None
) -> None:
    """Write the results file `out` (RESULT_SCHEMA, the pairs' order) of one method.

    Methods: "dg" paints the landmarks that the IDSG makes, each PNG with a provenance text chunk;
    "source_unchanged" and "reference_unchanged" give that picture as it is, with its own landmarks.

    Args:
        settings: benchmark, method.
        folder: the prepared data set.
        pairs: the pair list made from it.
        idsg, rfg: checkpoints; only "dg" needs them.

    Raises:
        DgError: unknown method, missing checkpoint, face codes missing or of another length than the IDSG's,
            pictures of another size than the RFG's, or pairs made from other data.
    """
    faces, table = FaceSet([Path(folder)]), read_parquet(pairs)
    method = settings["method"]
    if method == "dg":
        make = _dg(faces, idsg, rfg)
    elif method in ("source_unchanged", "reference_unchanged"):
        make = _unchanged(faces, method.removesuffix("_unchanged"))
    else:
        raise DgError(f"no method '{method}', only dg, source_unchanged and reference_unchanged.")
    progress = tqdm(total=len(table), desc=f"{method} {settings['benchmark']}", unit="pair", disable=None)
    with writing_results(out) as writer, progress:
        for start in range(0, len(table), _BATCH):
            results = list(make(table.iloc[start : start + _BATCH]))
            writer.write(results)
            progress.update(len(results))


def _unchanged(faces: FaceSet, column: str) -> Reenact:
    def make(pairs: pd.DataFrame) -> Iterator[Result]:
        for pair in pairs.itertuples():
            row = faces.row(getattr(pair, column))
            yield Result(pair.source, pair.reference, pair.target, faces.encoded(row), faces.points[row])

    return make


def _dg(faces: FaceSet, idsg: Path | None, rfg: Path | None) -> Reenact:
    if idsg is None or rfg is None:
        raise DgError("method 'dg' needs both checkpoints: give --idsg and --rfg, the outputs of the training steps.")
    if faces.codes.shape[1] == 0:
        raise DgError("method 'dg' needs face codes, but the data set has none. Run the identity step.")
    # Here, so that the floors run without loading the networks' code.
    from dg.idsg import load_idsg
    from dg.rfg import load_rfg

    device = "cuda" if torch.cuda.is_available() else "cpu"
    landmark_generator, face_generator = load_idsg(idsg).to(device), load_rfg(rfg).to(device)
    if faces.codes.shape[1] != landmark_generator.code:
        raise DgError(
            f"the data set's face codes have {faces.codes.shape[1]} numbers, but {idsg} takes "
            f"{landmark_generator.code}: it was trained with another identity.backend. Run the identity step with it."
        )
    size = len(faces.image(0))
    if size != face_generator.size:
        raise DgError(
            f"the data set's pictures have {size} px, but {rfg} takes {face_generator.size} px. Prepare the data set "
            f"at that size (image_size in params.yaml)."
        )

    @torch.inference_mode()
    def make(pairs: pd.DataFrame) -> Iterator[Result]:
        sources = [faces.row(key) for key in pairs["source"]]
        references = [faces.row(key) for key in pairs["reference"]]
        points = landmark_generator.generate(
            torch.from_numpy(faces.points[references]).to(device), torch.from_numpy(faces.codes[sources]).to(device)
        )
        images = torch.from_numpy(np.stack([faces.image(row) for row in sources])).to(device)
        visible = torch.from_numpy(faces.visible[references]).to(device)
        painted = face_generator.paint(points, images.permute(0, 3, 1, 2) / 255, visible)
        pixels = (painted.float().clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        for pair, image, marks in zip(pairs.itertuples(), pixels, points.float().cpu().numpy()):
            yield Result(pair.source, pair.reference, pair.target, png_bytes(image), marks)

    return make
