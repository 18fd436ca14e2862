"""ACE of an IDSG on one test, pair by pair and in sum (Table 1): landmarks alone, no face is painted.

Beside it what the claims need (dg/reports/claims): the ACE of the reference's landmarks left as they are, and the
IDSG's in x and y, in which two numbers per landmark can be compared with three.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from dg.errors import DgError
from dg.files import read_parquet, write_json, write_parquet
from dg.idsg import load_idsg
from dg.metrics.ace import ace
from dg.metrics.bootstrap import mean_summary
from dg.metrics.motion import head_angles
from dg.shards import FaceSet
from dg.steps.evaluate import AceSettings
from dg.training.card import made_with


def evaluate_idsg(settings: AceSettings, folder: Path, pairs: Path, idsg: Path, out: Path) -> None:
    """Write the summary `out` (JSON) and the values of each pair beside it (same name, .parquet).

    Columns beside those of the pair list, pixels at 256: ace; ace_unchanged, of the reference's landmarks; ace_xy, of
    the IDSG's in x and y; and yaw, the reference's in degrees, without its sign.

    The truth is what F_l found on the source person's picture in the reference's pose and expression; pairs without
    one are left out. ACE is taken over the numbers per landmark that the IDSG makes.

    Args:
        folder: the prepared data set.
        pairs: its pair list.
        idsg: checkpoint.

    Raises:
        DgError: no pair has a ground truth, or the files don't belong together.
    """
    faces, table = FaceSet([Path(folder)]), read_parquet(pairs)
    table = table[table["target"] != ""].reset_index(drop=True)
    if table.empty:
        raise DgError(
            f"{pairs}: no pair has a ground truth, so ACE can't be measured. Choose a test that holds people in "
            f"the same poses and expressions (RaFD, MPIE, SynthFace)."
        )
    source, reference, target = (
        [faces.row(key) for key in table[column]] for column in ("source", "reference", "target")
    )
    net = load_idsg(idsg)
    lhat_t = net.generate(torch.from_numpy(faces.points[reference]), torch.from_numpy(faces.codes[source])).numpy()
    truth = faces.points[target]
    table["ace"] = ace(lhat_t[..., : net.dims], truth[..., : net.dims])
    table["ace_unchanged"] = ace(faces.points[reference][..., : net.dims], truth[..., : net.dims])
    table["ace_xy"] = ace(lhat_t[..., :2], truth[..., :2])
    table["yaw"] = np.abs(head_angles(faces.points[reference])[:, 0])
    subjects = table["subject"].to_numpy()
    ace_summary = mean_summary(table["ace"].to_numpy(), subjects, settings.bootstrap, settings.seed)
    write_parquet(Path(out).with_suffix(".parquet"), table)
    write_json(
        out,
        {
            "test": settings.test,
            "data_set": Path(folder).name,
            "pairs": len(table),
            "subjects": len(np.unique(subjects)),
            "ace": ace_summary,
            "settings": settings.plain(),
            **made_with("numpy", "torch"),
        },
    )
