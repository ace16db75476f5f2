"""Drawn micro-expressions: faint clips from onset over apex to offset, in the three classes of MEGC2019.

    python -m fer_nb.drawing.micro_expressions runs/synthetic-micro/micro.npz --condition micro --seed 0

Every person shows every class equally often, on a face that is not quite neutral at rest, so that only motion tells the
class. The head drifts by a fraction of a pixel, the sensor is noisy, and each clip has its own light. How hard a set of
clips is, ``CONDITIONS`` says: how far a face moves, how noisy the sensor is, how far the head drifts. Classes after See
et al. 2019 ("MEGC 2019: the second facial micro-expressions grand challenge"): happiness is positive; anger, disgust,
fear and sadness are negative; surprise stays.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from fer_nb import paths
from fer_nb.drawing.canvas import SIZE, View
from fer_nb.drawing.conditions import CONDITIONS, Condition
from fer_nb.drawing.draw import render
from fer_nb.drawing.expressions import ACTIONS, Identity, random_actions, random_identity, random_view
from fer_nb.drawing.synthetic import call
from fer_nb.files import replacing
from fer_nb.names import refuse_unknown

CLASSES = ("negative", "positive", "surprise")
EXPRESSIONS = {"negative": ("Angry", "Disgust", "Fear", "Sad"), "positive": ("Happy",), "surprise": ("Surprise",)}

FRAMES = (9, 15)  # of a clip: the least and the most
STRENGTH = (0.1, 0.3)  # of the apex, the least and the most; 1 is a full expression
REST = 0.08  # deviation of each action at rest, one draw a person
UNIT = SIZE / 2  # pixels in a face unit


def levels(frames: int, intensity: float, rng: np.random.Generator) -> np.ndarray:
    """Strength of each frame, float32 (frames,): 0 at onset and offset, ``intensity`` at an apex near the middle."""
    time, apex = np.linspace(0, 1, frames), round(rng.uniform(0.35, 0.65) * (frames - 1)) / max(frames - 1, 1)
    phase = np.interp(time, [0, apex, 1], [0, 1, 0])
    return (intensity * (1 - np.cos(np.pi * phase)) / 2).astype(np.float32)


def path(condition: str = "micro") -> Path:
    """Where the drawn clips of a checkout are; ``condition``: of CONDITIONS."""
    return paths.RUNS / f"synthetic-micro/{condition}.npz"


def draw(
    subjects: int = 0, per_subject: int = 9, seed: int = 0, progress: bool = False, condition: str = "micro"
) -> dict[str, np.ndarray]:
    """``per_subject`` clips of each of ``subjects`` people (0: as many as the condition has).

    The classes take turns, so a person has equally many of each where ``per_subject`` is a multiple of three; the order
    of a person's clips is random. The same arguments give the same clips, and a person's clips do not depend on how
    many people there are.

    Returns:
        N clips as plain arrays, which ``data.clips.unpack`` makes a ClipSet of: apexes and labels int64 (N,), subjects,
        names and sources ("") str (N,), classes str (3,), counts int64 (N,) of frames, pixels uint8 (all frames, 48,
        48).

    Raises:
        ValueError: an unknown condition, fewer than 0 subjects, fewer clips a person than classes, or a seed below 0.
    """
    refuse_unknown("condition", [condition], CONDITIONS)
    hard = CONDITIONS[condition]
    subjects = hard.subjects if subjects == 0 else subjects
    lowest = {"subjects": (subjects, 1), "per_subject": (per_subject, len(CLASSES)), "seed": (seed, 0)}
    for name, (value, least) in lowest.items():
        if value < least:
            raise ValueError(f"{name} is {value}: it must be at least {least}")
    found = {"frames": [], "apexes": [], "labels": [], "subjects": [], "names": []}
    total = subjects * per_subject
    with tqdm(total=total, desc="drawing clips", mininterval=5, disable=not progress) as bar:
        for subject in range(subjects):
            rng = np.random.default_rng([seed, 6, subject])
            person, rest = random_identity(rng), _rest(rng)
            for number, label in enumerate(rng.permutation(np.arange(per_subject) % len(CLASSES))):
                expression = str(rng.choice(EXPRESSIONS[CLASSES[label]]))
                frames, intensity = int(rng.integers(FRAMES[0], FRAMES[1] + 1)), rng.uniform(*STRENGTH)
                phases, name = levels(frames, 1.0, rng), f"s{subject + 1:02d}"
                clip = _clip(person, rest, expression, phases, intensity, hard, rng)
                values = (clip, int(phases.argmax()), int(label), name, f"{name}_{number + 1:02d}")
                for column, entry in zip(found.values(), values, strict=True):
                    column.append(entry)
                bar.update()
    clips = found.pop("frames")
    arrays = {name: np.array(values) for name, values in found.items()}
    arrays |= {"sources": np.full(total, ""), "classes": np.array(CLASSES)}
    return arrays | {"counts": np.array([len(clip) for clip in clips]), "pixels": np.concatenate(clips)}


def _rest(rng: np.random.Generator) -> dict[str, float]:
    """How a person holds the face at rest: every action a little above 0, but the one-sided AU14."""
    return {unit: abs(REST * float(rng.standard_normal())) for unit in ACTIONS if unit != "AU14"}


def _clip(
    person: Identity, rest: dict, expression: str, phases, intensity: float, hard: Condition, rng: np.random.Generator
) -> np.ndarray:
    """One take, uint8 (T, 48, 48): the expression on a face at rest, ``phases`` of its apex, the head drifting.

    The apex is of strength ``intensity``, or as strong as the condition's motion needs.
    """
    full = random_actions(expression, 1.0, rng, wild=False)
    view, drift = random_view(rng, spread=0.15), hard.drift / UNIT * np.clip(rng.standard_normal(3), -2, 2)

    def actions(level: float) -> dict[str, float]:
        return {unit: min(1.1, value + level * full.get(unit, 0.0)) for unit, value in rest.items()}

    if hard.motion:
        intensity = _strength(lambda level: render(person, actions(level), view)[1], hard.motion)
    drawn = [
        render(person, actions(intensity * phase), _moved(view, time * drift))[0]
        for time, phase in zip(np.linspace(0, 1, len(phases)), phases, strict=True)
    ]
    pictures = np.stack(drawn) * rng.uniform(0.8, 1.25)
    pictures = pictures + hard.noise * rng.standard_normal(pictures.shape)
    return np.clip(np.rint(pictures), 0, 255).astype(np.uint8)


def _strength(landmarks: Callable[[float], np.ndarray], motion: float) -> float:
    """The strength, at most 1, at which the landmark that moves farthest is ``motion`` pixels from where it rests."""
    still, found = landmarks(0.0), 1.0
    for _ in range(3):  # displacements are nearly proportional to the strength
        moved = np.linalg.norm(landmarks(found) - still, axis=1).max()
        found = min(1.0, found * motion / max(moved, 1e-6))
    return found


def _moved(view: View, by: np.ndarray) -> View:
    x, y = view.shift
    return replace(view, shift=(float(x + by[0]), float(y + by[1])), roll=float(view.roll + by[2]))


def write(
    path: Path,
    subjects: int = 0,
    per_subject: int = 9,
    seed: int = 0,
    progress: bool = True,
    condition: str = "micro",
) -> None:
    """Draw clips into one npz file, which appears whole or not at all; arguments as for ``draw``.

    The same arguments give the same bytes. A file that is there is replaced.
    """
    arrays: dict[str, Any] = draw(subjects, per_subject, seed=seed, progress=progress, condition=condition)
    with replacing(path) as partial, partial.open("wb") as file:  # np.savez would add .npz to a name
        np.savez_compressed(file, **arrays)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m fer_nb.drawing.micro_expressions", description="Draw micro-expressions."
    )
    parser.add_argument("path", type=Path, help="the npz file to write")
    parser.add_argument("--condition", default="micro", help=f"one of {', '.join(CONDITIONS)}")
    parser.add_argument("--subjects", type=int, default=0, help="0: as many as the condition has")
    parser.add_argument("--per-subject", type=int, default=9, help="clips of each subject")
    parser.add_argument("--seed", type=int, default=0)
    return call(write, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
