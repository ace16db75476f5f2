"""The thesis's numbers: typed here and nowhere else, each under the table it stands in.

Wang Congrong, Harbin Institute of Technology, 2022 (in Chinese), chapter 3. Accuracies are in percent.
"""

from fer_nb.datasets import CK_CLASSES, FER_CLASSES  # the columns of table 3-2, and of tables 3-3 and 3-4

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

# Table 3-10: accuracy on the test side of FERm.
TABLE_3_10 = {"VGG19": 87.314, "ResNet18": 88.043, "lightResNetl": 88.107, "lightResNetm": 88.107}

# Table 3-11: FERm beside others (measured on FERPlus).
TABLE_3_11 = {
    "Densenet": 86.54,
    "Fan": 87.6,
    "MBCC-CNN": 88.1,
    "lightResNetl": 88.107,
    "lightResNetm": 88.107,
}

# Names of the data sets as the thesis writes them.
DATASETS = {"ckplus": "CK+", "fer2013": "FER2013", "ferm": "FERm"}

# Pictures that the accuracies are measured on: the totals of tables 3-2, 3-3 and 3-4.
TEST_PICTURES = {"ckplus": 99, "fer2013": 3589, "ferm": 3153}

# Epochs of training (section 3.2).
EPOCHS = {"ckplus": 60, "fer2013": 200, "ferm": 200}
