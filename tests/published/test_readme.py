import re
from pathlib import Path

from fer_nb import paths, study
from fer_nb.evaluation import thesis
from fer_nb.published import __main__, keep, readme
from fer_nb.report import promised

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_results_stand_beside_the_thesis():
    keep.keep_study("tiny")
    text = readme.results_text()
    measured = "90.00 [85.00, 95.00] | 80.00 | 2"
    assert f"| CK+ | ResNet18 | tiny | {measured} | 60 | 1.5 | 94.95 | −4.95 | within the interval |" in text
    assert f"| CK+ | lightResNetl | tiny | {measured} | 60 | 1.5 | 100.00 | −10.00 | below |" in text
    assert (
        f"| FERm | lightResNetl | tiny | {measured} | 2 | 1.5 | 88.11 | +1.89 | within the interval, 2 of 200 epochs |"
        in text
    )
    assert len(re.findall(r"\| FER2013 \| \w+ \| – .* \| not run \|", text)) == len(thesis.MODELS)
    assert "- Table 3-1: 8 of 8 cells are as the thesis prints them.\n" in text
    assert "22 of 24 cells are as the thesis prints them. The others: valid Surprise: 415, printed 315 (a misp" in text
    assert "| lightResNetl | folds by subject | tiny | 1 | 88.00 [84.00, 91.00] | 327 | 12 |" in text


def test_only_the_part_between_the_marks_is_written(tree):
    __main__.main(["tiny"])
    text = (tree / "README.md").read_text()
    assert text == f"# Title\n\n{readme.START}\n{readme.results_text()}\n{readme.END}\n\nThe end.\n"
    __main__.main([])
    assert (tree / "README.md").read_text() == text


def test_the_readme_has_the_results_of_what_is_kept(monkeypatch):
    monkeypatch.setattr(paths, "REPORTS", ROOT / "reports")
    part = README.partition(readme.START)[2].partition(readme.END)[0]
    assert part.strip() == readme.results_text(), "run `python -m fer_nb.published`"


def test_what_the_readme_names_is_there(monkeypatch):
    quoted = re.findall(r"(?:notebooks|params|profiles)/[\w./-]*\w", " ".join(re.findall(r"`[^`]+`", README)))
    for name in [*quoted, *re.findall(r"\]\((?!http)([\w./-]+)\)", README)]:
        assert (ROOT / name).exists(), name
    monkeypatch.setattr(paths, "PARAMS", ROOT / "params")
    for name in re.findall(r"study=(\w+)", README):
        assert name in study.studies(), name
    for name in (table for of in promised.TABLES.values() for names in of.values() for table in names):
        assert f"`{name}.csv`" in README, name
