"""Runs one training in a process of its own, for tests/test_training_runs.py: stand-in networks, a kill on request.

Nothing here knows how the trainings work inside: the stand-ins replace the two loaders before the trainings are
imported, the clock runs 100 s a call so that any "every n seconds" state is written at each step, and the process kills
itself (SIGKILL) at the n-th update of an optimiser.

    python -m tests.training_driver '{"verb": "idsg" | "rfg" | "finetune", "settings": {...}, "folders": [...],
                                      "out": ..., "init": ..., "idsg": ..., "state": ..., "keys": [...],
                                      "kill_at": n or null, "poison_at": n or null, "rank": n or null,
                                      "sgd": lr or null}'

rank: the process of torchrun's that is killed or poisoned. sgd: plain gradient descent in float32 in place of Adam, so
that rounding stays rounding: Adam makes whole steps of the sign of a gradient that is zero but for rounding.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import torch
from torch import nn

import dg.identity.encoder
import dg.landmarks.fan
import dg.precision


class Landmarks(nn.Module):
    """F_l's interface: a fixed convolution's soft-argmax."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(7)
        self.weight = nn.Parameter(torch.randn(68, 3, 5, 5, generator=generator), requires_grad=False)

    def soft(self, images: torch.Tensor, _near: torch.Tensor) -> torch.Tensor:
        heat = nn.functional.conv2d(images.float(), self.weight, padding=2)
        place = torch.softmax(heat.flatten(2), -1).unflatten(-1, heat.shape[2:])
        grid = (torch.arange(heat.shape[-1]) + 0.5) / heat.shape[-1]
        return torch.stack([(place.sum(2) * grid).sum(-1), (place.sum(3) * grid).sum(-1)], -1)


class Encoder(nn.Module):
    """E_f's interface: a fixed linear map of the picture at 8 x 8, moved by where the landmarks are."""

    dimension = 6

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(8)
        self.weight = nn.Parameter(torch.randn(6, 192, generator=generator), requires_grad=False)

    def forward(self, images: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
        codes = nn.functional.adaptive_avg_pool2d(images.float(), 8).flatten(1) @ self.weight.T
        return codes + points.mean((1, 2))[:, None] * self.weight[:, 0]


def _slow_clock() -> None:
    real, calls = time.monotonic, [0]

    def monotonic() -> float:
        calls[0] += 1
        return real() + 100 * calls[0]

    time.monotonic = monotonic


def _at_update(number: int | None, do) -> None:
    original, count = torch.optim.Adam.step, [0]

    def step(self, *args, **kwargs):
        result = original(self, *args, **kwargs)
        count[0] += 1
        if count[0] == number:
            do(self)
        return result

    torch.optim.Adam.step = step


def _poison(optimiser: torch.optim.Optimizer) -> None:
    optimiser.param_groups[0]["params"][0].data.fill_(float("nan"))


def _descend(lr: float) -> None:
    dg.precision.has_bfloat16 = lambda _: False
    torch.optim.Adam = lambda parameters, **_: torch.optim.SGD(parameters, lr)


def main() -> int:
    """Train; 1 and the message on a DgError."""
    job = json.loads(sys.argv[1])
    torch.set_num_threads(1)
    dg.landmarks.fan.load_landmark_net = lambda *_, **__: Landmarks()
    dg.identity.encoder.load_face_encoder = lambda *_, **__: Encoder()
    _slow_clock()
    chosen = job.get("rank") is None or str(job["rank"]) == os.environ.get("RANK")
    if job.get("kill_at") and chosen:
        _at_update(job["kill_at"], lambda _: os.kill(os.getpid(), signal.SIGKILL))
    if job.get("poison_at") and chosen:
        _at_update(job["poison_at"], _poison)
    if job.get("sgd"):
        _descend(job["sgd"])
    from dg.errors import DgError
    from dg.idsg import load_idsg
    from dg.idsg.training import train_idsg
    from dg.rfg.fine_tuning import fine_tune
    from dg.rfg.training import train_rfg
    from dg.steps.idsg import IdsgSettings
    from dg.steps.rfg import FineTuning, RfgSettings

    form = {"idsg": IdsgSettings, "rfg": RfgSettings, "finetune": FineTuning}[job["verb"]]
    values = form.model_validate(job["settings"])
    path = {key: Path(job[key]) if job.get(key) else None for key in ("out", "init", "idsg", "state")}
    folders = [Path(folder) for folder in job["folders"]]
    try:
        if job["verb"] == "idsg":
            train_idsg(values, folders, path["out"], path["init"], path["state"])
        elif job["verb"] == "finetune":
            fine_tune(values, folders[0], job["keys"], path["init"], path["out"], path["state"])
        else:
            driver = load_idsg(path["idsg"]) if path["idsg"] else None
            train_rfg(values, folders, path["out"], path["init"], driver, path["state"])
    except DgError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
