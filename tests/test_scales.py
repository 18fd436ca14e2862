"""The sizes of every scale fit each other: SynthFace's sets hold what the scale's protocols need."""

import pandas as pd
import pytest

from dg import params
from dg.datasets.rows import MANIFEST_SCHEMA
from dg.protocols.pairs import draw_pairs
from dg.steps.registry import step_settings
from dg.study.data import datasets_of
from dg.study.models import datasets_in_use
from dg.synthface import sized
from dg.tests import TESTS
from dg.videos import VideoInfo, sampled_frames
from tests.scales import SCALES, values_at
from tests.told import changed


def planned_faces(chosen, dataset):
    """The manifest that a SynthFace set will have, of test people alone where it has a training part."""
    plan = sized(step_settings(chosen, "synthface", dataset=dataset))
    if "train_people" in type(plan).model_fields:
        plan = changed(plan, train_people=0)
    rows = []
    for job in plan.jobs():
        made = plan.shots(job)
        if job.is_video:
            info = VideoInfo(len(made), plan.fps)
            made = [made[frame] for frame in sampled_frames(info, chosen.datasets[dataset].fps)]
        for shot in made:
            facts = {column: getattr(shot, column) for column in ("path", "clip", "frame", "split", "session", "light")}
            facts |= {"expression": shot.expression, "gaze": shot.gaze, "subject": job.subject}
            facts |= {"yaw": float(shot.action.yaw), "pitch": float(shot.action.pitch)}
            rows.append(facts | {"key": f"{dataset}/{shot.path}#{shot.frame}"})
    return pd.DataFrame(rows, columns=MANIFEST_SCHEMA.names)


@pytest.mark.parametrize("scale", SCALES)
def test_the_stand_ins_suffice_for_the_protocols(scale):
    chosen = params.validate(values_at(scale), "params.yaml")
    faces = {name: planned_faces(chosen, name) for name in datasets_in_use(chosen)}
    asked = chosen.sizes.protocols
    for test in TESTS:
        settings = changed(step_settings(chosen, "pairs", test=test), max_pairs=None)
        pairs = draw_pairs(settings, pd.concat([faces[name] for name in datasets_of(chosen, test)]))
        per_video = {"VoxCeleb1": asked.vox1_frames, "VoxCeleb2": asked.vox_frames}
        if test in per_video:
            assert len(pairs) == asked.videos * per_video[test]
        else:
            assert (pairs["subject"].value_counts() == asked.references).all()
