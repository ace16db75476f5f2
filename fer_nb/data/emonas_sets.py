"""The data sets of EmoNAS (Verma et al. 2023) beside the thesis's: other pictures, and clips as one picture each.

Pictures: ``rafdb``, split by its owners; ``mug``, ``oulu``, ``ised``, ``disfa`` in ten folds by subject (mug-subject1).
Clips: ``<set>_<kind>``, one of KINDS of picture of each clip (micro_dynamic), or with one subject held out, numbered
from 1 in sorted order (micro_dynamic-subject3), which is the protocol of MEGC2019 (See et al. 2019).
"""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_nb.data import cache, faces
from fer_nb.data.clip_pictures import KINDS, ckplus_clips, pictures
from fer_nb.data.clips import ClipSet, check, pack, unpack
from fer_nb.data.faceset import FaceSet
from fer_nb.data.folds import FOLDS, leave_one_subject_out, subject_fold
from fer_nb.data.optical_flow import METHODS
from fer_nb.data.places import root
from fer_nb.data.readers import casme, casmesq, ckplus, disfa, ised, megc2019, mug, oulu, rafdb, samm, smic
from fer_nb.drawing import micro_expressions
from fer_nb.drawing.conditions import CONDITIONS

# By application; each reader takes the set's own folder.
PICTURES = {"rafdb": rafdb.read, "mug": mug.read, "oulu": oulu.read, "ised": ised.read, "disfa": disfa.read}
CLIPS = {
    "casme1": casme.casme1,
    "casme2": casme.casme2,
    "casmesq": casmesq.read,
    "samm": samm.read,
    "smic": smic.read,
    "megc2019": megc2019.read,
}
COMPOSED = ("casme2", "samm", "smic")  # the sets whose clips megc2019 takes
OF_CKPLUS = "ckplusclips"  # no folder of its own: the sequences of CK+

NAMES = (
    *PICTURES,
    *(f"{name}-subject{k}" for name in PICTURES if name != "rafdb" for k in FOLDS),
    *(f"{clips}_{kind}" for clips in (*CONDITIONS, *CLIPS, OF_CKPLUS) for kind in KINDS),
)  # and each set of clips with -subject<k>: how many subjects it has is known when it is read


def knows(name: str) -> bool:
    """Whether ``load`` reads a data set of this name."""
    whole = re.sub(r"-subject[1-9][0-9]*$", "", name)
    return name in NAMES or ("_" in whole and whole in NAMES)


def sources(name: str, data: str) -> list[Path]:
    """The file or folders that ``load(name, data)`` reads; the drawn clips are drawn on first use.

    YuNet's file is among them where it is there and faces may have to be found. Raises ValueError where the set does
    not go with ``data``, FileNotFoundError where a folder is missing.
    """
    base = re.split("[-_]", name)[0]
    if base == OF_CKPLUS:
        return [ckplus.find(root(data))]
    if (base in CONDITIONS) != (data == "synthetic"):
        raise ValueError(f'{base} with data "{data}": choose "{"synthetic" if base in CONDITIONS else "real"}"')
    if base in CONDITIONS:
        file = micro_expressions.path(base)
        if not file.exists():
            micro_expressions.write(file, condition=base)
        return [file]
    folders = [root(data) / part for part in (base, *(COMPOSED if base == "megc2019" else ()))]
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(
                f"{folder}: no {folder.name} here (docs/data.md; the variable FER_NB_DATA names the data folder)"
            )
    return folders if base == "rafdb" else [*folders, *faces.installed()]


def load(name: str, data: str) -> FaceSet:
    """A data set by name; without a fold, pictures that their owners have not split are "train".

    Raises as ``sources`` and the set's reader do, ValueError for a subject that is not there.
    """
    whole, _, fold = name.partition("-subject")
    if whole in PICTURES:
        read = PICTURES[whole](sources(name, data)[0])
        return subject_fold(read, int(fold)) if fold else read
    clips, kind = whole.split("_")
    read = _as_pictures(load_clips(clips, data), kind, whole)
    return leave_one_subject_out(read, int(fold)) if fold else read


def _as_pictures(clips: ClipSet, kind: str, name: str) -> FaceSet:
    """``pictures``; an optical flow, which takes seconds, is computed once for all the folds of a set."""
    if kind not in METHODS:
        return pictures(clips, kind)
    content = hashlib.sha256(b"".join(frames.tobytes() for frames in clips.frames) + clips.apexes.tobytes()).hexdigest()
    kept = cache.cached(name, [content], pictures.__module__, lambda: {"images": pictures(clips, kind).images})
    return replace(pictures(clips, "apex"), images=kept["images"])


def load_clips(name: str, data: str) -> ClipSet:
    """The clips of a set, checked (``clips.check``); those of the owners go through the cache. Raises as ``load``."""
    first, *others = sources(name, data)
    if name in CONDITIONS:
        try:
            with np.load(first, allow_pickle=False) as arrays:
                return check(unpack(dict(arrays)))
        except cache.DAMAGED as error:
            raise ValueError(f"{first}: damaged ({error}): delete it, and it is drawn again") from error
    if name == OF_CKPLUS:
        return check(ckplus_clips(ckplus.read(first)))
    read = CLIPS[name]
    digests = [cache.digest(source) for source in (first, *others)]
    return unpack(cache.cached(name, digests, read.__module__, lambda: pack(check(read(first)))))
