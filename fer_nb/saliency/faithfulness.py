"""Does a map show what the net's answer rests on? Deletion and insertion, average drop, infidelity, sensitivity.

- Deletion, insertion: V. Petsiuk, A. Das, K. Saenko, "RISE", BMVC 2018, who delete to zeros and insert into a blurred
  picture. Here each is measured with both backgrounds: MP itself deletes with blur, Score-CAM's masks with black.
- Average drop, increase in confidence: A. Chattopadhay et al., "Grad-CAM++", WACV 2018.
- Infidelity, sensitivity: C.-K. Yeh et al., NeurIPS 2019, as captum.metrics computes them.

All of them use the probability of the target class. Inputs are float (N, 3, 44, 44) in [0, 1] on the device of the net,
which is in evaluation mode; target is int64 (N,); maps are (N, 1, 44, 44), from 0 on.
"""

import functools
import hashlib
from typing import Any

import captum.metrics
import pandas as pd
import torch
from torch import nn
from torchvision.transforms.functional import gaussian_blur
from tqdm import tqdm

from fer_nb.intervals import mean_interval, share_interval
from fer_nb.names import refuse_unknown
from fer_nb.nets.folding import FastNet
from fer_nb.saliency.maps import Attribution, as_array

BLUR = 5.0  # standard deviation in pixels of the picture that replaces what is deleted: no face is left in it
SQUARE = 11  # width in pixels of the squares that infidelity blackens

BACKGROUNDS = ("blur", "black")  # what deleted pixels show
# Metric -> kind and background of its ``curves``.
EROSIONS = {f"{kind}, {shown}": (kind, shown) for kind in ("deletion", "insertion") for shown in BACKGROUNDS}

BETTER = {
    # Area under the class's probability while the most important pixels are deleted first.
    "deletion, blur": "lower",
    "deletion, black": "lower",
    # Area under it while the most important pixels are put back first.
    "insertion, blur": "higher",
    "insertion, black": "higher",
    "average drop": "lower",  # percent of the probability lost when the picture is multiplied by the map
    "increase": "higher",  # percent of pictures whose probability rises when multiplied by the map
    "infidelity": "lower",  # captum's: squared error of the change that the map predicts for black squares
    "sensitivity": "lower",  # captum's: largest relative change of the map under noise of at most 0.02
}


@torch.no_grad()
def probabilities(model: nn.Module | FastNet, inputs: torch.Tensor, precision="auto", chunk=64) -> torch.Tensor:
    """Probability of each class, float32 (N, C) on the inputs' device; ``chunk`` pictures at a time.

    ``precision``: as for FastNet; a FastNet computes in its own.

    Raises ValueError where the net is in training mode.
    """
    net = model if isinstance(model, FastNet) else frozen(model, precision)
    return torch.cat([net(batch).float().softmax(1) for batch in inputs.split(chunk)])


def frozen(model: nn.Module, precision: str) -> FastNet:
    """The net's fast copy; raises ValueError where the net is in training mode."""
    if model.training:
        raise ValueError("the net is in training mode: call model.eval() first")
    return FastNet(model, precision)


def probability(model: nn.Module | FastNet, inputs, target, precision="auto", chunk=64) -> torch.Tensor:
    """Probability of each picture's target class, float32 (N,); see ``probabilities``."""
    return probabilities(model, inputs, precision, chunk).gather(1, target[:, None])[:, 0]


def blurred(inputs: torch.Tensor) -> torch.Tensor:
    """The pictures blurred until no face is left, in the same shape."""
    size = 2 * int(4 * BLUR) + 1
    return gaussian_blur(inputs, [size, size], [BLUR, BLUR])


