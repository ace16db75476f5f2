"""Score-CAM and MP against what is in use: seconds a picture, side by side, each in a fresh process of its own.

In use are, for Score-CAM, pytorch-grad-cam at its default batch of 16; for MP, which no kept package has, a loop over
pictures with the same objective, torch's Adam and the net as it comes.
"""

import contextlib
import importlib.util
import io
import math
import time

import pandas as pd
import torch

from fer_nb.nets import models
from fer_nb.saliency.checks import find_layer
from fer_nb.saliency.means import Means, correlation
from fer_nb.saliency.mp import MeaningfulPerturbation
from fer_nb.saliency.score_cam import ScoreCAM, upsample
from fer_nb.speed import latency

LAYER = "stage5"
SETTLED = 0.98  # see MeaningfulPerturbation

# The first of each method is what the ratios are taken to.
VARIANTS = {
    "Score-CAM": ("pytorch-grad-cam", "ours"),
    "MP": ("one at a time", "one at a time, frozen weights", "ours", "ours, until settled"),
}

# What is aimed at: the ratio of speeds, with maps that correlate above SETTLED; and Score-CAM's time over ``bare``.
AIMS = {("Score-CAM", "ours"): 3.5, ("MP", "ours"): 2.3, ("MP", "ours, until settled"): 4.0}
BARE_AIM = 1.6


def usual_score_cam(net, inputs, target):
    """Maps (N, 1, 44, 44) by pytorch-grad-cam, which is a development dependency: see pyproject.toml."""
    from pytorch_grad_cam import ScoreCAM as Usual
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    _, layer = find_layer(net, LAYER)
    wanted = [ClassifierOutputTarget(label) for label in target.tolist()]
    with contextlib.redirect_stderr(io.StringIO()), Usual(net, [layer]) as method:  # a progress bar a picture
        return torch.as_tensor(method(inputs, wanted))[:, None]


def usual_mp(method, inputs, target):
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


def attribution(net, method, variant, iterations):
    """The function (inputs, target) to maps that a variant stands for; ValueError for an unknown one."""
    if variant not in VARIANTS.get(method, ()):
        known = ", ".join(f"{method}: {variant}" for method, variants in VARIANTS.items() for variant in variants)
        raise ValueError(f"unknown variant {variant!r} of {method!r}: choose one of {known}")
    if variant == "pytorch-grad-cam":
        importlib.import_module("pytorch_grad_cam")  # takes seconds, which are not the method's
        return lambda inputs, target: usual_score_cam(net, inputs, target)
    if method == "Score-CAM":
        return ScoreCAM(net, LAYER, align_corners=True, precision="auto", progress=False).attribute
    settled = SETTLED if variant == "ours, until settled" else None
    mp = MeaningfulPerturbation(net, iterations=iterations, settled=settled, progress=False)
    if variant.startswith("ours"):
        return mp.attribute
    net.requires_grad_(variant == "one at a time")
    return lambda inputs, target: usual_mp(mp, inputs, target)


def measure(name, weights, pictures, target, method, variant, iterations):
    """Time, memory and maps of one variant, in this process.

    Args:
        name: net of ``models.NAMES``.
        weights: its state_dict, as arrays; None: random ones.
        pictures: float32 (N, 3, 44, 44) in [0, 1], an array.
        target: int64 (N,).
        method, variant: of ``VARIANTS``.
        iterations: of MP.

    Returns:
        {"method", "variant", "seconds" a picture, "memory_mb" at most, "maps": float32 (N, 44, 44)}

    Raises:
        ValueError: unknown net, method or variant.
    """
    torch.manual_seed(0)
    net = models.build(name)
    if weights is not None:
        net.load_state_dict({key: torch.as_tensor(value) for key, value in weights.items()})
    run = attribution(net.eval(), method, variant, iterations)
    inputs, target = torch.as_tensor(pictures), torch.as_tensor(target)
    net(inputs[:1])  # what the libraries set up at their first call
    start = time.perf_counter()
    maps = run(inputs, target)
    seconds = (time.perf_counter() - start) / len(inputs)
    found = {"method": method, "variant": variant, "seconds": seconds, "memory_mb": latency.peak_memory_mb()}
    return found | {"maps": maps[:, 0].numpy()}


