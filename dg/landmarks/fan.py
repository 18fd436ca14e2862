"""F_l: the landmark network that reads 68 points off a face crop (Sec. 3), frozen."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from face_alignment.models import FAN
from torch import Tensor, nn

from dg.borrowed import Borrowed
from dg.checkpoints import card_path, load_checkpoint, under_prefix
from dg.errors import DgError
from dg.files import read_json
from dg.landmarks.depth import ImageDepth, PointDepth
from dg.landmarks.heatmaps import decode
from dg.landmarks.official import official_nets
from dg.landmarks.pose import fit_pose
from dg.landmarks.visibility import visible_points
from dg.landmarks.zoom import around, back, zoom
from dg.precision import has_bfloat16
from dg.weights import bundled
from dg.weights.published import PUBLISHED

BACKENDS = ("fan-synthface", "fan")
MARGIN = 1.4  # of fan-synthface, the middle of what it was trained with (dg/pretraining/settings.yaml)


class Landmarks(NamedTuple):
    """What a landmark network says about B face crops.

    Attributes:
        points: (B, 68, 3) x, y in [0, 1] crop coordinates (y down), z = depth in crop sizes, larger is nearer, mean 0.5
            (LANDMARK_SCHEMA of dg/shards.py).
        peaks: (B, 68) in [0, 1], share of a point's heatmap that lies at its peak.
        score: (B,) in [0, 1], mean of the peaks, in the look at the whole picture; low where no face is.
        visible: (B, 68) bool, see `visible_points`.
        pose: (B, 6) yaw, pitch, roll in degrees, x, y, scale; see `fit_pose`.
    """

    points: Tensor
    peaks: Tensor
    score: Tensor
    visible: Tensor
    pose: Tensor


def halved(net: nn.Module) -> nn.Module:
    """A copy in bfloat16, if `net` looks at pictures, as they can spare the digits; places can't.

    Normalisations stay float32: their running means have no digits to spare either.
    """
    net = copy.deepcopy(net)
    if any(isinstance(module, nn.Conv2d) for module in net.modules()):
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.bfloat16()
    return net


def no_faces() -> Landmarks:
    """What a network says about no pictures at all."""
    return Landmarks(
        torch.zeros(0, 68, 3),
        torch.zeros(0, 68),
        torch.zeros(0),
        torch.zeros(0, 68, dtype=torch.bool),
        torch.zeros(0, 6),
    )


class LandmarkNet(nn.Module):
    """A frozen FAN with its depth network.

    Attributes:
        input_size: pixels; pictures of any size are scaled to it inside.
        margin: a second look is taken at the square around the points first found, this many longer sides of their
            bounding box wide: twice the time, two thirds of the error. None: no second look.
        face_threshold: scores under it mean "no face here" (how it was measured: the card of the weights).
    """

    def __init__(
        self,
        fan: nn.Module,
        depth: nn.Module,
        input_size: int,
        sharpness: float,
        face_threshold: float,
        margin: float | None = None,
    ) -> None:
        """Freeze `fan` (pictures -> [.., heatmaps]) and `depth`; `sharpness`: see `heatmaps.decode`."""
        super().__init__()
        self.fan = fan.to(memory_format=torch.channels_last)
        self.depth = depth
        self.input_size = input_size
        self.sharpness = sharpness
        self.face_threshold = face_threshold
        self.margin = margin
        self._halved = Borrowed(device=None, net=None)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> LandmarkNet:
        """Stay in evaluation mode, also inside a network that is trained."""
        return super().train(False)

    def _resized(self, images: Tensor, size: int) -> Tensor:
        if images.shape[-1] == size and images.shape[-2] == size:
            return images
        return F.interpolate(images, (size, size), mode="bilinear", antialias=True)

    def _look(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return decode(self.fan(images.to(next(self.fan.parameters()).dtype))[-1], self.sharpness)

    def _closer(self, images: Tensor, near: Tensor) -> tuple[Tensor, Tensor]:
        """A look at what surrounds the points `near`; places in the coordinates of `images`."""
        if images.shape[-1] > 2 * self.input_size:  # bilinear cutting alone would skip pixels
            images = self._resized(images, 2 * self.input_size)
        centre, side = around(near.detach())
        side = side * self.margin
        points, peaks = self._look(zoom(images, centre, side, self.input_size))
        return back(points, centre, side), peaks

    @torch.no_grad()
    def detect(self, images: Tensor) -> Landmarks:
        """Find the 68 points of one face each on (B, 3, H, H) RGB pictures in [0, 1].

        Networks run in bfloat16 where the device has it: faster, and 0.05 pixels at 256 away from float32 on average
        (`fan-synthface`, 32 SynthFace pictures).
        """
        if has_bfloat16(images.device.type) and images.dtype != torch.float64:
            return self._in_bfloat16(images.device)._detect(images)
        return self._detect(images)

    def _in_bfloat16(self, device: torch.device) -> LandmarkNet:
        """A copy whose weights are stored in bfloat16: a sixth faster than converting them at every call."""
        if self._halved.device != device:
            copied = copy.copy(self)
            copied._modules = dict(self._modules)
            copied.fan, copied.depth = halved(self.fan), halved(self.depth)
            self._halved = Borrowed(device=device, net=copied)
        return self._halved.net

    def _detect(self, images: Tensor) -> Landmarks:
        small = self._resized(images, self.input_size)
        xy, peaks = self._look(small)
        score = peaks.mean(1)
        if self.margin:
            xy, peaks = self._closer(images, xy)
        z = self.depth(xy, small) if isinstance(self.depth, ImageDepth) else self.depth(xy)
        points = torch.cat([xy, z.to(xy.dtype).unsqueeze(-1)], -1)
        return Landmarks(points, peaks, score, visible_points(xy), fit_pose(points)[0])

    def soft(self, images: Tensor, near: Tensor | None = None) -> Tensor:
        """F_l of eqs. (10) and (14): (B, 3, H, H) in [0, 1] -> (B, 68, 2) x, y, with gradient to the pictures.

        The same soft-argmax as in `detect`, so both agree.

        Args:
            near: (B, 68, 2 or 3) points, in the losses the driving landmarks, whose surroundings the second look is
                taken at, without a first; no gradient goes to them. None: two looks, as `detect`.
        """
        if self.margin and near is None:
            with torch.no_grad():
                near = self._look(self._resized(images, self.input_size))[0]
        if self.margin:
            return self._closer(images, near)[0]
        return self._look(self._resized(images, self.input_size))[0]


def load_landmark_net(
    backend: str, device: str | torch.device = "cpu", weights: dict[str, Tensor] | None = None, folder: Path = PUBLISHED
) -> LandmarkNet:
    """The landmark network called `backend`.

    Args:
        backend: "fan-synthface" (bundled: FAN with one stack at 128 px, trained by this project on SynthFace) or "fan"
            (face_alignment's 3DFAN-4 and depth network at 256 px, the paper's).
        weights: tensors to use in place of the bundled file of "fan-synthface".
        folder: where the files of "fan" lie or are downloaded to.

    Raises:
        DgError: no such back end, or its weights are missing or damaged.
    """
    if backend == "fan":
        fan, depth = official_nets(folder)
        # 20 turns Gaussians of height 1 into a narrow softmax; 0.3 is not measured: no weights at hand when written.
        net = LandmarkNet(fan, ImageDepth(depth), input_size=256, sharpness=20.0, face_threshold=0.3)
    elif backend == "fan-synthface":
        threshold = 0.0
        if weights is None:
            path = bundled(backend)
            weights = load_checkpoint(path)
            threshold = float(read_json(card_path(path))["face_threshold"])
        fan, depth = FAN(1), PointDepth()
        fan.load_state_dict(under_prefix("fan", weights))
        depth.load_state_dict(under_prefix("depth", weights))
        net = LandmarkNet(fan, depth, input_size=128, sharpness=1.0, face_threshold=threshold, margin=MARGIN)
    else:
        raise DgError(f"landmarks.backend: '{backend}' is unknown; use one of {', '.join(BACKENDS)}.")
    return net.to(device)
