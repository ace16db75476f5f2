import hashlib
import json
import os
import re

import cv2
import numpy as np
import pandas as pd
import pytest

from fer_nb.data.faceset import FER_CLASSES
from fer_nb.data.readers import ckplus, fer2013, ferplus
from fer_nb.drawing import expressions, synthetic
from fer_nb.drawing.canvas import REGIONS, View
from fer_nb.drawing.draw import LANDMARKS, render
from fer_nb.drawing.expressions import ACTIONS, EXPRESSIONS, Identity, deciding_regions
from fer_nb.drawing.labelling import FER_SHARES, apportion, plan

TINY = {"faces": 80, "sequences": 14, "progress": False}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synthetic") / "faces"
    synthetic.write(folder, **TINY)
    return folder


def contents(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def face(expression, variant=0, strength=1.0, identity=None, view=None):
    actions = {unit: strength * value for unit, value in EXPRESSIONS[expression][variant].items()}
    picture, landmarks, regions = render(identity or Identity(), actions, view or View())
    return picture, dict(zip(LANDMARKS, landmarks, strict=True)), regions


def test_the_same_seed_gives_the_same_files(drawn, tmp_path):
    synthetic.write(tmp_path / "again", **TINY)
    assert contents(tmp_path / "again") == contents(drawn)


def test_another_seed_gives_other_faces(drawn, tmp_path):
    synthetic.write(tmp_path / "other", **TINY, seed=1)
    assert contents(tmp_path / "other")["fer2013/fer2013.csv"] != contents(drawn)["fer2013/fer2013.csv"]


def test_fer2013_is_in_the_published_format(drawn):
    lines = (drawn / "fer2013/fer2013.csv").read_text().splitlines()
    assert lines[0] == "emotion,pixels,Usage" and len(lines) == 81
    assert all(
        re.fullmatch(r"[0-6],\d{1,3}( \d{1,3}){2303},(Training|PublicTest|PrivateTest)", line) for line in lines[1:]
    )
    table = pd.read_csv(drawn / "fer2013/fer2013.csv")
    assert list(table["Usage"]) == ["Training"] * 64 + ["PublicTest"] * 8 + ["PrivateTest"] * 8
    assert set(table["emotion"]) == set(range(7))
    pixels = np.array([np.array(text.split(), int) for text in table["pixels"]])
    assert pixels.shape == (80, 2304) and pixels.min() >= 0 and pixels.max() <= 255


def test_ferplus_is_in_the_published_format(drawn):
    path = drawn / "ferplus/fer2013new.csv"
    header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    assert path.read_text().splitlines()[0] == header
    table, faces = pd.read_csv(path), pd.read_csv(drawn / "fer2013/fer2013.csv")
    assert (table["Usage"] == faces["Usage"]).all()
    assert (table[list(ferplus.VOTES)].sum(axis=1) == 10).all()


def test_non_faces_have_no_name_no_landmarks_and_ten_nf_votes(drawn):
    table = pd.read_csv(drawn / "ferplus/fer2013new.csv", keep_default_na=False)
    with np.load(drawn / "landmarks/fer2013.npz") as truth:
        missing = truth["expressions"] == ""
        assert missing.sum() == 4
        assert np.isnan(truth["landmarks"][missing]).all() and not truth["regions"][missing].any()
        assert np.isfinite(truth["landmarks"][~missing]).all()
    assert (table["NF"][missing] == 10).all() and (table["Image name"] == "").to_numpy().tolist() == missing.tolist()
    assert table["Image name"][~missing].str.fullmatch(r"fer\d{7}\.png").all()


def test_the_loaders_take_what_is_written(drawn):
    faces = fer2013.read(drawn / "fer2013/fer2013.csv")
    votes = ferplus.votes_on(faces, drawn / "ferplus/fer2013new.csv")
    assert tuple(FER_SHARES) == FER_CLASSES and len(votes) == len(faces) == 80
    lab = ckplus.read(drawn / "ck+/CK+48")
    assert len(lab) == 42 and set(np.bincount(lab.labels)) == {6}
    with np.load(drawn / "landmarks/ckplus.npz") as truth:
        assert [lab.classes[label] for label in lab.labels] == truth["expressions"].tolist()


def test_ckplus_has_three_consecutive_frames_a_sequence(drawn):
    files = sorted((drawn / "ck+/CK+48").glob("*/*.png"))
    assert {file.parent.name for file in files} == set(ckplus.EMOTIONS) and len(files) == 42
    names = [re.fullmatch(r"(S\d{3}_\d{3})_(\d{8})\.png", file.name) for file in files]
    frames = pd.Series([int(name[2]) for name in names]).groupby([name[1] for name in names]).agg(list)
    assert len(frames) == 14
    assert all(np.diff(sorted(group)).tolist() == [1, 1] for group in frames)
    picture = cv2.imread(str(files[0]), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (48, 48) and picture.dtype == np.uint8


def test_ten_subjects_a_class_in_the_default_size():
    counts = apportion(99, [count for _, count in synthetic.CK_SEQUENCES.values()], least=10)
    assert counts.sum() == 99 and counts.min() == 10 and counts.argmax() == 5  # surprise, as in CK+


def test_a_large_plan_suffers_what_fer2013_does():
    rows = pd.DataFrame(plan(6000, seed=0))
    labels = np.bincount(rows["label"]) / len(rows)
    assert labels[1] >= 0.04 and labels.argmax() == 3
    assert (rows["expression"] == "").sum() == 30
    repeats = rows["repeats"].notna()
    assert 0.03 < repeats.mean() < 0.07 and 0.05 < repeats[rows["usage"] != "Training"].mean() < 0.11
    assert (rows["usage"][rows["repeats"][repeats].astype(int)] == "Training").all()


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("view", [View(), View(roll=0.25, yaw=-0.3, scale=0.95, shift=(0.05, -0.05))])
def test_landmarks_lie_in_their_regions(expression, view):
    picture, landmarks, regions = face(expression, view=view)
    assert picture.shape == regions.shape == (48, 48) and regions.dtype == np.uint8
    inside = {"brow": "brows", "eye": "eyes", "nose": "nose", "mouth": "mouth", "lip": "mouth", "inner": "mouth"}
    for name, (x, y) in landmarks.items():
        if name != "chin":
            near = regions[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2]
            assert REGIONS.index(inside[name.split("_")[0]]) in near, name


def test_actions_move_the_landmarks_the_way_the_muscles_do():
    rest, happy, sad = (face(name)[1] for name in ("Neutral", "Happy", "Sad"))
    surprise, angry, contempt = (face(name)[1] for name in ("Surprise", "Angry", "Contempt"))
    for side in ("left", "right"):
        assert happy[f"mouth_{side}"][1] < rest[f"mouth_{side}"][1] < sad[f"mouth_{side}"][1]
        assert surprise[f"brow_inner_{side}"][1] < rest[f"brow_inner_{side}"][1] < angry[f"brow_inner_{side}"][1]
        assert sad[f"brow_inner_{side}"][1] < rest[f"brow_inner_{side}"][1]
    assert surprise["inner_lower"][1] - surprise["inner_upper"][1] > 4
    assert contempt["mouth_right"][1] < rest["mouth_right"][1] and contempt["mouth_left"][1] == rest["mouth_left"][1]


def test_expressions_differ_in_their_deciding_regions_alone():
    assert deciding_regions("Angry", "Disgust") == ("nose", "mouth")
    assert deciding_regions("Fear", "Surprise") == ("brows", "mouth")
    assert deciding_regions("Contempt", "Neutral") == ("mouth",)
    assert deciding_regions("Happy", "Neutral") == ("eyes", "mouth")
    parts = {"brows": "brow", "eyes": "eye", "nose": "nose", "mouth": ("mouth", "lip", "inner")}
    for first, second in (("Angry", "Disgust"), ("Fear", "Surprise"), ("Contempt", "Neutral"), ("Happy", "Neutral")):
        (one, here, where), (other, there, _) = face(first), face(second)
        change = {name: np.abs(one - other)[where == code].mean() for code, name in enumerate(REGIONS)}
        for name, prefix in parts.items():
            moved = any((here[point] != there[point]).any() for point in LANDMARKS if point.startswith(prefix))
            assert moved == (name in deciding_regions(first, second)), (first, second, name)
            if not moved:
                assert change[name] < 0.3 * max(change.values())


def test_an_unknown_action_is_refused():
    with pytest.raises(KeyError, match="AU99"):
        render(Identity(), {"AU99": 1.0}, View())


def test_weak_expressions_are_near_neutral():
    neutral = face("Neutral")[0]
    distance = [np.abs(face("Surprise", strength=s)[0] - neutral).mean() for s in (0.1, 0.5, 1.0)]
    assert distance[0] < 0.3 * distance[2] and distance == sorted(distance)


def test_every_action_changes_the_picture_and_belongs_to_a_region():
    neutral = render(Identity(), {}, View())[0]
    for unit, (region, _) in ACTIONS.items():
        besides = {"AU25": 1.0} if unit == "AU20" else {}
        assert region in REGIONS and np.abs(render(Identity(), {unit: 1.0} | besides, View())[0] - neutral).max() > 5
    used = {unit for variants in EXPRESSIONS.values() for variant in variants for unit in variant}
    assert used <= set(ACTIONS)


def test_random_faces_stay_in_the_picture():
    rng = np.random.default_rng(0)
    for expression in EXPRESSIONS:
        actions = expressions.random_actions(expression, 1.0, rng)
        picture, landmarks, regions = render(expressions.random_identity(rng), actions, expressions.random_view(rng))
        assert np.isfinite(picture).all() and picture.min() >= 0 and picture.max() <= 255
        assert (landmarks[:-1] > -0.5).all() and (landmarks[:-1] < 47.5).all()  # all but the chin
        assert set(np.unique(regions)) == set(range(5))


def test_a_folder_drawn_alike_stays_and_any_other_is_refused(drawn):
    before = contents(drawn)
    synthetic.write(drawn, **TINY)
    with pytest.raises(FileExistsError, match="remove it or name another"):
        synthetic.write(drawn, faces=90)
    assert contents(drawn) == before


@pytest.mark.parametrize("same", [True, False])
def test_two_that_draw_at_once_both_end_well(tmp_path, monkeypatch, same):
    folder = tmp_path / "faces"

    def lost_race(draft, target):
        target.mkdir()
        (target / "meta.json").write_text(json.dumps({"faces": 40, "sequences": 7, "seed": 0 if same else 5}))
        os.rename(draft, target)

    monkeypatch.setattr(synthetic.os, "replace", lost_race)
    if same:
        synthetic.write(folder, 40, 7, progress=False)
    else:
        with pytest.raises(FileExistsError):
            synthetic.write(folder, 40, 7, progress=False)
    assert os.listdir(tmp_path) == ["faces"] and os.listdir(folder) == ["meta.json"]


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(synthetic, "_write_wild", full)
    with pytest.raises(OSError, match="no space left"):
        synthetic.write(tmp_path / "faces", progress=False)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--faces", "3"], "faces is 3: it must be at least 40"),
        (["--sequences", "6"], "sequences is 6: it must be 7 to 2700"),
        (["--seed", "-1"], "seed is -1: it must be at least 0"),
    ],
)
def test_bad_arguments_get_one_line(tmp_path, capsys, arguments, message):
    assert synthetic.main([str(tmp_path / "faces"), *arguments]) == 1
    assert capsys.readouterr().err == f"error: {message}\n"
    assert not (tmp_path / "faces").exists()
