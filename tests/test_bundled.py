"""The networks in dg/weights: whole, small enough, and as good as their cards say on people they have never seen."""

from __future__ import annotations

import dlib
import numpy as np
import pandas as pd
import pytest
import torch

from dg.checkpoints import card_path, load_checkpoint
from dg.files import read_json
from dg.fom.model import load_fom
from dg.identity.encoder import load_face_encoder
from dg.idsg import load_idsg
from dg.landmarks.fan import load_landmark_net
from dg.packaged import dlib_weights
from dg.pretraining.faces.identity_accuracy import auc
from dg.pretraining.faces.idsg import eye_opening
from dg.rfg import load_rfg
from dg.rfg.spikes import watched
from dg.synthface import Action, Scene, landmarks_in, render, sample_person, units
from dg.synthface.sets.people import SynthPeople
from dg.weights import BUNDLED, bundled
from measurements import hand_marks
from tests.beside import LONDON, needs

NAMES = ("visibility-synthface", "fan-synthface", "synthface-id", "rfg-synthface", "idsg-synthface", "fom-synthface")
STRANGERS = 77  # seed: no training and no benchmark uses it


@pytest.fixture(scope="module")
def strangers(head):
    """Six pictures each of eight people of no other set: images, points, visible, person."""
    plan = SynthPeople(people=8, pictures=6, extreme=0, seed=STRANGERS)
    rows = []
    for job in plan.jobs():
        person = sample_person(*job.person)
        for shot in plan.shots(job):
            made = render(head, person, shot.action, shot.scene, plan.size)
            rows.append((made.image, made.landmarks, made.visible, job.number))
    images, points, visible, who = (np.stack(column) for column in zip(*rows))
    return torch.from_numpy(images).permute(0, 3, 1, 2) / 255, points, visible, who


def test_files_match_their_cards_and_stay_under_64_mb():
    assert sum(path.stat().st_size for path in BUNDLED.glob("*.safetensors")) <= 64e6
    for name in NAMES:
        assert load_checkpoint(bundled(name))
        card = read_json(card_path(bundled(name)))
        assert "don't exist" in card["data"] and card["metrics"]


def test_the_idsg_leaves_a_strangers_shut_eyes_shut_and_open_ones_open(strangers, head):
    images, points, _, _ = strangers
    codes = load_face_encoder("synthface-id")(images, torch.from_numpy(points).float())
    idsg = load_idsg(bundled("idsg-synthface"))
    person = sample_person(STRANGERS, 1000)
    for share, low, high in ((1.0, 0.0, 0.12), (0.0, 0.2, 0.5)):
        action = Action(units(eyeBlink=share))
        driven = torch.from_numpy(landmarks_in(head, person, [(action, Scene())])).float().expand(len(codes), -1, -1)
        opened = eye_opening(idsg.generate(driven, codes))
        assert low < opened.median() < high, share


def test_fom_moves_strangers_towards_the_driving_picture(strangers):
    images, _, _, who = strangers
    fom = load_fom(bundled("fom-synthface"))
    # Each next picture of the same person drives.
    pairs = [(k, k + 1) for k in range(len(who) - 1) if who[k] == who[k + 1]]
    source, driving = (images[[pair[side] for pair in pairs]] for side in (0, 1))
    made = torch.cat([fom.reenact(s, d) for s, d in zip(source.split(8), driving.split(8))])
    off, unmoved = ((x - driving).abs().mean((1, 2, 3)) for x in (made, source))
    assert (off < unmoved).float().mean() > 0.8 and off.mean() < 0.8 * unmoved.mean()


def test_landmarks_of_strangers_against_the_truth(strangers):
    images, points, visible, _ = strangers
    found = load_landmark_net("fan-synthface").detect(images)
    size = np.sqrt(np.ptp(points[..., 0], 1) * np.ptp(points[..., 1], 1))[:, None]
    error = 100 * np.linalg.norm(found.points.numpy()[..., :2] - points[..., :2], axis=-1) / size
    card = read_json(card_path(bundled("fan-synthface")))
    assert error[visible].mean() < 1.3 * card["metrics"]["error_visible_percent"]["all"]
    assert (found.visible.numpy() == visible).mean() > card["metrics"]["visibility"]["all"]["all"] - 0.02
    assert (found.score.numpy() > card["face_threshold"]).mean() > 0.9


def test_no_block_of_the_bundled_generator_is_spiked(strangers):
    images, points, _, _ = strangers
    rfg = load_rfg(bundled("rfg-synthface"))
    with watched(rfg.generator) as shares:
        rfg.paint(torch.from_numpy(points).float(), images.roll(1, 0))
    assert len(shares) == len(rfg.generator.styled) and max(shares) <= 0.1


def test_face_codes_tell_strangers_apart(strangers):
    images, points, _, who = strangers
    codes = torch.nn.functional.normalize(
        load_face_encoder("synthface-id")(images, torch.from_numpy(points).float()), dim=1
    )
    cosine, same = codes @ codes.T, torch.from_numpy(who[:, None] == who)
    pairs = torch.ones_like(same).triu(1)
    assert auc(cosine[pairs & same], cosine[pairs & ~same]) > 0.75


@needs(LONDON)
def test_real_photographs_against_marks_made_by_hand():
    net, found = load_landmark_net("fan-synthface"), []
    predictor = dlib.shape_predictor(dlib_weights("shape_predictor_68_face_landmarks.dat"))
    for path in sorted(LONDON.glob("*/*.jpg")):
        row, _ = hand_marks.measure(net, predictor, path)
        found.append(row)
    table = pd.DataFrame(found)
    assert len(table) == 102
    assert (table["failure"] != "").sum() <= 2
    # Smiling pictures have no marks; dlib's points stand in for them.
    assert table.groupby("kind")["all"].mean().max() <= 0.06
