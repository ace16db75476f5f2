"""What changes of the picture do to the net and to its maps (section 4.2.2).

The thesis changes brightness and contrast, rotates and mirrors, and does not say by how much. The strengths here are
ours; ``TRAINED`` marks the ends of the ranges that training draws from (augment.augment).
"""

import math

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F
from tqdm import tqdm

from fer_nb.data.augment import CROP
from fer_nb.intervals import change_interval, mean_interval, wilson
from fer_nb.saliency.agreement import similarity, summarise
from fer_nb.saliency.faithfulness import probabilities
from fer_nb.saliency.maps import Attribution

# Transform -> its ladder of strengths; 0 is the picture as it is. Brightness: addition as a share of the range of
# greys. Contrast: change of the distance from the picture's mean, as a share. Rotation: degrees, counterclockwise.
LADDER = {
    "brightness": (-0.6, -0.4, -0.2, -0.1, 0.0, 0.1, 0.2, 0.4, 0.6),
    "contrast": (-0.8, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.8, 1.6),
    "rotation": (-45.0, -30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0, 45.0),
    "horizontal flip": (0.0, 1.0),
    "vertical flip": (0.0, 1.0),
}

# The strongest change that training has shown the net (augment.augment's defaults); vertical flips it has not.
TRAINED = {"brightness": 0.2, "contrast": 0.2, "rotation": 10.0, "horizontal flip": 1.0}

GEOMETRIC = {"horizontal flip": (-1,), "vertical flip": (-2,)}  # axis that each mirrors


