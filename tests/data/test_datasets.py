import gzip
import lzma
import os
import subprocess
import sys
import zipfile

import cv2
import numpy as np
import pandas as pd
import pytest

from fer_nb import paths
from fer_nb.data import audit, cache, datasets
from fer_nb.data.faceset import CK_CLASSES, FER_CLASSES, FaceSet
from fer_nb.data.readers import parse
from fer_nb.evaluation import thesis

needs_data = pytest.mark.skipif("FER_NB_DATA" not in os.environ, reason="FER_NB_DATA names no folder of real data")
USAGES = ("Training", "Training", "Training", "PublicTest", "PrivateTest")


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    """An empty cache for each test."""
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    return paths.RUNS


def pictures(n: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 48, 48), dtype=np.uint8)


def csv_text(images=None, header="emotion,pixels,Usage", labels=range(5), order="epu") -> str:
    images = pictures() if images is None else images
    lines = [header]
    for label, image, usage in zip(labels, images, USAGES, strict=True):
        cells = {"e": str(label), "p": " ".join(map(str, image.ravel())), "u": usage}
        lines.append(",".join(cells[key] for key in order))
    return "\n".join(lines) + "\n"


@pytest.fixture
def fer2013_csv(tmp_path):
    path = tmp_path / "fer2013" / "fer2013.csv"
    path.parent.mkdir()
    path.write_text(csv_text())
    return path


@pytest.fixture
def ferplus_csv(fer2013_csv):
    path = fer2013_csv.parents[1] / "ferplus" / "fer2013new.csv"
    path.parent.mkdir()
    rows = [
        f"{usage},fer{i}.png,{'0,10,0,0,0,0,0,0,0,0' if i else '0,0,0,0,0,0,0,0,0,10'}"
        for i, usage in enumerate(USAGES)
    ]
    path.write_text("\n".join(["Usage,Image name," + ",".join(parse.VOTES), *rows]) + "\n")
    return path


@pytest.fixture
def ckplus_folder(tmp_path):
    """Twelve sequences of three frames a class, by twelve subjects."""
    folder = tmp_path / "ck+" / "CK+48"
    for number, emotion in enumerate(parse.CK_FOLDERS):
        (folder / emotion).mkdir(parents=True)
        for subject in range(12):
            for frame, image in enumerate(pictures(3, seed=100 * number + subject)):
                cv2.imwrite(str(folder / emotion / f"S{subject:03}_{number:03}_{frame + 7:08}.png"), image)
    return folder


# FER2013


def check_fer2013(faces):
    assert (faces.images == pictures()).all()
    assert faces.images.dtype == np.uint8
    assert faces.labels.dtype == faces.rows.dtype == np.int64
    assert faces.labels.tolist() == faces.rows.tolist() == [0, 1, 2, 3, 4]
    assert faces.split.tolist() == ["train", "train", "train", "valid", "test"]
    assert faces.classes == FER_CLASSES
    assert len(faces) == 5
    assert set(faces.groups) == set(faces.sequences) == {""}


def test_csv_plain_and_packed(fer2013_csv, tmp_path):
    text = fer2013_csv.read_bytes()
    check_fer2013(datasets.load_fer2013(fer2013_csv))
    for suffix, pack in ((".xz", lzma.compress), (".gz", gzip.compress)):
        (tmp_path / f"fer2013.csv{suffix}").write_bytes(pack(text))
        check_fer2013(datasets.load_fer2013(tmp_path / f"fer2013.csv{suffix}"))
    with zipfile.ZipFile(tmp_path / "fer2013.csv.zip", "w") as archive:
        archive.writestr("fer2013/README", "pictures")
        archive.writestr("fer2013/fer2013.csv", text)
    check_fer2013(datasets.load_fer2013(tmp_path / "fer2013.csv.zip"))


