"""One training step of the RFG against the same step written plainly: time and memory; and what data costs both nets.

python -m measurements.training step [--scale sample] [--data SET ...] [--count 10]
python -m measurements.training memory [--scale sample]
python -m measurements.training wait [--scale sample] [--count 16]
python -m measurements.training draw [--rows 1000000]

Plain: float32, no channels_last, pictures decoded in the step, R1 at every step, every term asks the networks itself
(F_l once per term, E_f for the source's code, a second painting for the judges, as StarGAN v2's code does), Adam
without foreach. Both train networks of the same sizes on the same sets: the given prepared ones, or one of noise.
step: both in one process by turns. memory: what the steps add to a process's peak (CPU) or to the GPU's, each in a
process of its own. wait: the share of each training's time, IDSG and RFG, self and cross phase, that it waits for
data, and what making the data takes; the IDSG does 10 steps for each of the RFG's. draw: finding the pairs in a large
table.
"""

from __future__ import annotations

import argparse
import copy
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from dg import params
from dg.files import read_json
from dg.identity.encoder import load_face_encoder
from dg.idsg import load_idsg
from dg.idsg.data import Data as IdsgData
from dg.idsg.training import train_idsg
from dg.landmarks.fan import load_landmark_net
from dg.landmarks.linemap import soft_lines
from dg.rfg.training import RfgTraining
from dg.shards import FaceSet
from dg.steps.idsg import IdsgSettings
from dg.steps.registry import step_settings
from dg.steps.rfg import RfgSettings
from dg.training.pairs import PairSampler
from dg.training.team import joined
from tests.prepared import face_table, prepare

WARM_UP = 2


def made_up(folder: Path, size: int) -> Path:
    """A prepared set of noise: six people, eight pictures of each."""
    table = face_table(6, "train", yaws=(-45.0, -15.0, 15.0, 45.0))
    return prepare(folder, table, size, load_face_encoder("synthface-id").dimension)


def settings_of(scale: str, network: str = "rfg", phase: str = "self") -> IdsgSettings | RfgSettings:
    """A training's settings at a scale of params.yaml."""
    return step_settings(params.load().model_copy(update={"scale": scale}), network, phase=phase)


