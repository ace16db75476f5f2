"""Speed of Score-CAM and MP beside the usual code: seconds a picture.

The usual code is, for Score-CAM, pytorch-grad-cam at its default batch of 16; for MP, which no maintained package has,
a loop over single pictures with the same objective, torch's Adam and the net as it comes.
"""

import contextlib
import importlib.util
import io
import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn

from fer_nb.names import refuse_unknown
from fer_nb.nets import models
from fer_nb.saliency.checks import find_layer
from fer_nb.saliency.means import Means, correlation
from fer_nb.saliency.mp import MeaningfulPerturbation
from fer_nb.saliency.score_cam import ScoreCAM, upsample
from fer_nb.speed import timing

LAYER = "stage5"
SETTLED = 0.98  # see MeaningfulPerturbation

# The ratios are to the first variant of each method.
VARIANTS = {
    "Score-CAM": ("pytorch-grad-cam", "ours"),
    "MP": ("one at a time", "one at a time, frozen weights", "ours, float32", "ours", "ours, until settled"),
}

# Aims: these ratios of speeds, with maps that correlate above SETTLED, and Score-CAM's time over ``bare``.
AIMS = {("Score-CAM", "ours"): 3.5, ("MP", "ours"): 4.0, ("MP", "ours, until settled"): 6.0}
BARE_AIM = 1.4


