import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from finished_study import COMMIT, NET, executed, train
from safetensors.torch import load_file

from fer_nb import paths, study
from fer_nb.data.faceset import FER_CLASSES
from fer_nb.evaluation.calibration import Calibration, calibrate
from fer_nb.finished import read_predictions
from fer_nb.nas import luck
from fer_nb.nets import genotypes
from fer_nb.published import __main__, keep, origins
from fer_nb.published.card import model_card
from fer_nb.report.promised import TABLES
from fer_nb.training import weights

ROOT = Path(__file__).parents[2]


def fails(capsys, *arguments):
    """The one line with which the command fails, having written nothing."""
    before = {path: path.read_bytes() for path in paths.ROOT.rglob("*") if path.is_file()}
    with pytest.raises(SystemExit) as stopped:
        __main__.main(list(arguments))
    assert {path: path.read_bytes() for path in paths.ROOT.rglob("*") if path.is_file()} == before
    assert "\n" not in str(stopped.value.code)
    return stopped.value.code


def test_a_study_of_searches_alone_keeps_its_genotypes_and_stands_in_the_readme(tree, tensors):
    for path in (tree / "params/tiny").iterdir():
        if path.stem != "04_training":
            path.unlink()
    searches = "data: real\ndataset: ckplus-fold1\nsearches: [EmoNAS]\nseeds: [0]\n"
    compared = "data: real\ndatasets: [ckplus-fold1]\nnets: [lightResNetl, EmoNAS]\nmicro: []\nseeds: [0]\n"
    for name, text in {"09_architecture_search": searches, "10_searched_networks": compared}.items():
        (tree / f"params/tiny/{name}.yaml").write_text(text)
    file = study.genotype("tiny", "EmoNAS", 0)
    genotypes.save(file, genotypes.random(np.random.default_rng(0), 1), {"channels": 4, "cells": 3, "stem_stride": 2})
    measured = {
        "data": "ckplus-fold1",
        "accuracy": 90.0,
        "low": 85.0,
        "high": 95.0,
        "seeds": 1,
        "worst": 90.0,
        "best": 90.0,
    }
    nets = [
        {"model": "lightResNetl"},
        {
            "model": "EmoNAS",
            "reference": "lightResNetl",
            "difference": -2.0,
            "difference_low": -5.0,
            "difference_high": 1,
        },
    ]
    costs = [{"model": net["model"], "parameters": 200_000, "macs": 12_340_000, "latency_ms": 0.5} for net in nets]
    costs = [cost | {"memory_mb": 30.0, "frames_per_second": 1600.0} for cost in costs]
    executed("09_architecture_search", [("search", pd.DataFrame(costs))])
    accuracy = pd.DataFrame([net | measured for net in nets])
    gap = {"data": "ckplus-fold1", "model": "EmoNAS", "reference": "mean of RandomNet", "difference": 1.5}
    beside = pd.DataFrame([gap | {"low": -0.5, "high": 3}])
    saved = [("table-9", accuracy), ("table-9-against", beside), ("table-10", pd.DataFrame(costs))]
    nets = [("EmoNAS", 0, False, 90.0), ("Random1", 0, True, 85.0), ("Random2", 0, True, 95.0)]
    trained = pd.DataFrame(nets, columns=["model", "seed", "random", "accuracy"]).assign(data="ckplus-fold1")
    saved += [("table-9-genotypes", trained), ("table-9-random", luck.rank_table(trained))]
    executed("10_searched_networks", saved)
    shutil.rmtree(tree / "runs/tiny/04_training")
    for run in study.training_runs("tiny"):
        train(run, accuracy, tensors)
    __main__.main(["tiny"])
    folder = tree / "reports/reference/tiny"
    kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    names = {"origins", *(name for name, _ in saved), "search"}
    names |= {f"histories/{run.name}" for run in study.training_runs("tiny")}
    assert kept == {f"{name}.csv" for name in names} | {"genotypes/EmoNAS-seed0.json"}
    assert (folder / "genotypes/EmoNAS-seed0.json").read_bytes() == file.read_bytes()
    words = (
        "EmoNAS | tiny | 90.00 [85.00, 95.00] | −2.00 [−5.00, +1.00] to lightResNetl | 1 | 60 | 200,000 | 12.3 | 0.50 |"
    )
    assert words in (tree / "reports/reference/RESULTS.md").read_text()
    made = pd.read_csv(folder / "origins.csv", index_col="table")
    assert made["runs"].to_dict() == {"search": 0} | {name: 2 for name, _ in saved}
    words = "Study tiny: On ckplus-fold1 EmoNAS cannot be told from chance"
    assert words in (tree / "reports/reference/RESULTS.md").read_text()
    assert "on average 90.00% for 1 found net, 90.00% for 2 random ones" in (tree / "README.md").read_text()
    page = (tree / "reports/reference/index.html").read_text()
    assert 'src="figures/among-random-tiny.svg"' in page and 'href="tables/table-9-random-tiny.csv"' in page
    words = "- ckplus-fold1: EmoNAS minus the mean of RandomNet: +1.50 [−0.50, +3.00] points."
    assert words in (tree / "reports/reference/RESULTS.md").read_text()
    assert (
        "Cells that searches found or drew at random: [EmoNAS-seed0](tiny/genotypes/EmoNAS-seed0.json)."
        in keep.kept_readme()
    )


