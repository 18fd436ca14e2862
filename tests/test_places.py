"""Experiments wherever a repository may lie, with LC_ALL=C, 256 open files and no Git configuration of the user's.

A folder with a name like "it's a test" is where all tests of tests/test_records.py work.
"""

from __future__ import annotations

import resource

import pytest

from tests.repository import run
from tests.test_records import CROSS, Small


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The small pipeline with everything made, committed."""
    small = Small(tmp_path_factory.mktemp("places"))
    small("snakemake --cores 1")
    small("git add --all")
    small("git commit --quiet --message Made")
    assert small.jobs() == ["sets", "self 0", "cross 10", "tables", "report"]
    return small


@pytest.fixture(autouse=True)
def _bare(monkeypatch, tmp_path):
    """LC_ALL=C, 256 open files, no Git configuration of the user's."""
    monkeypatch.setenv("LC_ALL", "C")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for who in ("AUTHOR", "COMMITTER"):
        for what in ("NAME", "EMAIL"):
            monkeypatch.delenv(f"GIT_{who}_{what}", raising=False)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def lend_the_cache(first, folder):
    """As docs/experiments.md says for a clone or worktree."""
    run(folder, "dvc", "cache", "dir", "--local", str(first.folder / ".dvc/cache"))
    run(folder, "dvc", "checkout")


def linked_worktree(first, place):
    run(first.folder, "git", "worktree", "add", "--quiet", "--detach", str(place))
    return place


def submodule(first, place):
    place.mkdir()
    run(place, "git", "init", "--quiet")
    adds = ["git", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(first.folder), "inner"]
    run(place, *adds)
    for key, value in (("user.name", "test"), ("user.email", "test@example.org")):
        run(place / "inner", "git", "config", key, value)
    return place / "inner"


@pytest.mark.parametrize("lies_in", [linked_worktree, submodule], ids=lambda lies_in: lies_in.__name__)
def test_an_experiment_in_a_folder_of_its_own_comes_back_to(lies_in, first, tmp_path):
    folder = lies_in(first, tmp_path / "place")
    lend_the_cache(first, folder)
    run(folder, "dvc", "exp", "run", "--temp", "--set-param", "lambda_vls=5", "--name", lies_in.__name__)
    assert first.jobs() == ["cross 5", "tables", "report"] and (folder / CROSS).read_text() == "cross 10\n"
    run(folder, "dvc", "exp", "apply", lies_in.__name__)
    assert (folder / CROSS).read_text() == (folder / "results/report.html").read_text() == "cross 5\n"
    assert "Nothing to be done" in run(folder, "snakemake", "--dry-run") and first.jobs() == []


def test_without_a_git_user_only_a_changed_file_keeps_an_experiment_from_a_folder_of_its_own(first, tmp_path):
    folder = tmp_path / "clone"
    run(tmp_path, "git", "clone", "--quiet", str(first.folder), str(folder))
    lend_the_cache(first, folder)
    said = run(folder, "dvc", "exp", "run", "--queue", "--set-param", "lambda_vls=5")
    assert "Queued experiment" in said
    with (folder / "params.yaml").open("a") as file:
        file.write("# mine\n")
    for apart in ("--temp", "--queue"):
        said = run(folder, "dvc", "exp", "run", apart, "--set-param", "lambda_vls=6", check=False)
        assert "Git user name and email must be configured" in said and first.jobs() == []