def usual_score_cam(net: nn.Module, inputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Maps (N, 1, 44, 44) by pytorch-grad-cam, a development dependency (pyproject.toml)."""
    from pytorch_grad_cam import ScoreCAM as Usual
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    _, layer = find_layer(net, LAYER)
    wanted = [ClassifierOutputTarget(label) for label in target.tolist()]
    with contextlib.redirect_stderr(io.StringIO()), Usual(net, [layer]) as method:  # a progress bar a picture
        return torch.as_tensor(method(inputs, wanted))[:, None]


def usual_mp(method: MeaningfulPerturbation, inputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Maps (N, 1, 44, 44) of ``method`` as the usual code computes them: one picture at a time, no copy of the net."""
    maps = []
    for picture, label in zip(inputs.split(1), target.split(1), strict=True):
        background, shifts = method.draw(picture)
        padded = method.padded(picture, background)
        mask = torch.ones(1, 1, method.resolution, method.resolution, requires_grad=True)
        optimizer = torch.optim.Adam([mask], method.learning_rate)
        means = Means(mask.detach(), method.window(), None)
        for t, shift in enumerate(shifts, start=1):
            optimizer.zero_grad()
            method.losses(method.model, mask, method.shifted(padded, shift), label).sum().backward()
            optimizer.step()
            with torch.no_grad():
                means.add(t, torch.arange(1), mask.clamp_(0, 1))
        maps.append(1 - upsample(means.result(t)[0], picture.shape[-2:]))
    return torch.cat(maps)


def attribution(net: nn.Module, method: str, variant: str, iterations: int) -> Callable:
    """The function (inputs, target) -> maps of a variant; ValueError for an unknown method or variant."""
    refuse_unknown("method", [method], VARIANTS)
    refuse_unknown(f"variant of {method}", [variant], VARIANTS[method])
    if variant == "pytorch-grad-cam":
        importlib.import_module("pytorch_grad_cam")  # takes seconds that are not the method's
        return lambda inputs, target: usual_score_cam(net, inputs, target)
    if method == "Score-CAM":
        return ScoreCAM(net, LAYER, align_corners=True, precision="auto", progress=False).attribute
    settled = SETTLED if variant == "ours, until settled" else None
    precision = "float32" if variant == "ours, float32" else "auto"
    mp = MeaningfulPerturbation(net, iterations=iterations, settled=settled, precision=precision, progress=False)
    if variant.startswith("ours"):
        return mp.attribute
    net.requires_grad_(variant == "one at a time")
    return lambda inputs, target: usual_mp(mp, inputs, target)


def measure(
    name: str, weights: dict, pictures: np.ndarray, target: np.ndarray, method: str, variant: str, iterations: int
) -> dict:
    """Time, memory and maps of one variant, in this process.

    Args:
        name: net of ``models.NAMES``.
        weights: its state_dict, as arrays.
        pictures: float32 (N, 3, 44, 44) in [0, 1].
        target: int64 (N,), the class of each picture that is explained.
        method, variant: of ``VARIANTS``.
        iterations: of MP.

    Returns:
        {"method", "variant", "seconds" a picture, "memory_mb": the process's largest size, "maps": float32 (N, 44, 44)}

    Raises:
        ValueError: unknown net, method or variant.
    """
    net = models.build(name)
    net.load_state_dict({key: torch.as_tensor(value) for key, value in weights.items()})
    explain = attribution(net.eval(), method, variant, iterations)
    inputs, target, maps = torch.as_tensor(pictures), torch.as_tensor(target), []
    net(inputs[:1])  # what the libraries set up at their first call
    (seconds,) = timing.repeat(lambda: maps.append(explain(inputs, target)), 0, warmup=0, least=1)
    found = {"method": method, "variant": variant, "seconds": seconds / len(inputs)}
    return found | {"memory_mb": timing.peak_memory_mb(), "maps": maps[0][:, 0].numpy()}


def compare(
    net: nn.Module,
    name: str,
    inputs: torch.Tensor,
    target: torch.Tensor,
    gflops: float,
    methods: Sequence[str] = tuple(VARIANTS),
    iterations: int = 500,
    few: int = 2,
    repeats: int = 1,
) -> pd.DataFrame:
    """``measure`` each variant in turn, each in a fresh process. Without pytorch-grad-cam its row is left out.

    Args:
        net: in eval mode, with weights for which the maps are worth comparing.
        name: of ``models.NAMES``, what ``net`` is.
        inputs: float (N, 3, 44, 44) in [0, 1]; ours take them all, as many at once as they choose.
        target: int64 (N,).
        gflops: the machine's measured peak, see ``bare``.
        methods: of ``VARIANTS``.
        iterations: of MP.
        few: pictures that the other variants take, one after the other, so that more would cost the same each.
        repeats: of each measurement; medians are given.

    Returns:
        DataFrame: method, variant, pictures, ratio (of speeds, to the first variant of the method), seconds (a
        picture), lowest, highest, correlation (the lowest over the ``few`` pictures, with the map of the first
        variant), bare_ratio (of Score-CAM: seconds over ``bare``), memory_mb. NaN where there is nothing to compare.

    Raises:
        ValueError: unknown method, or no picture.
    """
    refuse_unknown("method", methods, VARIANTS)
    if not min(few, len(inputs)):
        raise ValueError("no picture to explain: give at least one")
    weights = {key: value.cpu().numpy() for key, value in net.state_dict().items()}
    cases = []
    for method in methods:
        for variant in available(method):
            taken = len(inputs) if variant.startswith("ours") else few
            given = inputs[:taken].cpu().numpy(), target[:taken].cpu().numpy()
            cases.append((name, weights, *given, method, variant, iterations))
    rows = timing.in_fresh_processes(measure, cases * repeats, "MP and Score-CAM")
    first = {row["method"]: row["maps"] for row in reversed(rows) if row["variant"] == VARIANTS[row["method"]][0]}
    found = pd.DataFrame(rows).assign(pictures=[len(row["maps"]) for row in rows])
    keys = ["method", "variant"]
    sizes = found.groupby(keys, sort=False)[["pictures", "memory_mb"]].max()
    table = sizes.join(timing.spread(found, keys, "seconds")).reset_index()
    table["correlation"] = [lowest_correlation(row["maps"], first.get(row["method"])) for row in rows[: len(table)]]
    usual = {row.method: row.seconds for row in table.itertuples() if row.variant == VARIANTS[row.method][0]}
    table["ratio"] = table["method"].map(usual) / table["seconds"]
    table["bare_ratio"] = (table["seconds"] / bare(name, gflops)).where(table["method"] == "Score-CAM")
    columns = ["pictures", "ratio", "seconds", "lowest", "highest", "correlation", "bare_ratio", "memory_mb"]
    return table[keys + columns]


def available(method: str) -> list[str]:
    """The variants of a method that can run here: pytorch-grad-cam is a development dependency."""
    missing = importlib.util.find_spec("pytorch_grad_cam") is None
    return [variant for variant in VARIANTS[method] if not (missing and variant == "pytorch-grad-cam")]


def lowest_correlation(maps: np.ndarray, others: np.ndarray | None) -> float:
    """The lowest correlation of maps (N, H, W) with ``others`` (M, H, W), over the pictures of both; NaN with None."""
    if others is None:
        return math.nan
    both = min(len(maps), len(others))
    return correlation(*(torch.as_tensor(x[:both])[:, None] for x in (maps, others))).min().item()


def bare(name: str, gflops: float, channels: int = 512) -> float:
    """Seconds of ``channels`` forward passes of net ``name`` if each multiply-add ran at ``gflops`` (machine_peaks)."""
    return 2e-9 * models.count(models.build(name))["macs"].sum() * channels / gflops


def words(table: pd.DataFrame, iterations: int) -> str:
    """The ratios of ``compare`` beside ``AIMS``, and Score-CAM beside its bare forward passes: a Markdown list."""
    rows, said = table.set_index(["method", "variant"]), []
    for (method, variant), aim in AIMS.items():
        if (method, variant) not in rows.index:
            continue
        row, usual = rows.loc[(method, variant)], VARIANTS[method][0]
        if math.isnan(row["ratio"]):
            said.append(f"{method}: {usual} is not installed here, so there is no ratio to it.")
            continue
        reached = "reached" if row["ratio"] >= aim and row["correlation"] > SETTLED else "not reached"
        number = f" with {iterations} iterations" if method == "MP" else ""
        said.append(
            f"{method}, {variant}: **{row['ratio']:.2f}** times as many pictures a second as “{usual}”{number}; the "
            f"maps correlate by at least {row['correlation']:.3f} (aim: {aim:g} times, above {SETTLED:g}: {reached})."
        )
    if ("Score-CAM", "ours") in rows.index:
        share = rows.loc[("Score-CAM", "ours"), "bare_ratio"]
        reached = "reached" if share <= BARE_AIM else "not reached"
        said.append(
            f"A map of Score-CAM takes **{share:.2f}** times as long as its forward passes would at the machine's "
            f"measured peak (aim: at most {BARE_AIM:g}: {reached})."
        )
    return "\n".join(f"- {sentence}" for sentence in said)
