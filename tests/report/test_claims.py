"""The sentences of both sources beside what was measured: what holds, what does not, what nobody has run."""

import numpy as np
import pandas as pd
import pytest

from fer_nb.data.faceset import FER_CLASSES
from fer_nb.evaluation import sentences, thesis
from fer_nb.intervals import LEVEL, wilson
from fer_nb.report import answer, claims, measured
from fer_nb.report.results import Missing, Results, files_of_nets


@pytest.fixture
def results():
    """All four nets on CK+, lightResNetl on FERm for 42 epochs and on FER2013 for 42."""
    rows = [("CK+", model, 95.0, 60) for model in sentences.NETS]
    rows += [
        ("FERm", "lightResNetl", 86.0, 42),
        ("FER2013", "lightResNetl", 69.0, 42),
        ("FERm", "VGG19", np.nan, np.nan),
    ]
    accuracies = pd.DataFrame(rows, columns=["dataset", "model", "accuracy", "epochs"]).assign(
        seeds=1, study="s", recipe="a"
    )
    sizes = pd.DataFrame(thesis.TABLE_3_1).T.rename_axis("model").reset_index()
    return Results(accuracies, {"table-3-1": sizes})


def verdicts(results, drawn=False):
    return claims.claims_table(results, drawn).set_index("sentence")["verdict"]


def test_each_sentence_has_a_row_and_a_measure(results):
    table = claims.claims_table(results)
    assert len(table) == len(sentences.THESIS) + len(sentences.EMONAS) and table["sentence"].is_unique
    assert set(table["verdict"]) <= set(answer.VERDICTS)
    counted = table["table"] == "table-3-1"
    assert (table["unit"] != "").equals(table["measured"].notna())
    assert table[counted]["measured"].notna().all() and table[counted]["low"].isna().all()
    assert {claim.quantity[0] for claim in (*sentences.THESIS, *sentences.EMONAS) if claim.quantity} == set(
        claims.MEASURES
    )


def test_the_thesiss_own_table_contradicts_two_of_its_sentences(results):
    """Its parameters and FLOPs beside VGG19's are exchanged: a seventh of the parameters, half of the FLOPs."""
    found = verdicts(results)
    assert found["lightResNetl has about a quarter of ResNet18's parameters."] == "holds"
    assert found["lightResNetl has about half of VGG19's parameters."] == "does not hold"
    assert found["lightResNetl computes about a seventh of VGG19."] == "does not hold"
    assert (found[found.index.str.contains("lightResNetm (?:has|computes)")] == "holds").all()


def test_what_a_shorter_training_decides_and_what_it_does_not(results):
    found = verdicts(results)
    assert found["The nets are more accurate on FERm than on FER2013."] == "holds"  # as many epochs on both
    assert found["FER2013 is far harder than CK+."] == "fewer epochs"
    assert found["On FERm the light nets are better than others' methods."] == "not run"  # lightResNetm has not
    extra = {
        "dataset": "FERm",
        "model": "lightResNetm",
        "accuracy": 80.0,
        "epochs": 4,
        "seeds": 1,
        "study": "s",
        "recipe": "a",
    }
    results.accuracies = pd.concat([results.accuracies, pd.DataFrame([extra])])
    assert verdicts(results)["On FERm the light nets are better than others' methods."] == "fewer epochs"
    results.accuracies["epochs"] = 200
    assert verdicts(results)["On FERm the light nets are better than others' methods."] == "does not hold"


def test_without_anything_nothing_is_said():
    nothing = pd.DataFrame(columns=["dataset", "model", "accuracy", "seeds", "epochs", "study", "recipe"])
    found = claims.claims_table(Results(nothing))
    assert set(found["verdict"]) == {"not run", "no data", "not measured"} and found["measured"].isna().all()
    assert set(found[found["verdict"] == "no data"]["source"]) == {"EmoNAS"}


def test_drawn_faces_decide_only_what_is_counted(results):
    found = verdicts(results, drawn=True)
    assert found["On CK+ all four nets are very accurate."] == "drawn faces"
    assert found["lightResNetl has about a quarter of ResNet18's parameters."] == "holds"


def test_on_ck_plus_a_sequence_counts_once(results):
    found = measured.least_accuracy(results, "CK+", sentences.LIGHT)
    assert measured.PICTURES["CK+"] == 33 and found.low < 85 < 95 < found.high


def test_the_lowest_of_several_accuracies_has_an_interval_for_all_of_them(results):
    results.accuracies.loc[results.accuracies["model"] == "lightResNetm", "accuracy"] = 90.0
    found, pictures = measured.least_accuracy(results, "CK+", sentences.LIGHT), measured.PICTURES["CK+"]
    low, high = wilson(90.0, pictures, LEVEL / 2)
    assert found.value == 90 and (found.low, found.high) == pytest.approx((low, high))
    assert low < wilson(90.0, pictures)[0]


