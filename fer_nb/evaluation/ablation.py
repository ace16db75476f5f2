"""What each part of a recipe is worth: the same runs with that part changed, compared with the full recipe."""

from typing import Any

import pandas as pd

from fer_nb.evaluation.measures import accuracy, pooled
from fer_nb.evaluation.paired import difference, shares
from fer_nb.finished import read_metrics
from fer_nb.names import decimal
from fer_nb.study import Run


def ablation_table(runs: list[Run]) -> pd.DataFrame:
    """A row for the full recipe and one for each change, per data set and net that has changed runs.

    ``valid_accuracy`` and ``accuracy`` (test split): means over the seeds in percent. ``difference``: accuracy minus
    that of the full recipe, in points; ``low`` and ``high``: its 95% interval (t, paired over the test pictures, each
    with its share of right predictions over the seeds). It says what other pictures would give, not other trainings.
    ``epochs``: of the shortest run.
    Raises ValueError where runs predicted different pictures, FileNotFoundError where one is not finished.
    """
    rows = []
    for dataset, model in dict.fromkeys((run.dataset, run.model) for run in runs if run.change):
        of_net = [run for run in runs if (run.dataset, run.model) == (dataset, model)]
        full = shares([run for run in of_net if not run.change])
        for change in dict.fromkeys(run.change for run in of_net):
            changed = [run for run in of_net if run.change == change]
            metrics = pd.DataFrame([read_metrics(run) for run in changed])
            row: dict[str, Any] = {"dataset": dataset, "model": model, "change": change or "none: the full recipe"}
            row["valid_accuracy"] = metrics["valid_accuracy"].astype(float).mean()
            row["accuracy"] = accuracy(pooled(changed))
            if change:
                names = f"run {changed[0].name}", "the full recipe", dataset
                row["difference"], row["low"], row["high"] = difference(shares(changed), full, None, names)
            rows.append(row | {"seeds": len(changed), "epochs": metrics["epochs"].min()})
    columns = ["dataset", "model", "change", "valid_accuracy", "accuracy", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "seeds", "epochs"])


def ablation_words(table: pd.DataFrame) -> str:
    """Which changes of an ``ablation_table`` differ from the full recipe: those whose interval excludes 0."""
    if table.empty:
        return "This study measures no change of its recipe."
    changes = table.dropna(subset="difference")
    worse, better = changes["high"] < 0, changes["low"] > 0
    parts = {"worse than the full recipe": worse, "better": better, "no significant difference": ~(worse | better)}
    words = [f"{word}: {_listed(changes[rows]) or 'none'}" for word, rows in parts.items()]
    return f"Of {len(changes)} changes, {'; '.join(words)}."


def _listed(changes: pd.DataFrame) -> str:
    return ", ".join(f"{row.change} ({decimal(row.difference, signed=True)})" for row in changes.itertuples())
