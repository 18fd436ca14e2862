"""Structured similarity (Sec. 4.1, Wang et al. 2004) of many pairs at once; equal to scikit-image's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np
import torch

from dg.errors import DgError

WINDOW, SIGMA = 11, 1.5
_K1, _K2 = 0.01, 0.03


def ssim(first: torch.Tensor, second: torch.Tensor, data_range: float = 1.0) -> torch.Tensor:
    """SSIM of each pair of pictures, mean over pixels and channels.

    Equals scikit-image's structural_similarity(gaussian_weights=True, sigma=1.5, win_size=11,
    use_sample_covariance=False, channel_axis=...) within 1e-6; pixels whose window would cross the border don't count.

    Args:
        first, second: [B, C, H, W] in [0, data_range], of any type and on any device. The work is done on the CPU, in
            as many threads as torch may use.

    Returns:
        [B] float64 in [-1, 1].

    Raises:
        DgError: the shapes differ or the pictures are smaller than the window.
    """
    if first.shape != second.shape or min(first.shape[-2:]) < WINDOW:
        raise DgError(
            f"SSIM needs pictures of one size, at least {WINDOW} x {WINDOW}; "
            f"got {tuple(first.shape)} and {tuple(second.shape)}."
        )
    pictures = (images.detach().cpu().permute(0, 2, 3, 1).numpy() for images in (first, second))
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        return torch.tensor(list(pool.map(partial(_similarity, data_range), *pictures)), dtype=torch.float64)


def _similarity(data_range: float, first: np.ndarray, second: np.ndarray) -> float:
    """SSIM of two (H, W, C) pictures."""
    x, y = (picture.astype(float) / data_range for picture in (first, second))
    mean_x, mean_y, squares, product = map(_means, (x, y, x * x + y * y, x * y))
    both, either = mean_x * mean_y, mean_x**2 + mean_y**2
    c1, c2 = _K1**2, _K2**2
    similarity = ((2 * both + c1) * (2 * (product - both) + c2)) / ((either + c1) * (squares - either + c2))
    return similarity.mean()


def _means(image: np.ndarray) -> np.ndarray:
    """Gaussian means over whole windows: (H, W, C) to (H - 10, W - 10, C)."""
    kernel, edge = cv2.getGaussianKernel(WINDOW, SIGMA), WINDOW // 2
    return cv2.sepFilter2D(np.ascontiguousarray(image), cv2.CV_64F, kernel, kernel)[edge:-edge, edge:-edge]
