"""What each part of a recipe is worth: the same runs with that part changed, held against the full recipe."""

import pandas as pd
from statsmodels.stats.weightstats import DescrStatsW

from fer_nb.evaluation.measures import accuracy, pooled
from fer_nb.finished import read_metrics
from fer_nb.study import Run


def table(runs: list[Run]) -> pd.DataFrame:
    """A row for the full recipe and one for each change, per data set and net that has changed runs.

    ``valid_accuracy`` and ``accuracy`` (test side) are means over the seeds in percent. ``difference`` is the accuracy
    less that of the full recipe, in points, ``low`` and ``high`` its 95% interval (t, paired over the test
    pictures, each with its share of right answers over the seeds): what other pictures would do, not what other
    trainings would. ``epochs`` are those of the shortest run.
    Raises ValueError where runs were measured on different pictures, FileNotFoundError where one is not finished.
    """
    rows = []
    for dataset, model in dict.fromkeys((run.dataset, run.model) for run in runs if run.change):
        of_net = [run for run in runs if (run.dataset, run.model) == (dataset, model)]
        full = shares([run for run in of_net if not run.change])
        for change in dict.fromkeys(run.change for run in of_net):
            changed = [run for run in of_net if run.change == change]
            metrics = [read_metrics(run) for run in changed]
            valid = pd.Series([of_run["valid_accuracy"] for of_run in metrics], dtype=float)
            row = {"dataset": dataset, "model": model, "change": change or "none: the full recipe"}
            row |= {"valid_accuracy": valid.mean(), "accuracy": accuracy(pooled(changed))}
            row |= compared(shares(changed), full, changed[0]) if change else {}
            rows.append(row | {"seeds": len(changed), "epochs": min(of_run["epochs"] for of_run in metrics)})
    columns = ["dataset", "model", "change", "valid_accuracy", "accuracy", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "seeds", "epochs"]).round(3)


def shares(runs: list[Run]) -> pd.Series:
    """The share of the runs (seeds) that name each test picture right, by row and label."""
    predictions = pooled(runs)
    return (predictions["label"] == predictions["predicted"]).groupby([predictions["row"], predictions["label"]]).mean()


def compared(changed: pd.Series, full: pd.Series, run: Run) -> dict:
    """Mean difference of two ``shares`` in points, and its 95% interval; ``run`` is named where the pictures differ."""
    if not changed.index.equals(full.index):
        raise ValueError(f"run {run.name} and the full recipe were measured on different pictures: train one again")
    each = DescrStatsW(100 * (changed - full).to_numpy())
    low, high = each.tconfint_mean()
    return {"difference": each.mean, "low": low, "high": high}


def sentence(table: pd.DataFrame) -> str:
    """What ``table`` says, in words: the changes whose interval leaves 0 out."""
    changes = table.dropna(subset="difference")
    parts = [
        f"{word}: {', '.join(found) or 'none'}"
        for word, found in {
            "worse than the full recipe": named(changes[changes["high"] < 0]),
            "better": named(changes[changes["low"] > 0]),
            "not to be told from it": named(changes[(changes["low"] <= 0) & (changes["high"] >= 0)]),
        }.items()
    ]
    return f"Of {len(changes)} changes, " + "; ".join(parts) + "."


def named(changes: pd.DataFrame) -> list[str]:
    return [f"{row.change} ({row.difference:+.2f})" for row in changes.itertuples()]
