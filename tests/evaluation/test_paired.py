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
    points, low, high, _ = intervals.mean_interval([100] * 5 + [0] * 5)
    assert row[["difference", "low", "high"]].tolist() == pytest.approx([points, low, high])
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
    frames = paired_tests(runs, "ckplus-fold1", clips(120))
    shown = ["difference", "low", "high"]  # a third as large: one frame of three is read otherwise
    np.testing.assert_allclose(3 * frames[shown], once[shown])
    pd.testing.assert_frame_equal(frames.drop(columns=shown), once.drop(columns=shown))
    assert once["only_first"][0] + once["only_second"][0] > 5 and once["p"][0] < 1


def test_a_difference_is_over_all_seeds_and_the_test_of_the_first(fake):
    runs = [fake("VGG19", "A" * 10, "A" * 10), fake("VGG19", "A" * 5 + "H" * 5, "A" * 10, seed=1),
            fake("ResNet18", "A" * 10, "A" * 10)]  # fmt: skip
    row = paired_tests(runs, "ferm").loc[0]
    assert row["difference"] == -25 and row[["only_first", "only_second"]].tolist() == [0, 0]


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
