"""Micro-expression sets: each clip as one picture, leave-one-subject-out, and the scores of MEGC2019.

Protocol and scores: See et al. 2019, "MEGC 2019: the second facial micro-expressions grand challenge". In the workflow
a data set is named ``<set>_<kind>`` or, with one subject held out, ``<set>_<kind>-subject<k>``: micro_dynamic-subject3.
"""

import difflib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from fer_nb import intervals
from fer_nb.data import cache, datasets
from fer_nb.data.clips import ClipSet, check, pack, unpack
from fer_nb.data.dynamic_image import dynamic_image
from fer_nb.data.faceset import FaceSet
from fer_nb.drawing import micro_expressions

DRAWN = "micro"
OWNED = ("casme1", "casme2", "casmesq", "samm", "smic", "megc2019")  # by application; a folder each
COMPOSED = ("casme2", "samm", "smic")  # what megc2019 picks its clips from
SETS = (DRAWN, *OWNED, "ckplusclips")
KINDS = ("dynamic", "apex", "mean")
MEASURES = ("accuracy", "UAR", "UF1")


def owns(name: str) -> bool:
    """Whether a data set's name begins with one of SETS and an underscore: ``parse_name`` reads the rest."""
    part, underscore, _ = name.partition("_")
    return bool(underscore) and part in SETS


def parse_name(name: str) -> tuple[str, str, int | None]:
    """``"micro_dynamic-subject3"`` -> ("micro", "dynamic", 3); without a subject the third is None.

    Raises ValueError for another form, a set that is not in SETS or a kind that is not in KINDS.
    """
    found = re.fullmatch(r"([a-z0-9]+)_([a-z]+)(?:-subject([1-9][0-9]*))?", name)
    if not found:
        raise ValueError(
            f"data set {name!r}: name it <set>_<kind> or <set>_<kind>-subject<k>, as micro_dynamic-subject3"
        )
    for what, value, known in (("set of clips", found[1], SETS), ("kind of picture", found[2], KINDS)):
        if value not in known:
            near = difflib.get_close_matches(value, known, n=1) or known
            raise ValueError(f"data set {name!r}: unknown {what} {value!r}: did you mean {', '.join(near)}?")
    return found[1], found[2], int(found[3]) if found[3] else None


def sources(name: str, data: str = "synthetic") -> list[Path]:
    """The file or folders that ``load_clips(name, data)`` reads; the drawn clips are drawn on first use.

    Raises ValueError for a set that is not in SETS or does not go with ``data``, FileNotFoundError where it is missing.
    """
    if name not in SETS:
        raise ValueError(f"unknown set of clips {name!r}: choose of {', '.join(SETS)}")
    if name == "ckplusclips":
        return datasets.sources("ckplus", data)
    if (name == DRAWN) != (data == "synthetic"):
        raise ValueError(f'{name} with data "{data}": {DRAWN} is drawn ("synthetic"), {", ".join(OWNED)} are "real"')
    if name == DRAWN:
        if not micro_expressions.path().exists():
            micro_expressions.write(micro_expressions.path())
        return [micro_expressions.path()]
    folders = [datasets.root(data) / part for part in (name, *(COMPOSED if name == "megc2019" else ()))]
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(
                f"{folder}: no {folder.name} here (README: real data; the variable FER_NB_DATA names the folder)"
            )
    return folders


def load_clips(name: str, data: str = "synthetic") -> ClipSet:
    """The clips of one of SETS, checked: drawn, from the three frames of CK+'s sequences, or as their owners have them.

    Those of the owners go through the cache. Raises as ``sources``, and as the set's reader (readers.micro) does.
    """
    source, *beside = sources(name, data)
    if name == DRAWN:
        with np.load(source, allow_pickle=False) as arrays:
            return check(unpack(arrays))
    if name == "ckplusclips":
        return ckplus_clips(datasets.load("ckplus", data))
    from fer_nb.data.readers import micro as readers

    reader = getattr(readers, name)
    key = "-".join([name, *(cache.digest(folder)[:8] for folder in beside)])
    return unpack(cache.cached(key, source, lambda folder: pack(check(reader(folder)))))


def load(name: str, kind: str = "dynamic", data: str = "synthetic") -> FaceSet:
    """One picture for each clip of a set: ``pictures(load_clips(name, data), kind)``."""
    return pictures(load_clips(name, data), kind)


def ckplus_clips(faces: FaceSet) -> ClipSet:
    """CK+'s sequences as clips of three frames, in the order of ``faces``; the last frame is the apex.

    Raises ValueError for a sequence of one frame, or of frames in two classes.
    """
    names = pd.Series(faces.sequences)
    rows = [np.array(of.index) for _, of in names.groupby(names, sort=False)]
    for where in rows:
        if len(set(faces.labels[where])) > 1:
            raise ValueError(f"sequence {names[where[0]]} stands in two classes: leave its frames in one folder")
    first = np.array([where[0] for where in rows])
    clips = ClipSet(
        frames=tuple(faces.images[where] for where in rows),
        apexes=np.array([len(where) - 1 for where in rows]),
        labels=faces.labels[first],
        classes=faces.classes,
        subjects=faces.groups[first],
        names=faces.sequences[first],
        sources=np.full(len(rows), ""),
    )
    return check(clips)


