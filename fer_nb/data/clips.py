"""Labelled clips of one person each: what the readers of micro-expression sets give."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

ARRAYS = ("apexes", "labels", "subjects", "names", "sources")  # one value a clip


@dataclass(frozen=True)
class ClipSet:
    """N labelled clips, each of one person from onset to offset of one expression.

    frames: tuple of N arrays uint8 (T_i, 48, 48), grey, T_i at least 2, the face cut out the same way in every frame of
    a clip; apexes: int64 (N,), the position of the apex in the frames, -1 where the coding sheet has none (the middle
    frame is taken then); labels: int64 (N,), positions in ``classes``; classes: tuple[str, ...]; subjects: str (N,);
    names: str (N,), the owners' names of the clips; sources: str (N,), in a composite the set that each clip comes from
    ("smic", "casme2", "samm"), else "".
    """

    frames: tuple[np.ndarray, ...]
    apexes: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    subjects: np.ndarray
    names: np.ndarray
    sources: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, index: ArrayLike) -> "ClipSet":
        """The clips that ``index`` picks: a bool mask (N,), or positions in the order wanted."""
        rows = np.arange(len(self))[index]
        frames = tuple(self.frames[row] for row in rows)
        return replace(self, frames=frames, **{name: getattr(self, name)[rows] for name in ARRAYS})


def check(clips: ClipSet) -> ClipSet:
    """``clips`` unchanged.

    Raises ValueError with the name of the first clip of fewer than two frames, of frames not 48x48 or of different
    sizes, of another dtype, with its apex or label out of range; and where an array is not N long.
    """
    for name in ARRAYS:
        if len(getattr(clips, name)) != len(clips.frames):
            raise ValueError(f"{name}: {len(getattr(clips, name))} for {len(clips.frames)} clips; give one a clip")
    for number, frames in enumerate(clips.frames):
        name = f"clip '{clips.names[number]}' of subject '{clips.subjects[number]}'"
        sizes = {np.shape(frame) for frame in frames}
        if len(frames) < 2:
            raise ValueError(f"{name} has {len(frames)} frame(s): a clip needs two or more; remove it from the set")
        if len(sizes) > 1:
            raise ValueError(f"{name} has frames of different sizes, {sorted(sizes)}: cut every frame out the same way")
        if (size := sizes.pop()) != (48, 48) or np.asarray(frames).dtype != np.uint8:
            raise ValueError(f"{name} has frames {size} {np.asarray(frames).dtype}: they must be (48, 48) uint8")
        if not -1 <= clips.apexes[number] < len(frames):
            raise ValueError(f"{name}: apex {clips.apexes[number]} is outside its {len(frames)} frames (-1: not known)")
        if not 0 <= clips.labels[number] < len(clips.classes):
            raise ValueError(f"{name}: label {clips.labels[number]} is none of the {len(clips.classes)} classes")
    return clips


def pack(clips: ClipSet) -> dict[str, np.ndarray]:
    """``clips`` as plain arrays for one npz file: pixels of all frames, counts of frames of each clip, the rest."""
    arrays = {name: getattr(clips, name) for name in ARRAYS}
    counts = np.array([len(frames) for frames in clips.frames], np.int64)
    return arrays | {"classes": np.array(clips.classes), "counts": counts, "pixels": np.concatenate(clips.frames)}


def unpack(arrays: dict[str, np.ndarray]) -> ClipSet:
    """The ClipSet that ``pack`` made arrays of; ValueError where an array is missing or does not fit the others."""
    if missing := {*ARRAYS, "classes", "counts", "pixels"} - set(arrays):
        raise ValueError(f"no array {sorted(missing)[0]!r}")
    counts, pixels = arrays["counts"], arrays["pixels"]
    if counts.dtype.kind != "i" or counts.ndim != 1 or (counts < 0).any() or counts.sum() != len(pixels):
        raise ValueError(f"counts of {counts.sum()} frames for {len(pixels)} pictures")
    frames = tuple(np.split(arrays["pixels"], np.cumsum(arrays["counts"])[:-1]))
    classes = tuple(map(str, arrays["classes"]))
    return ClipSet(frames=frames, classes=classes, **{name: arrays[name] for name in ARRAYS})
