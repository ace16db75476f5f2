"""What answers the sentences of both sources, measure by measure: see ``report.claims``.

A measure takes ``Results`` and the words of a claim's quantity, and returns ``Found``. It raises ``Missing`` where what
it needs was not measured.
"""

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import confint_proportions_2indep

from fer_nb.evaluation import sentences, thesis
from fer_nb.evaluation.measures import BY_SUBJECT, TITLES
from fer_nb.evaluation.paired import difference
from fer_nb.evaluation.thesis import PICTURES, SUPPORT
from fer_nb.intervals import LEVEL, wilson
from fer_nb.report.results import (
    PERCENT,
    POINTS,
    RATIO,
    Found,
    Missing,
    Results,
    exact,
    files_of_nets,
    measured_rows,
    rows_of_one_recipe,
    rows_to_compare,
)
from fer_nb.report.save import joint_verdict

NAN = float("nan")


def _accuracy(rows: pd.DataFrame, dataset: str, model: str) -> dict:
    """The row of ``model`` in ``rows`` (``measured_rows``); short: whether it has fewer epochs than the thesis's."""
    row = rows[rows["model"] == model].iloc[0]
    return row.to_dict() | {"short": bool(row["epochs"] < _part(dataset).epochs)}


def _part(dataset: str) -> thesis.Results:
    return next(part for part in thesis.SECTION_3_3.values() if part.name == dataset)


def _difference(
    first: float, n_first: float, second: float, n_second: float, level: float = LEVEL
) -> tuple[float, float, float]:
    """First minus second of two accuracies in percent, with Newcombe's interval of independent samples.

    It is wider than it need be for two nets on the same pictures, which agree on most of them.
    """
    counts = first / 100 * n_first, n_first, second / 100 * n_second, n_second
    low, high = confint_proportions_2indep(*counts, method="newcomb", alpha=level)
    return first - second, 100 * low, 100 * high


def _extreme(of: Callable, found: list[tuple[float, float, float]]) -> tuple[float, float, float]:
    """The least (or most: ``of``) of several values, with the ends of an interval that holds for all of them.

    Each is to come with an interval of 1 - LEVEL / number: whichever is the extreme one, it has been looked for.
    """
    value, low, high = (of(ends) for ends in zip(*found, strict=True))
    return value, low, high


def least_accuracy(results: Results, dataset: str, models: tuple[str, ...]) -> Found:
    """The lowest accuracy of several nets, with an interval that holds for all of them (``_extreme``)."""
    rows, n, level = rows_of_one_recipe(results, dataset, models), PICTURES[dataset], LEVEL / len(models)
    each = [_accuracy(rows, dataset, model) for model in models]
    least = _extreme(min, [(row["accuracy"], *wilson(row["accuracy"], n, level)) for row in each])
    worst = min(each, key=lambda row: row["accuracy"])
    return Found(*least, worst["seeds"], PERCENT, worst["study"], _part(dataset).table, short=worst["short"])


def beyond(results: Results, dataset: str, models: tuple[str, ...], rivals: tuple[str, ...]) -> Found:
    """The lowest accuracy of ``models`` minus the highest of ``rivals``, in points.

    The interval is paired over the test pictures where ``results.right`` has both nets, else that of ``_difference``.
    """
    rows, mixed = rows_to_compare(results, dataset, models + rivals)
    ours, theirs = ([_accuracy(rows, dataset, model) for model in names] for names in (models, rivals))
    known, found = results.right.get(dataset, {}), []
    for one, other in (pairs := list(itertools.product(ours, theirs))):
        right, against = (known.get(row["recipe"], {}).get(row["model"]) for row in (one, other))
        if right is None or against is None:
            counts = one["accuracy"], PICTURES[dataset], other["accuracy"], PICTURES[dataset]
            found.append(_difference(*counts, LEVEL / len(pairs)))
        else:
            names = one["model"], other["model"], dataset
            found.append(difference(right, against, None, names, LEVEL / len(pairs)))
    gap = _extreme(min, found)
    seeds, short = min(row["seeds"] for row in ours + theirs), any(row["short"] for row in ours + theirs)
    return Found(*gap, seeds, POINTS, ours[0]["study"], _part(dataset).table, short=short, mixed=mixed)


