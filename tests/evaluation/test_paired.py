import numpy as np
import pandas as pd
import pytest

from fer_nb import intervals
from fer_nb.evaluation.paired import difference, paired_tests, shares, shares_right


def test_paired_tests_are_exact_and_holm_corrected(fake):
    runs = [fake("VGG19", "AAAAAAHHHH"), fake("ResNet18", "HHHHHAHHHH"), fake("lightResNetl", "AAAAAAHHHA")]
    table = paired_tests(runs, "ferm").set_index(["first", "second"])
    row = table.loc[("VGG19", "ResNet18")]
    assert row[["only_first", "only_second"]].tolist() == [5, 0]
    # Bonett and Price: of ten pictures and two more five are gained, then one gained and one lost.
    middle, half = 50 * 10 / 12, 1.959964 * np.sqrt((7 / 12 - (5 / 12) ** 2) / 12) * 100
    assert row[["difference", "low", "high"]].tolist() == pytest.approx([50, middle - half, middle + half], rel=1e-5)
    raw = table.loc[[("VGG19", "ResNet18"), ("VGG19", "lightResNetl"), ("ResNet18", "lightResNetl")], "p"]
    assert raw.tolist() == pytest.approx([2 / 32, 1, 14 / 64])  # binomial tails: 0 of 5, 0 of 1, 1 of 6
    assert table["p_holm"].sort_values().tolist() == pytest.approx([3 * 2 / 32, 2 * 14 / 64, 1])


def test_mcnemar_takes_a_sequence_as_most_of_its_frames_are(fake, clips):
    rng = np.random.default_rng(0)
    labels = "A" * 40
    predicted = {net: "".join(rng.choice(["A", "H"], 40, p=[0.7, 0.3])) for net in ("VGG19", "ResNet18")}
    once = paired_tests([fake(net, said, labels) for net, said in predicted.items()], "ferm")
    other = {"A": "H", "H": "A"}
    runs = [  # each picture as three frames, of which one is read otherwise
        fake(net, "".join(x + other[x] + x for x in said), labels * 3, dataset="ckplus-fold1")
        for net, said in predicted.items()
    ]
    pd.testing.assert_frame_equal(paired_tests(runs, "ckplus-fold1", clips(120)), once)
    assert once["only_first"][0] + once["only_second"][0] > 5 and once["p"][0] < 1


def test_a_difference_is_over_pictures_or_their_sequences(fake, clips):
    labels = "A" * 60
    first, second = (shares([fake(net, said, labels)]) for net, said in (("VGG19", "A" * 60), ("ResNet18", "AAH" * 20)))
    changes = [0, 0, 100] * 20
    assert difference(first, second, None, ("VGG19", "ResNet18", "ferm")) == intervals.mean_interval(changes)[:3]
    points, low, high = difference(first, second, clips(60), ("VGG19", "ResNet18", "ferm"))
    assert points == pytest.approx(100 / 3) and np.isnan([low, high]).all()  # each sequence changes by a third
    both = shares([fake("lightResNetl", "A" * 60, labels, seed=seed) for seed in (0, 1)])
    assert both.eq(1).all()
    with pytest.raises(ValueError, match="VGG19 and Other were measured on different pictures of ferm"):
        difference(first, shares_right(pd.DataFrame(columns=["row", "label", "predicted"])), None,
                   ("VGG19", "Other", "ferm"))  # fmt: skip
