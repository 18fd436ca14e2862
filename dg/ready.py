"""Whether params.yaml can be carried out, asked before hours of work: every variant's values, and its weights."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from dg.checked import Strict
from dg.errors import DgError
from dg.files import read_json
from dg.identity import DIMENSIONS
from dg.params import Params, read_values, validate
from dg.sizes.idsg import IdsgSizes
from dg.steps.rfg import rfg_settings
from dg.study.variants import all_variants, require_own_keys, set_by, with_overrides
from dg.weights import bundled
from dg.weights.identity import ENCODERS, PERCEPTUAL
from dg.weights.metrics import ARCFACE, INCEPTION
from dg.weights.published import Published

_SIZES = {
    "size": "scales.{scale}.image_size",
    "channels": "scales.{scale}.rfg.channels",
    "max_channels": "scales.{scale}.rfg.max_channels",
    "style_dim": "rfg.style_dim",
    "adain_intermediate": "rfg.adain_intermediate",
    "style_norm": "rfg.style_norm",
    "rgb_norm": "rfg.rgb_norm",
    "rgb_kernel": "rfg.rgb_kernel",
    "upsampling": "rfg.upsampling",
    "noise": "rfg.noise",
}
"""What the RFG's weights depend on, by name in a checkpoint's card: the key of params.yaml."""
_IDSG_SIZES = {
    "landmark_dims": "idsg.landmark_dims",
    "face_code": "identity.backend",
    "coordinates": "idsg.coordinates",
}
"""The same of the IDSG's; the back end says how long face codes are."""


def check_variants(params: Params) -> None:
    """Look at the values of every variant, and at the start of its RFG.

    Raises:
        DgError: a preset or an ablation changes an unknown key or sets a wrong value, an ablation changes what all
            variants share, or the RFG is to start from bundled weights of other sizes.
    """
    chosen = {variant: with_overrides(params, variant) for variant in all_variants(params)}
    require_own_keys(params)
    for variant, values in chosen.items():
        if values.sizes.rfg.init == "bundled":
            _same_sizes(values, variant, "rfg", rfg_settings(values, "self").sizes, _SIZES)
        if values.sizes.idsg.init == "bundled":
            wanted = IdsgSizes(
                landmark_dims=values.idsg.landmark_dims,
                face_code=DIMENSIONS[values.identity.backend],
                coordinates=values.idsg.coordinates,
            )
            _same_sizes(values, variant, "idsg", wanted, _IDSG_SIZES)


def check_grid(path: Path, words: list[str]) -> int:
    """Look at the values of every experiment that `dvc exp run` would make of its options `--set-param`.

    Args:
        path: of params.yaml.
        words: KEY=VALUE or, for a grid, KEY=VALUE,VALUE or KEY=range(FROM,TO).

    Returns:
        How many those are.

    Raises:
        DgError: DVC takes the words for none, or the values of one are refused; the message says which.
    """
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import apply_overrides, get_hydra_sweeps

    if bare := [word for word in words if "=" not in word]:
        raise DgError(f"'{bare[0]}': expected KEY=VALUE or KEY=VALUE,VALUE, such as lambda_vls=1,5.")
    words = [word.removeprefix(f"{path.name}:") for word in words]
    try:
        experiments = [chosen[path.name] for chosen in get_hydra_sweeps({path.name: words})]
        for chosen in experiments:
            with TemporaryDirectory() as folder:
                values = Path(shutil.copy(path, folder))
                apply_overrides(values, chosen)
                try:
                    check_variants(validate(read_values(values), path.name))
                except DgError as error:
                    raise DgError(f"with {' '.join(chosen)}: {error}") from None
    except DvcException as error:
        raise DgError(f"{' '.join(words)}: {error.__cause__ or error}") from None
    return len(experiments)


def require_a_place_for_caches() -> None:
    """Snakemake refuses to start where it can't write its cache, with its own source code instead of a message.

    Raises:
        DgError: the folder can't be written.
    """
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(there, os.W_OK):
        raise DgError(
            f"{there}: Snakemake keeps its cache there, and it can't be written. Name another place and run the same "
            "command again: export XDG_CACHE_HOME=$PWD/.cache"
        )


def require_a_way_back() -> None:
    """In an experiment's own folder (`dvc exp run --temp`, `--queue`): whether its results will come back.

    Raises:
        DgError: the repository is a shallow clone, whose Git takes no commits from there; DVC would run everything and
            drop it without a word.
    """
    before, inside, _ = Path.cwd().as_posix().partition("/.dvc/tmp/exps/")
    asked = ["git", "-C", before, "rev-parse", "--is-shallow-repository"]
    if inside and subprocess.run(asked, capture_output=True, text=True).stdout.strip() == "true":
        raise DgError(
            f"{before}: a shallow clone, to which Git brings no experiment back from a folder of its own. Run `git "
            "fetch --unshallow` first, or `dvc exp run` without --temp and --queue."
        )


def _same_sizes(chosen: Params, variant: str, network: str, wanted: Strict, keys: dict[str, str]) -> None:
    path, name = bundled(f"{network}-synthface"), network.upper()
    stored = type(wanted)(**read_json(path.with_suffix(".json"))["sizes"])
    unlike = [
        f"{key.format(scale=chosen.scale)}: {getattr(wanted, size)} (bundled: {getattr(stored, size)})"
        for size, key in keys.items()
        if getattr(wanted, size) != getattr(stored, size)
    ]
    if unlike:
        init = f"scales.{chosen.scale}.{network}.init"
        raise DgError(
            f"params.yaml ({variant}): {init}: bundled starts the {name} from {path.name}, which has other sizes: "
            f"{'; '.join(unlike)}. Set {init}: scratch, or these keys to the bundled values."
        )


def require_weights(params: Params) -> None:
    """Look for the files of every network that a variant uses and that no package and not this project ships.

    The networks of `landmarks.backend: fan` and the detectors of `landmarks.detector` are not among them: their step,
    one of the first, fetches them.

    Raises:
        DgError: one is missing or another than published; the message says address, folder and, where its publisher
            gives one, digest.
    """
    wanted: dict[tuple[str, str], str] = {}
    for variant in all_variants(params):
        chosen = with_overrides(params, variant)
        for key in _NEEDS:
            block, name = key.split(".")
            if key != "rfg.identity_loss" or chosen.lambda_id:
                wanted.setdefault((key, getattr(getattr(chosen, block), name)), variant)
    for (key, value), variant in wanted.items():
        if value in _NEEDS[key]:
            place = set_by(params, variant, key)
            _NEEDS[key][value](f" (under {place}, which sets it)" if place else "")
    for name, method in params.methods.items():
        if method.weights and method.tests and not Path(method.weights).is_file():
            raise DgError(
                f"params.yaml: methods.{name}.weights: no file {method.weights}. Lay it there, or set it to null: then "
                "the method starts without it."
            )


def _look_for(weights: Published) -> Callable[[str], object]:
    return lambda place: weights.require(place=place)


# Key, its value, what looks for the files; the argument says where params.yaml sets the key, if not there.
_NEEDS: dict[str, dict[str, Callable[[str], object]]] = {
    "metrics.csim": {"arcface": _look_for(ARCFACE)},
    "metrics.fid": {"inception": _look_for(INCEPTION)},
    "identity.backend": {name: _look_for(weights) for name, weights in ENCODERS.items()},
    "rfg.identity_loss": {"perceptual": _look_for(PERCEPTUAL)},
}
