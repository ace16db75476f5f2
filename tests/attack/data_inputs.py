"""Damaged files of data sets: tables, archives, votes, folders, pictures, sheets."""

import gzip
import io
import lzma
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from attack.attempts import Attempt, flipped, places
from owners import COLUMNS_CASME2, ROWS_CASME2, frames, pictures, workbook, write_ckplus
from PIL import Image

from fer_nb.data.faceset import FaceSet
from fer_nb.data.readers import casme, ckplus, disfa, fer2013, ferplus, ised, picture_file, rafdb
from fer_nb.recognise.pictures import read_picture
from fer_nb.training import train

USAGES = ["Training"] * 6 + ["PublicTest"] * 2 + ["PrivateTest"] * 2


def table(labels=range(10), usages=USAGES) -> list[str]:
    """The lines of a small FER2013."""
    texts = [" ".join(map(str, image.ravel())) for image in pictures(10)]
    return ["emotion,pixels,Usage"] + [f"{i % 7},{p},{u}" for i, p, u in zip(labels, texts, usages, strict=True)]


def read_fer2013(path: Path) -> FaceSet:
    faces = fer2013.read(path)
    train.refuse_without_test_split(faces, "fer2013")
    return faces


def same(images: np.ndarray, labels=None):
    """Whether a FaceSet has these pictures (and labels)."""
    return lambda faces: (
        np.array_equal(faces.images, images) and (labels is None or faces.labels.tolist() == list(labels))
    )


def fer2013_tables(rng, folder: Path) -> Iterator[Attempt]:
    lines = table()
    whole = same(pictures(10), [i % 7 for i in range(10)])

    def attempt(name, text, right=None):
        path = folder / f"{name}.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return Attempt("FER2013: table", name, partial(read_fer2013, path), (path.name, "data set fer2013"), right)

    text = "\n".join(lines) + "\n"
    for count in range(1, 10):
        yield attempt(f"cut after row {count}", "\n".join(lines[: count + 1]) + "\n")
    for place in places(rng, len(text) - 20, 25):
        yield attempt(f"cut at byte {place}", text[:place])
    for place in places(rng, len(text), 25):  # a digit in place of another one is told by the page's checksum alone
        yield attempt(f"byte {place} is no digit", text[:place] + "ab;?x"[place % 5] + text[place + 1 :], whole)
    for label in ("7", "-1", "3.5", "happy", "", "99", "1e0", "٣", "0x1", "10"):
        yield attempt(f"label {label!r}", "\n".join([*lines[:3], f"{label},{lines[3].split(',', 1)[1]}", *lines[4:]]))
    for number in ("256", "-1", "1.0", "nan", "٣", "", "1e2", "0x10", "999", "12345678901234567890"):
        label, numbers, usage = lines[4].split(",")
        row = f"{label},{number} {numbers.split(' ', 1)[1]},{usage}"
        yield attempt(f"pixel {number!r}", "\n".join([*lines[:4], row, *lines[5:]]))
    for usage in ("training", "Test", "", "PublicTest2", "0"):
        yield attempt(f"usage {usage!r}", text.replace("Training", usage, 1))
    row = lines[5]
    for name, other in {
        "a pixel less": row.replace(" ", ",", 1).replace(",", " ", 1).rsplit(" ", 1)[0] + ",Training",
        "a pixel more": row.replace(" ", " 7 ", 1),
        "a column less": row.rpartition(",")[0],
        "a column more": "0," + row,
        "empty": ",,",
        "prose": "see the paper",
    }.items():
        yield attempt(f"row: {name}", "\n".join([*lines[:5], other, *lines[6:]]))
    for name, content in {
        "nothing": b"",
        "a head alone": lines[0] + "\n",
        "no head": "\n".join(lines[1:]),
        "UTF-16": text.encode("utf-16"),
        "NULs": b"\0" * 4000,
        "HTML": "<html><body>log in</body></html>",
        "semicolons": text.replace(",", ";"),
        "tabs": text.replace(",", "\t"),
        "no Usage": "\n".join(line.rpartition(",")[0] for line in lines),
        "index without a head": "\n".join([lines[0], *(f"{i},{line}" for i, line in enumerate(lines[1:]))]),
        "head twice": "\n".join([lines[0], *lines]),
        "a gzip": gzip.compress(text.encode()),
        "a tar": tar({"fer2013/fer2013.csv": text, "fer2013/README": "see a, b, c, d, e\n"}),
        "an open quote": text.replace("\n0,", '\n"0,', 1),
    }.items():
        yield attempt(name, content)
    for name, content in {
        "CRLF": text.replace("\n", "\r\n"),
        "byte-order mark": "\ufeff" + text,
        "empty lines": text.replace("\n", "\n\n"),
        "no last line end": text[:-1],
        "quotes": "\n".join([lines[0], *(",".join(f'"{cell}"' for cell in line.split(",")) for line in lines[1:])]),
        "spaces in the head": text.replace("emotion,pixels,Usage", "emotion, pixels, Usage"),
        "index with a head": "\n".join([f"n,{lines[0]}", *(f"{i},{line}" for i, line in enumerate(lines[1:]))]),
    }.items():
        yield attempt(name, content, whole)


