"""A clip in one picture by approximate rank pooling (Bilen et al. 2016, "Dynamic image networks", section 2).

The parameters of a ranking machine that orders the running means of the frames describe the motion. To first order they
are a weighted sum of the frames, whose weights depend on the number of frames alone.
"""

import numpy as np
from numpy.typing import ArrayLike

from fer_nb.names import refuse_unknown

KINDS = ("rank", "linear", "leaky")
FLAT = 128  # grey of the picture of a clip in which nothing moves


def coefficients(T: int, kind: str = "rank") -> np.ndarray:
    """The weight of each of ``T`` frames, float64 (T,).

    "rank": alpha_t = sum over i = t..T of (2i - T - 1) / i, Bilen et al.'s equation 3 in another form; the running mean
    is in it. "linear": 2t - T - 1, without the running mean. Both sum to 0, so what all frames share drops out.
    "leaky": sum of (2i - T) / i, as in widespread code, for comparison: its weights sum to T, so the face shows. Raises
    ValueError for fewer than two frames, which have no order, or another kind.
    """
    if T < 2:
        raise ValueError(f"{T} frame(s) have no order: a dynamic image needs two or more")
    refuse_unknown("coefficients", [kind], KINDS)
    i = np.arange(1, T + 1)
    if kind == "linear":
        return (2 * i - T - 1).astype(np.float64)
    terms = (2 * i - T - (kind == "rank")) / i
    return np.cumsum(terms[::-1])[::-1]


def dynamic_image(frames: ArrayLike, kind: str = "rank") -> np.ndarray:
    """One picture uint8 (H, W) or (H, W, 3) of a clip (T, H, W) or (T, H, W, 3), frames in the order of time.

    The weighted sum is scaled by its minimum and maximum, common to all channels, to 0..255; a clip in which nothing
    moves gives FLAT all over. Raises ValueError for one frame, frames of different sizes, another number of dimensions,
    values that are not finite, or an unknown kind.
    """
    sizes = {np.shape(frame) for frame in frames}
    if len(sizes) > 1:
        raise ValueError(f"frames of different sizes, {sorted(sizes)}: cut every frame out the same way")
    frames = np.asarray(frames, np.float32)
    if frames.ndim not in (3, 4) or (frames.ndim == 4 and frames.shape[-1] != 3):
        raise ValueError(f"frames {frames.shape}: give (T, H, W) or (T, H, W, 3)")
    if not np.isfinite(frames).all():
        raise ValueError("frames hold values that are not finite: give grey values 0..255")
    weights = coefficients(len(frames), kind).astype(np.float32)
    if kind != "leaky":
        frames = frames - frames[0]  # the weights sum to 0: nothing changes, but a still clip is exactly 0
    pooled = np.tensordot(weights, frames, axes=1)
    low, high = pooled.min(), pooled.max()
    if low == high:
        return np.full(pooled.shape, FLAT, np.uint8)
    return np.rint((pooled - low) * (255 / (high - low))).astype(np.uint8)