def test_what_is_kept_and_nothing_else(tree):
    __main__.main(["tiny"])
    folder = tree / "reports/reference/tiny"
    names = {"origins", "runs", "summary", "summary-counts", "receptive-field", "table-3-1", "table-3-2", "table-3-6"}
    names |= {
        "table-3-6-splits",
        "table-3-4",
        "table-3-7",
        "table-3-10",
        "table-3-10-protocol",
        "table-3-11",
        "calibration",
        "predictions/ferm-lightResNetl-seed0",
    }
    names |= {f"histories/{run.name}" for run in study.training_runs("tiny")}
    expected = {f"{name}.csv" for name in names | {"predictions/ferm-lightResNetl-seed1"}}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    expected |= {"weights/lightResNetl-ferm.safetensors", "metrics/ferm-lightResNetl-seed1.json"}
    assert found == expected  # of CK+ no picture's row
    assert (folder / "table-3-6.csv").read_bytes() == (tree / "reports/tiny/tables/table-3-6.csv").read_bytes()
    assert sorted(path.name for path in folder.parent.iterdir()) == [
        "MODEL_CARD.md",
        "README.md",
        "RESULTS.md",
        "figures",
        "index.html",
        "summary.svg",
        "tables",
        "tiny",
        "weights.sha256",
    ]


def test_a_study_is_kept_again_with_other_weights(tree):
    sums = weights.kept_sums()
    sums.parent.mkdir(parents=True)
    sums.write_text(f"{'0' * 64}  tiny/weights/lightResNetl-ferm.safetensors\n")  # of the weights before
    __main__.main(["tiny"])
    assert sums.read_text() == "".join(map(weights.digest_line, weights.kept_files()))


def test_a_table_that_is_gone_is_not_kept_on():
    keep.keep_study("tiny")
    executed("12_summary", [("summary", pd.DataFrame({"model": ["x"]}))])
    keep.keep_study("tiny")
    assert not (origins.kept_folder() / "tiny/summary-counts.csv").exists()


def test_predictions_are_kept_as_they_are_or_compressed(monkeypatch):
    first = study.evaluation_runs("tiny")[-2]
    plain = (first.folder / "predictions.csv").read_bytes()
    assert keep.kept_predictions(first) == ("predictions/ferm-lightResNetl-seed0.csv", plain)
    monkeypatch.setattr(keep, "PLAIN", 100)
    keep.keep_study("tiny")
    kept = origins.kept_folder() / "tiny/predictions/ferm-lightResNetl-seed0.csv.gz"
    assert kept.stat().st_size < len(plain) / 2
    pd.testing.assert_frame_equal(pd.read_csv(kept), pd.read_csv(first.folder / "predictions.csv"))
    before = kept.read_bytes()
    keep.keep_study("tiny")
    assert kept.read_bytes() == before


