"""How much nearer the IDSG comes to strangers the more people it has learnt from. Draws docs/faces_people.png.

    python -m measurements.people data/pretraining/shapes PICTURE.png      3 minutes of a core for each number of people

Every row is a training of its own, 8,000 steps of the recipe of dg/pretraining/faces/idsg.py; strangers are the people
whom `shapes` keeps for measuring.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import torch

from dg.files import replacing
from dg.pretraining.faces.idsg import IdsgPretraining, People, measure_idsg
from dg.pretraining.faces.recipe import IdsgRecipe

PEOPLE = (8, 32, 128, 512, 0)
LINES = {
    "idsg": ("IDSG, strangers", "o-"),
    "idsg_learnt": ("IDSG, people learnt from", "o:"),
    "reference": ("the reference unchanged", "--"),
    "mean_person": ("the mean person in the reference's shot", "-."),
}


def main() -> None:
    """Train, measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("shapes", type=Path, help="folder that `python -m dg.pretraining.faces shapes` wrote")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--steps", type=int, default=8000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    strangers, rows = People.load(arguments.shapes / "measured.safetensors"), []
    for people in PEOPLE:
        learnt = People.load(arguments.shapes / "learnt.safetensors", people)
        with tempfile.TemporaryDirectory() as folder:
            training = IdsgPretraining(
                IdsgRecipe(steps=arguments.steps, people=people), learnt, Path(folder) / "state.safetensors"
            )
            while training.step < arguments.steps:
                training.advance()
        found = measure_idsg(training.net, strangers)
        found["idsg_learnt"] = measure_idsg(training.net, learnt)["idsg"]
        rows.append({"people": len(learnt.points)} | found)
        print(rows[-1], flush=True)
    draw(pd.DataFrame(rows), arguments.picture)


def draw(table: pd.DataFrame, picture: Path) -> None:
    """`table`: people and the keys of LINES, percent of the picture."""
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    for key, (label, style) in LINES.items():
        axes.plot(table["people"], table[key], style, label=label)
    axes.set(
        xscale="log", xlabel="people learnt from", ylabel="distance to the truth, % of the picture", ylim=(0, None)
    )
    axes.set_xticks(table["people"], [str(count) for count in table["people"]], minor=False)
    axes.minorticks_off()
    figure.legend(loc="outside upper center", ncols=2, fontsize=8)
    with replacing(picture) as temporary:
        figure.savefig(temporary, dpi=140)


if __name__ == "__main__":
    main()
