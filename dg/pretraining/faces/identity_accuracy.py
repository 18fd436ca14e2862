"""How well E_f tells apart people whom it has never seen."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from scipy.stats import mannwhitneyu
from torch import Tensor

from dg.identity.network import FaceCodeNet, squares
from dg.pretraining.faces.pictures import Pictures


@torch.no_grad()
def measure_identity(net: FaceCodeNet, people: Pictures) -> dict[str, float]:
    """What the cosine of two pictures' codes says about whether they show one person.

    Returns:
        auc over all pairs of pictures; rank1: share of pictures whose nearest other one shows the same person.
    """
    codes, who = [], []
    for number in range(len(people.people)):
        images, points = people.images_of(number)
        codes.append(net(squares(images, points)))
        who += [number] * len(images)
    codes, who = F.normalize(torch.cat(codes), dim=1), torch.tensor(who)
    cosine, same = codes @ codes.t(), who[:, None] == who
    upper = torch.ones_like(same).triu(1)
    nearest = (cosine - 9 * torch.eye(len(cosine))).argmax(1)
    return {
        "auc": round(auc(cosine[upper & same], cosine[upper & ~same]), 5),
        "rank1": round(float((who[nearest] == who).float().mean()), 4),
    }


def auc(same: Tensor, different: Tensor) -> float:
    """Chance that a value of `same` is the larger of a random pair: the Mann-Whitney statistic over all pairs."""
    return float(mannwhitneyu(same.double().numpy(), different.double().numpy()).statistic / len(same) / len(different))
