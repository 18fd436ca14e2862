"""Photographs and videos of one's own, from Python."""

from __future__ import annotations

import contextlib
from pathlib import Path

from dg.landmarks.fan import Landmarks
from dg.reenact.clip import open_clip
from dg.reenact.faces import Face, NoFace, Picture
from dg.reenact.layout import Layout
from dg.reenact.made import Made
from dg.reenact.networks import load_networks
from dg.reenact.painter import Painter, Source
from dg.reenact.video import reenact_clip


class Reenactor:
    """DG, ready to paint a source person in a reference's pose and expression.

    Without checkpoints it paints with those that ship, which have seen rendered people alone and don't swap real faces
    (`dg.reenact.networks.BUNDLED_FOR`).
    """

    def __init__(
        self,
        rfg: Path | str | None = None,
        idsg: Path | str | None = None,
        *,
        landmarks: str = "fan-synthface",
        detector: str | None = "yunet",
        device: str | None = None,
    ) -> None:
        """Load the networks.

        Args:
            rfg, idsg, landmarks, device: see `load_networks`.
            detector: see `open_detector` in dg/landmarks; None: pictures are face crops already, their centre squares
                are taken.

        Raises:
            DgError: a checkpoint or the detector's weights are missing or damaged.
        """
        self._painter = Painter(load_networks(rfg, idsg, landmarks, device), detector)

    def source(self, picture: Picture, face: int = 1) -> Source:
        """A source to use several times; `face`: which of the picture's, 1 the largest.

        Raises:
            BrokenPicture: the picture can't be read, or shows no such face.
        """
        return self._painter.source(picture, face)

    def picture(
        self,
        source: Picture | Source,
        reference: Picture,
        *,
        face: int = 1,
        reference_face: int = 1,
        paste: bool = False,
        side_by_side: bool = False,
        mark: bool = True,
    ) -> Made:
        """Paint the source in the pose and expression of a reference picture.

        Args:
            source: a picture file, (height, width, 3) uint8 RGB pixels, or what `source` made of either.
            reference: the first two of these.
            face, reference_face: which of the faces in them, 1 the largest.
            paste, side_by_side, mark: see `Layout`.

        Raises:
            BrokenPicture: a picture can't be read, or shows no such face.
        """
        who = source if isinstance(source, Source) else self.source(source, face)
        shown, found = self._painter.reference(reference, reference_face)
        return self._made(who, shown, found, Layout(paste, side_by_side, mark))

    def video(
        self,
        source: Picture | Source,
        clip: Path | str,
        out: Path | str,
        *,
        face: int = 1,
        reference_face: int = 1,
        paste: bool = False,
        side_by_side: bool = False,
        mark: bool = True,
        smooth: float = 0,
        steps: Path | None = None,
    ) -> int:
        """Paint the source in the pose and expression of every frame of a clip; see `reenact_clip`.

        Args:
            out: the video, *.mp4, with the clip's frame times and sound.
            face, reference_face, paste, side_by_side, mark: as in `picture`; reference_face in the first frame.
            smooth: seconds over which a still face's landmarks are smoothed; 0: not at all.
            steps: folder for the steps to the first frame with a face.

        Returns:
            How many frames showed no face.

        Raises:
            BrokenPicture: the picture or clip can't be read, or the picture shows no such face.
            DgError: `out` is no mp4, no frame shows a face, or another process makes the same video.
        """
        who = source if isinstance(source, Source) else self.source(source, face)
        layout = Layout(paste, side_by_side, mark)
        missing = reenact_clip(self._painter, who, Path(clip), Path(out), layout, reference_face, smooth)
        if steps is not None:
            self._first(who, Path(clip), reference_face, layout).save_steps(steps)
        return missing

    def _first(self, who: Source, clip: Path, reference_face: int, layout: Layout) -> Made:
        """Of the first frame with a face."""
        for _, frame in open_clip(clip).pictures():
            with contextlib.suppress(NoFace):
                return self._made(who, *self._painter.reference(frame, reference_face), layout)
        raise NoFace(f"{clip}: no frame shows face {reference_face} by itself.")

    def _made(self, who: Source, shown: Face, found: Landmarks, layout: Layout) -> Made:
        return self._painter.made(who, shown, found, self._painter.shaped(who, found), layout)
