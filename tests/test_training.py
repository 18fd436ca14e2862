"""Batches obey their rules; a killed training ends like an unbroken one; a loss that isn't finite stops it."""

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
