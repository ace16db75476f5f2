"""How changes of the picture affect the net and its maps (section 4.2.2).

The thesis changes brightness and contrast, rotates and mirrors, and does not say by how much. The strengths here are
ours; ``TRAINED`` marks the ends of the ranges that training draws from (augment.augment).
"""

import math

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

from fer_nb.data.augment import CROP
from fer_nb.intervals import change_interval, mean_interval, share_interval
from fer_nb.names import refuse_unknown
from fer_nb.saliency.agreement import mean_table, similarity
from fer_nb.saliency.faithfulness import frozen, probabilities
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

# The strength at which section 4.2 is judged: the strongest that training contained, or a whole flip.
JUDGED = TRAINED | {"vertical flip": 1.0}

FLIPS = {"horizontal flip": (-1,), "vertical flip": (-2,)}  # axis that each mirrors


def strengths(rungs: str) -> dict[str, tuple[float, ...]]:
    """Strengths at which maps are made: "judged", the one by which section 4.2 is judged, or "all" of the ladder.

    Raises ValueError for another word.
    """
    if rungs not in ("judged", "all"):
        raise ValueError(f'rungs is {rungs!r}: choose "judged" or "all"')
    return LADDER if rungs == "all" else {name: (strength,) for name, strength in JUDGED.items()}


