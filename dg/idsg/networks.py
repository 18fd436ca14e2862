"""The IDSG's networks (Sec. 3.1): landmark encoder E_l, decoder R_l, discriminator D_l, subject classifier C_l."""

from __future__ import annotations

import torch
from torch import nn

POINTS = 68
HIDDEN = 512
CENTRE, SPREAD = (0.5, 0.6, 0.5), 0.16
"""Mean and standard deviation of SynthFace's landmarks over all poses, crop coordinates."""


def networks_see(points: torch.Tensor, coordinates: str) -> torch.Tensor:
    """What E_l, D_l and C_l see of landmarks (..., dims) in [0, 1].

    Args:
        coordinates: "centred", mean 0 and spread 1: to layers with He's weights crop coordinates are one large constant
            with small changes; or "raw", as in the authors' release.
    """
    if coordinates == "raw":
        return points
    return (points - points.new_tensor(CENTRE[: points.shape[-1]])) / SPREAD


def _mlp(first: int, hidden: int, last: int) -> nn.Sequential:
    """Five fully connected layers with LeakyReLU 0.2, then one linear layer; He's initialisation.

    PyTorch's own shrinks the signal threefold per layer: twelve layers deep nothing of l_r is left.
    """
    layers: list[nn.Module] = []
    for k in range(5):
        layers += [_linear(first if k == 0 else hidden, hidden), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, _linear(hidden, last))


def _linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.kaiming_normal_(layer.weight, 0.2)
    nn.init.zeros_(layer.bias)
    return layer


def landmark_encoder(dims: int) -> nn.Sequential:
    """E_l: (B, 68 * dims) landmarks -> (B, 68 * dims) action code gamma."""
    return _mlp(POINTS * dims, POINTS * dims, POINTS * dims)


def landmark_decoder(dims: int, code: int) -> nn.Sequential:
    """R_l: (B, 68 * dims + code) [gamma, r] -> (B, 68 * dims) landmarks in (0, 1)."""
    return nn.Sequential(*_mlp(POINTS * dims + code, HIDDEN, POINTS * dims), nn.Sigmoid())


def landmark_discriminator(dims: int) -> nn.Sequential:
    """D_l: (B, 68 * dims) landmarks -> (B, 1) logit."""
    return _mlp(POINTS * dims, POINTS * dims, 1)


def subject_classifier(dims: int, subjects: int) -> nn.Sequential:
    """C_l: (B, 68 * dims) landmarks -> (B, subjects) logits.

    No sigmoid before the cross-entropy: with the one in the authors' release the loss can't fall under 3.23 for 67
    subjects.
    """
    return _mlp(POINTS * dims, POINTS * dims, subjects)


class Idsg(nn.Module):
    """G_l = [E_l, R_l]: landmarks of the reference and a face code to landmarks of the source person."""

    def __init__(self, dims: int, code: int, coordinates: str) -> None:
        """`dims`: numbers per landmark, 2 or 3. `code`: length of the face code r. `coordinates`: `networks_see`."""
        super().__init__()
        self.dims, self.code, self.coordinates = dims, code, coordinates
        self.landmark_encoder = landmark_encoder(dims)
        self.landmark_decoder = landmark_decoder(dims, code)

    def flat(self, points: torch.Tensor) -> torch.Tensor:
        """(B, 68, 3) points -> (B, 68 * dims), as the losses compare them."""
        return points[..., : self.dims].flatten(1)

    def seen(self, flat: torch.Tensor) -> torch.Tensor:
        """(B, 68 * dims) landmarks -> (B, 68 * dims), what E_l, D_l and C_l see of them."""
        return networks_see(flat.unflatten(1, (POINTS, self.dims)), self.coordinates).flatten(1)

    def encode(self, flat: torch.Tensor) -> torch.Tensor:
        """gamma = E_l(l), (B, 68 * dims) both."""
        return self.landmark_encoder(self.seen(flat))

    def decode(self, gamma: torch.Tensor, r: torch.Tensor) -> torch.Tensor:
        """Action code (B, 68 * dims) and face code (B, code) -> landmarks (B, 68 * dims)."""
        return self.landmark_decoder(torch.cat([gamma, r], 1))

    def forward(self, l_r: torch.Tensor, r_s: torch.Tensor) -> torch.Tensor:
        """lhat_t = G_l(l_r, I_s), flat: (B, 68 * dims) and (B, code) -> (B, 68 * dims)."""
        return self.decode(self.encode(l_r), r_s)

    @torch.no_grad()
    def generate(self, l_r: torch.Tensor, r_s: torch.Tensor) -> torch.Tensor:
        """Landmarks of the source person in the reference's pose and expression.

        Args:
            l_r: (B, 68, 3) landmarks of the reference, crop coordinates in [0, 1].
            r_s: (B, code) face codes E_f(I_s) of the sources.

        Returns:
            (B, 68, 3) lhat_t; with two numbers per landmark z is the reference's.
        """
        points = l_r.clone()
        points[..., : self.dims] = self(self.flat(l_r), r_s).unflatten(1, (POINTS, self.dims))
        return points
