"""What the tests write is gone when it is of no more use: all of a run together once filled a disk."""

import subprocess
import sys

from tests.scales import ROOT

FIRST = """
import pytest

@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    (folder / "large").write_text("...")
    return folder

def test_first(shared, tmp_path):
    (tmp_path / "large").write_text("...")

def test_its_neighbour(shared, tmp_path):
    assert (shared / "large").exists()
    assert not (tmp_path.parent / "test_first0").exists()
    assert {ends}
"""
SECOND = """
def test_second(tmp_path_factory):
    there = tmp_path_factory.getbasetemp().iterdir()
    print(sorted(path.name for path in there if path.is_dir() and not path.is_symlink()))
"""


def left_after_the_first_file(folder, ends):
    (folder / "test_a.py").write_text(FIRST.replace("{ends}", ends))
    (folder / "test_b.py").write_text(SECOND)
    command = [sys.executable, "-m", "pytest", "-s", f"--rootdir={ROOT}", f"-c{ROOT / 'pyproject.toml'}"]
    command += ["-p", "tests.conftest", "-p", "no:cacheprovider", f"--basetemp={folder / 'temp'}"]
    command += [str(folder / "test_a.py"), str(folder / "test_b.py")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return next(line.lstrip(".F") for line in run.stdout.splitlines() if line.lstrip(".F").startswith("["))


def test_nothing_is_left_of_a_file_that_passed(tmp_path):
    assert left_after_the_first_file(tmp_path, "True") == "[]"


def test_all_that_shows_why_a_test_failed_is_left(tmp_path):
    assert left_after_the_first_file(tmp_path, "False") == "['shared0', 'test_its_neighbour0']"
