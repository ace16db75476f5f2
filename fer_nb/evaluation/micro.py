"""The scores of MEGC2019 (See et al. 2019, "MEGC 2019: the second facial micro-expressions grand challenge")."""

import numpy as np
import pandas as pd

from fer_nb import intervals
from fer_nb.drawing.conditions import CONDITIONS

MEASURES = ("accuracy", "UAR", "UF1")
RESAMPLES = 1000  # of the bootstrap
MIDDLE = "micro1"  # the condition of drawn clips that each other one makes harder or easier in one way


def scores(predictions: pd.DataFrame, classes: tuple[str, ...] | None = None, seed: int = 0) -> pd.DataFrame:
    """Accuracy, UAR and UF1 in percent over the pooled counts of all folds, each clip predicted once.

    UAR is the mean over classes of TP / (TP + FN), UF1 that of 2 TP / (2 TP + FP + FN) (See et al. 2019, section 4).

    Args:
        predictions: columns label, predicted and subject, a row a clip, all folds one below the other. Of a composite,
            the rows of one set alone give that set's scores.
        classes: the names or numbers that label and predicted may have; by default those that occur.
        seed: of the bootstrap.

    Returns:
        DataFrame: measure, value, low, high, subjects, clips. ``low`` and ``high``: 95% percentile interval of the
        bootstrap over subjects, whose clips go together; draws without a clip of some class are ignored for UAR and
        UF1. NaN for fewer subjects than ``intervals.LEAST``.

    Raises:
        ValueError: a column is missing, a class is unknown, or one has no clip: UAR and UF1 are not defined then. A
            subject with one class only is no error here: nothing is scored by subject.
    """
    if missing := sorted({"label", "predicted", "subject"} - set(predictions.columns)):
        raise ValueError(f"predictions have no column {missing[0]!r}: give label, predicted and subject")
    given = set(predictions["label"]) | set(predictions["predicted"])
    known = sorted(given) if classes is None else list(classes)
    if unknown := given - set(known):
        raise ValueError(f"class {sorted(unknown)[0]!r} is none of {', '.join(map(str, known))}")
    for name in known:
        if not (predictions["label"] == name).any():
            who = ", ".join(map(str, sorted(set(predictions["subject"]))[:5]))
            raise ValueError(
                f"no clip of class {name!r} (subjects {who}): UAR and UF1 need every class; pool all folds"
            )
    counts = _counts(predictions, known)
    low, high = _bootstrap(counts, seed)
    table = pd.DataFrame({"measure": MEASURES, "value": _measures(counts.sum(axis=0)), "low": low, "high": high})
    return table.assign(subjects=len(counts), clips=len(predictions))


def _counts(predictions: pd.DataFrame, classes: list) -> np.ndarray:
    """Confusion counts of each subject, int64 (S, C, C): true class, predicted class."""
    subject, names = pd.factorize(predictions["subject"], sort=True)
    place = pd.Index(classes)
    counts = np.zeros((len(names), len(classes), len(classes)), np.int64)
    np.add.at(
        counts, (subject, place.get_indexer(predictions["label"]), place.get_indexer(predictions["predicted"])), 1
    )
    return counts


def _bootstrap(counts: np.ndarray, seed: int) -> np.ndarray:
    """Ends of the 95% percentile interval of each of MEASURES, float64 (2, 3), drawing subjects with replacement."""
    subjects = len(counts)
    if subjects < intervals.LEAST:
        return np.full((2, len(MEASURES)), np.nan)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(subjects, np.full(subjects, 1 / subjects), size=RESAMPLES)
    return np.nanpercentile(_measures(np.einsum("rs,sij->rij", times, counts)), [2.5, 97.5], axis=0)


def _measures(counts: np.ndarray) -> np.ndarray:
    """MEASURES (..., 3) in percent of confusion counts (..., C, C); NaN for UAR and UF1 where a class has no clip."""
    hits, clips = np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1)
    predicted = counts.sum(axis=-2)
    there = np.where(clips > 0, clips, np.nan)
    accuracy = hits.sum(axis=-1) / clips.sum(axis=-1)
    recall, f1 = (hits / there).mean(axis=-1), (2 * hits / (there + predicted)).mean(axis=-1)
    return 100 * np.stack([accuracy, recall, f1], axis=-1)


def graded(table: pd.DataFrame) -> pd.DataFrame:
    """The scores on drawn clips, graded by what makes them hard (``conditions.CONDITIONS``).

    Args:
        table: data (micro05_apex), model, measure, value, low, high (``searched.micro_table``).

    Returns:
        DataFrame: varied ("motion", "noise" or "drift"), level (its pixels, or grey levels), kind (of picture), model,
        measure, value, low, high; by level. ``MIDDLE``'s scores are in each of the three; one that no other condition
        varies is left out, as are the other sets of clips.
    """
    known, rows = CONDITIONS[MIDDLE], []
    for row in table.to_dict("records"):
        name, _, kind = row["data"].partition("_")
        if name not in CONDITIONS or CONDITIONS[name].motion == 0:
            continue
        levels = {of: (getattr(CONDITIONS[name], of), getattr(known, of)) for of in ("motion", "noise", "drift")}
        changed = [of for of, (level, middle) in levels.items() if level != middle]
        scores = {key: row[key] for key in ("model", "measure", "value", "low", "high")}
        rows += [{"varied": of, "level": levels[of][0], "kind": kind, **scores} for of in changed or levels]
    columns = ["varied", "level", "kind", "model", "measure", "value", "low", "high"]
    found = pd.DataFrame(rows, columns=columns)
    found = found[found.groupby("varied")["level"].transform("nunique") > 1]
    return found.sort_values(["varied", "level"], kind="stable", ignore_index=True)
