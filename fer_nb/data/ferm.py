"""FERm: FER2013 cleaned by the votes of FERPlus (thesis section 3.2, table 3-4).

Ten people labelled each picture of FER2013 again (Barsoum et al. 2016). The thesis keeps a picture where they agree
on an expression, and merges contempt into disgust. Pure functions: nothing is read or written here.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from fer_nb.data.faceset import FaceSet
from fer_nb.data.readers.ferplus import VOTES

REASONS = ("kept", "no majority", "unknown", "not a face")

# Label (position in faceset.FER_CLASSES) of each expression voted for; contempt counts as disgust.
LABELS = {
    "neutral": 6,
    "happiness": 3,
    "surprise": 5,
    "sadness": 4,
    "anger": 0,
    "disgust": 1,
    "fear": 2,
    "contempt": 1,
}


def clean(votes: pd.DataFrame) -> pd.DataFrame:
    """The FERm label of each picture, or why it has none.

    votes: the ten columns of ferplus.VOTES, counts of votes, one row a picture. Returns, with the same index, label
    (int64, -1 where dropped), kept (bool) and reason (one of REASONS). The rule: single votes are noise and count as
    0; one column must have more than half of the remaining votes ("no majority"); that column must be an expression
    ("unknown", "not a face"). Contempt becomes disgust only after the vote, so the two do not add up.
    """
    counts = counted(votes)
    winner = np.array(VOTES)[counts.argmax(axis=1)]
    majority = 2 * counts.max(axis=1, initial=0) > counts.sum(axis=1)
    reason = np.select(
        [~majority, winner == "unknown", winner == "NF"], ["no majority", "unknown", "not a face"], default="kept"
    )
    kept = reason == "kept"
    label = np.array([LABELS.get(name, -1) if keep else -1 for name, keep in zip(winner, kept, strict=True)], np.int64)
    return pd.DataFrame({"label": label, "kept": kept, "reason": reason}, index=votes.index)


def counted(votes: pd.DataFrame) -> np.ndarray:
    """int64 (N, 10): the votes, single votes as 0."""
    counts = votes[list(VOTES)].to_numpy(dtype=np.int64)
    return np.where(counts <= 1, 0, counts)


def shares(votes: pd.DataFrame) -> np.ndarray:
    """float32 (N, 7): the share of each label among the votes for expressions, single votes as 0; contempt is disgust.

    A picture that ``clean`` keeps has its largest share at its label; one without a vote for an expression has 0s.
    """
    counts = counted(votes)
    of_label = np.zeros((len(votes), max(LABELS.values()) + 1), np.float32)
    for name, label in LABELS.items():
        of_label[:, label] += counts[:, VOTES.index(name)]
    return of_label / np.maximum(of_label.sum(axis=1, keepdims=True), 1)


def build(fer2013: FaceSet, votes: pd.DataFrame) -> FaceSet:
    """FERm: the pictures of FER2013 that ``clean`` keeps, with the new labels; split and rows stay FER2013's.

    ``targets`` are the ``shares`` of the votes.

    votes: one row for each row of FER2013's CSV file, in its order. Raises ValueError where the numbers differ.
    """
    if len(votes) != len(fer2013):
        raise ValueError(f"{len(votes):,} rows of votes for {len(fer2013):,} pictures: join the files by row")
    table = clean(votes)
    kept = table["kept"].to_numpy()
    return replace(fer2013.subset(kept), labels=table["label"].to_numpy()[kept], targets=shares(votes)[kept])
