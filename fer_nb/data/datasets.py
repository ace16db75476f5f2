"""FER2013, FERm and CK+ as one FaceSet each, whatever file they come in.

FER2013: Goodfellow et al. 2013; FERPlus: Barsoum et al. 2016; CK+: Lucey et al. 2010 (48x48 crops "CK+48").
The splits are those of the thesis, section 3.2.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from fer_nb import paths
from fer_nb.data import cache, ferm
from fer_nb.data.faceset import CK_CLASSES, FER_CLASSES, FaceSet
from fer_nb.data.readers import parse

FOLDS = range(1, 11)
NAMES = ("fer2013", "ferm", "ckplus", *(f"ckplus-{kind}{k}" for kind in ("fold", "subject") for k in FOLDS))


def root(data: str) -> Path:
    """The folder of the data: ``"real"`` (FER_NB_DATA, or data/) or ``"synthetic"`` (drawn on first use)."""
    if data == "real":
        return paths.DATA
    if data != "synthetic":
        raise ValueError(f'unknown data {data!r}: choose "real" or "synthetic"')
    folder = paths.RUNS / "synthetic"
    if not folder.is_dir():
        from fer_nb.drawing import synthetic

        synthetic.write(folder)
    return folder


def _present(folder: Path, candidates: list[str], what: str, expected: str) -> Path:
    """The first of ``candidates`` that stands under ``folder``."""
    for candidate in candidates:
        if (folder / candidate).exists():
            return folder / candidate
    raise FileNotFoundError(
        f"{folder}: no {what} here; expected {expected} (README: real data; the variable FER_NB_DATA names the folder)"
    )


def _fer2013(folder: Path) -> Path:
    """FER2013's CSV file under ``folder`` in any of its forms, or the folder of its picture folders."""
    stems, suffixes = ("fer2013.csv", "icml_face_data.csv"), ("", ".xz", ".gz", ".zip")
    files = [f"{stem}{suffix}" for stem in stems for suffix in suffixes]
    places = [f"fer2013/{file}" for file in files] + files + ["fer2013/train", "fer2013/Training", "train", "Training"]
    expected = "fer2013/fer2013.csv (or that as .xz, .gz, .zip, or icml_face_data.csv, or train/<emotion>/*.jpg)"
    found = _present(folder, places, "FER2013", expected)
    return found.parent if found.is_dir() else found


def sources(name: str, data: str = "synthetic") -> list[Path]:
    """The files that ``load(name, data)`` reads (for CK+, the folder), in the order in which it reads them."""
    if name not in NAMES:
        from fer_nb.data import emonas_sets

        return emonas_sets.sources(name, data)
    folder = root(data)
    if name.startswith("ckplus"):
        return [_present(folder, ["ck+/CK+48", "CK+48"], "CK+", "ck+/CK+48/<emotion>/*.png")]
    fer2013 = _fer2013(folder)
    if name == "fer2013":
        return [fer2013]
    if fer2013.is_dir():
        raise FileNotFoundError(f"{fer2013}: FERm joins FERPlus by the rows of fer2013.csv, picture folders have none")
    votes = _present(folder, ["ferplus/fer2013new.csv", "fer2013new.csv"], "FERPlus", "ferplus/fer2013new.csv")
    return [fer2013, votes]


def checksums(name: str, data: str = "synthetic") -> dict[str, str]:
    """SHA-256 of each of ``sources``, by its path under ``root(data)``."""
    found, home = {path: cache.digest(path) for path in sources(name, data)}, root(data)
    # the drawn clips stand beside the drawn faces
    place = {path: home if path.is_relative_to(home) else home.parent for path in found}
    return {path.relative_to(place[path]).as_posix(): digest for path, digest in found.items()}


def load(name: str, data: str = "synthetic") -> FaceSet:
    """A data set by name, from the files under ``root(data)``.

    ``fer2013``, ``ferm`` (ferm.build): Training, PublicTest and PrivateTest are "train", "valid" and "test".
    ``ckplus`` is all of CK+ as "train". ``ckplus-fold1`` to ``-fold10`` are the thesis's folds by position (its own
    results are fold 1), ``ckplus-subject1`` to ``-subject10`` folds that share no subject: the fold is "test", the
    rest "train". Other names are those of ``emonas_sets``. Raises ValueError for an unknown name,
    FileNotFoundError where the files are missing.
    """
    if name not in NAMES:
        from fer_nb.data import emonas_sets

        return emonas_sets.load(name, data)
    source, *votes = sources(name, data)
    if not name.startswith("ckplus"):
        faces = load_fer2013(source)
        return ferm.build(faces, load_votes(votes[0], faces)) if votes else faces
    faces = load_ckplus(source)
    if "fold" in name:
        return position_fold(faces, int(name.removeprefix("ckplus-fold")))
    if "subject" in name:
        return subject_fold(faces, int(name.removeprefix("ckplus-subject")))
    return faces


