import ast
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook, new_output
from safetensors.torch import load_file, save_file

from fer_nb import paths, study
from fer_nb.data.faceset import CK_CLASSES, FER_CLASSES
from fer_nb.evaluation import thesis
from fer_nb.nets import device, genotypes, models
from fer_nb.published import __main__, keep, origins, readme
from fer_nb.published.card import model_card
from fer_nb.report import manifest, promised, save
from fer_nb.training import weights

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODELS = ("lightResNetl", "ResNet18")
COMMIT = "0123456789abcdef0123456789abcdef01234567"

PARAMETERS = {
    "01_data_preparation": "data: real\ndatasets: [ckplus]\n",
    "02_ferm_construction": "data: real\n",
    "03_models": "",
    "04_training": "data: real\nepochs: 60\n",
    "05_evaluation": "data: real\nckplus: [lightResNetl, ResNet18]\nferm: [lightResNetl]\nseeds: [0, 1]\n",
    "12_summary": "data: real\n",
}


@pytest.fixture(autouse=True)
def tree(tmp_path, monkeypatch, tensors):
    """A checkout's folders with study ``tiny``, finished on real data: CK+ in full, FERm for two epochs."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    for name in ("PARAMS", "RUNS", "REPORTS"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    (paths.PARAMS / "tiny").mkdir(parents=True)
    for name, text in PARAMETERS.items():
        (paths.PARAMS / "tiny" / f"{name}.yaml").write_text(text)
    (tmp_path / "README.md").write_text(f"# Title\n\n{readme.START}\nold\n{readme.END}\n\nThe end.\n")
    finish(tensors)
    return tmp_path


@pytest.fixture(scope="session")
def tensors(tmp_path_factory):
    """A file with weights of lightResNetl."""
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    torch.manual_seed(0)
    save_file(models.build("lightResNetl").state_dict(), path)
    return path


def executed(stem, tables=(), data="real", status="ok", **parameters):
    """Save these tables and write the manifest of the page that shows them."""
    shown = [save.save_table(table, name, "tiny") for name, table in tables]
    outputs = [
        new_output("display_data", {"text/html": one.data}, metadata={"text/html": one.metadata}) for one in shown
    ]
    record = {"notebook": stem.partition("-")[0], "status": status, "commit": COMMIT}
    record["parameters"] = {"data": data, **parameters}
    record |= {"started": "2026-11-20T10:00:00+00:00", "device": "a desk, 2 cores", "checksums": {"ck+/CK+48": "ab12"}}
    node = new_notebook(cells=[new_code_cell("show", outputs=outputs)], metadata={"fer_nb": record})
    path = manifest.manifest_path("tiny", stem)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(manifest.make_manifest(node, "tiny", stem)))


def accuracies(printed, models=MODELS):
    row = {"accuracy": 90.0, "low": 85.0, "high": 95.0, "mean_per_class_accuracy": 80.0, "seeds": 2}
    rows = [{"model": name, **row, "thesis_accuracy": printed[name]} for name in models]
    return pd.DataFrame(rows).assign(difference=lambda table: table["accuracy"] - table["thesis_accuracy"])


def finish(tensors):
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
    protocol = {"model": "lightResNetl", "accuracy": 90.0, "without_repeats": 88.5, "repeats": 3}
    evaluated += [("table-3-10-protocol", pd.DataFrame([protocol])), ("table-3-11", counts)]
    executed("01_data_preparation", [("table-3-2", counts), ("data-files", counts)])
    ferm = pd.DataFrame(thesis.TABLE_3_4).T.rename_axis("split")
    executed("02_ferm_construction", [("table-3-4", ferm)])
    executed("03_models", [("table-3-1", counts)])
    executed("05_evaluation", evaluated)
    executed("12_summary", [("summary", counts), ("summary-counts", agreed)])
    for run in study.evaluation_runs("tiny"):
        train(run, counts, tensors)


def train(run, counts, tensors):
    """What a finished run leaves: of four test pictures of a class it predicts three right."""
    executed(f"04_training-{run.name}", [(f"pictures-{run.name}", counts)], lr=0.01, pool="global", seed=run.seed)
    run.folder.mkdir(parents=True)
    metrics = {"study": "tiny", "dataset": run.dataset, "model": run.model, "seed": run.seed, "precision": "bfloat16"}
    metrics |= {"epochs": 2 if run.dataset == "ferm" else 60, "selected_epoch": 2, "seconds": 90.0, "device": "a board"}
    (run.folder / "metrics.json").write_text(json.dumps({**metrics, "valid_accuracy": 80.0, "test_accuracy": 75.0}))
    shutil.copy(tensors, run.folder / "weights.safetensors")
    classes = FER_CLASSES if run.dataset == "ferm" else CK_CLASSES
    labels = np.tile(classes, 4)
    predicted = labels.copy()
    predicted[:6], predicted[7] = "Happy", "Sad"  # of the first six classes one wrong (Happy none), of Angry two
    table = pd.DataFrame({"split": "test", "row": range(len(labels)), "label": labels, "predicted": predicted})
    table[list(classes)] = (np.array(classes) == predicted[:, None]).astype(float)
    table.to_csv(run.folder / "predictions.csv", index=False, float_format="%.5f")


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
    measured = {"data": "ckplus-fold1", "accuracy": 90.0, "low": 85.0, "high": 95.0, "seeds": 1}
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
    executed("09_architecture_search", [("search", pd.DataFrame(costs))])
    accuracy = pd.DataFrame([net | measured for net in nets])
    gap = {"data": "ckplus-fold1", "model": "EmoNAS", "reference": "mean of RandomNet", "difference": 1.5}
    beside = pd.DataFrame([gap | {"low": -0.5, "high": 3}])
    saved = [("table-9", accuracy), ("table-9-against", beside), ("table-10", pd.DataFrame(costs))]
    executed("10_searched_networks", saved)
    shutil.rmtree(tree / "runs/tiny/04_training")
    for run in study.training_runs("tiny"):
        train(run, accuracy, tensors)
    __main__.main(["tiny"])
    folder = tree / "reports/reference/tiny"
    kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert kept == {"origins.csv", "search.csv", "table-9.csv", "table-9-against.csv", "table-10.csv"} | {
        "genotypes/EmoNAS-seed0.json"
    }
    assert (folder / "genotypes/EmoNAS-seed0.json").read_bytes() == file.read_bytes()
    words = (
        "EmoNAS | tiny | 90.00 [85.00, 95.00] | −2.00 [−5.00, +1.00] to lightResNetl | 1 | 60 | 200,000 | 12.3 | 0.50 |"
    )
    assert words in (tree / "README.md").read_text()
    made = pd.read_csv(folder / "origins.csv", index_col="table")
    assert made["runs"].to_dict() == {"search": 0, "table-9": 2, "table-9-against": 2, "table-10": 2}
    words = "- ckplus-fold1: EmoNAS minus the mean of RandomNet: +1.50 [−0.50, +3.00] points."
    assert words in (tree / "README.md").read_text()
    assert "Cells that searches found: [EmoNAS-seed0](tiny/genotypes/EmoNAS-seed0.json)." in keep.kept_readme()


def test_what_is_kept_and_nothing_else(tree):
    __main__.main(["tiny"])
    folder = tree / "reports/reference/tiny"
    names = {"origins", "runs", "summary", "summary-counts", "table-3-1", "table-3-2", "table-3-6", "table-3-6-splits"}
    names |= {
        "table-3-4",
        "table-3-7",
        "table-3-10",
        "table-3-10-protocol",
        "table-3-11",
        "predictions/ferm-lightResNetl-seed0",
    }
    expected = {f"{name}.csv" for name in names | {"predictions/ferm-lightResNetl-seed1"}}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == expected | {"weights/lightResNetl-ferm.safetensors"}  # of CK+ nothing but tables
    assert (folder / "table-3-6.csv").read_bytes() == (tree / "reports/tiny/tables/table-3-6.csv").read_bytes()
    assert sorted(path.name for path in folder.parent.iterdir()) == ["MODEL_CARD.md", "README.md", "tiny"]


def test_each_table_says_what_made_it():
    made = origins.origins_table("tiny").set_index("table")
    row = made.loc["table-3-10"]
    assert (row["notebook"], row["date"], row["commit"]) == ("05_evaluation", "2026-11-20", "0123456789")
    assert (row["runs"], row["epochs"], row["minutes"], row["precision"]) == (2, "2", 3.0, "bfloat16")
    assert (row["device"], row["data"]) == ("a board", "ck+/CK+48 ab12")
    assert made.loc["runs", "epochs"] == "60; 2"
    assert (made.loc["table-3-2", "runs"], made.loc["table-3-2", "device"]) == (0, "a desk, 2 cores")
    __main__.main(["tiny"])
    text = (origins.kept_folder() / "README.md").read_text()
    assert "`snakemake -c 2 --config study=tiny`" in text and "- `ck+/CK+48`: ab12" in text
    line = "| [table-3-10](tiny/table-3-10.csv) | 05_evaluation | 2026-11-20 | 0123456789 | 2 | 2 | 3 min 00 s |"
    assert f"{line} 0123456789 | a board | bfloat16 |" in text


def test_the_runs_of_an_ablation_are_behind_its_table_alone():
    light, other = study.Run("tiny", "ferm", "lightResNetl", 0), study.Run("tiny", "ferm", "ResNet18", 0)
    changed = replace(light, change="without-ema")
    runs = [light, other, changed]
    assert origins.runs_behind("ablation", runs) == [light, changed]
    assert origins.runs_behind("table-3-10-classes", runs) == origins.runs_behind("summary", runs) == [light, other]


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
    assert facts["parameters"]["lr"] == 0.01 and facts["checksums"] == {"ck+/CK+48": "ab12"}
    before = path.read_bytes()
    keep.keep_study("tiny")
    assert path.read_bytes() == before


def test_a_weight_beyond_half_precision_stays_whole():
    kept = [keep._half(torch.tensor(value)) for value in ([1e6, 1.0], [1.0, -2.0], [3])]
    assert [value.dtype for value in kept] == [torch.float32, torch.float16, torch.int64]


def test_weights_of_other_data_are_refused():
    ckplus, _, _, _, ferm, _ = study.evaluation_runs("tiny")
    with pytest.raises(ValueError, match="ckplus-fold1-lightResNetl-seed0: only weights of nets on FERm are kept"):
        keep.packed_weights(ckplus)
    executed(f"04_training-{ferm.name}", data="synthetic")
    with pytest.raises(ValueError, match=r"ferm-lightResNetl-seed0\.json: the notebook read drawn faces"):
        keep.packed_weights(ferm)
    executed(f"04_training-{ferm.name}", data="other")
    with pytest.raises(ValueError, match="ferm-lightResNetl-seed0 was not trained on the real data"):
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


def test_the_model_card_says_what_was_measured(tree):
    __main__.main(["tiny"])
    text = (origins.kept_folder() / "MODEL_CARD.md").read_text()
    assert text.startswith("# Model card: lightResNetl, trained on FERm\n")
    sections = re.findall(r"^## (.*)", text, re.MULTILINE)
    assert sections[:3] == ["Model details", "Intended use", "Factors"] and len(sections) == 9
    assert "2,678,087 parameters" in text and "(tiny/weights/lightResNetl-ferm.safetensors), 5.4 MB" in text
    assert (
        "seed 0, commit 0123456789, in 1 min 30 s\n  on a board in bfloat16" in text and "- `ck+/CK+48`: ab12\n" in text
    )
    assert "| lightResNetl | 78.57 [60.46, 89.79] | 78.57 | 28 | 90.00 | 2 | 88.11 |" in text
    assert (
        "on which it was trained; without them the accuracy over the study's seeds is\n  88.50% instead of 90.00%."
        in text
    )
    assert "The test split of FERm (3,153 pictures)" in text and "| valid | 287 | 37 |" in text
    assert "trained for 2 epochs, the thesis's for 200: the two accuracies are not comparable" in text
    assert "weakest class is Angry (lightResNetl: 50.0% of" in text
    assert "| lr | 0.01 |\n" in text and "| epochs | 2 |" in text and "\n| seed |" not in text
    rows = re.findall(r"^\| (\w+) \| ([\d.]+) \[.*\] \| 4 \| (.*) \|$", text, re.MULTILINE)
    assert rows[0][:2] == ("Angry", "50.00") and {row[0] for row in rows} == set(FER_CLASSES)
    assert [float(row[1]) for row in rows] == sorted(float(row[1]) for row in rows)
    assert ("Disgust", "75.00", "Happy (25.0%)") in rows and ("Happy", "100.00", "–") in rows
    assert "[MODEL_CARD.md](MODEL_CARD.md)" in (origins.kept_folder() / "README.md").read_text()
    for link in re.findall(r"\]\((?!http|\.\./)([^)]+)\)", text):
        assert (origins.kept_folder() / link).exists(), link


def test_the_code_in_the_model_card_runs(tree, monkeypatch, capsys):
    keep.keep_study("tiny")
    monkeypatch.chdir(tree)
    monkeypatch.setattr(device, "bfloat16_is_faster", lambda: False)  # measuring takes a minute on some processors
    cv2.imwrite("face.png", np.random.default_rng(0).integers(0, 256, (90, 70), dtype=np.uint8))
    exec("".join(re.findall(r"```python\n(.*?)```", model_card(), re.DOTALL)), {})
    torch_scores, onnx_scores = (ast.literal_eval(line) for line in capsys.readouterr().out.splitlines()[-2:])
    assert tuple(torch_scores) == tuple(onnx_scores) == FER_CLASSES
    assert sum(onnx_scores.values()) == pytest.approx(1, abs=1e-5)
    assert list(torch_scores.values()) == pytest.approx(list(onnx_scores.values()), abs=1e-4)


def test_without_weights_there_is_no_card(tree):
    __main__.main(["tiny"])
    shutil.rmtree(origins.kept_folder() / "tiny/weights")
    __main__.main([])
    assert not (origins.kept_folder() / "MODEL_CARD.md").exists()
    assert "MODEL_CARD" not in (origins.kept_folder() / "README.md").read_text()


def test_results_stand_beside_the_thesis():
    keep.keep_study("tiny")
    text = readme.results_text()
    measured = "90.00 [85.00, 95.00] | 80.00 | 2"
    assert f"| CK+ | ResNet18 | tiny | {measured} | 60 | 94.95 | −4.95 | within the interval |" in text
    assert f"| CK+ | lightResNetl | tiny | {measured} | 60 | 100.00 | −10.00 | below |" in text
    assert f"| FERm | lightResNetl | tiny | {measured} | 2 | 88.11 | +1.89 | 2 of 200 epochs: not comparable |" in text
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
    assert "README.md: no line '<!-- results" in fails(capsys)


def test_the_readme_has_the_results_of_what_is_kept(monkeypatch):
    monkeypatch.setattr(paths, "REPORTS", ROOT / "reports")
    part = README.partition(readme.START)[2].partition(readme.END)[0]
    assert part.strip() == readme.results_text(), "run `python -m fer_nb.published`"


def test_the_texts_beside_what_is_kept_are_made_from_it(monkeypatch):
    monkeypatch.setattr(paths, "REPORTS", ROOT / "reports")
    assert (origins.kept_folder() / "README.md").read_text() == keep.kept_readme(), "run `python -m fer_nb.published`"
    path = origins.kept_folder() / "MODEL_CARD.md"
    assert (path.read_text() if path.exists() else "") == model_card(), "run `python -m fer_nb.published`"


def test_what_the_readme_names_is_there(monkeypatch):
    quoted = re.findall(r"(?:notebooks|params|profiles)/[\w./-]*\w", " ".join(re.findall(r"`[^`]+`", README)))
    for name in [*quoted, *re.findall(r"\]\((?!http)([\w./-]+)\)", README)]:
        assert (ROOT / name).exists(), name
    monkeypatch.setattr(paths, "PARAMS", ROOT / "params")
    for name in re.findall(r"study=(\w+)", README):
        assert name in study.studies(), name
    for name in (table for of in promised.TABLES.values() for names in of.values() for table in names):
        assert f"`{name}.csv`" in README, name
