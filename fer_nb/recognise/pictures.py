"""Pictures of any kind as arrays, from files, folders and videos, one after the other.

for shot in shots(files([Path("holiday")]), every=10):
    shot.pixels    # uint8 (H, W) or (H, W, 3); empty where shot.error says why
"""

import io
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fer_nb.data.readers.picture_file import decoded, eight_bits
from fer_nb.files import replacing

PICTURES = (".avif", ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")
SMALLEST = 16  # pixels: of a picture's shorter side; a smaller one shows no face that could be read
LARGEST = 100_000_000  # pixels: 300 MB as RGB
LONGEST_SIDE = 32_766  # pixels: OpenCV cuts no face out of a picture with a longer one
WHOLE = 0.9  # of the frames that a video's head promises: with fewer it was cut off; some heads estimate
LONGEST = 1280  # pixels: longer side of the pictures that boxes are drawn on
GREY_16_BITS = ("I;16", "I;16B", "I;16L", "I;16N", "I")


@dataclass(frozen=True)
class Shot:
    """A picture, or a frame of a video (``frame`` from 0, ``time`` in seconds), or the ``error`` that came instead.

    pixels: uint8 (H, W), grey, or (H, W, 3), RGB; empty where there is an error.
    """

    file: Path
    pixels: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.uint8))
    frame: int | None = None
    time: float | None = None
    error: str = ""


def files(paths: Iterable[Path]) -> list[Path]:
    """The files that ``paths`` name; of a folder its pictures and videos, also in folders below it, in order.

    Hidden files are left out (``._*`` are macOS's). How many other files of the folders are passed over is said on
    stderr. A file that is named itself is taken whatever its name.

    Raises:
        FileNotFoundError: there is no such file or folder. ValueError: a folder has no picture and no video.
    """
    found: list[Path] = []
    others: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or folder; correct the path")
        every = _shown(path) if path.is_dir() else {path}
        passed = {file for file in every - {path} if file.suffix.lower() not in (*PICTURES, *VIDEOS)}
        if every == passed:
            raise ValueError(f"{path}: no pictures and no videos here; they end in {' '.join((*PICTURES, *VIDEOS))}")
        found += sorted(every - passed)
        others |= passed
    if others:
        counts = Counter(file.suffix.lower() or "without suffix" for file in others)
        words = ", ".join(f"{number} {suffix}" for suffix, number in sorted(counts.items()))
        print(f"Files passed over: {words}. Save pictures among them as PNG or JPEG.", file=sys.stderr)
    return list(dict.fromkeys(found))


