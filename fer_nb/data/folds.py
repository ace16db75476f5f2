"""Which pictures are held out: ten folds by position or by subject, and one subject at a time."""

from dataclasses import replace

import numpy as np

from fer_nb.data.faceset import FaceSet

FOLDS = range(1, 11)


def fold_sizes(counts: np.ndarray) -> np.ndarray:
    """Pictures of each class in one fold by position: about a tenth of each class, in whole 3-frame sequences.

    A tenth of all sequences is shared out by the largest-remainder method, equal remainders to the smaller class,
    and at least one sequence to each class; for CK+48 this gives table 3-2's 12, 18, 9, 21, 9, 24, 6.
    """
    sequences = counts // 3
    sizes = sequences // 10
    order = np.lexsort((counts, -(sequences % 10)))
    sizes[order[: (sequences.sum() + 5) // 10 - sizes.sum()]] += 1
    return 3 * np.maximum(sizes, sequences > 0)


def position_fold(faces: FaceSet, fold: int) -> FaceSet:
    """The thesis's fold 1 to 10: pictures (fold-1)*n to fold*n-1 of each class as "test", n by ``fold_sizes``.

    Fold 10 takes the last n, and so does a fold that would run over the end of its class (fold 9 of Fear).
    """
    counts = np.bincount(faces.labels, minlength=len(faces.classes))
    sizes = fold_sizes(counts)
    starts = np.minimum((fold - 1) * sizes, counts - sizes) if fold < 10 else counts - sizes
    place = np.arange(len(faces)) - (np.cumsum(counts) - counts)[faces.labels]  # position inside the class
    held = (place >= starts[faces.labels]) & (place < (starts + sizes)[faces.labels])
    return replace(faces, split=np.where(held, "test", "train"))


def subject_fold(faces: FaceSet, fold: int) -> FaceSet:
    """Fold 1 to 10 by subject: no subject is in "train" and "test", classes spread as evenly as that allows.

    Raises ValueError for fewer than ten subjects.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    subjects = len(set(faces.groups))
    if subjects < len(FOLDS):
        raise ValueError(f"{subjects} subjects: ten folds by subject need at least {len(FOLDS)}; bring the whole set")
    splitter = StratifiedGroupKFold(len(FOLDS), shuffle=True, random_state=0)
    folds = [test for _, test in splitter.split(faces.labels, faces.labels, faces.groups)]
    split = np.full(len(faces), "train")
    split[folds[fold - 1]] = "test"
    return replace(faces, split=split)


def leave_one_subject_out(faces: FaceSet, k: int) -> FaceSet:
    """``faces`` with the subject ``k`` (from 1, in sorted order) as "test" and all others as "train".

    Raises ValueError for a ``k`` that is not there, and where a class would have nothing to train on: the subject
    held out is the only one who shows it, as in a set of subjects with one class only.
    """
    subjects = sorted(set(faces.groups.tolist()))
    if not 1 <= k <= len(subjects):
        raise ValueError(f"subject {k}: there are {len(subjects)} subjects, numbered from 1 in sorted order")
    held = faces.groups == subjects[k - 1]
    missing = sorted(set(range(len(faces.classes))) - set(faces.labels[~held].tolist()))
    if missing:
        names = ", ".join(faces.classes[label] for label in missing)
        raise ValueError(
            f"without subject {subjects[k - 1]!r} there is no clip of class {names} to train on: "
            "bring more subjects, or leave the class out"
        )
    return replace(faces, split=np.where(held, "test", "train"))
