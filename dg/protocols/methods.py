"""Other methods in the tables: a command of params.yaml that gets a pair list and writes one picture per pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dg.files import read_parquet
from dg.protocols.command import run_command
from dg.protocols.exchange import read_answers, write_exchange
from dg.protocols.results import Result, writing_results
from dg.provenance import png_bytes
from dg.shards import FaceSet

_BATCH = 16
NO_POINTS = np.full((68, 3), np.nan, np.float32)  # such a method says nothing of landmarks


def run_method(
    method: str,
    command: str,
    folders: list[Path],
    pairs: Path,
    out: Path,
    work: Path,
    networks: dict[str, Path],
) -> None:
    """Run the command on the pair list and write its pictures as the results file `out` (RESULT_SCHEMA).

    Pictures are stored without loss, with a provenance text chunk that names the method.

    Args:
        method: its name in params.yaml.
        command: a template with {pairs} or {truth} and {out}, perhaps {rfg}, {idsg} and {model}.
        folders: the prepared data sets.
        work: folder of the exchange, see dg/protocols/exchange.py; a command that was stopped finds there what it
            wrote.
        networks: "rfg", "idsg", "model": checkpoints for the placeholders of that name.

    Raises:
        DgError: the command can't be started, fails, or leaves pictures out.
    """
    faces, table = FaceSet(folders), read_parquet(pairs)
    answers = work / "out"
    answers.mkdir(parents=True, exist_ok=True)
    truths = "{truth}" in command
    places = {"truth" if truths else "pairs": write_exchange(faces, table, work, truths), "out": answers, **networks}
    run_command(f"methods.{method}.command", command, places)
    size = len(faces.image(faces.row(table["source"].iloc[0])))
    pictures = read_answers(answers, len(table), size, method)
    note = f"result of the method '{method}', not a photograph as it stands"
    with writing_results(out) as writer:
        for start in range(0, len(table), _BATCH):
            batch = table.iloc[start : start + _BATCH].itertuples()
            made = [(pair, png_bytes(next(pictures), note)) for pair in batch]
            writer.write([Result(p.source, p.reference, p.target, image, NO_POINTS) for p, image in made])
