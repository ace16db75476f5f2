"""The readings as a tidy table: a row per face, one for a picture without a face, one for what could not be read."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import entropy

from fer_nb.recognise.read import Reader, Reading

PLACE = ("file", "frame", "time", "face", "x", "y", "width", "height")
RESULT = ("expression", "second_best", "entropy", "unsure", "detector_score", "error")


def columns(reader: Reader) -> list[str]:
    """The names of the columns, in order.

    file, frame (from 0) and time (seconds) of a video, face (from 1, the surest first; empty where there is none),
    x, y, width and height of its box in pixels, a calibrated probability per class, expression, second_best, entropy
    (bits), unsure (whether the probability is under the threshold; empty where there is none), detector_score (in the
    detector's own measure), error.
    """
    return [*PLACE, *reader.classes, *RESULT]


def rows(reading: Reading, reader: Reader) -> Iterator[dict]:
    """The rows of one picture as dictionaries; what is not said in them is empty."""
    shot = reading.shot
    place = {"file": str(shot.file), "frame": shot.frame, "time": _rounded(shot.time, 3), "error": shot.error}
    if not reading.faces:
        yield place
    threshold = reader.calibration.threshold
    for k, (face, probabilities) in enumerate(zip(reading.faces, reading.probabilities, strict=True), 1):
        best, second = np.argsort(-probabilities)[:2]
        box = dict(zip(("x", "y", "width", "height"), (round(value, 1) for value in face.box), strict=True))
        known = {name: _rounded(value, 5) for name, value in zip(reader.classes, probabilities, strict=True)}
        yield {
            **place,
            "face": k,
            **box,
            **known,
            "expression": reader.classes[best],
            "second_best": reader.classes[second],
            "entropy": _rounded(entropy(probabilities, base=2), 4),
            "unsure": None if threshold is None else bool(probabilities[best] < threshold),
            "detector_score": _rounded(face.score, 4),
        }


def table_of(made: list[dict], reader: Reader) -> pd.DataFrame:
    """Rows as a DataFrame of ``columns``; counts are ``Int64``."""
    table = pd.DataFrame(made, columns=columns(reader))
    return table.astype({"frame": "Int64", "face": "Int64", "unsure": "boolean"})


def label(row: dict, reader: Reader) -> str:
    """What is written at a face: its expression and probability, with a question mark where it is unsure."""
    mark = "?" if row["unsure"] else ""
    return f"{row['expression']}{mark} {100 * row[row['expression']]:.0f}%"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(float(value), digits)
