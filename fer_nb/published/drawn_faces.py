"""What a kept net looks at, on drawn faces: the page of the kept results shows no picture of a person."""

from typing import Any

import torch
from matplotlib.figure import Figure
from torch import nn

from fer_nb.data.augment import center_crop
from fer_nb.recognise.example import drawn_faces
from fer_nb.saliency.faithfulness import probabilities
from fer_nb.saliency.mp import MeaningfulPerturbation
from fer_nb.saliency.plots import gallery
from fer_nb.saliency.score_cam import ScoreCAM

NET = "lightResNetl"  # whose kept weights on FERm are shown
FACES = 20  # drawn of each expression, to find one that the net reads right
# Of MP: the thesis's iterations, but fewer where a mask has settled.
MP: dict[str, Any] = {"iterations": 500, "settled": 0.98, "precision": "auto"}


def looked_at(net: nn.Module, classes: tuple[str, ...]) -> Figure:
    """A drawn face of each class, MP and Score-CAM of the class that ``net`` reads in it (as figure 4-1).

    It is the first of ``FACES`` that the net reads right, or the first of all where it reads none right.
    """
    inputs = center_crop(torch.as_tensor(drawn_faces(classes, FACES * len(classes)))).contiguous()
    probability, read = probabilities(net, inputs).max(1)
    right = (read == torch.arange(len(read)) % len(classes)).tolist()
    shown = [max(range(k, len(right), len(classes)), key=lambda i: right[i]) for k in range(len(classes))]
    inputs, read = inputs[shown], read[shown]
    maps = {
        "MP": MeaningfulPerturbation(net, **MP, progress=False).attribute(inputs, read).numpy(),
        "Score-CAM": ScoreCAM(net, precision="auto", progress=False).attribute(inputs, read).numpy(),
    }
    said = [f"{classes[k]} {value:.2f}" for k, value in zip(read.tolist(), probability[shown].tolist(), strict=True)]
    titles = [f"{name}\nread: {words}" for name, words in zip(classes, said, strict=True)]
    pictures = inputs[:, 0].numpy()
    return gallery(titles, {"face": pictures, **maps}, pictures)
