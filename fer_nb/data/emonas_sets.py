"""The data sets of EmoNAS (Verma et al. 2023) beside the thesis's: other pictures, and clips as one picture each.

Macro-expressions: ``rafdb`` with its owners' sides; ``mug``, ``oulu``, ``ised``, ``disfa`` in ten folds by subject, as
mug-subject1. Clips: the names of ``fer_nb.data.micro``, with an underscore, as micro_dynamic-subject3.
"""

import difflib
from pathlib import Path

from fer_nb.data import micro
from fer_nb.data.datasets import FOLDS, NAMES, root, subject_fold
from fer_nb.data.faceset import FaceSet

MACRO = ("rafdb", "mug", "oulu", "ised", "disfa")  # by application; a folder each


def sources(name: str, data: str) -> list[Path]:
    """The files or folders that ``load(name, data)`` reads.

    Raises ValueError for an unknown name, FileNotFoundError where the folder is missing.
    """
    if micro.owns(name):
        return micro.sources(micro.parse_name(name)[0], data)
    base = name.partition("-")[0]
    known = [base, *(f"{base}-subject{k}" for k in FOLDS if base != "rafdb")] if base in MACRO else []
    if name not in known:
        clips = [f"{part}_{kind}" for part in micro.SETS for kind in micro.KINDS]
        near = difflib.get_close_matches(name, known or [*NAMES, *MACRO, *clips], n=1) or known or (*NAMES, *MACRO)
        raise ValueError(f"unknown data set {name!r}: did you mean {', '.join(near)}?")
    if data != "real":
        raise ValueError(f'{name} with data "{data}": it is not drawn: choose "real"')
    folder = root(data) / base
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: no {base} here (README: real data; the variable FER_NB_DATA names the folder)"
        )
    return [folder]


def load(name: str, data: str) -> FaceSet:
    """A data set by name; without a fold, pictures with no sides of their owners are "train". Raises as ``sources``."""
    if micro.owns(name):
        part, kind, subject = micro.parse_name(name)
        faces = micro.load(part, kind, data)
        return faces if subject is None else micro.leave_one_subject_out(faces, subject)

    from fer_nb.data.readers import macro

    (folder,) = sources(name, data)
    base, _, fold = name.partition("-subject")
    faces = getattr(macro, base)(folder)
    return subject_fold(faces, int(fold)) if fold else faces
