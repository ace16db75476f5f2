"""One picture file, read and checked."""

from pathlib import Path

import numpy as np

SIDE = 48  # pixels a side of every picture of a FaceSet


def grey(path: Path) -> np.ndarray:
    """A picture file of any size as uint8 (H, W); ValueError where it is not readable."""
    import cv2  # a training run on pixels in a table does without

    data = np.frombuffer(path.read_bytes(), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    if image is None:
        raise ValueError(f"{path}: not a readable picture; copy it again from the published data")
    return image


def picture(path: Path) -> np.ndarray:
    """A picture file of 48x48 pixels as uint8 (48, 48), grey; ValueError for another size."""
    image = grey(path)
    if image.shape != (SIDE, SIDE):
        raise ValueError(f"{path}: {image.shape[1]}x{image.shape[0]} pixels, expected {SIDE}x{SIDE}; resize it")
    return image
