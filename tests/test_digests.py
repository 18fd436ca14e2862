"""A code digest follows meaning: comments and layout don't count, code and its imports do."""

from pathlib import Path

import pytest

from dg import digests, params
from dg.errors import DgError
from dg.steps.data import shards_in_use
from dg.steps.registry import step_settings
from tests.scales import values_at

ROOT = Path(__file__).parent.parent


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "dg/part").mkdir(parents=True)
    (tmp_path / "dg/__init__.py").write_text("")
    (tmp_path / "dg/part/__init__.py").write_text("")
    (tmp_path / "dg/part/step.py").write_text("def f():\n    from dg.part.other import g\n    return g() + 1\n")
    (tmp_path / "dg/part/other.py").write_text("def g():\n    return 1\n")
    (tmp_path / "dg/part/unrelated.py").write_text("x = 1\n")
    monkeypatch.setattr(digests, "ROOT", tmp_path)

    def digest():
        for kept in (digests.code_digest, digests._code_files, digests._read):
            kept.cache_clear()
        return digests.code_digest("dg.part.step")

    yield tmp_path / "dg/part", digest
    digest()


def test_comments_docstrings_and_other_modules_do_not_count(package):
    folder, digest = package
    before = digest()
    (folder / "step.py").write_text(
        '"""Doc."""\n\n\ndef f():\n    """Doc."""\n    # why\n    from dg.part.other import g\n\n    return g() + 1\n'
    )
    (folder / "unrelated.py").write_text("x = 2\n")
    assert digest() == before


def test_code_is_read_once_and_again_only_when_a_file_of_it_changes(package, monkeypatch):
    folder, digest = package
    before, read = digest(), digests._read
    asked = []
    monkeypatch.setattr(digests, "modules_behind", lambda module: asked.append(module) or {module: "x"})
    read.cache_clear()
    assert digest() == before and not asked
    (folder / "unrelated.py").write_text("x = 3\n")
    assert digest() != before and asked == ["dg.part.step"]


def test_a_folder_that_cannot_be_written_costs_time_alone(package, monkeypatch):
    def refuse(*_):
        raise DgError("read-only")

    _, digest = package
    monkeypatch.setattr(digests, "write_json", refuse)
    assert digest() == digest()


@pytest.mark.parametrize("name", ["step.py", "other.py"])
def test_code_counts_also_where_it_is_imported_inside_a_function(package, name):
    folder, digest = package
    before = digest()
    (folder / name).write_text((folder / name).read_text().replace("1", "2"))
    assert digest() != before


def test_tables_beside_the_code_count_where_it_names_them(package):
    folder, digest = package
    before = digest()
    (folder / "others.json").write_text("[1]")
    assert digest() == before
    (folder / "points.json").write_text("[1]")
    (folder / "other.py").write_text('TABLE = "points.json"\n')
    first = digest()
    (folder / "points.json").write_text("[2]")
    assert digest() != first


def settings(step, changes=(), **which):
    """Of the shipped params.yaml with {(block, key): value} changed, as a fresh start of Snakemake sees them."""
    digests.stored_digest.cache_clear()
    values = values_at()
    for (block, key), value in dict(changes).items():
        values[block][key] = value
    return step_settings(params.validate(values, "params.yaml"), step, **which)


def test_weights_laid_by_hand_count_by_their_content(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = Path("data/weights/resnet50_vggface2.pth")
    file.parent.mkdir(parents=True)
    seen = []
    for content in (None, b"one", b"two"):
        if content:
            file.write_bytes(content)
        chosen = {("identity", "backend"): "vggface2"}
        seen.append([settings("identity", chosen).weights, settings("rfg", chosen, phase="self").identity.weights])
        assert settings("identity", chosen).weights == seen[-1][0]
    assert seen[0][0] is None and seen[0] != seen[1] != seen[2]
    detector = tmp_path / "detector.pth"
    chosen = {("landmarks", "detector_weights"): str(detector)}
    seen = []
    for content in (b"one", b"two"):
        detector.write_bytes(content)
        seen.append(settings("frames", chosen, dataset="rafd"))
    assert seen[0] != seen[1]


def test_raw_data_is_told_by_the_names_and_sizes_of_all_its_files_in_order_of_their_paths(tmp_path):
    raw, manifest = tmp_path / "raw", tmp_path / "manifest.json"
    # "-" comes before "/", "0" after it.
    for number, name in enumerate(["b/1.png", "b-/2.png", "b0/3.png", "b.png", "a", 'b/é"/4.png']):
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(b"x" * number)
    (raw / "empty").mkdir()
    files = sorted((str(path.relative_to(raw)), path.stat().st_size) for path in raw.rglob("*") if path.is_file())
    assert digests.raw_data(raw, manifest) == digests.RawData(digests.digest_of(files), 6)
    digests.raw_data.cache_clear()
    # What is behind links counts, if it lies elsewhere too; what systems leave there doesn't.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "6.png").write_bytes(b"xxxxxx")
    (raw / "link").symlink_to(elsewhere)
    (raw / "b" / "circle").symlink_to(raw)
    (raw / "nowhere.png").symlink_to(tmp_path / "nothing")
    for name in ("@eaDir/1.png", ".ipynb_checkpoints/1.png", ".DS_Store"):
        (raw / name).parent.mkdir(exist_ok=True)
        (raw / name).write_bytes(b"x")
    files = sorted([*files, ("link/6.png", 6)])
    assert digests.raw_data(raw, manifest) == digests.RawData(digests.digest_of(files), 7)
    digests.raw_data.cache_clear()
    (elsewhere / "7.png").write_bytes(b"xxxxxxx")
    files = sorted([*files, ("link/7.png", 7)])
    assert digests.raw_data(raw, manifest) == digests.RawData(digests.digest_of(files), 8)
    (tmp_path / "none").mkdir()
    assert digests.raw_data(tmp_path / "none", manifest) == digests.RawData(digests.digest_of([]), 0)
    gone = tmp_path / "gone"
    assert digests.raw_data(gone, manifest) == digests.RawData(digests.digest_of([]), None)
    manifest.write_text('{"raw": "abc", "raw_files": 7}')
    digests.raw_data.cache_clear()
    assert digests.raw_data(gone, manifest) == digests.RawData("abc", 7)


def test_a_set_of_few_files_is_cut_into_few_shards():
    assert [shards_in_use(4096, files) for files in (0, 1, 31, 32, 33, 100, 65_536, 1_128_246, None)] == [
        1, 1, 1, 2, 2, 4, 4096, 4096, 4096,
    ]  # fmt: skip
    assert shards_in_use(2, 8040) == 2 and shards_in_use(100, 1000) == 50


def test_a_large_file_is_read_once_until_it_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file, reads = tmp_path / "weights.pth", []
    monkeypatch.setattr(digests, "file_digest", lambda path: reads.append(path) or str(path.read_bytes()))
    for content in (b"one", b"one", b"three"):
        if not file.exists() or file.read_bytes() != content:
            file.write_bytes(content)
        digests.stored_digest.cache_clear()
        assert digests.stored_digest(file) == str(content)
    assert len(reads) == 2
