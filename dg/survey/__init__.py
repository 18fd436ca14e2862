"""What a data set gives and what it takes, told before anything is run: `python -m dg check rafd`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dg.datasets.manifest import Reading
from dg.errors import DgError
from dg.files import read_json
from dg.params import Params
from dg.steps.data import manifest_settings
from dg.survey.costs import disk, hours
from dg.survey.glance import Glance, table_of
from dg.survey.pairs import OF_ALL, pairs, tests_of

_TRAINED = 1000


def survey(params: Params, dataset: str, raw: Path = Path("data/raw"), sets: Path = Path("data/sets")) -> str:
    """What the manifest step would find in `raw`/`dataset`, what tests draw from it, disk and time, in lines; and what
    of the set in `sets`/`dataset` couldn't be used, if it was made before.

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
    whose = _whose(params, dataset, sets)
    costs = _costs(params, dataset, source, faces, reading.report()["rows"])
    lines = [*reading.told(), *estimated, *whose, *drawn, *costs]
    if short:
        raise DgError("\n".join([*lines, f"{dataset}: too little for {', '.join(short)}, see above."]))
    return "\n".join(lines)


def _whose(params: Params, dataset: str, sets: Path) -> list[str]:
    """Whose faces are cut out where pictures show several, and what couldn't be used, if that was tried before."""
    entry, lines = params.datasets[dataset], []
    if entry.kind == "faces" and entry.crop == "detect":
        lines.append(
            "Of several faces in a picture that of the folder's person is cut out, told by pictures that show them "
            "alone. Where nothing tells it, the picture is left out, unless one face is clearly the largest."
        )
    path = sets / dataset / "left_out.json"
    if path.exists():
        told = read_json(path)
        first = "".join(f"\n  {item['key']}: {item['reason']}" for item in told["left_out"][:3])
        lines.append(
            f"When its faces were cut last, {told['usable']:,} of {told['rows']:,} pictures could be used. Of several "
            f"faces the person's was told in {len(told['several_faces_known']):,}, and in "
            f"{len(told['several_faces']):,} taken by size, or in a clip by the frame before. "
            f"Left out: {len(told['left_out']):,}{first}\n"
            f"All are listed in {path}."
        )
    return lines


def _costs(params: Params, dataset: str, source: Glance, faces: pd.DataFrame, count: int) -> list[str]:
    return [
        f"At scale {params.scale}, if every face is found:",
        *disk(params, source, faces, count),
        *hours(params, dataset, count),
    ]
