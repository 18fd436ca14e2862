"""Training of the bundled face encoder `synthface-id`, and the measuring of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from scipy.stats import mannwhitneyu
from torch import Tensor, nn

from dg.checkpoints import save_checkpoint
from dg.identity.encoder import FaceEncoder
from dg.identity.network import FaceCodeNet
from dg.pretraining.augment import randomise
from dg.pretraining.loop import fit
from dg.pretraining.people import People, load_people
from dg.pretraining.settings import Changes


class _Classifier(nn.Module):
    """The encoder and one direction per training person, for the margin loss."""

    def __init__(self, dimension: int, people: int) -> None:
        super().__init__()
        self.net = FaceCodeNet(dimension)
        self.directions = nn.Parameter(torch.randn(people, dimension))

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, H) -> (B, people) cosines."""
        codes = self.net(images).float()
        return F.normalize(codes, dim=1) @ F.normalize(self.directions, dim=1).T


def train_identity(people: Path, out: Path, settings: dict[str, Any], state: Path, until: int | None = None) -> dict:
    """Train `FaceCodeNet` to name the people of `people`, measure it on people left out, write `out` and its card.

    The loss is the softmax over cosines with a margin (CosFace, Wang et al. 2018): scale * (cos - margin for the right
    person).

    Args:
        people: folder of the SynthFace set `synth_people`.
        out: safetensors file, float16.
        settings: block `synthface-id` of dg/pretraining/settings.yaml.
        state: folder of the resume state; a killed run goes on from there.
        until: stop at this step of the schedule and write what there is.

    Returns:
        the card, with the measured numbers under "metrics".

    Raises:
        DgError: the set is missing or unreadable.
    """
    torch.manual_seed(settings["seed"])
    learn, measure = load_people(people, settings["held_out"])
    count = int(learn.subject.max()) + 1
    model = _Classifier(settings["dimension"], count).to(memory_format=torch.channels_last)

    def batch_of(step: int) -> tuple[Tensor, Tensor, Tensor]:
        generator = torch.Generator().manual_seed(settings["seed"] * 1_000_003 + step)
        rows = torch.randint(len(learn), (settings["batch"],), generator=generator)
        pictures, _ = randomise(
            learn.images[rows], learn.masks[rows], learn.points[rows], Changes(**settings["augment"]), generator
        )
        margin = settings["margin"] * min(1.0, 5 * step / settings["steps"])
        return pictures, learn.subject[rows], torch.tensor(margin)

    def loss_of(pictures: Tensor, subject: Tensor, margin: Tensor) -> Tensor:
        cosines = model(pictures)
        logits = settings["scale"] * (cosines - margin * F.one_hot(subject, count))
        return F.cross_entropy(logits, subject)

    loss = fit(
        model,
        batch_of,
        loss_of,
        steps=settings["steps"],
        lr=settings["lr"],
        weight_decay=settings["weight_decay"],
        state=state / "identity.safetensors",
        name="synthface-id",
        until=until,
    )
    tensors = {name: t.half() if t.is_floating_point() else t for name, t in model.net.state_dict().items()}
    model.net.load_state_dict(tensors)  # what is measured is what is written
    card = {
        "what": "FaceCodeNet, 128-d face codes (dg/pretraining/identity.py)",
        "data": f"{len(learn)} SynthFace pictures of {count} people that don't exist; "
        f"measured on {len(measure)} pictures of {len(measure.subject.unique())} others",
        "settings": settings,
        "steps_done": until or settings["steps"],
        "torch": torch.__version__,
        "metrics": {
            "training_loss": loss,
            **measure_identity(FaceEncoder(model.net, settings["dimension"]), measure),
        },
    }
    save_checkpoint(out, tensors, card)
    return card


@torch.no_grad()
def measure_identity(encoder: FaceEncoder, people: People) -> dict[str, float]:
    """AUC of the cosine between two pictures of people not seen in training: the same person or not.

    Returns:
        auc: over all pairs; auc_yaw_0_30: both pictures within 30 degrees of frontal; auc_frontal_profile: one within
        30, the other beyond 60 degrees (the large-pose case).
    """
    codes = torch.cat([encoder(chunk.float() / 255) for chunk in people.images.split(64)])
    cosine = F.normalize(codes, dim=1) @ F.normalize(codes, dim=1).T
    same = people.subject[:, None] == people.subject
    yaw = people.pose[:, 0].abs()
    frontal, profile = yaw < 30, yaw > 60
    upper = torch.ones_like(same).triu(1)
    cases = {
        "auc": upper,
        "auc_yaw_0_30": upper & frontal[:, None] & frontal,
        "auc_frontal_profile": frontal[:, None] & profile,
    }
    return {name: round(auc(cosine[pairs & same], cosine[pairs & ~same]), 4) for name, pairs in cases.items()}


def auc(same: Tensor, different: Tensor) -> float:
    """Chance that a value of `same` is the larger of a random pair: the Mann-Whitney statistic over all pairs."""
    return float(mannwhitneyu(same.double().numpy(), different.double().numpy()).statistic / len(same) / len(different))
