"""What the step that answers the paper's claims is told."""

from __future__ import annotations

from pydantic import Field

from dg.params import Params
from dg.steps.report import networks_of_others, stand_ins_of
from dg.steps.settings import Settings
from dg.steps.tables import Titles, titles
from dg.study.data import dataset_of
from dg.study.rows import figure_rows, method_titles, rivals_of
from dg.study.variants import main_variants, variants_by_row
from dg.tests import COMPARED, TESTS

Compared = tuple[tuple[str, tuple[str, ...], tuple[str, ...], bool], ...]
"""(what is compared, in words; variants; those that they are compared with, seed by seed; whether it decides)."""

# People of the training part, and people left out.
LANDMARK_TESTS = ("RaFD", "MPIE", "MPIE_LP")


class ClaimsSettings(Settings):
    """The values of the claims."""

    MODULES = ("dg.reports.claims",)

    variants: tuple[str, ...] = Field(description="of Tables 3 and 4, one per training seed")
    landmark_tests: tuple[str, ...] = Field(description="where ACE is compared with that of the reference's landmarks")
    landmark_variants: Compared = Field(description="of Table 1's kind")
    pose_variants: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = Field(
        description="(words, method, variants, those that they are compared with, seed by seed)"
    )
    rivals: tuple[tuple[str, tuple[str, ...]], ...] = Field(description="(test, methods beside DG)")
    titles: Titles
    data_sets: dict[str, str] = Field(description="test: data set")
    networks: dict[str, str] = Field(description="role: network of others")
    scale: str
    stand_ins: tuple[str, ...] = Field(description="what isn't the paper's, in sentences")
    bootstrap: int = Field(ge=100, description="resamples")
    seed: int = Field(ge=0, description="of the bootstrap")


def claims_settings(p: Params) -> ClaimsSettings:
    """Of the claims."""
    networks = networks_of_others(p)
    rivals = {test: tuple(rivals_of(p, test)) for test in COMPARED}
    named = {"dg"}.union(*rivals.values())
    return ClaimsSettings(
        variants=tuple(main_variants(p)),
        landmark_tests=LANDMARK_TESTS,
        landmark_variants=_landmark_variants(p),
        pose_variants=_pose_variants(p),
        rivals=tuple((test, methods) for test, methods in rivals.items() if methods),
        titles=tuple(title for title in titles(p, COMPARED) if title[0] in named),
        data_sets={test: dataset_of(p, test) for test in TESTS},
        networks=networks,
        scale=p.scale,
        stand_ins=tuple(stand_ins_of(p, networks)),
        bootstrap=p.metrics.bootstrap,
        seed=p.seed,
    )


def _landmark_variants(p: Params) -> Compared:
    """Table 1's DG against its row without L_vls and those of `ablations.claims`: that with 2-D landmarks, and
    as details those of one's own."""
    rows = variants_by_row(p, "table1")
    found = []
    for row, names in variants_by_row(p, "claims").items():
        two_d = row == "landmarks_2d" and p.idsg.landmark_dims == 3
        found.append(("3-D - 2-D landmarks" if two_d else f"DG - {row}", rows["dg"], names, two_d))
    if "a" in rows:
        found.append(("with - without L_vls", rows["dg"], rows["a"], True))
    return tuple((words, tuple(ours), tuple(theirs), decides) for words, ours, theirs, decides in found)


def _pose_variants(p: Params) -> tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...]:
    rows = variants_by_row(p, "figure6")
    names = ("with_large_pose", "without_large_pose")
    if not set(names) <= set(rows):
        return ()
    with_them, without = (tuple(rows[name]) for name in names)
    methods = dict.fromkeys(method for _, _, method in figure_rows(p, "figure6"))
    return tuple(
        (f"{method_titles(p)[method]}, trained with - without large poses", method, with_them, without)
        for method in methods
    )
