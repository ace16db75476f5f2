"""What a data set holds and what is wrong with it: counts, repeats, leaks between the splits, noise pictures."""

import cv2
import numpy as np
import pandas as pd

from fer_nb.data.datasets import digests
from fer_nb.data.faceset import FaceSet
from fer_nb.data.folds import FOLDS, position_fold, subject_fold
from fer_nb.intervals import wilson


def beside_thesis(ours: pd.DataFrame, thesis: dict[str, dict[str, int]]) -> pd.DataFrame:
    """datasets.distribution beside a table of thesis.py: rows "ours", "thesis" and "difference" for each split."""
    printed = pd.DataFrame(thesis).T.loc[ours.index, ours.columns]
    sources = {"ours": ours, "thesis": printed, "difference": ours - printed}
    rows = [(split, source) for split in ours.index for source in sources]
    return pd.concat(sources, names=["source", "split"]).swaplevel().loc[rows]


def differences_in_words(compared: pd.DataFrame) -> str:
    """Each cell of ``beside_thesis`` that differs, and whether the thesis's row then sums to its total."""
    ours, printed = compared.xs("ours", level="source"), compared.xs("thesis", level="source")
    cells = (ours != printed).stack()
    if not cells.any():
        return f"All {cells.size} cells equal the thesis's."
    found = []
    for split, name in cells.index[cells]:
        total, summed = printed.loc[split, "Total"], printed.loc[split].drop("Total").sum()
        misprint = (
            f" (a misprint: its row sums to {summed:,}, not to its total of {total:,})" if summed != total else ""
        )
        values = f"the thesis prints {printed.loc[split, name]:,}, counted {ours.loc[split, name]:,}"
        found.append(f"{name}, {split}: {values}{misprint}")
    return f"{cells.sum()} of {cells.size} cells differ. " + "; ".join(found) + "."


def samples(faces: FaceSet, per_class: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Up to ``per_class`` pictures of each class, uint8 (n, 48, 48), drawn by ``rng``, no two of one known subject."""
    drawn = {}
    for label, name in enumerate(faces.classes):
        order = rng.permutation(np.flatnonzero(faces.labels == label))
        subjects = np.where(faces.groups[order] == "", order.astype(str), faces.groups[order])
        once = np.sort(np.unique(subjects, return_index=True)[1])
        drawn[name] = faces.images[order[once[:per_class]]]
    return drawn


def identical(faces: FaceSet) -> np.ndarray:
    """A number for each group of byte-identical pictures, int64 (N,), counted from 0 in order of appearance."""
    return pd.factorize(digests(faces))[0]


def flat(faces: FaceSet) -> np.ndarray:
    """bool (N,): pictures of one colour, their grey levels no more than 3 apart (the noise of a JPEG file)."""
    return np.ptp(faces.images.reshape(len(faces), -1), axis=1) <= 3


def text_score(faces: FaceSet) -> np.ndarray:
    """float (N,) in [0, 1]: how much the top or bottom of a picture looks like lettering.

    The largest share of thin upright strokes (second difference along the row above 80 grey levels) in a window of
    7 x 25 pixels within the top or bottom 12 rows. A score to rank by: hats and drawings score high too.
    """
    scores = np.empty(len(faces))
    for i, image in enumerate(faces.images):
        strokes = np.abs(np.diff(image.astype(np.int16), n=2, axis=1)) > 80  # (48, 46)
        share = cv2.blur(strokes.astype(np.float32), (25, 7))[:, 12:-12]
        scores[i] = max(share[3:9].max(), share[-9:-3].max())
    return scores


def findings(faces: FaceSet) -> pd.DataFrame:
    """Repeats and leaks: columns finding, pictures, of (the pictures looked at), share (percent)."""
    group = identical(faces)
    labels = pd.Series(faces.labels).groupby(group).transform("nunique").to_numpy()
    rows = [
        ("byte-identical to an earlier picture", len(faces) - group.max() - 1, len(faces)),
        ("identical pictures that carry different labels", (labels > 1).sum(), len(faces)),
        ("one flat colour", flat(faces).sum(), len(faces)),
    ]
    for split, other in (("valid", "train"), ("test", "train"), ("test", "valid")):
        if faces.has_split(split) and faces.has_split(other):
            again = np.isin(group[faces.split == split], group[faces.split == other])
            rows.append((f"{split} picture that is in {other} too", again.sum(), len(again)))
    table = pd.DataFrame(rows, columns=["finding", "pictures", "of"])
    return table.assign(share=100 * table["pictures"] / table["of"])


def fold_leaks(faces: FaceSet) -> pd.DataFrame:
    """What train and test share in ten folds of CK+, and what a nearest-neighbour classifier makes of it.

    Columns split ("random", "thesis" or "subject"), fold, pictures (of test), shared_sequences and shared_subjects
    (percent of the test pictures whose sequence or subject is in train too), nearest_neighbour (percent of the test
    pictures whose nearest training picture, by Euclidean distance of pixels, has their class).
    """
    from sklearn.model_selection import StratifiedKFold
    from sklearn.neighbors import KNeighborsClassifier

    random = list(StratifiedKFold(len(FOLDS), shuffle=True, random_state=0).split(faces.labels, faces.labels))
    pixels = faces.images.reshape(len(faces), -1).astype(np.float32)
    rows = []
    for fold in FOLDS:
        by_position, by_subject = position_fold(faces, fold).split == "test", subject_fold(faces, fold).split == "test"
        at_random = np.isin(np.arange(len(faces)), random[fold - 1][1])
        for split, test in (("random", at_random), ("thesis", by_position), ("subject", by_subject)):
            neighbour = KNeighborsClassifier(1, algorithm="brute").fit(pixels[~test], faces.labels[~test])
            sequences = np.isin(faces.sequences[test], faces.sequences[~test]).mean()
            subjects = np.isin(faces.groups[test], faces.groups[~test]).mean()
            accuracy = neighbour.score(pixels[test], faces.labels[test])
            rows.append((split, fold, test.sum(), 100 * sequences, 100 * subjects, 100 * accuracy))
    columns = ["split", "fold", "pictures", "shared_sequences", "shared_subjects", "nearest_neighbour"]
    return pd.DataFrame(rows, columns=columns)


def agreement(faces: FaceSet, relabelled: FaceSet) -> pd.DataFrame:
    """Percent of the pictures of ``relabelled`` with the same label in ``faces``, per split, 95% Wilson interval.

    ``relabelled.rows`` are positions in ``faces``. Columns split, pictures, agree, low, high.
    """
    same, rows = faces.labels[relabelled.rows] == relabelled.labels, []
    for split in ("train", "valid", "test"):
        inside = same[relabelled.split == split]
        if len(inside):
            rows.append((split, len(inside), 100 * inside.mean(), *wilson(100 * inside.mean(), len(inside))))
    return pd.DataFrame(rows, columns=["split", "pictures", "agree", "low", "high"])


def vote_entropy(votes: pd.DataFrame) -> np.ndarray:
    """Entropy of each row of votes in bits, float (N,): 0 where all agree, 1 where two answers share the votes."""
    from scipy.stats import entropy

    return entropy(votes.to_numpy(dtype=float), base=2, axis=1)
