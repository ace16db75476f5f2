"""fer_nb.data.emonas_sets: data sets by name; the readers themselves are tested on their owners' layouts."""

import numpy as np
import pytest

from fer_nb import paths
from fer_nb.data import datasets, emonas_sets, micro
from fer_nb.data.faceset import FaceSet
from fer_nb.data.readers import macro
from fer_nb.drawing import micro_expressions


def faces(subjects=12):
    n = 3 * subjects
    images, labels = np.zeros((n, 48, 48), np.uint8), np.arange(n) % 3
    groups = np.repeat([f"S{k:02d}" for k in range(subjects)], 3)
    return FaceSet(images, labels, ("A", "B", "C"), np.full(n, "train"), groups, np.full(n, ""), np.arange(n))


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Empty folders in place of data/ and runs/, but for data/mug and data/rafdb."""
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    for name in ("mug", "rafdb"):
        (tmp_path / "data" / name).mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("name", emonas_sets.MACRO)
def test_every_set_has_a_reader_and_is_named_where_it_is_missing(elsewhere, name):
    assert callable(getattr(macro, name)) and name not in datasets.NAMES
    (elsewhere / "data" / name).mkdir(exist_ok=True)
    assert datasets.sources(name, "real") == [elsewhere / "data" / name]
    (elsewhere / "data" / name).rmdir()
    for read in (datasets.sources, datasets.load):
        with pytest.raises(FileNotFoundError, match=f"{name}: no {name} here .*FER_NB_DATA"):
            read(name, "real")


def test_a_fold_by_subject_shares_no_subject(elsewhere, monkeypatch):
    monkeypatch.setattr(macro, "mug", lambda folder: faces())
    whole = datasets.load("mug", "real")
    assert set(whole.split) == {"train"}
    held = []
    for k in datasets.FOLDS:
        fold = datasets.load(f"mug-subject{k}", "real")
        assert set(fold.split) == {"train", "test"}
        assert not set(fold.of_split("train").groups) & set(fold.of_split("test").groups)
        held += fold.of_split("test").rows.tolist()
    assert sorted(held) == whole.rows.tolist()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("mugg", "mug"),
        ("mug-subject11", "mug-subject1"),
        ("mug-fold1", "mug, mug-subject1, mug-subject2"),
        ("rafdb-subject1", "rafdb"),  # its owners have split it
        ("ouluu", "oulu"),
        ("ckplus-fold11", "ckplus-fold1"),
        ("micro-dynamic", "micro_dynamic"),
    ],
)
@pytest.mark.parametrize("read", [datasets.sources, datasets.load])
def test_an_unknown_name_gives_the_nearest(elsewhere, read, name, nearest):
    with pytest.raises(ValueError, match=f"unknown data set '{name}': did you mean {nearest}"):
        read(name, "real")


def test_macro_sets_are_not_drawn(elsewhere):
    with pytest.raises(ValueError, match=r'rafdb with data "synthetic": it is not drawn: choose "real"'):
        datasets.load("rafdb", "synthetic")


def test_clips_by_name(elsewhere):
    micro_expressions.write(micro_expressions.path(), subjects=3, per_subject=3, progress=False)
    (source,) = datasets.sources("micro_apex-subject2", "synthetic")
    assert source == micro_expressions.path()
    whole = datasets.load("micro_apex", "synthetic")
    assert np.array_equal(whole.images, micro.load("micro", "apex").images) and set(whole.split) == {"train"}
    fold = datasets.load("micro_apex-subject2", "synthetic")
    assert set(fold.of_split("test").groups) == {"s02"} and np.array_equal(fold.images, whole.images)
    (elsewhere / "runs/synthetic").mkdir()
    assert list(datasets.checksums("micro_apex", "synthetic")) == ["synthetic-micro/clips.npz"]
    with pytest.raises(ValueError, match="unknown kind of picture 'apexx': did you mean apex"):
        datasets.load("micro_apexx", "synthetic")
    with pytest.raises(ValueError, match="subject 4: there are 3 subjects"):
        datasets.load("micro_apex-subject4", "synthetic")
