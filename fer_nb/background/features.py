"""Features designed by hand, section 2.2.4: histograms of oriented gradients (HOG) and local binary patterns (LBP)."""

import numpy as np
from numpy.typing import ArrayLike
from skimage.feature import hog, local_binary_pattern
from tqdm import tqdm

from fer_nb.names import refuse_unknown

# The settings of figure 2-14. A block is 2x2 cells, so 12x12 pixels, and the next one begins a cell further.
HOG_CELL, HOG_BINS = 6, 9  # pixels, directions
LBP_CELL = 8  # pixels: a histogram for each of 6x6 cells
LBP_PATTERNS = 59  # of 8 neighbours: 58 uniform ones, and all others together


def hog_blocks(image: np.ndarray) -> np.ndarray:
    """HOG of a grey picture by Dalal and Triggs (CVPR 2005), section 2.2.4: float (rows, columns, 2, 2, 9).

    ``image``: uint8 (H, W). The steps are the thesis's: gamma correction (square root), gradients by differences of the
    neighbours, a histogram of their directions over 0 to 180 degrees in each cell, weighted by magnitude, and blocks of
    four cells divided by their length. 48x48 pixels have 7x7 blocks: 1,764 values.
    """
    shape = {"pixels_per_cell": (HOG_CELL, HOG_CELL), "cells_per_block": (2, 2)}
    return hog(image, HOG_BINS, **shape, block_norm="L2", transform_sqrt=True, feature_vector=False)


def hog_cells(blocks: np.ndarray) -> np.ndarray:
    """Each cell's histogram, float (rows + 1, columns + 1, 9): the mean over the blocks that it is in."""
    rows, columns = blocks.shape[0] + 1, blocks.shape[1] + 1
    total, times = np.zeros((rows, columns, blocks.shape[-1])), np.zeros((rows, columns, 1))
    for down in (0, 1):
        for right in (0, 1):
            place = slice(down, rows - 1 + down), slice(right, columns - 1 + right)
            total[place] += blocks[:, :, down, right]
            times[place] += 1
    return total / times


def gradients(image: np.ndarray) -> np.ndarray:
    """The magnitude of the grey levels' gradient, float (H, W), by the differences of section 2.2.4; 0 at the edge."""
    grey, slopes = image.astype(float), np.zeros((2, *image.shape))
    slopes[0, :, 1:-1] = grey[:, 2:] - grey[:, :-2]
    slopes[1, 1:-1] = grey[2:] - grey[:-2]
    return np.hypot(*slopes)


def lbp_histograms(image: np.ndarray) -> np.ndarray:
    """Uniform LBP of a grey picture by Ahonen, Hadid and Pietikainen (PAMI 2006): float (rows, columns, 59).

    ``image``: uint8 (H, W). In each cell the histogram of the patterns of its pixels (which of the 8 neighbours is not
    darker), as the square root of the shares: so two cells are compared by the Hellinger distance.
    """
    patterns = local_binary_pattern(image, P=8, R=1, method="nri_uniform").astype(int)
    rows, columns = (side // LBP_CELL for side in image.shape)
    inside = patterns[: rows * LBP_CELL, : columns * LBP_CELL]
    down, right = np.indices(inside.shape) // LBP_CELL
    bins = (down * columns + right) * LBP_PATTERNS + inside
    counts = np.bincount(bins.ravel(), minlength=rows * columns * LBP_PATTERNS)
    return np.sqrt(counts.reshape(rows, columns, LBP_PATTERNS) / LBP_CELL**2)


DESCRIPTORS = {"HOG": hog_blocks, "LBP": lbp_histograms}


def describe(images: ArrayLike, descriptor: str, progress: bool = True) -> np.ndarray:
    """The features of pictures uint8 (N, H, W), float32 (N, values), by a ``descriptor`` of ``DESCRIPTORS``.

    Raises ValueError for another one.
    """
    refuse_unknown("descriptor", [descriptor], DESCRIPTORS)
    bar = tqdm(images, descriptor, mininterval=5, leave=False, disable=not progress)
    return np.stack([DESCRIPTORS[descriptor](image).ravel() for image in bar]).astype(np.float32)
