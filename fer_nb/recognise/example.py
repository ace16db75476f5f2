"""Pictures to read where one has none: drawn faces on photographs that come with scikit-image, and a drawn video."""

import itertools
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import skimage.data

from fer_nb.drawing.capture import clip, wild
from fer_nb.drawing.draw import render
from fer_nb.drawing.expressions import random_actions, random_identity, random_view
from fer_nb.evaluation.detection import placed
from fer_nb.files import replacing
from fer_nb.recognise.pictures import write_picture

PHOTOGRAPHS = ("coffee", "chelsea", "rocket")  # without a human face, and in scikit-image's wheel
ENLARGED = 4  # times, of faces of 48x48
FRAMES, PER_SECOND = 24, 12  # of the video


def drawn_face(name: str, rng: np.random.Generator) -> np.ndarray:
    """A drawn face of an expression as a picture of the wild, uint8 (48, 48)."""
    picture, _, _ = render(random_identity(rng), random_actions(name, 0.9, rng), random_view(rng, spread=0.5))
    return wild(picture, rng)


def drawn_faces(classes: tuple[str, ...], count: int, seed: int = 0) -> np.ndarray:
    """Drawn faces of the classes in turn, uint8 (count, 48, 48)."""
    rng = np.random.default_rng(seed)
    return np.stack([drawn_face(classes[i % len(classes)], rng) for i in range(count)])


def on_photograph(face: np.ndarray, photograph: np.ndarray) -> np.ndarray:
    """A face uint8 (48, 48) in the middle of a photograph uint8 (H, W, 3): uint8 (H, W, 3)."""
    return np.dstack([placed(face, channel, enlarged=ENLARGED) for channel in np.moveaxis(photograph, 2, 0)])


def write_examples(folder: Path, classes: tuple[str, ...], seed: int = 0) -> Path:
    """Write a picture for each class, a photograph without a face and a video of a growing smile; the folder."""
    rng = np.random.default_rng(seed)
    for k, name in enumerate(classes):
        photograph = getattr(skimage.data, PHOTOGRAPHS[k % len(PHOTOGRAPHS)])()
        write_picture(folder / f"{name.lower()}.png", on_photograph(drawn_face(name, rng), photograph))
    write_picture(folder / "without-a-face.png", skimage.data.coffee())
    smile, _, _ = clip(random_identity(rng), "Happy", np.linspace(0, 1, FRAMES), rng)
    write_video(folder / "smile.avi", (on_photograph(face, skimage.data.coffee()) for face in smile))
    return folder


def write_video(path: Path, frames: Iterable[np.ndarray]) -> Path:
    """Write frames uint8 (H, W, 3), RGB, at least one, as a video (AVI with JPEG frames), and return its path."""
    frames = iter(frames)
    first = next(frames)
    with replacing(path) as partial:
        writing = partial.with_suffix(".avi")  # OpenCV knows the kind of file by its suffix
        writer = cv2.VideoWriter(str(writing), cv2.VideoWriter.fourcc(*"MJPG"), PER_SECOND, first.shape[1::-1])
        for frame in itertools.chain([first], frames):
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        writer.release()
        writing.rename(partial)
    return path
