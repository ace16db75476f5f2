"""The parts of a drawn face that act: nose, eyes, brows, mouth; each notes its landmarks and region."""

import numpy as np

from fer_nb.drawing.canvas import Canvas, oval, smooth
from fer_nb.drawing.expressions import Identity

SIDES = (("left", -1), ("right", 1))  # as the viewer sees them


def nose(canvas: Canvas, person: Identity, wrinkle: float) -> None:
    """Bridge, tip, wings and nostrils; AU9 lifts and spreads the wings and wrinkles the root."""
    y = person.nose - 0.06 * wrinkle
    w = person.nose_width * (1 + 0.18 * wrinkle)
    for name, side in SIDES:
        flank = [(side * 0.06, -0.3), (side * 0.09, 0.0), (side * w, y), (side * 0.11, -0.1)]
        canvas.shade(flank, -0.25, 0.8, lift=0.06)
        wing = [(side * w * 0.9, y - 0.09), (side * w * 1.08, y - 0.01), (side * w * 0.75, y + 0.04)]
        canvas.shade(smooth(wing), -0.3 - 0.2 * wrinkle, 0.4, width=0.8, lift=0.06)
        nostril = oval(side * w * 0.5, y + 0.025, 0.045, 0.02 + 0.01 * wrinkle)
        canvas.paint(nostril, person.skin * 0.32, 0.8, blur=0.3, lift=0.12)
        for k in range(3):
            bend = [(side * 0.01, -0.17 + 0.08 * k), (side * 0.07, -0.2 + 0.08 * k), (side * 0.12, -0.13 + 0.08 * k)]
            canvas.shade(smooth(bend), -0.4 * wrinkle, 0.35, width=0.6, lift=0.06)
        canvas.mark(0.06, **{f"nose_{name}": (side * w, y)})
    ridge = [(-0.025, -0.25), (0.025, -0.25), (0.035, 0.05), (-0.035, 0.05)]
    canvas.shade(ridge, 0.14 - 0.06 * wrinkle, 0.7, lift=0.12)
    canvas.shade(oval(0, y - 0.09, 0.06, 0.05), 0.16, 0.8, lift=0.16)
    canvas.shade(oval(0, y + 0.06, w * 0.8, 0.03), -0.22, 0.7)
    canvas.mark(0.06, nose_root=(0, -0.22))
    canvas.mark(0.16, nose_tip=(0, y - 0.07))
    half = [(0.07, -0.24), (0.12, 0.0), (w, y - 0.06), (w, y + 0.03)]
    canvas.region("nose", half + [(-x, y) for x, y in half[::-1]], 0.06)


def eye(canvas: Canvas, person: Identity, action: dict, name: str, side: int) -> None:
    """Socket, white, iris, lids and lashes of one eye."""
    x0, y0, w = side * person.eye, -0.17, person.eye_width
    closed = 0.55 * action["AU43"] + 0.3 * action["AU7"] + 0.15 * action["AU6"]
    up = person.eye_height * max(0.12, 1 + 0.75 * action["AU5"] - closed)
    low = person.eye_height * max(0.05, 0.75 + 0.3 * action["AU5"] - 0.4 * action["AU7"] - 0.65 * action["AU6"])
    t = np.linspace(-1, 1, 15)

    def lid(height):  # from the inner corner to the outer one
        return np.stack([x0 + side * w * t, y0 - person.tilt * t - height * (1 - np.abs(t) ** 2.2)], axis=1)

    upper, lower = lid(up), lid(-low)
    opening = np.vstack([upper, lower[::-1]])
    canvas.shade(oval(x0, y0 - 0.03, w * 1.25, 0.13), -0.22, 1.2)
    canvas.paint(opening, min(235, 0.45 * person.skin + 125), blur=0.15)
    for radius, grey in ((0.075, person.iris), (0.038, 8.0)):
        disc = oval(x0, y0 - 0.01, radius, radius)
        along = side * (disc[:, 0] - x0) / w
        disc[:, 1] = np.clip(disc[:, 1], np.interp(along, t, upper[:, 1]), np.interp(along, t, lower[:, 1]))
        canvas.paint(disc, grey)
    if up > 0.04:
        canvas.paint(oval(x0 + 0.03, y0 - 0.5 * up, 0.018, 0.018), 245, 0.8)
    canvas.paint(upper, person.skin * 0.22, 0.9, width=1.1, blur=0.15)
    canvas.paint(lower, person.skin * 0.5, 0.55, width=0.7, blur=0.2)
    canvas.shade(lid(up + 0.055), -0.25 + 0.1 * action["AU5"], 0.3, width=0.6)
    canvas.shade(lid(-low - 0.06), -0.12 - 0.25 * max(action["AU6"], 0.7 * action["AU7"]), 0.4, width=0.8)
    for k in (-1, 0, 1):
        feet = [(x0 + side * (w + 0.03), y0 + 0.03 * k), (x0 + side * (w + 0.12), y0 + 0.07 * k)]
        canvas.shade(feet, -0.3 * action["AU6"], 0.3, width=0.6)
    canvas.mark(**{f"eye_inner_{name}": upper[0], f"eye_outer_{name}": upper[-1]})
    canvas.mark(**{f"eye_upper_{name}": upper[7], f"eye_lower_{name}": lower[7]})
    canvas.region("eyes", opening)