def _shown(folder: Path) -> set[Path]:
    return {
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def shots(files: Iterable[Path], every: int = 1) -> Iterator[Shot]:
    """Each picture, and every ``every``-th frame of each video from its first; one at a time in memory.

    What cannot be read gives a Shot with its error, and the rest goes on.
    """
    for file in files:
        try:
            if file.suffix.lower() in VIDEOS:
                yield from read_video(file, every)
            else:
                yield Shot(file, read_picture(file))
        except (OSError, ValueError) as error:
            yield Shot(file, error=" ".join(str(error).split()))


def read_picture(path: Path, content: bytes | None = None) -> np.ndarray:
    """A picture as it is meant to be seen: uint8 (H, W), grey, or (H, W, 3), RGB; turned as its EXIF data say.

    16 bits become 8 (``picture_file.eight_bits``), palettes become colours, what is transparent lies on grey; of
    several pictures in a file the first is taken.

    Args:
        content: of the file, where it is not read from ``path``, which then only names it.

    Raises:
        ValueError: it cannot be opened or decoded, holds damaged data, or is too small or too large; the line names the
            file and the remedy.
    """
    if content is None:
        _check_opens(path)
    with _reading(path), warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is our own
        opened = Image.open(path if content is None else io.BytesIO(content))
    with opened as image:
        _check_size(path, *image.size)  # from the header, before anything is decoded
        if image.mode == "F":
            raise ValueError(f"{path}: floating-point pixels; save it with 8 or 16 bits")
        if image.format in ("JPEG", "MPO"):  # of damaged data Pillow makes a picture and says nothing
            _, complaint = decoded(path.read_bytes() if content is None else content, cv2.IMREAD_REDUCED_GRAYSCALE_8)
            if complaint:
                raise ValueError(f"{path}: damaged ({complaint}); copy or save it again")
        with _reading(path):
            return _pixels(_turned(image))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Pillow's errors as a ValueError that names the file and the remedy."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise ValueError(_too_large(path)) from error
    except UnidentifiedImageError as error:
        raise ValueError(f"{path}: not a picture that Pillow can read; save it as PNG or JPEG") from error
    except Exception as error:  # Pillow's errors have no common type
        raise ValueError(f"{path}: damaged or cut off ({error}); copy or save it again") from error


def _check_opens(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; check that it is still there and that you may read it") from error


def _check_size(path: Path, width: int, height: int) -> None:
    if min(width, height) < SMALLEST:
        raise ValueError(f"{path}: only {width}x{height} pixels; give a picture of at least {SMALLEST}x{SMALLEST}")
    if width * height > LARGEST:
        raise ValueError(_too_large(path, f" ({width}x{height})"))
    if max(width, height) > LONGEST_SIDE:
        raise ValueError(
            f"{path}: {width}x{height} pixels, a side of more than {LONGEST_SIDE:,}; make it smaller, or cut it"
        )


def _too_large(path: Path, size: str = "") -> str:
    return f"{path}: more than {LARGEST:,} pixels{size}; make it smaller"


def _turned(image: Image.Image) -> Image.Image:
    image.load()
    image.getexif()  # Pillow remembers it
    # Where the data themselves are gone Pillow does not write them anew, which fails for a tag of an unexpected type.
    for name in ("exif", "Raw profile type exif"):
        image.info.pop(name, None)
    return ImageOps.exif_transpose(image)


def _pixels(image: Image.Image) -> np.ndarray:
    if image.mode in GREY_16_BITS:
        return eight_bits(np.asarray(image).clip(0, 65535))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(
            Image.new("RGBA", image.size, "grey"), image
        )  # black or white would stretch contrast
    return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write a picture uint8 (H, W, 3), RGB, in the format of the file's suffix, in place of the one that is there."""
    _, content = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    with replacing(path) as partial:
        partial.write_bytes(content.tobytes())


def read_video(path: Path, every: int = 1) -> Iterator[Shot]:
    """Every ``every``-th frame of a video from its first; those between are not decoded to pictures.

    Of a video that was cut off, the last Shot is an error.

    Raises:
        ValueError: it cannot be opened, or OpenCV finds no frame in it.
    """
    _check_opens(path)
    video = cv2.VideoCapture(str(path))
    try:
        frame, time = 0, 0.0
        while video.grab():
            time = video.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if frame % every == 0:
                decoded, pixels = video.retrieve()
                if not decoded:
                    raise ValueError(f"{path}: frame {frame} cannot be decoded; convert the video, to MP4 for example")
                yield Shot(path, cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), frame, time)
            frame += 1
        promised, rate = video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)
    finally:
        video.release()
    if not frame:
        raise ValueError(
            f"{path}: a video without frames, or none that OpenCV can read; convert it, to MP4 for example"
        )
    # By the time too: at a varying rate there are fewer frames than the head tells, but the last one comes at the end.
    if max(frame, time * rate + 1) < WHOLE * promised:
        yield Shot(path, error=f"{path}: ends after frame {frame} of {promised:.0f}: cut off; copy it again")


def preview(pixels: np.ndarray) -> np.ndarray:
    """A picture uint8 (H, W) or (H, W, 3) with a longer side of ``LONGEST`` pixels at most."""
    height, width = pixels.shape[:2]
    scale = LONGEST / max(height, width)
    size = max(round(scale * width), 1), max(round(scale * height), 1)
    return pixels if scale >= 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
