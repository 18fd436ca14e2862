"""results/report.html: everything that was made, on one page that needs no network."""

from dg.reports.page.make import make_report

__all__ = ["make_report"]
