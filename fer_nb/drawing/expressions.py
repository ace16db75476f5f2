"""Who is drawn, how a face is seen, and which facial actions make which expression.

The action units are those of the Facial Action Coding System (Ekman and Friesen 1978); what each expression is made of
follows its guide to the emotions.

What tells two expressions apart is known. All expressions share one distribution of strength, of actions besides and
of views, so two of them differ only in the regions whose action units have other values in ``EXPRESSIONS``
(``deciding_regions``): angry and disgusted faces have the same brows and eyes and differ in nose and mouth; fearful
and surprised ones have the same eyes and noses and differ in brows and mouth; contempt differs from neutral in the
mouth alone. (Neutral is strength 0: against it, every region counts that moves.)
"""

from dataclasses import dataclass

import numpy as np

from fer_nb.drawing.canvas import REGIONS, View

# How hard the wild faces are: a net is to land between 60% and 95% on them.
STRENGTH = (4.0, 1.2)  # beta distribution of an expression's strength, 0..1
JITTER = 0.12  # deviation of each action, share of its strength
RESTING = 0.05  # deviation of every action whatever the expression
CHANCE = 0.08  # share of faces that do something besides: talk, blink, frown at the light
ROLL, YAW, PITCH = 0.07, 0.12, 0.06  # deviations of the pose, radians

# Action unit -> (region, what it does). 0 is rest and 1 full; AU14 runs from -1 (left corner) to 1 (right corner).
ACTIONS = {
    "AU1": ("brows", "inner brow raiser"),
    "AU2": ("brows", "outer brow raiser"),
    "AU4": ("brows", "brow lowerer, draws the brows together"),
    "AU5": ("eyes", "upper lid raiser"),
    "AU6": ("eyes", "cheek raiser: lower lid up, crow's feet"),
    "AU7": ("eyes", "lid tightener"),
    "AU43": ("eyes", "drooping upper lid"),
    "AU9": ("nose", "nose wrinkler"),
    "AU10": ("mouth", "upper lip raiser"),
    "AU12": ("mouth", "lip corner puller"),
    "AU14": ("mouth", "dimpler, one corner"),
    "AU15": ("mouth", "lip corner depressor"),
    "AU17": ("mouth", "chin raiser: lower lip up"),
    "AU20": ("mouth", "lip stretcher"),
    "AU24": ("mouth", "lip presser"),
    "AU25": ("mouth", "lips part"),
    "AU26": ("mouth", "jaw drop"),
}

# Expression -> its variants. The values of a variant hold at full strength.
EXPRESSIONS = {
    "Angry": (
        {"AU4": 0.9, "AU7": 0.8, "AU24": 0.9, "AU17": 0.3},
        {"AU4": 0.9, "AU7": 0.8, "AU10": 0.5, "AU20": 0.3, "AU25": 1.0},
    ),
    "Disgust": (
        {"AU4": 0.9, "AU7": 0.8, "AU9": 1.0, "AU10": 0.9, "AU17": 0.4},
        {"AU4": 0.9, "AU7": 0.8, "AU9": 1.0, "AU10": 1.0, "AU25": 0.8},
    ),
    "Fear": (
        {"AU1": 1.0, "AU2": 0.7, "AU4": 0.8, "AU5": 0.9, "AU20": 0.9, "AU25": 1.0},
        {"AU1": 1.0, "AU2": 0.7, "AU4": 0.8, "AU5": 0.9, "AU20": 0.6, "AU25": 0.6, "AU26": 0.4},
    ),
    "Happy": (
        {"AU6": 0.8, "AU12": 1.0, "AU25": 1.0},
        {"AU6": 0.8, "AU12": 1.0},
    ),
    "Sad": (
        {"AU1": 0.9, "AU4": 0.7, "AU43": 0.6, "AU15": 1.0, "AU17": 0.4},
    ),
    "Surprise": (
        {"AU1": 1.0, "AU2": 1.0, "AU5": 0.9, "AU25": 0.5, "AU26": 1.0},
        {"AU1": 1.0, "AU2": 1.0, "AU5": 0.9, "AU25": 0.5, "AU26": 0.5},
    ),
    "Neutral": ({},),
    "Contempt": ({"AU14": 1.0}, {"AU14": -1.0}),
}  # fmt: skip

# What a face does besides its expression.
CHANCE_ACTIONS = (
    {"AU25": 0.8, "AU26": 0.3},
    {"AU43": 1.0},
    {"AU1": 0.5, "AU2": 0.5},
    {"AU4": 0.6, "AU7": 0.5},
    {"AU24": 0.8},
)


def deciding_regions(first: str, second: str) -> tuple[str, ...]:
    """The regions whose actions differ between two expressions; the others are drawn from one distribution.

    The skin around a region follows its actions: cheeks, forehead, chin, the folds beside the mouth.
    """

    def moved(expression: str, region: str) -> set[tuple[float, ...]]:
        units = [unit for unit, (where, _) in ACTIONS.items() if where == region]
        return {tuple(variant.get(unit, 0.0) for unit in units) for variant in EXPRESSIONS[expression]}

    return tuple(region for region in REGIONS[1:] if moved(first, region) != moved(second, region))


