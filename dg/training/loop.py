"""The loop that trains both generators: resume, moving averages, progress, losses, samples."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from pydantic import BaseModel

from dg.checkpoints import save_checkpoint, with_prefix
from dg.errors import DgError
from dg.files import write_csv
from dg.training.card import card
from dg.training.prefetch import Prefetch
from dg.training.progress import Progress, say
from dg.training.state import FILE, load_state, save_state
from dg.training.team import Team
from dg.training.watch import LossWatch, not_finite

SECONDS_BETWEEN_STATES = 30.0
STEPS_BETWEEN_CLOCKS = 10
"""Several processes ask rank 0's clock only so often: each time they wait for one another."""


class Trainer:
    """Networks, their optimisers and their moving averages, trained step by step.

    Nothing but the step number decides what a step draws (batches and noise come from (seed, step)), so the state is
    networks, averages, optimisers and that number, and a killed run ends with the weights of one that never was.
    """

    def __init__(
        self,
        nets: dict[str, torch.nn.Module],
        optimisers: dict[str, torch.optim.Optimizer],
        averaged: list[str],
        ema: float,
        seed: int,
        out: Path,
        state: Path,
        team: Team | None = None,
    ) -> None:
        """Set up.

        Args:
            nets: name -> network, in training.
            averaged: names of the nets that testing uses, as moving averages started from the initialised nets.
            ema: weight of the old average per step.
            out: where the result will go; losses and samples lie beside it.
            state: folder for the resume state.
            team: the processes that share each batch; None: this one alone.
        """
        self.team = team or Team()
        self.nets, self.optimisers, self.ema, self.seed = nets, optimisers, ema, seed
        self.averages = {name: copy.deepcopy(nets[name]).requires_grad_(False).eval() for name in averaged}
        self.out, self.state = Path(out), Path(state)
        self.rows: list[dict[str, float]] = []
        self.seconds = self.waited = 0.0
        self._saved = 0
        self._watch = LossWatch(self.team, {})

    def run(
        self,
        steps: int,
        draw: Callable[[int], Any],
        step: Callable[[int, Any], dict[str, torch.Tensor]],
        sample: Callable[[int, Path], None],
        name: str,
        threads: int = 1,
    ) -> None:
        """Train up to `steps` steps from where the state left off.

        Args:
            draw: makes a step's batch, from the step's number alone; called in the background, ahead of the step.
            step: does one step with its batch and returns its losses by name, scalars; the first step all of them.
            sample: draws sample pictures for a step number into a file.
            name: for the progress display.
            threads: that make batches.

        Raises:
            DgError: a loss is NaN or infinite, in any process; the resume state of the last good step is kept. A GPU is
                asked each 200th of the steps and before a state is saved; the first bad step is named all the same.
        """
        first = self._resume(name, steps)
        started = saved = time.monotonic()
        before, waited = self.seconds, self.waited
        # On a CPU nothing is lost by looking at each step's losses; a GPU would have to finish the step first.
        read_each = self.team.device.type == "cpu"
        log_each, sample_each = max(1, steps // 200), max(1, steps // 5)
        progress = Progress(name, first, steps, self.team.writes)
        with progress, Prefetch(draw, range(first, steps), threads) as batches:
            for index in range(first, steps):
                batch = batches.get(index)
                torch.manual_seed(self.seed * 1_000_003 + index)
                self._watch.add(index + 1, step(index, batch))
                self._update_averages()
                if read_each:
                    self._check()
                if (index + 1) % log_each == 0 or index + 1 == steps:
                    self.rows.append({"step": index + 1, **self._check()})
                    progress.losses(self.rows[-1])
                progress.done(index + 1)
                self.seconds = before + time.monotonic() - started
                self.waited = waited + batches.waited
                if (index + 1) % sample_each == 0 and self.team.writes:
                    sample(index + 1, self._samples / f"{index + 1:07d}.png")
                if index + 1 < steps and self._state_is_due(index + 1, saved):
                    self._save(index + 1)
                    saved = time.monotonic()
            self._check_weights(steps)
        self._write_losses()

    def save(self, settings: BaseModel, facts: dict[str, Any]) -> None:
        """Write the checkpoint: every network and, as ema_*, the averages; `facts` go into its card. Rank 0 alone."""
        if self.team.writes:
            modules = self._modules().items()
            tensors = {k: t for name, net in modules for k, t in with_prefix(name, net.state_dict()).items()}
            save_checkpoint(self.out, tensors, self.card(settings) | facts)

    def card(self, settings: BaseModel) -> dict[str, Any]:
        """What a checkpoint's JSON card says about this training."""
        return card(settings, self.seconds, self.waited, self.rows[-1] if self.rows else {})

    @property
    def _samples(self) -> Path:
        return self.out.parent / f"{self.out.stem}_samples"

    def _resume(self, name: str, steps: int) -> int:
        """Bring the state back; returns the number of steps it has behind it."""
        facts = load_state(self.state / FILE, self._modules(), self.optimisers, self._say)
        if facts is None:
            if self.team.writes:  # an older training's would be taken for this one's
                for old in self._samples.glob("*.png"):
                    old.unlink()
                self._losses.unlink(missing_ok=True)
            return 0
        self._saved, self.rows, self.seconds = facts["step"], facts["rows"], facts["seconds"]
        self.waited = facts["waited"]
        self._watch = LossWatch(self.team, facts["losses"])
        self._say(f"{name}: going on at step {self._saved} of {steps}")
        return self._saved

    def _modules(self) -> dict[str, torch.nn.Module]:
        return self.nets | {f"ema_{name}": net for name, net in self.averages.items()}

    def _state_is_due(self, step: int, saved: float) -> bool:
        if self.team.world > 1 and step % STEPS_BETWEEN_CLOCKS:
            return False
        return self.team.agree(time.monotonic() - saved > SECONDS_BETWEEN_STATES)

    def _save(self, step: int) -> None:
        losses = self._check()
        self._check_weights(step)
        if self.team.writes:
            facts = {"step": step, "rows": self.rows, "losses": losses, "seconds": self.seconds, "waited": self.waited}
            save_state(self.state / FILE, self._modules(), self.optimisers, facts)
            self._write_losses()
        self._saved = step

    @property
    def _losses(self) -> Path:
        return self.out.with_suffix(".losses.csv")

    def _write_losses(self) -> None:
        if self.team.writes and self.rows:
            write_csv(self._losses, pd.DataFrame(self.rows))

    @torch.no_grad()
    def _update_averages(self) -> None:
        for name, average in self.averages.items():
            torch._foreach_lerp_(list(average.parameters()), list(self.nets[name].parameters()), 1 - self.ema)
            for kept, now in zip(average.buffers(), self.nets[name].buffers()):
                kept.copy_(now)  # BatchNorm's statistics are averages already

    def _check(self) -> dict[str, float]:
        step, values = self._watch.read()
        for key, value in values.items():
            if not math.isfinite(value):
                raise self._not_finite(step, f"loss '{key}' is {value}")
        return values

    def _check_weights(self, step: int) -> None:
        # The losses were computed before the update, which may itself have spoilt the weights.
        names = not_finite(self._modules().items())
        if any(count for (count,) in self.team.gather(torch.tensor([len(names)]))):
            where = f" '{names[0]}'" if names else " of another process"
            raise self._not_finite(step, f"weights{where} hold values that are not finite")

    def _not_finite(self, step: int, what: str) -> DgError:
        kept = f"{self.state / FILE} holds step {self._saved}" if self._saved else "no state was written yet"
        return DgError(
            f"step {step}: {what}. The last good state is kept ({kept}). Lower the learning rate in params.yaml, or "
            f"remove {self.state} to start again with the same values."
        )

    def _say(self, text: str) -> None:
        say(text, self.team.writes)
