"""The sentences in which both sources say what they found, and what answers each: see ``report.claims``.

The thesis (Wang Congrong 2022), sections 2.2.4 to 4.3 and the conclusion, and the report on EmoNAS (Verma et al. 2023)
whose tables are missing. The sources give no bounds; these are our reading. "about": within a tenth. 90 percent:
"recognised very well". 100 / 6 for each class: what a wrong picture of seven classes would meet by chance. 33.3 ms and
60 a second: what a camera delivers.
"""

from fer_nb.evaluation.thesis import TABLE_3_7, TABLE_3_11, Claim

LIGHT, BASE = ("lightResNetl", "lightResNetm"), ("VGG19", "ResNet18")
NETS = (*BASE, *LIGHT)


def best_quoted(table: dict[str, float]) -> float:
    """The best accuracy of others that a table of the thesis quotes, in percent."""
    return max(value for name, value in table.items() if name not in NETS)


THESIS = (
    Claim("2.2.4", "Hand-made features no longer serve; deep nets do better.", ("hand-made beyond nets",), "below"),
    Claim("3.1.3", "lightResNetl has about a quarter of ResNet18's parameters.",
          ("ratio", "parameters", "lightResNetl", "ResNet18"), "about", 1 / 4),
    Claim("3.1.3", "lightResNetl has about half of VGG19's parameters.",
          ("ratio", "parameters", "lightResNetl", "VGG19"), "about", 1 / 2),
    Claim("3.1.3", "lightResNetl computes about a third of ResNet18.",
          ("ratio", "flops", "lightResNetl", "ResNet18"), "about", 1 / 3),
    Claim("3.1.3", "lightResNetl computes about a seventh of VGG19.",
          ("ratio", "flops", "lightResNetl", "VGG19"), "about", 1 / 7),
    Claim("3.1.3", "lightResNetm has about two fifths of ResNet18's parameters.",
          ("ratio", "parameters", "lightResNetm", "ResNet18"), "about", 2 / 5),
    Claim("3.1.3", "lightResNetm has about a fifth of VGG19's parameters.",
          ("ratio", "parameters", "lightResNetm", "VGG19"), "about", 1 / 5),
    Claim("3.1.3", "lightResNetm computes two fifths of ResNet18.",
          ("ratio", "flops", "lightResNetm", "ResNet18"), "about", 2 / 5),
    Claim("3.1.3", "lightResNetm computes two thirds of VGG19.",
          ("ratio", "flops", "lightResNetm", "VGG19"), "about", 2 / 3),
    Claim("3.1.3", "Global average pooling widens the field that the net sees.", ("widening", LIGHT), "above", 1.0),
    Claim("3.3.1", "On CK+ all four nets are very accurate.", ("least accuracy", "CK+", NETS), "above", 90.0),
    Claim("3.3.1", "On CK+ the light nets are better than VGG19 and ResNet18.", ("beyond", "CK+", LIGHT, BASE)),
    Claim("3.3.1", "On CK+ the light nets are better than others' methods.",
          ("least accuracy", "CK+", LIGHT), "above", best_quoted(TABLE_3_7)),
    Claim("3.3.1", "On CK+ VGG19 and ResNet18 take fear for disgust.",
          ("mistaken", "CK+", BASE, "Fear", ("Disgust",)), "above", 100 / 6),
    Claim("3.3.2", "FER2013 is far harder than CK+.", ("gap", "CK+", "FER2013")),
    Claim("3.3.2", "On FER2013 lightResNetl is better than VGG19 and ResNet18.",
          ("beyond", "FER2013", ("lightResNetl",), BASE)),
    Claim("3.3.2", "On FER2013 happiness and surprise are recognised best.",
          ("best classes", "FER2013", ("Happy", "Surprise"))),
    Claim("3.3.2", "On FER2013 fear is taken for anger or sadness.",
          ("mistaken", "FER2013", NETS, "Fear", ("Angry", "Sad")), "above", 200 / 6),
    Claim("3.3.3", "On FERm the light nets are better than VGG19 and ResNet18.", ("beyond", "FERm", LIGHT, BASE)),
    Claim("3.3.3", "On FERm the light nets are better than others' methods.",
          ("least accuracy", "FERm", LIGHT), "above", best_quoted(TABLE_3_11)),
    Claim("3.3.3", "The nets are more accurate on FERm than on FER2013.", ("gap", "FERm", "FER2013")),
    Claim("3.3.3", "On FERm disgust and fear are recognised worst.",
          ("worst classes", "FERm", ("Disgust", "Fear")), "below"),
    Claim("3.3.3", "On FERm happiness and neutral are recognised best.",
          ("best classes", "FERm", ("Happy", "Neutral"))),
    Claim("3.3.3", "On FERm disgust is taken for neutral or anger.",
          ("mistaken", "FERm", NETS, "Disgust", ("Neutral", "Angry")), "above", 200 / 6),
    Claim("3.3.3", "On FERm fear is taken for surprise.",
          ("mistaken", "FERm", NETS, "Fear", ("Surprise",)), "above", 100 / 6),
    Claim("3.3.3", "On FERm the nets are right more often in training than in the test.", ("overfit", "FERm")),
    Claim("Conclusion", "The light nets are fast.", ("latency as a share", LIGHT, "ResNet18"), "below", 1.0),
    Claim("Abstract", "lightResNetl is fit for real time (here: one processor thread).",
          ("latency", "lightResNetl"), "below", 33.3),
    Claim("4.2.1", "MP and Score-CAM find basically the same regions.",
          ("section 4.2", "methods overlap", "methods beyond other pictures")),
    Claim("4.3", "The net looks at the middle of the face: brows, nose, mouth.",
          ("section 4.2", "enrichment: all, brows + nose + mouth", "enrichment: all, brows", "enrichment: all, nose",
           "enrichment: all, mouth")),
    Claim("4.3", "The net is robust to brightness, contrast, rotation and horizontal flip.",
          ("section 4.2", "accuracy change: brightness", "accuracy change: contrast", "accuracy change: rotation",
           "accuracy change: horizontal flip")),
    Claim("4.3", "Pictures upside down are not recognised reliably.",
          ("section 4.2", "accuracy change: vertical flip")),
    Claim("4.3", "Augmentation is needed.", ("change", "without-augmentation"), "below"),
)  # fmt: skip

