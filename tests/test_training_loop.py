"""Batches obey their rules; a killed training ends like an unbroken one; a loss that isn't finite stops it."""

import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open

from dg.checked import Strict
from dg.errors import DgError
from dg.training import loop
from dg.training.loop import Trainer
from dg.training.pairs import PairSampler
from dg.training.prefetch import Prefetch
from dg.training.state import load_state, save_state
from dg.training.team import Team
from dg.training.watch import LossWatch


@pytest.fixture
def table():
    rows = [
        {
            "key": f"x/{subject}/{yaw}/{expression}/{light}",
            "subject": subject,
            "yaw": float(yaw),
            "pitch": 0.0,
            "expression": expression,
            "gaze": "frontal",
            "light": light,
            "session": "",
            "clip": f"x/{subject}",
        }
        for subject in "abc"
        for yaw in (-45, 0, 45)
        for expression in ("neutral", "fear")
        for light in ("left", "right")
    ]
    rows += [
        {"key": f"v/d{k}", "subject": "d" if k else "e", "clip": f"v{k // 2}", "yaw": k, "expression": "", "light": ""}
        for k in range(4)
    ]
    return pd.DataFrame(rows)


def test_batches_keep_the_rules(table):
    sampler = PairSampler(table, 16, seed=3)
    for step in range(20):
        own, cross = sampler.self_batch(step), sampler.cross_batch(step)
        assert (table.subject[own.source].to_numpy() == table.subject[own.reference].to_numpy()).all()
        assert (own.source != own.reference).all()
        for column in ("light", "clip"):
            assert (table[column][own.source].to_numpy() == table[column][own.reference].to_numpy()).all()
        assert (own.target == own.reference).all()
        assert (table.subject[cross.source].to_numpy() != table.subject[cross.reference].to_numpy()).all()
        for s, r, t in zip(cross.source, cross.reference, cross.target):
            source, reference = table.loc[s], table.loc[r]
            assert source.key[0] == reference.key[0]  # of one data set
            if source.key[0] == "v":
                assert t == -1
            else:
                found = table.loc[t]
                assert (found.subject, found.light) == (source.subject, source.light)
                assert (found.yaw, found.expression) == (reference.yaw, reference.expression)
        again = PairSampler(table, 16, seed=3).cross_batch(step)
        assert (again.source == cross.source).all()


class Plain:
    """The sampler's rule as one writes it first: every pair looks through the whole table."""

    def __init__(self, table, batch, seed):
        self.table, self.batch, self.seed = table.to_dict("records"), batch, seed
        self.subjects = sorted({row["subject"] for row in self.table})

    def state(self, row, *columns):
        values = [self.table[row].get(column) for column in columns]
        return ["missing" if pd.isna(v) else round(v, 1) if isinstance(v, float) else v for v in values]

    def rows(self, wanted):
        return [k for k, row in enumerate(self.table) if wanted(row)]

    def look(self, row):
        return "/".join("" if pd.isna(row[c]) else str(row[c]) for c in ("subject", "light", "session", "clip"))

    def self_batch(self, step):
        rng = np.random.default_rng([self.seed, 0, step])
        alike = {}
        for k, row in enumerate(self.table):
            alike.setdefault(self.look(row), []).append(k)
        of = [
            sorted({self.look(row) for row in self.table if row["subject"] == name and len(alike[self.look(row)]) > 1})
            for name in self.subjects
        ]
        chosen = [rng.choice(of[k]) for k in rng.choice([k for k, looks in enumerate(of) if looks], self.batch)]
        return [rng.choice(alike[look], 2, replace=False).tolist() for look in chosen]

    def cross_batch(self, step):
        rng = np.random.default_rng([self.seed, 1, step])
        names = [self.subjects[k] for k in rng.choice(len(self.subjects), self.batch)]
        sources = [int(rng.choice(self.rows(lambda row, name=name: row["subject"] == name))) for name in names]
        return [self.pair(rng, source, name) for source, name in zip(sources, names)]

    def pair(self, rng, source, name):
        home = self.table[source]["key"].split("/")[0]
        near = self.rows(lambda row: row["subject"] != name and row["key"].split("/")[0] == home)
        reference = int(rng.choice(near or self.rows(lambda row: row["subject"] != name)))
        action, look = ("yaw", "pitch", "expression", "gaze"), ("light", "session")
        found = [
            k
            for k, row in enumerate(self.table)
            if row["subject"] == name
            and isinstance(row["expression"], str)
            and row["expression"]
            and "missing" not in self.state(k, "yaw", "pitch")
            and self.state(k, *action) == self.state(reference, *action)
            and self.state(k, *look) == self.state(source, *look)
        ]
        return [source, reference, found[0] if found else -1]


