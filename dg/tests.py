"""The tests: one record each of what is paired and which networks are tested (Sec. 4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Test:
    """One test. Its pair list is drawn by the rule of the same key in dg/protocols/pairs.py.

    Attributes:
        key: in params.yaml and in the names of files.
        title: in tables and figures.
        sources, references: keys of `benchmarks` in params.yaml, whose data sets hold sources and references.
        table: the comparison that it belongs to, "table3" or "table4"; "": it is a figure's alone.
        phase: the training phase of the networks tested.
        tuned: in DG's rows the RFG is tuned on a few frames of each video first.
        truth: pairs have ground truths (some may lack one); False: none has.
        sizes: keys of `protocols` in params.yaml that its pair list asks for, beside max_pairs.
    """

    __test__ = False  # pytest takes classes of this name for its own

    key: str
    title: str
    sources: str
    references: str
    table: str
    phase: Literal["self", "cross"]
    tuned: bool
    truth: bool
    sizes: tuple[str, ...]

    @property
    def benchmarks(self) -> list[str]:
        """`sources` and `references`, each once."""
        return list(dict.fromkeys((self.sources, self.references)))


# In the paper's order.
_ALL = (
    Test(
        key="VoxCeleb1", title="VoxCeleb1", sources="VoxCeleb1", references="VoxCeleb1", table="table3", phase="self",
        tuned=True, truth=True,
        sizes=("videos", "vox1_frames"),
    ),
    Test(
        key="VoxCeleb2", title="VoxCeleb2", sources="VoxCeleb2", references="VoxCeleb2", table="table4", phase="cross",
        tuned=False, truth=False,
        sizes=("videos", "vox_frames"),
    ),
    Test(
        key="RaFD", title="RaFD", sources="RaFD", references="RaFD", table="table4", phase="cross", tuned=False,
        truth=True,
        sizes=("references",),
    ),
    Test(
        key="MPIE", title="MPIE", sources="MPIE", references="MPIE", table="table4", phase="cross", tuned=False,
        truth=True,
        sizes=("references",),
    ),
    Test(
        key="MPIE_LP", title="MPIE (Large Pose)", sources="MPIE", references="MPIE", table="table4", phase="cross",
        tuned=False, truth=True,
        sizes=("references",),
    ),
    Test(
        key="Extreme", title="VoxCeleb1 in MPIE's extreme poses", sources="VoxCeleb1", references="MPIE", table="",
        phase="cross", tuned=False, truth=False,
        sizes=("references",),
    ),
)  # fmt: skip
TESTS = {test.key: test for test in _ALL}
COMPARED = tuple(test.key for test in _ALL if test.table)  # those of Tables 3 and 4
