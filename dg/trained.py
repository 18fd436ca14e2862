"""The checkpoints of the trainings: each named by what it is, and shared by all variants that need just that one.

`results/<rule>/<variant>/<model>.safetensors` belongs to Tables 3 and 4, whose variants are "dg", "seed-1", ...;
`results/ablations/<rule>/<digest>/<model>.safetensors` is named by the values of the training and of those before it.
Of a method that is trained it is a folder, `results/methods/<method>/<variant>/<model>`.
So no row of `ablations` has a say in what another row's checkpoints are called, and a row shares every training whose
values it doesn't change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dg.digests import digest_of
from dg.errors import DgError
from dg.networks import Training
from dg.params import Params
from dg.steps.registry import step_settings
from dg.study.data import dataset_of
from dg.study.models import model_of, models_of, training_behind, training_sets
from dg.study.trainings import trainings
from dg.study.variants import all_variants, main_variants

INDEX = "results/ablations/checkpoints.csv"


@dataclass(frozen=True)
class Checkpoint:
    """What one training leaves.

    Attributes:
        path: the file or folder, relative to the project's folder.
        digest: of the values of the training and of those before it.
        model: says what data it learns from, see `dg.study.models.training_sets`.
        variant: the first one that uses it; all that do have the same values here.
        needs: the checkpoints that the training takes, by the option of its verb.
    """

    path: str
    digest: str
    training: Training
    model: str
    variant: str
    needs: dict[str, Checkpoint]


class Checkpoints:
    """The checkpoints of every variant.

    Attributes:
        models: all models there are.
    """

    def __init__(self, params: Params) -> None:
        self._params = params
        self._of: dict[tuple[str, str, str], Checkpoint] = {}
        self._at: dict[str, Checkpoint] = {}
        known: dict[str, Checkpoint] = {}
        main = main_variants(params)
        self.models = sorted({model for variant in all_variants(params) for model in models_of(params, variant)})
        # Those of Tables 3 and 4 come first and are named so.
        for variant in all_variants(params):
            for model in models_of(params, variant):
                for training in trainings(params).values():
                    needs = {option: self._of[rule, model, variant] for option, rule in training.needs.items()}
                    digest = _digest(params, training, model, variant, needs)
                    place = (variant, model) if variant in main else (digest, model, "ablations/")
                    made = Checkpoint(training.checkpoint(*place), digest, training, model, variant, needs)
                    made = known.setdefault(digest, made)
                    self._of[training.rule, model, variant] = self._at[made.path] = made

    def __iter__(self) -> Iterator[Checkpoint]:
        """Each checkpoint once."""
        return iter(self._at.values())

    def of(self, training: Training, model: str, variant: str) -> Checkpoint:
        """What `training` leaves for a model of a variant."""
        return self._of[training.rule, model, variant]

    def tested(self, network: str, test: str, variant: str) -> Checkpoint:
        """The checkpoint of a network that a variant's test uses."""
        model = model_of(self._params, dataset_of(self._params, test), variant)
        return self.of(training_behind(self._params, network, test, variant), model, variant)

    def at(self, path: str) -> Checkpoint:
        """The checkpoint that lies at `path`.

        Raises:
            DgError: no variant of params.yaml as it stands has such a checkpoint.
        """
        try:
            return self._at[path]
        except KeyError:
            raise DgError(
                f"{path}: no variant of params.yaml needs this checkpoint. Those that are needed stand in {INDEX}."
            ) from None


def _digest(params: Params, training: Training, model: str, variant: str, needs: dict[str, Checkpoint]) -> str:
    settings = step_settings(params, training.step, variant, **training.which)
    before = {option: made.digest for option, made in needs.items()}
    return digest_of([training.rule, model, training_sets(params, model), settings.plain(), before])
