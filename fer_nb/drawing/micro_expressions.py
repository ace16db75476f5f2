"""Drawn micro-expressions: faint clips from onset over apex to offset, in the three classes of MEGC2019.

    python -m fer_nb.drawing.micro_expressions runs/synthetic-micro/clips.npz --subjects 12 --per-subject 9 --seed 0

Every person shows every class equally often, on a face that is not quite neutral at rest, so that only motion tells the
class. The head drifts by a fraction of a pixel, the sensor is noisy, and each clip has its own light. Classes after See
et al. 2019 ("MEGC 2019: the second facial micro-expressions grand challenge"): happiness is positive; anger, disgust,
fear and sadness are negative; surprise stays.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from fer_nb import paths
from fer_nb.drawing.canvas import View
from fer_nb.drawing.draw import render
from fer_nb.drawing.expressions import ACTIONS, Identity, random_actions, random_identity, random_view
from fer_nb.drawing.synthetic import call
from fer_nb.files import replacing

CLASSES = ("negative", "positive", "surprise")
EXPRESSIONS = {"negative": ("Angry", "Disgust", "Fear", "Sad"), "positive": ("Happy",), "surprise": ("Surprise",)}

FRAMES = (9, 15)  # of a clip: the least and the most
STRENGTH = (0.1, 0.3)  # of the apex, the least and the most; 1 is a full expression
REST = 0.08  # deviation of each action at rest, one draw a person
DRIFT = 0.008  # deviation over a clip of the head's shift (face units, 24 pixels each) and roll (radians)
NOISE = 1.5  # deviation of the grey, 0..255


def levels(frames: int, intensity: float, rng: np.random.Generator) -> np.ndarray:
    """Strength of each frame, float32 (frames,): 0 at onset and offset, ``intensity`` at an apex near the middle."""
    time, apex = np.linspace(0, 1, frames), round(rng.uniform(0.35, 0.65) * (frames - 1)) / max(frames - 1, 1)
    phase = np.interp(time, [0, apex, 1], [0, 1, 0])
    return (intensity * (1 - np.cos(np.pi * phase)) / 2).astype(np.float32)


def path() -> Path:
    """Where the drawn clips of a checkout are."""
    return paths.RUNS / "synthetic-micro/clips.npz"


def draw(subjects: int = 12, per_subject: int = 9, seed: int = 0, progress: bool = False) -> dict[str, np.ndarray]:
    """``per_subject`` clips of each of ``subjects`` people.

    The classes take turns, so a person has equally many of each where ``per_subject`` is a multiple of three; the order
    of a person's clips is random. The same arguments give the same clips, and a person's clips do not depend on how
    many people there are.

    Returns:
        N clips as plain arrays, which ``data.clips.unpack`` makes a ClipSet of: apexes and labels int64 (N,), subjects,
        names and sources ("") str (N,), classes str (3,), counts int64 (N,) of frames, pixels uint8 (all frames, 48,
        48).

    Raises:
        ValueError: no subject, fewer clips a person than classes, or a seed below 0.
    """
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
                strengths = levels(int(rng.integers(FRAMES[0], FRAMES[1] + 1)), rng.uniform(*STRENGTH), rng)
                name = f"s{subject + 1:02d}"
                clip = _clip(person, rest, expression, strengths, rng)
                values = (clip, int(strengths.argmax()), int(label), name, f"{name}_{number + 1:02d}")
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


def _clip(person: Identity, rest: dict, expression: str, strengths, rng: np.random.Generator) -> np.ndarray:
    """One take, uint8 (T, 48, 48): the expression at given strengths on a face at rest, the head drifting."""
    full = random_actions(expression, 1.0, rng, wild=False)
    view, drift = random_view(rng, spread=0.15), DRIFT * np.clip(rng.standard_normal(3), -2, 2)
    drawn = []
    for time, level in zip(np.linspace(0, 1, len(strengths)), strengths, strict=True):
        actions = {unit: min(1.1, value + level * full.get(unit, 0.0)) for unit, value in rest.items()}
        drawn.append(render(person, actions, _moved(view, time * drift))[0])
    pictures = np.stack(drawn) * rng.uniform(0.8, 1.25)
    pictures = pictures + NOISE * rng.standard_normal(pictures.shape)
    return np.clip(np.rint(pictures), 0, 255).astype(np.uint8)


def _moved(view: View, by: np.ndarray) -> View:
    x, y = view.shift
    return replace(view, shift=(float(x + by[0]), float(y + by[1])), roll=float(view.roll + by[2]))


def write(path: Path, subjects: int = 12, per_subject: int = 9, seed: int = 0, progress: bool = True) -> None:
    """Draw clips into one npz file, which appears whole or not at all; arguments as for ``draw``.

    The same arguments give the same bytes. A file that is there is replaced.
    """
    arrays: dict[str, Any] = draw(subjects, per_subject, seed=seed, progress=progress)
    with replacing(path) as partial, partial.open("wb") as file:  # np.savez would add .npz to a name
        np.savez_compressed(file, **arrays)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m fer_nb.drawing.micro_expressions", description="Draw micro-expressions."
    )
    parser.add_argument("path", type=Path, help="the npz file to write")
    parser.add_argument("--subjects", type=int, default=12)
    parser.add_argument("--per-subject", type=int, default=9, help="clips of each subject")
    parser.add_argument("--seed", type=int, default=0)
    return call(write, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
