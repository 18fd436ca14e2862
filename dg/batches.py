"""Crops of a shard as tensors, for the steps that run a network over all of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import torch

from dg.shards import decode_image


def image_batches(frames: pa.RecordBatch, size: int) -> Iterator[torch.Tensor]:
    """The crops of a frame shard in row order, `size` at a time: (b, 3, s, s) float32 in [0, 1]."""
    images = frames.column("image")
    for first in range(0, len(images), size):
        pictures = np.stack([decode_image(image.as_py()) for image in images[first : first + size]])
        yield torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
