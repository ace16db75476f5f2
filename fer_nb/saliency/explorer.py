"""A face, sliders that change it, the net's probabilities and its maps: ipywidgets for notebook 13."""

import io

import cv2
import ipywidgets as widgets
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from fer_nb import paths
from fer_nb.drawing.capture import wild
from fer_nb.drawing.draw import render
from fer_nb.drawing.expressions import random_actions, random_identity, random_view
from fer_nb.saliency import robustness, yardsticks
from fer_nb.saliency.faithfulness import probabilities
from fer_nb.saliency.plots import explanation
from fer_nb.saliency.sample import Remembered
from fer_nb.study import Run
from fer_nb.training import weights

SIDE = 48  # of a picture, in pixels
PREDICTED = "the predicted class"


def net_to_explore(model: str, run: Run) -> tuple[nn.Module, tuple[str, ...], str]:
    """A net with its kept weights, or else those of a finished run; its classes; a sentence that says which.

    Raises FileNotFoundError, with both remedies, where there is neither.
    """
    try:
        return *weights.released(model), f"The kept weights of {model}: {weights.released_file(model).name}."
    except FileNotFoundError as released:
        if not (run.folder / "weights.safetensors").exists():
            place = run.folder.relative_to(paths.ROOT)
            raise FileNotFoundError(f"{released}; there is no finished run under {place} either") from None
    source = f"No weights of {model} are kept: those of run {run.name} of study {run.study} are used."
    return *weights.trained(run), source


def drawn_faces(names: tuple[str, ...], seed: int = 0) -> dict[str, np.ndarray]:
    """A drawn face of each named expression, uint8 (48, 48); no data set is needed."""
    rng, found = np.random.default_rng(seed), {}
    for name in names:
        picture, _, _ = render(random_identity(rng), random_actions(name, 0.9, rng), random_view(rng, spread=0.5))
        found[name] = wild(picture, rng)
    return found


def read_picture(content: bytes) -> np.ndarray:
    """An uploaded picture as the nets take faces: grey, its middle square, uint8 (48, 48). The face should fill it.

    Raises ValueError where OpenCV cannot read it as a picture.
    """
    grey = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE) if content else None
    if grey is None:
        raise ValueError("OpenCV cannot read the file as a picture: upload a PNG or JPEG")
    side = min(grey.shape)
    top, left = ((length - side) // 2 for length in grey.shape)
    return cv2.resize(grey[top : top + side, left : left + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)


class Explorer:
    """``Explorer(net, classes).panel()`` shows the widgets; ``figure()`` is the present state as a matplotlib Figure.

    Args:
        model: net in eval mode that maps (N, 3, 44, 44) to logits. classes: their names.
        iterations: of MP, which takes most of the time.
        seed: random seed of the drawn faces, and of MP.
    """

    def __init__(self, model: nn.Module, classes: tuple[str, ...], iterations: int = 100, seed: int = 0):
        self.model, self.classes, self.faces = model, tuple(classes), drawn_faces(classes, seed)
        makers = yardsticks.makers(("MP", "Score-CAM"), {"iterations": iterations, "seed": seed}, {"precision": "auto"})
        self.methods = {name: Remembered(make(model)) for name, make in makers.items()}
        self.face = widgets.Dropdown(options=list(self.faces), description="face")
        self.upload = widgets.FileUpload(accept="image/*", multiple=False, description="upload")
        self.explained = widgets.Dropdown(options=[PREDICTED, *self.classes], description="explain")
        self.changes = {
            name: widgets.FloatSlider(0.0, min=min(rungs), max=max(rungs), step=step, description=name)
            for name, step in (("brightness", 0.05), ("contrast", 0.1), ("rotation", 5.0))
            for rungs in [robustness.LADDER[name]]
        }
        for slider in self.changes.values():
            slider.continuous_update = False  # a map takes too long to follow the hand
        self.changes |= {name: widgets.Checkbox(False, description=name) for name in robustness.FLIPS}
        self.image, self.message = widgets.Image(format="png"), widgets.Label()
        self.upload.observe(self.take, "value")
        for widget in (self.face, self.explained, *self.changes.values()):
            widget.observe(self.show, "value")

    def take(self, event) -> None:
        """Add an uploaded picture to the faces and choose it; the message says where it is not a picture."""
        if not event["new"]:
            return
        try:
            self.faces["uploaded"] = read_picture(bytes(event["new"][0]["content"]))
        except ValueError as error:
            self.message.value = str(error)
            return
        self.message.value = ""
        if self.face.value == "uploaded":
            self.show()
        else:
            self.face.options = list(self.faces)
            self.face.value = "uploaded"

    def state(self) -> tuple[np.ndarray, dict[str, float], dict[str, np.ndarray], str]:
        """The changed picture (44, 44), each class's probability, the maps (44, 44), and the class they explain."""
        changes = {name: float(widget.value) for name, widget in self.changes.items()}
        inputs = robustness.transform(self.faces[self.face.value][None], changes).contiguous()
        inputs = inputs.to(next(self.model.parameters()).device)
        probability = probabilities(self.model, inputs)[0].tolist()
        chosen = self.explained.value
        target = int(np.argmax(probability)) if chosen == PREDICTED else self.classes.index(chosen)
        wanted = torch.tensor([target], device=inputs.device)
        maps = {name: make(inputs, wanted)[0, 0].cpu().numpy() for name, make in self.methods.items()}
        known = dict(zip(self.classes, probability, strict=True))
        return inputs[0, 0].cpu().numpy(), known, maps, self.classes[target]

    def figure(self) -> Figure:
        """The present state as a Figure."""
        return explanation(*self.state())

    def show(self, _=None) -> None:
        """Draw the present state again."""
        png = io.BytesIO()
        self.figure().savefig(png, format="png", dpi=100)
        self.image.value = png.getvalue()

    def panel(self) -> widgets.VBox:
        """The widgets and, under them, the figure."""
        self.show()
        controls = widgets.VBox([widgets.HBox([self.face, self.upload]), self.explained, *self.changes.values()])
        return widgets.VBox([controls, self.message, self.image])
