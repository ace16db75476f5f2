"""OULU-CASIA (Zhao et al. 2011): visible light, strong illumination."""

from pathlib import Path

from tqdm import tqdm

from fer_nb.data import places
from fer_nb.data.faceset import FER_CLASSES, FaceSet
from fer_nb.data.readers.frames import FOLDERS, face_set, pictures, read_faces

TAKEN = 3  # frames of each sequence


def read(folder: Path) -> FaceSet:
    """PreProcess Img/VL_Acropped/Strong/P001/Anger/000.jpeg (cropped faces) or OriginalImg/VL/Strong/... (raw).

    Six classes, all "train". A sequence ends at its apex: its last TAKEN frames count.
    """
    patterns = ["*/VL_Acropped/Strong", "VL_Acropped/Strong", "*/VL/Strong", "VL/Strong"]
    root = places.find(folder, patterns, "OULU-CASIA", "PreProcess Img/VL_Acropped/Strong or OriginalImg/VL/Strong")
    found = []
    for subject in tqdm(sorted(root.glob("P*")), "reading OULU-CASIA", mininterval=5):
        for sequence in sorted(path for path in subject.iterdir() if path.is_dir()):
            if sequence.name.lower() not in FOLDERS:
                raise ValueError(f"{sequence}: unknown emotion {sequence.name!r}; expected {', '.join(FOLDERS)}")
            files = pictures(sequence)[-TAKEN:]
            if len(files) < TAKEN:
                raise ValueError(f"{sequence}: {len(files)} pictures, fewer than {TAKEN}; copy the sequence again")
            images = read_faces(files, str(sequence), cropped=root.parent.name == "VL_Acropped")
            name = f"{subject.name}/{sequence.name}"
            found += [(image, FOLDERS[sequence.name.lower()], "train", subject.name, name) for image in images]
    return face_set(found, FER_CLASSES[:6], root)