def pictures(clips: ClipSet, kind: str = "dynamic") -> FaceSet:
    """Each clip as one picture uint8 (48, 48), in the order of ``clips``, all of them "train".

    "dynamic": its dynamic image; "apex": its apex frame, the middle one where the apex is not known; "mean": the mean
    of its frames. ``groups`` are the subjects , ``sequences`` the clips' names, ``rows`` positions in
    ``clips``. Raises ValueError for another kind of picture or a bad clip.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of picture {kind!r}: choose of {', '.join(KINDS)}")
    check(clips)
    if kind == "dynamic":
        images = [dynamic_image(frames) for frames in clips.frames]
    elif kind == "apex":
        apexes = np.where(clips.apexes < 0, [len(frames) // 2 for frames in clips.frames], clips.apexes)
        images = [frames[apex] for frames, apex in zip(clips.frames, apexes, strict=True)]
    else:
        images = [np.rint(frames.mean(axis=0)).astype(np.uint8) for frames in clips.frames]
    return FaceSet(
        images=np.stack(images),
        labels=clips.labels,
        classes=clips.classes,
        split=np.full(len(clips), "train"),
        groups=clips.subjects,
        sequences=clips.names,
        rows=np.arange(len(clips)),
    )


def leave_one_subject_out(faces: FaceSet, k: int) -> FaceSet:
    """``faces`` with the subject ``k`` (from 1, in sorted order) as "test" and all others as "train".

    Raises ValueError for a ``k`` that is not there, and where a class would have nothing to train on: the subject
    held out is the only one who shows it, as in a set of subjects with one class only.
    """
    subjects = sorted(set(faces.groups.tolist()))
    if not 1 <= k <= len(subjects):
        raise ValueError(f"subject {k}: there are {len(subjects)} subjects, numbered from 1 in sorted order")
    held = faces.groups == subjects[k - 1]
    missing = sorted(set(range(len(faces.classes))) - set(faces.labels[~held].tolist()))
    if missing:
        names = ", ".join(faces.classes[label] for label in missing)
        raise ValueError(
            f"without subject {subjects[k - 1]!r} there is no clip of class {names} to train on: "
            "bring more subjects, or leave the class out"
        )
    return replace(faces, split=np.where(held, "test", "train"))


def scores(predictions: pd.DataFrame, classes: tuple[str, ...] | None = None, seed: int = 0) -> pd.DataFrame:
    """Accuracy, UAR and UF1 in percent over the pooled counts of all folds, each clip predicted once.

    UAR is the mean over classes of TP / (TP + FN), UF1 that of 2 TP / (2 TP + FP + FN) (See et al. 2019, section 4).

    Args:
        predictions: columns label, predicted and subject, a row a clip, all folds one below the other. Of a composite,
            the rows of one set alone give that set's scores.
        classes: the names or numbers that label and predicted may have; by default those that occur.
        seed: of the bootstrap.

    Returns:
        DataFrame: measure, value, low, high, subjects, clips. ``low`` and ``high``: 95% percentile interval of the
        bootstrap over subjects, whose clips go together; draws that lack a class are left out. NaN for fewer
        subjects than ``intervals.LEAST``.

    Raises:
        ValueError: a column is missing, a class is unknown, or one has no clip: UAR and UF1 are not defined then. A
            subject with one class only is no error here: nothing is scored by subject.
    """
    if missing := sorted({"label", "predicted", "subject"} - set(predictions.columns)):
        raise ValueError(f"predictions have no column {missing[0]!r}: give label, predicted and subject")
    given = set(predictions["label"]) | set(predictions["predicted"])
    classes = sorted(given) if classes is None else list(classes)
    if unknown := given - set(classes):
        raise ValueError(f"class {sorted(unknown)[0]!r} is none of {', '.join(map(str, classes))}")
    for name in classes:
        if not (predictions["label"] == name).any():
            who = ", ".join(map(str, sorted(set(predictions["subject"]))[:5]))
            raise ValueError(
                f"no clip of class {name!r} (subjects {who}): UAR and UF1 need every class; pool all folds"
            )
    counts = _counts(predictions, classes)
    low, high = _bootstrap(counts, seed)
    table = pd.DataFrame({"measure": MEASURES, "value": _measures(counts.sum(axis=0)), "low": low, "high": high})
    return table.assign(subjects=len(counts), clips=len(predictions))


def _counts(predictions: pd.DataFrame, classes: list) -> np.ndarray:
    """Confusion counts of each subject, int64 (S, C, C): true class, predicted class."""
    subject, names = pd.factorize(predictions["subject"], sort=True)
    place = pd.Index(classes)
    counts = np.zeros((len(names), len(classes), len(classes)), np.int64)
    np.add.at(
        counts, (subject, place.get_indexer(predictions["label"]), place.get_indexer(predictions["predicted"])), 1
    )
    return counts


def _bootstrap(counts: np.ndarray, seed: int) -> np.ndarray:
    """Ends of the 95% percentile interval of each of MEASURES, float64 (2, 3), drawing subjects with replacement."""
    subjects = len(counts)
    if subjects < intervals.LEAST:
        return np.full((2, len(MEASURES)), np.nan)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(subjects, np.full(subjects, 1 / subjects), size=intervals.RESAMPLES)
    return np.nanpercentile(_measures(np.einsum("rs,sij->rij", times, counts)), [2.5, 97.5], axis=0)


def _measures(counts: np.ndarray) -> np.ndarray:
    """MEASURES (..., 3) in percent of confusion counts (..., C, C); NaN for UAR and UF1 where a class has no clip."""
    hits, clips, named = np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1), counts.sum(axis=-2)
    there = np.where(clips > 0, clips, np.nan)
    accuracy = hits.sum(axis=-1) / clips.sum(axis=-1)
    return 100 * np.stack([accuracy, (hits / there).mean(axis=-1), (2 * hits / (there + named)).mean(axis=-1)], axis=-1)
