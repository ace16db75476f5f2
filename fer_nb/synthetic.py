"""Drawn faces in the very formats of FER2013, FERPlus and CK+48, with what the real sets suffer from.

    python -m fer_nb.synthetic FOLDER --faces 3000 --sequences 99 --seed 0

Faces come from draw.py and expressions.py (which tells what decides between two expressions). The pictures of the
wild have poses, uneven light, noise, blur, watermarks, wrong labels, repeats and non-faces in the proportions measured in
FER2013 and FERPlus; the laboratory's are frontal, evenly lit and rightly labelled. The truth stands beside them:

    landmarks/fer2013.npz, ckplus.npz   picture by picture in the order of the rows (of the file names, class after class):
        landmarks float32 (N, 25, 2) x y in pixels, NaN for a non-face; names str (25,); regions uint8 (N, 48, 48),
        positions in canvas.REGIONS; expressions str (N,), "" for a non-face; strengths float32 (N,), 0 rest .. 1 full
    sequences/clips.npz   faint expressions from onset over apex to offset: frames uint8 (21, 9, 48, 48),
        expressions str (21,), subjects int64 (21,), levels float32 (21, 9)
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from fer_nb.canvas import SIZE
from fer_nb.capture import clip, non_face, wild
from fer_nb.draw import LANDMARKS, render
from fer_nb.expressions import STRENGTH, Identity, random_actions, random_identity, random_view

# FER2013's classes in the order of their codes, and their shares; disgust (1.5% there) is kept learnable.
FER_SHARES = {
    "Angry": 0.135, "Disgust": 0.045, "Fear": 0.135, "Happy": 0.245, "Sad": 0.165, "Surprise": 0.11, "Neutral": 0.165,
}  # fmt: skip
USAGE_SHARES = {"Training": 0.8, "PublicTest": 0.1, "PrivateTest": 0.1}

# FERPlus's vote columns, and the one for each expression.
VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
COLUMN = {
    "Angry": "anger", "Disgust": "disgust", "Fear": "fear", "Happy": "happiness", "Sad": "sadness",
    "Surprise": "surprise", "Neutral": "neutral", "Contempt": "contempt",
}  # fmt: skip
ANNOTATORS = 10

# CK+48's folders and sequences (Lucey et al. 2010), in the thesis's order.
CK_SEQUENCES = {
    "Angry": ("anger", 45), "Disgust": ("disgust", 59), "Fear": ("fear", 25), "Happy": ("happy", 69),
    "Sad": ("sadness", 28), "Surprise": ("surprise", 83), "Contempt": ("contempt", 18),
}  # fmt: skip

# What FER2013 suffers from, as shares of its pictures; NON_FACE is FERPlus's.
WRONG_LABEL = 0.2
REPEATED = {"Training": 0.045, "PublicTest": 0.08, "PrivateTest": 0.08}  # byte for byte one of Training's
RELABELLED = 0.04  # repeats whose label is another one
NON_FACE = 0.005

# What an expression is taken for, by people as by whoever labelled FER2013.
MISTAKEN = {
    "Angry": {"Neutral": 0.4, "Disgust": 0.3, "Sad": 0.15, "Fear": 0.1, "Contempt": 0.05},
    "Disgust": {"Angry": 0.6, "Sad": 0.2, "Contempt": 0.1, "Neutral": 0.1},
    "Fear": {"Surprise": 0.5, "Sad": 0.25, "Angry": 0.1, "Neutral": 0.15},
    "Happy": {"Neutral": 0.7, "Contempt": 0.1, "Surprise": 0.2},
    "Sad": {"Neutral": 0.65, "Fear": 0.15, "Angry": 0.1, "Disgust": 0.1},
    "Surprise": {"Fear": 0.55, "Happy": 0.2, "Neutral": 0.25},
    "Neutral": {"Sad": 0.55, "Contempt": 0.15, "Happy": 0.15, "Angry": 0.15},
    "Contempt": {"Neutral": 0.6, "Happy": 0.25, "Disgust": 0.15},
}


def sequence(
    identity: Identity, expression: str, frames: int, intensity: float, rng: np.random.Generator
) -> np.ndarray:
    """A clip uint8 (frames, 48, 48) in laboratory light: from rest to ``intensity`` (0..1) at its apex and back."""
    return clip(identity, expression, levels(frames, intensity, rng), rng)[0]


def levels(frames: int, intensity: float, rng: np.random.Generator) -> np.ndarray:
    """Strength of each frame, float32 (frames,): 0 at onset and offset, ``intensity`` at an apex near the middle."""
    time, apex = np.linspace(0, 1, frames), round(rng.uniform(0.35, 0.65) * (frames - 1)) / max(frames - 1, 1)
    phase = np.interp(time, [0, apex, 1], [0, 1, 0])
    return (intensity * (1 - np.cos(np.pi * phase)) / 2).astype(np.float32)


def annotate(expression: str, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Ten annotators' votes, int64 (10,) in the order of VOTES, for a face; "" is a non-face.

    The weaker the expression, the more of them say neutral, or what it is mistaken for.
    """
    if not expression:
        return np.where(np.array(VOTES) == "NF", ANNOTATORS, 0)
    clear = 0.92 if expression == "Neutral" else 0.95 * strength**2 / (strength**2 + 0.3**2)
    chances = dict.fromkeys(VOTES, 0.003) | {"unknown": 0.04}
    chances[COLUMN[expression]] += clear
    chances["neutral"] += 0.7 * (1 - clear)
    for other, share in MISTAKEN[expression].items():
        chances[COLUMN[other]] += (0.3 * (1 - clear) + 0.08) * share
    shares = np.array(list(chances.values()))
    return rng.multinomial(ANNOTATORS, shares / shares.sum())