EMONAS = (
    Claim("Ablation", "The nets found need at most about 0.6 million parameters.",
          ("cost", "parameters"), "below", 0.6),
    Claim("Ablation", "They need the fewest multiply-adds.", ("share of the least", "macs"), "below", 1.0),
    Claim("Ablation", "They use less memory than MobileNet.", ("share of", "memory_mb", "MobileNetV2"), "below", 1.0),
    Claim("Ablation", "They are about 38 megabytes smaller than P-DARTS's (it is not said of what).", ()),
    Claim("Ablation", "They are fast: 60 pictures a second (here: one processor thread).",
          ("cost", "frames_per_second"), "above", 60.0),
    Claim("CK+", "On CK+ they are better than nets designed by hand.",
          ("searched beyond", "EmoNAS", "lightResNetl", "ckplus")),
    Claim("Conclusion", "They are better than DARTS's.", ("searched beyond", "DARTS_CIFAR10", "EmoNAS"), "below"),
    Claim("Conclusion", "They are better than P-DARTS's.", ("searched beyond", "PDARTS_CIFAR10", "EmoNAS"), "below"),
    Claim("FER2013", "On FER2013 they are better than others.", ("searched on", "fer2013")),
    Claim("RAF-DB", "On RAF-DB 87.28% are right.", ("searched on", "rafdb"), "above", 87.28),
    Claim("ISED, DISFA, MUG, OULU-CASIA", "On posed and spontaneous faces they are better than others.",
          ("searched on", "ised")),
    Claim("CASME to MEGC2019", "On micro-expressions they are better than others.", ("searched on", "casme2")),
)  # fmt: skip


def holds(low: float, high: float, relation: str, bound: float) -> str:
    """ "yes" or "no" where the whole interval lies on one side of the bound, else "cannot say".

    relation: "above", "below" or "about" (within a tenth of the bound: the interval is to lie within, or outside).
    """
    if relation == "about":
        within, outside = 0.9 * bound <= low and high <= 1.1 * bound, high < 0.9 * bound or low > 1.1 * bound
        return "yes" if within else "no" if outside else "cannot say"
    above, below = low > bound, high < bound  # both False for NaN
    if not above and not below:
        return "cannot say"
    return "yes" if above == (relation == "above") else "no"
