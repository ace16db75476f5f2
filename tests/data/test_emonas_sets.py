"""fer_nb.data.emonas_sets: data sets by name; the readers themselves are tested on their owners' layouts."""

from dataclasses import replace

import numpy as np
import pytest
from owners import clips, write_ckplus

from fer_nb.data import datasets, emonas_sets, folds
from fer_nb.data.clip_pictures import pictures
from fer_nb.data.faceset import FaceSet
from fer_nb.drawing import micro_expressions


def faces(subjects=12):
    n = 3 * subjects
    images, labels = np.zeros((n, 48, 48), np.uint8), np.arange(n) % 3
    groups = np.repeat([f"S{k:02d}" for k in range(subjects)], 3)
    return FaceSet(images, labels, ("A", "B", "C"), np.full(n, "train"), groups, np.full(n, ""), np.arange(n))


@pytest.mark.parametrize("name", [*emonas_sets.PICTURES, "casme1_apex", "casmesq_mean-subject2", "samm_dynamic"])
def test_every_set_is_named_where_it_is_missing(elsewhere, name):
    base = name.partition("_")[0]
    assert name not in datasets.NAMES
    for read in (datasets.sources, datasets.load):
        with pytest.raises(FileNotFoundError, match=f"{base}: no {base} here .*FER_NB_DATA"):
            read(name, "real")
    (elsewhere / "data" / base).mkdir()
    assert datasets.sources(name, "real") == [elsewhere / "data" / base]


def test_a_fold_by_subject_shares_no_subject(elsewhere, monkeypatch):
    (elsewhere / "data/mug").mkdir()
    monkeypatch.setitem(emonas_sets.PICTURES, "mug", lambda folder: faces())
    whole = datasets.load("mug", "real")
    assert set(whole.split) == {"train"}
    held = []
    for k in folds.FOLDS:
        fold = datasets.load(f"mug-subject{k}", "real")
        assert set(fold.split) == {"train", "test"}
        assert not set(fold.of_split("train").groups) & set(fold.of_split("test").groups)
        held += fold.of_split("test").rows.tolist()
    assert sorted(held) == whole.rows.tolist()


@pytest.mark.parametrize(
    ("name", "suggested"),
    [
        ("mugg", "did you mean mug?"),
        ("mug-subject11", "did you mean mug-subject1?"),
        ("mug-fold1", "choose one of mug, mug-subject1, mug-subject2"),
        ("rafdb-subject1", "choose one of rafdb$"),  # its owners have split it
        ("ouluu", "did you mean oulu?"),
        ("ckplus-fold11", "did you mean ckplus-fold1?"),
        ("micro-dynamic", "did you mean micro_dynamic?"),
        ("micro_dynamc", "did you mean micro_dynamic?"),
        ("micro_dynamic-subject0", "did you mean micro_dynamic?"),
        ("casme3_dynamic", r"did you mean casme\w*_dynamic?"),
        ("micro", "did you mean micro_"),
        ("neither", "choose one of fer2013, ferm, ckplus, rafdb"),
    ],
)
@pytest.mark.parametrize("read", [datasets.sources, datasets.load, datasets.checksums])
def test_an_unknown_name_gives_the_nearest(elsewhere, read, name, suggested):
    with pytest.raises(ValueError, match=f"unknown data set '{name}': {suggested}"):
        read(name, "real")


@pytest.mark.parametrize("name", ["micro_dynamic-subject3", "megc2019_apex-subject68", "ckplusclips_mean"])
def test_names_of_clips(name):
    assert emonas_sets.knows(name) and not any(emonas_sets.knows(other) for other in datasets.NAMES)


@pytest.mark.parametrize(
    ("name", "data", "choice"),
    [("rafdb", "synthetic", "real"), ("casme2_mean", "synthetic", "real"), ("micro_apex", "real", "synthetic")],
)
def test_sets_that_do_not_go_with_the_data(elsewhere, name, data, choice):
    base = name.partition("_")[0]
    for read in (datasets.sources, datasets.load):
        with pytest.raises(ValueError, match=f'^{base} with data "{data}": choose "{choice}"'):
            read(name, data)


def test_clips_by_name(elsewhere):
    micro_expressions.write(micro_expressions.path(), subjects=3, per_subject=3, progress=False)
    (source,) = datasets.sources("micro_apex-subject2", "synthetic")
    assert source == micro_expressions.path()
    whole = datasets.load("micro_apex", "synthetic")
    assert whole.classes == micro_expressions.CLASSES and len(whole) == 9 and set(whole.split) == {"train"}
    fold = datasets.load("micro_apex-subject2", "synthetic")
    assert set(fold.of_split("test").groups) == {"s02"} and np.array_equal(fold.images, whole.images)
    with pytest.raises(ValueError, match="subject 4: there are 3 subjects"):
        datasets.load("micro_apex-subject4", "synthetic")


