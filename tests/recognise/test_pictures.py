import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from fer_nb.data import detection
from fer_nb.recognise import pictures

RAMP = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (24, 1))  # 24 high, 32 wide


def saved(folder, name, image, **options):
    image.save(folder / name, **options)
    return pictures.read_picture(folder / name)


def test_every_kind_of_picture_is_read_as_it_is_seen(tmp_path):
    grey = Image.fromarray(RAMP)
    np.testing.assert_array_equal(saved(tmp_path, "grey.png", grey), RAMP)
    np.testing.assert_array_equal(saved(tmp_path, "deep.png", Image.fromarray(RAMP.astype(np.uint16) * 257)), RAMP)
    deep = Image.fromarray(RAMP.astype(np.uint16) * 257)
    np.testing.assert_array_equal(saved(tmp_path, "deep.tif", deep), RAMP)
    colour = np.stack([RAMP, RAMP // 2, 255 - RAMP], axis=2)
    np.testing.assert_array_equal(saved(tmp_path, "colour.png", Image.fromarray(colour)), colour)
    palette = saved(tmp_path, "palette.png", grey.convert("P"))
    np.testing.assert_array_equal(palette, np.stack([RAMP] * 3, axis=2))
    assert set(np.unique(saved(tmp_path, "bits.png", grey.convert("1")))) == {0, 255}
    cmyk = saved(tmp_path, "cmyk.jpg", Image.fromarray(colour).convert("CMYK"))
    assert cmyk.shape == (24, 32, 3) and np.abs(cmyk.astype(int) - colour).mean() < 20


def test_what_is_transparent_lies_on_grey(tmp_path):
    seen = np.zeros((24, 32, 4), np.uint8)
    seen[:, 16:, 3] = 255
    read = saved(tmp_path, "alpha.png", Image.fromarray(seen))
    assert (read[:, :16] == 128).all() and (read[:, 16:] == 0).all()


def exif_of(*tags):
    """EXIF data with these tags (number, type, value of four bytes)."""
    entries = b"".join(
        struct.pack("<HHI4s", number, kind, 4 if kind == 2 else 1, value) for number, kind, value in tags
    )
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


TO_TURN = (0x0112, 3, b"\x06\0\0\0")  # clockwise by 90 degrees
AS_TEXT = (0x011B, 2, b"72\0\0")  # the resolution downwards, which is no text in sound data


@pytest.mark.parametrize("tags", [(TO_TURN,), (TO_TURN, AS_TEXT)], ids=["sound", "odd"])
@pytest.mark.parametrize("name", ["turned.jpg", "turned.png", "turned.webp"])
def test_a_picture_is_turned_as_its_exif_data_say(name, tags, tmp_path):
    options = {} if name.endswith("png") else {"quality": 100}
    read = saved(tmp_path, name, Image.fromarray(RAMP), exif=exif_of(*tags), **options)
    turned = np.rot90(RAMP, -1)
    difference = read.astype(int) - (turned if read.ndim == 2 else turned[..., None])
    assert np.abs(difference).max() <= (0 if name.endswith("png") else 8)


def write_bad(folder):
    (folder / "text.jpg").write_text("not a picture")
    (folder / "empty.png").touch()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for name in ("cut.jpg", "cut.png"):
        Image.fromarray(noise).save(folder / name)
        (folder / name).write_bytes((folder / name).read_bytes()[:1500])
    Image.fromarray(RAMP[:1, :1]).save(folder / "one.png")
    Image.new("1", (20_000, 20_000)).save(folder / "huge.png")
    Image.new("1", (pictures.LONGEST_SIDE + 1, 20)).save(folder / "long.png")
    (folder / "none.avi").write_bytes(b"RIFF no frames")
    Image.fromarray(RAMP).save(folder / "head.ppm")
    (folder / "head.ppm").write_bytes((folder / "head.ppm").read_bytes().replace(b"255", b"2x5", 1))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("text.jpg", "not a picture"),
        ("empty.png", "not a picture"),
        ("cut.jpg", "damaged or cut off"),
        ("cut.png", "damaged or cut off"),
        ("head.ppm", "damaged or cut off (invalid literal for int()"),
        ("one.png", "only 1x1 pixels"),
        ("huge.png", "make it smaller"),
        ("long.png", "32767x20 pixels, a side of more than 32,766"),
        ("none.avi", "without frames"),
    ],
)
def test_a_bad_file_is_one_line_and_the_rest_goes_on(tmp_path, name, words):
    write_bad(tmp_path)
    Image.fromarray(RAMP).save(tmp_path / "z.png")
    bad, good = pictures.shots([tmp_path / name, tmp_path / "z.png"])
    assert words in bad.error and str(tmp_path / name) in bad.error and "\n" not in bad.error and not bad.pixels.size
    assert not good.error and good.pixels.shape == RAMP.shape


@pytest.mark.parametrize("name", ["gone.png", "gone.avi"])
def test_a_file_that_vanished_is_not_called_damaged(tmp_path, name):
    (shot,) = pictures.shots([tmp_path / name])
    assert shot.error.startswith(f"{tmp_path / name}: No such file or directory; check that it is still there")


