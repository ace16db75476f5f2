"""What each row of the drawn FER2013 and FERPlus says: true expression, label, votes, repeats, non-faces."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fer_nb.drawing.expressions import STRENGTH

# FER2013's classes in the order of their codes, and their shares; disgust (1.5% there) is kept learnable.
FER_SHARES = {
    "Angry": 0.135, "Disgust": 0.045, "Fear": 0.135, "Happy": 0.245, "Sad": 0.165, "Surprise": 0.11, "Neutral": 0.165,
}  # fmt: skip
USAGE_SHARES = {"Training": 0.8, "PublicTest": 0.1, "PrivateTest": 0.1}

# FERPlus's vote columns, and the one for each expression.
VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
COLUMN = {
    "Angry": "anger", "Disgust": "disgust", "Fear": "fear", "Happy": "happiness", "Sad": "sadness",
    "Surprise": "surprise", "Neutral": "neutral", "Contempt": "contempt",
}  # fmt: skip
ANNOTATORS = 10

# What FER2013 suffers from, as shares of its pictures; NON_FACE is FERPlus's.
WRONG_LABEL = 0.24
REPEATED = {"Training": 0.045, "PublicTest": 0.08, "PrivateTest": 0.08}  # byte for byte one of Training's
RELABELLED = 0.04  # repeats whose label is another one
NON_FACE = 0.005

# What an expression is taken for, by people as by whoever labelled FER2013.
MISTAKEN = {
    "Angry": {"Neutral": 0.4, "Disgust": 0.3, "Sad": 0.15, "Fear": 0.1, "Contempt": 0.05},
    "Disgust": {"Angry": 0.6, "Sad": 0.2, "Contempt": 0.1, "Neutral": 0.1},
    "Fear": {"Surprise": 0.5, "Sad": 0.25, "Angry": 0.1, "Neutral": 0.15},
    "Happy": {"Neutral": 0.7, "Contempt": 0.1, "Surprise": 0.2},
    "Sad": {"Neutral": 0.65, "Fear": 0.15, "Angry": 0.1, "Disgust": 0.1},
    "Surprise": {"Fear": 0.55, "Happy": 0.2, "Neutral": 0.25},
    "Neutral": {"Sad": 0.55, "Contempt": 0.15, "Happy": 0.15, "Angry": 0.15},
    "Contempt": {"Neutral": 0.6, "Happy": 0.25, "Disgust": 0.15},
}


def annotate(expression: str, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Ten annotators' votes, int64 (10,) in the order of VOTES, for a face; "" is a non-face.

    The weaker the expression, the more of them say neutral, or what it is mistaken for.
    """
    if not expression:
        return np.where(np.array(VOTES) == "NF", ANNOTATORS, 0)
    clear = 0.92 if expression == "Neutral" else 0.95 * strength**2 / (strength**2 + 0.35**2)
    chances = dict.fromkeys(VOTES, 0.003) | {"unknown": 0.06}
    chances[COLUMN[expression]] += clear
    chances["neutral"] += 0.7 * (1 - clear)
    for other, share in MISTAKEN[expression].items():
        chances[COLUMN[other]] += (0.3 * (1 - clear) + 0.16) * share
    shares = np.array(list(chances.values()))
    return rng.multinomial(ANNOTATORS, shares / shares.sum())


def apportion(total: int, shares: ArrayLike, least: int = 0) -> np.ndarray:
    """``total`` in whole parts by ``shares`` (largest remainder), none below ``least``; int64."""
    shares = np.asarray(shares, float)
    low = np.zeros(len(shares), bool)  # the parts that would be below the least, and are raised to it
    while True:
        wanted = np.where(low, least, (total - least * low.sum()) * shares / shares[~low].sum())
        if not (wanted < least - 1e-9).any():
            break
        low |= wanted < least - 1e-9
    parts = np.floor(wanted + 1e-9).astype(np.int64)
    parts[np.argsort(parts - wanted, kind="stable")[: total - parts.sum()]] += 1
    return parts


def plan(faces: int, seed: int) -> list[dict]:
    """What each row of FER2013 shows: usage, label, expression, strength, and the row that it repeats."""
    rng = np.random.default_rng([seed, 0])
    rows: list[dict[str, Any]] = []
    names = list(FER_SHARES)
    held_out = apportion(faces, list(USAGE_SHARES.values()))[1:].min()  # as many PublicTest as PrivateTest rows
    for usage, count in zip(USAGE_SHARES, (faces - 2 * held_out, held_out, held_out), strict=True):
        labels = np.repeat(np.arange(len(names)), apportion(count, list(FER_SHARES.values())))
        for label in rng.permutation(labels):
            others = MISTAKEN[names[label]]
            wrong = rng.random() < WRONG_LABEL
            expression = str(rng.choice(list(others), p=list(others.values()))) if wrong else names[label]
            strength = float(rng.beta(*STRENGTH)) * (expression != "Neutral")
            rows.append({"usage": usage, "label": int(label), "expression": expression, "strength": strength})
    for kind, row in enumerate(rng.choice(faces, max(4, round(NON_FACE * faces)), replace=False)):
        rows[row].update(expression="", strength=0.0, kind=kind)
    originals = {label: [] for label in range(len(names))}  # rows of Training that may be repeated, by label
    for number, row in enumerate(rows):
        if not row["expression"]:
            continue
        label = row["label"] if rng.random() > RELABELLED else int(rng.integers(len(names)))
        if originals[label] and rng.random() < REPEATED[row["usage"]]:
            source = int(rng.choice(originals[label]))
            row.update(repeats=source, expression=rows[source]["expression"], strength=rows[source]["strength"])
        elif row["usage"] == "Training":
            originals[row["label"]].append(number)
    return rows
