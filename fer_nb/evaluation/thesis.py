"""The thesis's numbers, typed here and nowhere else, each under the table that prints it.

Wang Congrong, Harbin Institute of Technology, 2022 (in Chinese), chapters 3 and 4. Accuracies are in percent.
"""

from typing import Any, NamedTuple

from fer_nb.data.faceset import CK_CLASSES, FER_CLASSES  # the columns of table 3-2, and of tables 3-3 and 3-4

# Table 3-1: parameters and what the thesis calls FLOPs. Its order of the nets is the order of all our tables.
TABLE_3_1 = {
    "VGG19": {"parameters": 20_038_983, "flops": 677_413_888},
    "ResNet18": {"parameters": 11_172_423, "flops": 1_100_677_120},
    "lightResNetl": {"parameters": 2_678_087, "flops": 342_251_520},
    "lightResNetm": {"parameters": 4_079_431, "flops": 446_557_184},
}
MODELS = tuple(TABLE_3_1)


def _counts(classes: tuple[str, ...], *counts: int) -> dict[str, int]:
    return dict(zip((*classes, "Total"), counts, strict=True))


# Table 3-2: CK+, pictures per class.
TABLE_3_2 = {
    "train": _counts(CK_CLASSES, 123, 159, 66, 186, 75, 225, 48, 882),
    "valid": _counts(CK_CLASSES, 12, 18, 9, 21, 9, 24, 6, 99),
}

# Table 3-3: FER2013 as printed. Two surprise counts are misprints: their rows do not sum to the printed totals.
TABLE_3_3 = {
    "train": _counts(FER_CLASSES, 3995, 436, 4097, 7215, 4830, 3171, 4965, 28_709),
    "valid": _counts(FER_CLASSES, 467, 56, 496, 895, 653, 315, 607, 3589),
    "test": _counts(FER_CLASSES, 491, 55, 528, 879, 594, 316, 626, 3589),
}

# Not in the thesis: table 3-3 with those two counts as the totals and FER2013 itself have them.
TABLE_3_3_TRUE = {
    "train": TABLE_3_3["train"],
    "valid": TABLE_3_3["valid"] | {"Surprise": 415},
    "test": TABLE_3_3["test"] | {"Surprise": 416},
}

# Table 3-4: FERm, pictures per class.
TABLE_3_4 = {
    "train": _counts(FER_CLASSES, 2100, 238, 532, 7287, 3014, 3149, 8740, 25_060),
    "valid": _counts(FER_CLASSES, 287, 37, 62, 865, 351, 415, 1182, 3199),
    "test": _counts(FER_CLASSES, 273, 34, 83, 893, 384, 396, 1090, 3153),
}

# Table 3-6: accuracy on the 99 held-out pictures of CK+.
TABLE_3_6 = {"VGG19": 96.970, "ResNet18": 94.949, "lightResNetl": 100.0, "lightResNetm": 100.0}

# Table 3-7: CK+, others' methods as the thesis quotes them, then its own two.
TABLE_3_7 = {
    "LBP-CNN": 95.29,
    "VMCNN-LSTM": 97.5,
    "MBCC-CNN": 98.48,
    "SACNN-ALSTM": 99.07,
    "lightResNetl": 100.0,
    "lightResNetm": 100.0,
}

# Table 3-8: accuracy on FER2013's PrivateTest.
TABLE_3_8 = {"VGG19": 72.778, "ResNet18": 73.112, "lightResNetl": 73.447, "lightResNetm": 72.168}

# Table 3-9: FER2013 beside others; the last two are not those of table 3-8, and the thesis does not say why.
TABLE_3_9 = {
    "Conv+Inception": 66.4,
    "SCN": 72.67,
    "Deep-Emotion": 70.02,
    "SACNN-ALSTM": 71.31,
    "RUL": 73.75,
    "lightResNetl": 73.502,
    "lightResNetm": 72.806,
}

# Table 3-10: accuracy on the test split of FERm.
TABLE_3_10 = {"VGG19": 87.314, "ResNet18": 88.043, "lightResNetl": 88.107, "lightResNetm": 88.107}

# Table 3-11: FERm beside others (measured on FERPlus).
TABLE_3_11 = {
    "Densenet": 86.54,
    "Fan": 87.6,
    "MBCC-CNN": 88.1,
    "lightResNetl": 88.107,
    "lightResNetm": 88.107,
}


class Results(NamedTuple):
    """Section 3.3 on one data set: what it prints, and where."""

    name: str  # as the thesis writes it
    dataset: str  # as our runs call it
    classes: tuple[str, ...]
    epochs: int  # of training (section 3.2)
    table: str  # of accuracies
    accuracies: dict[str, float]
    others: str  # table of other methods beside the thesis's own nets
    quoted: dict[str, float]
    confusions: str  # figure of confusion matrices
    curves: dict[str, str]  # learning curves: quantity -> figure
    finding: str = ""  # what the thesis reads from the confusion matrices


