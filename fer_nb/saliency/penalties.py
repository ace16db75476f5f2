"""The penalty weights lambda1 and lambda2 of MP, chosen on pictures that are not measured.

The rule: of the pairs whose masks delete on average at most a given share of the picture, the one with the largest
mean drop of the probability of the class; where every pair deletes more, the one that deletes least. MP looks for the
smallest part that lowers the score: the bound stands for "smallest", the drop for the score.
"""

import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from fer_nb.data import datasets
from fer_nb.data.augment import center_crop
from fer_nb.names import counted
from fer_nb.saliency.mp import MeaningfulPerturbation
from fer_nb.saliency.sample import in_turn


def held_out(dataset: str, data: str, pictures: int, seed: int, device) -> tuple[str, torch.Tensor, torch.Tensor]:
    """Pictures to choose on, the expressions in turn: never of the test split.

    Returns:
        "valid", or "train" where the data set has no validation split (CK+); inputs float32 (N, 3, 44, 44) in [0, 1]
        and their labels int64 (N,), on ``device``.

    Raises:
        ValueError: fewer than one picture is asked for.
    """
    if pictures < 1:
        raise ValueError(f"{pictures} pictures to choose lambda1 and lambda2 on: take at least one, or give no grid")
    faces = datasets.load(dataset, data)
    split = "valid" if faces.has_split("valid") else "train"
    faces = faces.of_split(split)
    faces = faces.subset(in_turn(faces.labels, seed)[:pictures])
    inputs = center_crop(torch.as_tensor(faces.images, device=device)).contiguous()
    return split, inputs, torch.as_tensor(faces.labels, device=device)


def grid_table(net: nn.Module, inputs, target, grid: list, most: float, settings: dict) -> pd.DataFrame:
    """What MP finds with each pair of penalty weights, and which pair is chosen.

    Args:
        net, inputs, target: as for MeaningfulPerturbation. grid: pairs [lambda1, lambda2]. most: percent of the
            picture that may be deleted on average. settings: the others of MeaningfulPerturbation.

    Returns:
        DataFrame, a row per pair: lambda1, lambda2, area (mean, in percent), before, after, all_deleted (mean
        probability of the class: in the picture, in the perturbed one, with everything deleted), drop (before - after),
        pictures, chosen ("yes" in one row, else "").

    Raises:
        ValueError: an entry of the grid is not a pair of numbers from 0 on.
    """
    rows = []
    for weights in tqdm(checked_grid(grid), "penalty weights of MP", leave=False, mininterval=5):
        found = MeaningfulPerturbation(net, **settings | weights, progress=False).explain(inputs, target)
        means = {key: getattr(found, key).mean().item() for key in ("area", "before", "after", "deleted")}
        rows.append(weights | means | {"drop": means["before"] - means["after"], "pictures": len(inputs)})
    table = pd.DataFrame(rows).rename(columns={"deleted": "all_deleted"})
    table["area"] *= 100
    return table.assign(chosen=["yes" if row == best_row(table, most) else "" for row in table.index])


def checked_grid(grid: list) -> list[dict[str, float]]:
    """{lambda1, lambda2} of each pair; ValueError for an empty grid or an entry that is not a pair from 0 on."""
    pairs = [tuple(pair) if isinstance(pair, list | tuple) else (pair,) for pair in grid]
    for pair in pairs:
        if len(pair) != 2 or not all(isinstance(weight, int | float) and weight >= 0 for weight in pair):
            raise ValueError(f"grid: {list(pair)} is not a pair [lambda1, lambda2] of numbers from 0 on: correct it")
    if not pairs:
        raise ValueError("grid: no pair [lambda1, lambda2]: give one, or use lambda1 and lambda2 alone")
    return [{"lambda1": float(one), "lambda2": float(two)} for one, two in pairs]


def best_row(table: pd.DataFrame, most: float) -> int:
    """The row of ``grid_table`` that the rule takes; of equal drops the one with the smaller area."""
    small = table[table["area"] <= most]
    if small.empty:
        return table["area"].idxmin()
    return small.sort_values(["drop", "area"], ascending=[False, True], kind="stable").index[0]


def chosen_weights(table: pd.DataFrame) -> dict[str, float]:
    """lambda1 and lambda2 that ``grid_table`` chose, as settings of MeaningfulPerturbation."""
    row = table[table["chosen"] == "yes"].iloc[0]
    return {name: float(row[name]) for name in ("lambda1", "lambda2")}


def choice_in_words(table: pd.DataFrame, split: str, most: float) -> str:
    """Which penalty weights were chosen, on which pictures, and by which part of the rule."""
    row = table[table["chosen"] == "yes"].iloc[0]
    of = "validation split" if split == "valid" else "training split, as there is no validation split"
    within = row["area"] <= most
    rule = f"the largest drop with at most {most:g}% deleted" if within else f"every pair deletes more than {most:g}%"
    return (
        f"Chosen on {counted(row['pictures'], 'picture')} of the {of}: lambda1 **{row['lambda1']:g}**, lambda2 "
        f"**{row['lambda2']:g}** ({rule}): {row['area']:.1f}% deleted, and the probability changes from "
        f"{row['before']:.3f} to {row['after']:.3f}."
    )