def transform(images, name: str, strength: float) -> torch.Tensor:
    """Changed pictures as the net takes them.

    Args:
        images: uint8 (N, 48, 48), array or tensor.
        name: one of ``LADDER``. strength: see there; for a flip 0 or 1.

    Returns:
        float32 (N, 3, 44, 44) in [0, 1], the middle of the changed picture. Contrast and brightness are those of
        augment.augment, about the mean of the middle; rotation is about the middle, what comes from outside the
        picture repeats its border.

    Raises:
        ValueError: an unknown transform, or a strength that makes no sense for it.
    """
    _check(name, strength)
    pictures = torch.as_tensor(images).float().div(255).unsqueeze(1)
    if name == "rotation" and strength:
        pictures = rotate(pictures, strength, "border")
    if name in GEOMETRIC and strength:
        pictures = pictures.flip(GEOMETRIC[name])
    top, left = ((side - CROP) // 2 for side in pictures.shape[-2:])
    pictures = pictures[..., top : top + CROP, left : left + CROP]
    if name == "contrast" and strength:
        mean = pictures.mean((2, 3), keepdim=True)
        pictures = (pictures - mean) * (1 + strength) + mean
    if name == "brightness":
        pictures = pictures + strength
    return pictures.clamp(0, 1).expand(-1, 3, -1, -1)


def turn_back(maps: torch.Tensor, name: str, strength: float) -> torch.Tensor:
    """Maps (N, 1, 44, 44) of changed pictures, laid on the pictures as they were; 0 where nothing is known."""
    _check(name, strength)
    if name == "rotation" and strength:
        return rotate(maps, -strength, "zeros")
    return maps.flip(GEOMETRIC[name]) if name in GEOMETRIC and strength else maps


def known_after(name: str, strength: float) -> np.ndarray:
    """bool (44, 44): the pixels that ``turn_back`` knows; the corners are lost to a rotation."""
    return (turn_back(torch.ones(1, 1, CROP, CROP), name, strength)[0, 0] > 0.999).numpy()


def rotate(pictures: torch.Tensor, degrees: float, padding: str) -> torch.Tensor:
    """Pictures float (N, C, H, W), H = W, turned counterclockwise about their middle, bilinearly."""
    angle = math.radians(degrees)
    rows = [[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]]
    theta = torch.tensor(rows, dtype=pictures.dtype, device=pictures.device).expand(len(pictures), 2, 3)
    grid = F.affine_grid(theta, pictures.shape, align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode=padding, align_corners=False)


def predictions(model, images, labels, classes, ladder=None, precision="auto", progress=True) -> pd.DataFrame:
    """What the net says of every changed picture, by the middle crop.

    Args:
        model: net in evaluation mode. images: uint8 (N, 48, 48). labels: int (N,), positions in ``classes``.
        ladder: transform -> strengths; ``LADDER`` by default. 0 is added where it is missing.

    Returns:
        DataFrame, a row per transform, strength and picture: transform, strength, picture (0..N-1), label, before
        (the class that the picture as it is gets), predicted, and the probabilities of the true class
        probability_before and probability.
    """
    device = next(model.parameters()).device
    images, target = torch.as_tensor(images, device=device), torch.as_tensor(labels, device=device)
    names, plan = np.array(classes), _plan(ladder)
    before, sure_before = _answers(model, transform(images, "brightness", 0.0), target, precision)
    tables = []
    for name, strength in tqdm(plan, "changed pictures", mininterval=2, disable=not progress):
        predicted, sure = (
            _answers(model, transform(images, name, strength), target, precision) if strength else (before, sure_before)
        )
        columns = {"transform": name, "strength": strength, "picture": np.arange(len(target))}
        columns |= {"label": names[target.cpu().numpy()], "before": names[before], "predicted": names[predicted]}
        tables.append(pd.DataFrame(columns | {"probability_before": sure_before, "probability": sure}))
    return pd.concat(tables, ignore_index=True)


def curves(predicted: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """``predictions`` as curves against strength.

    Returns:
        DataFrame: transform, strength, quantity, mean, low, high, pictures. Quantities: accuracy in percent (Wilson);
        probability of the true class (bootstrap); accuracy change in points against the picture as it is, picture by
        picture (intervals.change_interval); kept, percent of the pictures that were named right and still are (Wilson).
    """
    rows = []
    for (name, strength), table in predicted.groupby(["transform", "strength"], sort=False):
        right, was = (100.0 * (table[column] == table["label"]) for column in ("predicted", "before"))
        kept = right[was > 0]
        for quantity, values in (("accuracy", right), ("kept", kept)):
            mean = values.mean()
            interval = wilson(mean, len(values)) if len(values) else (np.nan, np.nan)
            rows.append((name, strength, quantity, mean, *interval, len(values)))
        rows.append((name, strength, "probability", *mean_interval(table["probability"], seed)))
        rows.append((name, strength, "accuracy change", *change_interval(right - was)))
    return pd.DataFrame(rows, columns=["transform", "strength", "quantity", "mean", "low", "high", "pictures"])


def changed_maps(attribution: Attribution, images, target, name: str, strength: float) -> torch.Tensor:
    """Maps (N, 1, 44, 44) of the pictures changed by one transform, laid back on the pictures as they were.

    Args:
        images: uint8 (N, 48, 48). target: int64 (N,) on the net's device: the same class before and after.
    """
    inputs = transform(torch.as_tensor(images, device=target.device), name, strength)
    return turn_back(attribution(inputs.contiguous(), target).float().cpu(), name, strength)


def map_similarity(attribution: Attribution, images, target, ladder=None, seed: int = 0) -> pd.DataFrame:
    """Similarity of the maps of changed pictures, laid back, to those of the pictures as they are, against strength.

    Returns:
        DataFrame: transform, strength, quantity (spearman, overlap, ssim: saliency.agreement; only over pixels that
        are known after the way there and back), mean, low, high (bootstrap), pictures.
    """
    original, tables = changed_maps(attribution, images, target, "brightness", 0.0), []
    for name, strength in tqdm(_plan(ladder), "maps of changed pictures", mininterval=2, leave=False):
        maps = changed_maps(attribution, images, target, name, strength) if strength else original
        table = summarise(similarity(original, maps, known_after(name, strength)), seed)
        tables.append(table.assign(transform=name, strength=strength))
    columns = ["transform", "strength", "quantity", "mean", "low", "high", "pictures"]
    return pd.concat(tables, ignore_index=True)[columns]


def example(predicted: pd.DataFrame, figure: dict, strength: float) -> dict | None:
    """Our picture for one of the thesis's figures 4-2 to 4-6: rightly named, its probability nearest to the printed.

    Args:
        predicted: from ``predictions``. figure: an entry of thesis.FIGURES_4_2. strength: the rung of the ladder.

    Returns:
        The row of ``predicted`` as a dict, or None where no picture of that expression is named right.
    """
    rung = predicted["strength"] == strength
    rows = predicted[(predicted["transform"] == figure["transform"]) & rung & (predicted["label"] == figure["label"])]
    rows = rows[rows["before"] == rows["label"]]
    if rows.empty:
        return None
    return rows.loc[(rows["probability_before"] - figure["probability_before"]).abs().idxmin()].to_dict()


def _answers(model, inputs, target, precision):
    """Predicted class int (N,) and probability of the true one (N,), as arrays."""
    sure = probabilities(model, inputs, precision)
    return sure.argmax(1).cpu().numpy(), sure.gather(1, target[:, None])[:, 0].cpu().numpy()


def _plan(ladder):
    ladder = LADDER if ladder is None else ladder
    return [(name, strength) for name, rungs in ladder.items() for strength in sorted({0.0, *rungs})]


def _check(name, strength):
    if name not in LADDER:
        raise ValueError(f"unknown transform {name!r}: choose one of {', '.join(LADDER)}")
    if name in GEOMETRIC and strength not in (0, 1):
        raise ValueError(f"strength of {name} is {strength}: it is 0 (as it is) or 1 (mirrored)")
    if not math.isfinite(strength) or (name == "contrast" and strength < -1):
        raise ValueError(f"strength of {name} is {strength}: contrast goes from -1, and all of them are finite")
