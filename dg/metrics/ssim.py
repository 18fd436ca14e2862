"""Structured similarity (Sec. 4.1, Wang et al. 2004), batched; equal to scikit-image's."""

from __future__ import annotations

import torch

from dg.errors import DgError

WINDOW, SIGMA = 11, 1.5
_K1, _K2 = 0.01, 0.03


def ssim(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """SSIM of each pair of pictures, mean over pixels and channels.

    Equals scikit-image's structural_similarity(gaussian_weights=True, sigma=1.5, win_size=11, data_range=1,
    use_sample_covariance=False, channel_axis=...) within 1e-6; pixels whose window would cross the border don't count.

    Args:
        first, second: [B, C, H, W] in [0, 1].

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
    x, y = first.double(), second.double()
    mean_x, mean_y, xx, yy, xy = _blur(torch.stack([x, y, x * x, y * y, x * y]))
    var_x, var_y, covariance = xx - mean_x**2, yy - mean_y**2, xy - mean_x * mean_y
    c1, c2 = _K1**2, _K2**2
    similarity = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    )
    return similarity.mean(dim=(1, 2, 3))


def _blur(images: torch.Tensor) -> torch.Tensor:
    """Gaussian means over whole windows: [..., H, W] to [..., H - 10, W - 10]."""
    height, width = images.shape[-2:]
    # A product with a band matrix is many times as fast as a convolution in double precision.
    return _bands(height, images) @ images @ _bands(width, images).T


def _bands(length: int, like: torch.Tensor) -> torch.Tensor:
    """Gaussian windows as rows: [length - 10, length]."""
    offsets = torch.arange(length).unsqueeze(0) - torch.arange(length - WINDOW + 1).unsqueeze(1) - WINDOW // 2
    bands = torch.exp(-(offsets.to(like) ** 2) / (2 * SIGMA**2)) * (offsets.abs() <= WINDOW // 2).to(like)
    return bands / bands.sum(dim=1, keepdim=True)
