"""What the sentences of both sources are measured on, and which nets of it may be measured together.

Several nets on one data set are, where one recipe trained them all: another recipe changes an accuracy as much as
another net does. Of several such recipes it is the one of most epochs. Where there is none, a difference between nets
is shown and decides nothing.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd

PERCENT, POINTS, RATIO = "percent", "points", "ratio"  # units
SEARCHED = ["data", "model", "seeds", "reference", "difference", "study"]  # of ``Results.searched``, among others


class Missing(Exception):
    """There is no value. Its word says why: "not run", "no data" (the project does not have the data set), "not kept"
    (it has run, and what it predicted is not kept)."""

    def __init__(self, why: str = "not run"):
        super().__init__(why)


@dataclass
class Results:
    """What claims are measured on.

    accuracies: dataset (thesis's name), model, accuracy (NaN where not run), seeds, epochs, study, recipe (a name); the
    first row of a net and recipe counts. tables: saved tables by name, of ``claims.NAMES``; made_by: the study of each.
    confusions: dataset -> recipe -> model -> matrix (``measures.confusion``). histories: likewise, of the first seed.
    right: likewise, ``paired.shares``, without those on CK+, whose rows do not tell the sequences. searched:
    ``claims.searched``, changes: ``ablation.ablation_table``, both of one or several studies (column study).
    """

    accuracies: pd.DataFrame
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    made_by: dict[str, str] = field(default_factory=dict)
    confusions: dict[str, dict[str, dict[str, pd.DataFrame]]] = field(default_factory=dict)
    histories: dict[str, dict[str, dict[str, pd.DataFrame]]] = field(default_factory=dict)
    right: dict[str, dict[str, dict[str, pd.Series]]] = field(default_factory=dict)
    searched: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=SEARCHED))
    changes: pd.DataFrame = field(default_factory=pd.DataFrame)


class Found(NamedTuple):
    """A measured value with its 95% interval (of a count: itself), seeds (NaN: none), its unit, and where it stands.

    ``unit``: of the value; of section 4.2 what it is. ``study``, ``table``: which has it. ``holds``: "" where bound and
    interval decide, else the verdict. ``short``: whether a net trained for fewer epochs than the thesis's, so that a
    low accuracy says little; of two data sets, for other epochs on each. ``mixed``: whether several recipes trained the
    nets, so that their difference is not that of the nets alone.
    """

    value: float
    low: float
    high: float
    seeds: float
    unit: str
    study: str
    table: str
    holds: str = ""
    short: bool = False
    mixed: bool = False


def exact(results: Results, value: float, unit: str, table: str, study: str = "") -> Found:
    """What is counted, without an interval; ``study``: which has it, else the one that made ``table``."""
    return Found(value, value, value, float("nan"), unit, study or results.made_by.get(table, ""), table)


def measured_rows(results: Results, dataset: str) -> pd.DataFrame:
    """The rows of a data set that have a value."""
    table = results.accuracies
    return table[(table["dataset"] == dataset) & table["accuracy"].notna()]


def recipes(results: Results, dataset: str) -> list[str]:
    """The recipes that trained nets on a data set, that of most epochs first."""
    rows = measured_rows(results, dataset).sort_values("epochs", ascending=False, kind="stable")
    return rows["recipe"].unique().tolist()


def rows_of_one_recipe(results: Results, dataset: str, models: tuple[str, ...]) -> pd.DataFrame:
    """The rows of a recipe that trained all of ``models``; raises Missing where none did."""
    measured = measured_rows(results, dataset)
    for recipe in recipes(results, dataset):
        rows = measured[measured["recipe"] == recipe]
        if set(models) <= set(rows["model"]):
            return rows
    raise Missing


def rows_to_compare(results: Results, dataset: str, models: tuple[str, ...]) -> tuple[pd.DataFrame, bool]:
    """``rows_of_one_recipe`` and False; where no recipe trained all of ``models``, each net's first row and True."""
    try:
        return rows_of_one_recipe(results, dataset, models), False
    except Missing:
        rows = measured_rows(results, dataset).drop_duplicates("model")
        if not set(models) <= set(rows["model"]):
            raise
        return rows, True


def files_of_nets(
    results: Results, dataset: str, kept: dict, models: tuple[str, ...]
) -> tuple[str, list[pd.DataFrame]]:
    """What ``kept``, the confusions or the histories, has of each of ``models``, after the studies that it is of.

    Of each net by its first recipe that has something. Raises Missing where there is nothing of a net.
    """
    rows, of_recipe, studies, found = measured_rows(results, dataset), kept.get(dataset, {}), [], []
    for model in models:
        of_net = rows[rows["model"] == model].to_dict("records")
        having = [row for row in of_net if model in of_recipe.get(row["recipe"], {})]
        if not having:
            raise Missing("not kept" if of_net else "not run")
        studies.append(having[0]["study"])
        found.append(of_recipe[having[0]["recipe"]][model])
    return ", ".join(dict.fromkeys(studies)), found
