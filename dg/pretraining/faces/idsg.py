"""The bundled IDSG's training: eq. (6) and its norm of eyes and mouth, on many people, where every pair has a truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from dg.errors import DgError
from dg.idsg.losses import localisation_loss
from dg.idsg.networks import POINTS, Idsg
from dg.landmarks.regions import VLS_REGIONS
from dg.pretraining.faces.recipe import IdsgRecipe
from dg.pretraining.faces.schedule import Schedule, run_reported
from dg.pretraining.faces.state import digest, load_state, part_of, save_state

REPORT_EVERY = 1000  # steps
SHUT = 0.1
"""Eyes are all but shut below this `eye_opening`."""


@dataclass(frozen=True)
class People:
    """The tensors that `make_shapes` wrote.

    Attributes:
        points: (p, shots, 68, 3); codes: (p, pictures, D); first, count: (p,), of each person's group.
    """

    points: Tensor
    codes: Tensor
    first: Tensor
    count: Tensor

    @classmethod
    def load(cls, path: Path, people: int = 0) -> People:
        """Those of `path`, the first `people` of them (0: all).

        Raises:
            DgError: no such file.
        """
        if not path.exists():
            raise DgError(f"{path}: no shapes there. Make them first: python -m dg.pretraining.faces shapes")
        stored = load_file(path)
        group = stored["group"][: people or None]
        _, place, count = torch.unique_consecutive(group, return_inverse=True, return_counts=True)
        first = (count.cumsum(0) - count)[place]
        return cls(stored["points"][: len(group)], stored["codes"][: len(group)], first, count[place])

    def pairs(self, seed: int, step: int, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """l_r (b, 68, 3), r_s and r_r (b, D), l_t (b, 68, 3); the first half are of one person, or of one group.

        The source is between two people, code and landmarks alike: of a thousand people each would be learnt by heart
        (mixup, Zhang et al. 2018), and in SynthFace whoever is between two people is one.
        """
        g = torch.Generator().manual_seed(seed * 1_000_003 + step)
        source = torch.randint(len(self.points), (count,), generator=g)
        other, second = (
            self.first[source] + (torch.rand(count, generator=g) * self.count[source]).long() for _ in range(2)
        )
        reference = torch.where(torch.arange(count) < count // 2, source, other)
        shot = torch.randint(self.points.shape[1], (count,), generator=g)
        share = torch.rand(count, 1, generator=g)
        r_r, r_s, r_2 = (
            self.codes[who, torch.randint(self.codes.shape[1], (count,), generator=g)]
            for who in (reference, source, second)
        )
        r_s = F.normalize(share * r_s + (1 - share) * r_2, dim=1) * r_s.shape[1] ** 0.5
        l_t = torch.lerp(self.points[second, shot], self.points[source, shot], share[..., None])
        return self.points[reference, shot], r_s, r_r, l_t


class IdsgPretraining:
    """G_l with its optimiser; `run` trains, `save` writes all of it to one file."""

    def __init__(self, recipe: IdsgRecipe, people: People, state: Path) -> None:
        """Random weights, or go on from `state`.

        Raises:
            DgError: `state` is of another recipe or of codes of another E_f.
        """
        self.told = digest([people.codes])
        self.recipe, self.people, self.state, self.step = recipe, people, state, 0
        self.schedule = Schedule(recipe.steps)
        torch.manual_seed(recipe.seed)
        self.net = Idsg(3, people.codes.shape[-1], "centred")
        self.optimisers = {"net": torch.optim.AdamW(self.net.parameters(), weight_decay=recipe.decay, fused=True)}
        if state.exists():
            stored, self.step = load_state(state, recipe, self.optimisers, self.told)
            self.net.load_state_dict(part_of("net", stored))

    def run(self, minutes: float) -> None:
        """Train to the recipe's end, within so many minutes; saves every two."""
        run_reported(self, minutes, REPORT_EVERY, "IDSG's eq. (6)")

    def advance(self) -> Tensor:
        """One step; returns eq. (6)."""
        recipe, net = self.recipe, self.net
        for group in self.optimisers["net"].param_groups:
            group["lr"] = self.schedule.rate(self.step, recipe.lr, recipe.lr / 100)
        l_r, r_s, r_r, l_t = self.people.pairs(recipe.seed, self.step, recipe.batch)
        l_r, l_t = net.flat(l_r), net.flat(l_t)
        gamma = net.encode(l_r)
        known = torch.ones(len(l_r), dtype=torch.bool)
        lhat_r, lhat_t = net.decode(gamma, r_r), net.decode(gamma, r_s)
        loss = localisation_loss(lhat_r, l_r, lhat_t, l_t, known)
        if recipe.lambda_shape:
            shape = local_shape_loss(lhat_r, l_r) + local_shape_loss(lhat_t, l_t)
            loss = loss + recipe.lambda_shape * shape
        self.optimisers["net"].zero_grad(set_to_none=True)
        loss.backward()
        self.optimisers["net"].step()
        self.step += 1
        return loss.detach()

    def save(self) -> None:
        """Write weights, moments and the recipe."""
        tensors = {f"net.{key}": value for key, value in self.net.state_dict().items()}
        save_state(self.state, tensors, self.optimisers, self.step, self.recipe, self.told)


