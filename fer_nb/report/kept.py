"""The last good tables of a notebook: kept under runs/, and put back where a later run of it fails.

Snakemake deletes a stage's tables before the stage runs again, and again where it fails.
"""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from fer_nb import paths
from fer_nb.files import replacing
from fer_nb.report.promised import promised
from fer_nb.study_files import parameter_files


def keep(study: str, notebook: str) -> None:
    """Copy the tables that a run of ``notebook`` has just written."""
    for table, copy in _tables(study, notebook):
        if table.exists():
            _copy(table, copy)


def put_back(study: str, notebook: str, missing: bool = False) -> dict[str, str]:
    """Put the kept tables in place of what a failed run left; with ``missing`` only those that are not there.

    Their files get a time before that of any other file: the stage counts as out of date and runs again.
    Returns when each was made ("2026-11-26 15:04", UTC), by name.
    """
    found = {}
    for table, copy in _tables(study, notebook):
        if copy.exists() and not (missing and table.exists()):
            _copy(copy, table)
            os.utime(table, (1, 1))
            made = datetime.fromtimestamp(copy.stat().st_mtime, UTC)
            found[table.stem] = made.isoformat(sep=" ", timespec="minutes").removesuffix("+00:00")
    return found


def _tables(study: str, notebook: str) -> list[tuple[Path, Path]]:
    """The path of each table that the notebook promises, and that of its copy."""
    names = promised(study, notebook) if parameter_files(study, notebook) else []
    folders = paths.REPORTS / study / "tables", paths.RUNS / study / "kept"
    return [(folders[0] / f"{name}.csv", folders[1] / f"{name}.csv") for name in names]


def _copy(source: Path, target: Path) -> None:
    with replacing(target) as partial:
        shutil.copy2(source, partial)