def apportion(total: int, shares, least: int = 0) -> np.ndarray:
    """``total`` in whole parts by ``shares`` (largest remainder), each at least ``least``; int64."""
    wanted = least + (total - least * len(shares)) * np.asarray(shares, float) / np.sum(shares)
    parts = np.floor(wanted).astype(np.int64)
    parts[np.argsort(parts - wanted, kind="stable")[: total - parts.sum()]] += 1
    return parts


def _plan(faces: int, seed: int) -> list[dict]:
    """What each row of FER2013 shows: usage, label, expression, strength, and the row that it repeats."""
    rng = np.random.default_rng([seed, 0])
    rows, names = [], list(FER_SHARES)
    for usage, count in zip(USAGE_SHARES, apportion(faces, list(USAGE_SHARES.values())), strict=True):
        labels = np.repeat(np.arange(len(names)), apportion(count, list(FER_SHARES.values())))
        for label in rng.permutation(labels):
            others = MISTAKEN[names[label]]
            wrong = rng.random() < WRONG_LABEL
            expression = str(rng.choice(list(others), p=list(others.values()))) if wrong else names[label]
            strength = float(rng.beta(*STRENGTH)) * (expression != "Neutral")
            rows.append({"usage": usage, "label": int(label), "expression": expression, "strength": strength})
    for kind, row in enumerate(rng.choice(faces, max(4, round(NON_FACE * faces)), replace=False)):
        rows[row].update(expression="", strength=0.0, kind=kind)
    originals = {label: [] for label in range(len(names))}  # rows of Training that may be repeated, by label
    for number, row in enumerate(rows):
        if not row["expression"]:
            continue
        label = row["label"] if rng.random() > RELABELLED else int(rng.integers(len(names)))
        if originals[label] and rng.random() < REPEATED[row["usage"]]:
            source = int(rng.choice(originals[label]))
            row.update(repeats=source, expression=rows[source]["expression"], strength=rows[source]["strength"])
        elif row["usage"] == "Training":
            originals[row["label"]].append(number)
    return rows


def _wild_face(row: dict, rng: np.random.Generator):
    """Picture, landmarks and region map of one planned row."""
    if not row["expression"]:
        return (
            non_face(row["kind"], rng),
            np.full((len(LANDMARKS), 2), np.nan, np.float32),
            np.zeros((SIZE, SIZE), np.uint8),
        )
    actions = random_actions(row["expression"], row["strength"], rng)
    picture, landmarks, regions = render(random_identity(rng), actions, random_view(rng))
    return wild(picture, rng), landmarks, regions


def _write_wild(folder: Path, faces: int, seed: int, bar: tqdm):
    rows, drawn, votes = _plan(faces, seed), [], []
    for number, row in enumerate(rows):
        rng = np.random.default_rng([seed, 1, number])
        drawn.append(drawn[row["repeats"]] if "repeats" in row else _wild_face(row, rng))
        votes.append(annotate(row["expression"], row["strength"], rng))
        bar.update()
    for name in ("fer2013", "ferplus"):
        (folder / name).mkdir()
    with (folder / "fer2013/fer2013.csv").open("w") as pixels, (folder / "ferplus/fer2013new.csv").open("w") as ballots:
        pixels.write("emotion,pixels,Usage\n")
        ballots.write(f"Usage,Image name,{','.join(VOTES)}\n")
        for number, (row, face, vote) in enumerate(zip(rows, drawn, votes, strict=True)):
            pixels.write(f"{row['label']},{' '.join(map(str, face[0].ravel().tolist()))},{row['usage']}\n")
            name = f"fer{number:07d}.png" if row["expression"] else ""
            ballots.write(f"{row['usage']},{name},{','.join(map(str, vote.tolist()))}\n")
    _write_truth(
        folder / "landmarks/fer2013.npz", drawn, [row["expression"] for row in rows], [row["strength"] for row in rows]
    )


