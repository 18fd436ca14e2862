"""Command line: train a bundled network. `python -m dg.pretraining --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from dg.errors import DgError
from dg.pretraining.face_model import make_face_model
from dg.pretraining.fan import train_fan
from dg.pretraining.people import load_people
from dg.pretraining.pictures import make_people
from dg.pretraining.points import train_visibility
from dg.pretraining.settings import FanSettings, VisibilitySettings, read_settings
from dg.synthface import SynthPeople


def main() -> int:
    """Train one network or compute the face model; 1 and a message on bad input."""
    parser = argparse.ArgumentParser(prog="python -m dg.pretraining", description="Train a bundled network.")
    parser.add_argument(
        "name",
        choices=["pictures", "face-model", "visibility-synthface", "fan-synthface"],
    )
    parser.add_argument(
        "source",
        type=Path,
        help="folder of the pictures; for pictures the head model",
    )
    parser.add_argument(
        "out", type=Path, help="file to write: .safetensors, for face-model .csv, for pictures a folder"
    )
    parser.add_argument("--state", type=Path, default=Path("data/pretraining"), help="folder of the resume state")
    parser.add_argument("--until", type=int, help="stop at this step, write what there is; a later call goes on")
    parser.add_argument("--threads", type=int, default=1, help="threads, processes for pictures (1; more only if idle)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    try:
        if arguments.name == "pictures":
            make_people(arguments.out, arguments.source, read_settings("pictures", SynthPeople), arguments.threads)
        elif arguments.name == "face-model":
            held_out = read_settings("fan-synthface", FanSettings).held_out
            make_face_model(load_people(arguments.source, held_out)[0], arguments.out)
        elif arguments.name == "visibility-synthface":
            settings = read_settings(arguments.name, VisibilitySettings)
            train_visibility(arguments.source, arguments.out, settings, arguments.state)
        else:
            settings = read_settings(arguments.name, FanSettings)
            train_fan(arguments.source, arguments.out, settings, arguments.state, arguments.until)
    except DgError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
