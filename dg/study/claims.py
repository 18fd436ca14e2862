"""The paper's claims: one record each, and the rule that answers them. How each is measured: dg/reports/claims."""

from __future__ import annotations

from dataclasses import dataclass

RULE = (
    "A finding is a difference of two things measured on the same pairs, with its 95 % interval over people and "
    "training seeds. It is *confirmed* or *refuted* where the interval excludes zero on the paper's side or on the "
    "other, and two training seeds or more stand behind it; else it is *open*. A claim is refuted if one of its "
    "findings is, confirmed if all are, else open. Of twenty findings one excludes zero by chance. Details decide "
    "nothing."
)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim.

    Attributes:
        number: by which findings name it.
        words: what the paper says, without full stop.
        where: in the paper.
        asks: what is measured here, without full stop.
    """

    number: int
    words: str
    where: str
    asks: str


_ALL = (
    Claim(
        number=1, words="Each loss of the IDSG and of the RFG helps", where="Tables 1 and 2",
        asks="each step from a row to the next",
    ),
    Claim(
        number=2, words="The IDSG brings the reference's landmarks nearer to the source person's",
        where="Sec. 3.1, Figure 2",
        asks="ACE of the IDSG's landmarks less that of the reference's, for people seen in training (RaFD) and not "
        "(MPIE)",
    ),
    Claim(
        number=3, words="3-D landmarks and visible local shapes hold large poses", where="Sec. 3.1",
        asks="error in x, y of the IDSG's landmarks, Table 1's DG less that with 2-D landmarks or without L_vls, "
        "from 45 degrees of yaw on",
    ),
    Claim(
        number=4, words="DG is better than FOM on each benchmark and metric, and its lead grows with yaw",
        where="Tables 3 and 4, Figures 3 to 5",
        asks="DG less each method trained beside it, pair by pair, and how that changes over the reference's yaw",
    ),
    Claim(
        number=5, words="Training without large poses loses them", where="Figure 6",
        asks="error of five points in extreme poses, trained with the large-pose set less without it",
    ),
)  # fmt: skip
CLAIMS = {claim.number: claim for claim in _ALL}
