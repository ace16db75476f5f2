"""ISED (Happy et al. 2017)."""

import reprlib
from pathlib import Path

import numpy as np
from tqdm import tqdm

from fer_nb.data import places
from fer_nb.data.faceset import FaceSet
from fer_nb.data.readers.frames import face_set, read_faces

EMOTIONS = ("Happy", "Surprise", "Sad", "Disgust")  # labels 1 to 4


def read(folder: Path) -> FaceSet:
    """ISED_details.mat and peakImages/<participant>_<clip>_<frame>.jpg, four classes, all "train".

    Of the table's columns 1 (participant), 3 (clip), 4 (peak frame) and 7 (1 happiness, 2 surprise, 3 sadness,
    4 disgust) are read, as the owners' readme numbers them; the face is found in each picture.
    """
    from scipy.io import loadmat

    folder = Path(folder)
    file = places.find(folder, ["ISED_details.mat"], "ISED", "ISED_details.mat and peakImages/*.jpg")
    try:
        content = loadmat(file)
    except Exception as error:  # NotImplementedError for MATLAB 7.3's format; a damaged file raises errors of any type
        raise ValueError(f"{file}: not readable; copy it again, or save it in MATLAB with -v7") from error
    tables = [value for name, value in content.items() if name[0] != "_" and np.ndim(value) == 2]
    table = next((value for value in tables if value.shape[1] >= 7), None)
    if table is None:
        raise ValueError(f"{file}: no table of at least 7 columns in it; copy it again from the published data")
    found = []
    for number, row in enumerate(tqdm(table, "reading ISED", mininterval=5), 1):
        participant, clip, frame, label = (_cell(row[column]) for column in (0, 2, 3, 6))
        if label not in tuple("1234"):
            raise ValueError(
                f"{file}: row {number}: unknown emotion {reprlib.repr(label)}; the owners' labels are 1 to 4"
            )
        path = folder / "peakImages" / f"{participant}_{clip}_{frame}.jpg"
        if not path.is_file():
            raise FileNotFoundError(f"{file}: row {number}: no picture {path}; unpack peakImages.zip again")
        image = read_faces([path], str(path), cropped=False)[0]
        found.append((image, EMOTIONS[int(label) - 1], "train", participant, f"{participant}_{clip}"))
    return face_set(found, ("Disgust", "Happy", "Sad", "Surprise"), file)


def _cell(value) -> str:
    """A cell of a MATLAB table as text, 26.0 as "26", "" where it is empty."""
    value = np.asarray(value).ravel()
    return "" if not value.size else f"{value[0]:g}" if np.issubdtype(value.dtype, np.number) else str(value[0])
