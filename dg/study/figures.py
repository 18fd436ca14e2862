"""The paper's Figures 2 to 6: one record each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure.

    Attributes:
        number: the paper's.
        title: above it.
        about: what it shows, a sentence without full stop.
        test: key of TESTS.
        choice: of the cases. "turned": the largest differences of yaw, subject by subject; "spread": evenly from the
            list.
        rows: of results. "alone": the method rfg_alone, and DG; "methods": those of params.yaml with `figures: true`,
            and DG; "variants": DG as each row of params.yaml's ablations.figure6 trains it.
        landmarks: whether l_r and lhat_t are drawn.
    """

    number: int
    title: str
    about: str
    test: str
    choice: Literal["turned", "spread"]
    rows: Literal["alone", "methods", "variants"]
    landmarks: bool

    @property
    def key(self) -> str:
        """Its name in params.yaml and of files: "figure2"."""
        return f"figure{self.number}"

    @property
    def heading(self) -> str:
        """Number and title, as in "Figure 3: self-reenactment"."""
        return f"Figure {self.number}: {self.title}"


_ALL = (
    Figure(
        number=2, title="with and without the IDSG", test="MPIE_LP", choice="turned", rows="alone", landmarks=True,
        about="With and without the IDSG: the RFG on the reference's own landmarks, and DG",
    ),
    Figure(
        number=3, title="self-reenactment", test="VoxCeleb1", choice="spread", rows="methods", landmarks=False,
        about="Self-reenactment: the RFG was tuned on a few other frames of each video",
    ),
    Figure(
        number=4, title="cross-reenactment", test="RaFD", choice="spread", rows="methods", landmarks=False,
        about="Cross-reenactment",
    ),
    Figure(
        number=5, title="cross-reenactment, large differences of pose", test="MPIE_LP", choice="turned", rows="methods",
        landmarks=False, about="Cross-reenactment across large differences of pose",
    ),
    Figure(
        number=6, title="trained with and without the large-pose set, references in extreme poses", test="Extreme",
        choice="turned", rows="variants", landmarks=False,
        about="Trained with and without the large-pose set; references in extreme poses",
    ),
)  # fmt: skip
FIGURES = {figure.key: figure for figure in _ALL}
