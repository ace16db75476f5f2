"""RAF-DB, basic emotions (Li et al. 2017)."""

import reprlib
from pathlib import Path

from tqdm import tqdm

from fer_nb.data import places
from fer_nb.data.faceset import FER_CLASSES, FaceSet
from fer_nb.data.readers.frames import face_set, read_faces, text_lines

EMOTIONS = ("Surprise", "Fear", "Disgust", "Happy", "Sad", "Angry", "Neutral")  # labels 1 to 7


def read(folder: Path) -> FaceSet:
    """EmoLabel/list_patition_label.txt and Image/aligned/<name>_aligned.jpg (100x100), in the order of the list.

    The split is the owners', train and test; subjects are not known ("").
    """
    patterns = ["EmoLabel/list_patition_label.txt", "basic/EmoLabel/list_patition_label.txt"]
    expected = "EmoLabel/list_patition_label.txt and Image/aligned/*_aligned.jpg"
    text = places.find(folder, patterns, "RAF-DB", expected)
    aligned = text.parents[1] / "Image" / "aligned"
    found, lines = [], text_lines(text)
    for number, line in enumerate(tqdm(lines, "reading RAF-DB", mininterval=5), 1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2 or words[1] not in set("1234567") or not words[0].startswith(("train_", "test_")):
            raise ValueError(f"{text}: line {number}: {reprlib.repr(line)} is not <train_|test_ name> <label 1 to 7>")
        path = aligned / f"{Path(words[0]).stem}_aligned.jpg"
        if not path.is_file():
            raise FileNotFoundError(f"{text}: line {number}: no picture {path}; unpack Image/aligned.zip again")
        image = read_faces([path], str(path), cropped=True)[0]
        found.append((image, EMOTIONS[int(words[1]) - 1], words[0].split("_")[0], "", ""))
    return face_set(found, FER_CLASSES, text)
