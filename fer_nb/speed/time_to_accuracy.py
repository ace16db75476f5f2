"""How accuracy on the validation split grows with the time of training, from the files of finished runs.

The minutes are those of history.csv, training and scoring, without the breaks of a run that was resumed.
"""

from typing import Any

import pandas as pd

from fer_nb.evaluation import measures, thesis
from fer_nb.finished import read_history, read_metrics, read_predictions
from fer_nb.intervals import wilson
from fer_nb.study import Run, training_runs

DATASETS = ("fer2013", "ferm")  # those of the thesis with a validation split
LEVELS = (80, 84, 86, 88)  # percent on the validation split
NEEDED = ["seconds", "valid_accuracy"]  # columns of history.csv


def runs_on(study: str, dataset: str) -> list[Run]:
    """The training runs of ``study`` on ``dataset``, those of its ablation too."""
    return [run for run in training_runs(study) if run.dataset == dataset]


def thesis_accuracy(dataset: str) -> float:
    """The thesis's accuracy of lightResNetl on the test split of ``dataset``, in percent."""
    return thesis.SECTION_3_3[dataset].accuracies["lightResNetl"]


def progress(run: Run) -> pd.DataFrame:
    """Minutes from the start, valid_accuracy (percent) and side (pixels of the training views) after each epoch.

    ``side`` is NaN where history.csv lacks it; no rows where it lacks another column.
    """
    history = read_history(run).reindex(columns=[*NEEDED, "side"])
    table = history.assign(minutes=history["seconds"].cumsum() / 60).dropna(subset=NEEDED)
    return table[["minutes", "valid_accuracy", "side"]]


def curves(runs: list[Run]) -> pd.DataFrame:
    """``progress`` of all runs, one below the other, with net (its name and the run's change) and seed before it."""
    parts = []
    for run in runs:
        table = progress(run)
        table.insert(0, "net", ", ".join(filter(None, [run.model, run.change])))
        table.insert(1, "seed", run.seed)
        parts.append(table)
    columns = ["net", "seed", "minutes", "valid_accuracy", "side"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def table(runs: list[Run]) -> pd.DataFrame:
    """When each run first reaches each of ``LEVELS``, and what it reaches in the end.

    Returns:
        DataFrame: model, change (of the recipe), seed; minutes_to_80, ... (NaN where never reached), minutes (in all),
        sides (of the training views in turn, pixels); accuracy on the test split (ten crops) with its 95% interval,
        low and high (Wilson), in percent; device, precision.
    """
    rows = []
    for run in runs:
        found, predictions, metrics = progress(run), read_predictions(run), read_metrics(run)
        accuracy = measures.accuracy(predictions)
        row: dict[str, Any] = {"model": run.model, "change": run.change or None, "seed": run.seed}
        for level in LEVELS:
            row[f"minutes_to_{level}"] = found.loc[found["valid_accuracy"] >= level, "minutes"].min()
        row |= {"minutes": found["minutes"].max()}
        row["sides"] = ", ".join(f"{side:.0f}" for side in found["side"].dropna().unique()) or None
        low, high = wilson(accuracy, len(predictions))
        row |= {"accuracy": accuracy, "low": low, "high": high}
        rows.append(row | {key: metrics.get(key) for key in ("device", "precision")})
    return pd.DataFrame(rows)


def words(table: pd.DataFrame) -> str:
    """The run that reaches each of ``LEVELS`` first, from ``table``; and which runs have no times."""
    parts = table[["model", "change"]].assign(seed="seed " + table["seed"].astype(str))
    names = [", ".join(row.dropna()) for _, row in parts.iterrows()]
    said = []
    for level in LEVELS:
        minutes = table[f"minutes_to_{level}"]
        first = (
            f"{names[minutes.argmin()]} after **{minutes.min():.1f}** minutes" if minutes.notna().any() else "no run"
        )
        said.append(f"{level}%: {first}")
    timeless = [name for name, minutes in zip(names, table["minutes"], strict=True) if pd.isna(minutes)]
    without = f" Not drawn, as history.csv lacks {' or '.join(NEEDED)}: {'; '.join(timeless)}." if timeless else ""
    return f"First at each accuracy on the validation split: {'; '.join(said)}.{without}"
