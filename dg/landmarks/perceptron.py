"""A perceptron that reads something per point off the 68 places alone."""

from __future__ import annotations

from torch import Tensor, nn


class PointPerceptron(nn.Module):
    """68 x, y to 68 numbers, blind to where the face lies and how large it is."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(136, width),
            nn.LeakyReLU(0.1),
            nn.Linear(width, width),
            nn.LeakyReLU(0.1),
            nn.Linear(width, 68),
        )

    def read(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 68, 2) crop coordinates -> (B, 68) numbers, and (B,) the face's root-mean-square radius in crop sizes."""
        centred = points - points.mean(1, keepdim=True)
        scale = centred.square().sum(-1).mean(1).clamp_min(1e-8).sqrt()
        return self.layers((centred / scale[:, None, None]).flatten(1)), scale
