"""Digests that say whether a step would do the same thing again: of its code, its raw data and its inputs."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from dg.files import file_digest, write_text

ROOT = Path(__file__).resolve().parent.parent
DIGESTS = Path(".cache/digests")
# Plumbing whose every effect on a step's result reaches the step as a value in its settings, or is no effect on the
# result at all (messages, where files are put). Without this list one new key in params.yaml would retrain everything.
NOT_CODE = re.compile(r"dg\.(params|settings|steps|checked|digests|errors|files|cli|__main__)(\..+)?")


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


@cache
def _read(module: str) -> tuple[str, frozenset[str]] | None:
    path = _source(module)
    if path is None:
        return None
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = _imports(tree, module, path.name == "__init__.py")
    return ast.dump(_without_docstrings(tree)), frozenset(imports)


@cache
def code_digest(module: str) -> str:
    """Hash of what `module` and every dg module it imports, also inside functions, mean.

    Comments, docstrings and layout don't count; JSON and CSV tables that lie beside a module do.
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
        meaning, imports = found
        path = _source(name)
        tables = sorted([*path.parent.glob("*.json"), *path.parent.glob("*.csv")]) if path else []
        # The bundled weights' cards lie in dg/weights; their digests are settings, so they are no code.
        tables = [table for table in tables if table.parent.name != "weights"]
        seen[name] = meaning + "".join(hashlib.sha256(table.read_bytes()).hexdigest() for table in tables)
        todo += sorted(imports)
        todo += [".".join(name.split(".")[:depth]) for depth in range(1, name.count(".") + 1)]
    return digest_of(sorted(seen.items()))


def digest_of(value: Any) -> str:
    """Short hash (16 hex digits) of a JSON-serialisable value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


@cache
def listing_digest(folder: Path) -> str:
    """Hash of the names and sizes of all files under `folder`; content is not read (VoxCeleb2 has 300 GB)."""
    files = sorted((str(p.relative_to(folder)), p.stat().st_size) for p in Path(folder).rglob("*") if p.is_file())
    return digest_of(files)


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
