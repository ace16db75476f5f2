"""captum's maps, and maps that know nothing, to hold our methods against.

An attribution is a function from inputs and target to maps (maps.Attribution), as ``ScoreCAM(...).attribute`` and
``MeaningfulPerturbation(...).attribute`` are. Those made here compute with captum (Kokhlikyan et al. 2020), a chunk of
pictures at a time, and divide each map by its largest value. The three channels of a grey picture move together, so
that their attributions are averaged before the sign is dropped.
"""

from collections.abc import Callable

import captum.attr
import torch
from torch import nn

from fer_nb.saliency.checks import find_layer
from fer_nb.saliency.maps import Attribution, unit


def attribution(explain: Callable, chunk: int, sign: str) -> Attribution:
    """A captum call ``explain(inputs, target)`` as an attribution.

    ``sign``: "abs", any influence counts; "relu", only evidence for the class.
    """

    def attribute(inputs, target):
        if len(inputs) != len(target):
            raise ValueError(f"{len(inputs)} pictures and {len(target)} targets: one target a picture")
        pairs = zip(inputs.split(chunk), target.split(chunk), strict=True)
        raw = torch.cat([explain(*pair).detach() for pair in pairs]).mean(1, keepdim=True)
        return unit(raw.abs() if sign == "abs" else raw.relu())

    return attribute


def gradient(model: nn.Module, chunk: int = 64) -> Attribution:
    """Size of the gradient of the class's logit (captum's Saliency; Simonyan et al. 2014)."""
    method = captum.attr.Saliency(model)

    def explain(inputs, target):
        return method.attribute(inputs.detach().requires_grad_(), target, abs=False)  # captum warns if it must ask

    return attribution(explain, chunk, "abs")


def integrated_gradients(model: nn.Module, steps: int = 32, chunk: int = 16) -> Attribution:
    """Size of the integrated gradients from a black picture (Sundararajan et al. 2017)."""
    method = captum.attr.IntegratedGradients(model)

    def explain(inputs, target):
        return method.attribute(inputs, 0, target, n_steps=steps, internal_batch_size=max(len(inputs), 64))

    return attribution(explain, chunk, "abs")


def occlusion(model: nn.Module, window: int = 8, stride: int = 4, chunk: int = 16) -> Attribution:
    """What the logit loses when a square is as grey as the picture's mean (Zeiler and Fergus 2014); gains count 0."""
    method = captum.attr.Occlusion(model)

    def explain(inputs, target):
        grey = inputs.mean((1, 2, 3), keepdim=True).expand_as(inputs)
        windows, strides = (3, window, window), (3, stride, stride)
        with torch.no_grad():
            return method.attribute(inputs, windows, strides, grey, target, perturbations_per_eval=4)

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
    """Independent uniform numbers: what a map is worth that knows nothing."""

    def attribute(inputs, target):
        generator = torch.Generator().manual_seed(seed)
        return torch.rand((len(inputs), 1, *inputs.shape[-2:]), generator=generator).to(inputs.device)

    return attribute


def centre(deviation: float = 0.25) -> Attribution:
    """A bell in the middle, its deviation as a share of the side: knows only that faces are central."""

    def attribute(inputs, target):
        y, x = (torch.linspace(-0.5, 0.5, side, device=inputs.device) for side in inputs.shape[-2:])
        bell = torch.exp(-(y[:, None] ** 2 + x**2) / (2 * deviation**2))
        return unit(bell.expand(len(inputs), 1, *bell.shape))

    return attribute


def yardsticks(model: nn.Module, seed: int = 0) -> dict[str, Attribution]:
    """All of them by name."""
    return {
        "gradient": gradient(model),
        "integrated gradients": integrated_gradients(model),
        "occlusion": occlusion(model),
        "Grad-CAM": grad_cam(model),
        "random": random(seed),
        "centre": centre(),
    }
