import json
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from fer_nb import origins, paths, reference, report, study, thesis

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODELS = ("lightResNetl", "ResNet18")
COMMIT = "0123456789abcdef0123456789abcdef01234567"

PARAMETERS = {
    "01_data_preparation": "data: real\ndatasets: [ckplus]\n",
    "03_models": "study: tiny\n",
    "04_training": "data: real\nepochs: 60\n",
    "05_evaluation": "data: real\nckplus: [lightResNetl, ResNet18]\nferm: [lightResNetl]\nseeds: [0, 1]\n",
    "12_summary": "data: real\n",
}


@pytest.fixture(autouse=True)
def tree(tmp_path, monkeypatch):
    """A checkout's folders with study ``tiny``, finished on real data: CK+ in full, FERm for two epochs."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    for name in ("PARAMS", "RUNS", "REPORTS"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    (paths.PARAMS / "tiny").mkdir(parents=True)
    for name, text in PARAMETERS.items():
        (paths.PARAMS / "tiny" / f"{name}.yaml").write_text(text)
    (tmp_path / "README.md").write_text(f"# Title\n\n{reference.START}\nold\n{reference.END}\n\nThe end.\n")
    finish()
    return tmp_path


def executed(stem, tables=(), data="real", status="ok"):
    """Write an executed notebook that saved these tables, as ``fer_nb.run`` leaves it."""
    shown = [report.save_table(table, name, "tiny") for name, table in tables]
    cells = [
        new_code_cell("show", outputs=[new_output("display_data", {"text/html": display.data})]) for display in shown
    ]
    record = {"notebook": stem.partition("-")[0], "status": status, "parameters": {"data": data}, "commit": COMMIT}
    record |= {"started": "2026-11-20T10:00:00+00:00", "device": "a desk, 2 cores", "checksums": {"ck+/CK+48": "ab12"}}
    path = paths.RUNS / "tiny" / "notebooks" / f"{stem}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells, metadata={"fer_nb": record}), path)


def accuracies(printed, models=MODELS):
    row = {"accuracy": 90.0, "low": 85.0, "high": 95.0, "mean_per_class_accuracy": 80.0, "seeds": 2}
    rows = [{"model": name, **row, "thesis_accuracy": printed[name]} for name in models]
    return pd.DataFrame(rows).assign(difference=lambda table: table["accuracy"] - table["thesis_accuracy"])


def finish():
    """The notebooks, tables and runs of study ``tiny``."""
    counts = pd.DataFrame({"split": ["train"], "Total": [882]})
    agreed = [("table-3-1", 8, 8, "none"), ("table-3-3", 24, 22, "valid Surprise: 415, printed 315 (a misprint)")]
    agreed = pd.DataFrame(agreed, columns=["table", "cells", "equal", "differing"])
    splits = {
        "model": "lightResNetl",
        "split": "folds by subject",
        "folds": 1,
        "accuracy": 88.0,
        "low": 86.0,
        "high": 90.0,
    }
    splits = pd.DataFrame([{**splits, "sequence_low": 84.0, "sequence_high": 91.0, "sequences": 327, "seeds": 2}])
    runs = [("ckplus-fold", "lightResNetl", 60), ("ckplus-fold", "ResNet18", 60)]
    runs += [("ckplus-subject", "lightResNetl", 12), ("ferm", "lightResNetl", 2)]
    runs = pd.DataFrame(runs, columns=["dataset", "model", "epochs"])
    evaluated = [("runs", runs), ("table-3-6", accuracies(thesis.TABLE_3_6)), ("table-3-6-splits", splits)]
    evaluated += [("table-3-7", counts), ("table-3-10", accuracies(thesis.TABLE_3_10, MODELS[:1]))]
    evaluated += [("table-3-11", counts)]
    executed("01_data_preparation", [("table-3-2", counts), ("data-files", counts)])
    executed("03_models", [("table-3-1", counts)])
    executed("05_evaluation", evaluated)
    executed("12_summary", [("summary", counts), ("summary-counts", agreed)])
    for run in study.plan("tiny"):
        executed(f"04_training-{run.name}", [(f"pictures-{run.name}", counts)])
        run.folder.mkdir(parents=True)
        metrics = {"epochs": 2 if run.dataset == "ferm" else 60, "seconds": 90.0, "device": "a board"}
        (run.folder / "metrics.json").write_text(json.dumps({**metrics, "precision": "bfloat16"}))
        (run.folder / "predictions.csv").write_text("side\n")


def fails(capsys, *arguments):
    """The one line with which the command fails, having written nothing."""
    before = {path: path.read_bytes() for path in paths.ROOT.rglob("*") if path.is_file()}
    with pytest.raises(SystemExit) as stopped:
        reference.main(list(arguments))
    assert {path: path.read_bytes() for path in paths.ROOT.rglob("*") if path.is_file()} == before
    assert "\n" not in str(stopped.value.code)
    return stopped.value.code


def test_tables_of_results_are_kept_and_nothing_else(tree):
    reference.main(["tiny"])
    folder = tree / "reports/reference/tiny"
    names = {"origins", "runs", "summary", "summary-counts", "table-3-1", "table-3-2", "table-3-6", "table-3-6-splits"}
    assert {path.name for path in folder.iterdir()} == {
        f"{name}.csv" for name in names | {"table-3-7", "table-3-10", "table-3-11"}
    }
    assert (folder / "table-3-6.csv").read_bytes() == (tree / "reports/tiny/tables/table-3-6.csv").read_bytes()
    assert sorted(path.name for path in folder.parent.iterdir()) == ["README.md", "tiny"]


def test_each_table_says_what_made_it():
    made = origins.origins("tiny").set_index("table")
    row = made.loc["table-3-10"]
    assert (row["notebook"], row["date"], row["commit"]) == ("05_evaluation", "2026-11-20", "0123456789")
    assert (row["runs"], row["epochs"], row["minutes"], row["precision"]) == (2, "2", 3.0, "bfloat16")
    assert (row["device"], row["data"]) == ("a board", "ck+/CK+48 ab12")
    assert made.loc["runs", "epochs"] == "60; 2"
    assert (made.loc["table-3-2", "runs"], made.loc["table-3-2", "device"]) == (0, "a desk, 2 cores")
    reference.keep("tiny")
    text = (reference.home() / "README.md").read_text()
    assert "`snakemake -c 2 --config study=tiny`" in text and "- `ck+/CK+48`: ab12" in text
    line = "| [table-3-10](tiny/table-3-10.csv) | 05_evaluation | 2026-11-20 | 0123456789 | 2 | 2 | 3 min 00 s |"
    assert f"{line} 0123456789 | a board | bfloat16 |" in text


def test_a_table_that_is_gone_is_not_kept_on():
    reference.keep("tiny")
    executed("12_summary", [("summary", pd.DataFrame({"model": ["x"]}))])
    reference.keep("tiny")
    assert not (reference.home() / "tiny/summary-counts.csv").exists()


def test_results_stand_beside_the_thesis():
    reference.keep("tiny")
    text = reference.results()
    measured = "90.00 [85.00, 95.00] | 80.00 | 2"
    assert f"| CK+ | ResNet18 | tiny | {measured} | 60 | 94.95 | −4.95 | within the interval |" in text
    assert f"| CK+ | lightResNetl | tiny | {measured} | 60 | 100.00 | −10.00 | below |" in text
    assert f"| FERm | lightResNetl | tiny | {measured} | 2 | 88.11 | +1.89 | 2 of 200 epochs: not comparable |" in text
    assert len(re.findall(r"\| FER2013 \| \w+ \| – .* \| not run \|", text)) == len(thesis.MODELS)
    assert "- Table 3-1: 8 of 8 cells are as the thesis prints them.\n" in text
    assert "22 of 24 cells are as the thesis prints them. The others: valid Surprise: 415, printed 315 (a misp" in text
    assert "| lightResNetl | folds by subject | tiny | 1 | 88.00 [84.00, 91.00] | 327 | 12 |" in text


def test_only_the_part_between_the_marks_is_written(tree):
    reference.main(["tiny"])
    text = (tree / "README.md").read_text()
    assert text == f"# Title\n\n{reference.START}\n{reference.results()}\n{reference.END}\n\nThe end.\n"
    reference.main([])
    assert (tree / "README.md").read_text() == text


def test_drawn_faces_are_refused(capsys):
    executed("05_evaluation", data="synthetic")
    assert "05_evaluation.ipynb read drawn faces" in fails(capsys, "tiny")
    (paths.PARAMS / "tiny" / "12_summary.yaml").write_text("data: synthetic\n")
    assert "study tiny reads drawn faces, so its tables are no results" in fails(capsys, "tiny")


def test_what_is_missing_is_named_with_the_remedy(capsys):
    executed("12_summary", status="failed")
    assert "no runs/tiny/notebooks/12_summary.ipynb that ran to its end" in fails(capsys, "tiny")
    (paths.REPORTS / "tiny/tables/table-3-7.csv").unlink()
    message = "fer_nb.reference: study tiny has no table-3-7.csv: make it with `snakemake -c 2 --config study=tiny`"
    assert fails(capsys, "tiny") == message
    assert "no study 'tinny' under params/: did you mean tiny?" in fails(capsys, "tinny")
    (paths.ROOT / "README.md").write_text("# Title\n")
    assert "README.md: no line '<!-- results" in fails(capsys)


def test_the_readme_has_the_results_of_what_is_kept(monkeypatch):
    monkeypatch.setattr(paths, "REPORTS", ROOT / "reports")
    part = README.partition(reference.START)[2].partition(reference.END)[0]
    assert part.strip() == reference.results(), "run `python -m fer_nb.reference`"


def test_what_the_readme_names_is_there(monkeypatch):
    quoted = re.findall(r"(?:notebooks|params|profiles)/[\w./-]*\w", " ".join(re.findall(r"`[^`]+`", README)))
    for name in [*quoted, *re.findall(r"\]\((?!http)([\w./-]+)\)", README)]:
        assert (ROOT / name).exists(), name
    monkeypatch.setattr(paths, "PARAMS", ROOT / "params")
    for name in re.findall(r"study=(\w+)", README):
        assert name in study.studies(), name
    for name in (table for of in study.TABLES.values() for tables in of.values() for table in tables):
        assert f"`{name}.csv`" in README, name
