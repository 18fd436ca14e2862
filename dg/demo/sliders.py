"""What the page's sliders do to a reference's landmarks."""

from __future__ import annotations

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from dg.landmarks.fan import Landmarks
from dg.landmarks.pose import fit_pose
from dg.synthface import Action, Head, Person, Scene, sample_person, truth, units
from dg.synthface.camera import rotation

LARGEST = 75.0
"""Degrees of yaw up to which a reference is turned; beyond it the networks have seen little."""
_TILT = 40.0  # the same of pitch
_SMILE = {"mouthSmile": 0.95, "cheekSquint": 0.6, "mouthUpperUp": 0.4, "mouthLowerDown": 0.2, "mouthDimple": 0.2}
_CLOSED = 0.8  # where the lids meet; at 1 they cross
_DOWN = np.array([1, -1, 1], np.float32)  # camera axes have y up, crops y down; its own inverse


class Moves(BaseModel):
    """Where the sliders stand; at 0 the landmarks stay as they were found on the reference.

    Attributes:
        yaw: and pitch: degrees that the head is turned by; positive to the picture's right, and up (`Action`).
        mouth: and smile, blink: weights of the head model's action units.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    yaw: float = Field(0, ge=-60, le=60, title="Turn", description="degrees; to the right in the picture")
    pitch: float = Field(0, ge=-25, le=25, title="Nod", description="degrees; up")
    mouth: float = Field(0, ge=0, le=1, title="Mouth", description="open")
    smile: float = Field(0, ge=0, le=1, title="Smile", description="and raised cheeks")
    blink: float = Field(0, ge=0, le=1, title="Blink", description="lids closed")

    def expression(self) -> dict[str, float]:
        """Weights of action units."""
        smile = {name: self.smile * weight for name, weight in _SMILE.items()}
        return units(jawOpen=0.7 * self.mouth, eyeBlink=_CLOSED * self.blink, **smile)


class Driver:
    """Moves landmarks as SynthFace's head model moves its own.

    The exact landmarks of somebody who doesn't exist are taken twice, in the reference's pose and as the sliders ask;
    what the reference has unlike the first (its own shape and expression) turns with the head and is added to the
    second.
    """

    def __init__(self, head: Head, person: Person | None = None) -> None:
        """`person`: whose landmarks are taken; the IDSG brings all shapes to the source's."""
        self._head, self._person = head, person or sample_person(0, 0)

    def __call__(self, found: Landmarks, moves: Moves) -> Landmarks:
        """Landmarks of one picture, moved: points, visible and pose change, peaks and score stay."""
        if moves == Moves():
            return found
        yaw, pitch, roll = found.pose[0, :3].tolist()
        turned = _within(yaw, moves.yaw, LARGEST), _within(pitch, moves.pitch, _TILT), roll
        before, seen_before = self._exact(Action({}, yaw, pitch, roll))
        after, seen_after = self._exact(Action(moves.expression(), *turned))

        points = found.points[0].numpy()
        own, model = points - points.mean(0), before - before.mean(0)
        scale = np.linalg.norm(own) / np.linalg.norm(model)
        turn = (_DOWN[:, None] * (rotation(*turned) @ rotation(yaw, pitch, roll).T) * _DOWN).astype(np.float32)
        # The head model turns about its own axis, so the face's middle moves as it does in a photograph.
        middle = points.mean(0) + scale * (after.mean(0) - before.mean(0))
        moved = torch.from_numpy(middle + scale * (after - after.mean(0)) + (own - scale * model) @ turn.T)[None]
        visible = np.where(seen_after == seen_before, found.visible[0].numpy(), seen_after)
        return found._replace(points=moved, visible=torch.from_numpy(visible)[None], pose=fit_pose(moved)[0])

    def _exact(self, action: Action) -> tuple[np.ndarray, np.ndarray]:
        """(68, 3) landmarks and (68,) bool, which can be seen."""
        return truth(self._head, self._person, action, Scene())


def _within(start: float, by: float, largest: float) -> float:
    """`start` turned `by` degrees, but not over `largest`; who starts beyond it isn't turned back."""
    return float(np.clip(start + by, min(start, -largest), max(start, largest)))