def tar(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, text in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(text.encode())
            archive.addfile(about, io.BytesIO(text.encode()))
    return content.getvalue()


def zipped(files: list[tuple[str, str]]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files:
            archive.writestr(name, text)
    return content.getvalue()


def archives(rng, folder: Path) -> Iterator[Attempt]:
    text = "\n".join(table()) + "\n"
    whole = same(pictures(10))
    packed = {
        "zip": zipped([("fer2013.csv", text)]),
        "gz": gzip.compress(text.encode(), mtime=0),
        "xz": lzma.compress(text.encode()),
    }

    def attempt(name, suffix, content, right=None):
        path = folder / f"{name}.csv.{suffix}"
        path.write_bytes(content)
        return Attempt("FER2013: archive", f"{name}.{suffix}", partial(read_fer2013, path), (path.name,), right)

    for suffix, content in packed.items():
        yield attempt("whole", suffix, content, whole)
        yield attempt("nothing", suffix, b"")
        yield attempt("plain", suffix, text.encode())
        for other in packed:
            if other != suffix:
                yield attempt(f"a {other}", suffix, packed[other], whole)  # the cache knows this content
        for place in places(rng, len(content) - 1, 10):
            yield attempt(f"cut at {place}", suffix, content[:place])
        for place in places(rng, len(content), 14):
            yield attempt(f"flipped at {place}", suffix, flipped(content, place), whole)
        yield attempt("more behind", suffix, content + b"more" * 9, whole)
    for name, (own, central, value) in {"a password": (6, 8, 1), "Deflate64": (8, 10, 9)}.items():
        content = bytearray(packed["zip"])
        content[own] = content[content.find(b"PK\1\2") + central] = value
        yield attempt(name, "zip", bytes(content))
    short = "\n".join(table()[:5])
    for name, members in {
        "twice": [("fer2013.csv", text), ("fer2013.csv", short)],
        "in two folders": [("a/fer2013.csv", text), ("b/fer2013.csv", short)],
        "under two names": [("fer2013.csv", short), ("icml_face_data.csv", text)],
        "two others": [("train.csv", text), ("test.csv", short)],
        "none": [("README", "see the paper")],
        "empty": [],
    }.items():
        yield attempt(f"members {name}", "zip", zipped(members))
    for name, members in {
        "in a folder": [("x/fer2013.csv", text)],
        "beside others": [("fer2013.csv", text), ("other.csv", "a,b\n"), ("__MACOSX/fer2013.csv", "x")],
        "outside": [("../../fer2013.csv", text)],
    }.items():
        yield attempt(f"members {name}", "zip", zipped(members), whole)
    assert not (folder.parent / "fer2013.csv").exists()


def ballots(usages=USAGES) -> list[str]:
    votes = ["0,0,0,0,10,0,0,0,0,0", "10,0,0,0,0,0,0,0,0,0"]
    rows = [f"{usage},fer{i:07d}.png,{votes[i % 2]}" for i, usage in enumerate(usages)]
    return ["Usage,Image name," + ",".join(ferplus.VOTES), *rows]


def votes(rng, folder: Path) -> Iterator[Attempt]:
    path = folder / "fer2013.csv"
    path.write_text("\n".join(table()))
    faces = fer2013.read(path)
    lines = ballots()

    def attempt(name, changed, right=None):
        path = folder / f"{name}.csv"
        path.write_bytes("\n".join(changed).encode() if isinstance(changed, list) else changed)
        return Attempt("FERPlus: votes", name, partial(ferplus.votes_on, faces, path), (path.name,), right)

    def right(table):
        return table["anger"].tolist() == [10, 0] * 5

    yield attempt("whole", lines, right)
    yield attempt("a name is empty", [*lines[:3], lines[3].replace("fer0000002.png", ""), *lines[4:]], right)
    yield attempt("nine votes", [*lines[:2], lines[2].replace("10", "9"), *lines[3:]], lambda t: t["neutral"][1] == 9)
    yield attempt("CRLF", "\r\n".join(lines).encode(), right)
    for first in range(1, 10):
        for second in range(first + 1, 11):
            swapped = lines.copy()
            swapped[first], swapped[second] = swapped[second], swapped[first]
            yield attempt(f"rows {first} and {second} swapped", swapped)
    for row in range(1, 11):
        without = lines[:row] + lines[row + 1 :]
        yield attempt(f"without row {row}", without)
        yield attempt(f"row {row} again at the end", [*without, lines[10 if row < 10 else 9]])
        if row < 10:
            yield attempt(f"row {row} twice", [*lines[: row + 1], *lines[row:]][:11])
    for value in ("11", "-1", "x", "", "9999999999999", "1.5", "nan", "8"):
        yield attempt(f"{value!r} votes", [*lines[:4], lines[4].replace("10", value), *lines[5:]])
    for name, changed in {
        "nothing": b"",
        "a head alone": lines[:1],
        "no names": [",".join(line.split(",")[:1] + line.split(",")[2:]) for line in lines],
        "names of another set": [line.replace("fer", "img") for line in lines],
        "a column less": [line.rpartition(",")[0] for line in lines],
        "UTF-16": "\n".join(lines).encode("utf-16"),
        "turned round": [lines[0], *lines[6:0:-1], *lines[7:]],
    }.items():
        yield attempt(name, changed)


def ckplus_folders(rng, folder: Path) -> Iterator[Attempt]:
    write_ckplus(folder / "whole", subjects=3)
    truth = ckplus.read(folder / "whole")
    files = ckplus.files(folder / "whole")

    def attempt(name, change, right=None):
        copy = folder / name
        shutil.copytree(folder / "whole", copy)
        change(copy)
        return Attempt("CK+: folder", name, partial(ckplus.read, copy), (name,), right)

    def at(number):
        return files[number].relative_to(folder / "whole")

    yield attempt("whole copy", lambda copy: None, same(truth.images, truth.labels))
    for number in rng.choice(len(files), 12, replace=False):
        yield attempt(f"without picture {number}", lambda copy, n=number: (copy / at(n)).unlink())
        yield attempt(
            f"frame {number} twice",
            lambda copy, n=number: shutil.copy(copy / at(n), (copy / at(n)).with_name(at(n).name[:9] + "00000099.png")),
        )
    for number in rng.choice(len(files), 8, replace=False):
        content = files[number].read_bytes()
        for name, other in {"cut": content[: len(content) // 2], "empty": b"", "text": b"<html>"}.items():
            yield attempt(f"picture {number} {name}", lambda copy, n=number, c=other: (copy / at(n)).write_bytes(c))
    other = {emotion: ckplus.EMOTIONS[i - 1] for i, emotion in enumerate(ckplus.EMOTIONS)}
    for number in range(0, len(files), 9):
        emotion = other[at(number).parts[0]]
        yield attempt(
            f"picture {number} in {emotion} too",
            lambda copy, n=number, e=emotion: shutil.copy(copy / at(n), copy / e / at(n).name),
        )
    for name, change in {
        "a class is missing": lambda copy: shutil.rmtree(copy / "fear"),
        "a name": lambda copy: (copy / at(5)).rename((copy / at(5)).with_name("face5.png")),
        "a size": lambda copy: cv2.imwrite(str(copy / at(5)), np.zeros((49, 48), np.uint8)),
        "floats": lambda copy: (copy / at(5)).write_bytes(tiff(np.ones((48, 48), np.float32))),
    }.items():
        yield attempt(name, change)
    for name, change in {
        "hidden files": lambda copy: [(copy / at(n)).with_name(f"._{at(n).name}").write_bytes(b"\0\5") for n in (1, 2)],
        "a DS_Store": lambda copy: (copy / "fear/.DS_Store").write_bytes(b"x"),
        "capitals": lambda copy: (copy / at(5)).rename((copy / at(5)).with_suffix(".PNG")),
        "sixteen bits": lambda copy: cv2.imwrite(str(copy / at(5)), truth.images[5].astype(np.uint16)),
        "colour": lambda copy: cv2.imwrite(str(copy / at(5)), np.repeat(truth.images[5][..., None], 3, 2)),
    }.items():
        yield attempt(name, change, same(truth.images, truth.labels))


def fer2013_folders(rng, folder: Path) -> Iterator[Attempt]:
    def write(name, splits=("train", "test")):
        for split in splits:
            for number, emotion in enumerate(fer2013.EMOTIONS):
                (folder / name / split / emotion).mkdir(parents=True)
                for i, image in enumerate(pictures(2, seed=number)):
                    cv2.imwrite(str(folder / name / split / emotion / f"im{i}.png"), image)
        return folder / name

    def attempt(name, change, right=None, splits=("train", "test")):
        place = write(name, splits)
        change(place)
        return Attempt("FER2013: folder", name, partial(read_fer2013, place), (name,), right)

    def of(**counts):
        return lambda faces: {s: int((faces.split == s).sum()) for s in counts} == counts

    first = "train/happy/im1.png"
    yield attempt("whole", lambda place: None, of(train=14, test=14))
    for name in ("val", "valid", "validation", "PublicTest"):
        splits = ("train", name, "test")
        yield attempt(f"with {name}", lambda place: None, of(train=14, valid=14, test=14), splits)
    for suffix in (".PNG", ".Png"):
        yield attempt(
            f"a {suffix}", lambda p, s=suffix: (p / first).rename((p / first).with_suffix(s)), of(train=14, test=14)
        )
    yield attempt("hidden", lambda p: (p / "train/happy/._im1.png").write_bytes(b"\0"), of(train=14, test=14))
    for name, content in {"cut": None, "empty": b"", "text": b"x" * 99}.items():
        yield attempt(
            f"a picture {name}",
            lambda p, c=content: (p / first).write_bytes((p / first).read_bytes()[:200] if c is None else c),
        )
    yield attempt("a size", lambda p: cv2.imwrite(str(p / first), np.zeros((40, 48), np.uint8)))
    yield attempt("an emotion without pictures", lambda p: [f.unlink() for f in (p / "train/fear").iterdir()])
    yield attempt("an emotion is missing", lambda p: shutil.rmtree(p / "test/sad"))
    yield attempt("a split of another name", lambda place: None, None, ("train", "test", "extra"))
    linked = folder / "linked"
    linked.mkdir()
    for split in ("train", "test"):
        (linked / split).symlink_to(folder / "whole" / split)
    yield Attempt("FER2013: folder", "links", partial(read_fer2013, linked), ("linked",), of(train=14, test=14))


def tiff(image: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(image).save(content, "TIFF")
    return content.getvalue()


def photographs(rng, folder: Path) -> Iterator[Attempt]:
    smooth = cv2.GaussianBlur(rng.integers(0, 256, (96, 80), dtype=np.uint8), (9, 9), 3)
    encoded = {suffix: cv2.imencode(suffix, smooth)[1].tobytes() for suffix in (".png", ".jpg", ".webp", ".bmp")}
    encoded[".tif"] = tiff(smooth)
    readers = {"own": read_picture, "of a data set": picture_file.grey}

    def attempts(name, suffix, content, right=None):
        path = folder / f"{name}{suffix}"
        path.write_bytes(content)
        for whose, read in readers.items():
            if right is not None or not (whose == "own" and suffix == ".bmp"):
                yield Attempt(f"pictures {whose}", path.name, partial(read, path), (path.name,), right)

    for suffix, content in encoded.items():
        seen = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)

        def close(image, seen=seen):
            grey = image if image.ndim == 2 else image.mean(axis=2)
            return grey.shape == seen.shape and abs(grey - seen.astype(float)).max() <= 3

        yield from attempts("whole", suffix, content, close)
        yield from attempts("empty", suffix, b"")
        for place in places(rng, len(content) - 40, 6):
            yield from attempts(f"cut at {place}", suffix, content[:place])
        if suffix == ".png":  # the others have no checksum: a flipped bit gives another picture
            for place in places(rng, len(content), 14):
                yield from attempts(f"flipped at {place}", suffix, flipped(content, place), close)
        yield from attempts("more behind", suffix, content + b"\0" * 50, close)
    jpeg = encoded[".jpg"]
    for place in (len(jpeg) // 2, 2 * len(jpeg) // 3):
        yield from attempts(f"zeros from {place}", ".jpg", jpeg[:place] + bytes(len(jpeg) - place - 2) + jpeg[-2:])
    for name, content in {"HTML": b"<html>", "zeros": b"\0" * 500}.items():
        yield from attempts(name, ".jpg", content)
    deep = {"8 bits": 1, "12 bits": 16, "16 bits": 257}
    for name, factor in deep.items():
        ramp = np.arange(256, dtype=np.uint16).repeat(36).reshape(96, 96)
        content = cv2.imencode(".png", ramp * np.uint16(factor))[1].tobytes()
        wanted = ramp if factor != 16 else ramp * 16 / 4095 * 255
        yield from attempts(f"{name} in 16", ".png", content, lambda x, w=wanted: abs(x - w.astype(float)).max() <= 1)
    for name, image in {"tiny": np.zeros((3, 3), np.uint8), "a line": np.zeros((1, 500), np.uint8)}.items():
        path = folder / f"{name}.png"
        cv2.imwrite(str(path), image)
        yield Attempt("pictures own", path.name, partial(read_picture, path), (path.name,))
    path = folder / "huge.png"
    Image.new("1", (33_000, 33_000)).save(path)
    yield Attempt("pictures own", path.name, partial(read_picture, path), (path.name,))
    half = np.zeros((96, 96, 4), np.uint8)
    half[:, 48:] = 255
    path = folder / "half.png"
    cv2.imwrite(str(path), half)
    yield Attempt(
        "pictures own", "half transparent", partial(read_picture, path), ("half",), lambda x: x[:, :40].mean() == 128
    )
    yield Attempt("pictures own", "a folder", partial(read_picture, folder), (folder.name,))
    yield Attempt("pictures own", "missing", partial(read_picture, folder / "none.png"), ("none.png",))


def sheets(rng, folder: Path) -> Iterator[Attempt]:
    row = ROWS_CASME2[0]
    names = [f"reg_img{number}.bmp" for number in range(row[3], row[5] + 1)]

    def place(name, root="Cropped"):
        frames(folder / name / root / f"sub{row[0]:02}" / row[1], names)
        return folder / name

    def attempt(name, write, root="Cropped", right=None):
        home = place(name, root)
        write(home / "CASME2-coding-20140508")
        return Attempt("coding sheet", name, partial(casme.casme2, home), (name,), right)

    def book(rows):
        return lambda stem: workbook(stem.with_suffix(".xlsx"), rows)

    def content(suffix, data):
        return lambda stem: stem.with_suffix(suffix).write_bytes(data)

    def right(clips):
        return [len(one) for one in clips.frames] == [6] and clips.apexes.tolist() == [3]

    good = [COLUMNS_CASME2, row]
    for root in ("Cropped", "Cropped-updated/Cropped", "Cropped_original", "CASME2_RAW_selected"):
        if root != "CASME2_RAW_selected":  # there a face would have to be found
            yield attempt(f"in {root.replace('/', ' ')}", book(good), root, right)
    text = (
        "Subject,Filename,OnsetFrame,ApexFrame,OffsetFrame,Estimated Emotion,note\n1,EP02_01f,46,49,51,happiness,左\n"
    )
    for encoding in ("utf-8", "utf-8-sig"):
        yield attempt(encoding, content(".csv", text.encode(encoding)), right=right)
    for encoding in ("gbk", "utf-16", "utf-32"):
        yield attempt(encoding, content(".csv", text.encode(encoding)))
    for suffix, data in {"csv": b"", "xlsx": b""}.items():
        yield attempt(f"empty {suffix}", content(f".{suffix}", data))
    damaged = {"old": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 5000, "cut": b"PK\3\4cut", "HTML": b"<html>"}
    for name, data in damaged.items():
        yield attempt(f"{name} xlsx", content(".xlsx", data))
    book(good)(folder / "sound")
    sound = (folder / "sound.xlsx").read_bytes()
    for at in places(rng, len(sound) - 1, 6):
        yield attempt(f"xlsx cut at {at}", content(".xlsx", sound[:at]))
    for column, value in ((0, "x"), (1, "EP99"), (3, "a"), (5, -1), (8, "joy"), (8, ""), (3, "9" * 5000), (5, 1.5)):
        changed = row.copy()
        changed[column] = value
        yield attempt(f"cell {column} {str(value)[:9]}", book([COLUMNS_CASME2, changed]))
    yield attempt("a column less", book([COLUMNS_CASME2[:-1], row[:-1]]))
    yield attempt("no head", book([row]))
    yield from texts(folder)


def texts(folder: Path) -> Iterator[Attempt]:
    """Lists of RAF-DB, DISFA and ISED."""
    for name, content, fits in (
        ("mark", "\ufefftrain_00001.jpg 1\n".encode(), lambda faces: len(faces) == 1),
        ("UTF-16", "train_00001.jpg 1\n".encode("utf-16"), None),
        ("label", b"train_00001.jpg 9\n", None),
        ("long", b"x" * 8000, None),
        ("empty", b"", None),
    ):
        home = folder / f"rafdb {name}"
        (home / "EmoLabel").mkdir(parents=True)
        frames(home / "Image/aligned", ["train_00001_aligned.jpg"], (100, 100))
        (home / "EmoLabel/list_patition_label.txt").write_bytes(content)
        yield Attempt("lists", f"RAF-DB {name}", partial(rafdb.read, home), (home.name,), fits)
    for name, content in {"UTF-16": "1,0\n".encode("utf-16"), "strength": b"1,7\n", "number": b"2,0\n"}.items():
        home = folder / f"disfa {name}"
        (home / "ActionUnit_Labels/SN001").mkdir(parents=True)
        (home / "ActionUnit_Labels/SN001/SN001_au1.txt").write_bytes(content)
        yield Attempt("lists", f"DISFA {name}", partial(disfa.read, home), (home.name,))
    damaged = {"7.3": b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM" + b"\0" * 400, "empty": b"", "text": b"x" * 200}
    for name, content in damaged.items():
        home = folder / f"ised {name}"
        home.mkdir()
        (home / "ISED_details.mat").write_bytes(content)
        yield Attempt("lists", f"ISED {name}", partial(ised.read, home), (home.name,))


KINDS = (fer2013_tables, archives, votes, ckplus_folders, fer2013_folders, photographs, sheets)
