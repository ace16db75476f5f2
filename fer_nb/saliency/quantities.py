"""What computes each quantity that a sentence of section 4.2 rests on, from chapter4.Evidence."""

import numpy as np
import pandas as pd

from fer_nb.intervals import change_interval, difference_interval, mean_interval, wilson
from fer_nb.saliency.agreement import overlap, spearman, with_other_pictures
from fer_nb.saliency.regions import enrichment
from fer_nb.saliency.robustness import JUDGED

PROBABILITIES = ("probability_before", "probability")


def _enrichment(evidence, expression, regions):
    """Share of the mass over share of the area."""
    return evidence.by_method(evidence.maps, lambda _, maps: enrichment(maps, evidence.masks, regions), expression)


def _share_difference(evidence, regions, first, second):
    """Mean share of the mass in the regions, one expression minus another (or all others)."""
    here = evidence.of(first)
    there = ~here if second == "others" else evidence.of(second)
    groups = [None if evidence.groups is None else evidence.groups[part] for part in (here, there)]
    found = {}
    for method, maps in evidence.maps.items():
        values = evidence.share(maps, regions)
        found[method] = difference_interval(values[here], values[there], evidence.seed, groups)
    return found


def _methods_overlap(evidence):
    """Overlap of the top 20% of the first two methods' maps of one picture."""
    return _of_two_methods(evidence, overlap)


def _methods_beyond(evidence):
    """Rank correlation of the two methods on one picture, minus that with the second's map of another expression."""
    return _of_two_methods(
        evidence,
        lambda one, two: (
            spearman(one, two) - with_other_pictures(spearman, one, two, evidence.expressions, evidence.seed)
        ),
    )


def _of_two_methods(evidence, measure):
    if len(evidence.maps) < 2:
        return {}
    (first, one), (second, two) = list(evidence.maps.items())[:2]
    return {f"{first}, {second}": evidence.mean(measure(one, two))}


def _deciding(evidence):
    """Share of the mass on the face that lies on the deciding regions, minus their share of its area (drawn faces)."""
    return {method: mean_interval(values, evidence.seed) for method, values in evidence.gains.items()}


def _share_change(evidence, transform, regions, expression):
    """Share of the mass in the regions, changed picture minus the picture as it is."""

    def change(method, maps):
        return evidence.share(maps, regions) - evidence.share(evidence.maps[method], regions)

    return evidence.by_method(evidence.changed.get(transform, {}), change, expression)


def _enrichment_changed(evidence, transform, regions, expression):
    """Enrichment in the map of the changed picture."""
    maps = evidence.changed.get(transform, {})
    return evidence.by_method(maps, lambda _, one: enrichment(one, evidence.masks, regions), expression)


def _maps_overlap(evidence, transform, expression):
    """Overlap of the top 20% of the maps before and after."""
    maps = evidence.changed.get(transform, {})
    return evidence.by_method(maps, lambda method, one: overlap(evidence.maps[method], one), expression)


def _blurred(evidence, expression, region):
    """Points of probability lost when the region is blurred."""
    if region not in evidence.blurred:
        return {}
    return {"": evidence.mean(100 * np.asarray(evidence.blurred[region], float), expression)}


def _judged(evidence, transform, expression="all"):
    """Predictions at the judged strength, in both directions; no rows where there are none."""
    table = evidence.predicted
    if table is None:
        return pd.DataFrame({name: [] for name in ("picture", "label", "before", "predicted", *PROBABILITIES)})
    rows = (table["transform"] == transform) & (table["strength"].abs() == JUDGED[transform])
    return table[rows & ((table["label"] == expression) | (expression == "all"))]


def _per_picture(values, table):
    """Mean of the values that a picture may have twice (darker and lighter)."""
    return values.groupby(table["picture"]).mean()


def _rate(hit, table):
    """Percent of pictures, with the Wilson interval."""
    hit = _per_picture(100.0 * hit, table)
    mean = hit.mean()
    return {"": (mean, *(wilson(mean, len(hit)) if len(hit) else (np.nan, np.nan)), len(hit))}


def _gain(table):
    return 100.0 * (
        (table["predicted"] == table["label"]).astype(int) - (table["before"] == table["label"]).astype(int)
    )


def _accuracy_change(evidence, transform):
    """Accuracy of the changed pictures minus that of the pictures as they are, in points."""
    table = _judged(evidence, transform)
    return {"": change_interval(_per_picture(_gain(table), table))}


def _beyond_others(evidence, transform):
    """Accuracy change minus that under the worst of the other transforms, picture by picture."""
    changes = {other: _judged(evidence, other) for other in JUDGED}
    changes = {other: _per_picture(_gain(table), table) for other, table in changes.items() if len(table)}
    if transform not in changes or len(changes) < 2:
        return {}
    mine = changes.pop(transform)
    worst = min(changes.values(), key=lambda change: change.mean())
    return {"": mean_interval((mine - worst).to_numpy(), evidence.seed)}


def _kept(evidence, transform, expression):
    """Percent of the right predictions that stay right."""
    table = _judged(evidence, transform, expression)
    table = table[table["before"] == table["label"]]
    return _rate(table["predicted"] == table["label"], table)


def _probability_change(evidence, transform, expression):
    """Probability of the true class, changed picture minus the picture as it is."""
    table = _judged(evidence, transform, expression)
    before, after = (table[name] for name in PROBABILITIES)
    return {"": mean_interval(_per_picture(after - before, table), evidence.seed)}


def _mistaken(evidence, transform, expression, other):
    """Percent of the predictions that turn from right to wrong that become one other class."""
    table = _judged(evidence, transform, expression)
    table = table[(table["before"] == table["label"]) & (table["predicted"] != table["label"])]
    return _rate(table["predicted"] == other, table)


# First word of a claim's quantity -> what computes it: {method or "": (mean, low, high, number)}, {} without evidence.
QUANTITIES = {
    "enrichment": _enrichment,
    "share difference": _share_difference,
    "methods overlap": _methods_overlap,
    "methods beyond other pictures": _methods_beyond,
    "deciding regions": _deciding,
    "share change": _share_change,
    "enrichment when changed": _enrichment_changed,
    "maps overlap": _maps_overlap,
    "loss when blurred": _blurred,
    "accuracy change": _accuracy_change,
    "accuracy change beyond the others": _beyond_others,
    "kept": _kept,
    "probability change": _probability_change,
    "mistaken": _mistaken,
    "not measured": lambda evidence: {},
}
