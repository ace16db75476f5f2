"""Notebook 06's tables: how much of the picture MP deletes, by expression and by perturbation."""

import numpy as np
import pandas as pd
import torch
from torch import nn

from fer_nb.intervals import in_words, mean_interval
from fer_nb.names import counted
from fer_nb.saliency.maps import rows_by_name
from fer_nb.saliency.mp import PERTURBATIONS, MeaningfulPerturbation

PROBABILITIES = ("before", "after", "deleted")


def deletion_table(found: dict, names: np.ndarray, first: str = "expression", groups=None) -> pd.DataFrame:
    """What MP deleted and how the probability changed, per name and for "all".

    Args:
        found: area, before, after, deleted (M,), as mp.Explanation has them. names: str (M,), by which rows are split.
        first: title of the first column. groups: (M,), pictures that count as one, or None.

    Returns:
        DataFrame: name; area, the share deleted in percent, with low and high (t interval); mean probability of the
        class before, after, and all_deleted, with everything deleted; pictures.
    """
    rows = []
    for name, here in rows_by_name(names).items():
        together = None if groups is None else np.asarray(groups)[here]
        mean = {key: mean_interval(np.asarray(found[key])[here], together)[0] for key in PROBABILITIES}
        area, low, high, pictures = mean_interval(100 * np.asarray(found["area"], float)[here], together)
        rows.append({first: name, "area": area, "low": low, "high": high} | mean | {"pictures": pictures})
    return pd.DataFrame(rows).rename(columns={"deleted": "all_deleted"})


def deletion_in_words(table: pd.DataFrame) -> str:
    """The first row of ``deletion_table`` as a sentence."""
    row = table.iloc[0]
    area = in_words(row["area"], row["low"], row["high"], 1)
    return (
        f"On average MP deletes {area}% of the picture, and the probability of the class changes from "
        f"{row['before']:.3f} to {row['after']:.3f}; with the whole picture deleted it is {row['all_deleted']:.3f} "
        f"({counted(row['pictures'], 'picture')})."
    )


def by_perturbation(
    net: nn.Module, inputs: torch.Tensor, target: torch.Tensor, settings: dict, made: dict, groups=None
) -> tuple[pd.DataFrame, dict[str, torch.Tensor]]:
    """The same pictures with each of MP's perturbations: a ``deletion_table`` with a row each, and the maps by name.

    ``settings``: of MeaningfulPerturbation. ``made``: what its ``explain`` gives by them for these pictures, as a dict;
    only the other perturbations are computed. ``groups``: as for ``deletion_table``.
    """
    found = {
        name: made
        if name == settings["perturbation"]
        else MeaningfulPerturbation(net, **settings | {"perturbation": name}).explain(inputs, target)._asdict()
        for name in PERTURBATIONS
    }
    joined = {key: torch.cat([one[key].cpu() for one in found.values()]) for key in ("area", *PROBABILITIES)}
    together = None if groups is None else np.tile(groups, len(found))
    table = deletion_table(joined, np.repeat(list(found), len(inputs)), "perturbation", together)
    return table[table["perturbation"] != "all"], {name: one["map"].cpu() for name, one in found.items()}
