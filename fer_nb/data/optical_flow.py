"""A clip in one picture by the optical flow from its onset to its apex, what most work on micro-expressions takes in.

A net here sees one grey channel, mirrored at random in training. So the picture is the vertical motion alone: mirroring
a face keeps it, while it turns the horizontal one round. Lips' corners and brows rise and fall by expression.
"""

import numpy as np

from fer_nb.names import refuse_unknown

STILL = 128  # grey where nothing moves; brighter is downwards
# Farneback's: each level of the pyramid half as large, levels, window in pixels (faces have 48), iterations, pixels and
# deviation of the polynomials, no flags.
FARNEBACK = (0.5, 3, 9, 5, 5, 1.1, 0)
METHODS = ("farneback", "tvl1")


def flow(first: np.ndarray, second: np.ndarray, method: str) -> np.ndarray:
    """How far each pixel of ``first`` moves to its place in ``second``: float32 (2, H, W), x then y, in pixels.

    Args:
        first, second: uint8 (H, W).
        method: "farneback" (Farneback 2003, OpenCV), or "tvl1" (Zach, Pock and Bischof 2007, scikit-image).

    Raises ValueError for another method, or pictures of different sizes.
    """
    refuse_unknown("optical flow", [method], METHODS)
    if first.shape != second.shape:
        raise ValueError(f"pictures {first.shape} and {second.shape}: cut both out the same way")
    if method == "farneback":
        import cv2  # not needed to train a net on other pictures

        found = cv2.calcOpticalFlowFarneback(first, second, np.zeros((*first.shape, 2), np.float32), *FARNEBACK)
        return found.transpose(2, 0, 1)
    from skimage.registration import optical_flow_tvl1

    down, right = optical_flow_tvl1(first / 255, second / 255)
    return np.stack([right, down]).astype(np.float32)


def flow_picture(first: np.ndarray, second: np.ndarray, method: str) -> np.ndarray:
    """The vertical ``flow`` as a picture uint8 (H, W): STILL at rest, 0 or 255 where it is the largest.

    The median over the picture is taken off first: it is the motion of the head. Arguments and errors as ``flow``.
    """
    down = flow(first, second, method)[1]
    down = down - np.median(down)
    largest = np.abs(down).max()
    if largest == 0:
        return np.full(down.shape, STILL, np.uint8)
    return np.clip(np.rint(STILL + 127 * down / largest), 0, 255).astype(np.uint8)