def test_weights_are_kept_in_half_precision_with_what_made_them(tensors):
    keep.keep_study("tiny")
    path = origins.kept_folder() / "tiny/weights/lightResNetl-ferm.safetensors"
    whole, half = load_file(tensors), load_file(path)
    assert path.stat().st_size < 0.52 * tensors.stat().st_size and whole.keys() == half.keys()
    for name, value in whole.items():
        assert half[name].dtype == (torch.float16 if value.is_floating_point() else value.dtype), name
        torch.testing.assert_close(half[name].to(value.dtype), value, rtol=5e-4, atol=3e-8)
    facts = weights.about(path)
    assert (facts["run"], facts["seed"], facts["epochs"]) == ("ferm-lightResNetl-seed0", 0, 2)
    assert (facts["classes"], facts["study"], facts["commit"]) == (list(FER_CLASSES), "tiny", COMMIT)
    assert (facts["valid_accuracy"], facts["test_accuracy"], facts["date"]) == (80.0, 75.0, "2026-11-20")
    assert facts["net"] == NET and facts["parameters"]["lr"] == 0.01 and facts["checksums"] == {"ck+/CK+48": "ab12"}
    valid = read_predictions(study.Run("tiny", "ferm", "lightResNetl", 0), "valid")
    assert Calibration(**facts["calibration"]) == calibrate(valid)
    before = path.read_bytes()
    keep.keep_study("tiny")
    assert path.read_bytes() == before


def test_a_weight_beyond_half_precision_stays_whole():
    kept = [keep._half(torch.tensor(value)) for value in ([1e6, 1.0], [1.0, -2.0], [3])]
    assert [value.dtype for value in kept] == [torch.float32, torch.float16, torch.int64]


def test_weights_of_other_data_are_refused():
    ckplus, _, _, _, ferm, _ = study.evaluation_runs("tiny")
    with pytest.raises(ValueError, match="only weights of nets on ferm and fer2013 are kept"):
        keep.packed_weights(ckplus)
    path = ferm.folder / "metrics.json"
    metrics = json.loads(path.read_text())
    path.write_text(json.dumps(metrics | {"parameters": {"data": "synthetic"}}))
    with pytest.raises(ValueError, match="ferm-lightResNetl-seed0 was not trained on the real data"):
        keep.packed_weights(ferm)
    path.write_text(json.dumps({name: value for name, value in metrics.items() if name != "parameters"}))
    with pytest.raises(ValueError, match=r"metrics\.json does not tell what made it: delete the folder"):
        keep.packed_weights(ferm)


def test_a_disk_that_fills_leaves_what_was_kept(tree, monkeypatch):
    keep.keep_study("tiny")
    before = {path: path.read_bytes() for path in origins.kept_folder().rglob("*") if path.is_file()}

    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        keep.keep_study("tiny")
    assert {path: path.read_bytes() for path in origins.kept_folder().rglob("*") if path.is_file()} == before


def test_drawn_faces_are_refused(capsys):
    executed("05_evaluation", data="synthetic")
    assert "05_evaluation.json: the notebook read drawn faces" in fails(capsys, "tiny")
    (paths.PARAMS / "tiny" / "12_summary.yaml").write_text("data: synthetic\n")
    assert "study tiny reads drawn faces, so its tables are no results" in fails(capsys, "tiny")


def test_what_is_missing_is_named_with_the_remedy(capsys):
    executed("12_summary", status="failed")
    assert "reports/tiny/12_summary.json is of a notebook that did not run to its end" in fails(capsys, "tiny")
    (paths.REPORTS / "tiny/12_summary.json").unlink()
    assert "12_summary.json is missing, so nothing tells what made the results" in fails(capsys, "tiny")
    (paths.REPORTS / "tiny/tables/table-3-7.csv").unlink()
    message = "fer_nb.published: study tiny has no table-3-7.csv: make it with `snakemake -c 2 --config study=tiny`"
    assert fails(capsys, "tiny") == message
    assert "no study 'tinny' under params/: did you mean tiny?" in fails(capsys, "tinny")
    (paths.ROOT / "README.md").write_text("# Title\n")
    assert "README.md: no line '<!-- findings" in fails(capsys)


def test_the_texts_beside_what_is_kept_are_made_from_it(monkeypatch):
    for name in ("PARAMS", "REPORTS"):
        monkeypatch.setattr(paths, name, ROOT / name.lower())
    assert (origins.kept_folder() / "README.md").read_text() == keep.kept_readme(), "run `python -m fer_nb.published`"
    path = origins.kept_folder() / "MODEL_CARD.md"
    assert (path.read_text() if path.exists() else "") == model_card(), "run `python -m fer_nb.published`"


