"""The networks that a reenactment runs: of this project's checkpoints, the authors', or those that ship."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch

from dg.errors import DgError
from dg.files import file_digest
from dg.identity import DIMENSIONS
from dg.identity.encoder import FaceEncoder, load_face_encoder
from dg.idsg import load_idsg
from dg.idsg.networks import Idsg
from dg.landmarks.fan import LandmarkNet, load_landmark_net
from dg.released import load_released_idsg, load_released_rfg
from dg.rfg import load_rfg
from dg.rfg.model import Rfg
from dg.weights import bundled

BUNDLED_FOR = (
    "the networks that ship with the project have seen SynthFace's rendered people alone and show how the method "
    "works; they don't swap real faces: of 51 real people 6 % of the results were found as their source (chance 2 %). "
    "For real people give --rfg and --idsg that were trained on real people."
)
"""What whoever gives no checkpoints is told."""


class Networks(NamedTuple):
    """All on one device, frozen.

    Attributes:
        landmarks: F_l.
        encoder: E_f, the one whose codes the IDSG takes.
        idsg: and rfg: G_l and G_f with E_s.
        device: where they are.
        digest: of the checkpoints and the names of the others.
    """

    landmarks: LandmarkNet
    encoder: FaceEncoder
    idsg: Idsg
    rfg: Rfg
    device: str
    digest: str


def load_networks(
    rfg: Path | str | None = None,
    idsg: Path | str | None = None,
    landmarks: str = "fan-synthface",
    device: str | None = None,
) -> Networks:
    """Load them.

    Args:
        rfg: and idsg: checkpoints of this project (*.safetensors) or as the authors publish them (any other name);
            None: the one that ships, see BUNDLED_FOR.
        landmarks: see `load_landmark_net`.
        device: "cpu" or "cuda"; None: a GPU if there is one.

    Raises:
        DgError: a checkpoint is missing, damaged, of another network, or needs a face encoder that isn't there.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    idsg_file, rfg_file = Path(idsg or bundled("idsg-synthface")), Path(rfg or bundled("rfg-synthface"))
    shape = (load_idsg if _ours(idsg_file) else load_released_idsg)(idsg_file)
    painter = (load_rfg if _ours(rfg_file) else load_released_rfg)(rfg_file)
    encoders = {length: name for name, length in DIMENSIONS.items()}
    if shape.code not in encoders:
        raise DgError(
            f"{idsg}: this IDSG takes face codes of {shape.code} numbers. Expected those of a face encoder: "
            f"{', '.join(f'{length} ({name})' for length, name in encoders.items())}. Give another --idsg."
        )
    return Networks(
        load_landmark_net(landmarks, device),
        load_face_encoder(encoders[shape.code], device),
        shape.to(device),
        painter.to(device),
        device,
        " ".join([file_digest(idsg_file), file_digest(rfg_file), landmarks]),
    )


def _ours(path: Path) -> bool:
    """Whether a checkpoint is of this project's form; the authors' is torch's own, whatever it is called."""
    return path.suffix == ".safetensors"
