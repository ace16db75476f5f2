import cv2
import numpy as np
import pytest
from PIL import Image

from fer_nb.data.readers.picture_file import grey
from fer_nb.recognise.pictures import read_picture

RAMP = np.arange(256, dtype=np.uint16).repeat(4).reshape(32, 32)


@pytest.mark.parametrize("read", [grey, read_picture])
@pytest.mark.parametrize(
    "pixels, seen",
    [(RAMP, RAMP), (RAMP * 16, RAMP * (16 * 255 / 4095)), (RAMP * 257, RAMP)],
    ids=["8 bits in 16", "12 bits in 16", "16 bits"],
)
def test_every_reader_takes_the_bits_that_a_file_uses(tmp_path, read, pixels, seen):
    cv2.imwrite(str(tmp_path / "deep.png"), pixels)
    np.testing.assert_allclose(read(tmp_path / "deep.png").astype(float), seen, atol=0.51)


@pytest.mark.parametrize("read", [grey, read_picture])
def test_a_jpeg_of_damaged_data_is_refused_by_every_reader(tmp_path, read):
    noise = np.random.default_rng(0).integers(0, 256, (120, 120), dtype=np.uint8)
    path = tmp_path / "face.jpg"
    Image.fromarray(cv2.GaussianBlur(noise, (9, 9), 3)).save(path)
    content = path.read_bytes()
    assert read(path).shape == (120, 120)
    path.write_bytes(content[: len(content) // 2] + bytes(len(content) // 2 - 2) + content[-2:])
    with pytest.raises(ValueError, match=r"face\.jpg: damaged .*JPEG.*again"):
        read(path)
