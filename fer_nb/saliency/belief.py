"""Which of MP and Score-CAM to believe: the tests of notebook 07, passed or not."""

import pandas as pd

from fer_nb.evaluation.sentences import holds
from fer_nb.intervals import mean_interval

OURS = ("MP", "Score-CAM")
BOUNDS = ["mean", "low", "high"]


def belief_table(
    measured: dict, cascades: dict, truth: pd.DataFrame | None = None, groups=None, labels=None
) -> pd.DataFrame:
    """Which of our methods passes which test: "yes" or "no" where the whole 95% interval says so, else "cannot say".

    Args:
        measured: method -> faithfulness.measure, a row per picture, with "random" and "centre" among the methods.
        cascades: method -> sanity.cascade; a method without one does not take that test.
        truth: truth.truth_table on drawn faces, or None. groups: pictures that count as one.
        labels: labels.labels_table with a net that has learned permuted labels by heart, or None.

    Returns:
        DataFrame, a row per test and method: test, method, measured, low, high, needed, passes. Deletion and insertion
        are differences from the other map, picture by picture.
    """
    rows: list[tuple] = []
    for metric, relation in (("deletion", "below"), ("insertion", "above")):
        for other in ("random", "centre"):
            for method in OURS:
                found = mean_interval(measured[method][metric] - measured[other][metric], groups)
                rows.append((f"{metric}: better than a {other} map", method, *found[:3], relation, 0.0))
    for method in OURS:
        if method in cascades:
            table = cascades[method]
            last = table[(table["quantity"] == "spearman") & (table["depth"] == table["depth"].max())].iloc[0]
            rows.append(("random weights: the map is another", method, *last[BOUNDS], "below", 0.5))
        if labels is not None and method in set(labels["method"]):
            row = labels[(labels["quantity"] == "spearman") & (labels["method"] == method)].iloc[0]
            rows.append(("permuted labels: the map is another", method, *row[BOUNDS], "below", 0.5))
        if truth is not None and method in set(truth["method"]):
            row = truth[(truth["method"] == method) & (truth["pairs"] == "all")].iloc[0]
            gain = row["gain"], row["gain_low"], row["gain_high"]
            rows.append(("truth: on the regions that decide", method, *gain, "above", 0.0))
    passes = [holds(low, high, relation, bound) for *_, low, high, relation, bound in rows]
    shown = [(*row[:5], f"{row[5]} {row[6]:g}") for row in rows]
    table = pd.DataFrame(shown, columns=["test", "method", "measured", "low", "high", "needed"])
    return table.assign(passes=passes).sort_values("test", kind="stable")


def belief_in_words(table: pd.DataFrame) -> str:
    """Which of the two methods to believe, from ``belief_table``, by the tests that both took."""
    both = table[table.groupby("test")["method"].transform("nunique") == len(OURS)]
    passed = (both["passes"] == "yes").groupby(both["method"]).sum()
    tests, best = both["test"].nunique(), passed.max()
    if (both["passes"] == "cannot say").all():
        return f"None of {tests} tests decides: there are too few pictures, or the maps are too similar."
    if not best:
        return f"Neither method passes one of {tests} tests: believe neither on this net."
    leading = [method for method in OURS if passed[method] == best]
    if len(leading) > 1:
        return f"Both methods pass {best} of {tests} tests: no reason to prefer one of them."
    counts = ", ".join(f"{method} {passed[method]}" for method in OURS)
    return f"Of {tests} tests passed: {counts}. Where the two differ, believe {leading[0]}."
