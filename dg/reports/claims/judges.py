"""Which network measured a number."""

from __future__ import annotations

from dg.metrics.metric import Metric

# Of metrics that one network measures, whatever params.yaml says.
_ALWAYS = {
    "landmark_error": "face mesh",
    "pose_error": "face mesh",
    "landmark_error_yunet": "YuNet",
    "lpips": "AlexNet",
}


def judge_of(metric: Metric, backends: dict[str, str]) -> str:
    """The network behind `metric`; "" for none. `backends`: role -> network."""
    return backends.get(metric.role, "") or _ALWAYS.get(metric.key, "")