def compare(net, name, inputs, target, gflops, methods=tuple(VARIANTS), iterations=500, few=2, repeats=1):
    """``measure`` of each variant, in turn, each in a fresh process. Without pytorch-grad-cam its row is left out.

    Args:
        net: in eval mode, with weights for which the maps are worth comparing.
        name: of ``models.NAMES``, what ``net`` is.
        inputs: float (N, 3, 44, 44) in [0, 1]; our MP takes them all, as many at once as it chooses.
        target: int64 (N,).
        gflops: the machine's measured peak, see ``bare``.
        methods: of ``VARIANTS``.
        iterations: of MP.
        few: pictures that the others take, one after the other, so that more cost the same each.
        repeats: of each measurement; medians are given.

    Returns:
        DataFrame: method, variant, pictures, ratio (of speeds, to the first variant of the method), seconds (a
        picture), lowest, highest, correlation (the lowest over the ``few`` pictures, of the map with that of the first
        variant), bare_ratio (of Score-CAM: seconds over ``bare``), memory_mb. NaN where there is nothing to compare.

    Raises:
        ValueError: a method that is not in ``VARIANTS``, or no picture.
    """
    unknown = [method for method in methods if method not in VARIANTS]
    if unknown or not min(few, len(inputs)):
        known = ", ".join(VARIANTS)
        raise ValueError(f"{unknown or 'no picture'}: choose methods of {known}, and at least one picture")
    weights = {key: value.cpu().numpy() for key, value in net.state_dict().items()}
    cases = []
    for method in methods:
        for variant in available(method):
            taken = len(inputs) if method == "MP" and variant.startswith("ours") else few
            given = inputs[:taken].cpu().numpy(), target[:taken].cpu().numpy()
            cases.append((name, weights, *given, method, variant, iterations))
    rows = latency.in_fresh_processes(measure, cases * repeats, "MP and Score-CAM")
    table = pd.DataFrame([row | {"pictures": len(row.pop("maps"))} for row in map(dict, rows)])
    groups = table.groupby(["method", "variant"], sort=False)
    seconds = groups["seconds"].agg(seconds="median", lowest="min", highest="max")
    table = groups[["pictures", "memory_mb"]].max().join(seconds).reset_index()
    first = {row["method"]: row["maps"] for row in reversed(rows) if row["variant"] == VARIANTS[row["method"]][0]}
    table["correlation"] = [lowest_correlation(row["maps"], first.get(row["method"])) for row in rows[: len(table)]]
    usual = {row.method: row.seconds for row in table.itertuples() if row.variant == VARIANTS[row.method][0]}
    table["ratio"] = table["method"].map(usual) / table["seconds"]
    table["bare_ratio"] = (table["seconds"] / bare(name, gflops)).where(table["method"] == "Score-CAM")
    columns = ["method", "variant", "pictures", "ratio", "seconds", "lowest", "highest", "correlation", "bare_ratio"]
    return table[[*columns, "memory_mb"]]


def available(method):
    """The variants of a method that can be measured here: pytorch-grad-cam is a development dependency."""
    missing = importlib.util.find_spec("pytorch_grad_cam") is None
    return [variant for variant in VARIANTS[method] if not (missing and variant == "pytorch-grad-cam")]


def lowest_correlation(maps, others):
    """The lowest correlation of maps (N, H, W) with ``others`` (M, H, W), over the pictures of both; NaN with None."""
    if others is None:
        return math.nan
    both = min(len(maps), len(others))
    return correlation(*(torch.as_tensor(x[:both])[:, None] for x in (maps, others))).min().item()


def bare(name, gflops, channels=512):
    """Seconds that ``channels`` forwards of a net take where each of its multiply-adds runs at ``gflops`` (peak())."""
    return 2e-9 * models.count(models.build(name))["macs"].sum() * channels / gflops


def words(table, iterations):
    """The ratios of ``compare`` beside ``AIMS``, and Score-CAM beside the bare forwards, a sentence each."""
    rows, said = table.set_index(["method", "variant"]), []
    for case, aim in AIMS.items():
        if case not in rows.index:
            continue
        (method, variant), row = case, rows.loc[case]
        usual = VARIANTS[method][0]
        if math.isnan(row["ratio"]):
            said.append(f"{method}: {usual} is not installed here, so there is no ratio to it.")
            continue
        reached = "reached" if row["ratio"] >= aim and row["correlation"] > SETTLED else "not reached"
        said.append(
            f"{method}, {variant}: **{row['ratio']:.2f}** times the pictures a second of “{usual}”; the maps correlate "
            f"by at least {row['correlation']:.3f} (aim: {aim:g} times, above {SETTLED:g}: {reached})."
        )
        if method == "MP":
            said[-1] = f"{said[-1].removesuffix('.')}, {iterations} iterations."
    if ("Score-CAM", "ours") in rows.index:
        share = rows.loc[("Score-CAM", "ours"), "bare_ratio"]
        reached = "reached" if share <= BARE_AIM else "not reached"
        said.append(
            f"A map of Score-CAM takes **{share:.2f}** times what as many bare forwards take at the machine's measured "
            f"peak (aim: at most {BARE_AIM:g}: {reached})."
        )
    return "\n".join(f"- {sentence}" for sentence in said)
