"""Every method that makes maps, by name: ours, captum's, and two that know nothing, to compare with.

An attribution is a function from inputs and target to maps (maps.Attribution), as ``ScoreCAM(...).attribute`` is. Those
of captum (Kokhlikyan et al. 2020) take a chunk of pictures at a time; each map is divided by its largest value. The
three channels of a grey picture change together, so their attributions are averaged before the sign is dropped.
"""

from collections.abc import Callable, Iterable

import captum.attr
import torch
from torch import nn

from fer_nb.names import suggestion
from fer_nb.nets.folding import FastNet
from fer_nb.saliency.checks import find_layer
from fer_nb.saliency.maps import Attribution, Make, unit
from fer_nb.saliency.mp import MeaningfulPerturbation
from fer_nb.saliency.score_cam import ScoreCAM


def attribution(explain: Callable, chunk: int, sign: str) -> Attribution:
    """A captum call ``explain(inputs, target)`` as an attribution.

    ``sign``: "abs", any influence counts; "relu", only evidence for the class.
    """

    def attribute(inputs, target):
        if len(inputs) != len(target):
            raise ValueError(f"{len(inputs)} pictures and {len(target)} targets: give one target per picture")
        pairs = zip(inputs.split(chunk), target.split(chunk), strict=True)
        raw = torch.cat([explain(*pair).detach() for pair in pairs]).mean(1, keepdim=True)
        return unit(raw.abs() if sign == "abs" else raw.relu())

    return attribute


def gradient(model: nn.Module, chunk: int = 64) -> Attribution:
    """Size of the gradient of the class's logit (captum's Saliency; Simonyan et al. 2014)."""
    take = captum.attr.Saliency(model).attribute  # it warns where it has to call requires_grad_ itself
    return attribution(lambda inputs, target: take(inputs.detach().requires_grad_(), target, abs=False), chunk, "abs")


def integrated_gradients(model: nn.Module, steps: int = 32, chunk: int = 16) -> Attribution:
    """Size of the integrated gradients from a black picture (Sundararajan et al. 2017)."""
    take, options = captum.attr.IntegratedGradients(model).attribute, {"n_steps": steps, "internal_batch_size": 64}
    return attribution(lambda inputs, target: take(inputs, 0, target, **options), min(chunk, 64), "abs")


def occlusion(model: nn.Module, window: int = 8, stride: int = 4, chunk: int = 16) -> Attribution:
    """Loss of the logit when a square takes the picture's mean grey (Zeiler and Fergus 2014); a gain counts 0."""
    take, square = captum.attr.Occlusion(FastNet(model)).attribute, ((3, window, window), (3, stride, stride))

    def explain(inputs, target):
        grey = inputs.mean((1, 2, 3), keepdim=True).expand_as(inputs)
        with torch.no_grad():
            return take(inputs, *square, grey, target, perturbations_per_eval=4)

    return attribution(explain, chunk, "relu")


def grad_cam(model: nn.Module, layer: str | None = None, chunk: int = 64) -> Attribution:
    """Grad-CAM (Selvaraju et al. 2017), bilinearly enlarged, after a ReLU.

    ``layer``: as for ScoreCAM, the path of a layer, by default the last stage with a convolution.
    """
    method = captum.attr.LayerGradCam(model, find_layer(model, layer)[1])

    def explain(inputs, target):
        coarse = method.attribute(inputs, target, relu_attributions=True)
        return captum.attr.LayerAttribution.interpolate(coarse, inputs.shape[-2:], "bilinear")

    return attribution(explain, chunk, "relu")


def random(seed: int = 0) -> Attribution:
    """Independent uniform numbers: a map that knows nothing.

    They go by the place in the batch and not by the picture: how far they move when it changes says nothing.
    """

    def attribute(inputs, target):
        generator = torch.Generator().manual_seed(seed)
        return torch.rand((len(inputs), 1, *inputs.shape[-2:]), generator=generator).to(inputs.device)

    return attribute


def centre(deviation: float = 0.25) -> Attribution:
    """A bell in the middle, its deviation as a share of the width: knows only that faces are central."""

    def attribute(inputs, target):
        y, x = (torch.linspace(-0.5, 0.5, side, device=inputs.device) for side in inputs.shape[-2:])
        bell = torch.exp(-(y[:, None] ** 2 + x**2) / (2 * deviation**2))
        return unit(bell.expand(len(inputs), 1, *bell.shape))

    return attribute


def makers(names: Iterable[str], mp: dict, score_cam: dict, seed: int = 0) -> dict[str, Make]:
    """For each named method a function from a net to its attribution.

    ``mp``, ``score_cam``: settings of MeaningfulPerturbation and ScoreCAM. ``seed``: of random maps.

    Raises ValueError for an unknown name.
    """
    known = {
        "MP": lambda net: MeaningfulPerturbation(net, **mp, progress=False).attribute,
        "Score-CAM": lambda net: ScoreCAM(net, **score_cam, progress=False).attribute,
        "gradient": gradient,
        "integrated gradients": integrated_gradients,
        "occlusion": occlusion,
        "Grad-CAM": grad_cam,
        "random": lambda net: random(seed),
        "centre": lambda net: centre(),
    }
    for name in names:
        if name not in known:
            raise ValueError(f"no method {name!r}: {suggestion(name, known)}")
    return {name: known[name] for name in names}
