import numpy as np
import pytest

from fer_nb.data import datasets, folds
from fer_nb.data.faceset import FaceSet
from fer_nb.data.readers import ckplus


def test_fold_sizes():
    assert folds.fold_sizes(np.array([135, 177, 75, 207, 84, 249, 54])).tolist() == [12, 18, 9, 21, 9, 24, 6]
    assert folds.fold_sizes(np.array([3, 6, 0, 300])).tolist() == [3, 3, 0, 30]


@pytest.mark.parametrize("kind", ["fold", "subject"])
def test_ckplus_folds(ckplus_folder, kind):
    held = np.zeros(252, int)
    for k in folds.FOLDS:
        faces = datasets.load(f"ckplus-{kind}{k}", "real")
        test, train = faces.of_split("test"), faces.of_split("train")
        assert len(test) + len(train) == len(faces) == 252
        assert not set(test.sequences) & set(train.sequences)
        if kind == "subject":
            assert not set(test.groups) & set(train.groups)
        held[test.rows] += 1
    if kind == "subject":
        assert (held == 1).all()


def test_position_fold_takes_its_place_in_each_class(ckplus_folder):
    faces = ckplus.read(ckplus_folder)
    size = folds.fold_sizes(np.full(7, 36))
    for k, starts in ((1, 0 * size), (2, size), (10, 36 - size)):
        rows = folds.position_fold(faces, k).of_split("test").rows
        assert rows.tolist() == [36 * c + starts[c] + i for c in range(7) for i in range(size[c])]


def test_too_few_subjects(ckplus_folder):
    faces = ckplus.read(ckplus_folder)
    with pytest.raises(ValueError, match="9 subjects: ten folds by subject need at least 10"):
        folds.subject_fold(faces.subset(faces.groups < "S009"), 1)


def three_subjects(labels=(0, 1, 0, 1, 0, 1)) -> FaceSet:
    images, subjects = np.zeros((6, 48, 48), np.uint8), np.array(list("aabbcc"))
    classes, split = ("negative", "positive"), np.full(6, "train")
    return FaceSet(images, np.array(labels), classes, split, subjects, np.full(6, ""), np.arange(6))


def test_leave_one_subject_out_holds_out_each_once():
    faces, held = three_subjects(), []
    for k in (1, 2, 3):
        fold = folds.leave_one_subject_out(faces, k)
        assert set(fold.of_split("test").groups) == {"abc"[k - 1]}
        assert not set(fold.of_split("test").groups) & set(fold.of_split("train").groups)
        held += fold.of_split("test").rows.tolist()
    assert sorted(held) == list(range(6))
    for k in (0, 4):
        with pytest.raises(ValueError, match=f"subject {k}: there are 3 subjects"):
            folds.leave_one_subject_out(faces, k)


def test_a_subject_who_alone_shows_a_class_cannot_be_held_out():
    faces = three_subjects((0, 0, 1, 1, 0, 0))
    with pytest.raises(ValueError, match="without subject 'b' there is no clip of class positive"):
        folds.leave_one_subject_out(faces, 2)
    assert set(folds.leave_one_subject_out(faces, 1).of_split("test").labels) == {0}  # one class is fine in test
