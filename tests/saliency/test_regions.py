"""Regions of a face, the share of a map on each, and the truth of the drawn faces."""

import json

import numpy as np
import pandas as pd
import pytest

from fer_nb import paths
from fer_nb.data import datasets, faces
from fer_nb.drawing import synthetic
from fer_nb.saliency import regions, truth


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder, patch = tmp_path_factory.mktemp("runs"), pytest.MonkeyPatch()
    synthetic.write(folder / "synthetic", faces=120, sequences=7, progress=False)
    patch.setattr(paths, "RUNS", folder)
    yield datasets.load("fer2013")
    patch.undo()


def halves(count=4):
    """Two regions, "brows" the upper half and "rest" the lower, of pictures of 44x44."""
    masks = np.zeros((count, 5, 44, 44), bool)
    masks[:, 0, :22] = masks[:, 4, 22:] = True
    return masks


def test_regions_share_out_the_picture(drawn):
    masks, found = regions.of_faces(drawn, "fer2013")
    assert masks.shape == (len(drawn), 5, 44, 44) and masks.dtype == bool
    assert (masks.sum(axis=1) == 1).all()
    known = faces.drawn(drawn, "fer2013")
    assert (found == (known["expressions"] != "")).all() and not found.all()
    assert (masks[0] == regions.from_codes(known["regions"][:1])[0]).all()
    (mean,) = regions.from_points(known["points"][found].mean(axis=0, keepdims=True))
    assert (masks[~found] == mean).all()


def test_regions_in_proportion_are_near_the_drawn_ones(drawn):
    known = faces.drawn(drawn, "fer2013")
    face = known["expressions"] != ""
    ours, true = regions.from_points(known["points"][face]), regions.from_codes(known["regions"][face])
    assert (ours.sum(axis=1) == 1).all()
    covered = ((ours & true).sum((2, 3)) / true.sum((2, 3))).mean(axis=0)
    shared = ((ours & true).sum((2, 3)) / (ours | true).sum((2, 3))).mean(axis=0)
    assert (covered[:4] > 0.8).all(), dict(zip(regions.NAMES, covered, strict=True))
    assert (shared > [0.4, 0.6, 0.75, 0.5, 0.75]).all(), dict(zip(regions.NAMES, shared, strict=True))


def test_no_face_anywhere(drawn):
    nowhere = faces.drawn(drawn, "fer2013")["expressions"] == ""
    with pytest.raises(ValueError, match=r"fer2013: no face was found in \d+ pictures"):
        regions.of_faces(drawn.subset(nowhere), "fer2013")


def test_share_hits_and_enrichment():
    masks, maps = halves(4), np.zeros((4, 1, 44, 44))
    maps[0, 0, 3, 3] = 1.0
    maps[1, 0, 3, 3], maps[1, 0, 30] = 0.25, 0.75 / 44 * 1.0
    maps[2] = 1.0
    assert regions.shares(maps, masks)[:3, 0].tolist() == pytest.approx([1, 0.25, 0.5])
    assert regions.hits(maps, masks)[:3, 0].tolist() == pytest.approx([1, 1, 0.5])
    assert regions.enrichment(maps, masks, ("brows",))[:3].tolist() == pytest.approx([2, 0.5, 1])
    assert regions.enrichment(maps, masks, ("brows", "rest"))[:3].tolist() == pytest.approx([1, 1, 1])
    assert np.isnan(regions.shares(maps, masks)[3]).all() and np.isnan(regions.hits(maps, masks)[3]).all()
    assert np.isnan(regions.enrichment(maps, masks, ("nose",))).all()  # no picture has one
    lower = np.arange(44)[:, None] >= np.full(44, 11)  # three quarters: a third of it is brows
    assert regions.enrichment(maps, masks, ("brows",), lower)[1:3].tolist() == pytest.approx([0, 1])


def test_region_table():
    masks, maps = halves(20), np.zeros((20, 1, 44, 44))
    maps[:15, 0, 2, 2] = 1.0
    maps[15:19, 0, 40, 2] = 1.0
    expressions = np.array(["Happy"] * 10 + ["Sad"] * 10)
    table = regions.region_table(maps, masks, expressions).set_index(["expression", "region"])
    assert len(table) == 15
    row = table.loc["all", "brows"]
    assert row[["share", "hits", "area", "pictures", "empty"]].tolist() == pytest.approx([15 / 19, 15 / 19, 0.5, 20, 1])
    assert row["share_low"] < 15 / 19 < row["share_high"] and row["hits_low"] < 15 / 19 < row["hits_high"]
    assert table.loc[("Happy", "brows"), "share"] == 1
    assert table.loc[("Happy", "brows"), ["share_low", "share_high"]].isna().all()  # ten times 1
    grouped = regions.region_table(maps, masks, expressions, groups=np.arange(20) // 2)
    assert grouped["hits_low"][0] < row["hits_low"]


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (np.ones((2, 1, 11, 11)), "2 of 11x11, what they are compared with is 2 of 44x44: upsample"),
        (np.ones((3, 1, 44, 44)), "3 of 44x44"),
        (np.ones((2, 44, 44)), r"\(2, 44, 44\): they must be \(N, 1, height, width\)"),
        (-np.ones((2, 1, 44, 44)), "negative value, NaN or infinity"),
        (np.full((2, 1, 44, 44), np.nan), "negative value, NaN or infinity"),
    ],
)
def test_maps_that_do_not_fit(maps, message):
    with pytest.raises(ValueError, match=message):
        regions.shares(maps, halves(2))


