"""The truth to compare a map with: on drawn faces the regions that decide between two expressions are known.

A right map of the true class against the runner-up lies where the two are drawn differently
(drawing.expressions.deciding_regions); it need not lie on every such region, but it has no reason to lie elsewhere.

Our maps explain the true class's score alone, so they may rightly lie on what tells it from a third expression: a low
gain is no proof of a wrong map.
"""

import numpy as np
import pandas as pd

from fer_nb.data import faces as face_points
from fer_nb.drawing.expressions import deciding_regions
from fer_nb.intervals import mean_interval
from fer_nb.saliency.regions import NAMES, hit_rate, hits, shares
from fer_nb.saliency.sample import SAMPLE, Sample


def truly_drawn(sample: Sample, name: str, data: str) -> np.ndarray:
    """bool (M,): measured pictures, correctly predicted, whose label is the expression drawn; none for photographs.

    ``name``, ``data``: as given to ``datasets.load``.
    """
    measured = (sample.kind == SAMPLE) & (sample.predicted == sample.faces.labels)
    known = face_points.drawn(sample.faces, name, data)
    return measured & (known["expressions"] == sample.expressions) if known else np.zeros(len(sample), bool)


def rivals(probabilities: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
    """The likeliest class of each picture other than the true one: its name, str (N,).

    Args:
        probabilities: float (N, C), or logits. labels: int (N,), positions in ``classes``.
    """
    others = np.array(probabilities, dtype=float)
    others[np.arange(len(others)), labels] = -np.inf
    return np.array(classes)[others.argmax(axis=1)]


def deciding_masks(masks: np.ndarray, true: np.ndarray, rival: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where true class and rival are drawn differently: bool (N, 1, 44, 44), and the number of such regions, int (N,).

    Args:
        masks: bool (N, 5, 44, 44) of the drawn regions. true, rival: expressions, str (N,).
    """
    deciding = [deciding_regions(a, b) for a, b in zip(true.tolist(), rival.tolist(), strict=True)]
    chosen = np.array([[name in names for name in NAMES] for names in deciding], bool).reshape(-1, len(NAMES))
    return (masks & chosen[:, :, None, None]).any(axis=1, keepdims=True), chosen.sum(axis=1)


def truth_table(maps: dict, masks: np.ndarray, true: np.ndarray, rival: np.ndarray, groups=None) -> pd.DataFrame:
    """How well each method's maps of the true class lie on the deciding regions.

    Pairs of expressions that differ in all four regions of the face tell nothing and are excluded.

    Args:
        maps: per method, (N, 1, 44, 44) from 0 on. masks: bool (N, 5, 44, 44), drawn (regions.of_faces).
        true: the expression drawn, str (N,). rival: see ``rivals``. groups: (N,), pictures that count as one, or None.

    Returns:
        DataFrame, a row per method and kind of pair ("all", "at most two regions"), the method with the best gain in
        "all" first. share: of the mass on the deciding regions, with low and high (t interval), and chance, their share
        of the area. face_share: the same of the mass on brows, eyes, nose and mouth, with interval and face_chance:
        whether the map knows which part decides, and not only where the face is. gain: face_share minus its chance,
        picture by picture, with interval. hits: of the pointing game (Wilson), with the same chance. pictures.
    """
    true, rival = np.asarray(true), np.asarray(rival)
    deciding, count = deciding_masks(masks, true, rival)
    chance, rows = deciding.mean(axis=(1, 2, 3)), []
    for kind, most in (("all", len(NAMES) - 2), ("at most two regions", 2)):
        here = (count > 0) & (count <= most)
        if not here.any() and rows:
            continue
        together = None if groups is None else np.asarray(groups)[here]
        for method, given in maps.items():
            share, hit = shares(given, deciding)[here, 0], hits(given, deciding)[here, 0]
            face, face_chance = (values[here] for values in face_shares(given, masks, deciding))
            row = {"method": method, "pairs": kind}
            row["share"], row["low"], row["high"], _ = mean_interval(share, together)
            row["chance"] = mean_interval(chance[here], together)[0]
            row["face_share"], row["face_low"], row["face_high"], _ = mean_interval(face, together)
            row["face_chance"] = mean_interval(face_chance, together)[0]
            row["gain"], row["gain_low"], row["gain_high"], _ = mean_interval(face - face_chance, together)
            rows.append(row | hit_rate(hit, together) | {"pictures": int(here.sum())})
    table = pd.DataFrame(rows)
    order = table[table["pairs"] == "all"].set_index("method")["gain"].rank(ascending=False, method="first")
    return table.iloc[table["method"].map(order).argsort(kind="stable")].reset_index(drop=True)


def face_shares(maps, masks: np.ndarray, deciding: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The share of the deciding regions in the mass on brows, eyes, nose and mouth, and in their area; float (N,) each.

    NaN where there is no such mass.
    """
    face = np.any(masks[:, :-1], axis=1, keepdims=True)
    on_deciding, on_face = shares(maps, deciding)[:, 0], shares(maps, face)[:, 0]
    share = np.divide(on_deciding, on_face, out=np.full(len(face), np.nan), where=on_face > 0)
    return share, deciding.mean(axis=(1, 2, 3)) / face.mean(axis=(1, 2, 3))


def gains(maps, masks: np.ndarray, true: np.ndarray, rival: np.ndarray) -> np.ndarray:
    """``truth_table``'s gain of each picture, float (N,); NaN where the pair differs in no region or in all four."""
    deciding, count = deciding_masks(masks, np.asarray(true), np.asarray(rival))
    share, chance = face_shares(maps, masks, deciding)
    return np.where((count > 0) & (count < len(NAMES) - 1), share - chance, np.nan)
