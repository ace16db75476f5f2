"""Read the expressions on one's own pictures and videos; no data set is needed.

    python -m fer_nb.recognise PATH... --out results.csv [--pictures FOLDER]

A PATH is a picture, a video, or a folder with such. The table has a row per face (``table.columns``); what cannot be
read is a row with its error, and the rest goes on. Ctrl-C keeps the rows that are made.

Exit status: 0, or 1 where a file could not be read or Ctrl-C stopped it, or 2 where it is refused or the results cannot
be written (what was there stays).
"""

import argparse
import csv
import sys
from collections import Counter
from pathlib import Path

from tqdm import tqdm

from fer_nb.data.detection import DETECTORS, detector
from fer_nb.files import replacing
from fer_nb.recognise.drawing import annotated
from fer_nb.recognise.pictures import files, shots, write_picture
from fer_nb.recognise.read import RUNTIMES, read_shots, reader
from fer_nb.recognise.table import columns, rows

FINE, UNREAD, REFUSED = 0, 1, 2


def names_of(files: list[Path]) -> dict[Path, str]:
    """A name for what is drawn of each file: its folder's name, then its own; the second of a name ends in -2.

    The suffix stays, so that a.png and a.jpg do not meet.
    """
    names, taken = {}, Counter[str]()
    for file in files:
        name = f"{file.resolve().parent.name}-{file.name}"
        taken[name] += 1
        names[file] = name if taken[name] == 1 else f"{name}-{taken[name]}"
    return names


def recognise(given: argparse.Namespace) -> int:
    """Do what the command says; the exit status. Raises ValueError or OSError where it is refused."""
    if given.every < 1:
        raise ValueError(f"--every is {given.every}: choose 1 or more")
    if given.out.exists() and not given.force:
        raise ValueError(f"{given.out} is there already: name another --out, or add --force to replace it")
    if given.pictures and given.pictures.exists() and not given.force:
        raise ValueError(f"{given.pictures} is there already: name another --pictures, or add --force to write into it")
    found = files(given.paths)
    names = names_of(found)
    faces, net = detector(given.detector, given.detector_file), reader(given.net, given.runtime)
    print(net.source, file=sys.stderr)
    status = FINE
    with replacing(given.out) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns(net), lineterminator="\n")
        table.writeheader()
        try:
            progress = tqdm(shots(found, given.every), "reading", unit=" pictures")
            for reading in read_shots(progress, faces, net):
                table.writerows(rows(reading, net))
                if reading.shot.error:
                    status = UNREAD
                    tqdm.write(f"fer_nb.recognise: {reading.shot.error}", file=sys.stderr)
                elif given.pictures:
                    frame = "" if reading.shot.frame is None else f"-{reading.shot.frame:06d}"
                    write_picture(given.pictures / f"{names[reading.shot.file]}{frame}.jpg", annotated(reading, net))
        except KeyboardInterrupt:
            status = UNREAD
            print("fer_nb.recognise: stopped; the rows that were made are kept", file=sys.stderr)
    print(given.out)
    return status


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="fer_nb.recognise",
        description="Read the expressions on pictures and videos. The net was trained on pictures found by searching "
        "for words of expressions: it measures no feeling.",
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="picture, video, or folder with such")
    parser.add_argument("--out", required=True, type=Path, metavar="results.csv")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="write pictures with the faces' boxes here")
    parser.add_argument("--detector", default="haar", choices=DETECTORS)
    parser.add_argument("--detector-file", type=Path, metavar="FILE", help="without it: the data folder's, or OpenCV's")
    parser.add_argument("--net", default="lightResNetl", help="with kept weights, or a finished run: STUDY/RUN")
    parser.add_argument("--runtime", default="torch", choices=RUNTIMES)
    parser.add_argument("--every", default=1, type=int, metavar="N", help="of a video every N-th frame")
    parser.add_argument("--force", action="store_true", help="replace results that are there")
    try:
        return recognise(parser.parse_args(arguments))
    except (ValueError, OSError) as error:
        print(f"fer_nb.recognise: {' '.join(str(error).split())}", file=sys.stderr)
        return REFUSED


if __name__ == "__main__":
    sys.exit(main())
