"""Verbs that make the data: SynthFace's pictures, manifests, face crops, landmarks, face codes, pair lists."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from dg.cli.verbs import Verbs
from dg.errors import DgError
from dg.gpus import claimed
from dg.torchrun import use_threads


def _head(a: argparse.Namespace) -> None:
    from dg.synthface.head_builder import build_head

    build_head(a.out)


def _synthface(a: argparse.Namespace) -> None:
    from dg.synthface import make_set, sized
    from dg.synthface.command import render_for_people

    if a.settings is None:
        render_for_people(a)
        return
    if a.head is None:
        raise DgError("--settings (the pipeline's call) needs --head too; without --settings neither is needed.")
    make_set(sized(a.settings), a.out, a.head, a.threads or os.cpu_count() or 1, a.settings.code, a.replace)


def _manifest(a: argparse.Namespace) -> None:
    from dg.datasets.manifest import make_manifest

    make_manifest(a.settings, a.raw, a.out, a.max_broken)


def _frames(a: argparse.Namespace) -> None:
    from dg.frames import extract_frames

    extract_frames(a.settings, a.raw, a.manifest, a.shard, a.out, a.max_broken, a.threads or 1)


def _landmarks(a: argparse.Namespace) -> None:
    from dg.landmarks.extract import find_landmarks
    from dg.left_out import left_out_of_landmarks

    use_threads(a.threads)
    with claimed(a.gpus):
        find_landmarks(a.settings.backend, a.frames, a.out)
    left_out = left_out_of_landmarks(a.out.parent.parent, int(a.out.stem))
    print(f"{left_out.dataset}: {len(left_out.pictures)} of {left_out.rows} pictures can't be used so far.")
    left_out.check(a.max_broken)


def _identity(a: argparse.Namespace) -> None:
    from dg.identity.extract import find_codes

    use_threads(a.threads)
    with claimed(a.gpus):
        find_codes(a.settings.backend, a.frames, a.out, a.landmarks)


def _pairs(a: argparse.Namespace) -> None:
    from dg.protocols.pairs import make_pairs

    make_pairs(a.settings, a.data, a.out)


def add_verbs(verbs: Verbs) -> None:
    """Those of this module."""
    verbs.add("head", _head, "build SynthFace's head model", "out")
    synthface = verbs.add(
        "synthface", _synthface, "render people who don't exist, with their landmarks", "head?", "out", threads=True
    )
    synthface.add_argument("--settings", help="JSON, as the pipeline calls it; replaces the options below")
    if verbs.called == "synthface":  # its options list names that only the renderer knows; importing that takes 0.2 s
        from dg.synthface.command import add_options

        add_options(synthface)
    synthface.add_argument("--replace", action="store_true", help="empty a folder that holds another set first")
    manifest = verbs.add("manifest", _manifest, "list a data set's pictures and frames", "settings", "raw", "out")
    frames = verbs.add(
        "frames", _frames, "cut one shard of face crops", "settings", "raw", "manifest", "out", threads=True
    )
    frames.add_argument("--shard", type=int, required=True)
    landmarks = verbs.add(
        "landmarks", _landmarks, "find the 68 landmarks of a shard (F_l)",
        "settings", "frames", "out", threads=True, gpus=True,
    )  # fmt: skip
    for verb in (manifest, frames, landmarks):
        verb.add_argument("--max-broken", type=float, required=True, help="share of unusable pictures to put up with")
    identity = verbs.add(
        "identity", _identity, "compute the face codes of a shard (E_f)",
        "settings", "frames", "out", threads=True, gpus=True,
    )  # fmt: skip
    identity.add_argument(
        "--landmarks", nargs="?", type=Path, help="of the shard, for an identity.backend that reads them"
    )
    verbs.add("pairs", _pairs, "draw a protocol's pair list", "settings", "data+", "out")