def test_classes_are_judged_by_the_nearest_other(results):
    matrix = pd.DataFrame(np.eye(7) * 90, list(FER_CLASSES), list(FER_CLASSES))
    matrix.loc["Fear", ["Fear", "Surprise", "Sad"]] = 20, 60, 20
    matrix.loc["Disgust", ["Disgust", "Angry"]] = 10, 90
    results.confusions = {"FERm": {"a": dict.fromkeys(sentences.NETS, matrix)}}
    with pytest.raises(Missing, match="not run"):  # of the four nets one has
        measured.worst_classes(results, "FERm", ("Disgust", "Fear"))
    rows = [("FERm", model, 80.0, 42, 1, "s", "a") for model in sentences.NETS if model != "lightResNetl"]
    results.accuracies = pd.concat(
        [results.accuracies.dropna(), pd.DataFrame(rows, columns=results.accuracies.columns)]
    )
    worst = measured.worst_classes(results, "FERm", ("Disgust", "Fear"))
    assert worst.value == pytest.approx(20 - 90) and worst.high < 0
    matrix.loc["Surprise", "Surprise"], matrix.loc["Disgust", "Disgust"] = 91.0, 90.9
    near = measured.best_classes(results, "FERm", ("Surprise",))
    assert near.value == pytest.approx(0.1) and near.low < -8  # to Disgust, of which there are 34 pictures
    matrix.loc["Surprise", "Surprise"], matrix.loc["Disgust", "Disgust"] = 90.0, 10.0
    assert measured.best_classes(results, "FERm", ("Happy", "Neutral")).value == pytest.approx(0)
    taken = measured.mistaken(results, "FERm", sentences.NETS, "Fear", ("Surprise",))
    assert taken.value == pytest.approx(75) and taken.low > 100 / 6
    results.confusions["FERm"]["a"] = {"lightResNetl": matrix}
    with pytest.raises(Missing, match="not kept"):
        measured.mistaken(results, "FERm", sentences.NETS, "Fear", ("Surprise",))
    with pytest.raises(Missing, match="not kept"):
        measured.mistaken(results, "CK+", sentences.BASE, "Fear", ("Disgust",))


def test_nets_of_two_recipes_are_not_measured_together(results):
    """lightResNetl trained for 42 epochs and, beside lightResNetm, for 4 by another recipe."""
    rows = [("FERm", model, value, 4, 1, "s", "b") for model, value in (("lightResNetl", 78.0), ("lightResNetm", 80.0))]
    results.accuracies = pd.concat([results.accuracies, pd.DataFrame(rows, columns=results.accuracies.columns)])
    both = measured.least_accuracy(results, "FERm", sentences.LIGHT)
    assert both.value == 78 and both.short
    with pytest.raises(Missing):
        measured.beyond(results, "FERm", ("lightResNetl",), ("lightResNetm", "VGG19"))
    one, other = pd.DataFrame({"train_accuracy": [99.0]}), pd.DataFrame({"train_accuracy": [50.0]})
    results.histories = {"FERm": {"b": {"lightResNetl": other, "lightResNetm": other}}}
    assert files_of_nets(results, "FERm", results.histories, ("lightResNetl",)) == ("s", [other])
    results.histories["FERm"]["a"] = {"lightResNetl": one}  # of most epochs
    study, found = files_of_nets(results, "FERm", results.histories, sentences.LIGHT)
    assert study == "s" and found[0] is one and found[1] is other


def test_what_nets_that_have_not_learned_enough_fit_decides_nothing(results):
    rows = [("FERm", model, 80.0, 42, 1, "s", "a") for model in sentences.NETS]
    results.accuracies = pd.DataFrame(rows, columns=results.accuracies.columns)
    curve = pd.DataFrame({"train_accuracy": [40.0] * 2, "test_accuracy": [50.0] * 2})
    results.histories = {"FERm": {"a": dict.fromkeys(sentences.NETS, curve)}}
    sentence = "On FERm the nets are right more often in training than in the test."
    assert verdicts(results)[sentence] == "fewer epochs"
    results.histories["FERm"]["a"] = dict.fromkeys(sentences.NETS, pd.concat([curve] * 100))
    assert verdicts(results)[sentence] == "does not hold"


