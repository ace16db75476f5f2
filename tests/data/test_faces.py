"""Points of a face: known for drawn faces, found by YuNet where its file is at hand."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fer_nb import paths
from fer_nb.data import datasets, faces
from fer_nb.drawing import synthetic

YUNET = sorted(Path(os.environ.get("FER_NB_DATA", "none"), "yunet").glob("*.onnx"))
needs_yunet = pytest.mark.skipif(not YUNET, reason="FER_NB_DATA has no yunet/*.onnx")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    synthetic.write(folder / "synthetic", faces=60, sequences=14, progress=False)
    return folder


@pytest.fixture(autouse=True)
def drawn_here(runs, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", runs)


@pytest.mark.parametrize("name", ["fer2013", "ckplus"])
def test_what_was_drawn_goes_to_its_picture(name):
    whole = datasets.load(name)
    known = faces.drawn(whole, name)
    names = np.array(["Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Contempt"])
    if name == "ckplus":  # rightly labelled: the order of the rows is that of the files
        assert (known["expressions"] == names[whole.labels]).all()
    order = np.array([5, 3, 17])
    part = faces.drawn(whole.subset(order), name)
    for key, values in known.items():
        np.testing.assert_array_equal(part[key], values[order])
    left, right, tip, mouth, _ = np.moveaxis(known["points"][~np.isnan(known["points"]).any((1, 2))], 1, 0)
    assert (left[:, 0] < right[:, 0]).all() and (left[:, 1] < tip[:, 1]).all() and (tip[:, 1] < mouth[:, 1]).all()


def test_photographs_are_not_drawn_faces(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path)
    assert faces.drawn(datasets.load("ckplus"), "ckplus", "real") is None


def test_other_faces_than_those_of_the_landmarks(tmp_path, monkeypatch):
    whole = datasets.load("fer2013")
    synthetic.write(tmp_path / "synthetic", faces=40, sequences=7, progress=False)
    monkeypatch.setattr(paths, "RUNS", tmp_path)
    with pytest.raises(ValueError, match=r"40 rows, but row 59.*other faces"):
        faces.drawn(whole, "fer2013")
    (tmp_path / "synthetic/landmarks/fer2013.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"fer2013\.npz: no landmarks.*draw them again"):
        faces.drawn(whole, "fer2013")


def test_a_missing_or_wrong_detector(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path)
    picture = np.zeros((1, 48, 48), np.uint8)
    with pytest.raises(FileNotFoundError, match=r"yunet: no YuNet model here; put .*docs/data"):
        faces.detect(picture)
    with pytest.raises(FileNotFoundError, match=r"other\.onnx: no YuNet"):
        faces.detect(picture, tmp_path / "other.onnx")
    (tmp_path / "other.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"other\.onnx: OpenCV reads no face detector"):
        faces.detect(picture, tmp_path / "other.onnx")
    with pytest.raises(ValueError, match=r"images are float64 \(1, 48, 48\)"):
        faces.detect(picture / 255)


@needs_yunet
def test_yunet_finds_the_drawn_points():
    whole = datasets.load("fer2013").subset(slice(0, 40))
    known = faces.drawn(whole, "fer2013")["points"]
    found = faces.detect(whole.images, YUNET[-1], progress=False)
    face = np.isfinite(known).all((1, 2))
    assert np.isfinite(found[face]).all((1, 2)).mean() > 0.95
    assert np.nanmedian(np.linalg.norm(found - known, axis=2)[face]) < 2.5
    assert np.isnan(faces.detect(np.full((1, 48, 48), 90, np.uint8), YUNET[-1], progress=False)).all()


@needs_yunet
def test_yunet_on_photographs():
    rows = pd.read_csv(datasets.sources("fer2013", "real")[0], nrows=200)["pixels"]  # the whole file takes long to read
    images = np.stack([np.array(row.split(), np.uint8).reshape(48, 48) for row in rows])
    assert np.isfinite(faces.detect(images, YUNET[-1], progress=False)).all((1, 2)).mean() > 0.95