class Plain:
    """The same step as it is written first: nothing shared, nothing skipped. Eq. (15), then eqs. (9) and (10)."""

    def __init__(self, settings: RfgSettings, nets: dict[str, torch.nn.Module], faces: FaceSet, sampler) -> None:
        self.s, self.faces, self.sampler = settings, faces, sampler
        self.device = next(nets["rfg"].parameters()).device
        nets = {name: copy.deepcopy(net).to(memory_format=torch.contiguous_format) for name, net in nets.items()}
        self.rfg, self.D_f, self.D_s = nets["rfg"], nets["face_discriminator"], nets["shape_discriminator"]
        self.F_l = load_landmark_net(settings.landmarks.backend, self.device)
        self.E_f = load_face_encoder(settings.identity.backend, self.device)
        options = {"lr": settings.lr, "betas": settings.betas, "foreach": False}
        self.of_generator = torch.optim.Adam(self.rfg.parameters(), **options)
        self.of_judges = torch.optim.Adam([*self.D_f.parameters(), *self.D_s.parameters()], **options)

    def _images(self, rows: np.ndarray) -> torch.Tensor:
        pixels = np.stack([self.faces.image(row) for row in rows])
        return torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2).contiguous().float() / 255

    def _lines(self, points: torch.Tensor) -> torch.Tensor:
        return soft_lines(points[..., :2], self.s.size, self.s.line_width)

    def __call__(self, index: int) -> float:
        """One step; returns the generator's loss."""
        s, batch, plus = self.s, self.sampler.self_batch(index), torch.nn.functional.softplus
        source, truth = self._images(batch.source), self._images(batch.target)
        l_t = torch.from_numpy(self.faces.points[batch.reference]).to(self.device)
        painted, style = self.rfg(l_t, source)
        total = plus(-self.D_f(painted)).mean()
        total = total + s.lambda_ds * plus(-self.D_s(self._lines(self.F_l.soft(painted, l_t)))).mean()
        at_source = torch.from_numpy(self.faces.points[batch.source]).to(self.device)
        cosine = torch.cosine_similarity(self.E_f(painted, l_t), self.E_f(source, at_source).detach())
        total = total + s.lambda_id * (1 - cosine).mean()
        total = total + s.lambda_st * (self.rfg.style_encoder(painted) - style).abs().mean()
        total = total + s.lambda_at * (painted - truth).abs().mean()
        total = total + s.lambda_lm * (self.F_l.soft(painted, l_t) - l_t[..., :2]).abs().mean()
        self.of_generator.zero_grad()
        total.backward()
        self.of_generator.step()
        with torch.no_grad():
            painted, _ = self.rfg(l_t, source)
            lines = self._lines(self.F_l.soft(painted, l_t))
        judged = 0
        for judge, real, fake in ((self.D_f, truth, painted), (self.D_s, self._lines(l_t), lines)):
            real = real.clone().requires_grad_(True)
            logits = judge(real)
            (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
            judged = judged + plus(-logits).mean() + plus(judge(fake)).mean()
            judged = judged + s.r1 / 2 * gradient.square().flatten(1).sum(1).mean()
        self.of_judges.zero_grad()
        judged.backward()
        self.of_judges.step()
        return total.item()


def both(scale: str, folders: list[Path], team) -> dict[str, Callable[[int], Any]]:
    """Name -> one step, of both."""
    settings = settings_of(scale)
    faces = FaceSet(folders, split="train")
    sampler = PairSampler(faces.table, settings.batch, 0)
    training = RfgTraining(settings, faces, sampler, None, team)
    plain = Plain(settings, training.nets, faces, sampler)
    return {"ours": lambda index: training.step(index, training.data.draw(index)), "plain": plain}


def timed(step: Callable[[int], Any], index: int, device: torch.device) -> float:
    """Seconds of one step."""
    start = time.perf_counter()
    step(index)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def step(scale: str, folders: list[Path], count: int) -> None:
    """Print the mean seconds of a step of both, and their ratio; `count` is rounded up to whole turns of lazy R1."""
    with joined() as team:
        count = -(-count // 8) * 8
        seconds: dict[str, list[float]] = {"ours": [], "plain": []}
        steps = both(scale, folders, team)
        for index in range(-WARM_UP, count):
            for name, one in steps.items():
                taken = timed(one, index % 8, team.device)
                if index >= 0:
                    seconds[name].append(taken)
        # Means, as a step with R1 is dearer than others and comes each eighth time.
        ours, plain = (statistics.mean(seconds[name]) for name in ("ours", "plain"))
        print(f"{team.device}, {torch.get_num_threads()} threads, scale {scale}, {count} steps each by turns")
        print(f"ours {ours:.3f} s a step, plain {plain:.3f} s; plain / ours = {plain / ours:.2f}")


def peak(name: str, scale: str, folders: list[Path]) -> float:
    """MiB per picture of a batch that steps with R1 add to the peak of this process or GPU."""
    with joined() as team:
        one, cuda = both(scale, folders, team)[name], team.device.type == "cuda"
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated() if cuda else 1024 * _peak_of_process()
        for index in (0, 8):
            one(index)
        after = torch.cuda.max_memory_allocated() if cuda else 1024 * _peak_of_process()
        return (after - before) / 2**20 / settings_of(scale).batch


def _peak_of_process() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def memory(scale: str, folders: list[Path]) -> None:
    """Print both peaks and their ratio."""
    peaks = {}
    for name in ("ours", "plain"):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            peaks[name] = pool.submit(peak, name, scale, folders).result()
        print(f"{name}: {peaks[name]:.0f} MiB per picture")
    print(f"ours / plain = {peaks['ours'] / peaks['plain']:.2f}")


def wait(scale: str, folders: list[Path], count: int) -> None:
    """Print, for each training, the share of its time that it waits for data, and the share that making it takes."""
    faces = FaceSet(folders, split="train")
    with joined() as team, tempfile.TemporaryDirectory() as name:
        print(f"{team.device}, scale {scale}, RFG {count} steps, IDSG {10 * count}")
        idsg = None
        for network, phase in (("idsg", "self"), ("idsg", "cross"), ("rfg", "self"), ("rfg", "cross")):
            steps = 10 * count if network == "idsg" else count
            s = settings_of(scale, network, phase).model_copy(update={"steps": steps})
            out, state = Path(name) / f"{network}_{phase}.safetensors", Path(name) / "state" / network / phase
            sampler = PairSampler(faces.table, s.batch, 0)
            if network == "idsg":
                data = IdsgData(s, faces, sampler, team)
                train_idsg(s, folders, out, idsg, state)
                idsg = out
            else:
                training = RfgTraining(s, faces, sampler, load_idsg(idsg) if phase == "cross" else None, team)
                data = training.data
                training.run(out, state, s.ema, "wait", {})
            card = read_json(out.with_suffix(".json"))
            making = _making(data, steps) / card["seconds"]
            print(
                f"{network} {phase}: waits {card['waited_share']:.2%} of the time; making the batches takes "
                f"{making:.2%} of it, in the background"
            )


def _making(data: Any, steps: int) -> float:
    start = time.perf_counter()
    for index in range(steps):
        data.draw(index)
    return time.perf_counter() - start


def draw(rows: int, batch: int = 32, steps: int = 100) -> None:
    """Print how long a table of video frames like VoxCeleb2's takes to index, and a pair of it to find."""
    person, frame = np.divmod(np.arange(rows), 200)
    clip = frame // 20
    words = {"subject": [f"id{k}" for k in person], "clip": [f"id{k}/{c}" for k, c in zip(person, clip)]}
    words["key"] = [f"vox/{name}/{k}" for name, k in zip(words["clip"], frame)]
    empty = dict.fromkeys(("expression", "gaze", "light", "session"), "")
    table = pd.DataFrame(words | {"yaw": np.nan, "pitch": np.nan} | empty)
    start = time.perf_counter()
    sampler = PairSampler(table, batch, 0)
    print(f"{rows:,} rows, {len(sampler.subjects):,} subjects: indexed in {time.perf_counter() - start:.1f} s")
    for name, one in (("self", sampler.self_batch), ("cross", sampler.cross_batch)):
        start = time.perf_counter()
        for step in range(steps):
            one(step)
        print(f"{name} phase: {1000 * (time.perf_counter() - start) / steps / batch:.3f} ms a pair")


def main() -> None:
    """Run one of the four."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("step", "memory", "wait", "draw"))
    parser.add_argument("--scale", default="sample")
    parser.add_argument("--data", type=Path, nargs="+", help="prepared sets of the scale's picture size")
    parser.add_argument("--count", type=int, default=16, help="steps")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of draw's table")
    arguments = parser.parse_args()
    if arguments.what == "draw":
        draw(arguments.rows)
        return
    with tempfile.TemporaryDirectory() as name:
        folders = arguments.data or [made_up(Path(name) / "noise", settings_of(arguments.scale).size)]
        if arguments.what == "step":
            step(arguments.scale, folders, arguments.count)
        elif arguments.what == "memory":
            memory(arguments.scale, folders)
        else:
            wait(arguments.scale, folders, arguments.count)


if __name__ == "__main__":
    main()
