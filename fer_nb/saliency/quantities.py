"""What computes each quantity that a sentence of section 4.2 rests on, from chapter4.Evidence."""

import functools
from collections.abc import Callable

import numpy as np
import pandas as pd

from fer_nb.intervals import change_interval, difference_interval, mean_interval, share_interval
from fer_nb.saliency.agreement import overlap, spearman, with_other_pictures
from fer_nb.saliency.regions import enrichment
from fer_nb.saliency.robustness import JUDGED, known_after

PROBABILITIES = ("probability_before", "probability")


def _enrichment(evidence, expression, regions, transform=""):
    """Share of the mass over share of the area; with a transform, in the map of the changed picture."""
    known = _known(transform)
    return evidence.by_method(lambda _, maps: enrichment(maps, evidence.masks, regions, known), expression, transform)


def _known(transform):
    """The pixels that a map of a changed picture shows: a rotation fills the corners with zeros."""
    return known_after(transform, JUDGED[transform]) if transform else None


def _share_difference(evidence, regions, first, second):
    """Mean share of the mass in the regions, one expression minus another (or all others)."""
    here = evidence.of(first)
    there = ~here if second == "others" else evidence.of(second)
    groups = [None if evidence.groups is None else evidence.groups[part] for part in (here, there)]
    found = {}
    for method, maps in evidence.maps.items():
        values = evidence.share(maps, regions)
        found[method] = difference_interval(values[here], values[there], groups)
    return found


def _of_two_methods(evidence, measure):
    """Mean of a measure of the first two methods' maps of one picture."""
    if len(evidence.maps) < 2:
        return {}
    (first, one), (second, two) = list(evidence.maps.items())[:2]
    return {f"{first}, {second}": evidence.mean(measure(one, two))}


def _beyond_other_pictures(evidence, first, second):
    """Rank correlation of two maps of one picture, minus that with the second method's map of another expression."""
    other = with_other_pictures(spearman, first, second, evidence.expressions, evidence.seed)
    return spearman(first, second) - other


def _deciding(evidence):
    """Share of the mass on the face that lies on the deciding regions, minus their share of its area (drawn faces).

    Above 0 the maps lie on what tells the class from the runner-up; below, they may tell it from a third (truth.py).
    """
    return {method: evidence.mean(values) for method, values in evidence.gains.items()}


def _share_change(evidence, transform, regions, expression):
    """Share of the mass in the regions, changed picture minus the picture as it is; of the pixels known in both."""
    known = _known(transform)

    def change(before, after):
        return evidence.share(after, regions, known) - evidence.share(before, regions, known)

    return evidence.by_method(change, expression, transform)


def _blurred(evidence, expression, region):
    """Points of probability lost when the region is blurred."""
    if region not in evidence.blurred:
        return {}
    return {"": evidence.mean(100 * np.asarray(evidence.blurred[region], float), expression)}


def _judged(evidence, transform, expression="all"):
    """Predictions at the judged strength, in both directions; no rows where there are none."""
    table = evidence.predicted
    if table is None:
        return pd.DataFrame({name: [] for name in ("group", "label", "before", "predicted", *PROBABILITIES)})
    rows = (table["transform"] == transform) & (table["strength"].abs() == JUDGED[transform])
    return table[rows & ((table["label"] == expression) | (expression == "all"))]


def _rate(hit, table):
    """Percent of pictures, with the Wilson interval; one may stand there twice (darker and lighter)."""
    return {"": share_interval(100.0 * hit, table["group"])}


def _gain(table):
    """100 where a change of the picture makes the prediction right, -100 where wrong, else 0."""
    right, was = (100.0 * (table[column] == table["label"]) for column in ("predicted", "before"))
    return right - was


def _accuracy_change(evidence, transform):
    """Accuracy of the changed pictures minus that of the pictures as they are, in points."""
    table = _judged(evidence, transform)
    return {"": change_interval(_gain(table), table["group"])}


def _beyond_others(evidence, transform):
    """Accuracy change minus that under the worst of the other transforms, picture by picture."""
    changes = {other: _judged(evidence, other) for other in JUDGED}
    changes = {other: _gain(table).groupby(table["group"]).mean() for other, table in changes.items() if len(table)}
    if transform not in changes or len(changes) < 2:
        return {}
    mine = changes.pop(transform)
    worst = min(changes.values(), key=lambda change: change.mean())
    return {"": mean_interval((mine - worst).to_numpy())}


def _kept(evidence, transform, expression):
    """Percent of the right predictions that stay right."""
    table = _judged(evidence, transform, expression)
    table = table[table["before"] == table["label"]]
    return _rate(table["predicted"] == table["label"], table)


def _probability_change(evidence, transform, expression):
    """Probability of the true class, changed picture minus the picture as it is."""
    table = _judged(evidence, transform, expression)
    before, after = (table[name] for name in PROBABILITIES)
    return {"": mean_interval(after - before, table["group"])}


def _mistaken(evidence, transform, expression, other):
    """Percent of the predictions that turn from right to wrong that become one other class."""
    table = _judged(evidence, transform, expression)
    table = table[(table["before"] == table["label"]) & (table["predicted"] != table["label"])]
    return _rate(table["predicted"] == other, table)


# First word of a claim's quantity -> what computes it: {method or "": (mean, low, high, number)}, {} without evidence.
QUANTITIES: dict[str, Callable[..., dict[str, tuple]]] = {
    "enrichment": _enrichment,
    "share difference": _share_difference,
    "methods overlap": lambda evidence: _of_two_methods(evidence, overlap),
    "methods beyond other pictures": lambda evidence: _of_two_methods(
        evidence, functools.partial(_beyond_other_pictures, evidence)
    ),
    "deciding regions": _deciding,
    "share change": _share_change,
    "enrichment when changed": lambda evidence, transform, regions, of: _enrichment(evidence, of, regions, transform),
    "maps overlap": lambda evidence, transform, of: evidence.by_method(overlap, of, transform),  # before and after
    "loss when blurred": _blurred,
    "accuracy change": _accuracy_change,
    "accuracy change beyond the others": _beyond_others,
    "kept": _kept,
    "probability change": _probability_change,
    "mistaken": _mistaken,
    "not measured": lambda evidence: {},
}
