"""What the steps that make the data are told: SynthFace's pictures, manifests, face crops, pair lists."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from dg.checked import Strict
from dg.digests import stored_digest
from dg.params import Kind, MpieSizes, Params, RafdSizes, VoxSizes
from dg.steps.settings import Settings
from dg.tests import TESTS

FILES_PER_SHARD = 16
"""Fewer than these take less time than the start of the jobs that cut, mark and encode their faces."""


def shards_in_use(most: int, files: int | None) -> int:
    """How many shards a set of `files` pictures and videos is cut into: no more than `most`, none of them needlessly
    small or empty; None files: nobody knows how many there are."""
    while files is not None and most > 1 and files < FILES_PER_SHARD * most:
        most = (most + 1) // 2
    return most


class SynthfaceSettings(Settings):
    """The values of one rendered set."""

    # The head model too, so that a recipe names what all pictures come from.
    MODULES = ("dg.synthface", "dg.synthface.head_builder")

    set: Literal["synth_rafd", "synth_mpie", "synth_vox"]
    seed: int = Field(ge=0)
    size: int = Field(gt=0, description="side of the pictures in pixels")
    sizes: RafdSizes | MpieSizes | VoxSizes


class ManifestSettings(Settings):
    """The values of one data set's manifest."""

    MODULES = ("dg.datasets.manifest",)

    dataset: str
    kind: Kind
    fps: float | None = Field(gt=0, description="frames a second taken from videos; pictures: null")
    shards: int = Field(gt=0, description="how many the set is cut into, as Snakemake gives it: `shards_in_use`")
    raw: str = Field(default="", description="digest of the raw data, as Snakemake gives it")
    raw_files: int | None = Field(default=None, description="how many files that are; null: a rendered set")

    def modules(self) -> tuple[str, ...]:
        """The reader of its kind too."""
        return (*self.MODULES, f"dg.datasets.{self.kind}")


class Detector(Strict):
    """Which face detector, down to its weights."""

    name: str
    weights: str | None = Field(description="file in place of its published one; null: that one")
    digest: str | None = Field(description="SHA-256 of that file")
    people: bool = Field(
        default=False, description="of several faces the folder's person's is taken, told by their other pictures"
    )


class FramesSettings(Settings):
    """The values of one data set's face crops."""

    MODULES = ("dg.frames",)

    dataset: str
    size: int = Field(gt=0, description="side of the crops in pixels")
    format: Literal["png", "jpeg"]
    shards: int = Field(gt=0, description="how many the set is cut into, as Snakemake gives it: `shards_in_use`")
    detector: Detector | None = Field(description="cuts the face out of each picture; null: the centre square is taken")
    raw: str = Field(default="", description="digest of the raw data, as Snakemake gives it")

    def modules(self) -> tuple[str, ...]:
        """What finds and frames faces, too, where they are to be found."""
        return (*self.MODULES, "dg.face_cuts") if self.detector else self.MODULES


class PairsSettings(Settings):
    """The values of one test's pair list; sizes that its test doesn't ask for (`dg.tests.Test.sizes`) are null."""

    MODULES = ("dg.protocols.pairs",)

    test: str
    seed: int = Field(ge=0)
    references: int | None = Field(default=None, gt=0, description="reference pictures per source subject")
    videos: int | None = Field(default=None, ge=2, description="test videos, by as many people as possible")
    vox1_frames: int | None = Field(default=None, gt=0, description="test frames per VoxCeleb1 video")
    vox_frames: int | None = Field(default=None, gt=0, description="test frames per VoxCeleb2 video")
    max_pairs: int | None = Field(gt=0, description="pairs drawn from the list; null: all")
    tuning: int | None = Field(default=None, description="frames of each video that the RFG is tuned on, if it is")
    sets: tuple[str, ...] | None = Field(
        default=None, description="names of the data sets of sources and references, if they are two"
    )


def synthface_settings(p: Params, dataset: str) -> SynthfaceSettings:
    """Of the rendered set `dataset`."""
    return SynthfaceSettings(
        set=dataset, seed=p.seed, size=p.sizes.image_size, sizes=getattr(p.sizes.synthface, dataset)
    )


def manifest_settings(p: Params, dataset: str) -> ManifestSettings:
    """Of `dataset`."""
    entry = p.datasets[dataset]
    return ManifestSettings(dataset=dataset, kind=entry.kind, fps=entry.fps, shards=entry.shards)


def frames_settings(p: Params, dataset: str) -> FramesSettings:
    """Of `dataset`."""
    entry = p.datasets[dataset]
    return FramesSettings(
        dataset=dataset,
        size=p.sizes.image_size,
        format=p.sizes.image_format,
        shards=entry.shards,
        detector=_detector(p, entry.kind) if entry.crop == "detect" else None,
    )


def _detector(p: Params, kind: Kind) -> Detector:
    weights = p.landmarks.detector_weights
    digest = stored_digest(Path(weights)) if weights else None
    # Elsewhere pictures are of one person, or videos were cut around theirs.
    return Detector(name=p.landmarks.detector, weights=weights, digest=digest, people=kind == "faces")


def pairs_settings(p: Params, test: str) -> PairsSettings:
    """Of the pair list of `test`, a key of TESTS."""
    record, sizes = TESTS[test], p.sizes.protocols
    sets = tuple(getattr(p.benchmarks, name) for name in record.benchmarks)
    return PairsSettings(
        test=test,
        seed=p.seed,
        tuning=p.sizes.fine_tune.frames if record.tuned else None,
        sets=sets if len(sets) > 1 else None,
        max_pairs=sizes.max_pairs,
        **{name: getattr(sizes, name) for name in record.sizes},
    )
