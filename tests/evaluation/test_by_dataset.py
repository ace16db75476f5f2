from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fer_nb.data import datasets
from fer_nb.data.faceset import FaceSet
from fer_nb.evaluation import by_dataset


@pytest.fixture(autouse=True)
def faces(monkeypatch):
    """Ten pictures as any data set: one in training, which the last of the others repeats; of CK+ in sequences."""
    n = 10
    images = np.arange(n, dtype=np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8)
    images[9] = images[0]
    split, groups = np.where(np.arange(n) == 0, "train", "test"), np.array(["S001"] * n)
    sequences = np.array([f"{i // 3:03d}" for i in range(n)])
    found = FaceSet(images, np.zeros(n, int), ("Angry", "Happy"), split, groups, sequences, np.arange(n))
    alone = replace(found, sequences=np.full(n, ""))
    monkeypatch.setattr(datasets, "load", lambda name, data: found if name.startswith("ckplus") else alone)


def names(items):
    return [name for name, *_ in items]


def test_every_data_set_has_the_same_tables_and_figures(fake):
    runs = [fake(net, "AAAAAAHHHH", dataset=name) for name in ("fer2013", "ferm") for net in ("VGG19", "ResNet18")]
    kinds = ["", "-protocol", "-classes", "-mcnemar"]
    for key, number, others in (("fer2013", "3-8", "table-3-9"), ("ferm", "3-10", "table-3-11")):
        tables = list(by_dataset.result_tables(runs, key, "real"))
        first, *rest = [f"table-{number}{kind}" for kind in kinds]
        assert names(tables) == [first, others, *rest]
        assert tables[0][1].startswith(f"Table {number}. FER") and not tables[2][1].startswith("Table")
        assert "0 of 1 pairs of nets differ" in tables[-1][1]
        assert tables[2][2]["repeats"].tolist() == [1, 1]
    assert names(by_dataset.result_figures(runs, "fer2013")) == ["fig-3-9", "accuracy-curves-fer2013"]
    assert names(by_dataset.result_figures(runs, "ferm")) == ["fig-3-10", "fig-3-11", "fig-3-12"]


def test_several_seeds_are_shown_one_by_one(fake):
    runs = [fake("VGG19", "AAAAAAHHHH"), *(fake("ResNet18", "AAAAAAHHHA", seed=seed) for seed in (0, 1))]
    tables = {name: (caption, table) for name, caption, table in by_dataset.result_tables(runs, "ferm", "real")}
    caption, table = tables["table-3-10-seeds"]
    assert table["model"].tolist() == ["ResNet18"] * 2 and table["accuracy"].tolist() == [90] * 2
    assert "(training accuracy below 105.0%)" in caption  # the one picture of training has the largest class
    assert "table-3-10-seeds" not in names(by_dataset.result_tables(runs[:2], "ferm", "real"))


def test_what_is_not_trained_is_one_sentence(fake):
    runs = [fake("VGG19", "AAAAAAHHHH", dataset="ckplus-subject3")]
    assert by_dataset.accuracy_words(runs, "ferm", "real") == "This study trains no net on FERm."
    assert names(by_dataset.result_tables(runs, "ferm", "real")) == names(by_dataset.result_figures(runs, "ferm")) == []
    assert by_dataset.accuracy_words(runs, "ckplus", "real") == "This study trains no net on CK+ by the thesis's split."
    assert names(by_dataset.result_tables(runs, "ckplus", "real")) == ["table-3-6-splits"]


def test_the_sentence_holds_the_thesis_s_value_on_real_data_only(fake):
    runs = [fake("VGG19", "AAAAAAHHAA", test_curve=[1.0] * 200), fake("Other", "AAAAAAHHHH")]
    text = by_dataset.accuracy_words(runs, "ferm", "real")
    assert "VGG19 80.0 [49.0, 94.3] (thesis 87.31: within the interval)" in text
    assert "Other 100.0 [72.2, 100.0] (thesis –: not in the thesis)." in text
    assert "thesis" not in by_dataset.accuracy_words(runs, "ferm", "synthetic")


def test_on_ckplus_each_caption_says_that_sequences_are_counted(fake):
    runs = [fake(net, "AAAAAAHHHH", dataset="ckplus-fold1") for net in ("VGG19", "ResNet18")]
    said = {name: text for name, text, _ in by_dataset.result_tables(runs, "ckplus", "real")}
    assert "over the test sequences" in said["table-3-6"] and "over the test sequences" in said["table-3-6-classes"]
    assert "sequences that only one of them" in said["table-3-6-mcnemar"] and "majority" in said["table-3-6-mcnemar"]
    assert "[95% interval over the test sequences]" in by_dataset.accuracy_words(runs, "ckplus", "real")
    other = [fake(net, "AAAAAAHHHH") for net in ("VGG19", "ResNet18")]
    said = [text for _, text, _ in by_dataset.result_tables(other, "ferm", "real")]
    assert "over the test pictures" in said[0] and not any("sequence" in text for text in said)


def test_few_pictures_have_one_decimal():
    few, many = (pd.DataFrame({"accuracy": [70.123], "pictures": number, "p": 0.1}) for number in (54, 3589))
    assert by_dataset.digits(few)["accuracy"] == 1 and by_dataset.digits(many)["accuracy"] == 2
    assert by_dataset.digits(many)["p"] == 4 and by_dataset.digits(many[["accuracy"]])["accuracy"] == 2


def test_each_net_shows_the_pictures_of_its_surest_mistakes(fake):
    runs = [fake("VGG19", "AAAAHHAAHH"), fake("ResNet18", "AAAAAAHHHH")]  # the second makes none
    ((name, caption, figure),) = by_dataset.mistake_figures(runs, "ferm", "real")
    assert name == "mistakes-ferm-VGG19" and caption.startswith("FERm: the surest wrong predictions of VGG19")
    axes = np.array(figure.axes).reshape(2, 2)
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["Angry", "Happy"]
    assert [ax.get_images()[0].get_array()[0, 0] for ax in axes.flat] == [4, 5, 6, 7]  # rows of the test split
    assert axes[1, 0].get_title() == "Angry\n0.50"
    assert list(by_dataset.mistake_figures(runs, "ckplus", "real")) == []
