"""Any folder of people: a folder for each person with pictures or videos in it."""

from __future__ import annotations

from collections.abc import Iterator

from dg.datasets.rows import Row, Source, is_video
from dg.errors import DgError

LAYOUT = """  anna/1.jpg
  anna/holiday/2.png
  ben/talk.mp4
A folder for each person, at least two people; one folder may lie above all of them. To keep some people for testing,
put train/ and test/ above them, each person in one of the two:
  train/anna/1.jpg
  test/ben/1.jpg"""

_PARTS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val"}
_PARTS |= {"test": "test", "testing": "test"}


def rows(source: Source) -> Iterator[Row]:
    """A row per picture and per sampled video frame; all "train" unless train/, val/ and test/ are the top folders.

    A part for validation is what is tested where there is no other, and else left out: nothing here validates.

    Raises:
        DgError: folders of parts lie beside those of people.
    """
    paths = list(source.files())
    above = _above_people(paths)
    if above:
        source.notes.append(f"{above} lies above all people: the folders in it are the people.")
    parts = _parts(source, [path[len(above) :] for path in paths], above)
    for path in paths:
        folders = path[len(above) :].split("/")[:-1]
        part = parts[folders.pop(0).lower()] if parts and folders else "train"
        if not folders:
            source.skip(path, "lies in no person's folder")
        elif part == "val":
            source.leave_out(path, "kept for validation, which isn't done here: move it to train or test to use it")
        else:
            who = folders[0]
            yield from source.rows_of(path, subject=who, clip=path if is_video(path) else who, split=part)


def _above_people(paths: list[str]) -> str:
    """The folder, with "/" at its end, that lies above all people's; "" if people's folders come first."""
    above = ""
    while paths:
        first, _, rest = paths[0][len(above) :].partition("/")
        inner = f"{above}{first}/"
        # The folder of a person holds files; one of train/ and test/ alone says more than that it is above.
        if "/" not in rest or first.lower() in _PARTS:
            break
        if not all(path.startswith(inner) and "/" in path[len(inner) :] for path in paths):
            break
        above = inner
    return above


def _parts(source: Source, paths: list[str], above: str) -> dict[str, str]:
    """Top folder, in small letters -> "train", "test" or "val"; empty where the top folders are people's."""
    tops: dict[str, bool] = {}  # whether there are folders in it
    for path in paths:
        top, _, rest = path.partition("/")
        if rest:
            tops[top] = tops.get(top, False) or "/" in rest
    parts = [top for top, holds_folders in tops.items() if holds_folders and top.lower() in _PARTS]
    others = [top for top in tops if top.lower() not in _PARTS]
    if not parts:
        return {}
    if others:
        raise DgError(
            f"{source.raw / above}: {', '.join(f'{part}/' for part in parts)} lie(s) beside "
            f"{', '.join(f'{other}/' for other in others[:5])}{', …' if len(others) > 5 else ''}. Expected people's "
            f"folders alone, or train/ and test/ alone with people's folders in them. Move these to the part where "
            f"they belong, or out of the data set. Layout:\n{LAYOUT}"
        )
    chosen = {top.lower(): _PARTS[top.lower()] for top in tops}
    if set(chosen.values()) == {"val"}:
        return dict.fromkeys(chosen, "train")
    if "test" not in chosen.values() and "train" in chosen.values():
        chosen = {top: "test" if part == "val" else part for top, part in chosen.items()}
        if "test" in chosen.values():
            source.notes.append("There is no part for testing: people kept for validation are tested.")
    return chosen
