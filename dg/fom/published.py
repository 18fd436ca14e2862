"""The published checkpoints of the First Order Motion Model (vox-cpk.pth.tar and its like), read into these networks.

They are `torch.save` files of the networks "generator" and "kp_detector" with the layer names of their authors' code,
beside a discriminator and optimisers, which nothing here needs. Sizes are taken from the tensors' shapes.
"""

from __future__ import annotations

import re
from pathlib import Path

from torch import Tensor

from dg.checkpoints import save_checkpoint, with_prefix
from dg.errors import DgError
from dg.files import file_digest
from dg.fom.model import FILE
from dg.fom.networks import Fom
from dg.pickled import read_networks
from dg.sizes.fom import FomSizes

NAMES = (
    (r"kp_detector\.predictor\.encoder\.down_blocks", "detector.hourglass.down"),
    (r"kp_detector\.predictor\.decoder\.up_blocks", "detector.hourglass.up"),
    (r"kp_detector\.kp", "detector.heat"),
    (r"kp_detector\.jacobian", "detector.jacobian"),
    (r"generator\.dense_motion_network\.hourglass\.encoder\.down_blocks", "motion.hourglass.down"),
    (r"generator\.dense_motion_network\.hourglass\.decoder\.up_blocks", "motion.hourglass.up"),
    (r"generator\.dense_motion_network\.(mask|occlusion)", r"motion.\1"),
    (r"generator\.(first|final)", r"generator.\1"),
    (r"generator\.(down|up)_blocks", r"generator.\1"),
    (r"generator\.bottleneck\.r(\d+)", r"generator.middle.\1"),
)
"""Published layer or block, with its network's name before it -> ours."""
BLURS = ("kp_detector.down.weight", "generator.dense_motion_network.down.weight")
"""Fixed kernels, which ours computes."""
NOTE = "the authors' published checkpoint, not trained by this project; their terms apply"


def load_published(path: Path) -> Fom:
    """The model of a published checkpoint, frozen. No code in the file is run.

    Raises:
        DgError: no such file, one that holds more than tensors, or a missing, unknown or wrongly shaped tensor.
    """
    networks = read_networks(path, "vox-cpk.pth.tar", {"generator", "kp_detector"})
    state: dict[str, Tensor] = {}
    published: dict[str, str] = {}
    for network, tensors in networks.items():
        for name, tensor in with_prefix(network, tensors).items():
            if name not in BLURS:
                ours = _our_name(name)
                state[ours], published[ours] = tensor.float() if tensor.is_floating_point() else tensor, name
    fom = Fom(_sizes(state, path))
    wanted = fom.state_dict()
    for name, empty in wanted.items():
        if name not in state and name.endswith("num_batches_tracked"):
            state[name] = empty  # not in the oldest files, and unused in tests
        elif name not in state:
            raise _missing(name, path)
        elif state[name].shape != empty.shape:
            shape = f"'{published[name]}' has shape {tuple(state[name].shape)}, expected {tuple(empty.shape)}"
            raise DgError(f"{path}: {shape}. Expected a checkpoint of the published face model's form.")
    if strange := sorted(set(state) - set(wanted)):
        raise DgError(
            f"{path}: '{published[strange[0]]}' has no place in this network. Expected a checkpoint of the published "
            "face model's form."
        )
    fom.load_state_dict(state)
    return fom.eval().requires_grad_(False)


def convert(path: Path, out: Path) -> None:
    """Write a published checkpoint as the model `out`/fom.safetensors, in place of a trained one.

    Raises:
        DgError: see `load_published`.
    """
    fom = load_published(path)
    source = {"file": path.name, "sha256": file_digest(path)}
    card = {"sizes": fom.sizes.model_dump(), "start": NOTE, "source": source}
    save_checkpoint(out / FILE, with_prefix("ema_fom", fom.state_dict()), card)


def _our_name(published: str) -> str:
    for place, ours in NAMES:
        if re.match(rf"{place}\.", published):
            return re.sub(rf"^{place}", ours, published)
    return published


def _missing(name: str, path: Path) -> DgError:
    return DgError(f"{path}: no tensor for '{name}'. Is the download whole, and is it a face model of its authors?")


def _sizes(state: dict[str, Tensor], path: Path) -> FomSizes:
    def outputs(layer: str) -> int:
        if f"{layer}.weight" not in state:
            raise _missing(f"{layer}.weight", path)
        return state[f"{layer}.weight"].shape[0]

    down = "detector.hourglass.down"
    levels = len({name.split(".")[3] for name in state if name.startswith(f"{down}.")})
    last = max(levels - 1, 0)
    hourglasses = [f"{net}.hourglass.down.{last}.conv" for net in ("detector", "motion")]
    return FomSizes(
        size=2 ** (levels + 3),
        points=outputs("detector.heat"),
        levels=levels,
        detector_channels=outputs(f"detector.hourglass.up.{last}.conv"),
        motion_channels=outputs(f"motion.hourglass.up.{last}.conv"),
        hourglass_max=max(map(outputs, hourglasses)),
        channels=outputs("generator.first.conv"),
        max_channels=outputs("generator.down.1.conv"),
    )
