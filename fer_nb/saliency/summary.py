"""Tables and sentences of notebooks 06 to 08: what MP found, which method to believe, the pictures of section 4.2.2."""

import numpy as np
import pandas as pd
import torch

from fer_nb.data import faces as face_points
from fer_nb.evaluation import thesis
from fer_nb.intervals import mean_interval
from fer_nb.saliency import robustness
from fer_nb.saliency.chapter4 import STRENGTHS, verdict
from fer_nb.saliency.faithfulness import probabilities
from fer_nb.saliency.mp import PERTURBATIONS, MeaningfulPerturbation
from fer_nb.saliency.sample import SAMPLE, Sample

OURS = ("MP", "Score-CAM")
BOUNDS = ["mean", "low", "high"]


def mp_table(
    found: dict[str, torch.Tensor], names: np.ndarray, first: str = "expression", seed: int = 0
) -> pd.DataFrame:
    """What MP deleted and what that did, per name and for "all".

    Args:
        found: area, before, after, deleted (M,), as mp.Explanation has them. names: str (M,), by which rows are split.
        first: title of the first column.

    Returns:
        DataFrame: name; area, the share deleted in percent, with low and high (bootstrap); mean probability of the
        class before, after, and with everything deleted; pictures.
    """
    rows = []
    for name in ("all", *dict.fromkeys(names.tolist())):
        here = np.ones(len(names), bool) if name == "all" else names == name
        mean = {key: float(np.asarray(found[key])[here].mean()) for key in ("before", "after", "deleted")}
        area, low, high, pictures = mean_interval(100 * np.asarray(found["area"], float)[here], seed)
        rows.append({first: name, "area": area, "low": low, "high": high} | mean | {"pictures": pictures})
    return pd.DataFrame(rows).rename(columns={"deleted": "all_deleted"})


def mp_words(table: pd.DataFrame) -> str:
    """``mp_table``'s first row as a sentence."""
    row = table.iloc[0]
    return (
        f"On average MP deletes {row['area']:.1f}% of the picture, and the probability of the class goes from "
        f"{row['before']:.3f} to {row['after']:.3f}; with the whole picture deleted it is {row['all_deleted']:.3f} "
        f"({row['pictures']} pictures)."
    )


def perturbations(net, inputs: torch.Tensor, target: torch.Tensor, settings: dict, seed: int = 0):
    """The same pictures by each of MP's perturbations: ``mp_table`` with a row for each, and the maps by name.

    ``settings``: of MeaningfulPerturbation; its perturbation is replaced.
    """
    found = {
        name: MeaningfulPerturbation(net, **settings | {"perturbation": name}).explain(inputs, target)
        for name in PERTURBATIONS
    }
    keys, names = ("area", "before", "after", "deleted"), np.repeat(list(found), len(inputs))
    joined = {key: torch.cat([getattr(one, key).cpu() for one in found.values()]) for key in keys}
    table = mp_table(joined, names, "perturbation", seed)
    return table[table["perturbation"] != "all"], {name: one.map.cpu() for name, one in found.items()}


def region_words(table: pd.DataFrame, method: str) -> str:
    """Where a method's maps lie most for their area, and least (regions.region_table)."""
    rows = table[table["expression"] == "all"]
    empty, pictures = rows["empty"].iloc[0], rows["pictures"].iloc[0]
    if empty == pictures:
        return f"{method}: every map is empty."
    ratio = (rows["share"] / rows["area"]).set_axis(rows["region"]).sort_values()
    return (
        f"{method}: for their area most of the mass lies on the {ratio.index[-1]} ({ratio.iloc[-1]:.2f} times chance), "
        f"least on the {ratio.index[0]} ({ratio.iloc[0]:.2f} times)"
        + (f"; {empty} of {pictures} maps are empty." if empty else ".")
    )


def truly_drawn(sample: Sample, name: str, data: str) -> np.ndarray:
    """bool (M,): measured pictures, rightly named, whose label is the expression drawn; none for photographs."""
    measured = (sample.kind == SAMPLE) & (sample.predicted == sample.faces.labels)
    known = face_points.drawn(sample.faces, name, data)
    return measured & (known["expressions"] == sample.expressions) if known else np.zeros(len(sample), bool)


def belief_table(measured: dict, cascades: dict, truth: pd.DataFrame | None = None, seed=0, groups=None, labels=None):
    """Which of our methods passes which test: "yes" or "no" where the whole 95% interval says so, else "cannot say".

    Args:
        measured: method -> faithfulness.measure, a row a picture, with "random" and "centre" among the methods.
        cascades: method -> sanity.cascade; a method without one does not take that test.
        truth: truth.truth_table on drawn faces, or None. groups: pictures that count as one.
        labels: labels.labels_table with a net that has learned permuted labels by heart, or None.

    Returns:
        DataFrame: a row per test and method: test, method, measured, low, high, needed, passes. Deletion and insertion
        are differences to the other map's, picture by picture.
    """
    rows = []
    for metric, relation in (("deletion", "below"), ("insertion", "above")):
        for other in ("random", "centre"):
            for method in OURS:
                found = mean_interval(measured[method][metric] - measured[other][metric], seed, groups)
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
            found = row["gain"], row["gain_low"], row["gain_high"]
            rows.append(("truth: on the regions that decide", method, *found, "above", 0.0))
    passes = [verdict(low, high, relation, bound) for *_, low, high, relation, bound in rows]
    named = [(*row[:5], f"{row[5]} {row[6]:g}") for row in rows]
    table = pd.DataFrame(named, columns=["test", "method", "measured", "low", "high", "needed"])
    return table.assign(passes=passes).sort_values("test", kind="stable")


