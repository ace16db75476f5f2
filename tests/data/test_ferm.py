import os
from itertools import product

import numpy as np
import pandas as pd
import pytest

from fer_nb import paths
from fer_nb.data import datasets, ferm
from fer_nb.data.faceset import FER_CLASSES, FaceSet
from fer_nb.data.readers import ferplus
from fer_nb.data.readers.ferplus import VOTES
from fer_nb.evaluation import thesis

needs_data = pytest.mark.skipif("FER_NB_DATA" not in os.environ, reason="FER_NB_DATA names no folder of real data")


def votes(**counts: int) -> pd.DataFrame:
    return pd.DataFrame([counts], columns=list(VOTES)).fillna(0).astype(int)


@pytest.mark.parametrize(
    "counts, reason, label",
    [
        ({"anger": 10}, "kept", "Angry"),
        ({"happiness": 6, "neutral": 4}, "kept", "Happy"),
        ({"happiness": 5, "neutral": 5}, "no majority", None),  # a tie
        ({"happiness": 4, "neutral": 2, "fear": 2}, "no majority", None),  # exactly half of the votes left
        ({"happiness": 4, "neutral": 3, "fear": 1, "anger": 1, "disgust": 1}, "kept", "Happy"),  # 4 of the 7 left
        ({"happiness": 5, "neutral": 4, "fear": 1}, "kept", "Happy"),  # half of all, but 5 of the 9 left
        ({"neutral": 2}, "kept", "Neutral"),
        ({name: 1 for name in VOTES}, "no majority", None),  # nothing is left
        ({}, "no majority", None),
        ({"contempt": 6, "disgust": 4}, "kept", "Disgust"),
        ({"contempt": 4, "disgust": 2, "anger": 4}, "no majority", None),  # contempt and disgust do not add up
        ({"unknown": 6, "anger": 4}, "unknown", None),
        ({"unknown": 5, "anger": 5}, "no majority", None),
        ({"NF": 10}, "not a face", None),
        ({"NF": 3, "sadness": 7}, "kept", "Sad"),
    ],
)
def test_rule(counts, reason, label):
    row = ferm.clean(votes(**counts)).iloc[0]
    assert row["reason"] == reason
    assert row["kept"] == (reason == "kept")
    assert row["label"] == (FER_CLASSES.index(label) if label else -1)


def test_each_expression_has_its_label():
    names = [name for name in VOTES if name not in ("unknown", "NF")]
    labels = ferm.clean(pd.concat([votes(**{name: 10}) for name in names]))["label"]
    classes = ["Neutral", "Happy", "Surprise", "Sad", "Angry", "Disgust", "Fear", "Disgust"]
    assert [FER_CLASSES[label] for label in labels] == classes


def test_agrees_with_the_rule_said_plainly():
    """Every way to give four columns 0 to 6 votes, against a row-by-row reading of the rule."""
    table = pd.DataFrame(0, index=range(7**4), columns=list(VOTES))
    table[["disgust", "contempt", "unknown", "NF"]] = list(product(range(7), repeat=4))
    for (_, counts), (_, found) in zip(table.iterrows(), ferm.clean(table).iterrows(), strict=True):
        left = {name: count for name, count in counts.items() if count > 1}
        winners = [name for name, count in left.items() if count > sum(left.values()) / 2]
        assert len(winners) <= 1
        assert found["kept"] == (winners in (["disgust"], ["contempt"]))
        assert found["reason"] in ferm.REASONS


def test_permuting_rows_permutes_labels_and_keeps_the_index():
    table = pd.DataFrame(np.random.default_rng(0).multinomial(10, [0.1] * 10, size=200), columns=list(VOTES))
    shuffled = table.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(ferm.clean(shuffled).sort_index(), ferm.clean(table))


def test_shares_are_the_votes_for_expressions_without_single_ones():
    table = pd.concat([votes(anger=6, disgust=1, contempt=2, unknown=2), votes(happiness=10), votes(unknown=8, fear=1)])
    assert ferm.shares(table).tolist() == [[0.75, 0.25, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0], [0] * 7]


def test_the_largest_share_of_a_picture_that_is_kept_is_its_label():
    rng = np.random.default_rng(0)
    counts = [rng.multinomial(10, rng.dirichlet(np.full(10, 0.3))) for _ in range(500)]
    table = pd.DataFrame(counts, columns=list(VOTES))
    cleaned, shares = ferm.clean(table), ferm.shares(table)
    kept = cleaned["kept"].to_numpy()
    assert kept.sum() > 100
    assert (shares[kept].argmax(1) == cleaned["label"][kept]).all() and (shares[kept].max(1) > 0.5).all()
    np.testing.assert_allclose(shares[kept].sum(1), 1, rtol=1e-6)


def test_no_rows():
    assert len(ferm.clean(votes().iloc[:0])) == 0
    assert ferm.shares(votes().iloc[:0]).shape == (0, 7)


def test_build_keeps_rows_and_split():
    images = np.arange(3, dtype=np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8)
    names = np.full(3, "")
    split = np.array(["train", "valid", "test"])
    faces = FaceSet(images, np.array([6, 6, 6]), FER_CLASSES, split, names, names, np.arange(3))
    built = ferm.build(faces, pd.concat([votes(fear=9), votes(NF=9), votes(anger=9)]))
    assert built.labels.tolist() == [2, 0]
    assert built.rows.tolist() == [0, 2]
    assert built.split.tolist() == ["train", "test"]
    assert built.images[:, 0, 0].tolist() == [0, 2]
    assert built.targets.argmax(1).tolist() == [2, 0] and built.of_split("test").targets.shape == (1, 7)
    with pytest.raises(ValueError, match="2 rows of votes for 3 pictures"):
        ferm.build(faces, pd.concat([votes(fear=9), votes(NF=9)]))


@needs_data
def test_table_3_4_on_the_real_data(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", tmp_path)
    fer2013_csv, votes_csv = datasets.sources("ferm", "real")
    votes = ferplus.read(votes_csv)
    table, usage = ferm.clean(votes), votes["Usage"]
    assert fer2013_csv.exists()
    for split, name in (("train", "Training"), ("valid", "PublicTest"), ("test", "PrivateTest")):
        labels = table.loc[(usage == name) & table["kept"], "label"]
        counts = np.bincount(labels, minlength=7).tolist()
        assert [*counts, sum(counts)] == list(thesis.TABLE_3_4[split].values())
