"""Domain randomisation: from clean SynthFace renders to pictures as varied as photographs are."""

from __future__ import annotations

import io
import math

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Generator, Tensor
from torchvision.transforms.functional import pil_to_tensor

from dg.landmarks.regions import MIRROR
from dg.landmarks.zoom import around, into, zoom
from dg.pretraining.settings import Changes, Closer


def randomise(
    images: Tensor, masks: Tensor, points: Tensor, changes: Changes, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Change every picture at random: mirror, move, new background, light, colour, blur, noise, JPEG, something before.

    Args:
        images: (B, 3, S, S) uint8.
        masks: (B, 1, S, S) uint8, 255 where the person is.
        points: (B, 68, 3) in crop coordinates of `images`.

    Returns:
        (B, 3, S, S) float32 in [0, 1], and the points of the changed pictures; depths are scaled along.
    """
    c, g = changes, generator
    picture, mask = images.float() / 255, masks.float() / 255
    picture = _where(g, c.background, picture * mask + background(picture, g) * (1 - mask), picture)
    # The light falls on the face before the camera moves, the rest is the camera's.
    picture = _where(g, c.light, picture * _field(picture, g, 1, 3).mul(1.1).exp(), picture)
    picture, points = move(picture, points, c, g)
    picture = _where(g, c.occlusion, _occlude(picture, points, g), picture)
    picture = _where(g, c.colour, _recolour(picture, g), picture)
    picture = _where(g, c.grey, picture.mean(1, keepdim=True).expand_as(picture), picture)
    picture = _where(g, c.blur, _blur(picture, g), picture)
    picture = _where(g, c.blur / 2, _coarse(picture, g), picture)
    level = _uniform(g, (len(picture), 1, 1, 1), 0, 0.06)
    picture = _where(g, c.noise, picture + level * torch.randn(picture.shape, generator=g), picture).clamp(0, 1)
    return _jpeg(picture, c.jpeg, g), points


def background(like: Tensor, generator: Generator) -> Tensor:
    """Random walls, clutter and stripes in the shape of `like` (B, 3, S, S), float32 in [0, 1]."""
    batch, _, size, _ = like.shape
    out = _uniform(generator, (batch, 3, 1, 1), 0, 1) + 0.35 * _field(like, generator, 3, 2)
    out = out + _chance(generator, 0.6, batch) * 0.5 * _field(like, generator, 3, 8)
    out = out + _chance(generator, 0.4, batch) * 0.3 * _field(like, generator, 3, size // 4)
    # Hard edges: half-planes of another shade, as doors, books and collars make them.
    line = (torch.arange(size) + 0.5) / size - 0.5
    for _ in range(3):
        angle, offset = (
            _uniform(generator, (batch, 1, 1, 1), 0, 2 * math.pi),
            _uniform(generator, (batch, 1, 1, 1), -0.5, 0.5),
        )
        side = line[None, :] * angle.cos() + line[:, None] * angle.sin() > offset
        step = 0.3 * torch.randn((batch, 3, 1, 1), generator=generator)
        out = out + _chance(generator, 0.4, batch) * side * step
    return out.clamp(0, 1)


def faceless(images: Tensor, generator: Generator) -> Tensor:
    """Pictures (B, 3, S, S) in [0, 1] that show no face, made of ones (uint8) that do: the FAN's bad examples.

    A third is mere background, a third the picture's tiles in another order, a third a piece of 1/16 of its area.
    """
    batch, _, size, _ = images.shape
    picture = images.float() / 255
    tiles = picture.unfold(2, size // 4, size // 4).unfold(3, size // 4, size // 4).flatten(2, 3)  # (B, 3, 16, s, s)
    order = torch.stack([torch.randperm(16, generator=generator) for _ in range(batch)])
    mixed = torch.stack([t[:, o] for t, o in zip(tiles, order)])
    mixed = mixed.unflatten(2, (4, 4)).permute(0, 1, 2, 4, 3, 5).reshape(picture.shape)
    corner = torch.randint(0, size - size // 4, (batch, 2), generator=generator)
    pieces = torch.stack([p[:, y : y + size // 4, x : x + size // 4] for p, (y, x) in zip(picture, corner.tolist())])
    pieces = F.interpolate(pieces, size, mode="bicubic").clamp(0, 1)
    kind = torch.randint(0, 3, (batch, 1, 1, 1), generator=generator)
    return torch.where(kind == 0, background(picture, generator), torch.where(kind == 1, mixed, pieces))


def move(picture: Tensor, points: Tensor, c: Changes, g: Generator) -> tuple[Tensor, Tensor]:
    """Mirror (half of the time), turn, scale and shift pictures (B, C, S, S) and their points (B, 68, 3) alike."""
    batch = len(picture)
    angle = torch.deg2rad(c.rotation * torch.randn(batch, generator=g))
    scale = torch.exp((c.scale * torch.randn(batch, generator=g)).clamp(-2 * c.scale, 2 * c.scale))
    shift = c.shift * torch.randn((batch, 2), generator=g)
    flip = torch.rand(batch, generator=g) < 0.5
    picture = torch.where(flip[:, None, None, None], picture.flip(-1), picture)
    mirrored = points[:, list(MIRROR)] * torch.tensor([-1.0, 1, 1]) + torch.tensor([1.0, 0, 0])
    points = torch.where(flip[:, None, None], mirrored, points)
    # turn: new = 0.5 + shift + scale * R (old - 0.5); the grid needs the way back.
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], 1)
    back = turn.transpose(1, 2) / scale[:, None, None]
    theta = torch.cat([back, -2 * back @ shift[:, :, None]], 2)
    grid = F.affine_grid(theta, list(picture.shape), align_corners=False)
    picture = F.grid_sample(picture, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    xy = (points[..., :2] - 0.5) @ turn.transpose(1, 2) * scale[:, None, None] + 0.5 + shift[:, None]
    z = 0.5 + (points[..., 2:] - 0.5) * scale[:, None, None]
    return picture, torch.cat([xy, z], -1)


def tighten(picture: Tensor, points: Tensor, closer: Closer, g: Generator) -> tuple[Tensor, Tensor]:
    """Cut some of the pictures to a square around the points, as the network's second look does.

    Args:
        picture: (B, 3, S, S).  points: (B, 68, 3) crop coordinates; those outside the picture don't count.
    """
    centre, side = around(points)
    centre = centre + closer.jitter * side[:, None] * torch.randn(centre.shape, generator=g)
    side = side * _uniform(g, side.shape, *closer.margin)
    whole = torch.rand(side.shape, generator=g) >= closer.share
    centre, side = torch.where(whole[:, None], 0.5, centre), torch.where(whole, 1.0, side)
    return zoom(picture, centre, side), into(points, centre, side)


def _uniform(generator: Generator, shape: tuple, low: float, high: float) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)


def _chance(generator: Generator, share: float, batch: int) -> Tensor:
    """(B, 1, 1, 1) bool, true with probability `share`."""
    return torch.rand((batch, 1, 1, 1), generator=generator) < share


def _where(generator: Generator, share: float, changed: Tensor, kept: Tensor) -> Tensor:
    return torch.where(_chance(generator, share, len(kept)), changed, kept)


def _field(like: Tensor, generator: Generator, channels: int, cells: int) -> Tensor:
    """(B, channels, S, S) smooth noise of about `cells` bumps a side and standard deviation about 0.4."""
    coarse = 0.5 * torch.randn((len(like), channels, cells, cells), generator=generator)
    return F.interpolate(coarse, like.shape[-1], mode="bilinear", align_corners=cells > 1)


def _occlude(picture: Tensor, points: Tensor, g: Generator) -> Tensor:
    """An ellipse or a bar (a hand, a microphone, hair) of another texture somewhere on the face."""
    batch, _, size, _ = picture.shape
    low, high = points[..., :2].amin(1), points[..., :2].amax(1)
    centre = low + (high - low) * torch.rand((batch, 2), generator=g)
    radius = (high - low) * _uniform(g, (batch, 2), 0.06, 0.32)
    angle = _uniform(g, (batch, 1, 1), 0, math.pi)
    line = (torch.arange(size) + 0.5) / size
    dx, dy = line[None, None, :] - centre[:, 0, None, None], line[None, :, None] - centre[:, 1, None, None]
    u = (dx * angle.cos() + dy * angle.sin()) / radius[:, 0, None, None]
    v = (dy * angle.cos() - dx * angle.sin()) / radius[:, 1, None, None]
    bar = torch.rand((batch, 1, 1), generator=g) < 0.3
    inside = torch.where(bar, v.abs() < 0.5, u**2 + v**2 < 1).unsqueeze(1)
    return torch.where(inside, background(picture, g), picture)


def _recolour(picture: Tensor, g: Generator) -> Tensor:
    batch = len(picture)
    gamma = (0.3 * torch.randn((batch, 1, 1, 1), generator=g)).clamp(-0.8, 0.8).exp()
    picture = picture.clamp(1e-4, 1) ** gamma
    picture = picture * (0.12 * torch.randn((batch, 3, 1, 1), generator=g)).exp()
    grey = picture.mean(1, keepdim=True)
    picture = grey + (picture - grey) * _uniform(g, (batch, 1, 1, 1), 0.3, 1.6)
    middle = picture.mean((1, 2, 3), keepdim=True)
    contrast, brightness = _uniform(g, (batch, 1, 1, 1), 0.5, 1.5), 0.1 * torch.randn((batch, 1, 1, 1), generator=g)
    return (middle + (picture - middle) * contrast + brightness).clamp(0, 1)


def _blur(picture: Tensor, g: Generator) -> Tensor:
    """Gaussian blur of 0.3 to 1.8 pixels at 128, or motion blur of up to five: its widths across and down differ."""
    batch, channels, size, _ = picture.shape
    radius = 5
    steps = torch.arange(-radius, radius + 1, dtype=torch.float32)
    widths = _uniform(g, (batch, 2, 1), 0.3, 1.8) * size / 128
    kernel = torch.exp(-(steps**2) / (2 * widths**2))
    kernel = (kernel / kernel.sum(-1, keepdim=True)).repeat_interleave(channels, 0)
    flat = F.pad(picture.reshape(1, batch * channels, size, size), [radius] * 4, mode="replicate")
    flat = F.conv2d(flat, kernel[:, 0, None, None, :], groups=batch * channels)
    flat = F.conv2d(flat, kernel[:, 1, None, :, None], groups=batch * channels)
    return flat.reshape(picture.shape)


def _coarse(picture: Tensor, g: Generator) -> Tensor:
    """A small picture made larger; one factor, 1.3 to 3, for the batch."""
    size = picture.shape[-1]
    small = int(size / float(_uniform(g, (1,), 1.3, 3)))
    return F.interpolate(
        F.interpolate(picture, small, mode="bilinear", antialias=True), size, mode="bilinear", align_corners=False
    )


def _jpeg(picture: Tensor, share: float, g: Generator) -> Tensor:
    chosen = (torch.rand(len(picture), generator=g) < share).nonzero()[:, 0].tolist()
    for k in chosen:
        quality = int(torch.randint(15, 90, (1,), generator=g))
        pixels, stream = (picture[k] * 255).round().to(torch.uint8).permute(1, 2, 0).numpy(), io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
        with Image.open(stream) as read:
            picture[k] = pil_to_tensor(read).float() / 255
    return picture
