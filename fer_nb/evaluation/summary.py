"""The study's results beside the thesis's, from the tables that notebooks 01 to 05 saved and from the runs."""

from pathlib import Path

import numpy as np
import pandas as pd

from fer_nb import paths
from fer_nb.evaluation import thesis
from fer_nb.evaluation.measures import by_model, verdict
from fer_nb.finished import read_history, read_metrics
from fer_nb.study import Run, evaluation_runs

# Tables of accuracies: the data set that their runs are trained on, and what the thesis prints.
ACCURACIES = {
    "table-3-6": ("ckplus-fold1", thesis.TABLE_3_6),
    "table-3-8": ("fer2013", thesis.TABLE_3_8),
    "table-3-10": ("ferm", thesis.TABLE_3_10),
}

# Tables of counts, which either agree to the last digit or do not.
COUNTS = {
    "table-3-1": thesis.TABLE_3_1,
    "table-3-2": thesis.TABLE_3_2,
    "table-3-3": thesis.TABLE_3_3,
    "table-3-4": thesis.TABLE_3_4,
}


def _path(study: str, name: str) -> Path:
    return paths.REPORTS / study / "tables" / f"{name}.csv"


def read_table(study: str, name: str) -> pd.DataFrame:
    """A table that a notebook of the study saved. Raises FileNotFoundError that says how to make it."""
    path = _path(study, name)
    if not path.exists():
        raise FileNotFoundError(
            f"study {study} has no {path.name}: make it with `snakemake -c 2 --config study={study}`"
        )
    return pd.read_csv(path)


def results(study: str, data: str) -> pd.DataFrame:
    """Every accuracy that the thesis prints for the study's data sets, beside ours.

    ``epochs`` is what was really trained (the shortest of the net's runs), ``thesis_epochs`` the thesis's. A net
    that the study does not train has the verdict "not run"; on ``data="synthetic"`` there is nothing to judge.
    """
    runs = evaluation_runs(study)
    rows = []
    for name, (dataset, printed) in ACCURACIES.items():
        trained = by_model(runs, dataset)
        ours = read_table(study, name).set_index("model").to_dict("index") if trained else {}
        key = dataset.split("-")[0]
        for model, value in printed.items() if trained else ():
            found = ours.get(model, {}) if model in trained else {}
            row = {"table": name.removeprefix("table-"), "dataset": thesis.DATASETS[key], "model": model}
            row |= {column: found.get(column, np.nan) for column in ("accuracy", "low", "high")}
            row |= {"thesis_accuracy": value, "difference": row["accuracy"] - value}
            word = verdict(row["accuracy"], row["low"], row["high"], value)
            row["verdict"] = "drawn faces" if found and data == "synthetic" else word
            row["seeds"] = found.get("seeds", np.nan)
            row["epochs"] = min(len(read_history(run)) for run in trained[model]) if found else np.nan
            rows.append(row | {"thesis_epochs": thesis.EPOCHS[key]})
    return pd.DataFrame(rows)


def sentence(table: pd.DataFrame, data: str) -> str:
    """What a table of accuracies (``evaluate.accuracy_table``) says, in words."""
    if data == "synthetic":
        best = table.loc[table["accuracy"].idxmax()]
        return (
            f"On the drawn faces {best.model} is best with {best.accuracy:.2f}%; the thesis's values are of real ones."
        )
    words = [
        f"{row.model} {row.accuracy:.2f}% ({row.low:.2f} to {row.high:.2f}; thesis {row.thesis_accuracy:.2f}%: "
        f"{verdict(row.accuracy, row.low, row.high, row.thesis_accuracy)})"
        for row in table.itertuples()
    ]
    return "; ".join(words) + "."


def others_table(quoted: dict[str, float], ours: pd.DataFrame) -> pd.DataFrame:
    """Tables 3-7, 3-9, 3-11: others' methods as the thesis quotes them, its own nets, and ours (an accuracy_table)."""
    own = {True: "thesis", False: "quoted by the thesis"}
    rows = [(model, own[model in thesis.MODELS], value) for model, value in quoted.items()]
    measured = ours[["model", "accuracy", "low", "high"]].assign(source="this study")
    table = pd.concat([pd.DataFrame(rows, columns=["model", "source", "accuracy"]), measured], ignore_index=True)
    return table[["model", "source", "accuracy", "low", "high"]]


def runs_table(runs: list[Run]) -> pd.DataFrame:
    """What was trained, per data set (the folds of one rule together) and net: runs, epochs of the shortest, time.

    The runs of an ablation are left out: they have a table of their own (``fer_nb.evaluation.ablation``).
    """
    rows = []
    for run in runs:
        if run.change:
            continue
        metrics = read_metrics(run)
        row = {"dataset": run.dataset.rstrip("0123456789") if "-" in run.dataset else run.dataset, "model": run.model}
        row |= {"runs": 1, "epochs": len(read_history(run)), "minutes": metrics["seconds"] / 60}
        rows.append(row | {key: metrics[key] for key in ("selection", "device", "precision")})
    how = {
        "runs": "sum",
        "epochs": "min",
        "minutes": "sum",
        "selection": "first",
        "device": "first",
        "precision": "first",
    }
    return pd.DataFrame(rows).groupby(["dataset", "model"], sort=False, as_index=False).agg(how)


def agreement(study: str, data: str) -> pd.DataFrame:
    """Tables 3-1 to 3-4 cell by cell, as far as the study has made them: how many cells are as the thesis prints them.

    ``differing`` names the others. On ``data="synthetic"`` only table 3-1, which needs no pictures, is compared.
    """
    rows = []
    for name, printed in COUNTS.items():
        if not _path(study, name).exists() or (data == "synthetic" and name != "table-3-1"):
            continue
        table = read_table(study, name)
        ours = table.set_index(table.columns[0]).to_dict("index")
        cells = {(row, column): value for row, of_row in printed.items() for column, value in of_row.items()}
        differing = []
        for (row, column), value in cells.items():
            own = ours.get(row, {}).get(column)
            misprint = name == "table-3-3" and own == thesis.TABLE_3_3_TRUE[row][column]
            if own != value:
                note = " (a misprint: its row does not sum)" if misprint else ""
                differing.append(f"{row} {column}: {own}, printed {value}{note}")
        equal = len(cells) - len(differing)
        rows.append({"table": name, "cells": len(cells), "equal": equal, "differing": "; ".join(differing) or "none"})
    return pd.DataFrame(rows)


def protocols(study: str) -> pd.DataFrame:
    """The protocol tables of 05 (table-3-6-protocol and so on) one below the other, with their data set in front."""
    runs = evaluation_runs(study)
    tables = [
        read_table(study, f"{name}-protocol").assign(dataset=thesis.DATASETS[dataset.split("-")[0]])
        for name, (dataset, _) in ACCURACIES.items()
        if by_model(runs, dataset)
    ]
    table = pd.concat(tables, ignore_index=True)
    return table[["dataset", *table.columns.drop("dataset")]]
