"""CK+ (Lucey et al. 2010): its 48x48 crops "CK+48", three frames near the apex of each sequence."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from fer_nb.data import places
from fer_nb.data.faceset import CK_CLASSES, FaceSet
from fer_nb.data.readers.picture_file import picture, pictures_in

# Folders in the order of the labels.
EMOTIONS = ("anger", "disgust", "fear", "happy", "sadness", "surprise", "contempt")
NAME = re.compile(r"(S\d{3})_(\d{3})_\d{8}\.png", re.IGNORECASE)
FRAMES = 3  # of each sequence


def find(home: Path) -> Path:
    """The folder CK+48 under the data folder."""
    return places.find(home, ["ck+/CK+48", "CK+48"], "CK+", "ck+/CK+48/<emotion>/*.png")


def files(folder: Path) -> list[Path]:
    """The pictures of CK+48, class after class in the order of the thesis's table 3-2, by name in each class."""
    found = [pictures_in(folder / emotion, (".png",)) for emotion in EMOTIONS]
    if missing := [emotion for emotion, of in zip(EMOTIONS, found, strict=True) if not of]:
        raise FileNotFoundError(
            f"{folder}: no CK+48 folder, {missing[0]}/*.png is missing; expected the folders {', '.join(EMOTIONS)}"
        )
    return [path for of in found for path in of]


def read(folder: Path) -> FaceSet:
    """``folder/<emotion>/S<subject>_<sequence>_<frame>.png`` in the order of ``files``, all of it "train".

    ``groups`` are the subjects ("S010"), ``sequences`` "S010_004". Raises FileNotFoundError where a class has no
    picture, ValueError for a picture of another size or name, and for a sequence in two classes or of more or fewer
    than three frames: folds by position would cut it.
    """
    found = files(Path(folder))
    names = []
    for path in found:
        if not (name := NAME.fullmatch(path.name)):
            raise ValueError(
                f"{path}: the name is not S<subject>_<sequence>_<frame>.png; name it S010_004_00000017.png"
            )
        names.append(name)
    _check_sequences(found, [f"{name[1]}_{name[2]}" for name in names])
    return FaceSet(
        images=np.stack([picture(path) for path in found]),
        labels=np.array([EMOTIONS.index(path.parent.name) for path in found], np.int64),
        classes=CK_CLASSES,
        split=np.full(len(found), "train"),
        groups=np.array([name[1] for name in names]),
        sequences=np.array([f"{name[1]}_{name[2]}" for name in names]),
        rows=np.arange(len(found)),
    )


def _check_sequences(found: list[Path], sequences: list[str]) -> None:
    """Raise ValueError, naming the sequence, where one is not three frames of one class."""
    table = pd.DataFrame({"sequence": sequences, "emotion": [path.parent.name for path in found]})
    folder = found[0].parents[1]
    for sequence, emotions in table.groupby("sequence", sort=False)["emotion"]:
        if emotions.nunique() > 1:
            raise ValueError(f"{folder}: sequence {sequence} is in {' and '.join(emotions.unique())}: keep it in one")
        if len(emotions) != FRAMES:
            raise ValueError(
                f"{folder}/{emotions.iloc[0]}: sequence {sequence} has {len(emotions)} frames, expected {FRAMES}: "
                "copy CK+48 again"
            )