def test_nets_that_no_recipe_trained_together_are_compared_and_decide_nothing(results):
    sentence = "On FERm the light nets are better than VGG19 and ResNet18."
    rows = [("FERm", model, 60.0, 26, 1, "s", "b") for model in sentences.BASE]
    results.accuracies = pd.concat([results.accuracies, pd.DataFrame(rows, columns=results.accuracies.columns)])
    assert verdicts(results)[sentence] == "not run"  # lightResNetm has not
    rows = [("FERm", "lightResNetm", 85.0, 42, 1, "s", "a")]
    results.accuracies = pd.concat([results.accuracies, pd.DataFrame(rows, columns=results.accuracies.columns)])
    found = claims.claims_table(results).set_index("sentence").loc[sentence]
    assert found["verdict"] == "several recipes" and found["measured"] == 25 and found["low"] > 0
    wide = found["high"] - found["low"]
    rows = [(model, right) for models, right in ((sentences.LIGHT, 85), (sentences.BASE, 60)) for model in models]
    results.right["FERm"] = {"a": {}, "b": {}}
    for model, right in rows:  # what the worse of two nets predicts right, the better does too
        recipe = "a" if model in sentences.LIGHT else "b"
        results.right["FERm"][recipe][model] = pd.Series(1.0 * (np.arange(3153) < 31.53 * right))
    paired = claims.claims_table(results).set_index("sentence").loc[sentence]
    assert paired["measured"] == pytest.approx(25, abs=0.05) and paired["high"] - paired["low"] < 0.75 * wide
    results.accuracies["recipe"] = "a"
    assert verdicts(results)[sentence] == "fewer epochs"  # the rivals may need more
    results.accuracies["epochs"] = 200
    assert verdicts(results)[sentence] == "holds"


def test_sentences_of_section_4_2_hold_where_all_their_rows_do(results):
    rows = [("accuracy change: brightness", "yes"), ("accuracy change: contrast", "no"), ("methods overlap", "no")]
    table = pd.DataFrame(rows, columns=["quantity", "holds"]).assign(measured=1.0, low=0.5, high=2.0)
    results.tables["section-4-2"] = table
    found = verdicts(results)
    assert found["The net is robust to brightness, contrast, rotation and horizontal flip."] == "in part"
    assert found["MP and Score-CAM find basically the same regions."] == "does not hold"
    assert found["Pictures upside down are not recognised reliably."] == "not run"


def test_augmentation_is_needed_where_every_ablation_loses_without_it(results):
    rows = [("none: the full recipe", np.nan, np.nan, np.nan), ("without-augmentation", -9.0, -12.0, -6.0),
            ("without-augmentation", -2.0, -3.0, -1.0), ("without-flip", 1.0, -1.0, 3.0)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["change", "difference", "low", "high"]).assign(seeds=1, study="s")
    results.changes = table.iloc[[0, 3]]
    assert verdicts(results)["Augmentation is needed."] == "not run"
    results.changes = table
    found = claims.claims_table(results).set_index("sentence").loc["Augmentation is needed."]
    assert (found["measured"], found["verdict"], found["table"], found["study"]) == (-2, "holds", "ablation", "s")
    results.changes = table.assign(high=1.0)
    assert verdicts(results)["Augmentation is needed."] == "cannot say"


def test_searched_nets_are_set_beside_others_of_one_study(results):
    gaps = {"reference": "lightResNetl", "difference": 1.5, "difference_low": -3.0, "difference_high": 7.0}
    rows = [{"model": "EmoNAS", "seeds": 2, **gaps}, {"model": "MobileNetV2", "seeds": 1}]
    accuracies = pd.DataFrame(rows).assign(data="ckplus-subject1", accuracy=90.0, low=80.0, high=95.0)
    costs = pd.DataFrame({"model": ["EmoNAS", "MobileNetV2"], "parameters": [200_000, 2_000_000], "macs": [15.0, 16.0]})
    costs = costs.assign(memory_mb=[30.0, 60.0], frames_per_second=[1600.0, 900.0])
    results.searched = claims.searched(accuracies, costs).assign(study="a")
    found = claims.claims_table(results).set_index("sentence")
    assert found.loc["They use less memory than MobileNet.", "measured"] == 0.5
    assert found.loc["The nets found need at most about 0.6 million parameters.", ["measured", "verdict"]].tolist() == [
        0.2,
        "holds",
    ]
    beside = found.loc["On CK+ they are better than nets designed by hand."]
    assert (beside["measured"], beside["seeds"], beside["verdict"]) == (1.5, 2, "cannot say")
    assert found.loc["They are better than DARTS's.", "verdict"] == "not run"
    assert found.loc["On FER2013 they are better than others.", "verdict"] == "not run"
    sized = results.searched.assign(data="fer2013", model=["EmoNAS_16x6", "MobileNetV2"], accuracy=[67.0, 60.0])
    results.searched = pd.concat([results.searched, sized])
    on_fer2013 = claims.claims_table(results).set_index("sentence").loc["On FER2013 they are better than others."]
    assert (on_fer2013["measured"], on_fer2013["verdict"]) == (67, "cannot say")


def test_claims_are_counted_by_source(results):
    words = answer.claims_words(claims.claims_table(results))
    assert words.startswith(f"Sentences of results: thesis {len(sentences.THESIS)} (") and "; EmoNAS 12 (" in words
    assert words.endswith("12 (12 open).")  # what data or runs are wanting is in the table
