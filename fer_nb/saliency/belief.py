"""Which tests of notebook 07 MP and Score-CAM pass."""

import pandas as pd

from fer_nb.evaluation.sentences import holds
from fer_nb.intervals import mean_interval
from fer_nb.saliency.faithfulness import BETTER, EROSIONS

OURS = ("MP", "Score-CAM")
BOUNDS = ["mean", "low", "high"]


def belief_table(measured: dict, cascades: dict, groups=None, labels=None) -> pd.DataFrame:
    """Which of our methods passes which test: "yes" or "no" where the whole 95% interval says so, else "cannot say".

    Args:
        measured: method -> faithfulness.measure, a row per picture, with "random" and "centre" among the methods.
        cascades: method -> sanity.cascade; a method without one does not take that test.
        groups: pictures that count as one.
        labels: labels.labels_table with a net that has learned permuted labels by heart, or None.

    Returns:
        DataFrame, a row per test, background and method: test, background ("blur" or "black" of deletion and insertion,
        else ""), method, measured, low, high, needed, passes. Deletion and insertion are differences from the other
        map, picture by picture.
    """
    rows: list[tuple] = []
    for metric, (kind, background) in EROSIONS.items():
        relation = "below" if BETTER[metric] == "lower" else "above"
        for other in ("random", "centre"):
            for method in OURS:
                found = mean_interval(measured[method][metric] - measured[other][metric], groups)
                rows.append((f"{kind}: better than a {other} map", background, method, *found[:3], relation, 0.0))
    for method in OURS:
        if method in cascades:
            table = cascades[method]
            last = table[(table["quantity"] == "spearman") & (table["depth"] == table["depth"].max())].iloc[0]
            rows.append(("random weights: the map is another", "", method, *last[BOUNDS], "below", 0.5))
        if labels is not None and method in set(labels["method"]):
            row = labels[(labels["quantity"] == "spearman") & (labels["method"] == method)].iloc[0]
            rows.append(("permuted labels: the map is another", "", method, *row[BOUNDS], "below", 0.5))
    passes = [holds(low, high, relation, bound) for *_, low, high, relation, bound in rows]
    shown = [(*row[:6], f"{row[6]} {row[7]:g}") for row in rows]
    table = pd.DataFrame(shown, columns=["test", "background", "method", "measured", "low", "high", "needed"])
    return table.assign(passes=passes).sort_values("test", kind="stable")


def belief_in_words(table: pd.DataFrame) -> str:
    """How many of the tests that both took each method passes, from ``belief_table``; one with backgrounds by both.

    Where nothing was measured, as of empty maps, a test was not taken.
    """
    table = table.dropna(subset="measured")
    both = table[table.groupby("test")["method"].transform("nunique") == len(OURS)]
    tests = both["test"].nunique()
    if (both["passes"] == "cannot say").all():
        return f"None of {tests} tests decides: there are too few pictures, or the maps are too similar."
    passed = (both["passes"] == "yes").groupby([both["test"], both["method"]]).all().groupby("method").sum()
    counts = ", ".join(f"{method} {passed[method]}" for method in OURS)
    return f"Of {tests} tests that both methods took, passed: {counts}."
