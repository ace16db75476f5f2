"""The last good tables of a notebook: kept under runs/, and put back where a later run of it fails.

Snakemake deletes a stage's tables before the stage runs again, and again where it fails.
"""

import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from fer_nb import paths
from fer_nb.files import replacing


def keep(study: str, names: Iterable[str]) -> None:
    """Copy the tables ``names`` that a run has just written."""
    for table, copy in _tables(study, names):
        if table.exists():
            _copy(table, copy)


def put_back(study: str, names: Iterable[str]) -> dict[str, str]:
    """Put the kept ones of the tables ``names`` in place of what a failed run left.

    Their files get a time before that of any other file: the stage counts as out of date and runs again.
    Returns when each was made ("2026-11-26 15:04", UTC), by name.
    """
    found = {}
    for table, copy in _tables(study, names):
        if copy.exists():
            _copy(copy, table)
            os.utime(table, (1, 1))
            made = datetime.fromtimestamp(copy.stat().st_mtime, UTC)
            found[table.stem] = made.isoformat(sep=" ", timespec="minutes").removesuffix("+00:00")
    return found


def missing(study: str, names: Iterable[str]) -> list[str]:
    """Those of the tables ``names`` that are not there."""
    return [table.stem for table, _ in _tables(study, names) if not table.exists()]


def _tables(study: str, names: Iterable[str]) -> list[tuple[Path, Path]]:
    """The path of each table and that of its copy."""
    folders = paths.REPORTS / study / "tables", paths.RUNS / study / "kept"
    return [(folders[0] / f"{name}.csv", folders[1] / f"{name}.csv") for name in names]


def _copy(source: Path, target: Path) -> None:
    with replacing(target) as partial:
        shutil.copy2(source, partial)
