"""The files of a finished training run, read: metrics.json, history.csv, predictions.csv and weights.safetensors.

metrics.json says which run it is of, how many pictures were predicted, and the SHA-256 of the others: what was cut,
edited or copied from another run is refused.
"""

import functools
import json
import reprlib
import shlex
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from fer_nb.files import sha256
from fer_nb.study import Run, command_words

REMEDY = "delete the folder and train the run again"


def finished_file(run: Run, name: str) -> Path:
    """The path of a file in the run's folder.

    Raises FileNotFoundError, with the command that makes it, where it is missing; ValueError where it is not the file
    that the run wrote.
    """
    path = run.folder / name
    if not path.exists():
        raise FileNotFoundError(
            f"run {run.name} of study {run.study} has no {name}: make it with `python -m fer_nb.run "
            f"notebooks/04_training.ipynb params/{run.study}/04_training.yaml runs/{run.study}/notebooks/"
            f"04_training-{run.name}.ipynb {shlex.join(command_words(run))}`"
        )
    sealed = {} if name == "metrics.json" else read_metrics(run).get("files", {})
    if name in sealed and sealed[name] != sha256(path):
        raise ValueError(f"{path} is not the file that the run wrote: {REMEDY}")
    return path


def is_finished(run: Run) -> bool:
    """Whether the run has written its files: metrics.json is the last of them."""
    return (run.folder / "metrics.json").exists()


def read_metrics(run: Run) -> dict:
    """The run's metrics.json. Raises as ``finished_file``, and ValueError where it is damaged or of another run."""
    path = finished_file(run, "metrics.json")
    try:
        metrics = json.loads(path.read_text())
        missing = {"study", "dataset", "model", "seed"} - metrics.keys()
        others = [name for name, value in asdict(run).items() if metrics.get(name, value) != value]
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: {REMEDY}") from error
    if missing:
        raise ValueError(f"{path} does not say its {min(missing)}: {REMEDY}")
    if others:
        raise ValueError(f"{path} is of another run, with {others[0]} {metrics[others[0]]!r}: {REMEDY}")
    return metrics


def read_history(run: Run) -> pd.DataFrame:
    """The run's history.csv: a row per epoch. Raises as ``finished_file``."""
    return _read_table(finished_file(run, "history.csv"))


def _read_table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged: {REMEDY}") from error


def read_predictions(run: Run, split: str = "test") -> pd.DataFrame:
    """The pictures of one split in the run's predictions.csv: row, label, predicted, a probability per class.

    Raises as ``finished_file``, and ValueError where the file has no picture of that split, lacks a column or holds
    what no run writes: a row twice, an unknown class, a probability that is none, or other numbers of pictures.
    """
    path, metrics = finished_file(run, "predictions.csv"), read_metrics(run)
    digest = metrics.get("files", {}).get(path.name) or sha256(path)  # finished_file has compared it
    table = _predictions(path, digest, tuple(metrics.get("pictures", {}).items()))
    of_split = table[table["split"] == split]
    if of_split.empty:
        raise ValueError(f"{path} has no picture of split {split!r}: {REMEDY}")
    return of_split.drop(columns="split").sort_values("row", ignore_index=True)


@functools.lru_cache(maxsize=128)  # a page asks for the same predictions table by table
def _predictions(path: Path, digest: str, pictures: tuple[tuple[str, int], ...]) -> pd.DataFrame:
    """All splits of predictions.csv, checked; ``digest``: its SHA-256, as another file is to be read anew."""
    table = _read_table(path)
    if missing := {"split", "row", "label", "predicted"} - set(table.columns):
        raise ValueError(f"{path} has no column {sorted(missing)[0]!r}: {REMEDY}")
    if problem := _problem(table, dict(pictures)):
        raise ValueError(f"{path}: {problem}: {REMEDY}")
    return table


def _problem(table: pd.DataFrame, pictures: dict[str, int]) -> str:
    """What is wrong with a table of predictions, of which ``pictures`` were made of each split; "" where nothing is."""
    twice = table[table.duplicated(["split", "row"])]
    if len(twice):
        return f"row {twice['row'].iloc[0]} of split {twice['split'].iloc[0]} stands twice"
    counts = table["split"].value_counts().to_dict()
    if pictures and counts != pictures:
        return f"pictures of each split are {counts}, {pictures} were predicted"
    classes = [name for name in table.columns if name not in ("split", "row", "label", "predicted")]
    if not classes:
        return ""
    for name in ("label", "predicted"):
        unknown = table.loc[~table[name].isin(classes), name]
        if len(unknown):
            return f"{name} {reprlib.repr(unknown.iloc[0])} is none of its classes"
    numbers = table[classes].apply(pd.to_numeric, errors="coerce")
    return "" if numbers.stack().between(0, 1).sum() == numbers.size else "a probability is not between 0 and 1"
