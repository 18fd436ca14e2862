"""The numbers by which experiments are told apart: few enough for one line of `dvc exp show`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dg.files import write_json

# What the paper claims of DG: landmarks of the right person (Table 1), faces that keep their identity (Tables 2 to 4),
# in large pose too, and look real. By table: (name, row, metrics).
_NUMBERS = {
    "table1": [("table1", {"row": "dg"}, ["ace"])],
    "table2": [("table2", {"row": "dg"}, ["csim"])],
    "table3": [("table3", {"method": "dg"}, ["csim"])],
    "table4": [
        ("RaFD", {"test": "RaFD", "method": "dg"}, ["csim", "fid"]),
        ("MPIE_LP", {"test": "MPIE_LP", "method": "dg"}, ["csim"]),
    ],
}


def write_headlines(table: str, frame: pd.DataFrame, out: Path) -> None:
    """Write those of a table into the folder `headlines` beside it, JSON {name: {metric: value}}.

    Args:
        frame: the table's rows.
        out: the table's own file.
    """
    found = {}
    for name, row, metrics in _NUMBERS[table]:
        for values in frame.loc[(frame[list(row)] == pd.Series(row)).all(axis=1)].to_dict("records"):
            found[name] = {key: float(values[key]) for key in metrics}
    write_json(Path(out).parent / "headlines" / f"{table}.json", found)
