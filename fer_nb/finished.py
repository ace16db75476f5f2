"""The files of a finished training run, read: metrics.json, history.csv and predictions.csv."""

import json
import shlex
from pathlib import Path

import pandas as pd

from fer_nb.study import Run, command_words


def _finished_file(run: Run, name: str) -> Path:
    path = run.folder / name
    if not path.exists():
        raise FileNotFoundError(
            f"run {run.name} of study {run.study} has no {name}: make it with `python -m fer_nb.run "
            f"notebooks/04_training.ipynb params/{run.study}/04_training.yaml runs/{run.study}/notebooks/"
            f"04_training-{run.name}.ipynb {shlex.join(command_words(run))}`"
        )
    return path


def read_metrics(run: Run) -> dict:
    """The run's metrics.json. Raises FileNotFoundError, as the other readers do, that names the run and the remedy."""
    return json.loads(_finished_file(run, "metrics.json").read_text())


def read_history(run: Run) -> pd.DataFrame:
    """The run's history.csv: a row per epoch."""
    return pd.read_csv(_finished_file(run, "history.csv"))


def read_predictions(run: Run, split: str = "test") -> pd.DataFrame:
    """The pictures of one split in the run's predictions.csv: row, label, predicted, a probability per class.

    Raises ValueError where the file has no picture of that split or lacks one of the columns.
    """
    path = _finished_file(run, "predictions.csv")
    table = pd.read_csv(path)
    missing = {"split", "row", "label", "predicted"} - set(table.columns)
    if missing or not (table["split"] == split).any():
        what = f"column {sorted(missing)[0]!r}" if missing else f"picture of split {split!r}"
        raise ValueError(f"{path} has no {what}: delete the folder and train the run again")
    return table[table["split"] == split].drop(columns="split").sort_values("row", ignore_index=True)
