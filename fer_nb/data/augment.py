"""Whole batches of uint8 pictures to network input: random views for training, fixed crops for testing (section 3.2).

Every function takes a uint8 tensor (N, 48, 48) on any device and computes there; the crops refuse any other by a
ValueError. The thesis lists random crop, flip, rotation, brightness and contrast without their ranges: the defaults are
ours.
"""

import math

import numpy as np
import torch
from torch.nn import functional as F

from fer_nb.data.readers.picture_file import SIDE

CROP = 44  # side of the network's input in pixels
SIDES = range(24, 49)  # of a training view: the nets average over all places, so they take other sides too


def check_pictures(images) -> torch.Tensor:
    """``images``, an array or tensor, as a tensor.

    Raises ValueError where they are not uint8 (N, 48, 48), N from 1: a net would answer wrongly, or fail.
    """
    try:
        array = images if isinstance(images, torch.Tensor) else np.asarray(images)
    except ValueError as error:
        raise ValueError(f"pictures are no array: give uint8 (N, {SIDE}, {SIDE}), all of one size") from error
    if str(array.dtype).removeprefix("torch.") != "uint8" or array.shape[1:] != (SIDE, SIDE) or not len(array):
        found = f"{str(array.dtype).removeprefix('torch.')} {tuple(array.shape)}"
        raise ValueError(f"pictures are {found}: give grey ones of 0 to 255, uint8 (N, {SIDE}, {SIDE})")
    # torch takes no array that runs backwards
    return array if isinstance(array, torch.Tensor) else torch.from_numpy(np.ascontiguousarray(array))


def as_input(images: torch.Tensor) -> torch.Tensor:
    """uint8 (..., H, W) to float32 (..., 3, H, W) in [0, 1]: grey as three equal channels, not normalised."""
    return images.float().div(255).unsqueeze(-3).expand(*images.shape[:-2], 3, *images.shape[-2:])


def augment(
    images: torch.Tensor,
    generator: torch.Generator,
    rotation: float = 10.0,
    brightness: float = 0.2,
    contrast: float = 0.2,
    random_crop: bool = True,
    flip: bool = True,
    side: int = CROP,
) -> torch.Tensor:
    """A random view of each picture, every picture with its own random numbers.

    Args:
        images: uint8 (N, 48, 48).
        generator: torch.Generator on the same device.
        rotation: largest angle in degrees, either way.
        brightness: largest addition, as a share of the range.
        contrast: largest change of the contrast about the picture's mean, as a share.
        random_crop: each window at a place of its own, else in the middle.
        flip: mirror half of the views.
        side: of the view in pixels; the window is scaled to it as it is rotated, so a small view costs less.

    Returns:
        float32 (N, 3, side, side) in [0, 1]: a 44x44 window at one of the 5 x 5 positions, mirrored with probability
        1/2, rotated about its middle, scaled to ``side``, then contrast and brightness changed and clamped. What is
        off or 0 draws its random numbers all the same: the others stay as they are.
    """
    n, height, width = images.shape
    uniform = torch.rand(6, n, generator=generator, device=images.device)
    angle = (uniform[0] * 2 - 1) * math.radians(rotation)
    mirror = torch.where((uniform[1] < 0.5) & flip, -1.0, 1.0)
    place = uniform[2:4] if random_crop else torch.full_like(uniform[2:4], 0.5)
    left, top = (place[0] * (width - CROP + 1)).floor(), (place[1] * (height - CROP + 1)).floor()
    # the window's middle in affine_grid's coordinates, -1 to 1
    x, y = (left + CROP / 2 - width / 2) / (width / 2), (top + CROP / 2 - height / 2) / (height / 2)

    cos, sin = angle.cos() * CROP / width, angle.sin() * CROP / height
    rows = (cos * mirror, -sin, x, sin * mirror, cos, y)
    theta = torch.stack(rows, dim=1).view(n, 2, 3)
    grid = F.affine_grid(theta, [n, 1, side, side], align_corners=False)
    pictures = images.float().div(255).unsqueeze(1)
    views = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)  # (N, 1, side, side)

    gain = 1 + (uniform[4] * 2 - 1).view(n, 1, 1, 1) * contrast
    bias = (uniform[5] * 2 - 1).view(n, 1, 1, 1) * brightness
    mean = views.mean((2, 3), keepdim=True)
    views = ((views - mean) * gain + mean + bias).clamp(0, 1)
    return views.expand(n, 3, side, side)


