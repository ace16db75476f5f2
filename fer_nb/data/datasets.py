"""The data sets by name, each read to one FaceSet.

The thesis's: FER2013, FERm (labels by the votes of FERPlus) and CK+, split as in its section 3.2. Other names are those
of ``emonas_sets``: a run on the thesis's sets does not depend on it, nor on the readers that it alone imports.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from fer_nb.data import cache, ferm, places
from fer_nb.data.faceset import FaceSet
from fer_nb.data.folds import FOLDS, position_fold, subject_fold
from fer_nb.data.places import root
from fer_nb.data.readers import ckplus, fer2013, ferplus
from fer_nb.names import suggestion

NAMES = ("fer2013", "ferm", "ckplus", *(f"ckplus-{kind}{k}" for kind in ("fold", "subject") for k in FOLDS))


def _read_ferm(pictures: Path, votes: Path) -> FaceSet:
    faces = fer2013.read(pictures)
    return ferm.build(faces, ferplus.votes_on(faces, votes))


# Of the files that ``sources`` gives.
READERS: dict[str, Callable[..., FaceSet]] = {"fer2013": fer2013.read, "ferm": _read_ferm, "ckplus": ckplus.read}


def sources(name: str, data: str = "synthetic") -> list[Path]:
    """The files that ``load(name, data)`` reads (of CK+ and of other sets: folders), in the order of reading."""
    if name not in NAMES:
        return _other_sets(name).sources(name, data)
    home = root(data)
    if name.startswith("ckplus"):
        return [ckplus.find(home)]
    pictures = fer2013.find(home)
    if name == "fer2013":
        return [pictures]
    if pictures.is_dir():
        raise FileNotFoundError(f"{pictures}: FERm joins FERPlus by the rows of fer2013.csv, picture folders have none")
    return [pictures, ferplus.find(home)]


def _other_sets(name: str) -> ModuleType:
    """The module of the other sets; ValueError for a name that is not there either."""
    from fer_nb.data import emonas_sets

    if not emonas_sets.knows(name):
        names = (*NAMES, *emonas_sets.NAMES)
        same = [known for known in names if known.partition("-")[0] == name.partition("-")[0]]
        known = same or [known for known in names if "-" not in known]
        raise ValueError(f"unknown data set {name!r}: {suggestion(name.lower(), known)}")
    return emonas_sets


def checksums(name: str, data: str = "synthetic") -> dict[str, str]:
    """SHA-256 of each of ``sources`` by its path in the data folder; of a folder, of the files in it that are read."""
    found = {}
    for path in sources(name, data):
        files = None
        if path.is_dir() and name.startswith(("fer2013", "ckplus")):  # of other sets, every file counts
            files = (fer2013 if name == "fer2013" else ckplus).files(path)
        found[places.within(data, path)] = cache.digest(path, files)
    return found


def load(name: str, data: str = "synthetic") -> FaceSet:
    """A data set by name, from the files under ``root(data)``.

    ``fer2013``, ``ferm`` (ferm.build): Training, PublicTest and PrivateTest are "train", "valid" and "test".
    ``ckplus`` is all of CK+ as "train". ``ckplus-fold1`` to ``-fold10`` are the thesis's folds by position (its own
    results are fold 1), ``ckplus-subject1`` to ``-subject10`` folds that share no subject: the fold is "test", the
    rest "train". Other names are those of ``emonas_sets``. Raises ValueError for an unknown name, FileNotFoundError
    where the files are missing.
    """
    if name not in NAMES:
        return _other_sets(name).load(name, data)
    base, _, fold = name.partition("-")
    faces = READERS[base](*sources(name, data))
    if fold.startswith("fold"):
        return position_fold(faces, int(fold.removeprefix("fold")))
    return subject_fold(faces, int(fold.removeprefix("subject"))) if fold else faces


def digests(faces: FaceSet) -> np.ndarray:
    """The SHA-256 of each picture, bytes (N,): pictures are compared by it without a second copy of all of them."""
    found = np.empty(len(faces), object)
    found[:] = [hashlib.sha256(np.ascontiguousarray(image)).digest() for image in faces.images]
    return found


def repeated(faces: FaceSet) -> np.ndarray:
    """bool (N,): the pictures outside "train" that are byte for byte in "train" too."""
    return _on_both_sides(faces) & (faces.split != "train")


def without_repeats(faces: FaceSet) -> FaceSet:
    """``faces`` without the pictures of "train" that are byte for byte in another split too."""
    return faces.subset(~_on_both_sides(faces) | (faces.split != "train"))


def _on_both_sides(faces: FaceSet) -> np.ndarray:
    """bool (N,): the pictures that are byte for byte both in "train" and outside it."""
    pictures, train = digests(faces), faces.split == "train"
    both = set(pictures[train]) & set(pictures[~train])
    return np.array([picture in both for picture in pictures], bool)


def distribution(faces: FaceSet) -> pd.DataFrame:
    """Pictures per split and class as in tables 3-2 to 3-4: index "split", an int column per class, then "Total"."""
    splits = [split for split in ("train", "valid", "test") if faces.has_split(split)]
    rows = [np.bincount(faces.of_split(split).labels, minlength=len(faces.classes)) for split in splits]
    table = pd.DataFrame(rows, index=pd.Index(splits, name="split"), columns=list(faces.classes))
    return table.assign(Total=table.sum(axis=1))
