"""Meaningful perturbation (MP): the smallest part of a picture whose deletion lowers the score of a class.

Fong and Vedaldi 2017, "Interpretable Explanations of Black Boxes by Meaningful Perturbation"; thesis 4.1.1. The mask
m in [0, 1] keeps the picture where it is 1 and deletes it where it is 0. It minimises

    lambda1 |1 - m|_1  +  lambda2 sum_u |grad m(u)|_beta^beta  +  E_tau f_c(Phi(x0(. - tau), m))

with Phi(x0, m) = m x0 + (1 - m) background; the background is the picture's mean colour, noise, or the blurred picture.
For blur the printed formula varies the width of the kernel, g_{sigma0 m}, and would blur most where m = 1; the authors'
own code blends with the picture blurred by sigma0, as is done here.

Two things differ from their section 4.3. Our mask starts from ones, nothing deleted, which prefers no place; theirs
from the smallest centred circle that suppresses the score by 99% of what deleting the whole picture does. Our mask is
upsampled bilinearly; theirs is then also blurred, by sigma_m = 5.
"""

from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.transforms.functional import gaussian_blur
from tqdm import tqdm

from fer_nb.names import refuse_unknown
from fer_nb.nets.export import unwrapped
from fer_nb.nets.folding import FastNet
from fer_nb.saliency.checks import check_inputs, check_least, check_net, check_score, check_target, class_scores
from fer_nb.saliency.means import Means
from fer_nb.saliency.score_cam import upsample

PERTURBATIONS = ("constant", "noise", "blur")

# Pictures that are optimised at once, at most. On a CPU more do not fit its caches.
MOST = {"cpu": 16, "cuda": 256}


class Explanation(NamedTuple):
    """What MP found for N pictures; all on the device of the net."""

    map: torch.Tensor  # (N, 1, 44, 44) in [0, 1]: 1 - mask, upsampled; 1 is deleted
    mask: torch.Tensor  # (N, 1, resolution, resolution) in [0, 1]; 0 is deleted
    perturbed: torch.Tensor  # (N, 3, 44, 44): the picture with the part deleted
    before: torch.Tensor  # (N,) probability of the class in the picture
    after: torch.Tensor  # (N,) the same in the perturbed picture
    deleted: torch.Tensor  # (N,) the same with the whole picture deleted: the most that the perturbation can do
    area: torch.Tensor  # (N,) mean of the map: the share that is deleted
    iterations: torch.Tensor  # (N,) int64, fewer than the setting where the mask had settled


