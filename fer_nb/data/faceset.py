"""Labelled face pictures of one data set, and the classes in the order of the thesis's tables."""

from dataclasses import dataclass, replace

import numpy as np

FER_CLASSES = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")
CK_CLASSES = (*FER_CLASSES[:6], "Contempt")


@dataclass(frozen=True)
class FaceSet:
    """N labelled face pictures.

    images: uint8 (N, 48, 48), grey; labels: int64 (N,), positions in ``classes``; split: str (N,), "train",
    "valid" or "test"; groups: str (N,), the subject, "" where unknown; sequences: str (N,), the video sequence,
    "" where none; rows: int64 (N,), the row in the source file or the position in the sorted list of files; targets:
    float32 (N, classes), the share of the annotators' votes for each class (FERm), or None.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    split: np.ndarray
    groups: np.ndarray
    sequences: np.ndarray
    rows: np.ndarray
    targets: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, index) -> "FaceSet":
        """The pictures that ``index`` picks: a bool mask (N,), or positions in the order wanted."""
        names = ["images", "labels", "split", "groups", "sequences", "rows"]
        names += [] if self.targets is None else ["targets"]
        return replace(self, **{name: getattr(self, name)[index] for name in names})

    def of_split(self, name: str) -> "FaceSet":
        """The pictures of one split: "train", "valid" or "test"."""
        return self.subset(self.split == name)

    def has_split(self, name: str) -> bool:
        """Whether a split has a picture."""
        return bool((self.split == name).any())
