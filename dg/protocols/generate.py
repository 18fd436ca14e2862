"""The pictures that DG makes of a pair list (Sec. 4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from dg.errors import DgError
from dg.files import read_parquet
from dg.idsg import load_idsg
from dg.protocols.results import Result, writing_results
from dg.provenance import png_bytes
from dg.rfg import load_rfg
from dg.shards import FaceSet

BATCH = 16


def generate(folders: list[Path], pairs: Path, out: Path, idsg: Path, rfg: Path) -> None:
    """Write the results file `out` (RESULT_SCHEMA, the pairs' order) of DG; each PNG has a provenance text chunk.

    Args:
        folders: the prepared data sets.
        pairs: the pair list made from them.
        idsg, rfg: checkpoints.

    Raises:
        DgError: see `PairReenactor`, or pairs made from other data.
    """
    write_results(PairReenactor(FaceSet(folders), idsg, rfg), pairs, out)


def write_results(make: PairReenactor, pairs: Path, out: Path) -> None:
    """`generate` with networks that are loaded."""
    table = read_parquet(pairs)
    progress = tqdm(total=len(table), desc=f"DG {Path(pairs).stem}", unit="pair", disable=None)
    with writing_results(out) as writer, progress:
        for start in range(0, len(table), BATCH):
            results = list(make(table.iloc[start : start + BATCH]))
            writer.write(results)
            progress.update(len(results))


class PairReenactor:
    """IDSG and RFG, ready to make pictures of pairs: the RFG paints the landmarks lhat_t that the IDSG makes.

    Attributes:
        faces: the pictures that pairs name.
    """

    def __init__(self, faces: FaceSet, idsg: Path, rfg: Path) -> None:
        """Load the networks.

        Raises:
            DgError: missing checkpoint, face codes missing or of another length than the IDSG's, or pictures of another
                size than the RFG's.
        """
        if faces.codes.shape[1] == 0:
            raise DgError("DG needs face codes, but the data set has none. Run the identity step.")
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self.faces = faces
        self._idsg, self._rfg = load_idsg(idsg).to(self._device), load_rfg(rfg).to(self._device)
        if faces.codes.shape[1] != self._idsg.code:
            raise DgError(
                f"the data set's face codes have {faces.codes.shape[1]} numbers, but {idsg} takes "
                f"{self._idsg.code}: it was trained with another identity.backend. Run the identity step with it."
            )
        size = len(faces.image(0))
        if size != self._rfg.size:
            raise DgError(
                f"the data set's pictures have {size} px, but {rfg} takes {self._rfg.size} px. Prepare the data set at "
                f"that size (image_size in params.yaml)."
            )

    @torch.inference_mode()
    def __call__(self, pairs: pd.DataFrame) -> Iterator[Result]:
        """The results of a batch of pairs, in order."""
        points, images = self.landmarks(pairs), np.stack([self.faces.image(row) for row in self.rows(pairs, "source")])
        painted = self._rfg.paint(
            points,
            self._put(images).permute(0, 3, 1, 2) / 255,
            self._put(self.faces.visible[self.rows(pairs, "reference")]),
        )
        pixels = (painted.float().clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        for pair, image, marks in zip(pairs.itertuples(), pixels, points.float().cpu().numpy()):
            yield Result(pair.source, pair.reference, pair.target, png_bytes(image), marks)

    def landmarks(self, pairs: pd.DataFrame) -> torch.Tensor:
        """What the RFG paints: lhat_t, (n, 68, 3) crop coordinates in [0, 1]."""
        l_r, r_s = self.faces.points[self.rows(pairs, "reference")], self.faces.codes[self.rows(pairs, "source")]
        return self._idsg.generate(self._put(l_r), self._put(r_s))

    def rows(self, pairs: pd.DataFrame, role: str) -> list[int]:
        """Rows of `faces` that are the pairs' "source", "reference" or "target"."""
        return [self.faces.row(key) for key in pairs[role]]

    def _put(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values).to(self._device)
