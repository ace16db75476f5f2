import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from fer_nb import paths
from fer_nb.data import audit, datasets, folds
from fer_nb.data.faceset import FER_CLASSES, FaceSet
from fer_nb.evaluation import thesis

needs_data = pytest.mark.skipif("FER_NB_DATA" not in os.environ, reason="FER_NB_DATA names no folder of real data")


def test_distribution(fer2013_csv):
    table = datasets.distribution(datasets.load("fer2013", "real"))
    assert table.index.tolist() == ["train", "valid", "test"]
    assert table.index.name == "split"
    assert table.columns.tolist() == [*FER_CLASSES, "Total"]
    assert table.loc["train"].tolist() == [1, 1, 1, 0, 0, 0, 0, 3]


# Names and places


@pytest.mark.parametrize(
    "name, near", [("fer2031", "fer2013"), ("ckplus-fold11", "ckplus-fold1"), ("CKPLUS", "ckplus")]
)
def test_unknown_name(name, near):
    with pytest.raises(ValueError, match=f"unknown data set '{name}': did you mean {near}"):
        datasets.load(name)


def test_unknown_data():
    with pytest.raises(ValueError, match='unknown data \'reel\': choose "real" or "synthetic"'):
        datasets.load("fer2013", "reel")


@pytest.mark.parametrize(
    "name, expected", [("fer2013", "fer2013/fer2013.csv"), ("ferm", "fer2013/fer2013.csv"), ("ckplus", r"ck\+/CK\+48")]
)
def test_no_data(elsewhere, name, expected):
    with pytest.raises(FileNotFoundError, match=f"expected {expected}.*FER_NB_DATA"):
        datasets.load(name, "real")


def test_data_beside_each_other_without_folders(fer2013_csv, ferplus_csv, ckplus_folder):
    folder = paths.DATA
    fer2013_csv.rename(folder / "fer2013.csv")
    ferplus_csv.rename(folder / "fer2013new.csv")
    ckplus_folder.rename(folder / "CK+48")
    assert len(datasets.load("ferm", "real")) == 4
    assert len(datasets.load("ckplus", "real")) == 252


def test_synthetic_faces_are_drawn_once(elsewhere, monkeypatch):
    from fer_nb.drawing import synthetic

    drawn = []
    monkeypatch.setattr(synthetic, "write", lambda folder: drawn.append(folder) or folder.mkdir(parents=True))
    assert datasets.root("synthetic") == datasets.root("synthetic") == elsewhere / "runs/synthetic"
    assert len(drawn) == 1
    assert os.listdir(elsewhere / "runs") == ["synthetic"]


def test_subset_split_and_repeated():
    images = np.repeat(np.arange(4, dtype=np.uint8), [2, 2, 1, 1])[:, None, None] * np.ones((1, 48, 48), np.uint8)
    names = np.full(6, "")
    split = np.array(["train", "test", "valid", "test", "train", "test"])
    faces = FaceSet(images, np.arange(6), FER_CLASSES, split, names, names, np.arange(6))
    assert datasets.repeated(faces).tolist() == [False, True, False, False, False, False]
    assert faces.subset([3, 1]).rows.tolist() == [3, 1]
    assert faces.of_split("test").rows.tolist() == [1, 3, 5]
    assert faces.has_split("valid")
    assert not faces.of_split("test").has_split("train")
    assert faces.targets is None and faces.of_split("test").targets is None


def test_repeats_of_held_out_pictures_leave_training():
    images = np.array([0, 1, 2, 0, 1, 3, 0], np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8)
    names, split = np.full(7, ""), np.array(["train", "train", "train", "test", "valid", "test", "train"])
    targets = np.eye(7, dtype=np.float32)
    faces = FaceSet(images, np.arange(7), FER_CLASSES, split, names, names, np.arange(7), targets)
    kept = datasets.without_repeats(faces)
    assert kept.rows.tolist() == [2, 3, 4, 5]
    assert kept.targets.argmax(1).tolist() == [2, 3, 4, 5]
    assert not datasets.repeated(kept).any()


def test_import_is_light():
    code = "import sys; from fer_nb.data import datasets; sys.exit(len({'torch', 'sklearn'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.PIPE, cwd=paths.ROOT)


# The real data


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """FER2013 and FERm as published, parsed once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "RUNS", tmp_path_factory.mktemp("runs"))
        return datasets.load("fer2013", "real"), datasets.load("ferm", "real")


def counts(faces: FaceSet, split: str) -> list[int]:
    found = np.bincount(faces.of_split(split).labels, minlength=len(faces.classes)).tolist()
    return [*found, sum(found)]


@needs_data
def test_real_ckplus():
    faces = datasets.load("ckplus", "real")
    assert len(faces) == 981
    assert len(set(faces.groups)) == 118
    assert len(set(faces.sequences)) == 327
    assert set(pd.Series(faces.sequences).value_counts()) == {3}
    shares = []
    for k in folds.FOLDS:  # table 3-2
        fold = folds.position_fold(faces, k)
        test, train = fold.of_split("test"), fold.of_split("train")
        assert counts(fold, "train") == list(thesis.TABLE_3_2["train"].values())
        assert counts(fold, "test") == list(thesis.TABLE_3_2["valid"].values())
        assert not set(test.sequences) & set(train.sequences)
        shares.append(np.isin(test.groups, train.groups).mean())
    assert (round(100 * min(shares)), round(100 * max(shares))) == (36, 88)


@needs_data
def test_real_fer2013(real):
    faces, ferm = real
    assert faces.images.shape == (35887, 48, 48)
    assert faces.labels[0] == 0
    assert faces.images[0, 0, :5].tolist() == [70, 80, 82, 72, 58]
    for split in ("train", "valid", "test"):
        assert counts(faces, split) == list(thesis.TABLE_3_3_TRUE[split].values())
        assert counts(ferm, split) == list(thesis.TABLE_3_4[split].values())
    misprints = [thesis.TABLE_3_3[split]["Surprise"] for split in ("valid", "test")]
    assert misprints == [315, 316]  # counted: 415 and 416


@needs_data
def test_real_repeats(real):
    faces, ferm = real
    group, repeated = audit.identical(faces), datasets.repeated(faces)
    assert len(faces) - len(set(group)) == 1851
    assert (pd.Series(faces.labels).groupby(group).nunique() > 1).sum() == 57
    assert (repeated & (faces.split == "valid")).sum() == 280
    assert (repeated & (faces.split == "test")).sum() == 288
    assert (datasets.repeated(ferm) & (ferm.split == "test")).sum() == 259
    found = [audit.findings(of).set_index("finding")["pictures"] for of in real]
    assert [of["test picture that is in valid too"] for of in found] == [44, 41]
    assert [of["test picture that is in train too"] for of in found] == [288, 259]


@needs_data
def test_real_labels_agree_with_ferm(real):
    faces, ferm = real
    test = ferm.of_split("test")
    assert round(100 * (faces.labels[test.rows] == test.labels).mean(), 1) == 67.2
