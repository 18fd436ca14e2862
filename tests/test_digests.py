"""A code digest follows meaning: comments and layout don't count, code and its imports do."""

import pytest

from dg import digests


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
        digests.code_digest.cache_clear()
        digests._read.cache_clear()
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


@pytest.mark.parametrize("name", ["step.py", "other.py"])
def test_code_counts_also_where_it_is_imported_inside_a_function(package, name):
    folder, digest = package
    before = digest()
    (folder / name).write_text((folder / name).read_text().replace("1", "2"))
    assert digest() != before


def test_tables_beside_the_code_count(package):
    folder, digest = package
    before = digest()
    (folder / "points.json").write_text("[1]")
    assert digest() != before