def gap(results: Results, first: str, second: str) -> Found:
    """Accuracy on one data set minus that on another: the smallest difference of a net measured on both."""
    measured = {dataset: measured_rows(results, dataset) for dataset in (first, second)}
    both = [model for model in sentences.NETS if all((of["model"] == model).any() for of in measured.values())]
    pairs = [[_accuracy(of, dataset, model) for dataset, of in measured.items()] for model in both]
    if not pairs:
        raise Missing
    found = [
        _difference(one["accuracy"], PICTURES[first], other["accuracy"], PICTURES[second], LEVEL / len(pairs))
        for one, other in pairs
    ]
    short = any((one["short"] or other["short"]) and one["epochs"] != other["epochs"] for one, other in pairs)
    seeds = min(row["seeds"] for pair in pairs for row in pair)
    return Found(*_extreme(min, found), seeds, POINTS, pairs[0][0]["study"], _part(first).table, short=short)


def _mean_confusion(results: Results, dataset: str, models: tuple[str, ...]) -> tuple[str, pd.DataFrame]:
    """The studies, and the mean of the nets' confusion matrices."""
    study, found = files_of_nets(results, dataset, results.confusions, models)
    return study, sum(found[1:], found[0]) / len(found)


def _edge(results: Results, dataset: str, names: tuple[str, ...], best: bool) -> Found:
    """The lowest recall of ``names`` minus the highest of the other classes, or the highest minus the lowest."""
    study, matrix = _mean_confusion(results, dataset, sentences.NETS)
    recalls = pd.Series(np.diag(matrix), matrix.index)
    ours, others = recalls[list(names)], recalls.drop(list(names))
    pairs, n = list(itertools.product(ours.index, others.index)), SUPPORT[dataset]
    found = [_difference(recalls[a], n[a], recalls[b], n[b], LEVEL / len(pairs)) for a, b in pairs]
    return Found(*_extreme(min if best else max, found), NAN, POINTS, study, f"{_part(dataset).table}-classes")


def best_classes(results: Results, dataset: str, names: tuple[str, ...]) -> Found:
    """The lowest recall of ``names`` minus the highest of the other classes, mean of the nets, in points."""
    return _edge(results, dataset, names, True)


def worst_classes(results: Results, dataset: str, names: tuple[str, ...]) -> Found:
    """The highest recall of ``names`` minus the lowest of the other classes, mean of the nets, in points."""
    return _edge(results, dataset, names, False)


def mistaken(results: Results, dataset: str, models: tuple[str, ...], label: str, others: tuple[str, ...]) -> Found:
    """Of the wrong pictures of a class, the share predicted as ``others``, in percent, mean of the nets."""
    study, matrix = _mean_confusion(results, dataset, models)
    row = matrix.loc[label]
    wrong = 100 - row[label]
    if wrong <= 0:
        raise Missing
    share = 100 * row[list(others)].sum() / wrong
    place = _part(dataset).confusions
    interval = wilson(share, wrong / 100 * SUPPORT[dataset][label])
    return Found(share, *interval, NAN, PERCENT, study, place)


def overfit(results: Results, dataset: str) -> Found:
    """Training minus test accuracy after the last epoch, in points: the smallest of the nets."""
    found = []
    study, histories = files_of_nets(results, dataset, results.histories, sentences.NETS)
    for history in histories:
        last = history.iloc[-1]
        low, high = wilson(last["test_accuracy"], PICTURES[dataset], LEVEL / len(histories))
        train = last["train_accuracy"]
        found.append((train - last["test_accuracy"], train - high, train - low))
    short = min(len(history) for history in histories) < _part(dataset).epochs
    return Found(*_extreme(min, found), 1, POINTS, study, "histories", short=short)


