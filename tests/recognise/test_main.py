import shutil

import cv2
import numpy as np
import pandas as pd
import pytest
import skimage.data
from PIL import Image

from fer_nb.data import detection
from fer_nb.evaluation.calibration import Calibration, soften
from fer_nb.recognise import __main__, collect, drawing, example, pictures, read
from fer_nb.training import weights

NET = "lightResNetl"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A picture with a drawn face, one without, one with two, a video of four frames, and a text file."""
    made = tmp_path_factory.mktemp("pictures")
    face = example.on_photograph(example.drawn_faces(("Happy",), 1)[0], skimage.data.coffee())
    Image.fromarray(face).save(made / "face.png")
    Image.fromarray(np.hstack([face, face])).save(made / "two.jpg")
    Image.fromarray(skimage.data.coffee()).save(made / "none.png")
    writer = cv2.VideoWriter(str(made / "film.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, face.shape[1::-1])
    for _ in range(4):
        writer.write(face[..., ::-1])
    writer.release()
    (made / "text.jpg").write_text("no picture")
    return made


@pytest.fixture(scope="module")
def reader():
    return read.reader(NET)


def test_a_folder_is_read_into_a_table_and_pictures(folder, tmp_path, capsys):
    out = tmp_path / "new/results.csv"
    words = [str(folder), "--out", str(out), "--net", NET, "--every", "2", "--pictures", str(tmp_path / "seen")]
    assert __main__.main(words) == 1
    assert f"{folder / 'text.jpg'}: not a picture" in capsys.readouterr().err
    table = pd.read_csv(out)
    names = [path.rpartition("/")[2] for path in table["file"]]
    assert names == ["face.png", "film.avi", "film.avi", "none.png", "text.jpg", "two.jpg", "two.jpg"]
    classes = list(weights.released(NET)[1])
    faces = table.dropna(subset="face")
    assert faces["face"].tolist() == [1, 1, 1, 1, 2]
    assert faces[classes].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-4)
    assert (faces["expression"] == faces[classes].idxmax(axis=1)).all()
    assert (faces["second_best"] != faces["expression"]).all() and faces["entropy"].between(0, np.log2(7)).all()
    assert table["frame"].dropna().tolist() == [0, 2] and table["time"].dropna().tolist() == [0, 0.2]
    assert table["error"].notna().tolist() == [False] * 4 + [True] + [False] * 2
    assert len(list((tmp_path / "seen").iterdir())) == 5
    before = out.read_bytes()
    assert __main__.main(words) == 2 and "--force" in capsys.readouterr().err and out.read_bytes() == before
    fine = [str(folder / "none.png"), "--out", str(out), "--net", NET]
    assert __main__.main([*fine, "--force"]) == 0 and len(pd.read_csv(out)) == 1


def test_a_picture_that_fails_oddly_costs_its_own_row_alone(folder, tmp_path, monkeypatch):
    def turn(image):
        if image.format == "JPEG":
            raise TypeError("bad operand")
        return image

    monkeypatch.setattr(pictures.ImageOps, "exif_transpose", turn)
    made = tmp_path / "made"
    made.mkdir()
    for name in ("none.png", "two.jpg", "face.png"):
        shutil.copy(folder / name, made)
    assert __main__.main([str(made), "--out", str(tmp_path / "results.csv"), "--net", NET]) == 1
    table = pd.read_csv(tmp_path / "results.csv")
    assert table["expression"].notna().tolist() == [True, False, False]
    assert table["error"].dropna().tolist() == [
        f"{made / 'two.jpg'}: damaged or cut off (bad operand); copy or save it again"
    ]


def test_pictures_of_the_same_name_do_not_replace_each_other(folder, tmp_path):
    seen, made = tmp_path / "seen", tmp_path / "made"
    for year in ("2019", "2020"):
        (made / year / "img").mkdir(parents=True)
        shutil.copy(folder / "none.png", made / year / "img/1.png")
        shutil.copy(folder / "film.avi", made / year / "img")
    words = [str(made), "--out", str(tmp_path / "results.csv"), "--every", "4", "--pictures", str(seen), "--net", NET]
    assert __main__.main(words) == 0
    names = ["img-1.png-2.jpg", "img-1.png.jpg", "img-film.avi-000000.jpg", "img-film.avi-2-000000.jpg"]
    assert sorted(path.name for path in seen.iterdir()) == names


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "correct the path"),
        ([".", "--every", "0"], "--every is 0"),
        ([".", "--net", "lightResNetx"], "no weights of 'lightResNetx'"),
        ([".", "--net", "ferm/other"], "STUDY/DATASET-NET-seedN"),
        ([".", "--detector", "yunet", "--detector-file", "none.onnx"], "none.onnx"),
    ],
)
def test_what_is_refused_is_one_line_and_writes_nothing(words, said, folder, tmp_path, capsys):
    given = [str(folder if word == "." else word) for word in words]
    assert __main__.main([*given, "--out", str(tmp_path / "results.csv")]) == 2
    line = capsys.readouterr().err.strip()
    assert said in line and line.startswith("fer_nb.recognise: ") and "\n" not in line
    assert not list(tmp_path.iterdir())


def test_an_out_path_that_cannot_be_written(folder, tmp_path, capsys):
    (tmp_path / "file").touch()
    words = [str(folder / "none.png"), "--out", str(tmp_path / "file/results.csv"), "--net", NET]
    assert __main__.main(words) == 2 and "file" in capsys.readouterr().err


def test_ctrl_c_keeps_the_rows_that_are_made(folder, tmp_path, monkeypatch):
    def stopped(*arguments):
        yield next(readings(*arguments))
        raise KeyboardInterrupt

    readings = read.read_shots
    monkeypatch.setattr(__main__, "read_shots", stopped)
    out = tmp_path / "results.csv"
    assert __main__.main([str(folder), "--out", str(out), "--net", NET]) == 1
    assert len(pd.read_csv(out)) == 1


def test_batches_change_nothing(folder, reader, monkeypatch):
    haar = detection.detector("haar")

    def probabilities():
        found = read.read_shots(pictures.shots(pictures.files([folder])), haar, reader)
        return np.concatenate([reading.probabilities for reading in found])

    together = probabilities()
    monkeypatch.setattr(read, "SHOTS", 1)
    np.testing.assert_allclose(probabilities(), together, atol=1e-5)


def test_the_temperature_softens_what_is_read(reader):
    crops = example.drawn_faces(reader.classes, 2)
    plain = read.Reader(reader.net, reader.classes, Calibration(), "", reader.logits).read(crops)
    np.testing.assert_allclose(reader.read(crops), soften(plain, reader.calibration.temperature), atol=1e-4)
    assert "calibrated on the validation split of ferm" in reader.source and 0.5 < reader.calibration.threshold < 1
    assert reader.read(crops[:0]).shape == (0, len(reader.classes))


def test_onnx_reads_as_torch_does_and_is_kept(reader, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(read.paths, "RUNS", tmp_path)
    crops = example.drawn_faces(reader.classes, 2)
    # A CPU with bfloat16 computes the PyTorch net in it.
    np.testing.assert_allclose(read.reader(NET, "onnx").read(crops), reader.read(crops), atol=0.02)
    (kept,) = (tmp_path / "cache/onnx").iterdir()
    content = kept.read_bytes()
    made = []
    monkeypatch.setattr(read, "export", lambda net, file: made.append(file) or (file.write_bytes(content) and file))
    read.reader(NET, "onnx")
    assert not made, "what is there is not made again"
    kept.write_bytes(content[:-1000])
    read.reader(NET, "onnx")
    assert made == [kept] and "made anew" in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"unknown runtime 'onx'.*onnx"):
        read.reader(NET, "onx")


def test_names_of_runs():
    run = read.named_run("thesis/ckplus-fold1-lightResNetm-seed3-plain")
    assert (run.study, run.dataset, run.model, run.seed, run.change) == (
        "thesis",
        "ckplus-fold1",
        "lightResNetm",
        3,
        "plain",
    )


def test_what_the_notebook_shows(folder, reader):
    found = read.read_shots(pictures.shots(pictures.files([folder])), detection.detector("haar"), reader)
    collected = collect.collect(found, reader, folder)
    assert list(collected.pictures) == ["face.png", "film.avi", "two.jpg"]
    assert list(collected.videos()) == ["film.avi"] and len(collected.videos()["film.avi"]) == 4
    assert len(collected.crops) == len(collected.labels) == 7
    told = "7 faces found in 7 pictures, frames of videos among them; 1 file could not be read."
    assert collect.words(collected, reader).startswith(told)
    assert not collected.table["error"].str.contains(str(folder)).any()
    shown = collected.pictures["face.png"]
    assert (shown == drawing.COLOUR).all(axis=2).any()
    assert len(drawing.contact_sheet(collected.crops, collected.labels).axes) == 7
    (ax,) = drawing.timeline(collected.videos()["film.avi"], reader.classes).axes
    assert [line.get_label() for line in ax.lines] == list(reader.classes)
    titles = [ax.get_title() for ax in drawing.maps(collected.crops[:1], collected.labels[:1], reader).axes]
    assert titles[0] == collected.labels[0]


def test_the_examples_can_be_read_anywhere(tmp_path):
    folder = example.write_examples(tmp_path, ("Happy", "Sad"))
    assert {path.name for path in folder.iterdir()} == {"happy.png", "sad.png", "without-a-face.png", "smile.avi"}
    assert len(list(pictures.shots([folder / "smile.avi"]))) == example.FRAMES
