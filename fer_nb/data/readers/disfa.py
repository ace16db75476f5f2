"""DISFA (Mavadati et al. 2013)."""

import reprlib
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from fer_nb.data import places
from fer_nb.data.faceset import FER_CLASSES, FaceSet
from fer_nb.data.readers.frames import cut, face_set, text_lines

# DISFA codes the strength of these action units in each frame, 0 to 5, and no emotion.
UNITS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
# The prototypes of EMFACS (Friesen & Ekman 1983) in so far as DISFA codes their units (AU 7, 16, 23 are not coded).
PROTOTYPES = {
    "Angry": (4, 5),
    "Disgust": (9,),
    "Fear": (1, 2, 4, 5, 20, 26),
    "Happy": (6, 12),
    "Sad": (1, 4, 15),
    "Surprise": (1, 2, 5, 26),
}
STRENGTH = 2  # the least strength that counts as shown (B in FACS)
SHORTEST = 5  # frames that an episode lasts at least: a quarter of a second


def read(folder: Path) -> FaceSet:
    """One picture of the left camera for each episode of an expression, seven classes, all "train".

    ActionUnit_Labels/SN001/SN001_au1.txt ("frame,strength" a line, frames from 1) and
    Videos_LeftCamera/LeftVideoSN001_comp.avi. DISFA has no emotion labels. Ours: a frame shows the expression whose
    units in PROTOTYPES are all at STRENGTH or more (the longest prototype wins; two of one length: none), Neutral
    where every unit is 0. SHORTEST or more frames of one expression in a row are an episode; its frame with the
    greatest sum of strengths represents it (Neutral: its middle frame). The face is found in each picture.
    """
    expected = "ActionUnit_Labels/SN001/SN001_au1.txt and Videos_LeftCamera/*.avi"
    root = places.find(folder, ["ActionUnit_Labels"], "DISFA", expected)
    found = []
    for labels in tqdm(sorted(root.glob("SN*")), "reading DISFA", mininterval=5):
        peaks = episodes(_strengths(labels))
        pattern = f"Video*_LeftCamera/LeftVideo{labels.name}_[cC]omp.avi"
        video = places.find(folder, [pattern], f"video of {labels.name}", pattern)
        for frame, image in _frames(video, sorted(peaks)).items():
            face = cut([image], f"{video}: frame {frame + 1}", cropped=False)[0]
            found.append((face, peaks[frame], "train", labels.name, f"{labels.name}_{frame + 1}"))
    return face_set(found, FER_CLASSES, root)


def _strengths(labels: Path) -> np.ndarray:
    """Every unit's strength in each frame, int64 (T, 12), from "frame,strength" lines."""
    columns = []
    for unit in UNITS:
        path = labels / f"{labels.name}_au{unit}.txt"
        if not path.is_file():
            raise FileNotFoundError(f"{path}: missing; DISFA has a file for each of the units {UNITS}")
        lines = [line.strip() for line in text_lines(path) if line.strip()]
        for number, line in enumerate(lines, 1):
            frame, _, strength = line.partition(",")
            if frame != str(number) or strength not in tuple("012345"):
                raise ValueError(
                    f"{path}: line {number}: {reprlib.repr(line)} is not <frame {number}>,<strength 0 to 5>"
                )
        columns.append([int(line[-1]) for line in lines])
        if len(lines) != len(columns[0]):
            raise ValueError(f"{path}: {len(lines)} frames, but {labels.name}_au1.txt has {len(columns[0])}")
    return np.array(columns, np.int64).T


def episodes(strengths: np.ndarray) -> dict[int, str]:
    """The position of the frame that represents each episode, and its expression.

    Args:
        strengths: int (T, 12), 0 to 5, columns as UNITS.
    """
    shown = np.full(len(strengths), "", object)
    shown[(strengths == 0).all(1)] = "Neutral"
    longest = np.zeros(len(strengths), np.int64)
    for name, units in PROTOTYPES.items():
        fits = (strengths[:, [UNITS.index(unit) for unit in units]] >= STRENGTH).all(1)
        shown[fits & (longest == len(units))] = ""
        shown[fits & (longest < len(units))] = name
        longest[fits] = np.maximum(longest[fits], len(units))
    bounds = np.flatnonzero(np.r_[True, shown[1:] != shown[:-1], True])
    peaks = {}
    for start, stop in pairwise(bounds):
        if shown[start] and stop - start >= SHORTEST:
            neutral = shown[start] == "Neutral"
            peak = (stop - start) // 2 if neutral else strengths[start:stop].sum(1).argmax()
            peaks[int(start + peak)] = shown[start]
    return peaks


def _frames(video: Path, wanted: list[int]) -> dict[int, np.ndarray]:
    """The wanted frames of a video, counted from 0, uint8 (H, W)."""
    capture = cv2.VideoCapture(str(video))
    found = {}
    for frame in range(max(wanted, default=-1) + 1):
        if not capture.grab():
            raise ValueError(f"{video}: frame {frame + 1} cannot be read, the labels go to {max(wanted) + 1} or beyond")
        if frame in wanted:
            found[frame] = cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2GRAY)
    capture.release()
    return found