def center_crop(images: torch.Tensor) -> torch.Tensor:
    """uint8 (N, 48, 48) to float32 (N, 3, 44, 44) in [0, 1]: the middle 44x44."""
    images = check_pictures(images)
    top, left = ((side - CROP) // 2 for side in images.shape[-2:])
    return as_input(images[:, top : top + CROP, left : left + CROP])


def ten_crop(images: torch.Tensor) -> torch.Tensor:
    """uint8 (N, 48, 48) to float32 (N, 10, 3, 44, 44) in [0, 1]: four corners, middle, and the five mirrored.

    The order is torchvision's: top left, top right, bottom left, bottom right, middle.
    """
    images = check_pictures(images)
    bottom, right = (side - CROP for side in images.shape[-2:])
    corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2)]
    mirrored = images.flip(-1)
    crops = [x[:, top : top + CROP, left : left + CROP] for x in (images, mirrored) for top, left in corners]
    # torchvision mirrors the picture and then crops the same five places, as here.
    return as_input(torch.stack(crops, dim=1))


def erase(views: torch.Tensor, generator: torch.Generator, probability: float) -> torch.Tensor:
    """Cover a box of some views with noise (random erasing: Zhong et al. 2020), each view with its own box.

    Args:
        views: float (N, 3, S, S), three equal channels.
        generator: torch.Generator on the same device.
        probability: share of the views that are covered in part. The box takes 2% to 33% of the view and is at most
            3.3 times as high as wide, or as wide as high: the ranges of the paper.

    Returns:
        float (N, 3, S, S), three equal channels; the noise is uniform in [0, 1].
    """
    n, _, side, _ = views.shape
    uniform = torch.rand(3, n, generator=generator, device=views.device)
    ratio = ((uniform[1] * 2 - 1) * math.log(3.3)).exp()
    covered = boxes(0.02 + 0.31 * uniform[0], ratio, side, generator)
    covered &= (uniform[2] < probability).view(n, 1, 1, 1)
    noise = torch.rand(n, 1, side, side, generator=generator, device=views.device)
    return torch.where(covered, noise, views[:, :1]).expand_as(views)


def mixup(views, targets, generator, alpha):
    """Each view and its target blended with those of another one of the batch (Zhang et al. 2018).

    Args:
        views: float (N, 3, S, S), three equal channels.
        targets: float (N, classes), a distribution each.
        generator: torch.Generator on the same device.
        alpha: shares are drawn from Beta(alpha, alpha), one per view; the larger share stays with the view itself.

    Returns:
        (views, targets), shaped as given.
    """
    share = beta(len(views), alpha, generator)
    share = torch.maximum(share, 1 - share)
    blended = others(views[:, :1]).lerp(views[:, :1], share.view(-1, 1, 1, 1))
    return blended.expand_as(views), others(targets).lerp(targets, share.view(-1, 1))


def cutmix(views, targets, generator, alpha):
    """A square box of each view taken from another one of the batch, targets by area (Yun et al. 2019).

    Arguments and result are those of ``mixup``; the box takes at most half of the view.
    """
    share = beta(len(views), alpha, generator)
    inside = boxes(torch.minimum(share, 1 - share), torch.ones_like(share), views.shape[-1], generator)
    taken = inside.float().mean((2, 3))  # (N, 1): what rounding to whole pixels left of the share
    mixed = torch.where(inside, others(views[:, :1]), views[:, :1])
    return mixed.expand_as(views), targets.lerp(others(targets), taken)


def others(batch: torch.Tensor) -> torch.Tensor:
    """The neighbour of each element: batches are shuffled, so it is any other one."""
    return batch.roll(1, 0)


def beta(count: int, alpha: float, generator: torch.Generator) -> torch.Tensor:
    """float (count,) from Beta(alpha, alpha). torch's public Beta takes no generator; this is what it draws from."""
    concentration = torch.full((count, 2), float(alpha), device=generator.device)
    return torch._sample_dirichlet(concentration, generator)[:, 0]


def boxes(area, ratio, side, generator):
    """A box in each of N squares: bool (N, 1, side, side), true inside.

    Args:
        area: float (N,), share of the square; the box keeps inside the square, so a long one may take less.
        ratio: float (N,), height by width.
        side: of the square, in pixels.
        generator: draws the places.
    """
    size = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()])  # (2, N): height, width
    size = (size * side).round().clamp(max=side)
    start = (torch.rand(size.shape, generator=generator, device=size.device) * (side - size + 1)).floor()
    place = torch.arange(side, device=size.device)
    along = (place >= start[..., None]) & (place < (start + size)[..., None])  # (2, N, side)
    return (along[0][:, :, None] & along[1][:, None, :]).unsqueeze(1)
