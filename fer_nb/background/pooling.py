"""Pooling by the formulas of section 2.1 (figure 2-4): L_p, mixed and stochastic, in windows that do not overlap."""

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional


def windows(maps: Tensor, size: int = 2) -> Tensor:
    """The values of each window: (N, C, H, W) -> (N, C, H / size, W / size, size * size).

    Rows and columns that fill no window are left out, as in torch's pooling.
    """
    return maps.unfold(2, size, size).unfold(3, size, size).flatten(-2)


def lp_pool(maps: Tensor, p: float, size: int = 2) -> Tensor:
    """L_p pooling: the root (sum of a^p)^(1/p) of the values ``a`` of each window, which must not be negative.

    The maximum for p to infinity; for p = 1 the sum, which is the mean times the number of values in a window.
    """
    values = _not_negative(windows(maps, size))
    largest = values.amax(-1, keepdim=True).clamp(min=torch.finfo(values.dtype).tiny)
    # Divided by the largest first: a^p alone leaves the range of floats.
    return largest.squeeze(-1) * (values / largest).pow(p).sum(-1).pow(1 / p)


def mixed_pool(maps: Tensor, generator: torch.Generator, size: int = 2) -> Tensor:
    """Mixed pooling: the maximum or the mean of each window, by a coin that is tossed for it."""
    values = windows(maps, size)
    heads = torch.randint(2, values.shape[:-1], generator=generator, dtype=torch.bool)
    return torch.where(heads, values.amax(-1), values.mean(-1))


def stochastic_pool(maps: Tensor, generator: torch.Generator, size: int = 2) -> Tensor:
    """Stochastic pooling (Zeiler and Fergus, ICLR 2013): a value of each window, as often as it is large.

    Value i is drawn with probability a_i / (sum of a). No value may be negative; a window of zeros gives 0.
    """
    values = _not_negative(windows(maps, size))
    weights = torch.where(values.sum(-1, keepdim=True) > 0, values, 1.0)
    drawn = torch.multinomial(weights.flatten(0, -2), 1, generator=generator)
    return values.gather(-1, drawn.reshape(*values.shape[:-1], 1)).squeeze(-1)


def _not_negative(values: Tensor) -> Tensor:
    if (values < 0).any():
        raise ValueError("a map has a negative value: L_p and stochastic pooling are for what follows a ReLU")
    return values


def agreement(maps: Tensor, generator: torch.Generator, draws: int = 10_000) -> pd.DataFrame:
    """Each kind of pooling of ``maps`` beside what it must be: torch's pooling, its limit, or the mean of its draws.

    Columns pooling, beside and largest_difference (over the windows); ``draws`` of mixed and stochastic pooling.
    """
    many, values = maps.expand(draws, *maps.shape[1:]), windows(maps)
    mean, largest = functional.avg_pool2d(maps, 2), functional.max_pool2d(maps, 2)
    mixed, stochastic = (pool(many, generator).mean(0, keepdim=True) for pool in (mixed_pool, stochastic_pool))
    rows = [
        ("L_1", "torch's average pooling", lp_pool(maps, 1) - mean),
        ("L_1", "4 times torch's average pooling", lp_pool(maps, 1) - 4 * mean),
        ("L_2", "torch's L_2 pooling", lp_pool(maps, 2) - functional.lp_pool2d(maps, 2, 2)),
        ("L_1000", "torch's maximum pooling", lp_pool(maps, 1000) - largest),
        (f"mixed, mean of {draws:,} draws", "midway between average and maximum", mixed - (mean + largest) / 2),
        (f"stochastic, mean of {draws:,} draws", "sum of p a", stochastic - (values**2).sum(-1) / values.sum(-1)),
    ]
    columns = ["pooling", "beside", "largest_difference"]
    return pd.DataFrame([(name, beside, float(gap.abs().max())) for name, beside, gap in rows], columns=columns)
