"""Score-CAM: which places of the picture raise the score of a class, found without gradients.

Wang et al. 2020, "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks"; thesis 4.1.2, table
4-1. With the maps A_k of one layer and the black picture X_b:

    H_k = minmax(upsample(A_k)),  S_k = f_c(X * H_k) - f_c(X_b),  alpha = softmax_k(S),  L = ReLU(sum_k alpha_k A_k)
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

from fer_nb.nets.export import unwrapped
from fer_nb.nets.folding import FastNet
from fer_nb.saliency import checks

# Masked pictures that go through the net at once, at most. On a CPU more do not fit its caches.
MOST = {"cpu": 16, "cuda": 512}


@dataclass(eq=False)
class ScoreCAM:
    """``ScoreCAM(model, layer).attribute(inputs, target)``, as in captum.

    Args:
        model: net in eval mode that maps (N, 3, 44, 44) to logits (N, classes).
        layer: path of the layer whose maps are taken, for instance "stage4.1"; None: the last stage with a
            convolution, "stage5" in the nets of the thesis (``checks.find_layer``).
        score: f_c, "logit" (the thesis: the score of the last layer) or "probability", for which the softmax over
            hundreds of channels gives nearly equal weights.
        chunk: masked pictures that go through the net at once; None: chosen from the free memory. It does not change
            the map.
        precision: number format of the masked forwards ("float32", "bfloat16", "auto"); None: that of the net.
        align_corners: of the upsampling of the masks; True is what pytorch-grad-cam does.
        progress: show a progress bar.

    Raises:
        ValueError: no convolution layer, training mode, unknown layer or score, chunk below 1.
    """

    model: nn.Module
    layer: str | None = None
    score: str = "logit"
    chunk: int | None = None
    precision: str | None = None
    align_corners: bool = False
    progress: bool = True

    def __post_init__(self):
        self.model = unwrapped(self.model)
        checks.check_net(self.model)
        checks.check_score(self.score)
        checks.check_least(1, "chunk", self.chunk)
        self.layer, self.module = checks.find_layer(self.model, self.layer)

    @torch.no_grad()
    def attribute(self, inputs: torch.Tensor, target: int | torch.Tensor) -> torch.Tensor:
        """The map of each picture.

        Args:
            inputs: float (N, 3, 44, 44) in [0, 1], not normalised, as ``fer_nb.data.augment.center_crop`` makes it.
            target: class to explain, one for all pictures or int64 (N,).

        Returns:
            (N, 1, 44, 44) in [0, 1] on the device of the net: the weighted sum of the maps after the ReLU, upsampled
            bilinearly, then min-max. A sum that is nowhere positive gives a map of zeros.

        Raises:
            ValueError: inputs or target are not as above, the net is in training mode, or the layer has no maps.
        """
        checks.check_net(self.model)
        inputs = checks.check_inputs(inputs, self.model)
        net = FastNet(self.model, self.precision)
        black = net(torch.zeros_like(inputs[:1]))  # f(X_b)
        target = checks.check_target(target, inputs, black.shape[1])
        chunk = self.chunk or net.chunk_size(inputs[:1], MOST.get(inputs.device.type, 16))
        # From the net itself, not from the fast copy: there batch norm is part of the convolution before it.
        taken = []
        hook = self.module.register_forward_hook(lambda layer, _, maps: taken.append(maps.detach().clone()))
        try:
            maps = []
            look = {"unit": "picture", "leave": False, "mininterval": 5, "disable": not self.progress}
            for i in tqdm(range(len(inputs)), "Score-CAM", **look):
                taken.clear()
                self.model(inputs[i : i + 1])
                self.check_maps(taken)
                maps.append(self.one(net, inputs[i], taken[-1][0], target[i : i + 1], black, chunk))
        finally:
            hook.remove()
        return torch.stack(maps)

    def one(self, net: FastNet, picture, maps, target, black, chunk: int) -> torch.Tensor:
        """The map (1, H, W) of one picture (3, H, W); maps (C, h, w) of the layer, target (1,), black (1, classes)."""
        size = picture.shape[-2:]
        # A constant map gives a mask of zeros: the black picture, whose S_k is 0.
        scores = torch.zeros(len(maps), dtype=maps.dtype, device=maps.device)
        flat = maps.flatten(1)
        varying = (flat.amax(1) > flat.amin(1)).nonzero().squeeze(1)
        base = checks.class_scores(black, target, self.score)
        for channels in varying.split(chunk):
            masks = min_max(upsample(maps[channels, None], size, self.align_corners))  # (chunk, 1, H, W)
            logits = net(masks * picture)
            scores[channels] = checks.class_scores(logits, target.expand(len(channels)), self.score) - base
        weighted = (scores.softmax(0)[:, None, None] * maps).sum(0).relu()
        return min_max(upsample(weighted[None, None], size))[0]

    def check_maps(self, taken: list[torch.Tensor]) -> None:
        """Raises ValueError where the layer did not run, or gave no maps (N, C, h, w)."""
        if not taken:
            raise ValueError(f"layer {self.layer!r} did not run when the net did: choose another one")
        shape = tuple(taken[-1].shape)
        if len(shape) != 4 or shape[2] * shape[3] == 1:
            raise ValueError(f"layer {self.layer!r} gives {shape}, a map without places: choose one before it")


def upsample(maps: torch.Tensor, size, align_corners: bool = False) -> torch.Tensor:
    """Maps (N, C, h, w) to (N, C, *size), bilinearly."""
    return F.interpolate(maps, size, mode="bilinear", align_corners=align_corners)


def min_max(maps: torch.Tensor) -> torch.Tensor:
    """Each map of (N, 1, H, W) stretched to [0, 1]; one that is constant up to rounding becomes zeros."""
    low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
    rounding = 4 * torch.finfo(maps.dtype).eps * torch.maximum(low.abs(), high.abs())
    return torch.where(high - low > rounding, (maps - low) / (high - low), 0)
