"""The single pictures of figures 4-2 to 4-6: ours, chosen by a rule, beside the thesis's."""

import numpy as np
import pandas as pd
import torch
from torch import nn

from fer_nb.evaluation import thesis
from fer_nb.saliency import robustness
from fer_nb.saliency.faithfulness import probabilities


def choose_cases(predicted: pd.DataFrame) -> dict[str, dict]:
    """Our picture for each of figures 4-2 to 4-6: figure -> a row of robustness.predictions, as a dict.

    It is a right prediction at the judged strength: of the figure's expression where there is one, else of any, the one
    whose probability is nearest to the printed one. A figure without any right prediction is missing.
    """
    found = {}
    for number, figure in thesis.FIGURES_4_2.items():
        name = figure["transform"]
        rows = predicted[(predicted["transform"] == name) & (predicted["strength"] == robustness.JUDGED[name])]
        rows = rows[rows["before"] == rows["label"]].reset_index(drop=True)
        own = rows[rows["label"] == figure["label"]]
        rows = own if len(own) else rows
        if len(rows):
            distance = (rows["probability_before"] - figure["probability_before"]).abs()
            found[number] = rows.loc[distance.idxmin()].to_dict()
    return found


def cases_in_words(cases: dict[str, dict]) -> str:
    """The pictures of ``choose_cases`` in one line."""
    if not cases:
        return "No measured picture is predicted right: figures 4-2 to 4-6 have nothing to show."
    said = [f"figure {key}: {one['label']}, {one['transform']} {one['strength']:g}" for key, one in cases.items()]
    return "; ".join(said) + "."


def case_panels(
    case: dict, image: np.ndarray, methods: dict, net: nn.Module, classes: tuple[str, ...]
) -> tuple[list[str], dict, np.ndarray]:
    """What plots.gallery takes for one of figures 4-2 to 4-6: the picture as it is and changed, and its maps.

    Args:
        case: from ``choose_cases``; its label is the class that the maps explain. image: uint8 (48, 48). methods:
            name -> attribution. net: gives logits (N, C). classes: their names.

    Returns:
        Titles with the predicted class and its probability; the rows; the pictures float (2, 44, 44).
    """
    device = next(net.parameters()).device
    name, strength = case["transform"], case["strength"]
    inputs = torch.cat([robustness.transform(image[None], {name: value}) for value in (0.0, strength)])
    inputs = inputs.to(device).contiguous()
    target = torch.full((len(inputs),), classes.index(case["label"]), device=device)
    highest, predicted = (values.tolist() for values in probabilities(net, inputs).max(1))
    heads = "as it is", f"{name} {strength:+g}"
    titles = [f"{heads[k]}\n{classes[predicted[k]]} {highest[k]:.3f}" for k in range(2)]
    pictures, maps = inputs[:, 0].cpu().numpy(), {name: make(inputs, target).cpu() for name, make in methods.items()}
    return titles, {"picture": pictures} | maps, pictures


def case_table(cases: dict[str, dict]) -> pd.DataFrame:
    """The thesis's pictures of figures 4-2 to 4-6 and ours (``choose_cases``), two rows per figure.

    Returns:
        DataFrame: figure, transform, of ("thesis", "ours"), label, strength (NaN: the thesis does not say),
        label_before and label_after: probabilities of the label before and after the change (NaN where the thesis
        gives that of another class), predicted: the class that the changed picture is taken for, and
        predicted_after: its probability.
    """
    rows = []
    for number, case in cases.items():
        printed = thesis.FIGURES_4_2[number]
        same = printed["predicted"] == printed["label"]
        of_label = {"confidence": printed["probability"], "probability": printed["probability"] if same else np.nan}
        for of, one in (("thesis", printed | of_label), ("ours", case)):
            row = {"figure": number, "transform": one["transform"], "of": of, "label": one["label"]}
            row |= {"strength": one.get("strength", np.nan), "label_before": one["probability_before"]}
            row |= {"label_after": one["probability"], "predicted": one["predicted"]}
            rows.append(row | {"predicted_after": one["confidence"]})
    return pd.DataFrame(rows)
