"""`python -m dg reenact`: what its options ask for, picture by picture and clip by clip."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from itertools import product
from pathlib import Path

from dg.errors import DgError
from dg.pictures import PICTURE_SUFFIXES, BrokenPicture, is_picture
from dg.provenance import WRITTEN
from dg.videos import VIDEO_SUFFIXES, is_video


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of `reenact`."""
    parser.add_argument("--source", type=Path, nargs="+", required=True, help="pictures of who is painted, or folders")
    parser.add_argument(
        "--reference", type=Path, nargs="+", required=True, help="pictures or clips whose pose is taken, or folders"
    )
    parser.add_argument("--out", type=Path, required=True, help=f"{', '.join(WRITTEN)}; .mp4; of several: a folder")
    parser.add_argument("--face", type=int, help="which face of the source's picture; 1: the largest, if none is given")
    parser.add_argument(
        "--reference-face", type=int, default=1, help="the same of the reference's, a clip's first frame"
    )
    parser.add_argument("--paste", action="store_true", help="show the face in the source's whole picture")
    parser.add_argument("--side-by-side", action="store_true", help="show source, reference and result in a row")
    parser.add_argument(
        "--smooth", type=float, default=0, metavar="SECONDS", help="smooth a clip's landmarks over time"
    )
    parser.add_argument("--show-steps", type=Path, metavar="FOLDER", help="write crops, landmarks and map there")
    add_mark_option(parser)
    add_network_options(parser)


def add_mark_option(parser: argparse.ArgumentParser) -> None:
    """Whether pictures carry the visible mark; what the file says of itself stays."""
    parser.add_argument("--no-mark", action="store_true", help="leave out the small word 'synthetic' in the picture")


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Which networks paint, and how faces are found."""
    parser.add_argument(
        "--rfg", type=Path, help="checkpoint, this project's or the authors'; default: the one that ships"
    )
    parser.add_argument("--idsg", type=Path, help="the same of the IDSG")
    parser.add_argument("--landmarks", default="fan-synthface", help="F_l: fan-synthface or fan")
    parser.add_argument("--detector", default="yunet", help="face detector: yunet, dlib, sfd, retinaface or scrfd")
    parser.add_argument("--crop", choices=("detect", "whole"), default="detect", help="whole: pictures are face crops")


def reenact(a: argparse.Namespace) -> None:
    """Do what the options say.

    Raises:
        DgError: wrong options or files; or some results couldn't be made, once all others are.
    """
    sources = _files(a.source, is_picture, "picture", PICTURE_SUFFIXES)
    references = _files(a.reference, _is_reference, "picture or video", PICTURE_SUFFIXES | VIDEO_SUFFIXES)
    jobs = _jobs(sources, references, a.out)
    # Now: loading the networks takes longer than to say what is wrong with the options.
    from dg.reenact.networks import BUNDLED_FOR
    from dg.reenact.reenactor import Reenactor

    if a.rfg is None or a.idsg is None:
        print(f"dg reenact: {BUNDLED_FOR}", file=sys.stderr)
    detector = None if a.crop == "whole" else a.detector
    reenactor = Reenactor(a.rfg, a.idsg, landmarks=a.landmarks, detector=detector)
    shown = {"paste": a.paste, "side_by_side": a.side_by_side, "mark": not a.no_mark}
    failed: list[str] = []
    for source, group in jobs.items():
        try:
            who = reenactor.source(source, a.face or 1)
        except BrokenPicture as error:
            failed.append(str(error))
            continue
        if a.face is None and who.face.alike > 1:
            left, top, right, bottom = who.face.box
            print(
                f"dg reenact: {source}: shows {who.face.alike} faces of about one size. The largest is painted, in the "
                f"middle of {(left + right) / 2:.0f}, {(top + bottom) / 2:.0f} (x, y in pixels); --face 2 is the next.",
                file=sys.stderr,
            )
        for reference, out in group.items():
            steps = a.show_steps and (a.show_steps / out.stem if len(sources) * len(references) > 1 else a.show_steps)
            try:
                if is_video(reference):
                    missing = reenactor.video(
                        who, reference, out, reference_face=a.reference_face, smooth=a.smooth, steps=steps, **shown
                    )
                    told = f", {missing} frames without a face keep the last one's landmarks" if missing else ""
                else:
                    made = reenactor.picture(who, reference, reference_face=a.reference_face, **shown)
                    made.save(out)
                    told = ""
                    if steps:
                        made.save_steps(steps)
            except BrokenPicture as error:
                failed.append(str(error))
                continue
            print(f"{out}: {source.name} as {reference.name}{told}")
    if failed:
        raise DgError(
            "\n".join([f"{len(failed)} could not be used, all others are done:", *failed][len(failed) == 1 :])
        )


def _is_reference(path: Path) -> bool:
    return is_picture(path) or is_video(path)


def _files(given: list[Path], wanted: Callable[[Path], bool], what: str, suffixes: frozenset[str]) -> list[Path]:
    """The files given and, in their order, those of the folders given.

    Raises:
        DgError: one is missing or of another kind, or a folder holds none.
    """
    expected = f"Expected a {what} ({', '.join(sorted(suffixes))})"
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
            chosen = [file for file in inside if wanted(file)]
            if not chosen:
                raise DgError(f"{path}: holds no {what}. {expected} in it.")
            if left := [file.name for file in inside if not wanted(file)]:
                print(f"dg reenact: {path}: left out, as no {what}: {', '.join(left)}", file=sys.stderr)
            found += chosen
        elif not path.exists():
            raise DgError(f"{path}: not found. {expected} or a folder of some.")
        elif not wanted(path):
            raise DgError(f"{path}: is no {what} by its name. {expected} or a folder of some.")
        else:
            found.append(path)
    return found


def _jobs(sources: list[Path], references: list[Path], out: Path) -> dict[Path, dict[Path, Path]]:
    """Source -> reference -> the file that shows both.

    Raises:
        DgError: `out` has the wrong suffix, or two results would have one name.
    """
    pairs = list(product(sources, references))
    if len(pairs) == 1 and out.suffix and not out.is_dir():
        expected = (".mp4",) if is_video(references[0]) else WRITTEN
        if out.suffix.lower() not in expected:
            raise DgError(f"{out}: of {references[0].name} comes {' or '.join(expected)}. Name the file so.")
        return {sources[0]: {references[0]: out}}
    if out.suffix and not out.is_dir():
        raise DgError(
            f"{out}: {len(pairs)} results ({len(sources)} sources, {len(references)} references) don't fit into one "
            "file. Give a folder."
        )
    names = {pair: f"{pair[0].stem}_{pair[1].stem}{'.mp4' if is_video(pair[1]) else '.png'}" for pair in pairs}
    if twice := [name for name, count in Counter(names.values()).items() if count > 1]:
        both = " and ".join(
            f"{source} with {reference}" for (source, reference) in pairs if names[source, reference] == twice[0]
        )
        raise DgError(f"{out / twice[0]}: would be the result of {both}. Rename one of the files.")
    return {source: {reference: out / names[source, reference] for reference in references} for source in sources}
