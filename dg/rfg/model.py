"""The RFG as testing uses it: landmarks and a source picture in, a face out."""

from __future__ import annotations

import torch
from torch import nn

from dg.errors import DgError
from dg.landmarks.linemap import draw_lines
from dg.rfg.networks import FaceGenerator, Trunk
from dg.sizes.rfg import RfgSizes


def face_generator(sizes: RfgSizes) -> FaceGenerator:
    """G_f of these sizes."""
    return FaceGenerator(
        sizes.size,
        sizes.channels,
        sizes.max_channels,
        sizes.style_dim,
        sizes.adain_intermediate,
        sizes.rgb_kernel,
        sizes.rgb_norm,
        sizes.style_norm,
        sizes.upsampling,
        sizes.noise,
    )


class Rfg(nn.Module):
    """G_f and E_s with the line width they were trained with."""

    def __init__(self, sizes: RfgSizes) -> None:
        super().__init__()
        self.size, self.line_width, self.hide_invisible = sizes.size, sizes.line_width, sizes.hide_invisible
        self.generator = face_generator(sizes)
        self.style_encoder = Trunk(sizes.size, 3, sizes.channels, sizes.max_channels, sizes.style_dim)

    def maps(self, points: torch.Tensor, visible: torch.Tensor | None = None) -> torch.Tensor:
        """(B, 68, >= 2) landmarks -> (B, 3, H, W) binary maps, the form in which landmarks enter G_f.

        Args:
            visible: (B, 68) bool; used by networks trained with hide_invisible, which leave out edges with an invisible
                end, and by no others.

        Raises:
            DgError: such a network is not told what is visible.
        """
        if self.hide_invisible and visible is None:
            raise DgError(
                "rfg.hide_invisible: this RFG was trained to leave hidden edges out; it needs the visibilities."
            )
        shown = visible if self.hide_invisible else None
        return draw_lines(points, self.size, self.line_width, shown).expand(-1, 3, -1, -1)

    def forward(
        self, points: torch.Tensor, images: torch.Tensor, visible: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Ihat_t and the style code s_s = E_s(I_s) it was painted with; `visible`: see `maps`."""
        style = self.style_encoder(images)
        return self.generator(self.maps(points, visible), style), style

    @torch.no_grad()
    def paint(self, l_t: torch.Tensor, I_s: torch.Tensor, visible: torch.Tensor | None = None) -> torch.Tensor:
        """Paint the source person with the landmarks l_t.

        Args:
            l_t: (B, 68, >= 2) landmarks, crop coordinates in [0, 1].
            I_s: (B, 3, H, W) source faces in [0, 1], H = W = the size it was trained at.
            visible: (B, 68) bool, of the reference; see `maps`.

        Returns:
            (B, 3, H, W) in [0, 1].
        """
        return self(l_t, I_s, visible)[0]
