"""fer_nb.nas.searched: the tables of notebook 10, from fake run folders; expected numbers are worked out by hand."""

import json
from dataclasses import asdict, replace
from unittest.mock import MagicMock

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, recall_score

from fer_nb import intervals, paths
from fer_nb.data.faceset import FaceSet
from fer_nb.nas import luck, searched
from fer_nb.nets import genotypes, models
from fer_nb.nets.cells import SearchedNet
from fer_nb.study import Run, comparison_runs

CLASSES = ("A", "H")


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    for name in ("RUNS", "REPORTS", "PARAMS"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    (tmp_path / "params/tiny").mkdir(parents=True)


def fake(model, predicted, labels, rows=None, seed=0, dataset="ckplus-fold1"):
    """Write the predictions of a run; labels and predictions as strings of class names."""
    run = Run("tiny", dataset, model, seed)
    run.folder.mkdir(parents=True)
    rows = range(len(labels)) if rows is None else rows
    table = pd.DataFrame({"split": "test", "row": rows, "label": list(labels), "predicted": list(predicted)})
    table.to_csv(run.folder / "predictions.csv", index=False)
    (run.folder / "metrics.json").write_text(json.dumps(asdict(run)))
    return run


def faces(sequences, groups=None):
    n = len(sequences)
    images, labels = np.arange(n, dtype=np.uint8)[:, None, None].repeat(48, 1).repeat(48, 2), np.arange(n) % 2
    groups = np.full(n, "") if groups is None else np.array(groups)
    return FaceSet(images, labels, CLASSES, np.full(n, "train"), groups, np.array(sequences), np.arange(n))


def accuracies(runs, of):
    return searched.accuracy_table(runs, "ckplus-fold1", of, "lightResNetl").set_index("model")


def test_accuracy_table_takes_the_difference_over_sequences():
    labels = "A" * 24
    runs = [
        fake("EmoNAS", "A" * 18 + "H" * 6, labels),
        fake("EmoNAS", "A" * 24, labels, seed=1),
        fake("lightResNetl", "H" * 3 + "A" * 21, labels),
        fake("lightResNetl", "H" * 3 + "A" * 21, labels, seed=1),
        fake("lightResNetl", "H" * 24, labels, dataset="ferm"),  # of another data set: of no account here
    ]
    of_three = faces([f"s{i // 3}" for i in range(24)])
    table = accuracies(runs, of_three)
    assert list(table.index) == ["lightResNetl", "EmoNAS"]
    assert table["accuracy"].tolist() == [87.5, 87.5] and table["seeds"].tolist() == [2, 2]
    assert table.loc["EmoNAS", ["worst", "best"]].tolist() == [75, 100]
    assert table.loc["EmoNAS", ["low", "high"]].tolist() == pytest.approx(intervals.wilson(87.5, 8))
    assert table.loc["EmoNAS", "difference"] == 0 and np.isnan(table.loc["lightResNetl", "difference"])
    single = accuracies(runs, faces([""] * 24)).loc["EmoNAS"]
    wide, narrow = (row["difference_high"] - row["difference_low"] for row in (table.loc["EmoNAS"], single))
    assert single[["low", "high"]].tolist() == pytest.approx(intervals.wilson(87.5, 24))
    assert single["difference"] == 0 and wide > 1.4 * narrow > 0  # eight sequences in place of 24 pictures

    few = accuracies(runs, faces([f"s{i // 6}" for i in range(24)]))
    assert np.isnan(few.loc["EmoNAS", "difference_low"])  # four sequences have no interval


def test_accuracy_table_weighs_pictures_by_row_and_not_by_place():
    rows = [40, 41, 42, 10, 11, 12]
    runs = [fake("lightResNetl", "AAAHHH", "AAAAAA", rows), fake("EmoNAS", "AAAAAA", "AAAAAA", rows[::-1])]
    table = accuracies(runs, faces([f"s{i // 3}" for i in range(43)]))
    assert table["difference"].iloc[1] == pytest.approx(50)


def test_accuracy_table_without_the_reference_or_on_other_pictures():
    runs = [fake("EmoNAS", "AH", "AA"), fake("RandomNet", "AA", "AA")]
    table = accuracies(runs, faces(["", ""]))
    assert table["accuracy"].tolist() == [50, 100] and "difference" not in table
    runs.append(fake("lightResNetl", "AA", "AA", rows=[0, 2]))
    with pytest.raises(ValueError, match="EmoNAS and lightResNetl were measured on different pictures of ckplus-fold1"):
        accuracies(runs, faces(["", "", ""]))


def test_a_reference_that_is_not_trained_here_is_that_of_a_kept_study(tmp_path):
    folder = tmp_path / "reports/reference/hours/predictions"
    folder.mkdir(parents=True)
    kept = pd.DataFrame({"split": ["valid", "test", "test"], "row": [7, 0, 1], "label": ["H", "A", "H"]})
    kept.assign(predicted=["H", "H", "H"]).to_csv(folder / "ckplus-fold1-lightResNetl-seed0.csv.gz", index=False)
    runs, of = [fake("EmoNAS", "AH", "AH"), fake("RandomNet", "HA", "AH")], faces(["", ""])
    table = searched.accuracy_table(runs, "ckplus-fold1", of, "lightResNetl", ["other", "hours"])
    assert table["difference"].tolist() == [50, -50]
    assert table["reference"].tolist() == ["lightResNetl of hours"] * 2


def test_beside_table_sets_kept_nets_beside_ours(tmp_path):
    kept = tmp_path / "reports/reference/hours"
    kept.mkdir(parents=True)
    pd.DataFrame({"table": ["table-3-10"], "epochs": ["42"]}).to_csv(kept / "origins.csv", index=False)
    row = {"model": "VGG19", "accuracy": 75.0, "mean_per_class_accuracy": 70.0}
    pd.DataFrame([row]).to_csv(kept / "table-3-10.csv", index=False)
    own = pd.DataFrame([{"model": "EmoNAS", "accuracy": 50.0, "low": 40.0, "high": 60.0, "seeds": 1}])
    test = faces([""] * 16)
    test = {"ferm": FaceSet(**(vars(test) | {"split": np.full(16, "test")}))}
    table = searched.beside_table({"ferm": own}, ["hours"], test, "real")
    assert table[["model", "study", "accuracy"]].to_numpy().tolist() == [["EmoNAS", "", 50], ["VGG19", "hours", 75]]
    assert pd.isna(table["epochs"][0]) and table["epochs"][1] == 42
    assert table.loc[1, ["low", "high"]].tolist() == pytest.approx(intervals.wilson(75, 16))
    assert len(searched.beside_table({"ferm": own}, [], test, "synthetic")) == 1
    with pytest.raises(ValueError, match="beside: those nets were measured on real pictures"):
        searched.beside_table({"ferm": own}, ["hours"], test, "synthetic")


@pytest.mark.parametrize(
    ("wrong", "word"), [(3, "not significantly different from"), (0, "better than"), (20, "worse than")]
)
def test_against_and_its_sentence(wrong, word):
    """Of 24 pictures lightResNetl predicts 16 right, others than the searched net; two random nets 12 and 20."""
    labels, runs = "A" * 24, []
    for model, said in {"lightResNetl": 8, "EmoNAS": wrong, "RandomNet": 12, "RandomSearch": 4}.items():
        predicted = "A" * (24 - said) + "H" * said if model == "EmoNAS" else "H" * said + "A" * (24 - said)
        runs.append(fake(model, predicted, labels))
    others = "lightResNetl", ["RandomNet", "RandomSearch", "never trained"]
    table = searched.against(runs, "ckplus-fold1", faces([""] * 24), "EmoNAS", *others)
    assert table["reference"].tolist() == ["lightResNetl", "mean of RandomNet and RandomSearch"]
    assert table["difference"].tolist() == pytest.approx([100 * (8 - wrong) / 24] * 2)  # random: 8 wrong on average
    first, second = searched.against_sentence(table).removesuffix(".").split("; ")
    points = f"({100 * (8 - wrong) / 24:+.2f} [".replace("-", "−")
    assert first.startswith(f"On ckplus-fold1 EmoNAS is {word} lightResNetl {points}")
    assert second.startswith(f"on ckplus-fold1 EmoNAS is {word} mean of RandomNet and RandomSearch {points}")
    for name, trained in (("DARTS", runs), ("lightResNetl", runs[:1])):
        empty = searched.against(trained, "ckplus-fold1", faces([""] * 24), name, *others)
        assert empty.empty and searched.against_sentence(empty) == "There is no net to compare the searched net with."


def test_a_net_that_is_tested_on_pictures_of_its_search_is_named(tmp_path, monkeypatch):
    file = genotypes.save(
        tmp_path / "found.json", genotypes.KNOWN["PDARTS"], {"dataset": "ckplus-subject1", "data": "real"}
    )
    monkeypatch.setattr(luck, "searched_genotype", lambda *given: file)
    whole = faces([""] * 12)
    splits = {"ckplus-subject1": range(3), "ckplus-fold1": range(2, 6)}  # their test rows
    sets = {
        name: replace(whole, split=np.where(np.isin(whole.rows, of), "test", "train")) for name, of in splits.items()
    }
    monkeypatch.setattr(searched, "load", lambda name, data: sets[name])
    runs = [Run("tiny", name, "EmoNAS_16x6", seed) for name in splits for seed in (0, 1)]
    runs += [Run("tiny", "ckplus-fold1", "lightResNetl", 0), Run("tiny", "ferm", "lightResNetl", 0)]
    assert searched.seen_sentence(runs, sets | {"ferm": whole}, "real") == (
        "3 of 4 test pictures of ckplus-fold1 are in the train split of ckplus-subject1, on which the cells of "
        "EmoNAS_16x6 were searched: its accuracy may be too high."
    )
    runs = [Run("tiny", name, "EmoNAS_16x6", seed) for name in ("ferm", "fer2013") for seed in (0, 1)]
    assert searched.seen_sentence(runs, {"ferm": whole, "fer2013": whole}, "real") == (
        "The cells of EmoNAS_16x6 were searched on ckplus-subject1, not on ferm or fer2013; the source searches on each"
        " set."
    )
    for given in ((runs, {"ckplus-subject1": sets["ckplus-subject1"]}, "real"), (runs, sets, "synthetic")):
        assert searched.seen_sentence(*given).startswith("No search of a net here is known")


def fold(model, name, k, predicted, seed=0):
    """The run that holds subject ``k`` of three out: four clips each, one of them H."""
    rows = range(4 * k - 4, 4 * k)
    return fake(model, predicted, "AAAH", rows, seed, f"{name}-subject{k}")


def clips():
    return faces([f"c{i}" for i in range(12)], np.repeat(["s1", "s2", "s3"], 4))


def test_micro_table_pools_folds():
    predicted = ["AAAH", "AAAA", "HAAH"]
    runs = [fold("EmoNAS", "micro_dynamic", k, word) for k, word in enumerate(predicted, 1)]
    runs += [fold("EmoNAS", "micro_dynamic", k, "HHHA", seed=1) for k in (1, 2, 3)]  # the first seed counts
    runs.append(fake("EmoNAS", "AAAA", "AAAH"))  # no clips
    table = searched.micro_table(runs, {"micro_dynamic": clips()}).set_index("measure")
    truth, said = list("AAAH" * 3), list("".join(predicted))
    assert table.loc["accuracy", "value"] == pytest.approx(100 * 10 / 12)
    assert table.loc["UAR", "value"] == pytest.approx(100 * recall_score(truth, said, average="macro"))
    assert table.loc["UF1", "value"] == pytest.approx(100 * f1_score(truth, said, average="macro"))
    assert set(table["subjects"]) == {3} and set(table["clips"]) == {12} and set(table["model"]) == {"EmoNAS"}
    assert searched.micro_table(runs, {}).empty
    with pytest.raises(ValueError, match="no clip of class 'H'"):
        searched.micro_table([fake("VGG19", "AA", "AA", [0, 1], 0, "micro_apex-subject1")], {"micro_apex": clips()})


def test_micro_differences_are_of_the_same_clips():
    runs = [fold("EmoNAS", "micro_dynamic", k, "AAAH") for k in (3, 1, 2)]
    runs += [fold("EmoNAS", "micro_apex", k, "AAHH") for k in (1, 2, 3)]
    runs += [fold("EmoNAS", "samm_apex", k, "HHHA") for k in (1, 2, 3)]  # other clips: held against nothing
    table = searched.micro_differences(runs, {name: clips() for name in ("micro_dynamic", "micro_apex", "samm_apex")})
    assert table[["model", "first", "second"]].to_numpy().tolist() == [["EmoNAS", "micro_dynamic", "micro_apex"]]
    assert table["difference"].tolist() == [25] and table["low"].isna().all()  # three subjects have no interval


def test_notebook_10_scores_on_clips_the_nets_that_are_trained_on_all_of_them(tmp_path):
    """A net that `nets` trains on one of the folds stood beside them by one subject, and ended the notebook."""
    (tmp_path / "params/tiny/04_training.yaml").touch()
    of_nets, kinds = {"datasets": ["micro1_dynamic-subject1"], "nets": ["lightResNetl", "EmoNAS"]}, clips()
    names = of_nets | {"micro": ["micro1_dynamic", "micro1_apex"], "micro_nets": ["EmoNAS"], "subjects": 3}
    names |= {"study": "tiny", "data": "synthetic", "seeds": [0], "random_nets": 0, "searched": searched, "tables": {}}
    names |= {"comparison_runs": comparison_runs, "pd": pd, "load": lambda *_: kinds, "search_plots": MagicMock()}
    names |= {"save_table": lambda table, name, *_: names["tables"].update({name: table})}
    names |= dict.fromkeys(["display", "say", "save_figure"], lambda *_: None)
    fold("lightResNetl", "micro1_dynamic", 1, "AAAH")
    for name in names["micro"]:
        for k in (1, 2, 3):
            fold("EmoNAS", name, k, "AAAH")
    cells = json.loads((paths.NOTEBOOKS / "10_searched_networks.ipynb").read_text())["cells"]
    for cell in ("".join(cell["source"]) for cell in cells):
        if " comparison_runs(" in cell or "searched.micro_" in cell:
            exec(cell, names)
    assert set(names["tables"]["micro"]["model"]) == set(names["tables"]["micro-differences"]["model"]) == {"EmoNAS"}


def test_clip_panels_take_the_first_of_each_class():
    given = clips()
    panels = searched.clip_panels({"apex": given}, of_each=2)
    assert list(panels) == ["apex"] and list(panels["apex"]) == list(CLASSES)
    assert [int(picture[0, 0]) for picture in panels["apex"]["H"]] == [1, 3]


def test_cost_table(tmp_path, monkeypatch):
    asked = {}

    def measured(files, batch_size, seconds, repeats, runtimes):
        asked.update(files=files, rest=(batch_size, seconds, repeats, runtimes))
        table = pd.DataFrame({"model": reversed(files), "runtime": "ONNX Runtime", "latency_ms": 4.0})
        return table.assign(memory_mb=1.0, pictures_per_second=9.0)

    def exported(net, file):  # the exporter itself is slow, and tested in test_export.py
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(bytes(1000 * len(list(net.children()))))

    monkeypatch.setattr(searched.latency, "compare", measured)
    monkeypatch.setattr(searched.export, "export", exported)
    shape = {"channels": 4, "cells": 3, "stem_stride": 2}
    small = [genotypes.random(np.random.default_rng(0), nodes) for nodes in (1, 3)]
    for seed, genotype in enumerate(small):
        genotypes.save(tmp_path / f"reports/reference/emonas/genotypes/EmoNAS-seed{seed}.json", genotype, shape)
    runs = [Run("tiny", "ferm", name, seed) for name in ("lightResNetl", "EmoNAS") for seed in (0, 1)]
    table = searched.cost_table(runs, 7, tmp_path / "nets", 8, 0.5, 2)
    assert asked["rest"] == (8, 0.5, 2, ("ONNX Runtime",)) and list(asked["files"]) == ["lightResNetl", "EmoNAS"]
    assert table["model"].tolist() == ["lightResNetl", "EmoNAS"]
    nets = [models.build("lightResNetl"), SearchedNet(small[0], 7, **shape)]  # of each net the first seed's
    assert table["parameters"].tolist() == [sum(p.numel() for p in net.parameters()) for net in nets]
    assert (table["macs"] > table["parameters"]).all()
    held = [sum(value.nbytes for value in net.state_dict().values()) for net in nets]
    assert (1e6 * table["weights_mb"]).between(held, [size + 50_000 for size in held]).all()
    assert table["onnx_mb"].tolist() == [len(list(net.children())) / 1000 for net in nets]
    assert table["frames_per_second"].tolist() == [250, 250]  # ONNX Runtime's