def test_icml_face_data(tmp_path):
    path = tmp_path / "icml_face_data.csv"
    path.write_text(csv_text(header="emotion, Usage, pixels", order="eup"))
    check_fer2013(datasets.load_fer2013(path))


def test_windows_line_ends_and_loose_spaces(tmp_path):
    path = tmp_path / "fer2013.csv"
    path.write_text(csv_text().replace(",Training", "  ,Training").replace("\n", "\r\n"))
    check_fer2013(datasets.load_fer2013(path))


def write_folders(folder, names):
    """One picture an emotion in train/ and test/; ``names`` maps the folder to the prefix of its files."""
    for side, prefix in names.items():
        for label, emotion in enumerate(parse.FER_FOLDERS):
            (folder / side / emotion).mkdir(parents=True)
            cv2.imwrite(str(folder / side / emotion / f"{prefix}_{label}.png"), pictures(7)[label])


def test_picture_folders(tmp_path):
    write_folders(tmp_path / "fer2013", {"train": "Training", "test": "im"})
    faces = datasets.load_fer2013(tmp_path / "fer2013")
    assert (faces.of_split("train").images == pictures(7)).all()
    assert faces.of_split("test").labels.tolist() == list(range(7))
    assert not faces.has_split("valid")
    assert faces.rows.tolist() == list(range(14))


def test_picture_names_tell_public_from_private_test(tmp_path, monkeypatch):
    write_folders(tmp_path / "fer2013", {"train": "Training", "test": "PublicTest"})
    (tmp_path / "fer2013/test/sad/PublicTest_4.png").rename(tmp_path / "fer2013/test/sad/PrivateTest_4.png")
    monkeypatch.setattr(paths, "DATA", tmp_path)
    faces = datasets.load("fer2013", "real")
    assert len(faces.of_split("valid")) == 6
    assert faces.of_split("test").labels.tolist() == [4]
    with pytest.raises(FileNotFoundError, match="joins FERPlus by the rows"):
        datasets.load("ferm", "real")
    (tmp_path / "fer2013/test/sad/PrivateTest_4.png").unlink()
    with pytest.raises(FileNotFoundError, match="test/sad: no pictures"):
        datasets.load("fer2013", "real")


def edited(row: int, old: str, new: str) -> str:
    lines = csv_text().split("\n")
    assert old in lines[row]
    lines[row] = lines[row].replace(old, new, 1)
    return "\n".join(lines)


first = str(pictures()[3, 0, 0])  # the first pixel of data row 4


@pytest.mark.parametrize(
    "text, message",
    [
        (edited(4, f",{first} ", ","), "fer2013.csv: data row 4: 2,303 pixels, expected 2,304"),
        (edited(4, f",{first} ", f",{first} 9 "), "data row 4: 2,305 pixels"),
        (edited(4, f",{first} ", ",256 "), "data row 4: pixel '256', expected 0 to 255"),
        (edited(4, f",{first} ", ",1000000000000000000009 "), "data row 4: pixel '1000000000000000000009'"),
        (edited(4, f",{first} ", ",abc "), "data row 4: pixel 'abc'"),
        (edited(4, f",{first} ", ",-1 "), "data row 4: pixel '-1'"),
        (edited(4, f",{first} ", ",1.5 "), "data row 4: pixel '1.5'"),
        (edited(4, f",{first} ", ",² "), "data row 4: pixel '²'"),
        (edited(4, f",{first} ", ", "), "data row 4: 2,303 pixels"),
        (edited(5, "4,", "7,"), "data row 5: emotion is '7', expected one of 0, 1, 2"),
        (edited(2, ",Training", ",Test"), "data row 2: Usage is 'Test', expected one of Training, PublicTest"),
        (edited(5, ",PrivateTest", ""), "data row 5: Usage is"),
        (edited(5, ",PrivateTest", ",PrivateTest,1,2"), "not a readable CSV file .*line 6"),
        (csv_text(header="emotion,pixel,Usage"), "no column 'pixels'; the published file has emotion, pixels, Usage"),
        ("", "the file is empty"),
        ("emotion,pixels,Usage\n", "no row below the header"),
        ("0," + " 3" * 20, "no column 'emotion'"),
    ],
)
def test_bad_csv(fer2013_csv, runs, text, message):
    fer2013_csv.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        datasets.load_fer2013(fer2013_csv)
    assert "\n" not in str(caught.value)
    assert str(fer2013_csv) in str(caught.value)
    assert not list(runs.glob("cache/*.npz"))


