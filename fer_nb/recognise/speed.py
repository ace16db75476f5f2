"""How fast one's own pictures and videos are read, and in how much memory."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import skimage.data
import torch

from fer_nb.data.detection import detector, find
from fer_nb.evaluation.detection import placed
from fer_nb.recognise.example import drawn_faces, write_video
from fer_nb.recognise.pictures import read_picture, shots, write_picture
from fer_nb.recognise.read import SHOTS, read_shots, reader
from fer_nb.speed.timing import in_fresh_processes, peak_memory_mb, repeat

WIDTH, HEIGHT = 1280, 720  # of the pictures, in pixels
ENLARGED = 6  # times, of the face of 48x48 on them


def compare(
    detectors: list[str], runtimes: list[str], net: str, frames: int, seconds: float, folder: Path
) -> pd.DataFrame:
    """Time pictures of 1280x720 with one face from the file to the probabilities, and a video of them.

    Each case runs in a fresh process on as many threads as PyTorch takes. Before it is timed, the ONNX file of a
    runtime is made (``read.onnx_file``), if it is not kept yet, in another process, since that takes more memory.

    Args:
        detectors: names of ``detection.DETECTORS``. runtimes: of ``read.RUNTIMES``. net: as for ``read.reader``.
        frames: of the video. seconds: of each measurement of pictures, at least.
        folder: for the picture and the video.

    Returns:
        DataFrame: detector, runtime, detection_ms (median time to find the face), picture_ms (median, the file read,
        the face found, cut out and read by ten crops; pictures go through the net by fours), pictures_per_second,
        frames, faces (found on them), frames_per_second, memory_mb (largest resident memory of the process so far,
        libraries included, MiB).

    Raises as ``detection.detector`` and ``read.reader``.
    """
    for name in detectors:
        detector(name)  # raises before minutes of work
    picture, video = example_files(folder, frames)
    in_fresh_processes(_make, [(net, runtime) for runtime in runtimes], "nets")
    cases = [(name, runtime, net, picture, video, seconds) for name in detectors for runtime in runtimes]
    return pd.DataFrame(in_fresh_processes(_measure, cases, "own pictures"))


def example_files(folder: Path, frames: int) -> tuple[Path, Path]:
    """Write a picture with a drawn face on a photograph, and a video of ``frames`` times this; their paths."""
    photograph = cv2.resize(skimage.data.coffee(), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    face = drawn_faces(("Happy",), 1)[0]
    whole = np.dstack([placed(face, channel, enlarged=ENLARGED) for channel in np.moveaxis(photograph, 2, 0)])
    write_picture(folder / "face.jpg", whole)
    return folder / "face.jpg", write_video(folder / "face.avi", (whole for _ in range(frames)))


def _make(net: str, runtime: str) -> None:
    reader(net, runtime)


def _measure(name: str, runtime: str, net: str, picture: Path, video: Path, seconds: float) -> dict:
    faces, trained = detector(name), reader(net, runtime)
    pixels = read_picture(picture)
    alone = repeat(lambda: find(pixels, faces), seconds)
    whole = repeat(lambda: list(read_shots(shots([picture] * SHOTS), faces, trained)), seconds) / SHOTS
    found: list[int] = []
    (film,) = repeat(
        lambda: found.extend(len(reading.faces) for reading in read_shots(shots([video]), faces, trained)), 0, 0, 1
    )
    row = {"detector": name, "runtime": runtime, "threads": torch.get_num_threads()}
    row |= {"detection_ms": 1000 * np.median(alone), "picture_ms": 1000 * np.median(whole)}
    row |= {"pictures_per_second": 1 / np.median(whole), "frames": len(found), "faces": sum(found)}
    return row | {"frames_per_second": len(found) / film, "memory_mb": peak_memory_mb()}


def words(table: pd.DataFrame) -> str:
    """The quickest way, how much of it is detection, and the most memory that a video took."""
    best = table.loc[table["pictures_per_second"].idxmax()]
    share = 100 * best["detection_ms"] / best["picture_ms"]
    return (
        f"The quickest, {best['detector']} with {best['runtime']}, reads {best['pictures_per_second']:.1f} pictures a"
        f" second; finding the face is {share:.0f}% of the time. A video of {best['frames']:,} frames takes at most"
        f" {table['memory_mb'].max():,.0f} MB."
    )
