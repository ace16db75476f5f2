"""SMIC (Li et al. 2013)."""

from pathlib import Path

from tqdm import tqdm

from fer_nb.data.clips import ClipSet
from fer_nb.data.readers.frames import clip, clip_set, frame_files

CAMERA = "HS"  # the fast one, 100 frames a second
CLASSES = ("negative", "positive", "surprise")


def read(folder: Path) -> ClipSet:
    """SMIC_all_cropped/HS/s1/micro/negative/s1_ne_01/*.bmp (faces) or SMIC_all_raw/HS/...; apexes are not known.

    A clip is every frame of its folder.
    """
    clips = [
        (clip(frame_files(place, str(place)), str(place), cropped), -1, label, subject, place.name)
        for place, subject, label, cropped in tqdm(smic_clips(Path(folder)), "reading SMIC", mininterval=5)
    ]
    return clip_set(clips, CLASSES, str(folder))


def smic_clips(folder: Path) -> list[tuple[Path, str, int, bool]]:
    """Every clip of SMIC: its folder, the subject ("s1"), the label and whether the frames are cropped faces."""
    roots = [folder / name / CAMERA for name in ("SMIC_all_cropped", "SMIC_all_raw")]
    root = next((root for root in roots if root.is_dir()), None)
    if root is None:
        raise FileNotFoundError(f"{folder}: no {roots[0]} or {roots[1]}; unpack SMIC as its owners hand it out")
    found = []
    for place in sorted(place for place in root.glob("s*/micro/*/*") if place.is_dir()):
        subject, emotion = place.parts[-4], place.parts[-2]
        if emotion not in CLASSES:
            raise ValueError(f"{place}: unknown emotion {emotion!r}; expected {', '.join(CLASSES)}")
        found.append((place, subject, CLASSES.index(emotion), root is roots[0]))
    return found
