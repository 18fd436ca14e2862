"""Face codes r = E_f(I): the identity network."""

from __future__ import annotations

from pathlib import Path

from dg.weights import FOREIGN

DIMENSIONS = {"synthface-id": 128, "vggface2": 2048, "vggface": 4096}
"""Length D of a face code, by back end (identity.backend)."""
FILES = {
    "vggface2": ("resnet50_vggface2.safetensors", "resnet50_vggface2.pth"),
    "vggface": ("vggface.safetensors", "vggface.pth", "vgg_face_dag.pth"),
}
"""Names under which weights laid by hand are looked for, in this order; the last of vggface is the published one."""


def weights_by_hand(backend: str, folder: Path = FOREIGN) -> Path | None:
    """The file of the back end's weights, if it is one that is laid by hand and lies in `folder`."""
    return next((folder / name for name in FILES.get(backend, ()) if (folder / name).exists()), None)
