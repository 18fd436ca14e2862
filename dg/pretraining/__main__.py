"""Command line: train a bundled network. `python -m dg.pretraining --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
import yaml

from dg.errors import DgError
from dg.pretraining.face_model import make_face_model
from dg.pretraining.fan import train_fan
from dg.pretraining.identity import train_identity
from dg.pretraining.people import load_people
from dg.pretraining.pictures import make_people
from dg.pretraining.points import train_visibility
from dg.synthface import SynthPeople

SETTINGS = Path(__file__).with_name("settings.yaml")


def main() -> int:
    """Train one network or compute the face model; 1 and a message on bad input."""
    parser = argparse.ArgumentParser(prog="python -m dg.pretraining", description="Train a bundled network.")
    parser.add_argument(
        "name",
        choices=["pictures", "face-model", "visibility-synthface", "fan-synthface", "synthface-id"],
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
    settings = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))
    try:
        if arguments.name == "pictures":
            make_people(arguments.out, arguments.source, SynthPeople(**settings["pictures"]), arguments.threads)
        elif arguments.name == "face-model":
            make_face_model(load_people(arguments.source, settings["fan-synthface"]["held_out"])[0], arguments.out)
        elif arguments.name == "visibility-synthface":
            train_visibility(arguments.source, arguments.out, settings[arguments.name], arguments.state)
        elif arguments.name == "fan-synthface":
            train_fan(arguments.source, arguments.out, settings[arguments.name], arguments.state, arguments.until)
        else:
            train_identity(arguments.source, arguments.out, settings[arguments.name], arguments.state, arguments.until)
    except DgError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
