"""Faces found in larger pictures, and cut out of them as FER2013 shows them."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from fer_nb import paths
from fer_nb.data import detection, faces
from fer_nb.data.detection import Face
from fer_nb.drawing.draw import LANDMARKS, render
from fer_nb.drawing.expressions import random_actions, random_identity, random_view

REAL = Path(os.environ.get("FER_NB_DATA", "none"))
FILES = {name: next(iter(sorted((REAL / name).glob("*.onnx"))), None) for name in ("yunet", "centerface")}
SQUARE = (60, 90, 144)  # left, top and side in pixels of a face on a background


def built(name):
    if name != "haar" and FILES[name] is None:
        pytest.skip(f"FER_NB_DATA has no {name}/*.onnx")
    return detection.detector(name, FILES.get(name))


@pytest.fixture(scope="module")
def drawn():
    """Ten drawn faces, uint8 (10, 48, 48), and their points."""
    rng = np.random.default_rng(0)
    shown = [
        render(random_identity(rng), random_actions(expression, 1.0, rng), random_view(rng))[:2]
        for expression in ("Happy", "Sad", "Surprise", "Angry", "Fear") * 2
    ]
    pictures, points = (np.stack(values) for values in zip(*shown, strict=True))
    return pictures.round().astype(np.uint8), faces.five_points(points, list(LANDMARKS))


@pytest.mark.parametrize("name", detection.DETECTORS)
def test_the_face_of_a_photograph(name):
    """In colour and grey, and after a picture of another size the same again."""
    detector, picture = built(name), data.astronaut()
    first = detection.find(picture, detector)
    x, y, width, height = first[0].box
    assert x < 224 < x + width and y < 115 < y + height  # between her eyes
    assert [face.score for face in first] == sorted((face.score for face in first), reverse=True)
    (other,) = detection.find(picture[:300, 100:400], detector)
    np.testing.assert_allclose(other.box, np.subtract(first[0].box, (100, 0, 0, 0)), atol=8)
    again = detection.find(picture, detector)
    assert [face.box for face in again] == [face.box for face in first]
    assert len(detection.find(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), detector)) == 1
    if name == "haar":
        assert first[0].landmarks is None
    else:
        (left, right, tip, mouth, _) = first[0].landmarks
        assert first[0].landmarks.shape == (5, 2) and first[0].landmarks.dtype == np.float32
        assert left[0] < tip[0] < right[0] and left[1] < tip[1] < mouth[1]


def test_a_picture_is_looked_at_again_only_where_nothing_was_found():
    sizes = []

    def finds_at(*sides):
        def detector(picture):
            sizes.append(picture.shape[1])
            return [Face((0.0, 0.0, 32.0, 32.0), None, 1.0)] if picture.shape[1] in sides else []

        return detector

    picture = np.zeros((640, 1280), np.uint8)
    assert detection.find(picture, finds_at(640))[0].box == (0, 0, 64, 64)
    assert sizes == [640]
    assert detection.find(picture, finds_at(192))[0].box == pytest.approx((0, 0, 1280 / 6, 1280 / 6))
    assert sizes[1:] == [640, 192]
    assert detection.find(picture[:320, :320], finds_at(640))[0].box == (0, 0, 16, 16)
    assert sizes[3:] == [320, 640]


@pytest.mark.parametrize("name", detection.DETECTORS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3, 5), (50, 2000)])
def test_a_picture_without_a_face(name, shape):
    assert detection.find(np.zeros(shape, np.uint8), built(name)) == []


@pytest.mark.parametrize("times", [1, 3])
def test_a_face_in_the_frame_is_cut_out_as_it_is(times):
    """To the last bit, whether box or landmarks say where it is."""
    picture = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    large = picture.repeat(times, 0).repeat(times, 1)
    points = (detection.TEMPLATE + 0.5) * times - 0.5
    for landmarks in (None, points):
        face = Face((0.0, 0.0, 48.0 * times, 48.0 * times), landmarks, 1.0)
        np.testing.assert_array_equal(detection.crop(large, face), picture)


def test_the_longer_side_of_a_box_is_the_side_of_the_crop():
    picture = np.zeros((60, 60), np.uint8)
    picture[6:54, 6:54] = 200
    crop = detection.crop(picture, Face((16.0, 6.0, 28.0, 48.0), None, 1.0))
    assert (crop == 200).all()


def test_a_large_face_is_averaged_not_sampled():
    """Stripes of one pixel become their mean; a bilinear reduction leaves stripes."""
    stripes = np.zeros((480, 480), np.uint8)
    stripes[:, ::2] = 200
    assert np.abs(detection.crop(stripes, Face((0.0, 0.0, 480.0, 480.0), None, 1.0)).astype(int) - 100).max() <= 1


def test_alignment_turns_and_scales_a_face_back():
    """A smooth picture turned by 20 degrees and enlarged 2.5 times comes back; without alignment it does not."""
    smooth = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8), (0, 0), 3)
    smooth = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX)
    matrix = cv2.getRotationMatrix2D((23.5, 23.5), 20, 2.5)
    matrix[:, 2] += 80
    turned = cv2.warpAffine(smooth, matrix, (210, 210), flags=cv2.INTER_CUBIC)
    points = detection.TEMPLATE @ matrix[:, :2].T + matrix[:, 2]
    face = Face((43.5, 43.5, 120.0, 120.0), points.astype(np.float32), 1.0)
    inside = (slice(4, -4), slice(4, -4))

    def error(align):
        return np.abs(detection.crop(turned, face, align).astype(int) - smooth)[inside].mean()

    assert error(align=True) < 3 < 20 < error(align=False)


@pytest.mark.parametrize("name", detection.DETECTORS)
def test_drawn_faces_on_a_background(name, drawn):
    """Boxes and points lie where the faces were drawn, and the crops are near the drawn pictures."""
    detector, (left, top, side) = built(name), SQUARE
    overlaps, errors, likeness = [], [], []
    for picture, points in zip(*drawn, strict=True):
        scene = data.gravel()[:320, :320].copy()
        scene[top : top + side, left : left + side] = cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC)
        for face in detection.find(scene, detector)[:1]:
            x, y, width, height = face.box
            wide = min(x + width, left + side) - max(x, left)
            high = min(y + height, top + side) - max(y, top)
            overlaps.append(wide * high / (width * height + side * side - wide * high))
            if face.landmarks is not None:
                truth = (points + 0.5) * side / 48 - 0.5 + (left, top)
                distance = np.linalg.norm(face.landmarks - truth, axis=1)
                errors.append(distance.mean() / np.linalg.norm(truth[1] - truth[0]))
            back = detection.crop(scene, face, align=False)
            likeness.append(np.corrcoef(back.ravel(), picture.ravel())[0, 1])
    assert len(overlaps) >= 0.8 * len(drawn[0])
    assert np.median(overlaps) > 0.6 and np.median(likeness) > 0.6
    assert name == "haar" or np.median(errors) < 0.2


def test_a_missing_or_wrong_file(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path)
    with pytest.raises(ValueError, match=r"unknown detector 'yunnet'.*yunet"):
        detection.detector("yunnet")
    with pytest.raises(FileNotFoundError, match=r"yunet: no YuNet model here; put face_detection_yunet.*docs/data"):
        detection.detector("yunet")
    with pytest.raises(
        FileNotFoundError, match=r"centerface: no CenterFace model here; put centerface\.onnx.*docs/data"
    ):
        detection.detector("centerface")
    with pytest.raises(FileNotFoundError, match=r"gone\.xml: no Haar cascade here; leave the path out"):
        detection.detector("haar", tmp_path / "gone.xml")
    (tmp_path / "text.onnx").write_text("no model")
    reasons = {"haar": "no Haar cascade", "yunet": "no face detector", "centerface": "no network"}
    for name, reason in reasons.items():
        with pytest.raises(ValueError, match=rf"text\.onnx: OpenCV reads {reason} from it"):
            detection.detector(name, tmp_path / "text.onnx")


def test_the_detectors_that_are_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path)
    assert detection.installed() == ["haar"]
    (tmp_path / "centerface").mkdir()
    (tmp_path / "centerface/centerface.onnx").touch()
    assert detection.installed() == ["haar", "centerface"]


def test_a_network_of_another_kind():
    for name, other in (("yunet", "centerface"), ("centerface", "yunet")):
        built(name), built(other)
        with pytest.raises(ValueError, match=rf"{FILES[other].name}: .*take the one in docs/data.md"):
            detection.detector(name, FILES[other])


@pytest.mark.parametrize("picture", [np.zeros((9, 9)), np.zeros((9, 9, 4), np.uint8), np.zeros((0, 9), np.uint8)])
def test_a_picture_of_another_kind(picture):
    with pytest.raises(ValueError, match=r"the picture is .*: give uint8 \(height, width\)"):
        detection.find(picture, detection.detector("haar"))