def brow(canvas: Canvas, person: Identity, action: dict, name: str, side: int) -> None:
    """One brow, a stroke that thins outwards."""
    raised, outer, drawn = action["AU1"], action["AU2"], action["AU4"]
    down = drawn * (1 - 0.85 * raised)  # with the inner end raised, AU4 draws the brows together rather than down
    gain = 1 + side * person.lean
    line = np.array([
        (0.15 - 0.06 * drawn, person.brow - gain * (0.13 * raised - 0.11 * down)),
        (0.33 - 0.03 * drawn, person.brow - 0.045 - gain * (0.03 * raised * (1 - drawn) + 0.14 * outer - 0.07 * down)),
        (0.51 - 0.01 * drawn, person.brow + 0.02 - gain * (0.11 * outer - 0.01 * down - 0.05 * raised * drawn)),
    ])  # fmt: skip
    line = (line + np.array([person.eye - 0.31, 0])) * [side, 1]
    half = person.brow_thick * np.array([(0, 0.5), (0, 0.45), (0, 0.18)])
    stroke = np.vstack([smooth(line - half), smooth(line + half)[::-1]])
    canvas.paint(stroke, min(person.hair, person.skin * 0.55), 0.92, blur=0.3)
    names = [f"brow_{part}_{name}" for part in ("inner", "middle", "outer")]
    canvas.mark(**dict(zip(names, line, strict=True)))
    canvas.region("brows", stroke)


def frown(canvas: Canvas, person: Identity, action: dict) -> None:
    """The shadow between drawn brows; the skin between the brows belongs to their region."""
    y = person.brow - 0.1 * action["AU1"] + 0.1 * action["AU4"] * (1 - 0.85 * action["AU1"])
    canvas.shade(oval(0, y - 0.02, 0.055, 0.08), -0.4 * action["AU4"], 0.7)
    canvas.region("brows", [(-0.1, y - 0.06), (0.1, y - 0.06), (0.1, y + 0.03), (-0.1, y + 0.03)])


