import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, recall_score

from fer_nb.evaluation import micro


def test_scores_are_the_pooled_ones():
    rng = np.random.default_rng(1)
    names = np.array(["negative", "positive", "surprise"])
    truth = rng.choice(3, 90, p=(0.6, 0.2, 0.2))
    predicted = np.where(rng.random(90) < 0.6, truth, rng.integers(0, 3, 90))
    table = pd.DataFrame({"label": names[truth], "predicted": names[predicted], "subject": np.repeat(range(15), 6)})
    found = micro.scores(table, tuple(names)).set_index("measure")
    expected = {
        "accuracy": (truth == predicted).mean(),
        "UAR": recall_score(truth, predicted, average="macro"),
        "UF1": f1_score(truth, predicted, average="macro"),
    }
    assert found["value"].to_dict() == pytest.approx({name: 100 * value for name, value in expected.items()})
    assert (found["low"] < found["value"]).all() and (found["value"] < found["high"]).all()
    assert set(found["subjects"]) == {15} and set(found["clips"]) == {90}
    shuffled = table.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(micro.scores(shuffled), micro.scores(table))


def test_the_interval_is_over_subjects():
    """Subjects of whom each is all right or all wrong: ten clips of a subject are worth no more than one."""
    one = pd.DataFrame({"label": [0, 1] * 10, "predicted": [0, 1] * 5 + [1, 0] * 5, "subject": range(20)})
    ten = pd.concat([one] * 10)
    narrow = micro.scores(ten.assign(subject=range(200))).set_index("measure")
    wide, alone = micro.scores(ten).set_index("measure"), micro.scores(one).set_index("measure")
    pd.testing.assert_frame_equal(wide[["value", "low", "high"]], alone[["value", "low", "high"]])
    width = (wide["high"] - wide["low"]) / (narrow["high"] - narrow["low"])
    assert (width > 2.3).all()
    # A share of one half over 20 subjects: about 1.96 * sqrt(0.25 / 20) either side.
    assert wide.loc["accuracy", "high"] - 50 == pytest.approx(21.9, abs=4)


def test_few_subjects_have_no_interval_and_missing_classes_no_score():
    table = pd.DataFrame({"label": ["x", "y"] * 3, "predicted": ["x"] * 6, "subject": list("aabbcc")})
    assert micro.scores(table)[["low", "high"]].isna().all(axis=None)
    single = table[table["label"] == "x"]
    with pytest.raises(ValueError, match="no clip of class 'y' \\(subjects a, b, c\\)"):
        micro.scores(single, ("x", "y"))
    with pytest.raises(ValueError, match="class 'y' is none of x"):
        micro.scores(table, ("x",))
    with pytest.raises(ValueError, match="no column 'subject'"):
        micro.scores(table.drop(columns="subject"))


def test_draws_that_lack_a_class_are_ignored():
    """One of eight subjects alone shows class y: a third of the draws miss that subject."""
    table = pd.DataFrame({"label": list("xxxxxxxy"), "predicted": list("xxxxxxxy"), "subject": range(8)})
    assert (micro.scores(table)[["value", "low", "high"]] == 100).all(axis=None)


def test_scores_are_graded_by_what_makes_the_clips_hard():
    names = ["micro1_apex", "micro05_apex", "micro2_apex", "micro1noise8_apex", "micro_apex", "casme2_apex"]
    table = pd.DataFrame({"data": names, "model": "EmoNAS", "measure": "UF1", "value": np.arange(6.0)})
    found = micro.graded(table.assign(low=0.0, high=9.0))
    assert found[["varied", "level", "value"]].to_numpy().tolist() == [
        ["motion", 0.5, 1],
        ["motion", 1, 0],
        ["motion", 2, 2],
        ["noise", 1.5, 0],
        ["noise", 8, 3],  # nothing varies the drift
    ]
    assert set(found["kind"]) == {"apex"} and micro.graded(table[4:].assign(low=0.0, high=9.0)).empty