@dataclass(eq=False)
class MeaningfulPerturbation:
    """``MeaningfulPerturbation(model).attribute(inputs, target)``, as in captum; ``explain`` returns all results.

    Args:
        model: net in eval mode that maps (N, 3, 44, 44) to logits (N, classes).
        perturbation: "blur", "constant" (the picture's mean colour) or "noise" (Gaussian around it, in [0, 1]).
        resolution: side of the mask, which is upsampled bilinearly.
        lambda1: penalty weight of each deleted cell of the mask, in units of the score.
        lambda2, beta: penalty weight and exponent of the total variation, between neighbouring cells of the mask.
        jitter: largest shift tau of the picture in pixels, a new one in each iteration, the same for all pictures.
            The 4 pixels of the paper correspond to 1 at our size.
        sigma: standard deviation of the blur, in pixels.
        noise: standard deviation of the noise.
        score: f_c, "logit" (the thesis: the score of the last layer) or "probability" (Fong and Vedaldi), whose
            gradient vanishes where the net is sure.
        learning_rate, iterations: of Adam.
        average: the result is the mean mask of this many last iterations (at most a quarter of them), because a single
            mask still trembles with the shifts; 1 takes the last one alone.
        settled: None, or a correlation: a picture is finished when its mean mask correlates more than this with the
            mean mask before. 0.98 saves more than half of 500 iterations.
        seed: random seed of noise and shifts.
        chunk: pictures that are optimised at once; None: chosen from the free memory. Each has its own mask, loss and
            state of Adam, so its map does not depend on the other pictures.
        precision: number format of the net ("float32", "bfloat16", "auto"); None: its own.
        progress: show a progress bar.

    Raises:
        ValueError: no convolution layer, training mode, unknown perturbation or score, a number out of range.
    """

    model: nn.Module
    perturbation: str = "blur"
    _: KW_ONLY
    resolution: int = 11
    lambda1: float = 0.05
    lambda2: float = 0.1
    beta: float = 3.0
    jitter: int = 1
    sigma: float = 5.0
    noise: float = 0.2
    score: str = "logit"
    learning_rate: float = 0.1
    iterations: int = 500
    average: int = 50
    settled: float | None = None
    seed: int = 0
    chunk: int | None = None
    precision: str | None = None
    progress: bool = True

    def __post_init__(self):
        self.model = unwrapped(self.model)
        check_net(self.model)
        check_score(self.score)
        refuse_unknown("perturbation", [self.perturbation], PERTURBATIONS)
        for name in ("resolution", "iterations", "beta", "average", "chunk"):
            check_least(1, name, getattr(self, name))
        for name in ("lambda1", "lambda2", "jitter", "noise"):
            check_least(0, name, getattr(self, name))
        for name in ("sigma", "learning_rate"):
            check_least(1e-6, name, getattr(self, name))

    def attribute(self, inputs: torch.Tensor, target: int | torch.Tensor) -> torch.Tensor:
        """The map (N, 1, 44, 44) in [0, 1] of each picture, 1 - mask; arguments and errors as in ``explain``."""
        return self.explain(inputs, target).map

    def explain(self, inputs: torch.Tensor, target: int | torch.Tensor) -> Explanation:
        """Optimise the mask of each picture.

        Args:
            inputs: float (N, 3, 44, 44) in [0, 1], not normalised, as ``fer_nb.data.augment.center_crop`` makes it.
            target: class whose score should fall, one for all pictures or int64 (N,).

        Raises:
            ValueError: inputs or target are not as above, or the net is in training mode.
        """
        check_net(self.model)
        inputs = check_inputs(inputs, self.model)
        net = FastNet(self.model, self.precision)
        with torch.no_grad():
            classes = net(inputs[:1]).shape[1]
        target = check_target(target, inputs, classes)
        chunk = self.chunk or net.chunk_size(inputs[:1], MOST.get(inputs.device.type, 16))
        total = len(inputs) * self.iterations
        look = {"leave": False, "mininterval": 5, "disable": not self.progress}
        with tqdm(total=total, desc="MP", unit="iteration", **look) as bar:
            parts = [self.part(net, *some, bar) for some in zip(inputs.split(chunk), target.split(chunk), strict=True)]
        return Explanation(*(torch.cat(values) for values in zip(*parts, strict=True)))

    def part(self, net: FastNet, pictures, target, bar) -> Explanation:
        """``explain`` for the pictures of one chunk."""
        background, shifts = self.draw(pictures)
        mask, iterations = self.optimise(net, pictures, background, target, shifts, bar)
        with torch.no_grad():
            keep = upsample(mask, pictures.shape[-2:])
            perturbed = background + keep * (pictures - background)
            shown = (net(x) for x in (pictures, perturbed, background))
            before, after, deleted = (class_scores(logits, target, "probability") for logits in shown)
            area = (1 - keep).mean((1, 2, 3))
            return Explanation(1 - keep, mask, perturbed, before, after, deleted, area, iterations)

    def draw(self, pictures: torch.Tensor) -> tuple[torch.Tensor, list[list[int]]]:
        """Everything random: the background of ``pictures``, and the shift (down, right) of each iteration."""
        generator = torch.Generator().manual_seed(self.seed)
        background = self.background(pictures, generator)
        shifts = torch.randint(-self.jitter, self.jitter + 1, (self.iterations, 2), generator=generator)
        return background, shifts.tolist()

    def background(self, pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """What the deleted parts of ``pictures`` (N, 3, H, W) show, in the same shape."""
        if self.perturbation == "blur":
            reach = min(round(3 * self.sigma), min(pictures.shape[-2:]) - 1)  # reflection cannot pad by more
            return gaussian_blur(pictures, [2 * reach + 1] * 2, [self.sigma] * 2)
        mean = pictures.mean((2, 3), keepdim=True).expand_as(pictures)
        if self.perturbation == "constant":
            return mean
        # One pattern for all pictures and channels: a map depends only on its picture and the seed.
        noise = torch.randn(1, 1, *pictures.shape[-2:], generator=generator).to(pictures)
        return (mean + self.noise * noise).clamp(0, 1)

    @torch.enable_grad()
    def optimise(self, net: FastNet, pictures, background, target, shifts, bar) -> tuple[torch.Tensor, torch.Tensor]:
        """Adam on one mask per picture (thesis 4.1.1), from ones, clamped to [0, 1] after each step.

        Returns masks (N, 1, resolution, resolution) and the iterations (N,) that each took.
        """
        mask = pictures.new_ones(len(pictures), 1, self.resolution, self.resolution)
        means = Means(mask, self.window(), self.settled)
        padded = self.padded(pictures, background)
        # Each of these has one row per picture; the rows of finished pictures are dropped.
        rows = [torch.arange(len(mask), device=mask.device), mask, mask * 0, mask * 0, target, *padded]
        for t, shift in enumerate(shifts, start=1):
            which, mask, mean, square, target, *padded = rows
            mask.requires_grad_()
            losses = self.losses(net, mask, self.shifted(padded, shift), target)
            (gradient,) = torch.autograd.grad(losses.sum(), mask)  # the sum keeps the masks independent
            with torch.no_grad():
                mean.lerp_(gradient, 1 - 0.9)
                square.lerp_(gradient**2, 1 - 0.999)
                step = (mean / (1 - 0.9**t)) / ((square / (1 - 0.999**t)).sqrt() + 1e-8)
                rows[1] = (mask - self.learning_rate * step).clamp_(0, 1)
            bar.update(len(which))
            going = means.add(t, which, rows[1])
            if going is not None:
                bar.update((self.iterations - t) * int((~going).sum()))
                rows = [row[going] for row in rows]
                if not going.any():
                    break
        return means.result(t)

    def window(self) -> int:
        """The number of iterations over which the mask is averaged."""
        return max(1, min(self.average, self.iterations // 4))

    def padded(self, pictures: torch.Tensor, background: torch.Tensor) -> list[torch.Tensor]:
        """The background, and the pictures minus it, padded by the largest shift."""
        return [F.pad(x, [self.jitter] * 4, mode="replicate") for x in (background, pictures - background)]

    def shifted(self, padded: list[torch.Tensor], shift: list[int]) -> list[torch.Tensor]:
        """(N, 3, H, W) cut from each of ``padded``, moved by ``shift``: x0(. - tau); the mask stays where it is."""
        top, left = (self.jitter - offset for offset in shift)
        height, width = (side - 2 * self.jitter for side in padded[0].shape[-2:])
        return [x[..., top : top + height, left : left + width] for x in padded]

    def losses(self, net: nn.Module | FastNet, mask, views, target) -> torch.Tensor:
        """The objective (N,) of each mask (N, 1, R, R); ``views``: the background, and the picture minus it."""
        background, difference = views
        logits = net(background + upsample(mask, background.shape[-2:]) * difference)
        area = (1 - mask).sum((1, 2, 3))
        variation = sum(mask.diff(dim=side).abs().pow(self.beta).sum((1, 2, 3)) for side in (2, 3))
        return self.lambda1 * area + self.lambda2 * variation + class_scores(logits, target, self.score)