def test_batches_are_those_of_the_rule_written_plainly(table):
    """An old training goes on with the pairs it began with."""
    alone = {"subject": "g", "clip": "w", "expression": None, "light": ""}
    alone = [{"key": f"w/g{k}", "yaw": 0.1 * k, **alone} for k in range(3)]
    one = {**table.loc[0], "key": "x/f", "subject": "f", "clip": "x/f"}
    twice = {**table.loc[0], "key": "x/a/again", "yaw": table.loc[0, "yaw"] + 0.0004}
    mixed = pd.concat([table, pd.DataFrame([*alone, one, twice])], ignore_index=True).sample(frac=1, random_state=0)
    mixed = mixed.reset_index(drop=True)
    sampler, plain = PairSampler(mixed, 24, seed=5), Plain(mixed, 24, seed=5)
    known = 0
    for step in range(12):
        own, cross = sampler.self_batch(step), sampler.cross_batch(step)
        assert np.stack([own.source, own.target], 1).tolist() == plain.self_batch(step)
        assert np.stack([cross.source, cross.reference, cross.target], 1).tolist() == plain.cross_batch(step)
        known += (cross.target >= 0).sum()
    assert 0 < known < 12 * 24


def test_one_subject_is_too_few(table):
    with pytest.raises(DgError, match="at least two subjects"):
        PairSampler(table[table.subject == "a"], 4, 0)


def train(folder, fail_at=None, poison_at=None, steps=40, team=None, after_step=lambda: None):
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 1)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.1)
    files = folder / "net.safetensors", folder / "state"
    trainer = Trainer({"net": net}, {"o": optimiser}, ["net"], 0.9, 5, *files, team)

    def step(index, batch):
        assert batch == 10 * index
        if index == fail_at:
            raise KeyboardInterrupt
        loss = (net(torch.rand(8, 3)) - 1).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        after_step()
        return {"loss": loss.detach() * (float("nan") if index == poison_at else 1)}

    def sample(_, path):
        path.parent.mkdir(exist_ok=True)
        path.touch()

    trainer.run(steps, lambda index: 10 * index, step, sample, "test")
    return {**net.state_dict(), **{f"ema_{k}": v for k, v in trainer.averages["net"].state_dict().items()}}, trainer


def test_killed_three_times_ends_bit_equal(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_STATES", -1)
    whole, unbroken = train(tmp_path / "whole")
    for step in (3, 17, 38):
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "killed", fail_at=step)
    killed, resumed = train(tmp_path / "killed")
    assert all(torch.equal(whole[key], killed[key]) for key in whole)
    assert resumed.rows == unbroken.rows
    assert (tmp_path / "whole/net.losses.csv").read_bytes() == (tmp_path / "killed/net.losses.csv").read_bytes()


