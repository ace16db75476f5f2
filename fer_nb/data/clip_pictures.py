"""Clips as pictures: each clip as one, and the sequences of CK+ as clips."""

import numpy as np
import pandas as pd

from fer_nb.data.clips import ClipSet
from fer_nb.data.dynamic_image import dynamic_image
from fer_nb.data.faceset import FaceSet
from fer_nb.data.optical_flow import METHODS, flow_picture

KINDS = ("dynamic", "apex", "mean", *METHODS)


def ckplus_clips(faces: FaceSet) -> ClipSet:
    """CK+'s sequences, as ``ckplus.read`` gives them, as clips of three frames; the last frame is the apex."""
    names = pd.Series(faces.sequences)
    rows = [np.array(of.index) for _, of in names.groupby(names, sort=False)]
    first = np.array([where[0] for where in rows])
    return ClipSet(
        frames=tuple(faces.images[where] for where in rows),
        apexes=np.array([len(where) - 1 for where in rows]),
        labels=faces.labels[first],
        classes=faces.classes,
        subjects=faces.groups[first],
        names=faces.sequences[first],
        sources=np.full(len(rows), ""),
    )


def pictures(clips: ClipSet, kind: str) -> FaceSet:
    """Each clip as one picture uint8 (48, 48), in the order of ``clips``, all of them "train".

    "dynamic": its dynamic image; "apex": its apex frame, the middle one where the apex is not known; "mean": the mean
    of its frames; "farneback", "tvl1": the optical flow from its first frame to the apex (``optical_flow``). ``groups``
    are the subjects, ``sequences`` the clips' names, ``rows`` positions in ``clips``.
    """
    if kind == "dynamic":
        images = [dynamic_image(frames) for frames in clips.frames]
    elif kind == "mean":
        images = [np.rint(frames.mean(axis=0)).astype(np.uint8) for frames in clips.frames]
    else:
        apexes = np.where(clips.apexes < 0, [len(frames) // 2 for frames in clips.frames], clips.apexes)
        pairs = [(frames[0], frames[apex]) for frames, apex in zip(clips.frames, apexes, strict=True)]
        images = [apex if kind == "apex" else flow_picture(onset, apex, kind) for onset, apex in pairs]
    return FaceSet(
        images=np.stack(images),
        labels=clips.labels,
        classes=clips.classes,
        split=np.full(len(clips), "train"),
        groups=clips.subjects,
        sequences=clips.names,
        rows=np.arange(len(clips)),
    )