def load_fer2013(path: Path) -> FaceSet:
    """FER2013 from its CSV file or picture folders (forms: parse.fer2013, parse.fer2013_folder), through the cache.

    From picture folders ``rows`` are positions in the sorted list of files, and a "test" folder whose file names do
    not tell PublicTest from PrivateTest is all "test": there is no "valid" side then.
    """
    path = Path(path)
    found = cache.cached("fer2013", path, parse.fer2013_folder if path.is_dir() else parse.fer2013)
    unknown = np.full(len(found["labels"]), "")
    return FaceSet(
        **found, classes=FER_CLASSES, groups=unknown, sequences=unknown, rows=np.arange(len(unknown), dtype=np.int64)
    )


def load_votes(path: Path, faces: FaceSet | None = None) -> pd.DataFrame:
    """FERPlus's votes: the ten columns of parse.VOTES, int64, index the row of FER2013's CSV file from 0.

    Where FER2013's ``faces`` are given, row count and Usage must agree with theirs: the two files are joined by row
    (FERPlus's image names are empty in places and occur twice in others).
    """
    path = Path(path)
    table = parse.ferplus(path)
    if faces is not None:
        remedy = "take fer2013new.csv and fer2013.csv as published, rows in their order"
        if len(table) != len(faces):
            raise ValueError(f"{path}: {len(table):,} rows, but FER2013 has {len(faces):,}; {remedy}")
        published = pd.Series(faces.split).map({side: usage for usage, side in parse.USAGE.items()})
        other = table["Usage"].str.strip() != published
        if other.any():
            row = other.idxmax()
            found = f"Usage is {table['Usage'][row]!r}, FER2013 has {published[row]!r}"
            raise ValueError(f"{path}: data row {row + 1}: {found}; {remedy}")
    return table[list(parse.VOTES)]


def load_ckplus(folder: Path) -> FaceSet:
    """CK+48 from ``folder/<emotion>/*.png``, class after class in the thesis's order, all of it "train"."""
    found = parse.ckplus(Path(folder))
    return FaceSet(
        images=found["images"],
        labels=found["labels"],
        classes=CK_CLASSES,
        split=np.full(len(found["labels"]), "train"),
        groups=found["subjects"],
        sequences=found["sequences"],
        rows=np.arange(len(found["labels"])),
    )


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
    """Fold 1 to 10 by subject: no subject stands on both sides, classes spread as evenly as that allows."""
    from sklearn.model_selection import StratifiedGroupKFold

    subjects = len(set(faces.groups))
    if subjects < len(FOLDS):
        raise ValueError(f"{subjects} subjects: ten folds by subject need at least {len(FOLDS)}; bring all of CK+48")
    splitter = StratifiedGroupKFold(len(FOLDS), shuffle=True, random_state=0)
    folds = [test for _, test in splitter.split(faces.labels, faces.labels, faces.groups)]
    split = np.full(len(faces), "train")
    split[folds[fold - 1]] = "test"
    return replace(faces, split=split)


def repeated(faces: FaceSet) -> np.ndarray:
    """bool (N,): the pictures outside "train" that stand byte for byte in "train" too."""
    train = {image.tobytes() for image in faces.of_split("train").images}
    return np.array([image.tobytes() in train for image in faces.images], bool) & (faces.split != "train")


def without_repeats(faces: FaceSet) -> FaceSet:
    """``faces`` less the pictures of "train" that stand byte for byte outside "train" too."""
    held_out = {image.tobytes() for image in faces.images[faces.split != "train"]}
    again = np.array([image.tobytes() in held_out for image in faces.images], bool) & (faces.split == "train")
    return faces.subset(~again)


def distribution(faces: FaceSet) -> pd.DataFrame:
    """Pictures per side and class as in tables 3-2 to 3-4: index "split", an int column per class, then "Total"."""
    sides = [side for side in ("train", "valid", "test") if faces.has_split(side)]
    rows = [np.bincount(faces.of_split(side).labels, minlength=len(faces.classes)) for side in sides]
    table = pd.DataFrame(rows, index=pd.Index(sides, name="split"), columns=list(faces.classes))
    return table.assign(Total=table.sum(axis=1))
