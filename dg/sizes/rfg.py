"""What an RFG is built from; its checkpoint's card says so."""

from __future__ import annotations

from pydantic import Field

from dg.checked import Strict


class RfgSizes(Strict):
    """Sizes of G_f and E_s, and how the landmark map that they were trained with is drawn.

    The defaults are those of cards that are older than the key.
    """

    size: int = Field(gt=0, description="side of the pictures in pixels, a power of two from 32")
    channels: int = Field(gt=0, description="channels after the first convolution")
    max_channels: int = Field(gt=0)
    style_dim: int = Field(gt=0, description="length of the style code s_s")
    adain_intermediate: int = Field(ge=0, le=4, description="how many intermediate blocks take the style")
    style_norm: str = Field(default="adain", description="how the style enters, see `dg.rfg.networks.STYLED_BLOCKS`")
    rgb_norm: str = Field(default="instance", description="norm before RGB, see `dg.rfg.networks.ToRgb`")
    rgb_kernel: int = Field(default=3, gt=0, description="kernel of the last convolution, to RGB")
    upsampling: str = Field(default="nearest", description="how up blocks double a picture: nearest, bilinear")
    noise: str = Field(default="none", description="in up blocks: none, or fixed, see `dg.rfg.networks.FixedNoise`")
    line_width: float = Field(gt=0, description="width of the landmark map's lines, pixels at 256 px")
    hide_invisible: bool = Field(default=False, description="leave out the map's edges that have an invisible end")
