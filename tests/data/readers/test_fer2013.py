import gzip
import lzma
import tarfile
import zipfile

import cv2
import numpy as np
import pytest
from owners import fer2013_text, pictures

from fer_nb import paths
from fer_nb.data import datasets
from fer_nb.data.faceset import FER_CLASSES
from fer_nb.data.readers import fer2013


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
    check_fer2013(fer2013.read(fer2013_csv))
    for suffix, pack in ((".xz", lzma.compress), (".gz", gzip.compress)):
        (tmp_path / f"fer2013.csv{suffix}").write_bytes(pack(text))
        check_fer2013(fer2013.read(tmp_path / f"fer2013.csv{suffix}"))
    with zipfile.ZipFile(tmp_path / "fer2013.csv.zip", "w") as archive:
        archive.writestr("fer2013/README", "pictures")
        archive.writestr("fer2013/fer2013.csv", text)
    check_fer2013(fer2013.read(tmp_path / "fer2013.csv.zip"))


def test_icml_face_data(fer2013_csv):
    path = fer2013_csv.with_name("icml_face_data.csv")
    path.write_text(fer2013_text(header="emotion, Usage, pixels", order="eup"))
    check_fer2013(fer2013.read(path))


def test_windows_line_ends_and_loose_spaces(fer2013_csv):
    fer2013_csv.write_text(fer2013_text().replace(",Training", "  ,Training").replace("\n", "\r\n"))
    check_fer2013(fer2013.read(fer2013_csv))


def write_folders(folder, names):
    """One picture an emotion in train/ and test/; ``names`` maps the folder to the prefix of its files."""
    for split, prefix in names.items():
        for label, emotion in enumerate(fer2013.EMOTIONS):
            (folder / split / emotion).mkdir(parents=True)
            cv2.imwrite(str(folder / split / emotion / f"{prefix}_{label}.png"), pictures(7)[label])


def test_picture_folders(elsewhere):
    write_folders(elsewhere / "data/fer2013", {"train": "Training", "test": "im"})
    faces = fer2013.read(elsewhere / "data/fer2013")
    assert (faces.of_split("train").images == pictures(7)).all()
    assert faces.of_split("test").labels.tolist() == list(range(7))
    assert not faces.has_split("valid")
    assert faces.rows.tolist() == list(range(14))


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_no_picture_folder_is_passed_over(elsewhere, name):
    folder = elsewhere / "data/fer2013"
    write_folders(folder, {"train": "im", name: "im", "test": "im"})
    (folder / "train/sad/im_4.png").rename(folder / "train/sad/im_4.PNG")
    (folder / "train/sad/._im_4.png").write_bytes(b"\0\5\x16\7")
    faces = datasets.load("fer2013", "real")
    assert [np.count_nonzero(faces.split == split) for split in ("train", "valid", "test")] == [7, 7, 7]
    (folder / name).rename(folder / "dev")
    with pytest.raises(ValueError, match="fer2013/dev: no split of FER2013: name it train, validation"):
        datasets.load("fer2013", "real")


def test_a_split_that_lacks_an_emotion_is_named(elsewhere):
    folder = elsewhere / "data/fer2013"
    write_folders(folder, {"train": "im", "validation": "im", "test": "im"})
    (folder / "validation/angry").rename(folder / "validation/anger")
    with pytest.raises(FileNotFoundError, match="validation/angry: no pictures; expected"):
        datasets.load("fer2013", "real")


def test_picture_folders_in_capitals(elsewhere):
    folder = elsewhere / "data/fer2013"
    write_folders(folder, {"train": "im", "test": "im"})
    for emotion in fer2013.EMOTIONS:
        (folder / "train" / emotion).rename(folder / "train" / emotion.capitalize())
    assert datasets.load("fer2013", "real").of_split("train").labels.tolist() == list(range(7))


def test_a_folder_without_emotions_is_named(elsewhere):
    folder = elsewhere / "data/fer2013"
    (folder / "train/anger").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="fer2013: no picture folders of FER2013; expected train/<emotion>"):
        datasets.load("fer2013", "real")


def test_picture_folders_beside_those_of_ckplus(elsewhere):
    write_folders(elsewhere / "data", {"train": "im", "test": "im", "CK+48": "im"})
    for emotion, name in {"angry": "anger", "sad": "sadness", "neutral": "contempt"}.items():
        (elsewhere / "data/CK+48" / emotion).rename(elsewhere / "data/CK+48" / name)
    assert len(datasets.load("fer2013", "real")) == 14


def test_picture_names_tell_public_from_private_test(elsewhere):
    folder = elsewhere / "data"
    write_folders(folder / "fer2013", {"train": "Training", "test": "PublicTest"})
    (folder / "fer2013/test/sad/PublicTest_4.png").rename(folder / "fer2013/test/sad/PrivateTest_4.png")
    faces = datasets.load("fer2013", "real")
    assert len(faces.of_split("valid")) == 6
    assert faces.of_split("test").labels.tolist() == [4]
    with pytest.raises(FileNotFoundError, match="joins FERPlus by the rows"):
        datasets.load("ferm", "real")
    (folder / "fer2013/test/sad/PrivateTest_4.png").unlink()
    with pytest.raises(FileNotFoundError, match="test/sad: no pictures"):
        datasets.load("fer2013", "real")


