"""A face, sliders that change it, the net's probabilities and its maps: ipywidgets for notebook 13."""

import asyncio
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ipywidgets as widgets
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from fer_nb import paths
from fer_nb.data.detection import Detector, Face, crop, find
from fer_nb.recognise import example
from fer_nb.recognise.pictures import read_picture
from fer_nb.saliency import robustness, yardsticks
from fer_nb.saliency.faithfulness import frozen, probabilities
from fer_nb.saliency.plots import explanation
from fer_nb.saliency.sample import Remembered
from fer_nb.study import Run
from fer_nb.training import weights

PREDICTED = "the predicted class"
UPLOADED = "uploaded"  # the names of uploaded faces begin with it
PAUSE = 0.2  # seconds without a change before the maps are made: a key that is held down makes many changes


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
    return dict(zip(names, example.drawn_faces(names, len(names), seed), strict=True))


def cut_faces(picture: np.ndarray, detector: Detector) -> tuple[dict[str, np.ndarray], str]:
    """The faces of a photograph by name, surest first, uint8 (48, 48) each, and a sentence that says what was found.

    Args:
        picture: uint8 (H, W) or (H, W, 3), RGB. Where no face is found its middle square stands for one, in grey.
    """
    found = find(picture, detector)
    if not found:
        height, width = picture.shape[:2]
        side = min(height, width)
        square = Face(((width - side) / 2, (height - side) / 2, side, side), None, 0.0)
        return {UPLOADED: crop(picture, square)}, "No face was found: this is the middle of the photograph."
    faces = {f"{UPLOADED}, face {k}": crop(picture, face) for k, face in enumerate(found, 1)}
    return faces, f"{len(found)} faces were found." if len(found) > 1 else "One face was found."


