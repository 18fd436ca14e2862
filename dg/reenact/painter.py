"""A source's face on a reference's landmarks: the steps of the pipeline, for pictures in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dg.landmarks.extract import CPU_PIXELS
from dg.landmarks.fan import Landmarks
from dg.reenact.faces import Face, FaceFinder, NoFace, Picture
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

    def source(self, picture: Picture, number: int = 1) -> Source:
        """The source in face `number` of a picture.

        Raises:
            BrokenPicture: the picture can't be read, or shows no such face.
        """
        face = self.finder(picture, number, "the source")
        image = self._tensor([face.crop])
        with torch.inference_mode():
            return Source(face, image, self.networks.encoder(image).float(), self.look([face]))

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

    @torch.inference_mode()
    def paint(self, source: Source, points: Tensor, visible: Tensor) -> tuple[np.ndarray, Tensor]:
        """Paint a source on landmarks of references.

        Args:
            points: (B, 68, 3) l_r, crop coordinates. visible: (B, 68), not 0 where a point is seen.

        Returns:
            (B, S, S, 3) uint8, and (B, 68, 3) lhat_t, on the CPU.
        """
        net, device, count = self.networks, self.networks.device, len(points)
        made = net.idsg.generate(points.to(device), source.code.expand(count, -1))
        painted = net.rfg.paint(made, source.image.expand(count, -1, -1, -1), visible.to(device).bool())
        pixels = (painted.float().clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
        return pixels.cpu().numpy(), made.float().cpu()

    @torch.inference_mode()
    def map(self, points: Tensor, visible: Tensor) -> np.ndarray:
        """(S, S) uint8: landmarks (1, 68, 3) as the RFG sees them."""
        drawn = self.networks.rfg.maps(points.to(self.networks.device), visible.to(self.networks.device).bool())
        return (255 * drawn[0, 0]).byte().cpu().numpy()

    def _tensor(self, crops: Sequence[np.ndarray]) -> Tensor:
        images = torch.from_numpy(np.stack(crops)).to(self.networks.device)
        return images.permute(0, 3, 1, 2).float() / 255
