import hashlib
import os
import shutil

import numpy as np
import pytest
from owners import fer2013_text, pictures

from fer_nb import files, paths
from fer_nb.data import cache, datasets
from fer_nb.data.readers import fer2013


def assert_read(faces):
    assert (faces.images == pictures()).all() and faces.labels.tolist() == [0, 1, 2, 3, 4]


def test_cache_is_read_and_keyed_by_content(fer2013_csv):
    fer2013.read(fer2013_csv)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fer2013, "_read_csv", lambda path: pytest.fail("read again"))
        assert_read(fer2013.read(fer2013_csv))
        fer2013_csv.with_name("copy.csv").write_bytes(fer2013_csv.read_bytes())
        assert_read(fer2013.read(fer2013_csv.with_name("copy.csv")))
    fer2013_csv.write_text(fer2013_text(labels=[6] * 5))  # as long as before
    assert fer2013.read(fer2013_csv).labels.tolist() == [6] * 5
    assert sorted(path.suffix for path in (paths.RUNS / "cache").iterdir()) == [".npz", ".npz"] + [".sha256"] * 3


@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[:3000], lambda data: data[:5000] + b"?" + data[5001:]]
)
def test_a_damaged_cache_file_is_made_anew_and_said(fer2013_csv, capsys, damage):
    fer2013.read(fer2013_csv)
    (kept,) = paths.RUNS.glob("cache/*.npz")
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    assert_read(fer2013.read(fer2013_csv))
    assert kept.read_bytes() == whole
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if "damaged" in line] == [said[-1]] and str(kept) in said[-1]


def test_digest(fer2013_csv, ckplus_folder):
    assert (
        cache.digest(fer2013_csv) == hashlib.sha256(fer2013_csv.read_bytes()).hexdigest() == cache.digest(fer2013_csv)
    )
    before = cache.digest(ckplus_folder)
    assert before == cache.digest(ckplus_folder)
    (ckplus_folder / "anger" / "S000_000_00000007.png").rename(ckplus_folder / "anger" / "S000_000_00000010.png")
    assert cache.digest(ckplus_folder) != before


def test_a_changed_reader_reads_again(fer2013_csv, elsewhere, monkeypatch):
    """A copy of the package in which a file changes that the reader rests on, and one that it does not rest on."""
    shutil.copytree(paths.ROOT / "fer_nb", elsewhere / "fer_nb", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(paths, "ROOT", elsewhere)
    fer2013.read(fer2013_csv)
    with (elsewhere / "fer_nb/data/readers/casme.py").open("a") as file:
        file.write("# another\n")
    fer2013.read(fer2013_csv)
    assert len(list(paths.RUNS.glob("cache/*.npz"))) == 1
    read = fer2013._read_csv
    monkeypatch.setattr(fer2013, "_read_csv", lambda path: read(path) | {"labels": np.full(5, 6)})
    for name in ("fer2013", "csv_file"):
        with (elsewhere / f"fer_nb/data/readers/{name}.py").open("a") as file:
            file.write("# another\n")
        assert fer2013.read(fer2013_csv).labels.tolist() == [6] * 5
    assert len(list(paths.RUNS.glob("cache/*.npz"))) == 3


def test_an_unwritable_cache_is_said_and_does_not_stop_reading(fer2013_csv, capsys):
    paths.RUNS.mkdir()
    (paths.RUNS / "cache").write_text("a file where the folder should be")
    assert_read(fer2013.read(fer2013_csv))
    assert len([line for line in capsys.readouterr().err.splitlines() if "not kept" in line]) == 1
    assert list(datasets.checksums("fer2013", "real").values()) == [cache.digest(fer2013_csv)]


def test_a_damaged_note_of_a_checksum(fer2013_csv):
    whole = cache.digest(fer2013_csv)
    (note,) = paths.RUNS.glob("cache/*.sha256")
    for content in (b"", b"\xff" * 64):
        note.write_bytes(content)
        assert cache.digest(fer2013_csv) == whole


def test_a_folder_counts_what_is_behind_its_links(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / "store").mkdir(parents=True)
        (tmp_path / name / "store/picture.png").write_text(name)
        (tmp_path / name / "set").mkdir()
        (tmp_path / name / "set/train").symlink_to(tmp_path / name / "store")
        (tmp_path / name / "set/train/again").symlink_to(tmp_path / name / "set")  # ends
    first, second = (cache.digest(tmp_path / name / "set") for name in ("one", "two"))
    assert first != second
    (tmp_path / "two/store/picture.png").write_text("one")
    assert cache.digest(tmp_path / "two/set") == first


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_nothing_is_read_twice_unless_it_is_edited(fer2013_csv, kind, monkeypatch):
    place, read = fer2013_csv if kind == "file" else fer2013_csv.parent, []
    monkeypatch.setattr(cache, "sha256", lambda path: read.append(path) or files.sha256(path))
    found = [cache.digest(place), cache.digest(place)]
    assert found[0] == found[1] and read == [fer2013_csv]
    for labels in range(1, 5):  # each at once after the last, of the same size and time
        stat = fer2013_csv.stat()
        fer2013_csv.write_text(fer2013_text(labels=[labels] * 5))
        os.utime(fer2013_csv, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        found.append(cache.digest(place))
    assert len(set(found)) == len(read) == 5


@pytest.mark.parametrize("form", ["fer2013", "ckplus"])
def test_only_what_is_read_counts(elsewhere, ckplus_folder, form):
    """Two trees of picture folders behind links have two checksums; a file that is not read changes none."""
    folder = ckplus_folder
    if form == "fer2013":
        folder = elsewhere / "data"
        for split in ("train", "test"):
            for emotion in fer2013.EMOTIONS:
                place = elsewhere / "store" / split / emotion
                place.mkdir(parents=True)
                shutil.copy2(ckplus_folder / "anger/S000_000_00000007.png", place / "im0.png")
            (folder / split).symlink_to(elsewhere / "store" / split)
    before, faces = datasets.checksums(form, "real"), datasets.load(form, "real")
    (folder / "Thumbs.db").write_text("not a picture")
    assert datasets.checksums(form, "real") == before
    changed = elsewhere / "store/train/sad/im0.png" if form == "fer2013" else folder / "anger/S000_000_00000007.png"
    shutil.copy2(ckplus_folder / "happy/S000_003_00000007.png", changed)
    assert datasets.checksums(form, "real") != before
    assert not np.array_equal(datasets.load(form, "real").images, faces.images)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays | {"labels": arrays["labels"][::-1]},
        lambda arrays: arrays | {"images": arrays["images"][:3], "labels": arrays["labels"][:3]},
        lambda arrays: arrays | {"images": arrays["images"].astype(float)},
        lambda arrays: {"images": arrays["images"]},
    ],
    ids=["other labels", "shorter", "another type", "fewer"],
)
def test_a_cache_file_of_other_arrays_is_made_anew(fer2013_csv, capsys, change):
    fer2013.read(fer2013_csv)
    (kept,) = paths.RUNS.glob("cache/*.npz")
    np.savez(kept, **change(dict(np.load(kept))))
    assert_read(fer2013.read(fer2013_csv))
    assert f"{kept}: damaged, read again" in capsys.readouterr().err
