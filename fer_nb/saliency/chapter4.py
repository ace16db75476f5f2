"""The sentences of section 4.2 beside what was measured (thesis.SECTION_4_2)."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from fer_nb.evaluation import thesis
from fer_nb.intervals import change_interval, difference_interval, mean_interval, wilson
from fer_nb.saliency.agreement import overlap, spearman
from fer_nb.saliency.regions import NAMES, enrichment, shares
from fer_nb.saliency.robustness import TRAINED

# The strength at which a transform is judged: the strongest that training contained, or a whole flip.
STRENGTHS = TRAINED | {"vertical flip": 1.0}

PROBABILITIES = ("probability_before", "probability")


@dataclass(frozen=True)
class Evidence:
    """What was measured. A sentence whose evidence is missing gets "cannot say".

    maps: method ("MP", "Score-CAM") -> maps (N, 1, 44, 44) of the true class; masks: bool (N, 5, 44, 44)
    (regions.of_faces); expressions: str (N,); changed: transform -> method -> maps of the same pictures changed by
    STRENGTHS, laid back (robustness.changed_maps); predicted: robustness.predictions, over any pictures; blurred:
    region -> float (N,), faithfulness.loss_without; gains: method -> float, truth.gains, on drawn faces only; groups:
    (N,), pictures of the maps that count as one, or None.
    """

    maps: dict
    masks: np.ndarray
    expressions: np.ndarray
    changed: dict = field(default_factory=dict)
    predicted: pd.DataFrame | None = None
    blurred: dict = field(default_factory=dict)
    gains: dict = field(default_factory=dict)
    groups: np.ndarray | None = None
    seed: int = 0

    def mean(self, values, expression="all"):
        """Mean of the values (N,) of the pictures of one expression, with interval and number."""
        here = self.of(expression)
        return mean_interval(values[here], self.seed, None if self.groups is None else self.groups[here])

    def of(self, expression):
        return np.ones(len(self.expressions), bool) if expression == "all" else self.expressions == expression

    def share(self, maps, regions):
        """Share of the mass in the named regions together, float (N,)."""
        return shares(maps, self.masks)[:, [NAMES.index(name) for name in regions]].sum(axis=1)


def section_table(evidence: Evidence, claims: tuple[thesis.Claim, ...] = thesis.SECTION_4_2) -> pd.DataFrame:
    """Every sentence with its measured quantity, once for each method where it speaks of maps.

    Returns:
        DataFrame: where (section and figure), sentence, quantity, method ("" where none), measured, low, high (95%),
        pictures, bound (what the measured value must be for the sentence to hold), holds: "yes" or "no" where the
        whole interval says so, else "cannot say".
    """
    rows = []
    for claim in claims:
        kind, *arguments = claim.quantity or ("not measured",)
        found = QUANTITIES[kind](evidence, *arguments) or {"": (np.nan, np.nan, np.nan, 0)}
        for method, (value, low, high, pictures) in found.items():
            row = {"where": claim.where, "sentence": claim.says, "quantity": name(claim.quantity), "method": method}
            row |= {"measured": value, "low": low, "high": high, "pictures": pictures}
            row["bound"] = f"{claim.relation} {claim.bound:.4g}" if claim.quantity else ""
            rows.append(row | {"holds": verdict(low, high, claim.relation, claim.bound)})
    return pd.DataFrame(rows)


def verdict(low: float, high: float, relation: str, bound: float) -> str:
    """ "yes" or "no" where the interval lies wholly on one side of the bound, else "cannot say"."""
    above, below = low > bound, high < bound  # both False for NaN
    if not above and not below:
        return "cannot say"
    return "yes" if above == (relation == "above") else "no"


def name(quantity: tuple) -> str:
    """ "enrichment: Happy, nose + mouth"; "not measured" for none."""
    if not quantity:
        return "not measured"
    words = [part if isinstance(part, str) else " + ".join(part) for part in quantity]
    return words[0] + (f": {', '.join(words[1:])}" if words[1:] else "")


def _enrichment(evidence, expression, regions):
    """Share of the mass over share of the area."""
    return {
        method: evidence.mean(enrichment(maps, evidence.masks, regions), expression)
        for method, maps in evidence.maps.items()
    }


def _share_difference(evidence, regions, first, second):
    """Mean share of the mass in the regions, one expression minus another (or all others)."""
    here = evidence.of(first)
    there = ~here if second == "others" else evidence.of(second)
    found = {}
    for method, maps in evidence.maps.items():
        values = evidence.share(maps, regions)
        groups = [None if evidence.groups is None else evidence.groups[part] for part in (here, there)]
        found[method] = difference_interval(values[here], values[there], evidence.seed, groups)
    return found


def _methods_overlap(evidence):
    """Overlap of the top 20% of the first two methods' maps of one picture."""
    if len(evidence.maps) < 2:
        return {}
    first, second = list(evidence.maps)[:2]
    return {f"{first}, {second}": evidence.mean(overlap(evidence.maps[first], evidence.maps[second]))}


