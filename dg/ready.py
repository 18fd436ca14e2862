"""Whether the weights that params.yaml asks for are there, asked before hours of work."""

from __future__ import annotations

from dg.params import Params


def require_weights(params: Params) -> None:
    """Look for the files of every chosen network that no package and not this project ships.

    The landmark networks of `landmarks.backend: fan` are not among them: their step, one of the first, fetches them.

    Raises:
        DgError: one is missing or another than published; the message says address, folder and, where its publisher
            gives one, digest.
    """
    # Imported where needed: the default choices need none of it, and every start of Snakemake comes by here.
    if params.metrics.csim == "arcface":
        from dg.metrics.csim import arcface_weights

        arcface_weights().require()
    if params.metrics.fid == "inception":
        from dg.metrics.features import inception_weights

        inception_weights().require()
    if params.metrics.lpips == "vgg16":
        from dg.metrics.lpips import require_lpips

        require_lpips("vgg16")
    if params.identity.backend != "synthface-id":
        from dg.identity.encoder import FOLDER, find_weights

        find_weights(params.identity.backend, FOLDER)