def _write_lab(folder: Path, sequences: int, seed: int, bar: tqdm):
    counts = apportion(sequences, [count for _, count in CK_SEQUENCES.values()], least=min(10, sequences // 7))
    people = max(counts.max(), round(sequences * 118 / 327))  # CK+48: 118 subjects in 327 sequences
    taken, takes = dict.fromkeys(range(people), 0), []
    for number, expression in enumerate(np.repeat(list(CK_SEQUENCES), counts)):
        subject = number % people
        taken[subject] += 1
        rng = np.random.default_rng([seed, 2, number])
        person = random_identity(np.random.default_rng([seed, 3, subject]))
        strengths = rng.uniform(0.7, 1.0) * np.array([0.85, 0.93, 1.0])
        first = int(rng.integers(9, 40))
        name = f"S{10 + subject:03d}_{taken[subject]:03d}"
        takes.append((str(expression), name, first, strengths, clip(person, str(expression), strengths, rng)))
        bar.update(3)
    order, drawn, truth = list(CK_SEQUENCES), [], []
    for expression, name, first, strengths, frames in sorted(takes, key=lambda take: (order.index(take[0]), take[1])):
        place = folder / "ck+/CK+48" / CK_SEQUENCES[expression][0]
        place.mkdir(parents=True, exist_ok=True)
        for frame, face in enumerate(zip(*frames, strict=True)):
            cv2.imwrite(str(place / f"{name}_{first + frame:08d}.png"), face[0])
            drawn.append(face)
            truth.append((expression, strengths[frame]))
    _write_truth(folder / "landmarks/ckplus.npz", drawn, *zip(*truth, strict=True))


def _write_truth(path: Path, drawn: list, expressions, strengths):
    path.parent.mkdir(exist_ok=True)
    _, landmarks, regions = (np.stack(part) for part in zip(*drawn, strict=True))
    truth = {"landmarks": landmarks, "names": np.array(LANDMARKS), "regions": regions}
    np.savez_compressed(path, **truth, expressions=np.array(expressions), strengths=np.array(strengths, np.float32))


def _write_clips(folder: Path, seed: int, bar: tqdm):
    found = {"frames": [], "expressions": [], "subjects": [], "levels": []}
    for number in range(21):
        expression = list(FER_SHARES)[number % 7] if number % 7 < 6 else "Contempt"
        rng = np.random.default_rng([seed, 4, number])
        strengths = levels(9, rng.uniform(0.25, 0.6), rng)
        frames = clip(random_identity(np.random.default_rng([seed, 5, number // 7])), expression, strengths, rng)[0]
        for name, value in zip(found, (frames, expression, number // 7, strengths), strict=True):
            found[name].append(value)
        bar.update(9)
    (folder / "sequences").mkdir()
    np.savez_compressed(folder / "sequences/clips.npz", **{name: np.array(value) for name, value in found.items()})


def write(folder: Path, faces: int = 3000, sequences: int = 99, seed: int = 0, progress: bool = True) -> None:
    """Draw ``faces`` pictures of the wild and ``sequences`` of the laboratory (three frames each) into ``folder``.

    The same arguments give the same files. The folder appears complete or not at all; where it is there already with the
    same arguments, also by another process in the meantime, it stays. Raises FileExistsError where it holds anything else,
    ValueError for fewer than 40 faces or 7 sequences, or a seed below 0.
    """
    folder, arguments = Path(folder), {"faces": faces, "sequences": sequences, "seed": seed}
    for name, least in (("faces", 40), ("sequences", 7), ("seed", 0)):
        if arguments[name] < least:
            raise ValueError(f"{name} is {arguments[name]}: it must be at least {least}")
    if folder.exists():
        return _settle(folder, arguments)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        draft = Path(scratch, folder.name)
        draft.mkdir()
        with tqdm(total=faces + 3 * sequences + 21 * 9, desc="drawing faces", unit="", disable=not progress) as bar:
            _write_wild(draft, faces, seed, bar)
            _write_lab(draft, sequences, seed, bar)
            _write_clips(draft, seed, bar)
        (draft / "meta.json").write_text(json.dumps(arguments) + "\n")
        try:
            os.replace(draft, folder)
        except OSError:
            if not folder.exists():
                raise
            _settle(folder, arguments)


def _settle(folder: Path, arguments: dict):
    """Accept a folder that was drawn with the same arguments; refuse any other."""
    meta = folder / "meta.json"
    if not meta.is_file() or json.loads(meta.read_text()) != arguments:
        raise FileExistsError(f"{folder}: there already, and not drawn with {arguments}; remove it or name another")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m fer_nb.synthetic", description="Draw the synthetic face sets.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--faces", type=int, default=3000, help="pictures in the manner of FER2013")
    parser.add_argument("--sequences", type=int, default=99, help="sequences in the manner of CK+, three frames each")
    parser.add_argument("--seed", type=int, default=0)
    try:
        write(**vars(parser.parse_args(arguments)))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