def belief_words(table: pd.DataFrame) -> str:
    """Which of the two methods to believe, from ``belief_table``, by the tests that both took."""
    both = table[table.groupby("test")["method"].transform("nunique") == len(OURS)]
    passed = (both["passes"] == "yes").groupby(both["method"]).sum()
    tests, best = both["test"].nunique(), passed.max()
    if (both["passes"] == "cannot say").all():
        return f"None of {tests} tests decides: the pictures are too few, or the maps too alike, to believe either."
    if not best:
        return f"Neither method is seen to pass one of {tests} tests: believe neither on this net."
    leading = [method for method in OURS if passed[method] == best]
    if len(leading) > 1:
        return f"Of {tests} tests both methods pass {best}: neither is to be believed before the other."
    counts = ", ".join(f"{method} {passed[method]}" for method in OURS)
    return f"Of {tests} tests passed: {counts}. Where the two differ, believe {leading[0]}."


def ladder(rungs: str) -> dict[str, tuple[float, ...]]:
    """Strengths at which maps are made: "judged", the one by which section 4.2 is judged, or "all" of the ladder.

    Raises ValueError for another word.
    """
    if rungs not in ("judged", "all"):
        raise ValueError(f'rungs is {rungs!r}: choose "judged" or "all"')
    return robustness.LADDER if rungs == "all" else {name: (strength,) for name, strength in STRENGTHS.items()}


def cases(predicted: pd.DataFrame) -> dict[str, dict]:
    """Our picture for each of figures 4-2 to 4-6: figure -> a row of robustness.predictions (robustness.example).

    Where no picture of the figure's expression is named right, the one of any expression that is nearest.
    """
    found = {}
    for number, figure in thesis.FIGURES_4_2.items():
        strength, before = STRENGTHS[figure["transform"]], figure["probability_before"]
        labels = sorted(set(predicted["label"]))
        candidates = {label: robustness.example(predicted, figure | {"label": label}, strength) for label in labels}
        candidates = {label: case for label, case in candidates.items() if case}
        if candidates:
            nearest = min(candidates.values(), key=lambda case: abs(case["probability_before"] - before))
            found[number] = candidates.get(figure["label"], nearest)
    return found


def case_panels(case: dict, image: np.ndarray, target: int, methods: dict, net, classes: tuple[str, ...]):
    """What saliency_plots.gallery takes for one of figures 4-2 to 4-6: the picture as it is and changed, and its maps.

    Args:
        case: from ``cases``. image: uint8 (48, 48). target: the class that the maps explain. methods: name ->
            attribution. net: gives logits (N, C). classes: their names.

    Returns:
        Titles with the predicted class and its probability; the rows; the pictures float (2, 44, 44).
    """
    device = next(net.parameters()).device
    changes = {"as it is": 0.0, f"{case['transform']} {case['strength']:+g}": case["strength"]}
    inputs = torch.cat([robustness.transform(image[None], case["transform"], value) for value in changes.values()])
    inputs = inputs.to(device).contiguous()
    wanted = torch.full((len(inputs),), target, device=device)
    sure, predicted = probabilities(net, inputs).max(1)
    titles = [
        f"{name}\n{classes[label]} {value:.3f}"
        for name, value, label in zip(changes, sure.tolist(), predicted.tolist(), strict=True)
    ]
    pictures = inputs[:, 0].cpu().numpy()
    return (
        titles,
        {"picture": pictures} | {name: make(inputs, wanted).cpu() for name, make in methods.items()},
        pictures,
    )


def case_table(cases: dict[str, dict]) -> pd.DataFrame:
    """The thesis's pictures of figures 4-2 to 4-6 and ours (``cases``), two rows a figure.

    Columns: figure, transform, of ("thesis", "ours"), label, strength (NaN: the thesis does not say), before, the
    probability of the label, predicted, the class of the changed picture, and after: the thesis's is the probability
    of ``predicted``, ours that of the label.
    """
    rows = []
    for number, case in cases.items():
        for of, one in (("thesis", thesis.FIGURES_4_2[number]), ("ours", case)):
            row = {"figure": number, "transform": one["transform"], "of": of, "label": one["label"]}
            row |= {"strength": one.get("strength", np.nan), "before": one["probability_before"]}
            rows.append(row | {"predicted": one["predicted"], "after": one["probability"]})
    return pd.DataFrame(rows)


def changed_maps(methods: dict, sample: Sample, number: int, device) -> dict[str, dict[str, torch.Tensor]]:
    """What Evidence.changed takes: transform -> method -> maps of the measured pictures (n, 1, 44, 44), laid back.

    The first ``number`` are made; the others are maps of zeros, which count for nothing.
    """
    measured, found = sample.rows(SAMPLE), {}
    rows = measured[:number]
    target = torch.as_tensor(sample.target[rows], device=device)
    for name, strength in STRENGTHS.items():
        for method, make in methods.items():
            maps = robustness.changed_maps(make, sample.faces.images[rows], target, name, strength)
            zeros = torch.zeros(len(measured) - len(rows), *maps.shape[1:])
            found.setdefault(name, {})[method] = torch.cat([maps, zeros])
    return found


def section_words(table: pd.DataFrame) -> str:
    """How many rows of chapter4.section_table hold."""
    counts = table["holds"].value_counts()
    words = ", ".join(f"{counts.get(word, 0)} {word}" for word in ("yes", "no", "cannot say"))
    return f"{table['sentence'].nunique()} sentences in {len(table)} rows: {words}."
