"""What answers the sentences on searched nets, as ``measured`` does those of the thesis."""

import pandas as pd

from fer_nb.nets import known
from fer_nb.report.results import PERCENT, POINTS, RATIO, Found, Missing, Results, exact
from fer_nb.study import sized


def _rows(results: Results, *names: str) -> pd.DataFrame:
    rows = results.searched[results.searched["model"].isin(names)]
    if not set(names) <= set(rows["model"]):
        raise Missing
    return rows


def cost(results: Results, column: str) -> Found:
    """The most parameters, in millions, or the lowest speed of EmoNAS's nets."""
    rows = _rows(results, "EmoNAS").sort_values(column)
    if column == "frames_per_second":
        return exact(results, rows[column].iloc[0], "pictures a second", "table-10", rows["study"].iloc[0])
    return exact(results, rows[column].iloc[-1] / 1e6, "millions", "table-10", rows["study"].iloc[-1])


def share_of(results: Results, column: str, other: str) -> Found:
    """EmoNAS's cost as a share of another net's, in a study that has measured both."""
    rows = _rows(results, "EmoNAS", other)
    for study, of_study in rows.groupby("study"):
        values = of_study.groupby("model")[column].max()
        if len(values) == 2:
            return exact(results, values["EmoNAS"] / values[other], RATIO, "table-10", study)
    raise Missing


def share_of_least(results: Results, column: str) -> Found:
    """EmoNAS's cost as a share of that of the cheapest other net: neither found here nor drawn at random."""
    names = {*known.NETS} & set(results.searched["model"])
    if not names:
        raise Missing
    return max((share_of(results, column, name) for name in names), key=lambda found: found.value)


def beyond(results: Results, model: str, reference: str, dataset: str = "") -> Found:
    """The accuracy of ``model`` minus that of ``reference``, in points, in the study with most seeds.

    ``dataset``: the first part of its name ("ckplus"); "" for any.
    """
    rows = results.searched[results.searched["reference"] == reference]
    rows = rows[rows["data"].str.startswith(dataset)]
    rows = rows[(rows["model"] == model) & rows["difference"].notna()]
    if rows.empty:
        raise Missing
    row = rows.loc[rows["seeds"].idxmax()]
    points = row["difference"], row["difference_low"], row["difference_high"]
    return Found(*points, row["seeds"], POINTS, row["study"], "table-9")


def accuracy_on(results: Results, dataset: str) -> Found:
    """The accuracy of EmoNAS's net, of any size, on a data set."""
    rows = results.searched[results.searched["data"].str.split("-").str[0] == dataset]
    rows = rows[[sized(model)[0] == "EmoNAS" for model in rows["model"]]]
    if rows.empty:
        raise Missing("not run" if dataset in ("ckplus", "fer2013", "ferm") else "no data")
    row = rows.loc[rows["seeds"].idxmax()]
    holds = "" if dataset == "rafdb" else "cannot say"  # "better than others" gives no number
    value = row["accuracy"], row["low"], row["high"]
    return Found(*value, row["seeds"], PERCENT, row["study"], "table-9", holds)
