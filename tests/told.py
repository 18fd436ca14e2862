"""Settings of steps, as tests tell them."""

from typing import TypeVar

from dg.checked import Strict
from dg.steps.data import PairsSettings
from dg.steps.evaluate import EvaluateSettings
from dg.steps.landmarks import LandmarkNetwork

Values = TypeVar("Values", bound=Strict)


def changed(settings: Values, **values) -> Values:
    """A checked copy with some values changed."""
    return type(settings).model_validate(settings.model_dump() | values)


def pairs_settings(test: str = "RaFD", **values) -> PairsSettings:
    """Of a small pair list."""
    sizes = {"references": 5, "videos": 2, "vox1_frames": 4, "vox_frames": 4, "max_pairs": None}
    return PairsSettings(test=test, **{"seed": 0} | sizes | values)


def evaluate_settings(**values) -> EvaluateSettings:
    """With the networks that are at hand."""
    few = {"test": "RaFD", "method": "mine", "seed": 0, "training_seed": None, "bootstrap": 100}
    networks = {"csim": "dlib", "fid": "efficientnet-lite0", "lpips": "none", "ssim_reference": "none"}
    landmarks = LandmarkNetwork(backend="fan-synthface", weights=None, visibility=None)
    return EvaluateSettings(**few | networks | {"landmarks": landmarks, "landmark_dims": 3} | values)