def _methods_beyond(evidence):
    """Rank correlation of the two methods on one picture, minus that with the second's map of another picture."""
    if len(evidence.maps) < 2:
        return {}
    (first, one), (second, two) = list(evidence.maps.items())[:2]
    other = np.roll(np.asarray(two), len(evidence.expressions) // 2, axis=0)
    return {f"{first}, {second}": evidence.mean(spearman(one, two) - spearman(one, other))}


def _deciding(evidence):
    """Of the mass on the face the share on the regions that decide, minus their share of its area (drawn faces)."""
    return {method: mean_interval(values, evidence.seed) for method, values in evidence.gains.items()}


def _share_change(evidence, transform, regions, expression):
    """Share of the mass in the regions, changed picture minus the picture as it is."""
    return {
        method: evidence.mean(
            evidence.share(maps, regions) - evidence.share(evidence.maps[method], regions), expression
        )
        for method, maps in evidence.changed.get(transform, {}).items()
    }


def _enrichment_changed(evidence, transform, regions, expression):
    """Enrichment in the map of the changed picture."""
    return {
        method: evidence.mean(enrichment(maps, evidence.masks, regions), expression)
        for method, maps in evidence.changed.get(transform, {}).items()
    }


def _maps_overlap(evidence, transform, expression):
    """Overlap of the top 20% of the maps before and after."""
    return {
        method: evidence.mean(overlap(evidence.maps[method], maps), expression)
        for method, maps in evidence.changed.get(transform, {}).items()
    }


def _blurred(evidence, expression, region):
    """Points of probability lost when the region is blurred."""
    if region not in evidence.blurred:
        return {}
    return {"": evidence.mean(100 * np.asarray(evidence.blurred[region], float), expression)}


def _judged(evidence, transform, expression="all"):
    """Predictions at the strength at which the transform is judged, either way; no rows where there are none."""
    table = evidence.predicted
    if table is None:
        return pd.DataFrame({name: [] for name in ("picture", "label", "before", "predicted", *PROBABILITIES)})
    rows = (table["transform"] == transform) & (table["strength"].abs() == STRENGTHS[transform])
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
    """Accuracy change minus that under the worst of the transforms that training contained, picture by picture."""
    changes = {other: _judged(evidence, other) for other in STRENGTHS}
    changes = {other: _per_picture(_gain(table), table) for other, table in changes.items() if len(table)}
    if transform not in changes or len(changes) < 2:
        return {}
    mine = changes.pop(transform)
    worst = min(changes.values(), key=lambda change: change.mean())
    return {"": mean_interval((mine - worst).to_numpy(), evidence.seed)}


def _kept(evidence, transform, expression):
    """Percent of the pictures named right that are still named right."""
    table = _judged(evidence, transform, expression)
    table = table[table["before"] == table["label"]]
    return _rate(table["predicted"] == table["label"], table)


def _probability_change(evidence, transform, expression):
    """Probability of the true class, changed picture minus the picture as it is."""
    table = _judged(evidence, transform, expression)
    before, after = (table[name] for name in PROBABILITIES)
    return {"": mean_interval(_per_picture(after - before, table), evidence.seed)}


def _mistaken(evidence, transform, expression, other):
    """Of the pictures named right before and wrong after, percent that are given one other class."""
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
