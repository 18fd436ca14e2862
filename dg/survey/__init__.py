"""What a data set gives and what it takes, told before anything is run: `python -m dg check rafd`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dg.datasets.manifest import Reading
from dg.errors import DgError
from dg.params import Params
from dg.steps.data import manifest_settings
from dg.survey.costs import disk, hours
from dg.survey.glance import Glance, table_of
from dg.survey.pairs import OF_ALL, pairs, tests_of

_TRAINED = 1000


def survey(params: Params, dataset: str, raw: Path = Path("data/raw")) -> str:
    """What the manifest step would find in `raw`/`dataset`, what tests draw from it, disk and time, in lines.

    It reads as that step does, by the same code; of many videos it opens some alone.

    Raises:
        DgError: there is no such data set, the manifest step would refuse it, or a test that params.yaml draws from it
            would find too little; that message holds the lines too.
    """
    if dataset not in params.datasets:
        raise DgError(f"params.yaml: no data set '{dataset}' under datasets, only {', '.join(params.datasets)}.")
    entry, settings = params.datasets[dataset], manifest_settings(params, dataset)
    sizes = params.sizes.protocols
    enough = max(params.sizes.fine_tune.frames + sizes.vox1_frames, sizes.vox_frames)
    source = Glance(dataset, raw / dataset, entry.fps, enough=enough)
    reading = Reading(settings, source, entry.max_broken)
    # Without them VoxCeleb2's table would be mostly rows that nobody looks at; some stand for the size of pictures.
    trained = None if OF_ALL.intersection(tests_of(params, dataset)[1]) else _TRAINED
    faces = table_of(reading.rows(), trained)
    drawn, short = pairs(params, dataset, faces)
    estimated = [source.estimated()] * bool(source.estimated())
    lines = [*reading.told(), *estimated, *drawn, *_costs(params, dataset, source, faces, reading.report()["rows"])]
    if short:
        raise DgError("\n".join([*lines, f"{dataset}: too little for {', '.join(short)}, see above."]))
    return "\n".join(lines)


def _costs(params: Params, dataset: str, source: Glance, faces: pd.DataFrame, count: int) -> list[str]:
    return [
        f"At scale {params.scale}, if every face is found:",
        *disk(params, source, faces, count),
        *hours(params, dataset, count),
    ]