@dataclass(frozen=True)
class Identity:
    """One person. Lengths in face units (canvas.py), greys 0..255, the rest shares 0..1."""

    head: float = 0.72  # half width
    jaw: float = 0.5  # 0 pointed .. 1 square
    chin: float = 0.92  # y
    skin: float = 175.0  # grey
    hair: float = 50.0  # grey
    style: str = "short"  # bald, short, fringe, long
    hairline: float = -0.72  # y
    eye: float = 0.31  # x of an eye's middle
    eye_width: float = 0.15  # half width
    eye_height: float = 0.07  # half height
    tilt: float = 0.02  # outer corner above the inner one
    iris: float = 55.0  # grey
    brow: float = -0.38  # y
    brow_thick: float = 0.055
    nose: float = 0.2  # y of the wings
    nose_width: float = 0.15  # half width
    mouth: float = 0.5  # y
    mouth_width: float = 0.26  # half width
    lips: float = 1.0  # fullness, times
    lip_shade: float = 0.72  # times the skin
    beard: float = 0.0
    lines: float = 0.2  # folds that show at rest
    glasses: float = 0.0  # thickness of the frame, pixels; 0 none
    lean: float = 0.0  # the right side moves more than the left by this share


def random_identity(rng: np.random.Generator) -> Identity:
    """A person: face, skin, hair, beard and glasses vary; most traits about Identity's middle ones."""

    def about(middle, deviation):
        return float(middle + deviation * np.clip(rng.standard_normal(), -2, 2))

    skin = about(*((190, 16), (150, 16), (95, 14))[rng.choice(3, p=(0.6, 0.25, 0.15))])
    beard = rng.uniform(0.4, 1.0) if rng.random() < 0.22 else 0.0
    style = str(
        rng.choice(("short", "long", "fringe", "bald"), p=(0.7, 0.05, 0.1, 0.15) if beard else (0.3, 0.45, 0.2, 0.05))
    )
    hair = rng.uniform(60, 190) if skin > 130 and rng.random() < 0.4 else rng.uniform(15, 60)
    return Identity(
        head=about(0.72, 0.03), jaw=rng.uniform(0.1, 0.9), chin=about(0.92, 0.03),
        skin=skin, hair=hair, style=style, hairline=about(-0.72, 0.05),
        eye=about(0.31, 0.015), eye_width=about(0.15, 0.012), eye_height=about(0.07, 0.009), tilt=about(0.015, 0.015),
        iris=rng.uniform(25, 110), brow=about(-0.38, 0.02), brow_thick=about(0.055, 0.013),
        nose=about(0.2, 0.02), nose_width=about(0.15, 0.018), mouth=about(0.5, 0.025), mouth_width=about(0.26, 0.02),
        lips=about(1.0, 0.2), lip_shade=rng.uniform(0.6, 0.85), beard=beard, lines=rng.uniform(0, 0.9) ** 2,
        glasses=rng.uniform(0.5, 1.1) if rng.random() < 0.13 else 0.0, lean=about(0.0, 0.06),
    )  # fmt: skip


def random_view(rng: np.random.Generator, spread: float = 1.0) -> View:
    """How a face is seen; ``spread`` scales pose and unevenness of light (1: pictures of the wild, 0: a laboratory)."""
    roll, yaw, pitch = spread * np.array([ROLL, YAW, PITCH]) * np.clip(rng.standard_normal(3), -2.2, 2.2)
    side, above = spread * rng.uniform(-0.9, 0.9), -0.3 + 0.5 * spread * rng.uniform(-1, 1)
    grey = rng.uniform(15, 235)
    return View(
        roll=float(roll), yaw=float(yaw), pitch=float(pitch), scale=float(1.08 + 0.1 * spread * rng.uniform(-1, 1)),
        shift=(float(0.05 * spread * rng.uniform(-1, 1)), float(0.03 + 0.06 * spread * rng.uniform(-1, 1))),
        light=(float(side), float(above)), contrast=float(rng.uniform(0.35, 0.35 + 0.4 * spread)),
        background=(float(grey), float(np.clip(grey + 60 * rng.uniform(-1, 1), 0, 255))),
    )  # fmt: skip


def random_actions(expression: str, strength: float, rng: np.random.Generator, wild: bool = True) -> dict[str, float]:
    """Action units of an expression at a strength 0..1: one of its variants, each action jittered.

    Where ``wild``, every action also wanders about rest and a share ``CHANCE`` of the faces does something besides.
    """
    variant = EXPRESSIONS[expression][rng.integers(len(EXPRESSIONS[expression]))]
    action = {unit: strength * value * max(0.3, 1 + JITTER * rng.standard_normal()) for unit, value in variant.items()}
    if wild:
        besides = CHANCE_ACTIONS[rng.integers(len(CHANCE_ACTIONS))] if rng.random() < CHANCE else {}
        for unit in ACTIONS:
            rest = abs(RESTING * rng.standard_normal()) + besides.get(unit, 0.0)
            if unit != "AU14":
                action[unit] = action.get(unit, 0.0) + rest
    return {unit: float(np.clip(value, -1.1, 1.1)) for unit, value in action.items()}
