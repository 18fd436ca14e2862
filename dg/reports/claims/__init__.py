"""The paper's claims answered by what was measured: results/claims.csv."""

from dg.reports.claims.make import make_claims

__all__ = ["make_claims"]
