"""Readings to look at: pictures with boxes, a sheet of faces, the course of a video."""

import cv2
import numpy as np
import pandas as pd
import seaborn
import torch
from matplotlib.figure import Figure

from fer_nb.data.augment import center_crop
from fer_nb.evaluation.frame import frame, legend_above
from fer_nb.recognise.read import Reader, Reading
from fer_nb.recognise.table import label, rows
from fer_nb.saliency import plots
from fer_nb.saliency.score_cam import ScoreCAM

ACROSS = 8  # faces in a row of the sheet
COLOUR = (255, 176, 0)  # of boxes: seen on light, dark and skin; RGB


def annotated(reading: Reading, reader: Reader) -> np.ndarray:
    """The picture of a reading with a box and a line of text (``table.label``) at each face: uint8 (H, W, 3), RGB."""
    labels = [label(row, reader) for row in rows(reading, reader) if "face" in row]
    return boxed(reading.shot.pixels, reading.size, [face.box for face in reading.faces], labels)


def boxed(picture: np.ndarray, size: tuple[int, int], boxes: list, labels: list[str]) -> np.ndarray:
    """A picture with the boxes of faces and a line of text at each: uint8 (H, W, 3), RGB.

    Args:
        picture: uint8 (H, W) or (H, W, 3), of ``pictures.preview``.
        size: width and height of the picture that the boxes (x, y, width, height) are in.
    """
    drawn = cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB) if picture.ndim == 2 else picture.copy()
    height, width = drawn.shape[:2]
    thick = max(1, round(max(height, width) / 400))
    font, letters = cv2.FONT_HERSHEY_SIMPLEX, max(0.5, max(height, width) / 1000)
    for box, text in zip(boxes, labels, strict=True):
        x, y, wide, high = (round(value) for value in np.array(box) * ([width / size[0], height / size[1]] * 2))
        cv2.rectangle(drawn, (x, y), (x + wide, y + high), COLOUR, thick)
        (across, tall), _ = cv2.getTextSize(text, font, letters, thick)
        left = min(max(x, 0), max(width - across, 0))
        base = y - 2 * thick if y - 2 * thick >= tall else min(y + high + tall + 2 * thick, height - thick)
        cv2.putText(drawn, text, (left, base), font, letters, (0, 0, 0), 3 * thick, cv2.LINE_AA)
        cv2.putText(drawn, text, (left, base), font, letters, COLOUR, thick, cv2.LINE_AA)
    return drawn


def contact_sheet(crops: np.ndarray, titles: list[str]) -> Figure:
    """Faces as the net sees them, uint8 (N, 48, 48), each with a title."""
    return _sheet(crops, titles, ACROSS, (1.35, 1.6), fontsize=8)


def maps(crops: np.ndarray, titles: list[str], reader: Reader) -> Figure:
    """Faces uint8 (N, 48, 48) and, below each, the Score-CAM of the expression that is read in it."""
    inputs = center_crop(torch.as_tensor(crops)).contiguous()
    wanted = torch.as_tensor(reader.read(crops).argmax(1))
    found = ScoreCAM(reader.net, progress=False).attribute(inputs, wanted)
    pictures = inputs[:, 0].numpy()
    return plots.gallery(titles, {"face": pictures, "Score-CAM": found.numpy()}, pictures)


def gallery(pictures: list[np.ndarray], titles: list[str]) -> Figure:
    """Annotated pictures uint8 (H, W, 3), two in a row."""
    return _sheet(pictures, titles, 2, (5.2, 4.0), fontsize=9)


def _sheet(
    pictures: np.ndarray | list[np.ndarray], titles: list[str], most: int, size: tuple[float, float], fontsize: int
):
    """Pictures with titles, at most ``most`` in a row; ``size``: width and height of each in inches."""
    across = min(most, len(pictures))
    down = -(-len(pictures) // across)
    figure, axes = frame((size[0] * across, size[1] * down), down, across, "white")
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, picture, title in zip(axes.flat, pictures, titles, strict=False):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=255)  # of colours the map and its limits mean nothing
        ax.set_title(title, fontsize=fontsize)
    return figure


def timeline(table: pd.DataFrame, classes: tuple[str, ...]) -> Figure:
    """The probabilities of a video's surest face over time: a line per class; frames without a face leave a gap.

    ``table``: the rows of one video (``table.table_of``).
    """
    surest = table[table["face"].fillna(1) == 1]
    figure, axes = frame((8, 3.4))
    (ax,) = axes.flat
    for name, colour in zip(classes, seaborn.color_palette("colorblind", len(classes)), strict=True):
        ax.plot(surest["time"], 100 * surest[name].astype(float), color=colour, label=name, marker=".", markersize=3)
    ax.set(xlabel="time (s)", ylabel="probability (%)", ylim=(0, 100))
    legend_above(figure, axes)
    return figure
