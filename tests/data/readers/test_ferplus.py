import pytest

from fer_nb.data import datasets
from fer_nb.data.faceset import FER_CLASSES
from fer_nb.data.readers import ferplus


def test_ferm_and_votes(fer2013_csv, ferplus_csv):
    faces = datasets.load("ferm", "real")
    assert faces.rows.tolist() == [1, 2, 3, 4]
    assert set(faces.labels) == {FER_CLASSES.index("Happy")}
    assert list(ferplus.votes_on(datasets.load("fer2013", "real"), ferplus_csv).columns) == list(ferplus.VOTES)
    assert datasets.sources("ferm", "real") == [fer2013_csv, ferplus_csv]
    assert list(datasets.checksums("ferm", "real")) == ["fer2013/fer2013.csv", "ferplus/fer2013new.csv"]


def moved(text, first, second):
    """The file with two of its rows in each other's place."""
    lines = text.splitlines()
    lines[first], lines[second] = lines[second], lines[first]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda text: text[: text.rstrip().rindex("\n") + 1], "4 rows, but FER2013 has 5"),
        (
            lambda text: text.replace("PublicTest", "Training"),
            "data row 4: Usage is 'Training', FER2013 has 'PublicTest'",
        ),
        (
            lambda text: text.replace("png,0,10", "png,0,ten", 1),
            "data row 2: happiness is 'ten', expected a number of votes",
        ),
        (lambda text: text.replace("png,0,10", "png,0,-1", 1), "data row 2: happiness is '-1'"),
        (lambda text: text.replace("png,0,10", "png,0,", 1), "data row 2: happiness is ''"),
        (lambda text: text.replace("png,0,10", "png,0,8", 1), "data row 2: 8 votes, expected 10: download"),
        (lambda text: text.replace("contempt", "pride"), "no column 'contempt'"),
        (lambda text: moved(text, 1, 2), r"data row 1: fer1\.png is out of order"),
        (lambda text: moved(text, 2, 3), r"data row 2: fer2\.png is out of order"),
        (lambda text: text.replace("fer2.png", "fer1.png"), r"data row 3: fer1\.png again"),
        (
            lambda text: text.replace("fer2.png", "image2.png"),
            "data row 3: Image name is 'image2.png', not fer",
        ),
        (lambda text: text.replace("Image name", "Picture"), "no column 'Image name'"),
        (lambda text: text.split("\n")[0], "no row below the header"),
        (lambda text: "", "the file is empty"),
    ],
)
def test_bad_votes(ferplus_csv, change, message):
    ferplus_csv.write_text(change(ferplus_csv.read_text()))
    with pytest.raises(ValueError, match=message) as caught:
        datasets.load("ferm", "real")
    assert "fer2013new.csv" in str(caught.value)
    assert "\n" not in str(caught.value)
