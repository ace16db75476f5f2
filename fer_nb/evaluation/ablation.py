"""What each part of a recipe is worth: the same runs with that part changed, compared with the full recipe."""

from typing import Any

import pandas as pd
from scipy.stats import ttest_1samp
from statsmodels.stats.multitest import multipletests

from fer_nb.data import datasets
from fer_nb.evaluation.paired import differences, shares
from fer_nb.finished import read_metrics
from fer_nb.intervals import LEVEL, mean_interval
from fer_nb.names import decimal, fold_rule
from fer_nb.study import Run


def ablation_table(runs: list[Run], data: str) -> pd.DataFrame:
    """A row for the full recipe and one for each change, per data set and net that has changed runs.

    The folds of CK+ by one rule are one data set, their predictions pooled. ``data`` is "synthetic" or "real".

    ``valid_accuracy`` and ``accuracy`` (test split): means over the seeds in percent. ``difference``: accuracy minus
    that of the full recipe, in points; ``low`` and ``high``: its 95% interval (t, paired over the test pictures or
    sequences, each with its share of right predictions over the seeds). It says what other pictures would give, not
    other trainings. ``p``: of the t test against no difference; ``p_holm``: corrected for the number of changes.
    ``epochs``: of the shortest run.
    Raises ValueError where runs predicted different pictures, FileNotFoundError where one is not finished.
    """
    rows = []
    for rule, model in dict.fromkeys((fold_rule(run.dataset), run.model) for run in runs if run.change):
        of_net = [run for run in runs if (fold_rule(run.dataset), run.model) == (rule, model)]
        folds = list(dict.fromkeys(run.dataset for run in of_net if run.change))
        of_net = [run for run in of_net if run.dataset in folds]
        name = folds[0] if len(folds) == 1 else rule
        faces = datasets.load(folds[0], data)
        full = _shares([run for run in of_net if not run.change])
        for change in dict.fromkeys(run.change for run in of_net):
            changed = [run for run in of_net if run.change == change]
            metrics, right = pd.DataFrame([read_metrics(run) for run in changed]), _shares(changed)
            row: dict[str, Any] = {"dataset": name, "model": model, "change": change or "none: the full recipe"}
            row["valid_accuracy"] = metrics["valid_accuracy"].astype(float).mean()
            row["accuracy"] = 100 * right.mean()
            if change:
                names = f"run {changed[0].name}", "the full recipe", name
                changes = differences(right, full, faces, names)
                row["difference"], row["low"], row["high"], _ = mean_interval(changes)
                row["p"] = ttest_1samp(changes, 0).pvalue if changes.any() else 1.0
            row |= {"folds": len(folds), "seeds": len({run.seed for run in changed})}
            rows.append(row | {"epochs": metrics["epochs"].min()})
    columns = ["dataset", "model", "change", "valid_accuracy", "accuracy", "difference", "low", "high", "p", "p_holm"]
    table = pd.DataFrame(rows, columns=[*columns, "folds", "seeds", "epochs"])
    tested = table["p"].notna()
    if tested.any():
        table.loc[tested, "p_holm"] = multipletests(table.loc[tested, "p"], method="holm")[1]
    return table


def _shares(runs: list[Run]) -> pd.Series:
    """``paired.shares`` of the runs on each fold, one below the other."""
    return pd.concat(
        shares([run for run in runs if run.dataset == fold]) for fold in dict.fromkeys(run.dataset for run in runs)
    )


def ablation_words(table: pd.DataFrame) -> str:
    """Which changes of an ``ablation_table`` differ from the full recipe, by their corrected p."""
    if table.empty:
        return "This study measures no change of its recipe."
    changes = table.dropna(subset="difference")
    differs = changes["p_holm"] < LEVEL
    worse, better = differs & (changes["difference"] < 0), differs & (changes["difference"] > 0)
    parts = {"worse than the full recipe": worse, "better": better, "no significant difference": ~(worse | better)}
    words = [f"{word}: {_listed(changes[rows]) or 'none'}" for word, rows in parts.items()]
    return f"Of {len(changes)} changes, {'; '.join(words)}."


def _listed(changes: pd.DataFrame) -> str:
    return ", ".join(f"{row.change} ({decimal(row.difference, signed=True)})" for row in changes.itertuples())
