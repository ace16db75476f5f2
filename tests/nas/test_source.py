"""fer_nb.nas.source: a row for each of the source's ten tables, whatever a study has run."""

import pandas as pd
import pytest

from fer_nb import paths
from fer_nb.nas import source

NO_SCORES = pd.DataFrame(columns=["data", "model", "measure", "value", "low", "high"])


@pytest.fixture(autouse=True)
def one_set(tmp_path, monkeypatch):
    """A data folder with MUG alone."""
    monkeypatch.setattr(paths, "DATA", tmp_path)
    (tmp_path / "mug").mkdir()


def given():
    names = ["data", "model", "accuracy", "low", "high"]
    accuracies = [("fer2013", "EmoNAS_24x8", 66.0, 64.5, 67.5), ("fer2013", "lightResNetl", 70.0, 68.5, 71.5)]
    accuracies += [("ckplus-subject1", "DARTS", 90.0, 80.0, 95.0), ("ckplus-subject1", "Random1", 91.0, 81.0, 96.0)]
    scores = pd.DataFrame([("smic_dynamic", "EmoNAS", "UAR", 60.0, 50.0, 70.0)], columns=NO_SCORES.columns)
    costs = [
        ("EmoNAS_24x8", 600_000, 2.4, 900.0),
        ("lightResNetl", 2_678_087, 10.6, 170.0),
        ("VGG19", 20_038_983, 80.0, 9.0),
    ]
    costs = pd.DataFrame(costs, columns=["model", "parameters", "onnx_mb", "frames_per_second"])
    return pd.DataFrame(accuracies, columns=names), scores, costs


def test_every_table_has_what_was_run_or_why_not():
    table = source.tables(*given(), "real")
    assert sorted(set(table["table"])) == list(range(1, 11)) and list(table) == source.COLUMNS
    assert (table["value"].isna() == (table["why_not"] != "")).all()
    ran = table[table["table"].isin([1, 4, 8]) & table["value"].notna()]
    assert ran[["table", "data", "net", "value"]].to_numpy().tolist() == [
        [1, "ckplus-subject1", "DARTS", 90.0],  # neither the random net nor one designed by hand
        [4, "fer2013", "EmoNAS_24x8", 66.0],
        [8, "smic_dynamic", "EmoNAS", 60.0],
    ]
    why = table[table["table"] < 9].set_index("data")["why_not"]
    assert why["mug"] == "time" and why["disfa"] == "data" and why["megc2019"] == "data" and why["fer2013"] == ""
    rafdb = table[table["table"] == 5].iloc[0]
    assert rafdb["source"] == 87.28 and rafdb["why_not"] == "data"


def test_costs_stand_beside_the_numbers_of_the_text():
    table = source.tables(*given(), "real")
    costs = table[table["table"] == 9].set_index("measure")
    assert costs["value"].tolist() == [600_000, 2.4, 900.0] and costs.loc["frames a second", "source"] == 60
    others = table[(table["table"] == 10) & (table["measure"] == "parameters")].set_index("about")
    assert others.loc["complexity: VGG19", ["value", "source"]].tolist() == [20_038_983, 144e6]
    assert others.loc["complexity: EmoNAS", "net"] == "EmoNAS_24x8"
    assert others.loc["complexity: MobileNet", "why_not"] == "time"  # MobileNetV2 has not run
    assert others.loc["complexity: HiNet", "why_not"] == "net"


def test_drawn_faces_fill_no_table():
    accuracies, _, costs = given()
    table = source.tables(accuracies, NO_SCORES, costs, "synthetic")
    assert set(table.loc[table["table"] < 9, "why_not"]) == {"drawn"}
    text = source.sentence(table)
    assert text.startswith(
        "2 of the source's 10 tables have a number of ours; not run because the faces are drawn: ckplus,"
    )


def test_the_sentence_names_what_is_missing():
    text = source.sentence(source.tables(*given(), "real"))
    assert text.startswith(
        "5 of the source's 10 tables have a number of ours; not run for want of data: ised, disfa, oulu"
    )
    assert "; not run for want of time: mug, MobileNet, P-DARTS; " in text
    assert text.endswith("not run for want of net: VGG16, ResNet50, HiNet.")
