"""Draw a 48x48 grey face from facial actions, with its landmarks and its region map.

Each action (expressions.ACTIONS) moves only what belongs to its own region and the skin around it: forehead lines,
cheeks, folds beside the mouth, chin.
"""

import cv2
import numpy as np

from fer_nb.canvas import SIZE, SUPER, Canvas, View, oval, smooth
from fer_nb.expressions import ACTIONS, Identity

# Order of the landmark arrays; left and right as the viewer sees them.
LANDMARKS = (
    *(f"brow_{part}_{side}" for side in ("left", "right") for part in ("inner", "middle", "outer")),
    *(f"eye_{part}_{side}" for side in ("left", "right") for part in ("inner", "outer", "upper", "lower")),
    *("nose_root", "nose_tip", "nose_left", "nose_right"),
    *("mouth_left", "mouth_right", "lip_upper", "lip_lower", "inner_upper", "inner_lower", "chin"),
)
SIDES = (("left", -1), ("right", 1))


def render(identity: Identity, actions: dict[str, float], view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a face: picture float32 (48, 48) 0..255, landmarks float32 (25, 2) x y in pixels, region map uint8 (48, 48).

    ``actions`` gives the action units that are not at rest; an unknown one is a KeyError.
    """
    if unknown := sorted(set(actions) - set(ACTIONS)):
        raise KeyError(f"no action unit {unknown[0]}: known are {', '.join(ACTIONS)}")
    action = dict.fromkeys(ACTIONS, 0.0) | actions
    canvas = Canvas(view)
    canvas.backdrop()
    _head(canvas, identity, action)
    _folds(canvas, identity, action)
    _nose(canvas, identity, action["AU9"])
    for name, side in SIDES:
        _eye(canvas, identity, action, name, side)
        _brow(canvas, identity, action, name, side)
    _frown(canvas, identity, action)
    _mouth(canvas, identity, action)
    _hair(canvas, identity)
    canvas.relief(identity.head)
    _glasses(canvas, identity)
    picture = cv2.resize(np.clip(canvas.image, 0, 255), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    landmarks = np.array([canvas.landmarks[name] for name in LANDMARKS], np.float32)
    # A canvas pixel is SUPER times smaller than one of the picture, and both have their coordinates at the centre.
    landmarks = (landmarks + 0.5) / SUPER - 0.5
    return picture, landmarks, canvas.regions[SUPER // 2 :: SUPER, SUPER // 2 :: SUPER].copy()


def _head(canvas: Canvas, person: Identity, action: dict):
    """Hair behind, neck, ears, the skin of the head, the shadow of a beard."""
    w, j, chin = person.head, person.jaw, person.chin + 0.1 * action["AU26"] - 0.02 * action["AU17"]
    if person.style == "long":
        canvas.paint(oval(0, 0.15, w + 0.2, 1.25), person.hair, blur=0.6)
    canvas.paint([(-0.4, 0.6), (0.4, 0.6), (0.5, 1.6), (-0.5, 1.6)], person.skin * 0.65, blur=0.8)
    for _, side in SIDES:
        canvas.paint(oval(side * w, -0.08, 0.08, 0.18), person.skin * 0.8, blur=0.4)
    cheekbone, jaw, tip = (w * 0.97, 0.15), (w * (0.68 + 0.2 * j), chin - 0.32), (w * (0.24 + 0.2 * j), chin - 0.03)
    half = [(0, -1.08), (w * 0.72, -0.88), (w, -0.3), cheekbone, jaw, tip]
    outline = smooth([*half, (0, chin), *[(-x, y) for x, y in half[:0:-1]]], closed=True)
    canvas.paint(outline, person.skin, blur=0.3)
    canvas.mark(chin=(0, chin))
    if person.beard:
        lower = sorted(outline[outline[:, 1] > 0.15].tolist())
        upper = [(w * 0.6, 0.42), (0.24, 0.3), (0, 0.32), (-0.24, 0.3), (-w * 0.6, 0.42)]
        canvas.shade([*lower, *upper], -0.5 * person.beard, 1.2)


def _folds(canvas: Canvas, person: Identity, action: dict):
    """Forehead lines of raised brows; cheeks and nasolabial folds of a smile or a raised lip."""
    for k, y in enumerate((-0.6, -0.68)):
        reach = 0.16 + 0.22 * action["AU2"]
        line = smooth([(-reach, y), (0, y - 0.03 * action["AU2"]), (reach, y)])
        canvas.shade(line, -(0.1 + 0.2 * person.lines) * max(action["AU1"], action["AU2"]) / (1 + k), 0.45, width=0.6)
    cheek = max(action["AU6"], 0.7 * action["AU12"])
    fold = 0.3 * person.lines + 0.55 * action["AU12"] + 0.5 * action["AU10"] + 0.5 * action["AU9"]
    bow = 0.08 * action["AU12"] - 0.02 * action["AU9"]
    for _, side in SIDES:
        canvas.shade(oval(side * 0.42, 0.12 - 0.03 * cheek, 0.16, 0.12), 0.16 * cheek, 2.0)
        canvas.shade(oval(side * 0.5, 0.3, 0.1, 0.14), -0.16 * cheek, 2.0)
        line = [
            (side * 0.2, 0.16),
            (side * (0.29 + bow), 0.28),
            (side * (0.36 + bow), 0.44),
            (side * (0.36 + bow), 0.52),
        ]
        canvas.shade(smooth(line), -0.4 * min(1.0, fold), 0.6, width=0.9)


def _nose(canvas: Canvas, person: Identity, wrinkle: float):
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


def _eye(canvas: Canvas, person: Identity, action: dict, name: str, side: int):
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


def _brow(canvas: Canvas, person: Identity, action: dict, name: str, side: int):
    """One brow, a stroke that thins outwards."""
    raised, outer, drawn = action["AU1"], action["AU2"], action["AU4"]
    down = drawn * (1 - 0.85 * raised)  # with the inner end raised, AU4 draws the brows together rather than down
    gain = 1 + side * person.lean
    line = np.array([
        (0.15 - 0.06 * drawn, person.brow - gain * (0.13 * raised - 0.11 * down)),
        (0.33 - 0.03 * drawn, person.brow - 0.045 - gain * (0.03 * raised * (1 - drawn) + 0.14 * outer - 0.07 * down)),
        (0.51 - 0.01 * drawn, person.brow + 0.02 - gain * (0.11 * outer - 0.01 * down - 0.05 * raised * drawn)),
    ])  # fmt: skip
    line = (line + [person.eye - 0.31, 0]) * [side, 1]
    half = person.brow_thick * np.array([(0, 0.5), (0, 0.45), (0, 0.18)])
    stroke = np.vstack([smooth(line - half), smooth(line + half)[::-1]])
    canvas.paint(stroke, min(person.hair, person.skin * 0.55), 0.92, blur=0.3)
    canvas.mark(
        **{f"brow_{part}_{name}": point for part, point in zip(("inner", "middle", "outer"), line, strict=True)}
    )
    canvas.region("brows", stroke)


def _frown(canvas: Canvas, person: Identity, action: dict):
    """The shadow between drawn brows; the skin between the brows belongs to their region."""
    y = person.brow - 0.1 * action["AU1"] + 0.1 * action["AU4"] * (1 - 0.85 * action["AU1"])
    canvas.shade(oval(0, y - 0.02, 0.055, 0.08), -0.4 * action["AU4"], 0.7)
    canvas.region("brows", [(-0.1, y - 0.06), (0.1, y - 0.06), (0.1, y + 0.03), (-0.1, y + 0.03)])


def _mouth(canvas: Canvas, person: Identity, action: dict):
    """Lips, mouth line, dimples; what shows between parted lips."""
    t = np.linspace(-1, 1, 33)
    smile, stretch, jaw, part = (action[unit] for unit in ("AU12", "AU20", "AU26", "AU25"))
    narrow = 0.3 * jaw * (1 - smile) * (1 - stretch) + 0.08 * action["AU24"]
    half = person.mouth_width * (1 + 0.3 * smile + 0.32 * stretch - narrow)
    gap = part * (0.06 + 0.08 * smile + 0.07 * stretch + 0.07 * action["AU10"]) + 0.32 * jaw
    top = person.mouth - 0.08 * action["AU10"] - 0.03 * part - 0.03 * jaw - 0.02 * action["AU17"]
    corners = [
        person.mouth + 0.1 * jaw + 0.12 * action["AU15"] + 0.03 * stretch
        - (1 + side * person.lean) * (0.15 * smile + 0.14 * max(0.0, side * action["AU14"]))
        for _, side in SIDES
    ]  # fmt: skip
    base = np.interp(t, [-1, 1], corners)
    arch = (1 - np.abs(t) ** (2 + 2.5 * max(stretch, action["AU10"] * part))) ** (1 - 0.4 * jaw)
    x = half * t + 0.05 * action["AU14"] * (t * action["AU14"] > 0) * np.abs(t)
    upper, lower = base + (top - base) * arch, base + (top + gap - base) * arch
    press = 1 - 0.7 * action["AU24"]
    bow = (1 - np.abs(t) ** 2.5) * (1 - 0.3 * np.exp(-((t / 0.14) ** 2)))
    above = upper - 0.062 * person.lips * press * (1 - 0.3 * smile) * bow
    below = lower + 0.085 * person.lips * press * (1 - t**2) ** 0.8

    def band(first, second):
        return np.stack([np.concatenate([x, x[::-1]]), np.concatenate([first, second[::-1]])], axis=1)

    lip = person.skin * person.lip_shade
    canvas.shade(oval(0, below[16] + 0.05, half * 0.6, 0.035), -0.2 - 0.15 * action["AU17"], 0.8)
    canvas.paint(band(above, upper), lip * 0.86, blur=0.25)
    canvas.paint(band(lower, below), lip, blur=0.25)
    canvas.shade(oval(0, (lower[16] + below[16]) / 2, half * 0.5, 0.02 * press), 0.2, 0.5)
    if gap > 0.015:
        _teeth(canvas, person, action, band, upper, lower)
    canvas.paint(np.stack([x, upper], axis=1), person.skin * 0.25, 0.75, width=0.7, blur=0.2)
    for (_, side), end in zip(SIDES, (0, -1), strict=True):
        pull = 0.4 * max(0.0, side * action["AU14"]) + 0.16 * smile
        canvas.shade(oval(x[end] + side * 0.03, base[end], 0.025, 0.05), -pull, 0.4)
        canvas.shade(oval(x[end], base[end], 0.03, 0.03), -0.25, 0.5)
    canvas.mark(mouth_left=(x[0], base[0]), mouth_right=(x[-1], base[-1]))
    middle = {"lip_upper": above, "inner_upper": upper, "inner_lower": lower, "lip_lower": below}
    canvas.mark(**{name: (x[16], curve[16]) for name, curve in middle.items()})
    canvas.region("mouth", band(above, below))


def _teeth(canvas: Canvas, person: Identity, action: dict, band, upper: np.ndarray, lower: np.ndarray):
    """Inside of an open mouth: dark, teeth along the upper lip and, where it is stretched, the lower one; tongue."""
    canvas.paint(band(upper, lower), 22)
    enamel = min(245.0, 130 + 0.6 * person.skin)
    edge = upper + 0.03 + 0.1 * action["AU12"] + 0.05 * action["AU20"] + 0.05 * action["AU10"]
    canvas.paint(band(upper, np.minimum(edge, lower)), enamel, 0.95, blur=0.1)
    bite = 0.07 * max(action["AU20"], action["AU10"])
    canvas.paint(band(np.minimum(lower, np.maximum(lower - bite, edge + 0.02)), lower), enamel * 0.85, 0.9, blur=0.1)
    if action["AU26"] > 0.4:
        canvas.paint(band(np.maximum(upper, lower - 0.09), lower), person.skin * 0.45, 0.7, blur=0.4)


def _hair(canvas: Canvas, person: Identity):
    """Hair over the forehead, its shadow and its shine."""
    if person.style == "bald":
        return
    w, line = person.head, {"long": person.hairline - 0.06, "fringe": -0.5}.get(person.style, person.hairline)
    top = [(-w - 0.06, -0.2), (-w - 0.08, -0.7), (-0.45, -1.3), (0.45, -1.3), (w + 0.08, -0.7), (w + 0.06, -0.2)]
    temple, brink = (
        [(0.93 * w, -0.3), (0.88 * w, -0.58)],
        [(0.5 * w, line), (-0.1 * w, line - 0.03), (-0.55 * w, line + 0.02)],
    )
    edge = smooth([*temple, *brink, (-0.88 * w, -0.58), (-0.93 * w, -0.3)])
    canvas.shade(edge, -0.25, 0.8, width=1.5)
    canvas.paint(np.vstack([top, edge]), person.hair, blur=0.4)
    if person.style == "long":
        for _, side in SIDES:
            inner = [(w - 0.1, -0.55), (w - 0.02, 0.0), (w - 0.06, 0.5), (w + 0.02, 1.3)]
            lock = smooth(np.array([*inner, (w + 0.3, 1.3), (w + 0.25, -0.2)]) * [side, 1])
            canvas.paint(lock, person.hair * 0.9, 0.95, blur=0.6)
    canvas.shade(smooth([(-0.4, -0.93), (0, -0.98), (0.35, -0.9)]), 0.35, 1.2, width=1.5)


def _glasses(canvas: Canvas, person: Identity):
    """Frames, their bridge and temples."""
    if not person.glasses:
        return
    for _, side in SIDES:
        rim = oval(side * person.eye, -0.15, 0.21, 0.17)
        canvas.paint(np.vstack([rim, rim[:1]]), 25, 0.85, width=person.glasses, lift=0.1)
        temple = [(side * (person.eye + 0.21), -0.17), (side * person.head, -0.17)]
        canvas.paint(temple, 25, 0.85, width=person.glasses, lift=0.05)
    bridge = [(-person.eye + 0.21, -0.16), (0, -0.2), (person.eye - 0.21, -0.16)]
    canvas.paint(smooth(bridge), 25, 0.85, width=person.glasses, lift=0.12)
