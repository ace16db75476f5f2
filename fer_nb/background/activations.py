"""Logistic function, tanh and ReLU (section 2.1, figures 2-6, 2-7): the thesis's formulas beside torch's autograd."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor


class Activation(NamedTuple):
    """A function of torch, and the thesis's formulas of it and of its derivative."""

    function: Callable[[Tensor], Tensor]
    formula: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor], Tensor]


def logistic(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


def tanh(x: Tensor) -> Tensor:
    return (torch.exp(x) - torch.exp(-x)) / (torch.exp(x) + torch.exp(-x))


ACTIVATIONS = {
    "logistic": Activation(torch.sigmoid, logistic, lambda x: logistic(x) * (1 - logistic(x))),
    "tanh": Activation(torch.tanh, tanh, lambda x: 1 - tanh(x) ** 2),
    "ReLU": Activation(torch.relu, lambda x: torch.where(x >= 0, x, 0), lambda x: (x > 0).to(x.dtype)),
}


def curves(name: str, limit: float = 6.0, points: int = 241) -> pd.DataFrame:
    """An activation and its derivative at ``points`` places from -``limit`` to ``limit``.

    Columns x, function and autograd (both of torch), formula and derivative (the thesis's), all in float64.
    """
    of = ACTIVATIONS[name]
    x = torch.linspace(-limit, limit, points, dtype=torch.float64, requires_grad=True)
    function = of.function(x)
    (autograd,) = torch.autograd.grad(function.sum(), x)
    columns = {"x": x, "function": function, "formula": of.formula(x)}
    columns |= {"autograd": autograd, "derivative": of.derivative(x)}
    return pd.DataFrame({key: value.detach().numpy() for key, value in columns.items()})


def agreement(curves_of: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """For each activation (``curves``) the largest difference between formula and torch, and the range of both."""
    rows = []
    for name, table in curves_of.items():
        for what, ours, torchs in (("function", "formula", "function"), ("derivative", "derivative", "autograd")):
            low, high = table[torchs].min(), table[torchs].max()
            rows.append((name, what, low, high, (table[ours] - table[torchs]).abs().max()))
    return pd.DataFrame(rows, columns=["activation", "of", "least", "largest", "largest_difference"])
