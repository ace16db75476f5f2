"""What the README says was found, its picture, and that README and docs name what is there."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fer_nb import paths, study
from fer_nb.nets import genotypes
from fer_nb.published import __main__, accuracies, keep, origins, picture, readme
from fer_nb.report import promised

ROOT = Path(__file__).parents[2]
NAMES = ["README.md", *(f"docs/{path.name}" for path in sorted(ROOT.glob("docs/*.md")))]
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in NAMES}
README = TEXTS["README.md"]


def test_each_of_the_thesiss_accuracies_has_a_row():
    keep.keep_study("tiny")
    best = readme.findings().best
    assert len(best) == 12 and set(best.columns) == set(accuracies.COLUMNS)
    ckplus = best.set_index(["dataset", "model"]).loc[("CK+", "ResNet18")]
    assert (ckplus["accuracy"], ckplus["study"], ckplus["epochs"]) == (90, "tiny", 60)
    assert best[best["dataset"] == "FER2013"]["verdict"].eq("not run").all()


def test_the_longest_training_stands_for_a_cell_then_the_best_on_validation_and_then_the_last(tree):
    """Not the one that looks best on the test split. The thesis's own protocol is that of study ckplus."""
    keep.keep_study("tiny")
    folder = origins.kept_folder()
    given = [("short", 5, "2030-01-01", 99.0), ("later", 60, "2030-01-01", 50.0), ("ckplus", 60, "2000-01-01", 40.0)]
    for name, epochs, date, accuracy in given:
        shutil.copytree(tree / "params/tiny", tree / "params" / name)
        (folder / name).mkdir()
        for file in ("table-3-6.csv", "runs.csv", "origins.csv"):
            table = pd.read_csv(folder / "tiny" / file)
            changed = {"table-3-6.csv": {"accuracy": accuracy}, "runs.csv": {"epochs": epochs}}
            table.assign(**changed.get(file, {"date": date})).to_csv(folder / name / file, index=False)

    def order() -> list[str]:
        results = accuracies.kept_results()
        return results.loc[(results["dataset"] == "CK+") & (results["model"] == "ResNet18"), "study"].tolist()

    histories = folder / "tiny" / "histories"
    shutil.rmtree(histories)
    assert order() == ["ckplus", "later", "tiny", "short"]
    histories.mkdir()
    history = pd.DataFrame({"epoch": [1, 2], "valid_accuracy": [70.0, 60.0]})
    history.to_csv(histories / "ckplus-fold1-ResNet18-seed0.csv")
    assert order() == ["ckplus", "tiny", "later", "short"]


def test_findings_are_counted():
    assert readme.findings_text(readme.findings()).startswith("No results are kept yet")
    keep.keep_study("tiny")
    text = readme.findings_text(readme.findings())
    assert "of the thesis's 12 accuracies have been measured" in text
    assert "(2 in fewer epochs" in text or "(1 in fewer epochs" in text
    assert "FERm: lightResNetl 90.00 [85.00, 95.00]% (" in text and " minutes, thesis 88.11)" in text
    assert "the recipe differs from the thesis's too" in text
    assert "are misprints" in text and "Section 4.2" not in text


