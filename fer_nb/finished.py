"""The files of a finished training run, read: metrics.json, history.csv, predictions.csv and weights.safetensors.

metrics.json says which run it is of and has the SHA-256 of the others: what was cut, edited or copied from another run
is refused.
"""

import json
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
        others = [name for name, value in asdict(run).items() if metrics.get(name, value) != value]
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: {REMEDY}") from error
    if others:
        raise ValueError(f"{path} is of another run, with {others[0]} {metrics[others[0]]!r}: {REMEDY}")
    return metrics


def read_history(run: Run) -> pd.DataFrame:
    """The run's history.csv: a row per epoch. Raises as ``finished_file``."""
    return pd.read_csv(finished_file(run, "history.csv"))


def read_predictions(run: Run, split: str = "test") -> pd.DataFrame:
    """The pictures of one split in the run's predictions.csv: row, label, predicted, a probability per class.

    Raises as ``finished_file``, and ValueError where the file has no picture of that split or lacks a column.
    """
    path = finished_file(run, "predictions.csv")
    table = pd.read_csv(path)
    missing = {"split", "row", "label", "predicted"} - set(table.columns)
    if missing or not (table["split"] == split).any():
        what = f"column {sorted(missing)[0]!r}" if missing else f"picture of split {split!r}"
        raise ValueError(f"{path} has no {what}: {REMEDY}")
    return table[table["split"] == split].drop(columns="split").sort_values("row", ignore_index=True)