def test_two_wrong_rows_do_not_make_up_for_each_other(fer2013_csv):
    lines = csv_text().split("\n")
    lines[2] = lines[2].replace(",Training", " 1,Training")
    lines[3] = lines[3].replace(f",{pictures()[2, 0, 0]} ", ",")
    fer2013_csv.write_text("\n".join(lines))
    with pytest.raises(ValueError, match="data row 2: 2,305 pixels"):
        datasets.load_fer2013(fer2013_csv)


@pytest.mark.parametrize("suffix, pack", [(".xz", lzma.compress), (".gz", gzip.compress), (".zip", None)])
@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"not packed" + data[10:]])
def test_damaged_archive(fer2013_csv, suffix, pack, damage):
    path = fer2013_csv.with_name("fer2013.csv" + suffix)
    if pack:
        path.write_bytes(damage(pack(fer2013_csv.read_bytes())))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(fer2013_csv, "fer2013.csv")
        path.write_bytes(damage(path.read_bytes()[:-100]))
    with pytest.raises(ValueError, match=f"fer2013.csv{suffix}: damaged or cut off") as caught:
        datasets.load_fer2013(path)
    assert "\n" not in str(caught.value)


def test_zip_without_the_csv(tmp_path):
    with zipfile.ZipFile(tmp_path / "fer2013.csv.zip", "w") as archive:
        archive.writestr("train.csv", "a")
        archive.writestr("test.csv", "a")
    with pytest.raises(ValueError, match=r"no fer2013\.csv inside"):
        datasets.load_fer2013(tmp_path / "fer2013.csv.zip")


# The cache


def test_cache_is_read_and_keyed_by_content(fer2013_csv, runs, monkeypatch):
    datasets.load_fer2013(fer2013_csv)
    monkeypatch.setattr(parse, "fer2013", lambda path: pytest.fail("read again"))
    check_fer2013(datasets.load_fer2013(fer2013_csv))
    fer2013_csv.with_name("copy.csv").write_bytes(fer2013_csv.read_bytes())
    check_fer2013(datasets.load_fer2013(fer2013_csv.with_name("copy.csv")))
    monkeypatch.undo()
    monkeypatch.setattr(paths, "RUNS", runs)
    fer2013_csv.write_text(csv_text(labels=[6] * 5))  # as long as before
    assert datasets.load_fer2013(fer2013_csv).labels.tolist() == [6] * 5
    assert sorted(path.suffix for path in (runs / "cache").iterdir()) == [".npz", ".npz"] + [".sha256"] * 3


@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[:3000], lambda data: data[:5000] + b"?" + data[5001:]]
)
def test_damaged_cache_is_rebuilt(fer2013_csv, runs, damage):
    datasets.load_fer2013(fer2013_csv)
    (kept,) = runs.glob("cache/*.npz")
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    check_fer2013(datasets.load_fer2013(fer2013_csv))
    assert kept.read_bytes() == whole


def test_digest(fer2013_csv, ckplus_folder):
    import hashlib

    assert (
        cache.digest(fer2013_csv) == hashlib.sha256(fer2013_csv.read_bytes()).hexdigest() == cache.digest(fer2013_csv)
    )
    before = cache.digest(ckplus_folder)
    assert before == cache.digest(ckplus_folder)
    (ckplus_folder / "anger" / "S000_000_00000007.png").rename(ckplus_folder / "anger" / "S000_000_00000010.png")
    assert cache.digest(ckplus_folder) != before


