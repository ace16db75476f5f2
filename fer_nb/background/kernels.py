"""A photograph through the kernels of figure 2-3: edges, sharpening, Gaussian blur."""

import cv2
import numpy as np
import torch
from torch.nn import functional

_BELL = cv2.getGaussianKernel(9, sigma=2)

KERNELS = {
    "edges": np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], float),
    "sharpened": np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], float),
    "blurred": _BELL @ _BELL.T,
}


def through(picture: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """A grey picture (H, W) through a convolution layer with the weights ``kernel`` (odd, odd): float64 (H, W).

    The layer computes the cross-correlation, which for a symmetric kernel is the convolution. The border is mirrored.
    """
    down, right = (side // 2 for side in kernel.shape)
    maps = torch.from_numpy(picture.astype(float))[None, None]
    padded = functional.pad(maps, (right, right, down, down), mode="reflect")
    return functional.conv2d(padded, torch.from_numpy(kernel)[None, None])[0, 0].numpy()
