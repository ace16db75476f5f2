"""One picture file, read and checked."""

import os
import tempfile
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
    """A picture file of any size as uint8 (H, W); 16 bits a pixel as ``eight_bits`` reads them.

    Raises ValueError where it is not readable, or a JPEG file with damaged data.
    """
    import cv2  # a training run on pixels in a table does without

    image, complaint = decoded(path.read_bytes(), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
    if image is None or complaint:
        what = f"damaged ({complaint})" if complaint else "not a readable picture"
        raise ValueError(f"{path}: {what}; copy it again from the published data")
    if image.dtype == np.uint16:
        image = eight_bits(image)
    if image.dtype != np.uint8:
        raise ValueError(f"{path}: {image.dtype} pixels; save it with 8 or 16 bits a pixel")
    return image


def decoded(content: bytes, flags: int) -> tuple[np.ndarray | None, str]:
    """The picture that ``cv2.imdecode`` makes of a file's content, None where it makes none; and a complaint, or "".

    Of a JPEG file with damaged data libjpeg makes a picture, grey or smeared from there on, and says so on the
    process's standard error alone: that is where it is read.
    """
    if not content:
        return None, ""
    data = np.frombuffer(content, np.uint8)
    if not content.startswith(b"\xff\xd8"):
        return _imdecode(data, flags), ""
    with tempfile.TemporaryFile() as log:
        kept = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            image = _imdecode(data, flags)
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        log.seek(0)
        lines = log.read().decode(errors="replace").splitlines()
    return image, next((line for line in lines if line.startswith(("Corrupt JPEG", "Premature end of JPEG"))), "")


def _imdecode(data: np.ndarray, flags: int) -> np.ndarray | None:
    import cv2

    try:
        return cv2.imdecode(data, flags)
    except cv2.error:  # more pixels than OpenCV takes
        return None


def eight_bits(image: np.ndarray) -> np.ndarray:
    """The pixels of a file of 16 bits as uint8, by their largest value.

    Up to 255 they are eight bits already, up to 4,095 twelve bits, as cameras for measuring and medicine write them:
    these are stretched to the whole range. Others are 16 bits.
    """
    largest = image.max(initial=0)
    top = 255 if largest < 256 else 4095 if largest < 4096 else 65535
    return (image / np.float32(top / 255)).round().astype(np.uint8)


def picture(path: Path) -> np.ndarray:
    """A picture file of 48x48 pixels as uint8 (48, 48), grey; ValueError for another size."""
    image = grey(path)
    if image.shape != (SIDE, SIDE):
        raise ValueError(f"{path}: {image.shape[1]}x{image.shape[0]} pixels, expected {SIDE}x{SIDE}; resize it")
    return image