# FERPlus


def test_ferm_and_votes(fer2013_csv, ferplus_csv, monkeypatch):
    monkeypatch.setattr(paths, "DATA", fer2013_csv.parents[1])
    faces = datasets.load("ferm", "real")
    assert faces.rows.tolist() == [1, 2, 3, 4]
    assert set(faces.labels) == {FER_CLASSES.index("Happy")}
    assert list(datasets.load_votes(ferplus_csv).columns) == list(parse.VOTES)
    assert datasets.sources("ferm", "real") == [fer2013_csv, ferplus_csv]
    assert list(datasets.checksums("ferm", "real")) == ["fer2013/fer2013.csv", "ferplus/fer2013new.csv"]


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda text: text[: text.rstrip().rindex("\n") + 1], "4 rows, but FER2013 has 5"),
        (
            lambda text: text.replace("PublicTest", "Training"),
            "data row 4: Usage is 'Training', FER2013 has 'PublicTest'",
        ),
        (
            lambda text: text.replace("png,0,10", "png,0,ten", 1),
            "data row 2: happiness is 'ten', expected a number of votes",
        ),
        (lambda text: text.replace("png,0,10", "png,0,-1", 1), "data row 2: happiness is '-1'"),
        (lambda text: text.replace("png,0,10", "png,0,", 1), "data row 2: happiness is ''"),
        (lambda text: text.replace("contempt", "pride"), "no column 'contempt'"),
        (lambda text: text.split("\n")[0], "no row below the header"),
        (lambda text: "", "the file is empty"),
    ],
)
def test_bad_votes(fer2013_csv, ferplus_csv, monkeypatch, change, message):
    monkeypatch.setattr(paths, "DATA", fer2013_csv.parents[1])
    ferplus_csv.write_text(change(ferplus_csv.read_text()))
    with pytest.raises(ValueError, match=message) as caught:
        datasets.load("ferm", "real")
    assert "fer2013new.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


# CK+


def test_ckplus(ckplus_folder):
    faces = datasets.load_ckplus(ckplus_folder)
    assert faces.images.shape == (252, 48, 48)
    assert (faces.images[:3] == pictures(3, seed=0)).all()
    assert faces.labels.tolist() == np.repeat(range(7), 36).tolist()
    assert faces.classes == CK_CLASSES
    assert faces.groups[:4].tolist() == ["S000", "S000", "S000", "S001"]
    assert faces.sequences[36] == "S000_001"
    assert set(faces.split) == {"train"}


def test_fold_sizes():
    assert datasets.fold_sizes(np.array([135, 177, 75, 207, 84, 249, 54])).tolist() == [12, 18, 9, 21, 9, 24, 6]
    assert datasets.fold_sizes(np.array([3, 6, 0, 300])).tolist() == [3, 3, 0, 30]


@pytest.mark.parametrize("kind", ["fold", "subject"])
def test_ckplus_folds(ckplus_folder, monkeypatch, kind):
    monkeypatch.setattr(paths, "DATA", ckplus_folder.parents[1])
    held = np.zeros(252, int)
    for k in datasets.FOLDS:
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
    faces = datasets.load_ckplus(ckplus_folder)
    size = datasets.fold_sizes(np.full(7, 36))
    for k, starts in ((1, 0 * size), (2, size), (10, 36 - size)):
        rows = datasets.position_fold(faces, k).of_split("test").rows
        assert rows.tolist() == [36 * c + starts[c] + i for c in range(7) for i in range(size[c])]


def test_too_few_subjects(ckplus_folder):
    faces = datasets.load_ckplus(ckplus_folder)
    with pytest.raises(ValueError, match="9 subjects: ten folds by subject need at least 10"):
        datasets.subject_fold(faces.subset(faces.groups < "S009"), 1)