def test_rivals():
    probabilities = np.array([[0.6, 0.3, 0.1], [0.6, 0.3, 0.1]])
    assert truth.rivals(probabilities, np.array([0, 2]), ("Angry", "Fear", "Sad")).tolist() == ["Fear", "Angry"]


def test_a_map_of_the_deciding_regions_scores_best(drawn):
    masks, found = regions.of_faces(drawn, "fer2013")
    masks, count = masks[found][:60], 60
    true, rival = np.resize(["Angry", "Fear", "Happy"], count), np.resize(["Disgust", "Surprise", "Neutral"], count)
    deciding, named = truth.deciding_masks(masks, true, rival)
    assert (named == 2).all()
    np.testing.assert_array_equal(deciding[0, 0], masks[0, 2] | masks[0, 3])  # angry or disgusted: nose and mouth
    face = masks[:, :4].any(axis=1, keepdims=True)
    wrong = face & ~deciding
    maps = {"wrong": wrong * 1.0, "flat": np.ones(face.shape), "face": face * 1.0, "right": deciding * 1.0}
    table = truth.truth_table(maps, masks, true, rival)
    assert len(table) == 8
    table = table[table["pairs"] == "all"].set_index("method")
    assert table.index[0] == "right" and table.index[-1] == "wrong"
    assert table.loc["right", ["share", "face_share", "hits"]].tolist() == pytest.approx([1, 1, 1])
    assert table.loc["wrong", ["share", "face_share", "hits"]].tolist() == pytest.approx([0, 0, 0])
    grouped = truth.truth_table(maps, masks, true, rival, groups=np.arange(count) // 30)
    assert (
        grouped["gain"].iloc[0] == pytest.approx(table["gain"].iloc[0], rel=0.05) and grouped["gain_low"].isna().all()
    )
    # What knows the face alone is above chance in the picture, and at chance in the face.
    for method in ("face", "flat"):
        assert table.loc[method, "gain"] == pytest.approx(0, abs=1e-9)
    assert table.loc["face", "share"] > 2 * table.loc["face", "chance"]
    assert table.loc["flat", "share"] == pytest.approx(table.loc["flat", "chance"])


def test_pairs_that_differ_everywhere_decide_nothing(drawn):
    masks = regions.of_faces(drawn, "fer2013")[0][:2]
    gains = truth.gains(masks[:, [3]] * 1.0, masks, ["Disgust", "Angry"], ["Happy", "Disgust"])
    assert np.isnan(gains[0]) and gains[1] > 0


def test_photographs_have_no_deciding_region():
    nothing, none = np.zeros((0, 5, 44, 44), bool), np.array([], str)
    assert truth.gains(np.zeros((0, 1, 44, 44)), nothing, none, none).shape == (0,)


@pytest.mark.parametrize("number", ["06", "07", "08"])
def test_notebooks_find_the_regions_before_they_make_maps(number):
    """On photographs the detector's file may be missing, and maps take long."""
    (file,) = (paths.ROOT / "notebooks").glob(f"{number}_*.ipynb")
    code = "".join(line for cell in json.loads(file.read_text())["cells"] for line in cell["source"])
    maps = [code.find(word) for word in (".explain(", ".attribute(", ".by_heart(", "map_similarity(") if word in code]
    assert 0 < code.find("regions.of_faces(") < min(maps)


def test_words_give_the_ends_and_empty_maps():
    table = {"expression": "all", "region": ["brows", "eyes"], "share": [0.4, 0.1], "area": 0.2, "pictures": 7}
    said = regions.regions_in_words(pd.DataFrame(table | {"empty": 2}), "MP")
    assert "brows has most of the mass (2.00 times chance), eyes least (0.50 times); 2 of 7 maps are empty" in said
    assert (
        regions.regions_in_words(pd.DataFrame(table | {"empty": 7, "share": np.nan}), "MP") == "MP: every map is empty."
    )
    assert regions.mean_faces_in_words(np.array([True, False, False])).startswith("No face was found in 2 of 3")
    assert regions.mean_faces_in_words(np.array([True, True])) == "A face was found in each of the 2 pictures."