def local_shape_loss(lhat: Tensor, truth: Tensor) -> Tensor:
    """Eq. (6)'s norm of eyes and mouth alone, each about its own middle; both (B, 204).

    To eq. (6) it matters far more where a face lies than how far its lids are open: these move by a hundredth of the
    picture.
    """
    off = (lhat - truth).unflatten(1, (POINTS, -1))
    regions = (off[:, list(VLS_REGIONS[name])] for name in ("left_eye", "right_eye", "mouth"))
    return sum((region - region.mean(1, keepdim=True)).abs().sum((1, 2)).mean() for region in regions)


@torch.no_grad()
def measure_idsg(net: Idsg, people: People, pairs: int = 4096) -> dict[str, float]:
    """Mean distance of the 68 x, y to the truth, in percent of the picture, pairs of different people of a group.

    Returns:
        idsg; reference: of the reference's landmarks unchanged; mean_person: of the mean of all other people in the
        reference's shot, the best guess of who doesn't look at the source; lids_idsg, lids_truth: mean `eye_opening` of
        the pairs whose truth's eyes are all but shut, if there are any.
    """
    g = torch.Generator().manual_seed(1)
    source = torch.randint(len(people.points), (pairs,), generator=g)
    step = 1 + (torch.rand(pairs, generator=g) * (people.count[source] - 1)).long()
    reference = people.first[source] + (source - people.first[source] + step) % people.count[source]
    shot = torch.randint(people.points.shape[1], (pairs,), generator=g)
    code = people.codes[source, torch.randint(people.codes.shape[1], (pairs,), generator=g)]
    l_r, l_t = people.points[reference, shot], people.points[source, shot]
    made = net(net.flat(l_r), code).unflatten(1, (POINTS, net.dims))
    everybody = torch.stack([people.points[f : f + c, s].sum(0) for f, c, s in _places(people, source, shot)])
    mean = (everybody - l_t) / (people.count[source] - 1)[:, None, None]
    found = {
        name: round(100 * float((points[..., :2] - l_t[..., :2]).norm(dim=2).mean()), 3)
        for name, points in (("idsg", made), ("reference", l_r), ("mean_person", mean))
    }
    shut = eye_opening(l_t) < SHUT
    lids = {"lids_idsg": made, "lids_truth": l_t} if shut.any() else {}
    return found | {name: round(float(eye_opening(points[shut]).mean()), 3) for name, points in lids.items()}


def eye_opening(points: Tensor) -> Tensor:
    """(b, 68, 3) -> (b,): height over width of the eyes, mean of both; about .3 open, 0 shut (Soukupova and Cech 2016).

    In three dimensions, so that an eye doesn't seem to open where the head turns.
    """
    upper, lower = points[:, [37, 38, 43, 44]], points[:, [41, 40, 47, 46]]
    width = (points[:, [36, 42]] - points[:, [39, 45]]).norm(dim=2)
    return ((upper - lower).norm(dim=2).unflatten(1, (2, 2)).mean(2) / width).mean(1)


def _places(people: People, source: Tensor, shot: Tensor) -> zip:
    return zip(people.first[source].tolist(), people.count[source].tolist(), shot.tolist())