def edited(row: int, old: str, new: str) -> str:
    lines = fer2013_text().split("\n")
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
        (edited(4, f",{first} ", f",{'9' * 5000} "), "data row 4: pixel '99999"),
        (edited(4, f",{first} ", ",abc "), "data row 4: pixel 'abc'"),
        (edited(4, f",{first} ", ",-1 "), "data row 4: pixel '-1'"),
        (edited(4, f",{first} ", ",1.5 "), "data row 4: pixel '1.5'"),
        (edited(4, f",{first} ", ",² "), "data row 4: pixel '²'"),
        (edited(4, f",{first} ", ", "), "data row 4: 2,303 pixels"),
        (edited(5, "4,", "7,"), "data row 5: emotion is '7', expected one of 0, 1, 2"),
        (edited(2, ",Training", ",Test"), "data row 2: Usage is 'Test', expected one of Training, PublicTest"),
        (edited(5, ",PrivateTest", ""), "data row 5: Usage is"),
        (edited(5, ",PrivateTest", ",PrivateTest,1,2"), "not a readable CSV file .*line 6"),
        (
            fer2013_text(header="emotion,pixel,Usage"),
            "no column 'pixels'; the published file has emotion, pixels, Usage",
        ),
        ("", "the file is empty"),
        ("emotion,pixels,Usage\n", "no row below the header"),
        ("0," + " 3" * 20, "no column 'emotion'"),
    ],
)
def test_bad_csv(fer2013_csv, text, message):
    fer2013_csv.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        fer2013.read(fer2013_csv)
    assert "\n" not in str(caught.value)
    assert str(fer2013_csv) in str(caught.value)
    assert not list(paths.RUNS.glob("cache/*.npz"))


def test_two_wrong_rows_do_not_make_up_for_each_other(fer2013_csv):
    lines = fer2013_text().split("\n")
    lines[2] = lines[2].replace(",Training", " 1,Training")
    lines[3] = lines[3].replace(f",{pictures()[2, 0, 0]} ", ",")
    fer2013_csv.write_text("\n".join(lines))
    with pytest.raises(ValueError, match="data row 2: 2,305 pixels"):
        fer2013.read(fer2013_csv)


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
        fer2013.read(path)
    assert "\n" not in str(caught.value)


def test_zip_without_the_csv(tmp_path, elsewhere):
    with zipfile.ZipFile(tmp_path / "fer2013.csv.zip", "w") as archive:
        archive.writestr("train.csv", "a")
        archive.writestr("test.csv", "a")
    with pytest.raises(ValueError, match=r"no fer2013\.csv inside"):
        fer2013.read(tmp_path / "fer2013.csv.zip")


def test_a_file_that_ends_early_is_refused(fer2013_csv):
    lines = fer2013_csv.read_text().splitlines()
    fer2013_csv.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(ValueError, match=r"1 PublicTest rows and 0 PrivateTest rows.*cut off"):
        datasets.load("fer2013", "real")


@pytest.mark.parametrize(
    "names", [("fer2013.csv", "fer2013.csv"), ("a/fer2013.csv", "b/fer2013.csv"), ("fer2013.csv", "icml_face_data.csv")]
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_with_the_file_twice_is_refused(tmp_path, elsewhere, names):
    with zipfile.ZipFile(tmp_path / "fer2013.csv.zip", "w") as archive:
        for name in names:
            archive.writestr(name, fer2013_text())
    with pytest.raises(ValueError, match="inside, not one of them"):
        fer2013.read(tmp_path / "fer2013.csv.zip")


@pytest.mark.parametrize("own, central, value", [(6, 8, 1), (8, 10, 9)], ids=["a password", "Deflate64"])
def test_a_zip_that_python_does_not_unpack_is_named(tmp_path, elsewhere, own, central, value):
    path = tmp_path / "fer2013.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("fer2013.csv", fer2013_text())
    content = bytearray(path.read_bytes())
    content[own] = content[content.find(b"PK\1\2") + central] = value
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"fer2013\.csv\.zip: .*unpack it with another program"):
        fer2013.read(path)


def test_a_tar_under_the_name_of_a_table_is_told(tmp_path, elsewhere):
    with tarfile.open(tmp_path / "fer2013.csv", "w") as archive:
        archive.add(__file__, "fer2013/fer2013.csv")
    with pytest.raises(ValueError, match=r"a tar archive.*tar xf"):
        fer2013.read(tmp_path / "fer2013.csv")


def test_a_folder_that_was_unpacked_under_the_name_of_the_file(fer2013_csv):
    whole = datasets.load("fer2013", "real")
    text = fer2013_csv.read_text()
    fer2013_csv.unlink()
    fer2013_csv.mkdir()
    (fer2013_csv / "fer2013.csv").write_text(text)
    assert (datasets.load("fer2013", "real").images == whole.images).all()