def test_a_face_is_cut_out_of_the_longest_picture(tmp_path):
    longest = saved(tmp_path, "longest.png", Image.new("L", (pictures.LONGEST_SIDE, 20)))
    assert detection.crop(longest, detection.Face((0, 0, 20, 20), None, 1)).shape == (48, 48)


def test_files_of_folders_in_order_without_hidden_ones(tmp_path):
    for name in ("b/two.JPG", "a.png", "._a.png", ".cache/c.png", "notes.txt", "b/film.MP4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in pictures.files([tmp_path, tmp_path / "notes.txt"])]
    assert found == ["a.png", "b/film.MP4", "b/two.JPG", "notes.txt"]
    assert pictures.files([tmp_path / "a.png", tmp_path / "a.png"]) == [tmp_path / "a.png"]
    with pytest.raises(FileNotFoundError, match=r"nowhere.*correct the path"):
        pictures.files([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty: no pictures"):
        pictures.files([tmp_path / "empty"])


def test_pillow_reads_every_kind_of_picture_that_a_folder_gives():
    assert {Image.registered_extensions().get(suffix) for suffix in pictures.PICTURES} <= set(Image.OPEN)


def test_what_a_folder_has_besides_is_counted_by_its_suffix(tmp_path, capsys):
    for name in ("a.jfif", "b.AVIF", "c.jpe", "d.heic", "below/e.HEIC", "notes.txt", "README", ".DS_Store"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = pictures.files([tmp_path, tmp_path])
    assert [path.name for path in found] == ["a.jfif", "b.AVIF", "c.jpe"]
    said = "Files passed over: 2 .heic, 1 .txt, 1 without suffix. Save pictures among them as PNG or JPEG.\n"
    assert capsys.readouterr().err == said
    assert pictures.files([tmp_path / "a.jfif"]) and not capsys.readouterr().err


def test_every_third_frame_of_a_video_with_its_time(tmp_path):
    write_video(tmp_path / "film.avi", [np.full((48, 64, 3), 20 * k, np.uint8) for k in range(10)])
    read = list(pictures.shots([tmp_path / "film.avi"], every=3))
    assert [shot.frame for shot in read] == [0, 3, 6, 9]
    assert [shot.time for shot in read] == pytest.approx([0, 0.3, 0.6, 0.9])
    assert [int(shot.pixels.mean()) for shot in read] == pytest.approx([0, 60, 120, 180], abs=3)
    assert read[0].pixels.shape == (48, 64, 3)


@pytest.mark.parametrize("every", [1, 5])
def test_a_video_that_was_cut_off_ends_with_an_error(tmp_path, every):
    film = tmp_path / "film.avi"
    write_video(film, np.random.default_rng(0).integers(0, 256, (24, 48, 64, 3), dtype=np.uint8))
    assert not any(shot.error for shot in pictures.shots([film], every))
    content = film.read_bytes()
    film.write_bytes(content[: len(content) // 2])
    *read, last = pictures.shots([film], every)
    frames = len(list(pictures.shots([film]))) - 1
    assert 5 < frames < 20 and [shot.frame for shot in read] == list(range(0, frames, every))
    assert last.error == f"{film}: ends after frame {frames} of 24: cut off; copy it again" and not last.pixels.size


def test_a_video_whose_head_estimates_its_frames_is_whole_where_its_time_is(tmp_path, monkeypatch):
    class Varying:
        """Ten frames over a second, as of a screen that was recorded: the head tells 1,000 a second."""

        taken = 0

        def grab(self):
            self.taken += 1
            return self.taken <= 10

        def retrieve(self):
            return True, np.zeros((48, 64, 3), np.uint8)

        def get(self, what):
            told = {cv2.CAP_PROP_FRAME_COUNT: 1000, cv2.CAP_PROP_FPS: 1000}
            return told.get(what, 100 * self.taken)

        def release(self):
            pass

    monkeypatch.setattr(cv2, "VideoCapture", lambda path: Varying())
    (tmp_path / "screen.webm").touch()
    assert [shot.error for shot in pictures.shots([tmp_path / "screen.webm"])] == [""] * 10


def test_a_video_is_in_colour_as_a_picture_is(tmp_path):
    red = np.zeros((48, 64, 3), np.uint8)
    red[..., 2] = 255  # OpenCV writes BGR
    write_video(tmp_path / "film.avi", [red])
    (shot,) = pictures.shots([tmp_path / "film.avi"])
    assert shot.pixels[..., 0].mean() > 200 and shot.pixels[..., 2].mean() < 50


def test_a_preview_keeps_a_small_picture():
    assert pictures.preview(RAMP) is RAMP
    assert pictures.preview(np.zeros((100, 2 * pictures.LONGEST), np.uint8)).shape == (50, pictures.LONGEST)


def write_video(path, frames):
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (width, height))
    for frame in frames:
        writer.write(frame)
    writer.release()