class Explorer:
    """``Explorer(net, classes, detector).panel()`` shows the widgets; ``figure()`` is the present state as a Figure.

    It opens with a drawn face that the net reads right, where there is one. In JupyterLab a change shows the face and
    its probabilities at once and the maps when they are made; changes that follow each other quickly make them once.

    Args:
        model: net in eval mode that maps (N, 3, 44, 44) to logits. classes: their names.
        detector: of the faces on uploaded photographs (``detection.detector``).
        iterations: of MP, which takes most of the time.
        seed: random seed of the drawn faces, and of MP.
    """

    def __init__(
        self, model: nn.Module, classes: tuple[str, ...], detector: Detector, iterations: int = 100, seed: int = 0
    ):
        self.classes, self.detector = tuple(classes), detector
        self.faces = drawn_faces(classes, seed)
        makers = yardsticks.makers(("MP", "Score-CAM"), {"iterations": iterations, "seed": seed}, {"precision": "auto"})
        self.methods = {name: Remembered(make(model)) for name, make in makers.items()}
        self.net = frozen(model, "auto")  # copied once, not at each change
        self.face = widgets.Dropdown(options=list(self.faces), description="face")
        self.upload = widgets.FileUpload(accept="image/*", multiple=False, description="upload")
        self.explained = widgets.Dropdown(options=[PREDICTED, *self.classes], description="explain")
        self.changes = {
            name: widgets.FloatSlider(0.0, min=min(rungs), max=max(rungs), step=step, description=name)
            for name, step in (("brightness", 0.05), ("contrast", 0.1), ("rotation", 5.0))
            for rungs in [robustness.LADDER[name]]
        }
        self.changes |= {name: widgets.Checkbox(False, description=name) for name in robustness.FLIPS}
        self.back = widgets.Button(description="reset", tooltip="the first face, unchanged; uploaded ones are dropped")
        self.image, self.message, self.progress = widgets.Image(format="png"), widgets.Label(), widgets.Label()
        self.task: asyncio.Task | None = None
        self.version = 0  # of the state: grows with each change
        self.waiting = False  # while several widgets are set together
        self.first = self.face.value = next((name for name in self.faces if self.is_right(name)), self.face.value)
        self.upload.observe(self.take, "value")
        self.back.on_click(self.reset)
        for widget in (self.face, self.explained, *self.changes.values()):
            widget.observe(self.changed, "value")

    def is_right(self, name: str) -> bool:
        """Whether the net reads the drawn face ``name`` right."""
        probability = probabilities(self.net, self.pictures(self.faces[name], {}))[0]
        return self.classes[int(probability.argmax())] == name

    @contextmanager
    def one_change(self) -> Iterator[None]:
        """All that is set in the block is shown as one change."""
        self.waiting = True
        try:
            yield
        finally:
            self.waiting = False
        self.changed()

    def take(self, event) -> None:
        """Find the faces of an uploaded photograph and choose the surest; the message says what was found.

        The widget lets go of the file, so that a saved notebook does not hold it.
        """
        if not event["new"]:
            return
        content, name = bytes(event["new"][0]["content"]), event["new"][0].get("name", UPLOADED)
        self.upload.value = ()
        try:
            found, self.message.value = cut_faces(read_picture(Path(name), content), self.detector)
        except ValueError as error:
            self.message.value = str(error)
            return
        with self.one_change():
            self.offer(self.drawn() | found, next(iter(found)))

    def drawn(self) -> dict[str, np.ndarray]:
        """The faces that were there before any was uploaded."""
        return {name: self.faces[name] for name in self.classes}

    def offer(self, faces: dict[str, np.ndarray], chosen: str) -> None:
        """Let the user choose among these faces; ``chosen`` is chosen now."""
        self.faces = faces
        self.face.options = list(faces)  # which alone would choose the first
        self.face.value = chosen

    def reset(self, _=None) -> None:
        """Back to the first face, nothing changed; uploaded faces are dropped."""
        with self.one_change():
            for widget in self.changes.values():
                widget.value = type(widget.value)(0)  # 0.0, or False
            self.explained.value, self.message.value = PREDICTED, ""
            self.offer(self.drawn(), self.first)

    def pictures(self, face: np.ndarray, changes: dict[str, float]) -> torch.Tensor:
        """A face uint8 (48, 48) as the net takes it, float32 (1, 3, 44, 44) on its device."""
        return robustness.transform(face[None], changes).contiguous().to(self.net.device)

    def seen(self) -> tuple[torch.Tensor, dict[str, float], int]:
        """The changed picture (1, 3, 44, 44), each class's probability, and the number of the class to explain."""
        changes = {name: float(widget.value) for name, widget in self.changes.items()}
        inputs = self.pictures(self.faces[self.face.value], changes)
        probability = probabilities(self.net, inputs)[0].tolist()
        chosen = self.explained.value
        target = int(np.argmax(probability)) if chosen == PREDICTED else self.classes.index(chosen)
        return inputs, dict(zip(self.classes, probability, strict=True)), target

    def maps(self, inputs: torch.Tensor, target: int) -> dict[str, np.ndarray]:
        """The maps (44, 44) of a picture (1, 3, 44, 44) by method."""
        wanted = torch.tensor([target], device=inputs.device)
        return {name: make(inputs, wanted)[0, 0].cpu().numpy() for name, make in self.methods.items()}

    def figure(self) -> Figure:
        """The present state as a Figure."""
        inputs, probability, target = self.seen()
        return self.drawing(inputs, probability, target, self.maps(inputs, target))

    def drawing(self, inputs, probability: dict[str, float], target: int, maps: dict[str, np.ndarray]) -> Figure:
        return explanation(inputs[0, 0].cpu().numpy(), probability, maps, self.classes[target])

    def show(self, figure: Figure) -> None:
        """Put a figure into the panel."""
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=100)
        self.image.value = png.getvalue()

    def changed(self, _=None) -> None:
        """Show the present state: without maps at once, with them when they are made."""
        if self.waiting:
            return
        self.version += 1
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a script: nothing could be shown meanwhile
            self.show(self.figure())
            return
        state = self.seen()
        none = np.full(state[0].shape[-2:], np.nan)  # of the picture's shape, which would else jump when the maps come
        self.progress.value = "The maps are being made."
        self.show(self.drawing(*state, {f"({name})": none for name in self.methods}))
        if self.task is None or self.task.done():
            self.task = loop.create_task(self.catch_up())

    async def catch_up(self) -> None:
        """Make the maps of the present state, in a thread so that the widgets stay alive; again if it has changed."""
        version = -1
        while version != self.version:
            version = self.version
            await asyncio.sleep(PAUSE)
            if version != self.version:
                continue
            state = self.seen()
            maps = await asyncio.to_thread(self.maps, state[0], state[2])
            if version == self.version:
                self.show(self.drawing(*state, maps))
        self.progress.value = ""

    def panel(self) -> widgets.VBox:
        """The widgets and, under them, the figure."""
        self.show(self.figure())
        choice = widgets.HBox([self.face, self.upload, self.back])
        return widgets.VBox([choice, self.explained, *self.changes.values(), self.message, self.progress, self.image])