def curves(
    model: nn.Module, inputs, target, maps, kind: str, background: str, steps: int = 22, precision="auto", seed: int = 0
) -> torch.Tensor:
    """Probability of the target class while pixels are deleted, or inserted, most important first.

    Args:
        kind: "deletion", from the picture to the background, or "insertion", the other way.
        background: "blur" (the picture, blurred until no face is left) or "black".
        steps: in how many equal steps.
        seed: of the random order of equal pixels, so that no corner of the picture comes first.

    Returns:
        float32 tensor (N, steps + 1): after 0, 1/steps, ... 1 of the pixels.

    Raises ValueError for another kind or background.
    """
    if kind not in ("deletion", "insertion"):
        raise ValueError(f'kind is {kind!r}: choose "deletion" or "insertion"')
    refuse_unknown("background", [background], BACKGROUNDS)
    values = torch.as_tensor(as_array(maps, inputs)).flatten(1)  # float64: the noise below only breaks ties
    noise = torch.rand(values.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    rank = (values + 1e-9 * noise).argsort(descending=True).argsort()
    rank = rank.view(len(inputs), 1, *inputs.shape[-2:]).to(inputs.device)
    first, last = inputs, blurred(inputs) if background == "blur" else torch.zeros_like(inputs)
    if kind == "insertion":
        first, last = last, first
    counts = [round(step * rank[0].numel() / steps) for step in range(steps + 1)]
    net = frozen(model, precision)
    found = [
        probability(net, torch.where(rank < count, last, first), target)
        for count in tqdm(counts, kind, leave=False, mininterval=5)
    ]
    return torch.stack(found, dim=1)


def area(curve: torch.Tensor) -> torch.Tensor:
    """Area under each curve (N, steps + 1) over 0 to 1, by the trapezoid rule; float (N,)."""
    return torch.trapezoid(curve, dx=1 / (curve.shape[1] - 1), dim=1)


def masked(model: nn.Module, inputs, target, maps, precision="auto") -> tuple[torch.Tensor, torch.Tensor]:
    """Probability of the picture (N,) and of the picture multiplied by its map (N,)."""
    values = torch.as_tensor(as_array(maps, inputs), dtype=inputs.dtype, device=inputs.device)[:, None]
    net = frozen(model, precision)
    return tuple(probability(net, shown, target) for shown in (inputs, inputs * values))


def loss_without(model: nn.Module, inputs, target, region, precision="auto") -> torch.Tensor:
    """Loss of probability of the target class when a region is blurred, float32 (N,); needs no map.

    ``region``: bool (N, 44, 44), array or tensor.
    """
    region = torch.as_tensor(region, device=inputs.device)[:, None]
    without = torch.where(region, blurred(inputs), inputs)
    net = frozen(model, precision)
    before, after = (probability(net, shown, target) for shown in (inputs, without))
    return before - after


def infidelity(
    model: nn.Module, inputs, target, maps: dict[str, Any], samples: int = 50, chunk: int = 64, seed: int = 0
) -> dict[str, torch.Tensor]:
    """captum's infidelity per picture, float (N,), of each method's maps: for black squares of 11x11 pixels anywhere.

    The map is scaled for each picture so that it predicts the change best (captum's ``normalize``), because a map has
    no unit; the change is that of the class's probability. Every map, the gradient's too, is judged as one of
    contributions: it predicts the sum of its values in the square, whatever the picture shows there. All methods get
    the same squares, so that the net reads each picture once and not once per method.
    """
    net, answers = frozen(model, "float32"), {}

    def forward(pictures, wanted):
        key = hashlib.sha256(pictures.cpu().numpy().tobytes() + wanted.cpu().numpy().tobytes()).digest()
        if key not in answers:
            answers[key] = probability(net, pictures, wanted, chunk=chunk)
        return answers[key]

    found = {}
    for name, one in maps.items():
        values = torch.as_tensor(as_array(one, inputs), dtype=inputs.dtype, device=inputs.device)[:, None]
        squares = functools.partial(_blacken, generator=torch.Generator().manual_seed(seed))
        parts = []
        for batch, wanted, attributed in zip(*(part.split(chunk) for part in (inputs, target, values)), strict=True):
            # The class goes to captum as an argument of the forward: the probability is that of one class.
            most = min(4 * chunk, samples * len(batch))  # captum warns of other numbers
            options = {"n_perturb_samples": samples, "max_examples_per_batch": most, "normalize": True}
            given = forward, squares, batch, attributed.expand_as(batch).contiguous()
            parts.append(captum.metrics.infidelity(*given, additional_forward_args=wanted, **options))
        found[name] = torch.cat(parts)
    return found


def _blacken(pictures: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """A random square of each picture (N, 3, H, W) as 1 among 0, and the pictures with that square black."""
    height, width = pictures.shape[-2:]
    top, left = (
        torch.randint(side - SQUARE + 1, (len(pictures), 1), generator=generator).to(pictures.device)
        for side in (height, width)
    )
    y, x = (torch.arange(side, device=pictures.device) for side in (height, width))
    rows, columns = (y >= top) & (y < top + SQUARE), (x >= left) & (x < left + SQUARE)
    square = (rows[:, None, :, None] & columns[:, None, None, :]).to(pictures).expand_as(pictures)
    return square, pictures * (1 - square)


def sensitivity(
    attribution: Attribution, inputs, target, radius=0.02, samples: int = 5, chunk: int = 64, seed: int = 0
) -> torch.Tensor:
    """captum's sensitivity_max per picture, float (N,): how far the map moves under uniform noise up to ``radius``.

    The noise is the same in the three channels, and the picture stays in [0, 1]. The attribution gets at most ``chunk``
    pictures at a time.
    """
    generator = torch.Generator().manual_seed(seed)

    def shake(pictures):
        shape = (len(pictures), 1, *pictures.shape[-2:])
        noise = (2 * torch.rand(shape, generator=generator) - 1) * radius
        return (pictures + noise.to(pictures)).clamp(0, 1)

    def explain(pictures, target):
        with torch.enable_grad():  # captum disables the gradient, which some methods need
            if isinstance(pictures, tuple):  # as captum gives the first ones, and then wants a tuple back
                return (attribution(pictures[0], target),)
            return attribution(pictures, target)

    found = []
    for batch, wanted in zip(inputs.split(chunk), target.split(chunk), strict=True):
        most = min(max(chunk, len(batch)), samples * len(batch))  # captum warns of other numbers
        options = {"perturb_func": shake, "n_perturb_samples": samples, "max_examples_per_batch": most}
        found.append(captum.metrics.sensitivity_max(explain, batch, **options, target=wanted))
    return torch.cat(found)


def measure(
    model: nn.Module, inputs, target, maps: dict, erosion: dict, samples: int = 50, precision="auto", seed: int = 0
) -> dict[str, pd.DataFrame]:
    """Every metric that needs only maps: for each method a table of one row per picture.

    Args:
        maps: method -> maps. erosion: method -> each of ``EROSIONS`` -> ``curves`` of its maps. samples: black squares
            per picture for infidelity.

    Returns:
        Method -> DataFrame: each of ``EROSIONS``, average drop, increase, infidelity (``BETTER`` says what each is).
    """
    unfaithful, tables = infidelity(model, inputs, target, maps, samples, seed=seed), {}
    for name, one in maps.items():
        columns = {metric: area(erosion[name][metric]) for metric in EROSIONS}
        before, after = masked(model, inputs, target, one, precision)
        columns["average drop"] = 100 * ((before - after) / before.clamp(min=1e-12)).clamp(min=0)
        columns["increase"] = 100 * (after > before).float()
        columns["infidelity"] = unfaithful[name]
        tables[name] = pd.DataFrame({metric: column.cpu().numpy() for metric, column in columns.items()})
    return tables


def faithfulness_table(measured: dict[str, pd.DataFrame], groups=None) -> pd.DataFrame:
    """The means of ``measure`` per method.

    Args:
        measured: method -> a table of one row per picture, with any columns of ``BETTER`` (the caller adds
            "sensitivity"). groups: pictures that count as one (see intervals.mean_interval).

    Returns:
        DataFrame: metric, better ("lower" or "higher"), method, mean, low, high (t interval; Wilson for increase),
        pictures; the best method of each metric first.
    """
    rows = []
    for metric, better in BETTER.items():
        found: list[dict[str, Any]] = []
        for method, table in measured.items():
            if metric in table:
                interval = share_interval if metric == "increase" else mean_interval  # a share of pictures, or a mean
                mean, low, high, pictures = interval(table[metric], groups)
                row = {"metric": metric, "better": better, "method": method, "mean": mean, "low": low, "high": high}
                found.append(row | {"pictures": pictures})
        rows += sorted(found, key=lambda row: row["mean"] if better == "lower" else -row["mean"])
    return pd.DataFrame(rows)
