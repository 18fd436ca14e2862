"""A source's face on a reference's landmarks: the steps of the pipeline, for pictures in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dg.landmarks.extract import CPU_PIXELS
from dg.landmarks.fan import Landmarks
from dg.landmarks.pose import fit_pose
from dg.reenact.faces import Face, FaceFinder, NoFace, Picture
from dg.reenact.layout import Layout
from dg.reenact.made import Made
from dg.reenact.networks import Networks

BATCH = 16


class Source(NamedTuple):
    """Who is painted.

    Attributes:
        face: in their picture.
        image: (1, 3, S, S) in [0, 1], its crop, on the networks' device.
        code: (1, D), E_f's face code, there too.
        found: their own landmarks, of one picture.
    """

    face: Face
    image: Tensor
    code: Tensor
    found: Landmarks


class Painter:
    """The networks and what finds faces for them.

    Attributes:
        networks: all of them.
        finder: finds faces.
    """

    def __init__(self, networks: Networks, detector: str | None) -> None:
        """`detector`: see `FaceFinder`."""
        self.networks = networks
        self.finder = FaceFinder(networks.rfg.size, detector)

    def source(self, picture: Picture, number: int = 1, name: str = "the source") -> Source:
        """The source in face `number` of a picture, called `name` in messages unless it is a file.

        Raises:
            BrokenPicture: the picture can't be read, or shows no such face.
        """
        face = self.finder(picture, number, name)
        image = self._tensor([face.crop])
        with torch.inference_mode():
            seen = self.look([face])
            code = self.networks.encoder(image, seen.points.to(image.device)).float()
            return Source(face, image, code, seen)

    def reference(self, picture: Picture, number: int = 1) -> tuple[Face, Landmarks]:
        """Face `number` of a picture and its landmarks.

        Raises:
            BrokenPicture: as in `source`.
        """
        face = self.finder(picture, number, "the reference")
        return face, self.look([face])

    def look(self, faces: Sequence[Face]) -> Landmarks:
        """The landmarks of faces, on the CPU.

        Raises:
            NoFace: one of them has none.
        """
        found = self.look_at([face.crop for face in faces])
        for face, score in zip(faces, found.score.tolist()):
            if score < self.networks.landmarks.face_threshold:
                box = ", ".join(f"{edge:.0f}" for edge in face.box)
                raise NoFace(
                    f"{face.name}: no face found. Looked for landmarks in the square {box} (left, top, right, bottom "
                    f"in pixels): their score is {score:.2f}, a face has at least "
                    f"{self.networks.landmarks.face_threshold:.2f}. Give a picture that shows the face larger."
                )
        return found

    @torch.inference_mode()
    def look_at(self, crops: Sequence[np.ndarray]) -> Landmarks:
        """The same of crops (S, S, 3) uint8; where they show none, `score` is under the network's threshold."""
        net = self.networks.landmarks
        at_once = BATCH if self.networks.device == "cuda" else max(1, CPU_PIXELS // net.input_size**2)
        parts = [net.detect(self._tensor(crops[k : k + at_once])) for k in range(0, len(crops), at_once)]
        return Landmarks(*(torch.cat(values).float().cpu() for values in zip(*parts)))

    def shaped(self, source: Source, driving: Landmarks) -> Landmarks:
        """lhat_t in the place of the points of `driving`: the source's landmarks in its pose and expression."""
        points = self._shape(source, driving.points).float().cpu()
        return driving._replace(points=points, pose=fit_pose(points)[0])

    def made(self, source: Source, shown: Face, driving: Landmarks, painted: Landmarks, layout: Layout) -> Made:
        """A source painted on the landmarks `painted` of one picture, with the steps to it.

        Args:
            shown: the reference's face. driving: l_r. painted: what `shaped` made of it.
        """
        (pixels,) = self._fill(source, painted.points, painted.visible)
        return Made(
            layout(source.face, shown.crop, pixels),
            pixels,
            source.face,
            shown,
            source.found,
            driving,
            painted.points[0].numpy(),
            self.map(painted.points, painted.visible),
            layout,
        )

    def paint(self, source: Source, points: Tensor, visible: Tensor) -> np.ndarray:
        """Paint a source on landmarks of references: (B, S, S, 3) uint8.

        Args:
            points: (B, 68, 3) l_r, crop coordinates. visible: (B, 68), not 0 where a point is seen.
        """
        return self._fill(source, self._shape(source, points), visible)

    @torch.inference_mode()
    def _shape(self, source: Source, points: Tensor) -> Tensor:
        """(B, 68, 3) l_r -> lhat_t, on the networks' device."""
        return self.networks.idsg.generate(points.to(self.networks.device), source.code.expand(len(points), -1))

    @torch.inference_mode()
    def _fill(self, source: Source, points: Tensor, visible: Tensor) -> np.ndarray:
        """(B, 68, 3) lhat_t -> (B, S, S, 3) uint8."""
        device, image = self.networks.device, source.image.expand(len(points), -1, -1, -1)
        painted = self.networks.rfg.paint(points.to(device), image, visible.to(device).bool())
        pixels = (painted.float().clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
        return pixels.cpu().numpy()

    @torch.inference_mode()
    def map(self, points: Tensor, visible: Tensor) -> np.ndarray:
        """(S, S) uint8: landmarks (1, 68, 3) as the RFG sees them."""
        drawn = self.networks.rfg.maps(points.to(self.networks.device), visible.to(self.networks.device).bool())
        return (255 * drawn[0, 0]).byte().cpu().numpy()

    def _tensor(self, crops: Sequence[np.ndarray]) -> Tensor:
        images = torch.from_numpy(np.stack(crops)).to(self.networks.device)
        return images.permute(0, 3, 1, 2).float() / 255