def test_tables_of_notebooks_that_have_not_run_here_stay(tree, capsys):
    executed("06_mp_analysis", [(name, pd.DataFrame({"area": [25.0]})) for name in TABLES["06_mp_analysis"][""]])
    (tree / "params/tiny/06_mp_analysis.yaml").write_text("data: real\ndataset: ferm\nmodel: lightResNetl\n")
    folder = keep.keep_study("tiny")
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    executed("06_mp_analysis", [("mp", pd.DataFrame({"area": [26.0]}))])  # saved, but no manifest tells what made it
    (paths.REPORTS / "tiny/06_mp_analysis.json").unlink()
    keep.keep_study("tiny")
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    kept = folder / "weights/lightResNetl-ferm.safetensors"
    kept.write_bytes(kept.read_bytes() + b"of another run")
    message = fails(capsys, "tiny")
    assert "tiny/weights/lightResNetl-ferm.safetensors would change, which the kept tables of 06_mp_analysis" in message
    assert message.endswith("run that notebook here too")


def test_tables_about_weights_that_are_not_kept_do_not_stay(tree, capsys):
    executed("06_mp_analysis", [(name, pd.DataFrame({"area": [25.0]})) for name in TABLES["06_mp_analysis"][""]])
    (tree / "params/tiny/06_mp_analysis.yaml").write_text("data: real\ndataset: ckplus-fold1\nmodel: lightResNetl\n")
    keep.keep_study("tiny")
    (paths.REPORTS / "tiny/06_mp_analysis.json").unlink()
    assert "reports/tiny/06_mp_analysis.json is missing" in fails(capsys, "tiny")


def test_tables_of_training_runs_do_not_stay(capsys):
    keep.keep_study("tiny")
    (paths.REPORTS / "tiny/05_evaluation.json").unlink()
    assert "reports/tiny/05_evaluation.json is missing" in fails(capsys, "tiny")


def test_of_drawn_clips_the_tables_are_kept(tree, tensors):
    for path in (tree / "params/tiny").iterdir():
        path.unlink()
    (tree / "params/tiny/04_training.yaml").write_text("data: synthetic\nepochs: 60\n")
    clips = "datasets: [micro1_apex-subject1]\nclips: [micro1_apex]\nmicro: [micro1_apex]\nsubjects: 2\n"
    text = f"data: synthetic\nseeds: [0]\nnets: [lightResNetl]\nmicro_nets: [lightResNetl]\n{clips}"
    (tree / "params/tiny/10_searched_networks.yaml").write_text(text)
    scores = pd.DataFrame({"data": "micro1_apex", "model": "lightResNetl", "measure": ["accuracy", "UAR", "UF1"]})
    scores = scores.assign(value=[80.0, 70.0, 60.0], low=50.0, high=90.0, subjects=2, clips=18)
    given = {"datasets": ["micro1_apex-subject1"], "micro": ["micro1_apex"], "clips": ["micro1_apex"]}
    saved = [(name, pd.DataFrame({"model": ["lightResNetl"]})) for name in ("table-9", "table-10")]
    executed("10_searched_networks", [*saved, ("micro", scores)], data="synthetic", **given)
    shutil.rmtree(tree / "runs/tiny/04_training")
    for run in study.training_runs("tiny"):
        train(run, scores, tensors)
        metrics = json.loads((run.folder / "metrics.json").read_text()) | {"parameters": {"data": "synthetic"}}
        (run.folder / "metrics.json").write_text(json.dumps(metrics))
    __main__.main(["tiny"])
    folder = tree / "reports/reference/tiny"
    assert sorted(path.name for path in folder.iterdir()) == ["micro.csv", "origins.csv"]
    assert pd.read_csv(folder / "origins.csv").loc[0, ["table", "runs"]].tolist() == ["micro", 2]
    words = (
        "| micro1_apex | lightResNetl | tiny | 80.00 [50.00, 90.00] | 70.00 [50.00, 90.00] | 60.00 [50.00, 90.00] | 2 |"
    )
    assert words in (tree / "reports/reference/RESULTS.md").read_text()
    page = (tree / "reports/reference/index.html").read_text()
    assert 'src="figures/micro-tiny.svg"' in page and 'href="tables/micro-tiny.csv"' in page
