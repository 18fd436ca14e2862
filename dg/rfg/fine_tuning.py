"""Few-shot fine-tuning (VoxCeleb1's protocol, Sec. 4.1): the RFG goes on learning on a few frames of one video."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dg.errors import DgError
from dg.files import file_digest
from dg.rfg.training import RfgTraining
from dg.shards import FaceSet
from dg.steps.rfg import FineTuning
from dg.training.pairs import FrameSampler
from dg.training.team import joined


def fine_tune(
    settings: FineTuning,
    folder: Path,
    keys: list[str],
    init: Path,
    out: Path,
    state: Path,
    inputs: dict[str, str] | None = None,
) -> None:
    """Tune a trained RFG on the frames `keys` of one person and write a checkpoint of the same form.

    The self phase's losses on pairs of the frames. Starts from what testing uses, the moving averages, and takes no
    average of its own: over a few dozen steps it would hardly leave the start. The judges go on where they were.

    Args:
        folder: prepared data set; no other frame of it is read.
        init: checkpoint of the RFG; its sizes must be the settings'.
        state: folder of the resume state.
        inputs: digests of the data by path, for the card.

    Raises:
        DgError: another number of frames, a frame twice, frames of several people, no such frame, weights of other
            sizes, or a loss that is not finite.
    """
    frames = ChosenFaces(FaceSet([folder]), keys, settings.frames)
    with joined() as team:
        training = RfgTraining(settings, frames, FrameSampler(len(frames), settings.batch, settings.seed), None, team)
        training.start_from(init, tested=True)
        facts = {"frames": keys, "init": file_digest(init), "inputs": inputs or {}}
        training.run(out, state, 0.0, "RFG fine-tuning", facts)


class ChosenFaces:
    """The faces `keys` of a set, all of one person, in the form of `dg.rfg.data.Faces`."""

    def __init__(self, faces: FaceSet, keys: list[str], count: int) -> None:
        """Look the frames up.

        Raises:
            DgError: see `fine_tune`.
        """
        if len(keys) != count or len(set(keys)) != len(keys):
            raise DgError(
                f"keys: {len(keys)} frames, {len(set(keys))} of them different, but scales.<scale>.fine_tune.frames in "
                f"params.yaml is {count}. List that many frames, each once."
            )
        self._faces, self._rows = faces, np.array([faces.row(key) for key in keys])
        people = sorted(faces.table["subject"].iloc[self._rows].unique())
        if len(people) > 1:
            raise DgError(f"keys: frames of {len(people)} people ({', '.join(people[:3])}). List frames of one.")
        self.points, self.visible = faces.points[self._rows], faces.visible[self._rows]
        self.codes = faces.codes[self._rows]

    def __len__(self) -> int:
        return len(self._rows)

    def image(self, row: int) -> np.ndarray:
        """Face crop `row` of the chosen ones, (size, size, 3) uint8."""
        return self._faces.image(int(self._rows[row]))
