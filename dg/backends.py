"""Which network stands where the paper has another one, in words for results and tables."""

from __future__ import annotations

STAND_INS = {
    "csim": {
        "sface": "CSIM by SFace instead of ArcFace",
        "dlib": "CSIM by dlib's face ResNet, less its mean code, instead of ArcFace",
    },
    "fid": {"efficientnet-lite0": "FID on EfficientNet-Lite0 features instead of Inception-V3's"},
    "landmarks": {"fan-synthface": "F_l is a FAN trained on SynthFace instead of the published 3DFAN-4"},
    "identity": {"synthface-id": "E_f was trained on SynthFace instead of VGGFace2 and reads F_l's landmarks too"},
}

KEPT = "the IDSG's training kept what its start knew of strangers (lambda_keep), a term that the paper doesn't have"


def stand_ins(backends: dict[str, str]) -> list[str]:
    """A phrase for every role in `backends` (role -> network) that a stand-in plays; empty: all are the paper's."""
    return [STAND_INS[role][name] for role, name in backends.items() if name in STAND_INS.get(role, {})]
