"""One picture file, read and checked."""

from pathlib import Path

import numpy as np

SIDE = 48  # pixels a side of every picture of a FaceSet


def pictures_in(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The files of a folder with one of ``suffixes`` (".png"), whatever its case, by name; hidden ones are passed over.

    Some systems leave hidden files (._name.png) beside the pictures.
    """
    there = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in there if path.suffix.lower() in suffixes and path.name[0] != ".")


def grey(path: Path) -> np.ndarray:
    """A picture file of any size as uint8 (H, W); ValueError where it is not readable.

    Of 16 bits a pixel the upper eight count, unless all values are those of eight bits.
    """
    import cv2  # a training run on pixels in a table does without

    data = np.frombuffer(path.read_bytes(), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH) if data.size else None
    if image is None:
        raise ValueError(f"{path}: not a readable picture; copy it again from the published data")
    if image.dtype == np.uint16:
        image = (image >> 8 if image.max() > 255 else image).astype(np.uint8)
    if image.dtype != np.uint8:
        raise ValueError(f"{path}: {image.dtype} pixels; save it with 8 or 16 bits a pixel")
    return image


def picture(path: Path) -> np.ndarray:
    """A picture file of 48x48 pixels as uint8 (48, 48), grey; ValueError for another size."""
    image = grey(path)
    if image.shape != (SIDE, SIDE):
        raise ValueError(f"{path}: {image.shape[1]}x{image.shape[0]} pixels, expected {SIDE}x{SIDE}; resize it")
    return image
