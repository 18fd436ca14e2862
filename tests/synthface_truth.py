"""Pictures and truths of people no network was trained on, for the tests of the networks."""

import numpy as np
import torch

from dg.synthface import (
    Action,
    random_scene,
    random_units,
    render,
    sample_person,
    truth,
)


def _shot(k, yaw):
    rng = np.random.default_rng([5, k])
    action = Action(random_units(rng), yaw, float(rng.normal(0, 8)), float(rng.normal(0, 8)))
    return action, random_scene(rng)


def pictures(head, yaws, people=range(900, 910)):
    """Images (N, 3, 128, 128) in [0, 1], points (N, 68, 3), visible (N, 68), pose (N, 3), person (N,)."""
    made, who = [], []
    for person in people:
        shown = sample_person(77, person)  # once, as a body is made for each such object
        for k, yaw in enumerate(yaws):
            made.append(render(head, shown, *_shot(person * 100 + k, yaw), 128))
            who.append(person)
    return (
        torch.from_numpy(np.stack([m.image for m in made])).permute(0, 3, 1, 2).float() / 255,
        torch.from_numpy(np.stack([m.landmarks for m in made])),
        torch.from_numpy(np.stack([m.visible for m in made])),
        torch.tensor([[m.yaw, m.pitch, m.roll] for m in made]),
        torch.tensor(who),
    )


def truths(head, yaws, people=range(900, 910)):
    """Points (N, 68, 3), visible (N, 68), pose (N, 3); no pictures, ten times faster."""
    points, visible, poses = [], [], []
    for person in people:
        shown = sample_person(77, person)
        for k, yaw in enumerate(yaws):
            action, scene = _shot(person * 100 + k, yaw)
            p, v = truth(head, shown, action, scene)
            points.append(p)
            visible.append(v)
            poses.append([action.yaw, action.pitch, action.roll])
    return torch.from_numpy(np.stack(points)), torch.from_numpy(np.stack(visible)), torch.tensor(poses)
