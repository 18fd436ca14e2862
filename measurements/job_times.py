"""The plan's times for machines that have none of their own, workflow/seconds.csv, from the jobs that ran here.

    python -m measurements.job_times [--out FILE]

After a run of everything at scale `sample` on two idle cores, best that of docs/claims.yaml, which trains FOM too.
Kinds of jobs that did not run here keep their line.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from dg.files import write_csv
from dg.params import load
from dg.plan import MEASURED, measured_seconds
from dg.timings import Timing, job_kind, read_timings


def with_times(table: pd.DataFrame, timings: dict[str, Timing], seconds: dict[str, float]) -> pd.DataFrame:
    """The table (job, seconds, all_cores) with the kinds that were measured here; `seconds` by kind."""
    wide = {job_kind(timing.rule, output): timing.threads > 1 for output, timing in timings.items()}
    here = [{"job": kind, "seconds": round(each, 1), "all_cores": wide[kind]} for kind, each in seconds.items()]
    kept = table[~table["job"].isin(seconds)]
    return pd.concat([kept, pd.DataFrame(here, columns=table.columns)]).sort_values("job", ignore_index=True)


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=MEASURED)
    out, timings = parser.parse_args().out, read_timings()
    write_csv(out, with_times(pd.read_csv(MEASURED), timings, measured_seconds(timings, load())))


if __name__ == "__main__":
    main()