def test_bad_ckplus(ckplus_folder):
    path = ckplus_folder / "happy" / "S003_003_00000008.png"
    cv2.imwrite(str(path), np.zeros((40, 50), np.uint8))
    with pytest.raises(ValueError, match=r"happy/S003_003_00000008.png: 50x40 pixels, expected 48x48"):
        datasets.load_ckplus(ckplus_folder)
    for content in (b"", b"no picture"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"S003_003_00000008\.png: not a readable picture"):
            datasets.load_ckplus(ckplus_folder)
    path.rename(path.with_name("S3_003_00000008.png"))
    with pytest.raises(ValueError, match=r"S3_003_00000008\.png: the name is not S<subject>"):
        datasets.load_ckplus(ckplus_folder)
    with pytest.raises(FileNotFoundError, match=r"no CK\+48 folder, anger/\*.png is missing"):
        datasets.load_ckplus(ckplus_folder / "happy")


def test_distribution(fer2013_csv):
    table = datasets.distribution(datasets.load_fer2013(fer2013_csv))
    assert table.index.tolist() == ["train", "valid", "test"]
    assert table.index.name == "split"
    assert table.columns.tolist() == [*FER_CLASSES, "Total"]
    assert table.loc["train"].tolist() == [1, 1, 1, 0, 0, 0, 0, 3]


# Names and places


@pytest.mark.parametrize(
    "name, near", [("fer2031", "fer2013"), ("ckplus-fold11", "ckplus-fold1"), ("CKPLUS", "fer2013")]
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
def test_no_data(tmp_path, monkeypatch, name, expected):
    monkeypatch.setattr(paths, "DATA", tmp_path)
    with pytest.raises(FileNotFoundError, match=f"expected {expected}.*FER_NB_DATA"):
        datasets.load(name, "real")


def test_data_beside_each_other_without_folders(fer2013_csv, ferplus_csv, ckplus_folder, monkeypatch):
    folder = fer2013_csv.parents[1]
    monkeypatch.setattr(paths, "DATA", folder)
    fer2013_csv.rename(folder / "fer2013.csv")
    ferplus_csv.rename(folder / "fer2013new.csv")
    ckplus_folder.rename(folder / "CK+48")
    assert len(datasets.load("ferm", "real")) == 4
    assert len(datasets.load("ckplus", "real")) == 252


def test_synthetic_faces_are_drawn_once(runs, monkeypatch):
    from fer_nb.drawing import synthetic

    drawn = []
    monkeypatch.setattr(synthetic, "write", lambda folder: drawn.append(folder) or folder.mkdir(parents=True))
    assert datasets.root("synthetic") == datasets.root("synthetic") == runs / "synthetic"
    assert len(drawn) == 1
    assert os.listdir(runs) == ["synthetic"]


def test_subset_side_and_repeated():
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


def counts(faces: FaceSet, side: str) -> list[int]:
    found = np.bincount(faces.of_split(side).labels, minlength=len(faces.classes)).tolist()
    return [*found, sum(found)]


@needs_data
def test_real_ckplus():
    faces = datasets.load("ckplus", "real")
    assert len(faces) == 981
    assert len(set(faces.groups)) == 118
    assert len(set(faces.sequences)) == 327
    assert set(pd.Series(faces.sequences).value_counts()) == {3}
    shares = []
    for k in datasets.FOLDS:  # table 3-2
        fold = datasets.position_fold(faces, k)
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
    for side in ("train", "valid", "test"):
        assert counts(faces, side) == list(thesis.TABLE_3_3_TRUE[side].values())
        assert counts(ferm, side) == list(thesis.TABLE_3_4[side].values())
    misprints = [thesis.TABLE_3_3[side]["Surprise"] for side in ("valid", "test")]
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


@needs_data
def test_real_labels_agree_with_ferm(real):
    faces, ferm = real
    test = ferm.of_split("test")
    assert round(100 * (faces.labels[test.rows] == test.labels).mean(), 1) == 67.2
