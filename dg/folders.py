"""A folder of raw data, walked in one way by what tells it from others (dg/digests.py) and by what reads it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from dg.errors import DgError

# What NAS boxes, archivers, file systems and Windows leave in folders; all else of their kind begins with a dot.
SYSTEM = frozenset({"@eadir", "#recycle", "__macosx", "lost+found", "$recycle.bin", "system volume information"})

LeaveOut = Callable[[str, str], None]


def walk(folder: Path, leave_out: LeaveOut = lambda path, reason: None) -> Iterator[str]:
    """Paths of all files under `folder`, relative, with "/", in their order; none where there is no such folder.

    Links to files and folders are followed. In memory are the names of one folder at a time and of those above it.

    Args:
        leave_out: told of each file or folder that isn't walked, with its path and the reason: hidden ones and what
            systems keep for themselves, links that lead nowhere or in a circle, names that are no text.

    Raises:
        DgError: a folder can't be opened.
    """
    yield from _walk(str(folder), "", (str(folder),), leave_out)


def _walk(folder: str, before: str, above: tuple[str, ...], leave_out: LeaveOut) -> Iterator[str]:
    names, links, others = _listed(folder)
    for name in sorted(names):
        path, bare = before + name, name.removesuffix("/")
        if bare.startswith(".") or bare.lower() in SYSTEM:
            leave_out(path, "hidden, or a system's own")
        elif not _is_text(bare):
            leave_out(os.fsencode(path).decode("utf-8", "replace"), "its name isn't UTF-8")
        elif name.endswith("/"):
            inner = f"{folder}/{bare}"
            if bare in links and any(os.path.samefile(inner, each) for each in above):
                leave_out(path, "a link to a folder that it lies in")
            else:
                yield from _walk(inner, path, (*above, inner), leave_out)
        elif name in others:
            leave_out(path, "a link to nothing" if name in links else "neither a file nor a folder")
        else:
            yield path


def _listed(folder: str) -> tuple[list[str], set[str], set[str]]:
    """What lies in a folder: all names, with "/" after those of folders; which are links; which are no files."""
    names, links, others = [], set(), set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                names.append(entry.name + "/" * entry.is_dir())
                if entry.is_symlink():
                    links.add(entry.name)
                if not entry.is_dir() and not entry.is_file():
                    others.add(entry.name)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise DgError(
            f"{folder}: can't be opened ({error.strerror}), so nobody knows what of the data set lies there. Make it "
            "readable, or move it out of the data set."
        ) from error
    return names, links, others


def _is_text(name: str) -> bool:
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
