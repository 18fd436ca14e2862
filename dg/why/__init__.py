"""Where a number, a figure, a network or a picture comes from: `python -m dg why FILE`.

All of it is read from what is there anyway: Snakemake's records of its jobs, the cards beside networks and summaries,
DVC's digests, Git.
"""

from dg.why.answer import why, why_in_short
from dg.why.jobs import Jobs

__all__ = ["Jobs", "why", "why_in_short"]