def test_statements_that_a_kept_table_decides(tree):
    keep.keep_study("tiny")
    folder = origins.kept_folder() / "tiny"
    held = pd.DataFrame(
        {
            "holds": ["yes", "no", "cannot say", "yes"],
            "pictures": 140,
            "sentence": ["a", "b", "c", "d"],
            "quantity": "another",
            "measured": 1.0,
            "method": "MP",
        }
    )
    held.to_csv(folder / "section-4-2.csv", index=False)
    rows = [("CK+, ten folds by subject", "LBP + linear SVM", 91.74), ("CK+, ten folds by subject", "VGG19", 99.0)]
    hand_made = pd.DataFrame(rows, columns=["data", "method", "accuracy"]).assign(sequence_low=88.0, sequence_high=94.0)
    hand_made = hand_made.assign(C=[1.0, None], pictures=981, sequences=327)
    hand_made.to_csv(folder / "hand-made.csv", index=False)
    splits = pd.DataFrame({"model": ["VGG19", "EmoNAS", "Other"], "accuracy": [95.0, 93.0, 99.0], "folds": [10, 10, 9]})
    splits["split"] = ["folds by position", "folds by subject", "folds by subject"]
    splits.assign(sequence_low=90.0, sequence_high=96.0, sequences=327).to_csv(folder / "table-3-6-splits.csv")
    drawn = genotypes.random(np.random.default_rng(0))
    genotypes.save(study.kept_genotype("EmoNAS"), drawn, {"dataset": "ckplus-subject1"})
    gap = {"data": "ckplus-fold1", "reference": "mean of RandomNet", "difference": -5.0, "low": -15.0, "high": 4.0}
    pd.DataFrame([gap, gap | {"reference": "lightResNetl"}]).to_csv(folder / "table-9-against.csv", index=False)
    found = {"model": "EmoNAS_16x6", "accuracy": 84.74, "low": 83.0, "high": 86.0, "seeds": 1, "reference": "ours"}
    found |= {"difference": -1.62, "difference_low": -2.5, "difference_high": -0.7}
    pd.DataFrame([found | {"data": "ferm"}, found | {"data": "rafdb"}]).to_csv(folder / "table-9.csv", index=False)
    costs = {"model": "EmoNAS_16x6", "parameters": 180_599, "macs": 1e7, "latency_ms": 0.4, "frames_per_second": 2e3}
    pd.DataFrame([costs]).to_csv(folder / "table-10.csv", index=False)
    text = readme.findings_text(readme.findings())
    net = "EmoNAS_16x6, a net with 0.18 million parameters and cells found on CK+, beside ours"
    reaches = f"{net}: 84.74 [83.00, 86.00]% on FERm"
    assert text.count("cells found on") == 1 and f"{reaches} (−1.62 [−2.50, −0.70] points)." in text
    assert "of its 4 sentences 2 hold, 1 does not, 1 cannot be decided" in text
    words = "EmoNAS 93.00 [90.00, 96.00]% (its search saw test subjects), LBP + linear SVM 91.74 [88.00, 94.00]%."
    assert f"- CK+ on ten folds by subject (interval over sequences): {words}" in text
    assert "Sentences of results: thesis" in text
    assert text.count("points on ckplus-fold1") == 1 and "−5.00 [−15.00, +4.00] points" in text


def test_only_the_part_between_the_marks_is_written(tree):
    __main__.main(["tiny"])
    text = (tree / "README.md").read_text()
    assert text == f"# Title\n\n{readme.START}\n{readme.findings_text(readme.findings())}\n{readme.END}\n\nThe end.\n"
    __main__.main([])
    assert (tree / "README.md").read_text() == text


def test_the_picture_is_drawn_again_only_for_other_numbers(tree):
    __main__.main(["tiny"])
    file = origins.kept_folder() / readme.PICTURE
    before = file.stat().st_mtime_ns
    readme.draw_picture(readme.findings().best)
    assert file.stat().st_mtime_ns == before
    readme.draw_picture(readme.findings().best.assign(accuracy=91.0))
    assert file.stat().st_mtime_ns > before


def test_the_readme_has_the_findings_of_what_is_kept(monkeypatch):
    monkeypatch.setattr(paths, "REPORTS", ROOT / "reports")
    monkeypatch.setattr(paths, "PARAMS", ROOT / "params")
    part = README.partition(readme.START)[2].partition(readme.END)[0]
    assert part.strip() == readme.findings_text(readme.findings()), "run `python -m fer_nb.published`"
    shown = (ROOT / "reports/reference" / readme.PICTURE).read_text()
    assert picture.description([readme.shown(readme.findings().best)]) in shown, "run `python -m fer_nb.published`"


def test_the_readme_is_read_in_a_minute_or_four():
    assert len(README.split()) <= 900


@pytest.mark.parametrize("name", TEXTS)
def test_what_a_text_names_is_there(name, monkeypatch):
    text, folder = TEXTS[name], (ROOT / name).parent
    for quoted in re.findall(
        r"(?:notebooks|params|profiles|fer_nb)/[\w./-]*\w", " ".join(re.findall(r"`[^`]+`", text))
    ):
        assert (ROOT / quoted).exists(), quoted
    for link in re.findall(r"\]\((?!http)([\w./-]+)\)", text):
        assert (folder / link).exists(), link
    monkeypatch.setattr(paths, "PARAMS", ROOT / "params")
    for named in re.findall(r"study=([\w-]+)", text):
        assert named in study.studies(), named


def test_every_promised_table_and_study_has_a_place_in_the_docs(monkeypatch):
    text = (ROOT / "docs/thesis.md").read_text()
    for name in (table for of in promised.TABLES.values() for names in of.values() for table in names):
        assert f"`{name}.csv`" in text, name
    monkeypatch.setattr(paths, "PARAMS", ROOT / "params")
    for name in study.studies():
        assert f"`{name}`" in text, name
