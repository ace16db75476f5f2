"""A linear support vector machine on hand-made features: fitted, and its predictions on the test pictures."""

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.svm import LinearSVC

from fer_nb.data.faceset import FaceSet

PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)  # C, of which one is chosen; a smaller one regularises more


def choices(faces: FaceSet) -> list[tuple[np.ndarray, np.ndarray]]:
    """Positions to fit on, and others to choose C by, none of them of the test split.

    "train" and "valid"; where there is no "valid", three parts of "train" that share no subject, each held out in turn.
    """
    train = np.flatnonzero(faces.split == "train")
    if faces.has_split("valid"):
        return [(train, np.flatnonzero(faces.split == "valid"))]
    groups = np.where(faces.groups == "", np.arange(len(faces)).astype(str), faces.groups)  # unknown: each its own
    parts = GroupKFold(3).split(train, groups=groups[train])
    return [(train[fitted], train[held]) for fitted, held in parts]


def fit(features: np.ndarray, faces: FaceSet) -> LinearSVC:
    """A machine (one class against the rest) fitted on "train". ``features``: float (N, values) of the N pictures.

    C grows through ``PENALTIES`` as long as the accuracy on what is held out (``choices``, mean) does not fall.
    """
    held_out, best, reached = choices(faces), PENALTIES[0], 0.0
    for penalty in PENALTIES:
        found = cross_val_score(_machine(penalty), features, faces.labels, cv=held_out).mean()
        if found < reached:
            break  # larger ones take the longest, and overfit more
        if found > reached:
            best, reached = penalty, found
    train = faces.split == "train"
    return _machine(best).fit(features[train], faces.labels[train])


def _machine(penalty: float) -> LinearSVC:
    return LinearSVC(C=penalty, dual="auto", max_iter=10_000, random_state=0)


def predictions(machine: LinearSVC, features: np.ndarray, faces: FaceSet) -> pd.DataFrame:
    """The test pictures as ``finished.read_predictions`` gives them: columns row, label, predicted (class names)."""
    test, names = faces.split == "test", np.array(faces.classes)
    found = names[machine.predict(features[test])]
    return pd.DataFrame({"row": faces.rows[test], "label": names[faces.labels[test]], "predicted": found})