def transform(images, changes: dict[str, float]) -> torch.Tensor:
    """Changed pictures as the net takes them.

    Args:
        images: uint8 (N, 48, 48), array or tensor.
        changes: name in ``LADDER`` -> strength, for a flip 0 or 1; {} for the pictures as they are. Several are made
            in the order rotation, flips, contrast, brightness.

    Returns:
        float32 (N, 3, 44, 44) in [0, 1], the middle of the changed picture. Contrast and brightness are those of
        augment.augment, relative to the mean of the middle; rotation is about the middle, and what comes from outside
        the picture repeats its border.

    Raises:
        ValueError: an unknown transform, or a strength that makes no sense for it.
    """
    for change in changes.items():
        _check(*change)
    pictures = torch.as_tensor(images).float().div(255).unsqueeze(1)
    if changes.get("rotation"):
        pictures = rotate(pictures, changes["rotation"], "border")
    for name, axis in FLIPS.items():
        pictures = pictures.flip(axis) if changes.get(name) else pictures
    top, left = ((side - CROP) // 2 for side in pictures.shape[-2:])
    pictures = pictures[..., top : top + CROP, left : left + CROP]
    if changes.get("contrast"):
        mean = pictures.mean((2, 3), keepdim=True)
        pictures = (pictures - mean) * (1 + changes["contrast"]) + mean
    pictures = pictures + changes.get("brightness", 0.0)
    return pictures.clamp(0, 1).expand(-1, 3, -1, -1)


def turn_back(maps: torch.Tensor, name: str, strength: float) -> torch.Tensor:
    """Maps (N, 1, 44, 44) of changed pictures, laid on the pictures as they were; 0 where nothing is known."""
    _check(name, strength)
    if name == "rotation" and strength:
        return rotate(maps, -strength, "zeros")
    return maps.flip(FLIPS[name]) if name in FLIPS and strength else maps


def known_after(name: str, strength: float) -> np.ndarray:
    """bool (44, 44): the pixels that ``turn_back`` knows; a rotation loses the corners."""
    return (turn_back(torch.ones(1, 1, CROP, CROP), name, strength)[0, 0] > 0.999).numpy()


def rotate(pictures: torch.Tensor, degrees: float, padding: str) -> torch.Tensor:
    """Pictures float (N, C, H, W), H = W, turned counterclockwise about their middle, bilinearly."""
    angle = math.radians(degrees)
    rows = [[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]]
    theta = torch.tensor(rows, dtype=pictures.dtype, device=pictures.device).expand(len(pictures), 2, 3)
    grid = F.affine_grid(theta, pictures.shape, align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode=padding, align_corners=False)


def predictions(
    model: nn.Module,
    images,
    labels,
    classes: tuple[str, ...],
    ladder=None,
    precision="auto",
    progress=True,
    groups=None,
) -> pd.DataFrame:
    """What the net predicts for every changed picture, by the middle crop.

    Args:
        model: net in evaluation mode. images: uint8 (N, 48, 48). labels: int (N,), positions in ``classes``.
        ladder: transform -> strengths; ``LADDER`` by default. 0 is added where it is missing.
        groups: (N,), pictures that count as one (the frames of a CK+ sequence); None where each counts.

    Returns:
        DataFrame, a row per transform, strength and picture: transform, strength, picture (0..N-1), group, label,
        before (predicted for the picture as it is), predicted, the probabilities of the true class probability_before
        and probability, and that of the predicted class, confidence.
    """
    device = next(model.parameters()).device
    images, target = torch.as_tensor(images, device=device), torch.as_tensor(labels, device=device)
    names, plan = np.array(classes), _plan(ladder)
    numbers = np.arange(len(target))
    groups = numbers if groups is None else np.asarray(groups)
    net = frozen(model, precision)
    as_it_is = _answers(net, transform(images, {}), target)
    before, probability_before, _ = as_it_is
    tables = []
    for name, strength in tqdm(plan, "changed pictures", mininterval=2, disable=not progress):
        changed = _answers(net, transform(images, {name: strength}), target) if strength else as_it_is
        predicted, probability, confidence = changed
        columns = {"transform": name, "strength": strength, "picture": numbers, "group": groups}
        columns |= {"label": names[target.cpu().numpy()], "before": names[before], "predicted": names[predicted]}
        columns |= {"probability_before": probability_before, "probability": probability, "confidence": confidence}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def curves(predicted: pd.DataFrame) -> pd.DataFrame:
    """``predictions`` as curves against strength.

    Returns:
        DataFrame: transform, strength, quantity, mean, low, high, pictures; a group counts as one picture. Quantities:
        accuracy in percent (Wilson); probability of the true class (t interval); accuracy change in points against the
        picture as it is, picture by picture (intervals.change_interval); kept, percent of the right predictions that
        stay right (Wilson).
    """
    rows = []
    for (name, strength), table in predicted.groupby(["transform", "strength"], sort=False):
        right, was = (100.0 * (table[column] == table["label"]) for column in ("predicted", "before"))
        group = table["group"]
        rows.append((name, strength, "accuracy", *share_interval(right, group)))
        rows.append((name, strength, "kept", *share_interval(right[was > 0], group[was > 0])))
        rows.append((name, strength, "probability", *mean_interval(table["probability"], group)))
        rows.append((name, strength, "accuracy change", *change_interval(right - was, group)))
    return pd.DataFrame(rows, columns=["transform", "strength", "quantity", "mean", "low", "high", "pictures"])


def changed_maps(attribution: Attribution, images, target: torch.Tensor, name: str, strength: float) -> torch.Tensor:
    """Maps (N, 1, 44, 44) of the pictures changed by one transform, laid back on the pictures as they were.

    Args:
        images: uint8 (N, 48, 48). target: int64 (N,) on the net's device: the same class before and after.
    """
    inputs = transform(torch.as_tensor(images, device=target.device), {name: strength})
    return turn_back(attribution(inputs.contiguous(), target).float().cpu(), name, strength)


def map_similarity(attribution: Attribution, images, target, ladder=None, groups=None) -> pd.DataFrame:
    """Similarity of the maps of changed pictures, laid back, to those of the pictures as they are, against strength.

    ``groups``: (N,), pictures that count as one, or None.

    Returns:
        DataFrame: transform, strength, quantity (spearman, overlap, ssim: saliency.agreement; only over pixels that
        are known after the way there and back), mean, low, high (t interval), pictures.
    """
    original, tables = changed_maps(attribution, images, target, "brightness", 0.0), []
    for name, strength in tqdm(_plan(ladder), "maps of changed pictures", mininterval=2, leave=False):
        maps = changed_maps(attribution, images, target, name, strength) if strength else original
        table = mean_table(similarity(original, maps, known_after(name, strength)), groups)
        tables.append(table.assign(transform=name, strength=strength))
    columns = ["transform", "strength", "quantity", "mean", "low", "high", "pictures"]
    return pd.concat(tables, ignore_index=True)[columns]


def _answers(net, inputs, target):
    """Predicted class int (N,), the probability of the true one (N,) and that of the predicted one (N,), as arrays."""
    found = probabilities(net, inputs)
    highest, predicted = found.max(1)
    return tuple(values.cpu().numpy() for values in (predicted, found.gather(1, target[:, None])[:, 0], highest))


def _plan(ladder):
    ladder = LADDER if ladder is None else ladder
    return [(name, strength) for name, rungs in ladder.items() for strength in sorted({0.0, *rungs})]


def _check(name, strength):
    refuse_unknown("transform", [name], LADDER)
    if name in FLIPS and strength not in (0, 1):
        raise ValueError(f"strength of {name} is {strength}: give 0 (as it is) or 1 (mirrored)")
    if not math.isfinite(strength) or (name == "contrast" and strength < -1):
        raise ValueError(f"strength of {name} is {strength}: give a finite number, for contrast from -1 on")