def test_an_optical_flow_is_computed_once_for_all_folds(elsewhere, monkeypatch):
    micro_expressions.write(micro_expressions.path(), subjects=2, per_subject=3, progress=False)
    first = datasets.load("micro_farneback-subject1", "synthetic")
    expected = pictures(emonas_sets.load_clips("micro", "synthetic"), "farneback")
    assert np.array_equal(first.images, expected.images)

    def once(clips, kind):
        assert kind == "apex", "this computes the flow again"
        return pictures(clips, kind)

    monkeypatch.setattr(once, "__module__", pictures.__module__)
    monkeypatch.setattr(emonas_sets, "pictures", once)
    second = datasets.load("micro_farneback-subject2", "synthetic")
    assert np.array_equal(second.images, first.images) and set(second.of_split("test").groups) == {"s02"}


def test_checksums_of_clips_and_folds(elsewhere):
    """Of each name that a study may have; the faces are not drawn to say where clips are."""
    micro_expressions.write(micro_expressions.path(), subjects=1, per_subject=3, progress=False)
    for name in ("micro_apex", "micro_dynamic-subject1"):
        assert list(datasets.checksums(name, "synthetic")) == ["synthetic-micro/micro.npz"]
    assert not (elsewhere / "runs/synthetic").exists()
    write_ckplus(elsewhere / "data/ck+/CK+48", subjects=1)
    names = ("ckplus", "ckplus-fold1", "ckplus-subject3", "ckplusclips_dynamic", "ckplusclips_apex-subject1")
    found = [datasets.checksums(name, "real") for name in names]
    assert list(found[0]) == ["ck+/CK+48"] and all(one == found[0] for one in found)


def reading(read, result=clips):
    """A reader of SAMM or of the composite that notes the folders that it is given."""

    def reader(folder):
        read.append(folder)
        return result()

    reader.__module__ = "fer_nb.data.readers.samm"
    return reader


def test_an_owners_set_is_read_once_and_checked(elsewhere, monkeypatch):
    folder, read = elsewhere / "data/samm", []
    folder.mkdir()
    (folder / "sheet.csv").write_text("one")
    monkeypatch.setitem(emonas_sets.CLIPS, "samm", reading(read))
    first, second = (emonas_sets.load_clips("samm", "real") for _ in range(2))
    assert read == [folder] and all(np.array_equal(a, b) for a, b in zip(first.frames, second.frames, strict=True))
    (folder / "sheet.csv").write_text("two")
    short = replace(clips(), frames=tuple(frames[:1] for frames in clips().frames))
    monkeypatch.setitem(emonas_sets.CLIPS, "samm", reading(read, lambda: short))
    with pytest.raises(ValueError, match="clip 'EP0' of subject 'a' has 1 frame"):
        emonas_sets.load_clips("samm", "real")
    assert len(list((elsewhere / "runs/cache").glob("*.npz"))) == 1


def test_another_detector_cuts_the_clips_anew(elsewhere, monkeypatch):
    read = []
    (elsewhere / "data/samm").mkdir()
    (elsewhere / "data/yunet").mkdir()
    monkeypatch.setitem(emonas_sets.CLIPS, "samm", reading(read))
    for model in (b"one", b"one", b"two"):
        (elsewhere / "data/yunet/yunet.onnx").write_bytes(model)
        emonas_sets.load_clips("samm", "real")
    assert len(read) == 2
    assert list(datasets.checksums("samm_apex", "real")) == ["samm", "yunet/yunet.onnx"]


def test_the_composite_is_read_again_when_one_of_its_sets_changes(elsewhere, monkeypatch):
    read = []
    monkeypatch.setitem(emonas_sets.CLIPS, "megc2019", reading(read))
    for name in ("megc2019", "casme2", "samm", "smic"):
        with pytest.raises(FileNotFoundError, match=f"no {name} here"):
            datasets.sources("megc2019_apex", "real")
        (elsewhere / "data" / name).mkdir()
    for text in ("one", "one", "two"):
        (elsewhere / "data/smic/frame.bmp").write_text(text)
        emonas_sets.load_clips("megc2019", "real")
    assert read == [elsewhere / "data/megc2019"] * 2