def _lips(person: Identity, action: dict) -> dict[str, np.ndarray]:
    """The four curves of the mouth from corner to corner, (33, 2) each: edges of the two lips."""
    t = np.linspace(-1, 1, 33)
    smile, stretch, jaw, part = (action[unit] for unit in ("AU12", "AU20", "AU26", "AU25"))
    narrow = 0.3 * jaw * (1 - smile) * (1 - stretch) + 0.08 * action["AU24"]
    half = person.mouth_width * (1 + 0.3 * smile + 0.32 * stretch - narrow)
    gap = part * (0.06 + 0.08 * smile + 0.07 * stretch + 0.07 * action["AU10"]) + 0.32 * jaw
    top = person.mouth - 0.08 * action["AU10"] - 0.03 * part - 0.03 * jaw - 0.02 * action["AU17"]
    rest = person.mouth + 0.1 * jaw + 0.12 * action["AU15"] + 0.03 * stretch
    lift = [(1 + side * person.lean) * (0.15 * smile + 0.14 * max(0.0, side * action["AU14"])) for _, side in SIDES]
    corners = np.interp(t, [-1, 1], rest - np.array(lift))
    # A parabola at rest, squarer when stretched, rounder with a dropped jaw.
    square = 2 + 2.5 * max(stretch, action["AU10"] * part)
    arch = np.maximum(0, 1 - np.abs(t) ** square) ** (1 - 0.4 * max(0.0, jaw))
    upper = corners + (top - corners) * arch
    lower = corners + (top + gap - corners) * arch
    full = person.lips * (1 - 0.7 * action["AU24"])
    bow = (1 - np.abs(t) ** 2.5) * (1 - 0.3 * np.exp(-((t / 0.14) ** 2)))
    heights = {
        "above": upper - 0.062 * full * (1 - 0.3 * smile) * bow,
        "upper": upper,
        "lower": lower,
        "below": lower + 0.085 * full * (1 - t**2) ** 0.8,
    }
    x = half * t + 0.05 * action["AU14"] * (t * action["AU14"] > 0) * np.abs(t)
    return {name: np.stack([x, y], axis=1) for name, y in heights.items()}


def _between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The polygon between two curves of the same course."""
    return np.vstack([first, second[::-1]])


def mouth(canvas: Canvas, person: Identity, action: dict) -> None:
    """Lips, mouth line, dimples; what shows between parted lips."""
    above, upper, lower, below = (curves := _lips(person, action)).values()
    ends, middle = (upper[0], upper[-1]), len(upper) // 2
    half, lip = upper[-1, 0], person.skin * person.lip_shade
    canvas.shade(oval(0, below[middle, 1] + 0.05, half * 0.6, 0.035), -0.2 - 0.15 * action["AU17"], 0.8)
    canvas.paint(_between(above, upper), lip * 0.86, blur=0.25)
    canvas.paint(_between(lower, below), lip, blur=0.25)
    shine = oval(0, (lower[middle, 1] + below[middle, 1]) / 2, half * 0.5, 0.25 * (below - lower)[middle, 1])
    canvas.shade(shine, 0.2, 0.5)
    if (lower - upper)[middle, 1] > 0.015:
        _teeth(canvas, person, action, upper, lower)
    canvas.paint(upper, person.skin * 0.25, 0.75, width=0.7, blur=0.2)
    for (name, side), (x, y) in zip(SIDES, ends, strict=True):
        pull = 0.4 * max(0.0, side * action["AU14"]) + 0.16 * action["AU12"]
        canvas.shade(oval(x + side * 0.03, y, 0.025, 0.05), -pull, 0.4)
        canvas.shade(oval(x, y, 0.03, 0.03), -0.25, 0.5)
        canvas.mark(**{f"mouth_{name}": (x, y)})
    names = {"above": "lip_upper", "upper": "inner_upper", "lower": "inner_lower", "below": "lip_lower"}
    canvas.mark(**{name: curves[curve][middle] for curve, name in names.items()})
    canvas.region("mouth", _between(above, below))


def _teeth(canvas: Canvas, person: Identity, action: dict, upper: np.ndarray, lower: np.ndarray):
    """Inside of an open mouth: dark, teeth along the upper lip and, where it is stretched, the lower one; tongue."""
    canvas.paint(_between(upper, lower), 22)
    enamel = min(245.0, 130 + 0.6 * person.skin)
    edge = upper + np.array([0, 0.03 + 0.1 * action["AU12"] + 0.05 * action["AU20"] + 0.05 * action["AU10"]])
    canvas.paint(_between(upper, np.minimum(edge, lower)), enamel, 0.95, blur=0.1)
    bite = np.maximum(lower - [0, 0.07 * max(action["AU20"], action["AU10"])], edge + np.array([0, 0.02]))
    canvas.paint(_between(np.minimum(lower, bite), lower), enamel * 0.85, 0.9, blur=0.1)
    if action["AU26"] > 0.4:
        canvas.paint(_between(np.maximum(upper, lower - [0, 0.09]), lower), person.skin * 0.45, 0.7, blur=0.4)
