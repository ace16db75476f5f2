"""The sentences of section 4.2 on evidence that is made to be clear."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from fer_nb.evaluation import thesis
from fer_nb.saliency import chapter4, robustness
from fer_nb.saliency.chapter4 import Evidence
from fer_nb.saliency.quantities import QUANTITIES
from fer_nb.saliency.regions import NAMES

EXPRESSIONS = np.repeat(["Happy", "Sad", "Disgust", "Fear", "Contempt"], 12)
ON = {"Happy": ("mouth", "eyes"), "Sad": ("brows", "mouth"), "Disgust": ("nose", "mouth"), "Fear": ("eyes", "nose")}
CLASSES = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")
PICTURES = 224


def masks():
    """Five bands of a picture, the same in each."""
    bands = np.zeros((len(EXPRESSIONS), 5, 44, 44), bool)
    for place, rows in enumerate(np.array_split(np.arange(44), 5)):
        bands[:, place, rows] = True
    return bands


def maps_on(where, seed):
    """Maps that lie on the regions named for each expression, with a texture of each picture and a little noise."""
    chosen = np.array([[name in where.get(expression, NAMES[:4]) for name in NAMES] for expression in EXPRESSIONS])
    lit = (masks() & chosen[:, :, None, None]).any(axis=1, keepdims=True)
    texture, noise = (np.random.default_rng(number).random(lit.shape) for number in (9, seed))
    return lit + 0.05 * texture + 0.005 * noise


def predicted():
    """Three of four pictures right; upside down every disgust is angry; nothing else changes anything."""
    labels = np.resize(CLASSES, PICTURES)
    before = np.where(np.arange(PICTURES) % 4 == 3, "Surprise", labels)
    tables = []
    for transform, strengths in robustness.LADDER.items():
        for strength in strengths:
            flipped = transform == "vertical flip" and strength
            after = np.where((labels == "Disgust") | (labels == "Sad"), "Angry", before) if flipped else before
            table = pd.DataFrame(
                {"transform": transform, "strength": strength, "group": range(PICTURES), "label": labels}
            )
            tables.append(table.assign(before=before, predicted=after, probability_before=0.9, probability=0.92))
    return pd.concat(tables, ignore_index=True)


def known(values):
    """Values of the first pictures, NaN for the others."""
    return np.append(values, np.full(len(EXPRESSIONS) - len(values), np.nan))


@pytest.fixture(scope="module")
def evidence():
    maps, mirrored = ({"MP": maps_on(ON, seed), "Score-CAM": maps_on(ON, seed + 1)} for seed in (0, 3))
    brighter = {"MP": maps_on(ON | dict.fromkeys(ON, ("nose", "mouth")), 2), "Score-CAM": maps["Score-CAM"]}
    return Evidence(
        maps=maps,
        masks=masks(),
        expressions=EXPRESSIONS,
        changed={"brightness": brighter, "horizontal flip": mirrored, "rotation": maps},
        predicted=predicted(),
        blurred={"brows": np.resize([0.19, 0.21], len(EXPRESSIONS))},
        gains={"MP": known(np.linspace(0.1, 0.3, 20)), "Score-CAM": known(np.linspace(-0.3, 0.3, 20))},
    )


@pytest.fixture(scope="module")
def table(evidence):
    return chapter4.section_table(evidence)


def held(table, quantity, method=""):
    rows = table[(table["quantity"] == quantity) & (table["method"] == method)]
    assert len(rows), quantity
    return rows.iloc[0]


def test_every_sentence_has_a_row(table):
    assert set(table["sentence"]) == {claim.says for claim in thesis.SECTION_4_2}
    assert set(table["holds"]) == {"yes", "no", "cannot say"}
    assert len(table.drop_duplicates(["where", "sentence", "quantity", "method"])) == len(table)


def test_quantities_of_claims_are_known():
    classes = {"all", "others", "Contempt", *CLASSES}
    for claim in thesis.SECTION_4_2:
        assert not claim.quantity or claim.quantity[0] in chapter4.QUANTITIES
        assert claim.relation in ("above", "below")
        words = [word for part in claim.quantity[1:] for word in ([part] if isinstance(part, str) else part)]
        assert set(words) <= classes | set(NAMES) | set(robustness.LADDER), claim


@pytest.mark.parametrize(
    ("quantity", "method", "holds"),
    [
        ("enrichment: Happy, mouth", "MP", "yes"),
        ("enrichment: Happy, nose", "MP", "no"),
        ("enrichment: Happy, brows", "MP", "yes"),  # below 1
        ("share difference: nose, Disgust, Happy", "Score-CAM", "yes"),
        ("share difference: eyes, Fear, others", "MP", "yes"),
        ("methods overlap", "MP, Score-CAM", "yes"),
        ("methods beyond other pictures", "MP, Score-CAM", "yes"),
        ("deciding regions", "MP", "yes"),
        ("deciding regions", "Score-CAM", "cannot say"),
        ("share change: brightness, nose + mouth, all", "MP", "yes"),
        ("share change: rotation, nose + mouth, Happy", "MP", "cannot say"),
        ("share change: brightness, nose + mouth, Contempt", "MP", "cannot say"),  # nothing changes: not above 0
        ("maps overlap: horizontal flip, Fear", "MP", "yes"),
        ("loss when blurred: Happy, brows", "", "no"),  # 20 points, not below 5
        ("kept: brightness, all", "", "yes"),
        ("kept: rotation, Happy", "", "cannot say"),  # all 24 are kept: too few to exclude a loss of 5 in 100
        ("accuracy change: rotation", "", "yes"),
        ("accuracy change: vertical flip", "", "yes"),
        ("accuracy change beyond the others: vertical flip", "", "yes"),
        ("mistaken: vertical flip, Disgust, Angry", "", "yes"),
        ("enrichment when changed: vertical flip, nose + mouth, all", "", "cannot say"),  # not measured here
        ("not measured", "", "cannot say"),
    ],
)
def test_verdicts(table, quantity, method, holds):
    row = held(table, quantity, method)
    assert row["holds"] == holds, row.to_dict()


def test_measured_values(table):
    assert held(table, "loss when blurred: Happy, brows")["measured"] == pytest.approx(20)
    # A quarter is wrong before; the right ones of disgust and sad are lost.
    right = sum(1 for k in range(PICTURES) if k % 4 != 3 and CLASSES[k % 7] in ("Disgust", "Sad"))
    assert held(table, "accuracy change: vertical flip")["measured"] == pytest.approx(-100 * right / PICTURES)
    assert held(table, "mistaken: vertical flip, Disgust, Angry")[["measured", "pictures"]].tolist() == [100, right / 2]
    assert held(table, "probability change: contrast, Happy")["measured"] == pytest.approx(0.02)
    assert held(table, "accuracy change: brightness")["pictures"] == PICTURES  # darker and lighter are one picture
    assert held(table, "enrichment: Happy, mouth", "MP")["pictures"] == 12


def test_a_map_that_knows_nothing_gains_nothing_by_a_rotation(evidence):
    """Its corners, which a map laid back has lost, are no mass that moved to the middle."""
    flat = np.random.default_rng(0).uniform(0.9, 1.1, (len(EXPRESSIONS), 1, 44, 44))
    turned = robustness.turn_back(torch.as_tensor(flat), "rotation", robustness.JUDGED["rotation"])
    middle = np.zeros((len(EXPRESSIONS), 5, 44, 44), bool)
    middle[:, NAMES.index("nose"), 15:30, 15:30] = True
    blind = replace(evidence, maps={"MP": flat}, masks=middle, changed={"rotation": {"MP": turned}})
    enriched = QUANTITIES["enrichment when changed"](blind, "rotation", ("nose",), "all")["MP"]
    assert enriched[0] == pytest.approx(1, abs=0.002)
    assert QUANTITIES["share change"](blind, "rotation", ("nose",), "all")["MP"][0] == pytest.approx(0, abs=1e-3)


def test_without_evidence_nothing_is_claimed(evidence):
    bare = Evidence(evidence.maps, evidence.masks, np.full(len(EXPRESSIONS), "Surprise"))
    table = chapter4.section_table(bare)
    unknown = table[~table["quantity"].str.contains("all|methods")]
    assert (unknown["holds"] == "cannot say").all() and unknown["measured"].isna().all()


def test_maps_that_tell_the_expression_alone_agree_beyond_other_pictures():
    """Two pictures of each expression, in turn: the picture that each is compared with never has the same one."""
    expressions = np.resize(["Angry", "Fear", "Happy", "Sad", "Surprise", "Disgust", "Neutral"], 14)
    kinds = dict(zip(expressions.tolist(), np.random.default_rng(3).random((7, 1, 44, 44)), strict=False))
    maps = np.stack([kinds[name] for name in expressions.tolist()])
    bare = Evidence({"MP": maps, "Score-CAM": maps}, np.resize(masks(), (14, 5, 44, 44)), expressions)
    assert held(chapter4.section_table(bare), "methods beyond other pictures", "MP, Score-CAM")["measured"] > 0.9


def test_frames_of_a_sequence_count_once(evidence):
    grouped = replace(evidence, groups=np.arange(len(EXPRESSIONS)) // 3)
    table = chapter4.section_table(grouped)
    assert held(table, "enrichment: Happy, mouth", "MP")["pictures"] == 4
    assert held(table, "deciding regions", "MP")["pictures"] == 7  # of 20 pictures


def test_predictions_of_tripled_pictures_decide_as_those_of_the_pictures(evidence, table):
    tripled = pd.concat([predicted()] * 3, ignore_index=True)
    again = chapter4.section_table(replace(evidence, predicted=tripled))
    pd.testing.assert_frame_equal(again, table)


@pytest.mark.parametrize(
    ("low", "high", "relation", "holds"),
    [(1.1, 2, "above", "yes"), (0.9, 2, "above", "cannot say"), (0.2, 0.9, "above", "no"),
     (0.2, 0.9, "below", "yes"), (1.1, 2, "below", "no"), (np.nan, np.nan, "below", "cannot say"),
     (0.95, 1.05, "about", "yes"), (1.08, 1.08, "about", "yes"), (1.2, 1.3, "about", "no"), (0.5, 0.5, "about", "no"),
     (0.8, 1.0, "about", "cannot say"), (0.5, 2, "about", "cannot say"), (np.nan, np.nan, "about", "cannot say")],
)  # fmt: skip
def test_holds(low, high, relation, holds):
    assert chapter4.holds(low, high, relation, 1.0) == holds
