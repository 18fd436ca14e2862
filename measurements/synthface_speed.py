"""How fast SynthFace renders: python -m measurements.synthface_speed [--people 8] [--size 128]

The set of everything at random (hair, beards, soft shadows, noise, PNG files written), with as many processes as there
are cores and with one; building the head model is not counted.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from dg.synthface import SynthPeople, make_set
from dg.synthface.head_builder import build_head

PICTURES = 10


def main() -> None:
    """Render twice, print pictures a second and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--people", type=int, default=48)
    parser.add_argument("--size", type=int, default=128)
    arguments = parser.parse_args()
    plan = SynthPeople(people=arguments.people, pictures=PICTURES, size=arguments.size)
    cores, speeds = os.cpu_count() or 1, {}
    with tempfile.TemporaryDirectory() as folder:
        head = Path(folder) / "head.safetensors"
        build_head(head)
        for workers in (cores, 1):
            start = time.perf_counter()
            make_set(plan, Path(folder) / str(workers), head, workers)
            speeds[workers] = arguments.people * PICTURES / (time.perf_counter() - start)
            print(f"{workers} process(es): {speeds[workers]:.1f} pictures/s at {arguments.size} px")
    print(f"ratio {speeds[cores] / speeds[1]:.2f}")


if __name__ == "__main__":
    main()
