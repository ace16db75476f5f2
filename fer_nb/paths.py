"""Where things are: one constant per folder."""

import os
from pathlib import Path

# The checkout: the package is used from it (``pip install -e .``).
ROOT = Path(__file__).resolve().parents[1]

# FER2013, FERPlus and CK+ as published; the environment variable FER_NB_DATA wins.
DATA = Path(os.environ.get("FER_NB_DATA") or ROOT / "data").expanduser().resolve()

NOTEBOOKS = ROOT / "notebooks"
PARAMS = ROOT / "params"

# What a run leaves: executed notebooks, checkpoints, predictions, drawn faces. Git ignores it.
RUNS = ROOT / "runs"

# What a person reads: HTML pages, tables, figures.
REPORTS = ROOT / "reports"
