"""The study's results beside the thesis's, from the tables that notebooks 01 to 05 saved and from the runs."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fer_nb import paths
from fer_nb.evaluation import thesis
from fer_nb.evaluation.measures import by_model, verdict
from fer_nb.finished import read_metrics
from fer_nb.study import evaluation_runs

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


def accuracies(study: str, data: str) -> pd.DataFrame:
    """Every accuracy that the thesis prints for the study's data sets, beside ours.

    ``epochs`` are those of the net's shortest run. A net that the study does not train has the verdict "not run"; on
    ``data="synthetic"`` the verdict is "drawn faces".
    """
    runs, rows = evaluation_runs(study), []
    for key, part in thesis.SECTION_3_3.items():
        if not any(run.dataset.partition("-")[0] == key for run in runs):
            continue
        trained = by_model(runs, part.dataset)
        ours = read_table(study, part.table).set_index("model").to_dict("index") if trained else {}
        for model, value in part.accuracies.items():
            found = dict.fromkeys(("accuracy", "low", "high", "seeds"), np.nan)
            found |= ours.get(model, {}) if model in trained else {}
            epochs = min((read_metrics(run)["epochs"] for run in trained.get(model, [])), default=np.nan)
            row: dict[str, Any] = {"table": part.table.removeprefix("table-"), "dataset": part.name, "model": model}
            row |= {name: found[name] for name in ("accuracy", "low", "high")}
            row |= {"thesis_accuracy": value, "difference": found["accuracy"] - value}
            drawn = data == "synthetic" and model in trained
            row["verdict"] = "drawn faces" if drawn else verdict(found, value, epochs, part)
            rows.append(row | {"seeds": found["seeds"], "epochs": epochs})
    columns = ["table", "dataset", "model", "accuracy", "low", "high", "thesis_accuracy", "difference"]
    table = pd.DataFrame(rows, columns=[*columns, "verdict", "seeds", "epochs"])
    return table.astype({"seeds": "Int64", "epochs": "Int64"})  # counts, missing for a net that was not trained


def protocols(study: str) -> pd.DataFrame:
    """The protocol tables of notebook 05 (table-3-6-protocol and so on) in one, with the data set in front."""
    runs, parts = evaluation_runs(study), thesis.SECTION_3_3.values()
    tables = {part.name: read_table(study, f"{part.table}-protocol") for part in parts if by_model(runs, part.dataset)}
    return pd.concat(tables, names=["dataset"]).reset_index("dataset") if tables else pd.DataFrame()


def ckplus_splits(study: str) -> pd.DataFrame:
    """CK+ by the ways of splitting that the study trains (notebook 05); empty where it trains none."""
    trained = any(run.dataset.startswith("ckplus") for run in evaluation_runs(study))
    return read_table(study, "table-3-6-splits") if trained else pd.DataFrame()


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
    return pd.DataFrame(rows, columns=["table", "cells", "equal", "differing"])


def agreement_words(counted: pd.DataFrame) -> str:
    """What ``agreement`` found, in a sentence."""
    if counted.empty:
        return "This study has made none of these tables."
    return f"{counted['equal'].sum()} of {counted['cells'].sum()} cells are as the thesis prints them."
