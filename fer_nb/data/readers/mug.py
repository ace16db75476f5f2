"""MUG (Aifanti et al. 2010)."""

from pathlib import Path

from tqdm import tqdm

from fer_nb.data import places
from fer_nb.data.faceset import FER_CLASSES, FaceSet
from fer_nb.data.readers.frames import FOLDERS, face_set, pictures, read_faces

TAKEN = 3  # frames of each take


def read(folder: Path) -> FaceSet:
    """subjects3/<subject>/.../<emotion>/take<number>/*.jpg, seven classes, all "train".

    A take runs from neutral over the apex back to neutral: the TAKEN frames in its middle count, and the face is found
    in the first of them. Folders of mixed material (no <emotion> of FOLDERS) are ignored.
    """
    root = places.find(folder, ["subjects3"], "MUG", "subjects3/<subject>/<emotion>/take<number>/*.jpg")
    takes = sorted(path for path in root.rglob("take*") if path.is_dir() and path.parent.name in FOLDERS)
    found = []
    for take in tqdm(takes, "reading MUG", mininterval=5):
        files = pictures(take)
        if len(files) < TAKEN:
            raise ValueError(f"{take}: {len(files)} pictures, fewer than {TAKEN}; copy the take again")
        start = (len(files) - TAKEN) // 2
        images = read_faces(files[start : start + TAKEN], str(take), cropped=False)
        name = take.relative_to(root)
        found += [(image, FOLDERS[take.parent.name], "train", name.parts[0], name.as_posix()) for image in images]
    return face_set(found, FER_CLASSES, root)
