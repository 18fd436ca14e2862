"""What a First Order Motion Model is built from; its checkpoint's card says so."""

from __future__ import annotations

from pydantic import Field

from dg.checked import Strict

PUBLISHED_SIZE = 256


class FomSizes(Strict):
    """Sizes of its networks; the defaults are the published ones, at 256 px."""

    size: int = Field(default=PUBLISHED_SIZE, ge=32, description="side of the pictures in pixels, a power of two")
    points: int = Field(default=10, gt=0, description="key points K")
    levels: int = Field(default=5, gt=0, description="halvings in either hourglass, which sees the picture at 1/4")
    detector_channels: int = Field(default=32, gt=0, description="of the key points' hourglass, doubled at each level")
    motion_channels: int = Field(default=64, gt=0, description="of the dense motion's hourglass")
    hourglass_max: int = Field(default=1024, gt=0, description="channels of either hourglass at most")
    channels: int = Field(default=64, gt=0, description="of the generator at full size, doubled at each halving")
    max_channels: int = Field(default=512, gt=0, description="of the generator at most")


def fom_sizes(size: int) -> FomSizes:
    """For pictures of `size` pixels: the published networks at 256; widths shrink with the picture, and an hourglass
    ends at 2 x 2 px as it does there."""
    own = FomSizes(size=size)
    if size >= PUBLISHED_SIZE:
        return own
    widths = ("detector_channels", "motion_channels", "hourglass_max", "channels", "max_channels")
    narrow = {name: getattr(own, name) * size // PUBLISHED_SIZE for name in widths}
    return own.model_copy(update=narrow | {"levels": size.bit_length() - 4})
