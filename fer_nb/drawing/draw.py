"""Draw a 48x48 grey face from facial actions, with its landmarks and its region map.

Each action (expressions.ACTIONS) moves only what belongs to its own region and the skin around it: forehead lines,
cheeks, folds beside the mouth, chin.
"""

import cv2
import numpy as np

from fer_nb.drawing import features
from fer_nb.drawing.canvas import SIZE, SUPER, Canvas, View, oval, smooth
from fer_nb.drawing.expressions import ACTIONS, Identity
from fer_nb.drawing.features import SIDES

# Order of the landmark arrays; left and right as the viewer sees them.
LANDMARKS = (
    *(f"brow_{part}_{side}" for side in ("left", "right") for part in ("inner", "middle", "outer")),
    *(f"eye_{part}_{side}" for side in ("left", "right") for part in ("inner", "outer", "upper", "lower")),
    *("nose_root", "nose_tip", "nose_left", "nose_right"),
    *("mouth_left", "mouth_right", "lip_upper", "lip_lower", "inner_upper", "inner_lower", "chin"),
)


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
    features.nose(canvas, identity, action["AU9"])
    for name, side in SIDES:
        features.eye(canvas, identity, action, name, side)
        features.brow(canvas, identity, action, name, side)
    features.frown(canvas, identity, action)
    features.mouth(canvas, identity, action)
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
        crease = [
            (side * 0.2, 0.16),
            (side * (0.29 + bow), 0.28),
            (side * (0.36 + bow), 0.44),
            (side * (0.36 + bow), 0.52),
        ]
        canvas.shade(smooth(crease), -0.4 * min(1.0, fold), 0.6, width=0.9)


def _hair(canvas: Canvas, person: Identity):
    """Hair over the forehead, its shadow and its shine."""
    if person.style == "bald":
        return
    w, line = person.head, {"long": person.hairline - 0.06, "fringe": -0.5}.get(person.style, person.hairline)
    top = [(-w - 0.06, -0.2), (-w - 0.08, -0.7), (-0.45, -1.3), (0.45, -1.3), (w + 0.08, -0.7), (w + 0.06, -0.2)]
    temple = max(-0.58, line + 0.05)
    right = [(0.93 * w, -0.3), (0.88 * w, temple), (0.5 * w, line)]
    edge = smooth([*right, (-0.1 * w, line - 0.03), (-0.55 * w, line + 0.02), (-0.88 * w, temple), (-0.93 * w, -0.3)])
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
