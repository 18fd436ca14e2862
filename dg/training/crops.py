"""Random crops of training pairs: one for the source, the target, the map and the landmarks together.

As StarGAN v2's random resized crop (0.8 to 1 of the area, ratio 0.9 to 1.1). The authors' release draws source and
target apart, so that no landmark map could tell where the face belongs.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn.functional import affine_grid, grid_sample

AREA, RATIO = (0.8, 1.0), (0.9, 1.1)
TRIES = 10


def draw_crops(seed: int, step: int, batch: int, chance: float) -> np.ndarray:
    """Crop boxes of a joint batch, the same for the same seed and step.

    Args:
        chance: of a crop, per pair; the others keep the whole picture, (0, 0, 1, 1).

    Returns:
        (batch, 4) float32: left, top, width, height in [0, 1] of the picture.
    """
    rng = np.random.default_rng([seed, 2, step])  # 0 and 1 are the sampler's streams
    return np.array([_draw(rng) if rng.random() < chance else (0, 0, 1, 1) for _ in range(batch)], np.float32)


def _draw(rng: np.random.Generator) -> tuple[float, float, float, float]:
    for _ in range(TRIES):
        area, ratio = rng.uniform(*AREA), math.exp(rng.uniform(*np.log(RATIO)))
        width, height = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if width <= 1 and height <= 1:
            return rng.uniform(0, 1 - width), rng.uniform(0, 1 - height), width, height
    return 0.0, 0.0, 1.0, 1.0


def shifted_onto(boxes: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """The boxes, shifted no further than needed so that no landmark that eq. (14) counts is cut off.

    A box too small for its landmarks becomes the whole picture. What lies outside of the picture itself is not waited
    for.

    Args:
        boxes: (B, 4), see `draw_crops`.
        points: (B, P, 2 or 3), x and y in [0, 1] of the picture.
    """
    low, high = (end.clamp(0, 1) for end in (points[..., :2].amin(1), points[..., :2].amax(1)))
    start, size = boxes[:, :2], boxes[:, 2:]
    moved = torch.cat([start.minimum(low).maximum(high - size), size], 1)
    whole = torch.tensor([0.0, 0, 1, 1], device=boxes.device)
    return torch.where((high - low > size).any(1, keepdim=True), whole, moved)


def crop_images(images: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """The boxes' contents, scaled to the pictures' size (bilinear; a crop is only ever enlarged).

    Args:
        images: (B, C, H, W).
        boxes: (B, 4), see `draw_crops`.

    Returns:
        (B, C, H, W), channels last.
    """
    left, top, width, height = boxes.unbind(1)
    theta = torch.zeros(len(boxes), 2, 3, device=images.device)
    theta[:, 0, 0], theta[:, 1, 1] = width, height
    theta[:, 0, 2], theta[:, 1, 2] = 2 * left + width - 1, 2 * top + height - 1
    grid = affine_grid(theta, list(images.shape), align_corners=False)
    cropped = grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return cropped.contiguous(memory_format=torch.channels_last)


def crop_points(points: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """Landmarks in the crops' own coordinates; outside [0, 1] where the crop leaves them out.

    Args:
        points: (B, P, 2 or 3), x and y in [0, 1] of the picture; z in pictures' sides + 0.5.
        boxes: (B, 4), see `draw_crops`.
    """
    start, size = boxes[:, None, :2], boxes[:, None, 2:]
    places = (points[..., :2] - start) / size
    depth = (points[..., 2:] - 0.5) / size.prod(-1, keepdim=True).sqrt() + 0.5
    return torch.cat([places, depth], -1)
