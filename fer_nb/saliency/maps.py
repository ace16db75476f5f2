"""What every measure of a map uses: maps as checked arrays, the scaling to [0, 1], the rows of each expression."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

# Inputs float (N, 3, 44, 44) in [0, 1] and target int64 (N,) to maps float (N, 1, 44, 44) in [0, 1].
Attribution = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Make = Callable[[nn.Module], Attribution]  # lambda net: ScoreCAM(net, "stage5").attribute


def as_array(maps, *like) -> np.ndarray:
    """Maps (N, 1, H, W), array or tensor on any device, as float64 (N, H, W).

    Args:
        maps: finite values from 0 on.
        like: arrays or tensors whose first and last two sizes must be those of the maps.

    Raises:
        ValueError: another shape or size, a value that is negative or not finite.
    """
    maps = np.asarray(maps.detach().cpu() if torch.is_tensor(maps) else maps, dtype=np.float64)
    if maps.ndim != 4 or maps.shape[1] != 1:
        raise ValueError(f"maps are {maps.shape}: they must be (N, 1, height, width)")
    for other in like:
        if len(other) != len(maps) or tuple(other.shape[-2:]) != maps.shape[-2:]:
            size, wanted = f"{len(maps)} of {maps.shape[2]}x{maps.shape[3]}", "x".join(map(str, other.shape[-2:]))
            raise ValueError(f"maps are {size}, what they are compared with is {len(other)} of {wanted}: upsample them")
    if not np.isfinite(maps).all() or (maps < 0).any():
        raise ValueError("a map holds a negative value, NaN or infinity: maps are from 0 on")
    return maps[:, 0]


def rows_by_name(names: np.ndarray) -> dict[str, np.ndarray]:
    """bool (N,) for "all" and then for each of ``names``, str (N,), in the order in which they come."""
    names = np.asarray(names)
    return {"all": np.ones(len(names), bool)} | {name: names == name for name in dict.fromkeys(names.tolist())}


def unit(maps: torch.Tensor) -> torch.Tensor:
    """Each map of (N, 1, H, W), values from 0 on, divided by its largest value; a map of zeros stays."""
    highest = maps.amax((1, 2, 3), keepdim=True)
    return torch.where(highest > 0, maps / highest.clamp(min=torch.finfo(maps.dtype).tiny), maps)
