import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fer_nb.data import audit, datasets
from fer_nb.data.faceset import CK_CLASSES, FaceSet
from fer_nb.evaluation import thesis

needs_data = pytest.mark.skipif("FER_NB_DATA" not in os.environ, reason="FER_NB_DATA names no folder of real data")


def face_set(images, labels, split, groups=None, sequences=None) -> FaceSet:
    names = np.full(len(labels), "")
    return FaceSet(
        images=np.asarray(images, np.uint8),
        labels=np.asarray(labels, np.int64),
        classes=CK_CLASSES,
        split=np.asarray(split),
        groups=names if groups is None else groups,
        sequences=names if sequences is None else sequences,
        rows=np.arange(len(labels)),
    )


@pytest.fixture
def faces():
    """a b a a c flat, where the first two a's and the flat one are training pictures."""
    noise = np.random.default_rng(0).integers(0, 256, (3, 48, 48))
    images = [noise[0], noise[1], noise[0], noise[0], noise[2], np.full((48, 48), 9)]
    return face_set(images, [0, 1, 0, 2, 3, 3], ["train", "train", "train", "test", "valid", "train"])


def test_comparison_with_the_thesis(faces):
    ours = datasets.distribution(faces)
    assert audit.differences_in_words(audit.beside_thesis(ours, ours.T.to_dict())) == "All 24 cells equal the thesis's."
    misprint = ours.T.to_dict()
    misprint["test"]["Fear"] = 2
    table = audit.beside_thesis(ours, misprint)
    assert table.index.names == ["split", "source"]
    assert table.loc[("test", "difference"), "Fear"] == -1
    assert audit.differences_in_words(table).startswith(
        "1 of 24 cells differ. Fear, test: the thesis prints 2, counted 1 (a misprint: its row sums to 2, not to"
    )


def test_samples_show_no_subject_twice():
    images = np.arange(12)[:, None, None] * np.ones((48, 48))
    names = np.repeat(["a", "b", ""], 4)
    faces = face_set(images, np.repeat([0, 0, 1], 4), np.full(12, "train"), names)
    drawn = audit.samples(faces, 3, np.random.default_rng(0))
    assert list(drawn) == list(CK_CLASSES)
    assert sorted(names[drawn["Angry"][:, 0, 0]]) == ["a", "b"]
    assert len(set(drawn["Disgust"][:, 0, 0])) == 3
    assert len(drawn["Happy"]) == 0
    again = audit.samples(faces, 3, np.random.default_rng(0))
    assert all((again[name] == drawn[name]).all() for name in drawn)


def test_agreement(faces):
    relabelled = replace(faces.subset([0, 1, 2, 5, 3]), labels=np.array([0, 1, 0, 6, 6]))
    table = audit.agreement(faces, relabelled).set_index("split")
    assert table.loc["train", ["pictures", "agree"]].tolist() == [4, 75]
    assert table.loc["train", ["low", "high"]].round(2).tolist() == [30.06, 95.44]  # Wilson 1927 for 3 of 4
    assert table.loc["test", "agree"] == 0
    assert "valid" not in table.index


def test_findings(faces):
    assert audit.identical(faces).tolist() == [0, 1, 0, 0, 2, 3]
    assert audit.flat(faces).tolist() == [False] * 5 + [True]
    found = audit.findings(faces).set_index("finding")
    assert found["pictures"].tolist() == [2, 3, 1, 0, 1, 0]
    assert found["of"].tolist() == [6, 6, 6, 1, 1, 1]
    assert found.loc["test picture that is in train too", "share"] == 100
    names = ["test", "train", "train", "test", "valid", "valid"]  # of a b a flat c flat
    found = audit.findings(replace(faces, images=faces.images[[0, 1, 2, 5, 4, 5]], split=np.array(names)))
    assert found.set_index("finding")["pictures"].tolist()[3:] == [0, 1, 1]
    assert len(audit.findings(replace(faces, split=np.full(6, "train")))) == 3


def test_lettering_scores_higher_than_a_plain_face():
    plain = np.tile(np.linspace(60, 200, 48), (48, 1))
    lettered = plain.copy()
    lettered[38:46, 8:40:3] = 255
    scores = audit.text_score(face_set([plain, lettered], [0, 0], ["train", "train"]))
    assert scores[0] == 0
    assert 0.3 < scores[1] <= 1


def test_fold_leaks():
    """Subjects whose pictures resemble each other, not their class: only a split by subject is honest."""
    random = np.random.default_rng(0)
    subject = np.repeat(np.arange(40), 3)
    labels = np.sort(random.integers(0, 7, 40))[subject]
    images = (random.integers(0, 240, (40, 48, 48))[subject] + random.integers(0, 9, (120, 48, 48))).astype(np.uint8)
    names = np.char.mod("S%03d", subject)
    leaks = audit.fold_leaks(face_set(images, labels, np.full(120, "train"), names, names))
    assert len(leaks) == 30
    mean = leaks.groupby("split").mean()
    assert mean.loc["random", "shared_sequences"] > 90
    assert mean.loc["random", "nearest_neighbour"] > 90
    assert mean.loc["subject", "shared_subjects"] == mean.loc["thesis", "shared_sequences"] == 0
    assert mean.loc["subject", "nearest_neighbour"] < 60


def test_vote_entropy():
    votes = pd.DataFrame([[10, 0, 0, 0], [5, 5, 0, 0], [1, 1, 1, 1]])
    assert audit.vote_entropy(votes).tolist() == [0, 1, 2]


@needs_data
def test_real_ckplus_leaks():
    leaks = audit.fold_leaks(datasets.load("ckplus", "real"))
    mean = leaks.groupby("split")["nearest_neighbour"].mean()
    assert mean["random"] > 98
    assert 50 < mean["subject"] < 60
    table = datasets.distribution(datasets.load("ckplus-fold1", "real")).rename(index={"test": "valid"})
    assert (
        audit.differences_in_words(audit.beside_thesis(table, thesis.TABLE_3_2)) == "All 16 cells equal the thesis's."
    )
