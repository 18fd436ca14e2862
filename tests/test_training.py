"""Batches obey their rules; a killed training ends like an unbroken one; a loss that isn't finite stops it."""

import numpy as np
import pandas as pd
import pytest
import torch

from dg.errors import DgError
from dg.training import loop
from dg.training.loop import Trainer
from dg.training.pairs import PairSampler


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
        return ["missing" if pd.isna(v) else round(v, 3) if isinstance(v, float) else v for v in values]

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
            and self.state(k, *action) == self.state(reference, *action)
            and self.state(k, *look) == self.state(source, *look)
        ]
        return [source, reference, found[-1] if found else -1]


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


def train(folder, fail_at=None, poison_at=None):
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 1)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.1)
    trainer = Trainer({"net": net}, {"o": optimiser}, ["net"], 0.9, 5, folder / "net.safetensors", folder / "state")

    def step(index, batch):
        assert batch == 10 * index
        if index == fail_at:
            raise KeyboardInterrupt
        loss = (net(torch.rand(8, 3)) - 1).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return {"loss": loss.detach() * (float("nan") if index == poison_at else 1)}

    trainer.run(40, lambda index: 10 * index, step, lambda *_: None, "test")
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


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_state(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_STATES", -1)
    with pytest.raises(DgError, match=r"step 11: loss 'loss' is nan.*state\.safetensors holds step 10"):
        train(tmp_path, poison_at=10)
    train(tmp_path)


def test_losses_can_be_watched_while_the_training_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_STATES", -1)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, fail_at=25)
    assert pd.read_csv(tmp_path / "net.losses.csv")["step"].tolist() == list(range(1, 26))
    train(tmp_path)
    assert len(pd.read_csv(tmp_path / "net.losses.csv")) == 40
    assert len(capsys.readouterr().err.splitlines()) == 6 + 1 + 4  # a line per tenth, one for going on
