"""The head model, people and actions of SynthFace."""

import subprocess
import sys

import numpy as np
import pytest

from dg.errors import DgError
from dg.landmarks.regions import MIRROR
from dg.synthface import (
    ACTION_UNITS,
    EXPRESSIONS,
    RAFD,
    Action,
    landmark_vertices,
    load_head,
    motion,
    random_units,
    sample_person,
    units,
)
from dg.synthface.head import SKIN
from dg.synthface.head_builder import build_head
from dg.synthface.people import CONTROL_NAMES, CUTS


def test_head_is_mirror_symmetric(head):
    assert np.array_equal(head.mirror[head.mirror], np.arange(len(head.mirror)))
    assert np.abs(head.template[head.mirror] * [-1, 1, 1] - head.template).max() < 1e-3


def test_landmarks_are_distinct_symmetric_skin_vertices(head):
    vertices = landmark_vertices()
    assert len(set(vertices.tolist())) == 68
    assert np.array_equal(head.mirror[vertices], vertices[list(MIRROR)])
    assert np.isin(vertices, head.faces[head.face_part == SKIN]).all()


def test_lids_and_lips_landmarks_lie_on_their_contours(head):
    vertices = landmark_vertices()
    assert (head.lid_margin[vertices[36:48]] > 0).all()
    # Upper and lower inner lips touch when the mouth is shut, and part when the jaw opens.
    rest, opened = head.template, head.act(head.template, Action(units(jawOpen=1.0)).weights())
    for top, bottom in ((61, 67), (62, 66), (63, 65)):
        assert np.linalg.norm(rest[vertices[top]] - rest[vertices[bottom]]) < 0.06
        assert opened[vertices[top], 1] - opened[vertices[bottom], 1] > 0.15


def test_a_blink_shuts_both_eyes(head):
    vertices = landmark_vertices()
    shut = head.act(head.template, Action(units(eyeBlink=1.0)).weights())
    for top, bottom in ((37, 41), (38, 40), (43, 47), (44, 46)):
        gap = [v[vertices[top], 1] - v[vertices[bottom], 1] for v in (head.template, shut)]
        assert gap[1] < 0.4 * gap[0]


def test_head_file_loads_and_renders_without_torch_or_anny(head_file):
    code = (
        "import sys; from pathlib import Path; from dg.synthface import *;"
        f"h = load_head(Path({str(head_file)!r})); render(h, sample_person(0, 0), Action(), Scene(), 16);"
        "print([m for m in ('torch', 'anny', 'warp', 'scipy', 'dlib') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_built_again_it_has_the_same_bytes(head_file, tmp_path):
    build_head(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == head_file.read_bytes()


def test_missing_and_foreign_files_say_what_to_do(tmp_path):
    with pytest.raises(DgError, match="dg head"):
        load_head(tmp_path / "none.safetensors")
    (tmp_path / "bad").write_bytes(b"\x10\0\0\0\0\0\0\0" + b"{}".ljust(16))
    with pytest.raises(DgError, match="build the head again"):
        load_head(tmp_path / "bad")


def test_people_are_drawn_from_seed_and_index_alone():
    a, b, c = sample_person(3, 5), sample_person(3, 5), sample_person(3, 6)
    assert a.controls == b.controls
    assert a.texture_seed == b.texture_seed
    assert np.array_equal(a.skin, b.skin)
    assert a.controls != c.controls
    assert len(a.controls) >= 60


def test_people_are_adults_of_all_kinds(head):
    people = [sample_person(0, i) for i in range(200)]
    ages = [p.age for p in people]
    assert min(ages) >= 18
    assert max(ages) <= 70
    assert 60 < sum(p.gender > 0.5 for p in people) < 140
    assert {p.cut for p in people} == set(CUTS)
    assert set(CONTROL_NAMES) <= set(head.control_names)
    assert set(people[0].controls) <= set(head.control_names)


def test_expressions_use_known_units():
    assert list(RAFD) == ["neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise", "contempt"]
    for mix in EXPRESSIONS.values():
        assert set(mix) <= set(ACTION_UNITS)
        assert all(0 <= v <= 1 for v in mix.values())
    for seed in range(50):
        assert all(0 <= v <= 1 for v in random_units(np.random.default_rng(seed)).values())
    with pytest.raises(KeyError, match="ARKit"):
        Action({"smile": 1.0}).weights()


def test_motion_is_smooth_and_bounded():
    actions = motion(np.random.default_rng(1), 250, yaw=60)
    yaw = np.array([a.yaw for a in actions])
    assert len(actions) == 250
    assert np.abs(yaw).max() <= 60
    assert np.abs(np.diff(yaw)).max() < 8  # degrees a frame
    assert max(a.units["eyeBlinkLeft"] for a in actions) > 0.9
