"""Drawn faces in the formats of FER2013, FERPlus and CK+48, with the faults of the real sets.

    python -m fer_nb.drawing.synthetic FOLDER --faces 1500 --sequences 180 --seed 0

Pictures of the wild, in FER2013's form, have poses, uneven light, noise, blur, watermarks, wrong labels, repeats and
non-faces in about the proportions measured in FER2013 and FERPlus; those of the laboratory, in CK+'s, are frontal,
evenly lit and rightly labelled. Which regions decide between which expressions: drawing/expressions.py. Beside them:

    landmarks/fer2013.npz, ckplus.npz   the truth, in the order of the rows, or of the file names class after class:
        landmarks float32 (N, 25, 2) x y in pixels, NaN for a non-face; names str (25,); regions uint8 (N, 48, 48),
        positions in drawing.canvas.REGIONS; expressions str (N,), "" for a non-face; strengths float32 (N,), 0 to 1
    meta.json   the arguments that drew it all
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from fer_nb.drawing.canvas import SIZE
from fer_nb.drawing.capture import clip, non_face, wild
from fer_nb.drawing.draw import LANDMARKS, render
from fer_nb.drawing.expressions import random_actions, random_identity, random_view
from fer_nb.drawing.labelling import VOTES, annotate, apportion, plan

# CK+48's folders and sequences (Lucey et al. 2010), in the thesis's order.
CK_SEQUENCES = {
    "Angry": ("anger", 45), "Disgust": ("disgust", 59), "Fear": ("fear", 25), "Happy": ("happy", 69),
    "Sad": ("sadness", 28), "Surprise": ("surprise", 83), "Contempt": ("contempt", 18),
}  # fmt: skip


def _wild_face(row: dict, rng: np.random.Generator):
    """Picture, landmarks and region map of one planned row."""
    if not row["expression"]:
        nowhere = np.full((len(LANDMARKS), 2), np.nan, np.float32)
        return non_face(row["kind"], rng), nowhere, np.zeros((SIZE, SIZE), np.uint8)
    actions = random_actions(row["expression"], row["strength"], rng)
    picture, landmarks, regions = render(random_identity(rng), actions, random_view(rng))
    return wild(picture, rng), landmarks, regions


def _write_wild(folder: Path, faces: int, seed: int, bar: tqdm):
    """FER2013's and FERPlus's file and the truth about them."""
    rows, drawn, votes = plan(faces, seed), [], []
    for number, row in enumerate(rows):
        rng = np.random.default_rng([seed, 1, number])
        drawn.append(drawn[row["repeats"]] if "repeats" in row else _wild_face(row, rng))
        votes.append(annotate(row["expression"], row["strength"], rng))
        bar.update()
    pixels = [" ".join(map(str, face[0].ravel().tolist())) for face in drawn]
    usage = [row["usage"] for row in rows]
    names = [f"fer{number:07d}.png" if row["expression"] else "" for number, row in enumerate(rows)]
    labelled = pd.DataFrame({"emotion": [row["label"] for row in rows], "pixels": pixels, "Usage": usage})
    ballots = pd.DataFrame(votes, columns=list(VOTES))
    ballots.insert(0, "Usage", usage)
    ballots.insert(1, "Image name", names)
    for table, name in ((labelled, "fer2013/fer2013.csv"), (ballots, "ferplus/fer2013new.csv")):
        (folder / name).parent.mkdir()
        table.to_csv(folder / name, index=False, lineterminator="\n")
    _write_truth(folder / "landmarks/fer2013.npz", drawn, [(row["expression"], row["strength"]) for row in rows])


def _write_lab(folder: Path, sequences: int, seed: int, bar: tqdm):
    """CK+48's folders, three frames near the apex of each sequence, and the truth about them."""
    counts = apportion(sequences, [count for _, count in CK_SEQUENCES.values()], least=min(10, sequences // 7))
    people = max(counts.max(), round(sequences * 118 / 327))  # CK+48: 118 subjects in 327 sequences
    takes = []
    for number, expression in enumerate(np.repeat(list(CK_SEQUENCES), counts).tolist()):
        take, subject = divmod(number, people)  # no subject twice in a class: no class has more sequences than people
        rng = np.random.default_rng([seed, 2, number])
        person = random_identity(np.random.default_rng([seed, 3, subject]))
        strengths = rng.uniform(0.7, 1.0) * np.array([0.85, 0.93, 1.0])
        first = int(rng.integers(9, 40))
        names = [f"S{10 + subject:03d}_{take + 1:03d}_{first + frame:08d}.png" for frame in range(3)]
        takes.append((expression, names, strengths, clip(person, expression, strengths, rng)))
        bar.update(3)
    order, drawn, truth = list(CK_SEQUENCES), [], []
    for expression, names, strengths, frames in sorted(takes, key=lambda take: (order.index(take[0]), take[1])):
        place = folder / "ck+/CK+48" / CK_SEQUENCES[expression][0]
        place.mkdir(parents=True, exist_ok=True)
        for name, strength, face in zip(names, strengths, zip(*frames, strict=True), strict=True):
            cv2.imwrite(str(place / name), face[0])
            drawn.append(face)
            truth.append((expression, strength))
    _write_truth(folder / "landmarks/ckplus.npz", drawn, truth)


def _write_truth(path: Path, drawn: list, truth: list[tuple[str, float]]):
    path.parent.mkdir(exist_ok=True)
    _, landmarks, regions = (np.stack(part) for part in zip(*drawn, strict=True))
    expressions, strengths = (np.array(part) for part in zip(*truth, strict=True))
    arrays = {"landmarks": landmarks, "names": np.array(LANDMARKS), "regions": regions}
    np.savez_compressed(path, **arrays, expressions=expressions, strengths=strengths.astype(np.float32))


def write(folder: Path, faces: int = 1500, sequences: int = 180, seed: int = 0, progress: bool = True) -> None:
    """Draw ``faces`` pictures of the wild and ``sequences`` of the laboratory (three frames each) into ``folder``.

    The same arguments give the same files. The folder appears complete or not at all; one that is there already, drawn
    with the same arguments (perhaps by another process meanwhile), stays as it is. Raises FileExistsError where the
    folder holds anything else, ValueError for fewer than 40 faces, not 7 to 2,700 sequences, or a seed below 0.
    """
    folder, arguments = Path(folder), {"faces": faces, "sequences": sequences, "seed": seed}
    _check(arguments)
    if folder.exists() and any(folder.iterdir()):
        return _settle(folder, arguments)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        draft = Path(scratch, folder.name)
        draft.mkdir()
        total = faces + 3 * sequences
        with tqdm(total=total, desc="drawing faces", unit="", mininterval=1, disable=not progress) as bar:
            _write_wild(draft, faces, seed, bar)
            _write_lab(draft, sequences, seed, bar)
        (draft / "meta.json").write_text(json.dumps(arguments) + "\n")
        try:
            os.replace(draft, folder)
        except OSError:
            if not folder.exists():
                raise
            _settle(folder, arguments)


def _check(arguments: dict[str, int]):
    # A subject has three digits in CK+'s file names, which ends at 2,700 sequences.
    for name, least, most in (("faces", 40, None), ("sequences", 7, 2700), ("seed", 0, None)):
        if arguments[name] < least or (most and arguments[name] > most):
            allowed = f"{least} to {most}" if most else f"at least {least}"
            raise ValueError(f"{name} is {arguments[name]}: it must be {allowed}")


def _settle(folder: Path, arguments: dict):
    """Accept a folder that was drawn with the same arguments; refuse any other."""
    meta = folder / "meta.json"
    if not meta.is_file() or json.loads(meta.read_text()) != arguments:
        raise FileExistsError(f"{folder}: there already, and not drawn with {arguments}; remove it or name another")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m fer_nb.drawing.synthetic", description="Draw the synthetic face sets."
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--faces", type=int, default=1500, help="pictures in the manner of FER2013")
    parser.add_argument("--sequences", type=int, default=180, help="sequences in the manner of CK+, three frames each")
    parser.add_argument("--seed", type=int, default=0)
    return call(write, parser, arguments)


def call(write: Callable[..., None], parser: argparse.ArgumentParser, arguments: list[str] | None) -> int:
    """``write`` with the arguments of the command line; 0, or 1 where it raised an error, which is printed."""
    try:
        write(**vars(parser.parse_args(arguments)))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
