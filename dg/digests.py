"""Digests that say whether a step would do the same thing again: of its code, its raw data and its inputs."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dg.errors import DgError
from dg.files import file_digest, read_json, write_json, write_text
from dg.folders import walk

ROOT = Path(__file__).resolve().parent.parent
DIGESTS = Path(".cache/digests")
CODE = DIGESTS / "code.json"
# Plumbing whose every effect on a step's result reaches the step as a value in its settings, or is no effect on the
# result at all (messages, where files are put). Without this list one new key in params.yaml would retrain everything.
_PLUMBING = r"dg\.(params|steps|checked|digests|errors|files|cli|__main__)(\..+)?"
# What `import dg` offers to people; no step uses it.
_OFFERED = "dg"
# What only shows or tells how a training goes.
_SHOWN = r"dg\.(idsg\.samples|rfg\.samples|fom\.samples|training\.progress|training\.card)"
NOT_CODE = re.compile(f"{_PLUMBING}|{_OFFERED}|{_SHOWN}")


def _source(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body
            if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
                node.body = body[1:]
    return tree


def _imports(tree: ast.Module, module: str, is_package: bool) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".") if is_package else module.split(".")[:-1]
                package = package[: len(package) - node.level + 1]
                base = ".".join([*package, *([node.module] if node.module else [])])
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return {name for name in found if name == "dg" or name.startswith("dg.")}


def _tables(tree: ast.Module, path: Path) -> list[Path]:
    """JSON and CSV tables that lie beside a module and that it names."""
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    names = sorted(word for word in words if re.fullmatch(r"\w[\w.-]*\.(json|csv)", word))
    return [path.with_name(name) for name in names if path.with_name(name).is_file()]


@cache
def _read(module: str) -> tuple[str, frozenset[str]] | None:
    """What a module means, and the modules that it imports; None if there is no such one."""
    path = _source(module)
    if path is None:
        return None
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = _imports(tree, module, path.name == "__init__.py")
    tables = "".join(hashlib.sha256(table.read_bytes()).hexdigest() for table in _tables(tree, path))
    return ast.dump(_without_docstrings(tree)) + tables, frozenset(imports)


def modules_behind(module: str) -> dict[str, str]:
    """What `module` and every dg module it imports, also inside functions, mean: name -> its code and tables.

    Comments, docstrings and layout don't count; JSON and CSV tables beside a module do, where it names them.
    """
    seen: dict[str, str] = {}
    todo = [module]
    while todo:
        name = todo.pop()
        if name in seen or NOT_CODE.fullmatch(name):
            continue
        found = _read(name)
        if found is None:
            continue
        seen[name], imports = found
        todo += sorted(imports)
        todo += [".".join(name.split(".")[:depth]) for depth in range(1, name.count(".") + 1)]
    return seen


@cache
def code_digest(module: str) -> str:
    """Hash of `modules_behind` it.

    Kept in CODE while no file of the code changes: to read what all of them mean takes longer than all else that
    Snakemake does before it says that nothing is to be done.
    """
    files, kept = _code_files(), ROOT / CODE
    known = read_json(kept) if kept.exists() else {}
    digests = known["digests"] if known.get("files") == files else {}
    if module not in digests:
        digests[module] = digest_of(sorted(modules_behind(module).items()))
        with contextlib.suppress(DgError):  # the folder can't be written: it is read anew each time
            write_json(kept, {"files": files, "digests": digests})
    return digests[module]


@cache
def _code_files() -> str:
    """Hash of the bytes and names of all code and its tables, and of the Python that reads it."""
    files = sorted(path for end in ("py", "json", "csv") for path in (ROOT / "dg").rglob(f"*.{end}"))
    return digest_of([sys.version, *((str(path.relative_to(ROOT)), content_digest([path])) for path in files)])


def digest_of(value: Any) -> str:
    """Short hash (16 hex digits) of a JSON-serialisable value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class RawData:
    """What lies in a data set's raw folder.

    Attributes:
        digest: of the names and sizes of all files that `walk` finds; content is not read (VoxCeleb2 has 300 GB).
        files: how many; None where nobody knows.
    """

    digest: str
    files: int | None


@cache
def raw_data(folder: Path, manifest: Path) -> RawData:
    """What lies under `folder`, in the memory of one folder's names, as VoxCeleb2 has a million files.

    Where the folder is missing, as in a clone: what the report `manifest` says that the manifest was made from, since
    the pictures are needed again only where they are cut again.
    """
    if not folder.is_dir() and manifest.exists():
        told = read_json(manifest)
        return RawData(told["raw"], told.get("raw_files"))
    total, count = hashlib.sha256(), 0
    for count, file in enumerate(((path, os.stat(folder / path).st_size) for path in walk(folder)), 1):
        total.update((", " if count > 1 else "[").encode() + json.dumps(file).encode())
    total.update(b"]" if count else b"[]")
    return RawData(total.hexdigest()[:16], count if folder.is_dir() else None)


def content_digest(paths: Iterable[Path]) -> str:
    """Hash of the bytes of the files in `paths`, in order."""
    total = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()[:16]


@cache
def stored_digest(path: Path) -> str | None:
    """SHA-256 of the bytes of a large file laid by hand, or None if it isn't there.

    Kept in DIGESTS with the file's size and date, so that half a gigabyte isn't read at every start of Snakemake.
    """
    if not path.is_file():
        return None
    state = path.stat()
    key = digest_of([str(path.resolve()), state.st_size, state.st_mtime_ns])
    kept = DIGESTS / key
    if not kept.exists():
        write_text(kept, file_digest(path))
    return kept.read_text(encoding="utf-8")
