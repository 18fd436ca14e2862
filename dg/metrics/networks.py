"""The networks through which metrics look at pictures."""

from __future__ import annotations

from dg.metrics.csim import require_embedder
from dg.metrics.face_mesh import FaceMesh
from dg.metrics.features import FeatureNet
from dg.metrics.five_points import FivePoints
from dg.metrics.lpips import open_lpips


class MetricNetworks:
    """Opened, or at least held to their digests, before any work.

    Attributes:
        lpips: the distance of two batches of pictures, None if it is not measured.
        features: behind FID and KID.
        embedder: back end of CSIM; its processes open it.
        face_mesh: behind landmark and pose errors.
        five_points: behind the landmark error at every yaw.
    """

    def __init__(self, csim: str, fid: str, lpips: str = "none") -> None:
        """Open the back ends of these names, as `metrics` in params.yaml gives them.

        Raises:
            DgError: weights are missing or damaged.
        """
        self.lpips = open_lpips(lpips)
        self.face_mesh = FaceMesh()
        self.five_points = FivePoints()
        self.features = FeatureNet(fid)
        require_embedder(csim)
        self.embedder = csim
