from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, recall_score

from fer_nb import paths
from fer_nb.data import datasets, micro
from fer_nb.data.clips import ClipSet, check
from fer_nb.data.dynamic_image import dynamic_image
from fer_nb.data.faceset import CK_CLASSES
from fer_nb.drawing import micro_expressions


def clips(subjects=("a", "a", "b", "b", "c", "c"), labels=(0, 1, 0, 1, 0, 1)):
    rng, count = np.random.default_rng(0), len(subjects)
    return ClipSet(
        frames=tuple(rng.integers(0, 256, (3 + number % 2, 48, 48), np.uint8) for number in range(count)),
        apexes=np.array([1, -1, 0, 3, 2, -1][:count]),
        labels=np.array(labels),
        classes=("negative", "positive"),
        subjects=np.array(subjects),
        names=np.array([f"EP{number}" for number in range(count)]),
        sources=np.full(count, ""),
    )


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Empty folders in place of data/ and runs/."""
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    return tmp_path


def test_check_names_the_clip():
    good = clips()
    assert check(good) is good
    frames = list(good.frames)
    for bad, message in (
        (frames[1][:1], "clip 'EP1' of subject 'a' has 1 frame"),
        ([frames[1][0], frames[1][1, 1:]], "clip 'EP1' of subject 'a' has frames of different sizes"),
        (frames[1][:, :40], "must be \\(48, 48\\) uint8"),
        (frames[1] / 255, "must be \\(48, 48\\) uint8"),
    ):
        with pytest.raises(ValueError, match=message):
            check(replace(good, frames=(frames[0], bad, *frames[2:])))
    with pytest.raises(ValueError, match=r"clip 'EP0'.*apex 5 is outside its 3 frames"):
        check(replace(good, apexes=np.array([5, 0, 0, 0, 0, 0])))
    with pytest.raises(ValueError, match="label 2 is none of the 2 classes"):
        check(replace(good, labels=good.labels + 1))
    with pytest.raises(ValueError, match="names: 5 for 6 clips"):
        check(replace(good, names=good.names[1:]))


def test_subset_takes_a_mask_or_positions():
    for index in (np.array([False, False, True, False, True, False]), [2, 4]):
        part = clips().subset(index)
        assert part.names.tolist() == ["EP2", "EP4"] and len(part) == len(part.frames) == 2
        assert np.array_equal(part.frames[1], clips().frames[4])


def test_pictures_of_each_kind():
    given = clips()
    images = {kind: micro.pictures(given, kind).images for kind in micro.KINDS}
    assert all(found.shape == (6, 48, 48) and found.dtype == np.uint8 for found in images.values())
    assert np.array_equal(images["dynamic"][3], dynamic_image(given.frames[3]))
    wanted = [1, 2, 0, 3, 2, 2]  # clip 1 of four frames and clip 5 have no known apex: their middle frame
    assert all(np.array_equal(images["apex"][n], given.frames[n][apex]) for n, apex in enumerate(wanted))
    assert np.abs(images["mean"][0] - given.frames[0].mean(axis=0)).max() <= 0.5
    faces = micro.pictures(given)
    assert faces.groups.tolist() == list("aabbcc") and faces.sequences.tolist() == given.names.tolist()
    assert set(faces.split) == {"train"} and faces.rows.tolist() == list(range(6))
    with pytest.raises(ValueError, match="unknown kind of picture 'onset': choose of dynamic, apex, mean"):
        micro.pictures(given, "onset")


def test_leave_one_subject_out_holds_out_each_once():
    faces, held = micro.pictures(clips()), []
    for k in (1, 2, 3):
        fold = micro.leave_one_subject_out(faces, k)
        assert set(fold.of_split("test").groups) == {"abc"[k - 1]}
        assert not set(fold.of_split("test").groups) & set(fold.of_split("train").groups)
        held += fold.of_split("test").rows.tolist()
    assert sorted(held) == list(range(6))
    for k in (0, 4):
        with pytest.raises(ValueError, match=f"subject {k}: there are 3 subjects"):
            micro.leave_one_subject_out(faces, k)


def test_a_subject_who_alone_shows_a_class_cannot_be_held_out():
    faces = micro.pictures(clips(labels=(0, 0, 1, 1, 0, 0)))
    with pytest.raises(ValueError, match="without subject 'b' there is no clip of class positive"):
        micro.leave_one_subject_out(faces, 2)
    assert set(micro.leave_one_subject_out(faces, 1).of_split("test").labels) == {
        0
    }  # one class on the test side is fine


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("micro_dynamic-subject3", ("micro", "dynamic", 3)),
        ("megc2019_apex-subject68", ("megc2019", "apex", 68)),
        ("ckplusclips_mean", ("ckplusclips", "mean", None)),
    ],
)
def test_names(name, found):
    assert micro.owns(name) and micro.parse_name(name) == found


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("casme3_dynamic", "unknown set of clips 'casme3': did you mean casme"),
        ("micro_dynamc-subject3", "unknown kind of picture 'dynamc': did you mean dynamic"),
        ("micro_dynamic-subject0", "name it <set>_<kind>-subject<k>|name it <set>_<kind> or"),
        ("micro", "name it <set>_<kind> or"),
    ],
)
def test_bad_names(name, message):
    with pytest.raises(ValueError, match=message):
        micro.parse_name(name)


def test_which_names_are_ours():
    assert not any(micro.owns(name) for name in (*datasets.NAMES, "micro", "oulu_strong"))


def test_scores_are_the_pooled_ones():
    rng = np.random.default_rng(1)
    names = np.array(["negative", "positive", "surprise"])
    truth = rng.choice(3, 90, p=(0.6, 0.2, 0.2))
    predicted = np.where(rng.random(90) < 0.6, truth, rng.integers(0, 3, 90))
    table = pd.DataFrame({"label": names[truth], "predicted": names[predicted], "subject": np.repeat(range(15), 6)})
    found = micro.scores(table, tuple(names)).set_index("measure")
    expected = {
        "accuracy": (truth == predicted).mean(),
        "UAR": recall_score(truth, predicted, average="macro"),
        "UF1": f1_score(truth, predicted, average="macro"),
    }
    assert found["value"].to_dict() == pytest.approx({name: 100 * value for name, value in expected.items()})
    assert (found["low"] < found["value"]).all() and (found["value"] < found["high"]).all()
    assert set(found["subjects"]) == {15} and set(found["clips"]) == {90}
    shuffled = table.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(micro.scores(shuffled), micro.scores(table))


def test_the_interval_is_over_subjects():
    """Subjects of whom each is all right or all wrong: ten clips of a subject are worth no more than one."""
    one = pd.DataFrame({"label": [0, 1] * 10, "predicted": [0, 1] * 5 + [1, 0] * 5, "subject": range(20)})
    ten = pd.concat([one] * 10)
    narrow = micro.scores(ten.assign(subject=range(200))).set_index("measure")
    wide, alone = micro.scores(ten).set_index("measure"), micro.scores(one).set_index("measure")
    pd.testing.assert_frame_equal(wide[["value", "low", "high"]], alone[["value", "low", "high"]])
    width = (wide["high"] - wide["low"]) / (narrow["high"] - narrow["low"])
    assert (width > 2.3).all()
    # A share of one half over 20 subjects: about 1.96 * sqrt(0.25 / 20) either side.
    assert wide.loc["accuracy", "high"] - 50 == pytest.approx(21.9, abs=4)


def test_few_subjects_have_no_interval_and_missing_classes_no_score():
    table = pd.DataFrame({"label": ["x", "y"] * 3, "predicted": ["x"] * 6, "subject": list("aabbcc")})
    assert micro.scores(table)[["low", "high"]].isna().all(axis=None)
    single = table[table["label"] == "x"]
    with pytest.raises(ValueError, match="no clip of class 'y' \\(subjects a, b, c\\)"):
        micro.scores(single, ("x", "y"))
    with pytest.raises(ValueError, match="class 'y' is none of x"):
        micro.scores(table, ("x",))
    with pytest.raises(ValueError, match="no column 'subject'"):
        micro.scores(table.drop(columns="subject"))


def test_draws_that_lack_a_class_are_left_out():
    """One of eight subjects alone shows class y: a third of the draws miss that subject."""
    table = pd.DataFrame({"label": list("xxxxxxxy"), "predicted": list("xxxxxxxy"), "subject": range(8)})
    assert (micro.scores(table)[["value", "low", "high"]] == 100).all(axis=None)


def test_the_drawn_set_by_name(elsewhere):
    micro_expressions.write(micro_expressions.path(), subjects=2, per_subject=3, progress=False)
    faces = micro.load("micro", "apex", "synthetic")
    assert faces.classes == micro_expressions.CLASSES and len(faces) == 6
    assert micro.sources("micro", "synthetic") == [elsewhere / "runs/synthetic-micro/clips.npz"]


def write_ckplus(folder, per_sequence=3):
    from fer_nb.drawing.synthetic import CK_SEQUENCES, cv2

    rng = np.random.default_rng(0)
    for number, (name, _) in enumerate(CK_SEQUENCES.values()):
        (folder / name).mkdir(parents=True)
        for frame in range(per_sequence):
            path = folder / name / f"S{10 + number % 2:03d}_{number:03d}_{frame + 9:08d}.png"
            cv2.imwrite(str(path), rng.integers(0, 256, (48, 48), np.uint8))


def test_sequences_of_ckplus_are_clips(elsewhere):
    write_ckplus(elsewhere / "data/ck+/CK+48")
    found = micro.load_clips("ckplusclips", "real")
    whole = datasets.load("ckplus", "real")
    assert len(found) == 7 and set(found.apexes) == {2} and found.classes == CK_CLASSES
    assert np.array_equal(np.concatenate(found.frames), whole.images)
    assert found.subjects.tolist() == ["S010", "S011"] * 3 + ["S010"] and found.names[4] == "S010_004"
    faces = micro.load("ckplusclips", "dynamic", "real")
    assert np.array_equal(faces.images[2], dynamic_image(whole.images[6:9]))


def test_a_sequence_of_ckplus_of_one_frame_or_two_classes(elsewhere):
    write_ckplus(elsewhere / "data/ck+/CK+48", per_sequence=1)
    faces = datasets.load("ckplus", "real")
    with pytest.raises(ValueError, match="clip 'S010_000' of subject 'S010' has 1 frame"):
        micro.ckplus_clips(faces)
    with pytest.raises(ValueError, match="sequence S010_000 stands in two classes"):
        micro.ckplus_clips(replace(faces, sequences=np.full(7, "S010_000")))


def test_an_owners_set_is_read_once_and_checked(elsewhere, monkeypatch):
    folder, read = elsewhere / "data/samm", []
    with pytest.raises(FileNotFoundError, match="no samm here"):
        micro.load_clips("samm", "real")
    folder.mkdir(parents=True)
    (folder / "sheet.csv").write_text("one")
    reader = SimpleNamespace(samm=lambda given: read.append(given) or clips())
    monkeypatch.setattr("fer_nb.data.readers.micro", reader)
    first, second = micro.load_clips("samm", "real"), micro.load_clips("samm", "real")
    assert read == [folder] and all(np.array_equal(a, b) for a, b in zip(first.frames, second.frames, strict=True))
    (folder / "sheet.csv").write_text("two")
    reader.samm = lambda given: replace(clips(), frames=tuple(frames[:1] for frames in clips().frames))
    with pytest.raises(ValueError, match="clip 'EP0' of subject 'a' has 1 frame"):
        micro.load_clips("samm", "real")
    assert len(list((elsewhere / "runs/cache").glob("*.npz"))) == 1


def test_the_composite_is_read_again_when_one_of_its_sets_changes(elsewhere, monkeypatch):
    read = []
    reader = SimpleNamespace(megc2019=lambda given: read.append(given) or clips())
    monkeypatch.setattr("fer_nb.data.readers.micro", reader)
    for name in ("megc2019", "casme2", "samm", "smic"):
        with pytest.raises(FileNotFoundError, match=f"no {name} here"):
            micro.sources("megc2019", "real")
        (elsewhere / "data" / name).mkdir(parents=True)
    for text in ("one", "one", "two"):
        (elsewhere / "data/smic/frame.bmp").write_text(text)
        micro.load_clips("megc2019", "real")
    assert read == [elsewhere / "data/megc2019"] * 2


@pytest.mark.parametrize(("name", "data"), [("casme2", "synthetic"), ("micro", "real")])
def test_sets_that_do_not_go_with_the_data(name, data):
    with pytest.raises(ValueError, match=f'{name} with data "{data}": micro is drawn'):
        micro.sources(name, data)
    with pytest.raises(ValueError, match="unknown set of clips 'casme3'"):
        micro.sources("casme3", data)
