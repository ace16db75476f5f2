"""Attack the study: ``PYTHONPATH=tests python -m attack [NAME ...] [--seed SEED]``, by default every attack.

Each attack is a module of this folder with ``main(seed) -> counts``, a table with the columns kind, tried, refused,
accepted and failed. The counts are written to reports/reference/reliability.csv; exit status 1 where one has failed.
"""

import argparse
import importlib
import sys
from pathlib import Path

import pandas as pd

ATTACKS = ("inputs",)
COUNTS = Path(__file__).parents[2] / "reports/reference/reliability.csv"


def main() -> int:
    parser = argparse.ArgumentParser(prog="attack")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ATTACKS)}")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if unknown := set(given.names) - set(ATTACKS):
        parser.error(f"no attack {min(unknown)!r}: choose from {', '.join(ATTACKS)}")
    names = given.names or ATTACKS
    counts = {name: importlib.import_module(f"attack.{name}").main(given.seed) for name in names}
    found = pd.concat(counts, names=["attack"]).reset_index("attack")
    if COUNTS.exists():  # of the attacks that were not run now
        kept = pd.read_csv(COUNTS)
        found = pd.concat([kept[~kept["attack"].isin(names)], found])
    found.to_csv(COUNTS, index=False)
    print(found.to_string(index=False))
    print(f"{found['failed'].sum()} of {found['tried'].sum()} failed; the counts are in {COUNTS}")
    return int(found["failed"].any())


if __name__ == "__main__":
    sys.exit(main())