def _table(results: Results, name: str) -> pd.DataFrame:
    if name not in results.tables:
        raise Missing
    return results.tables[name]


def ratio(results: Results, column: str, model: str, other: str) -> Found:
    """A count of one net as a share of another's."""
    counts = _table(results, "table-3-1").set_index("model")[column]
    return exact(results, counts[model] / counts[other], RATIO, "table-3-1")


def widening(results: Results, models: tuple[str, ...]) -> Found:
    """How many times as much of a picture a net sees with the global pool (``nets.field``): the least of ``models``."""
    rows = _table(results, "receptive-field").set_index("model").loc[list(models)]
    row, name = rows.loc[rows["times"].idxmin()], "receptive-field"
    times = row["times"], row["times_low"], row["times_high"]
    return Found(*times, row["seeds"], RATIO, results.made_by.get(name, ""), name)


def latency_share(results: Results, models: tuple[str, ...], other: str) -> Found:
    """The slowest of ``models`` in ONNX Runtime, as a share of another net's time."""
    times = _table(results, "efficiency-light").set_index("model")["onnx_latency_ratio"]
    if not {*models, other} <= set(times.index):
        raise Missing
    share = max(times[model] for model in models) / times[other]
    return exact(results, share, RATIO, "efficiency-light")


def latency(results: Results, model: str) -> Found:
    """Milliseconds of one picture in ONNX Runtime; the interval reaches from the 10th to the 90th percentile."""
    table = _table(results, "efficiency-inference")
    rows = table[(table["runtime"] == "ONNX Runtime") & (table["model"] == model)]
    if rows.empty:
        raise Missing
    row = rows.iloc[0]
    times, name = (row["latency_ms"], row["p10_ms"], row["p90_ms"]), "efficiency-inference"
    return Found(*times, NAN, "ms", results.made_by.get(name, ""), name)


def hand_made(results: Results) -> Found:
    """The best descriptor minus the best net, in points: the largest difference on a data set that has both.

    Where all folds of CK+ by subject have run, the first of them does not count alone.
    """
    pairs, table = [], _table(results, "hand-made")
    alone = [TITLES["ckplus-subject1"]] if TITLES[BY_SUBJECT] in set(table["data"]) else []
    for _, rows in table[~table["data"].isin(alone)].groupby("data"):
        made, nets = rows[rows["C"].notna()], rows[rows["C"].isna()]
        if len(made) and len(nets):
            best, net = (of.loc[of["accuracy"].idxmax()] for of in (made, nets))
            n = best["pictures"] if pd.isna(best["sequences"]) else best["sequences"]
            pairs.append((best["accuracy"], n, net["accuracy"], n))
    if not pairs:
        raise Missing
    found = _extreme(max, [_difference(*pair, LEVEL / len(pairs)) for pair in pairs])
    return Found(*found, NAN, POINTS, results.made_by.get("hand-made", ""), "hand-made")


def section(results: Results, *quantities: str) -> Found:
    """The rows of section 4.2's table with these quantities: the first one's value, and what they say together."""
    table = _table(results, "section-4-2")
    rows = table[table["quantity"].isin(quantities)]
    if rows.empty:
        raise Missing
    first, name = rows.iloc[0], "section-4-2"
    place = results.made_by.get(name, ""), name
    value = first["measured"], first["low"], first["high"]
    return Found(*value, NAN, first["quantity"].partition(":")[0], *place, joint_verdict(rows))


def change(results: Results, name: str) -> Found:
    """The accuracy of a recipe with a change minus that of the full recipe, in points: the largest of an ablation."""
    if results.changes.empty or (rows := results.changes[results.changes["change"] == name]).empty:
        raise Missing
    row = rows.loc[rows["difference"].idxmax()]
    return Found(row["difference"], row["low"], row["high"], row["seeds"], POINTS, row["study"], "ablation")