def test_the_averages_take_batchnorms_statistics_as_they_are(tmp_path):
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    trainer = Trainer({"net": net}, {}, ["net"], 0.5, 0, tmp_path / "net.safetensors", tmp_path / "state")
    first = net[0].weight.detach().clone()

    def step(index, _):
        torch.nn.init.constant_(net[0].weight, index)
        return {"loss": net(torch.rand(8, 3)).sum().detach()}

    trainer.run(2, lambda index: index, step, lambda *_: None, "test")
    average = trainer.averages["net"]
    torch.testing.assert_close(average[0].weight, (first / 2 + 0) / 2 + 0.5)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert torch.equal(getattr(average[1], name), getattr(net[1], name))
    assert average[1].num_batches_tracked == 2


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_state(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_STATES", -1)
    with pytest.raises(DgError, match=r"step 11: loss 'loss' is nan.*state\.safetensors holds step 10"):
        train(tmp_path, poison_at=10)
    train(tmp_path)


def state_step(folder):
    with safe_open(folder / "state/state.safetensors", "pt") as stream:
        return json.loads(stream.metadata()["facts"])["step"]


def test_a_loss_that_is_not_finite_stops_at_its_own_step_whatever_steps_are_logged(tmp_path):
    done = []
    with pytest.raises(DgError, match=r"step 11: loss 'loss' is nan"):
        # Each second step is logged: the 12th, with a good loss.
        train(tmp_path, poison_at=10, steps=400, after_step=lambda: done.append(1))
    assert len(done) == 11


def test_a_gpu_is_not_asked_at_each_step_and_yet_no_bad_step_gets_lost_or_saved(tmp_path, monkeypatch):
    read, original = [], LossWatch.read
    monkeypatch.setattr(LossWatch, "read", lambda self: read.append(1) or original(self))
    monkeypatch.setattr(Trainer, "_state_is_due", lambda self, step, _: step % 7 == 0)
    # The networks are on the CPU: only the device's name counts.
    with pytest.raises(DgError, match=r"step 11: loss 'loss' is nan.*holds step 7"):
        train(tmp_path, poison_at=10, steps=4000, team=Team(device=torch.device("cuda")))
    assert len(read) == 2  # before the states of steps 7 and 14; the 20th would have been logged
    assert state_step(tmp_path) == 7


def losses(**values):
    return {name: torch.tensor(value) for name, value in values.items()}


def test_a_loss_that_a_step_leaves_out_keeps_its_value_over_a_stop():
    watch = LossWatch(Team(), {})
    watch.add(1, losses(a=1.0, lazy=0.1))
    watch.add(2, losses(a=2.0))
    step, values = watch.read()
    assert (step, values) == (2, {"a": 2.0, "lazy": pytest.approx(0.1)})
    again = LossWatch(Team(), values)
    again.add(3, losses(a=3.0))
    assert again.read() == (3, {"a": 3.0, "lazy": values["lazy"]})


@dataclass(frozen=True)
class WithAnother(Team):
    """A team with a second process that kept `other`."""

    other: tuple = ()

    def gather(self, values):
        return [values.tolist(), list(self.other)]


def test_all_processes_name_the_first_bad_step_of_any():
    for other, wanted in (
        ((4, 3.0, 5.0), (4, {"a": 2.0, "b": 4.0})),
        ((2, math.inf, 5.0), (2, {"a": math.inf, "b": 5.0})),
    ):
        watch = LossWatch(WithAnother(other=other), {})
        for step in range(1, 5):
            watch.add(step, losses(a=1.0, b=3.0))
        assert watch.read() == wanted
    watch.add(5, losses(a=1.0, b=-math.inf))
    watch.add(6, losses(a=1.0, b=1.0))
    assert watch.read() == (2, {"a": math.inf, "b": 5.0})
    alone = LossWatch(Team(), {})
    for step, b in enumerate((3.0, -math.inf, math.inf, 1.0), 1):
        alone.add(step, losses(a=1.0, b=b))
    assert alone.read() == (2, {"a": 1.0, "b": -math.inf})


def test_moments_keep_the_layout_of_their_weights_over_a_stop(tmp_path):
    def made():
        torch.manual_seed(0)
        net = torch.nn.Conv2d(2, 4, 3).to(memory_format=torch.channels_last)
        return net, torch.optim.Adam(net.parameters(), foreach=True)

    (net, optimiser), (resumed, its_own) = made(), made()
    net(torch.rand(1, 2, 5, 5)).square().sum().backward()
    optimiser.step()
    save_state(tmp_path / "state", {"net": net}, {"o": optimiser}, {})
    assert load_state(tmp_path / "state", {"net": resumed}, {"o": its_own}, pytest.fail) == {}
    for name, weight in net.named_parameters():
        here, there = optimiser.state[weight], its_own.state[resumed.get_parameter(name)]
        assert here["step"] == there["step"] == 1
        for moment in ("exp_avg", "exp_avg_sq"):
            assert torch.equal(here[moment], there[moment])
            assert here[moment].stride() == there[moment].stride() == weight.stride()


def test_a_damaged_state_is_named_and_the_training_starts_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_STATES", -1)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, fail_at=25)
    path = tmp_path / "state/state.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    capsys.readouterr()
    again, _ = train(tmp_path)
    assert f"{path}: this resume state is damaged" in capsys.readouterr().err
    whole, _ = train(tmp_path / "whole")
    assert all(torch.equal(again[key], whole[key]) for key in whole)


def test_no_table_of_losses_before_the_first_row(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_STATES", -1)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, steps=400, fail_at=1)
    assert state_step(tmp_path) == 1
    assert not (tmp_path / "net.losses.csv").exists()


def test_sample_grids_and_losses_of_an_older_training_go_when_a_new_one_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_STATES", -1)
    train(tmp_path, steps=35)
    shutil.rmtree(tmp_path / "state")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, steps=400, fail_at=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net_samples", "state"]
    assert not list((tmp_path / "net_samples").iterdir())
    shutil.rmtree(tmp_path / "state")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, fail_at=20)
    train(tmp_path)
    names = sorted(path.name for path in (tmp_path / "net_samples").iterdir())
    assert names == [f"{step:07d}.png" for step in (8, 16, 24, 32, 40)]


def test_the_card_says_how_long_the_device_waited_stops_included(tmp_path, monkeypatch):
    clock = [0.0]

    class Slow(Prefetch):
        """Half a second of waiting for each batch."""

        def get(self, step):
            waited, batch = self.waited, super().get(step)
            self.waited = waited + 0.5
            return batch

    def after_step():
        clock[0] += 2  # a step takes two seconds

    monkeypatch.setattr(loop, "Prefetch", Slow)
    monkeypatch.setattr(loop.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_STATES", -1)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, fail_at=17, after_step=after_step)
    _, trainer = train(tmp_path, after_step=after_step)
    card = trainer.card(Told(steps=40))
    assert (card["seconds"], card["waited_share"]) == (80, 0.25)


class Told(Strict):
    """A training's settings."""

    steps: int


def test_a_card_without_git(tmp_path, monkeypatch):
    _, trainer = train(tmp_path)
    commit = Path(loop.__file__).parents[2] / ".git"
    assert (trainer.card(Told(steps=40))["git_commit"] is not None) == commit.exists()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert trainer.card(Told(steps=40))["git_commit"] is None


def test_losses_can_be_watched_while_the_training_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_STATES", -1)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, fail_at=25)
    assert pd.read_csv(tmp_path / "net.losses.csv")["step"].tolist() == list(range(1, 26))
    train(tmp_path)
    assert len(pd.read_csv(tmp_path / "net.losses.csv")) == 40
    assert len(capsys.readouterr().err.splitlines()) == 6 + 1 + 4  # a line per tenth, one for going on
