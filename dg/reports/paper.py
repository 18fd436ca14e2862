"""The numbers that the paper prints, as data. None: printed as n.a."""

from __future__ import annotations

from typing import NamedTuple


class Scores(NamedTuple):
    """SSIM (higher is better), FID (lower), CSIM (higher)."""

    ssim: float | None
    fid: float | None
    csim: float | None


class Ace(NamedTuple):
    """ACE (lower is better) in pixels at 256, mean and standard deviation over pictures."""

    ace: float
    ace_pictures_std: float


# RaFD; losses added from left to right.
TABLE1: dict[str, Ace] = {
    "BL: L_adv + L_C": Ace(8.07, 2.59),
    "+ L_l": Ace(6.93, 1.90),
    "+ L_a": Ace(6.61, 1.65),
    "DG (+ L_vls)": Ace(4.13, 1.12),
}

# Rows of params.yaml's ablations that the paper has too, in its order.
ROWS1 = dict(zip(("bl", "l", "a", "dg"), TABLE1))

# RaFD; losses added from top to bottom.
TABLE2: dict[str, Scores] = {
    "BL: L_adv(D_f) + L_at": Scores(0.503, 58.61, 0.211),
    "+ L_id": Scores(0.643, 12.01, 0.775),
    "+ L_st": Scores(0.662, 9.92, 0.803),
    "+ L_lm": Scores(0.707, 5.59, 0.844),
    "DG (+ L_adv(D_s))": Scores(0.726, 3.99, 0.862),
}

ROWS2 = dict(zip(("bl", "id", "st", "lm", "dg"), TABLE2))

# VoxCeleb1, self-reenactment. Numbers of other methods are partly copied from their papers.
TABLE3: dict[str, Scores] = {
    "X2Face": Scores(0.75, 56.5, 0.18),
    "FSTH": Scores(0.74, 29.5, 0.19),
    "FOM": Scores(0.723, 25.0, 0.813),
    "PuppeteerGAN": Scores(0.725, 33.6, 0.717),
    "MGOS": Scores(0.739, None, 0.822),
    "DG": Scores(0.761, 22.1, 0.831),
}

# Cross-reenactment. RaFD's FID of DG is 3.99 in Table 2.
TABLE4: dict[str, dict[str, Scores]] = {
    "VoxCeleb2": {"FOM": Scores(0.53, 54.78, 0.714), "DG": Scores(0.54, 51.79, 0.721)},
    "RaFD": {
        "FReeNet": Scores(0.717, 12.17, None),
        "FOM": Scores(0.723, 9.37, 0.801),
        "DG": Scores(0.726, 4.79, 0.862),
    },
    "MPIE": {"FOM": Scores(0.58, 28.34, 0.714), "DG": Scores(0.65, 16.55, 0.780)},
    "MPIE_LP": {"FOM": Scores(0.38, 62.88, 0.382), "DG": Scores(0.61, 25.66, 0.711)},
}

# By table: rows of params.yaml's ablations that the paper has too -> (its label, its numbers).
ABLATIONS: dict[str, dict[str, tuple[str, Ace | Scores]]] = {
    "table1": {row: (label, TABLE1[label]) for row, label in ROWS1.items()},
    "table2": {row: (label, TABLE2[label]) for row, label in ROWS2.items()},
}
# By table: test -> method -> numbers.
COMPARISONS: dict[str, dict[str, dict[str, Scores]]] = {"table3": {"VoxCeleb1": TABLE3}, "table4": TABLE4}
