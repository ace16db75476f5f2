"""The sentences of section 4.2 beside what was measured (thesis.SECTION_4_2)."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch

from fer_nb.evaluation import thesis
from fer_nb.evaluation.sentences import holds
from fer_nb.intervals import mean_interval
from fer_nb.saliency import robustness
from fer_nb.saliency.quantities import QUANTITIES
from fer_nb.saliency.regions import shares_of
from fer_nb.saliency.robustness import JUDGED
from fer_nb.saliency.sample import SAMPLE, Sample


@dataclass(frozen=True)
class Evidence:
    """What was measured. A sentence whose evidence is missing gets "cannot say".

    maps: method ("MP", "Score-CAM") -> maps (N, 1, 44, 44) of the true class; masks: bool (N, 5, 44, 44)
    (regions.of_faces); expressions: str (N,); changed: transform -> method -> maps of the same pictures changed by
    JUDGED, laid back (``maps_at_judged_strengths``); predicted: robustness.predictions, of any pictures; blurred:
    region -> float (N,), faithfulness.loss_without; gains: method -> float (N,), truth.gains, NaN for photographs;
    groups: (N,), pictures of the maps that count as one, or None.
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

    def mean(self, values: np.ndarray, expression: str = "all") -> tuple[float, float, float, int]:
        """Mean of the values (N,) of the pictures of one expression, with interval and number."""
        here = self.of(expression)
        return mean_interval(values[here], None if self.groups is None else self.groups[here])

    def of(self, expression: str) -> np.ndarray:
        """bool (N,): the pictures of one expression, or "all"."""
        return np.ones(len(self.expressions), bool) if expression == "all" else self.expressions == expression

    def share(self, maps, regions: tuple[str, ...], valid=None) -> np.ndarray:
        """Share of the mass in several regions together, float (N,); ``valid``: bool (44, 44), which pixels count."""
        return shares_of(maps, self.masks, regions, valid)[0]

    def by_method(self, measure: Callable, expression: str, transform: str = "") -> dict:
        """Mean of ``measure(maps, maps of the pictures changed by transform)``, float (N,), of each method."""
        changed = self.changed.get(transform, {}) if transform else self.maps
        return {method: self.mean(measure(self.maps[method], maps), expression) for method, maps in changed.items()}


def maps_at_judged_strengths(methods: dict, sample: Sample, number: int, device) -> dict[str, dict[str, torch.Tensor]]:
    """What Evidence.changed takes: transform -> method -> maps of the measured pictures (n, 1, 44, 44), laid back.

    Only the first ``number`` are made; the others are maps of zeros, which are ignored.
    """
    measured, found = sample.rows(SAMPLE), {}
    rows = measured[:number]
    target = torch.as_tensor(sample.target[rows], device=device)
    for name, strength in JUDGED.items():
        for method, make in methods.items():
            maps = robustness.changed_maps(make, sample.faces.images[rows], target, name, strength)
            zeros = torch.zeros(len(measured) - len(rows), *maps.shape[1:])
            found.setdefault(name, {})[method] = torch.cat([maps, zeros])
    return found


def section_table(evidence: Evidence, claims: tuple[thesis.Claim, ...] = thesis.SECTION_4_2) -> pd.DataFrame:
    """Every sentence with its measured quantity, once for each method where it is about maps.

    Returns:
        DataFrame: where (section and figure), sentence, quantity, method ("" where none), measured, low, high (95%),
        pictures (of CK+: sequences), bound (what the measured value must be for the sentence to hold), holds (see
        ``holds``).
    """
    rows = []
    for claim in claims:
        kind, *arguments = claim.quantity or ("not measured",)
        found = QUANTITIES[kind](evidence, *arguments) or {"": (np.nan, np.nan, np.nan, 0)}
        for method, (value, low, high, pictures) in found.items():
            row = {"where": claim.where, "sentence": claim.says, "quantity": title(claim.quantity), "method": method}
            row |= {"measured": value, "low": low, "high": high, "pictures": pictures}
            row["bound"] = f"{claim.relation} {claim.bound:.4g}" if claim.quantity else ""
            rows.append(row | {"holds": holds(low, high, claim.relation, claim.bound)})
    return pd.DataFrame(rows)


def section_in_words(table: pd.DataFrame) -> str:
    """How many rows of ``section_table`` hold."""
    counts = table["holds"].value_counts()
    words = ", ".join(f"{counts.get(word, 0)} {word}" for word in ("yes", "no", "cannot say"))
    return f"{table['sentence'].nunique()} sentences in {len(table)} rows: {words}."


def title(quantity: tuple) -> str:
    """ "enrichment: Happy, nose + mouth"; "not measured" for none."""
    if not quantity:
        return "not measured"
    words = [part if isinstance(part, str) else " + ".join(part) for part in quantity]
    return words[0] + (f": {', '.join(words[1:])}" if words[1:] else "")