SECTION_3_3 = {
    "ckplus": Results(
        "CK+", "ckplus-fold1", CK_CLASSES, 60, "table-3-6", TABLE_3_6, "table-3-7", TABLE_3_7,
        confusions="fig-3-8", curves={"accuracy": "accuracy-curves-ckplus"},
    ),
    "fer2013": Results(
        "FER2013", "fer2013", FER_CLASSES, 200, "table-3-8", TABLE_3_8, "table-3-9", TABLE_3_9,
        confusions="fig-3-9", curves={"accuracy": "accuracy-curves-fer2013"},
        finding="The thesis finds happiness and surprise easiest, and anger, fear and sadness confused.",
    ),
    "ferm": Results(
        "FERm", "ferm", FER_CLASSES, 200, "table-3-10", TABLE_3_10, "table-3-11", TABLE_3_11,
        confusions="fig-3-10", curves={"accuracy": "fig-3-11", "loss": "fig-3-12"},
        finding="The thesis finds disgust taken for anger or neutral, and fear for surprise.",
    ),
}  # fmt: skip
# The test pictures of each class and in all. Of CK+ a sequence counts as one: its three frames are nearly the same.
SUPPORT = {
    "CK+": {name: count // 3 for name, count in TABLE_3_2["valid"].items()},
    "FER2013": TABLE_3_3_TRUE["test"],
    "FERm": TABLE_3_4["test"],
}
PICTURES = {dataset: of["Total"] for dataset, of in SUPPORT.items()}
DATASETS = {key: part.name for key, part in SECTION_3_3.items()}
EPOCHS = {key: part.epochs for key, part in SECTION_3_3.items()}

# Figures 4-2 to 4-6: one picture each, as it is and changed, with the class that the changed picture is taken for and
# the probability of this class (in figure 4-6 not the true one). The thesis does not say by how much they are changed.
FIGURES_4_2: dict[str, dict[str, Any]] = {
    "4-2": {
        "transform": "brightness", "label": "Contempt", "probability_before": 0.943,
        "predicted": "Contempt", "probability": 0.908,
    },
    "4-3": {
        "transform": "contrast", "label": "Happy", "probability_before": 0.99996,
        "predicted": "Happy", "probability": 0.99997,
    },
    "4-4": {
        "transform": "rotation", "label": "Happy", "probability_before": 0.99,
        "predicted": "Happy", "probability": 0.96,
    },
    "4-5": {
        "transform": "horizontal flip", "label": "Fear", "probability_before": 0.902,
        "predicted": "Fear", "probability": 0.906,
    },
    "4-6": {
        "transform": "vertical flip", "label": "Disgust", "probability_before": 0.99,
        "predicted": "Angry", "probability": 0.64,
    },
}  # fmt: skip


class Claim(NamedTuple):
    """A sentence of section 4.2 and what answers it: it holds where ``quantity`` is ``relation`` ``bound``.

    ``quantity``: a key of ``chapter4.QUANTITIES`` and its arguments; () where nothing here measures it. The sentences
    give no bounds; these are our reading. 1: a map has as much of its mass there as on any other area of that size.
    0.5: two regions are "basically the same" if they share half of the area that they cover together. 95 and -5:
    "robust" allows a loss of 5 points.
    """

    where: str
    says: str
    quantity: tuple
    relation: str = "above"
    bound: float = 0.0


_KEY = ("brows", "nose", "mouth")
_SAME = "4.2.1, figure 4-1", "MP and Score-CAM find basically the same important regions in a picture."
_LOCAL = (
    "4.2.1, figure 4-1",
    "The area between the brows, the wings of the nose and the mouth matter more than the rest.",
)
_KNOWS = "4.2.1", "The net has learned the features by which people tell expressions apart."
_HAPPY = "4.2.1, figure 4-1", "Happy: the important regions are concentrated in the mouth and the corners of the eyes."
_SAD = "4.2.1, figure 4-1", "Sad: the important regions are the area between the brows and the mouth."
_ROBUST = "4.2.2", "The net is robust to the changes used in training: brightness, contrast, rotation, horizontal flip."
_DARK = "4.2.2, figure 4-2", "With changed brightness the important regions lie more on nose and mouth (contempt)."
_FIG_3 = "4.2.2, figure 4-3", "Happy: the important regions are nose and mouth."
_BROWS = "4.2.2, figures 4-3, 4-4", "Happy: the area between the brows has little influence on the prediction."
_SHARPER = "4.2.2, figure 4-3", "With changed contrast the edge of the face matters less (happy)."
_TURNED = "4.2.2, figure 4-4", "Happy, rotated: the net looks more at mouth and nose."
_MIRRORED = (
    "4.2.2, figure 4-5",
    "The important regions before and after a horizontal flip are basically the same (fear).",
)
_DOWN = "4.2.2, figure 4-6", "Upside down the net still finds mouth and nose (disgust)."
_ALIKE = "4.2.2, figures 4-6, 4-7", "Upside down, disgust is taken for anger, because the two look alike."

SECTION_4_2 = (
    Claim(*_SAME, ("methods overlap",), "above", 0.5),
    Claim(*_SAME, ("methods beyond other pictures",)),
    Claim(*_LOCAL, ("enrichment", "all", _KEY), "above", 1.0),
    *(Claim(*_LOCAL, ("enrichment", "all", (region,)), "above", 1.0) for region in _KEY),
    Claim(*_KNOWS, ("deciding regions",)),
    Claim(*_HAPPY, ("enrichment", "Happy", ("mouth",)), "above", 1.0),
    Claim(*_HAPPY, ("enrichment", "Happy", ("eyes",)), "above", 1.0),
    Claim("4.2.1, figure 4-1", "Disgust: the wings of the nose matter more than for happy.",
          ("share difference", ("nose",), "Disgust", "Happy")),
    Claim(*_SAD, ("enrichment", "Sad", ("brows",)), "above", 1.0),
    Claim(*_SAD, ("enrichment", "Sad", ("mouth",)), "above", 1.0),
    *(Claim(*_ROBUST, ("accuracy change", name), "above", -5.0)
      for name in ("brightness", "contrast", "rotation", "horizontal flip")),
    Claim("4.2.2", "Vertically flipped pictures, not used in training, are recognised worse than the others.",
          ("accuracy change beyond the others", "vertical flip"), "below"),
    Claim("4.2.2, figure 4-2", "A change of brightness does not change the class.",
          ("kept", "brightness", "all"), "above", 95.0),
    Claim(*_DARK, ("share change", "brightness", ("nose", "mouth"), "Contempt")),
    Claim(*_DARK, ("share change", "brightness", ("nose", "mouth"), "all")),
    Claim("4.2.2, figure 4-2", "Contempt: the area between the brows is important too.",
          ("enrichment", "Contempt", ("brows",)), "above", 1.0),
    Claim("4.2.2, figure 4-3", "A change of contrast does not change the class (happy).",
          ("kept", "contrast", "Happy"), "above", 95.0),
    Claim(*_FIG_3, ("enrichment", "Happy", ("nose",)), "above", 1.0),
    Claim(*_FIG_3, ("enrichment", "Happy", ("nose", "mouth")), "above", 1.0),
    Claim(*_BROWS, ("enrichment", "Happy", ("brows",)), "below", 1.0),
    Claim(*_BROWS, ("loss when blurred", "Happy", "brows"), "below", 5.0),
    Claim(*_SHARPER, ("share change", "contrast", ("rest",), "Happy"), "below"),
    Claim("4.2.2, figure 4-3", "The change of contrast raises the probability of happy.",
          ("probability change", "contrast", "Happy")),
    Claim("4.2.2, figure 4-4", "A rotation does not change the class (happy).",
          ("kept", "rotation", "Happy"), "above", 95.0),
    Claim(*_TURNED, ("share change", "rotation", ("nose", "mouth"), "Happy")),
    Claim("4.2.2, figure 4-5", "A horizontal flip does not change the class (fear).",
          ("kept", "horizontal flip", "Fear"), "above", 95.0),
    Claim(*_MIRRORED, ("maps overlap", "horizontal flip", "Fear"), "above", 0.5),
    Claim(*_MIRRORED, ("maps overlap", "horizontal flip", "all"), "above", 0.5),
    Claim("4.2.2, figure 4-5", "Fear: the eyes matter more than for other expressions.",
          ("share difference", ("eyes",), "Fear", "others")),
    Claim("4.2.2, figure 4-6", "Pictures upside down are not recognised reliably.",
          ("accuracy change", "vertical flip"), "below", -5.0),
    Claim(*_DOWN, ("enrichment when changed", "vertical flip", ("nose", "mouth"), "Disgust"), "above", 1.0),
    Claim(*_DOWN, ("enrichment when changed", "vertical flip", ("nose", "mouth"), "all"), "above", 1.0),
    Claim(*_ALIKE, ("mistaken", "vertical flip", "Disgust", "Angry"), "above", 100 / 6),  # one of six other classes
    Claim("4.2.2", "Training needs augmented pictures to predict well.", ()),
)  # fmt: skip
