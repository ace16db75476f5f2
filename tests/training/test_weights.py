import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from fer_nb import paths
from fer_nb.data import datasets
from fer_nb.nets import by_name, genotypes, models
from fer_nb.study import Run
from fer_nb.training import predict, weights

ROOT = Path(__file__).parents[2]
CLASSES = ["Angry", "Happy", "Neutral"]
KEPT = sorted((ROOT / "reports" / "reference").glob("*/weights/*.safetensors"))


@pytest.fixture(autouse=True)
def tree(tmp_path, monkeypatch):
    for name in ("PARAMS", "RUNS", "REPORTS"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    return tmp_path


def net(seed=0, model="lightResNetl", **architecture):
    torch.manual_seed(seed)
    return models.build(model, len(CLASSES), **architecture).eval()


def keep(study, of, valid_accuracy=80.0, dataset="ferm", **given):
    """A file of weights as fer_nb.published keeps it."""
    model = of.description["model"] if hasattr(of, "description") else "lightResNetl"
    path = paths.REPORTS / "reference" / study / "weights" / f"{model}-{dataset}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.half() if value.is_floating_point() else value for name, value in of.state_dict().items()}
    facts = {"model": model, "dataset": dataset, "classes": CLASSES, "valid_accuracy": valid_accuracy}
    facts |= {"net": of.description} if hasattr(of, "description") else {"parameters": given}
    save_file(tensors, path, {"fer_nb": json.dumps(facts)})
    return path


def logits(of):
    pictures = np.random.default_rng(0).integers(0, 256, (2, 48, 48), dtype=np.uint8)
    return predict.predict(of, pictures, crops=1, precision="float32")


def test_a_released_net_is_ready_to_use():
    kept = net()
    keep("ferm", kept)
    found, classes = weights.released("lightResNetl")
    assert classes == tuple(CLASSES) and not found.training
    assert {value.dtype for value in found.parameters()} == {torch.float32}
    torch.testing.assert_close(logits(found), logits(kept), rtol=5e-3, atol=5e-3)  # float16 has 11 bits


def test_the_best_on_the_validation_split_is_taken():
    nets = {"ferm": (net(1), 87.5), "improved": (net(2), 89.5), "short": (net(3), 60.0)}
    for study, (of, accuracy) in nets.items():
        keep(study, of, accuracy)
    assert weights.released_file("lightResNetl").parts[-3] == "improved"
    torch.testing.assert_close(logits(weights.released("lightResNetl")[0]), logits(net(2)), rtol=5e-3, atol=5e-3)


def test_each_data_set_has_its_own_net():
    keep("hours", net(1), 60.0)
    keep("hours", net(2), 70.0, "fer2013")
    assert weights.released_file("lightResNetl").name == "lightResNetl-ferm.safetensors"
    assert weights.released_file("lightResNetl", "fer2013").name == "lightResNetl-fer2013.safetensors"
    with pytest.raises(FileNotFoundError, match=r"'lightResNetl' on 'ckplus' .* on ferm or fer2013"):
        weights.released("lightResNetl", "ckplus")


def test_a_found_net_is_named_without_its_size():
    keep("hours", net())
    assert weights.kept_nets() == ["lightResNetl"] and weights.kept_nets("fer2013") == []
    cells = by_name.searched(genotypes.KNOWN["PDARTS"], 8, 5, 2)
    for size, accuracy in ((8, 80.0), (12, 85.0)):
        described = {"model": f"EmoNAS_{size}x5", "classes": len(CLASSES)} | cells | {"channels": size}
        keep("searched", by_name.build_described(described), accuracy)
    assert weights.kept_nets() == ["lightResNetl", "EmoNAS"]
    assert weights.released("EmoNAS")[0].description["channels"] == 12


def test_the_net_is_built_as_it_was_trained():
    keep("ferm", net(block_relu=True), pool="global", block_relu=True, lr=0.01)
    torch.testing.assert_close(
        logits(weights.released("lightResNetl")[0]), logits(net(block_relu=True)), rtol=5e-3, atol=5e-3
    )
    assert (logits(net(block_relu=True)) - logits(net())).abs().max() > 0.05


def test_what_is_not_kept_is_named_with_the_remedy():
    with pytest.raises(FileNotFoundError, match=r"'lightResNetl' on 'ferm' are kept.*fer_nb\.published STUDY"):
        weights.released("lightResNetl")
    keep("ferm", net())
    with pytest.raises(FileNotFoundError, match=r"'VGG19' on 'ferm' are kept .* lightResNetl, lightResNetm, EmoNAS"):
        weights.released("VGG19")


@pytest.mark.parametrize("damage", ["cut", "pointer", "no header", "other header"])
def test_a_damaged_file_is_named(damage):
    path = keep("ferm", net())
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    elif damage == "pointer":
        path.write_text("version https://git-lfs.github.com/spec/v1\n")
    else:
        save_file(load_file(path), path, None if damage == "no header" else {"fer_nb": "{"})
    with pytest.raises(ValueError, match=r"lightResNetl-ferm\.safetensors: no weights as fer_nb keeps them: restore"):
        weights.released("lightResNetl")


@pytest.mark.parametrize(
    "given",
    [{"model": "lightResNetl", "block_relu": True}, {"model": "ResNet18", "pool": "4x4"}, {"model": "EmoNAS"}],
)
def test_the_net_of_a_finished_run_is_built_as_it_was_trained(given):
    """Whatever the study's parameters and genotypes say today: there are none."""
    run = Run("tiny", "ferm", given["model"], 0)
    (paths.PARAMS / "tiny").mkdir(parents=True)
    (paths.PARAMS / "tiny" / "04_training.yaml").write_text("")
    with pytest.raises(FileNotFoundError, match=r"of study tiny has no metrics\.json"):
        weights.trained(run)
    cell = {"normal": [["skip_connect", 0], ["max_pool_3x3", 1]], "normal_concat": [2]}
    cell |= {"reduce": [["max_pool_3x3", 0], ["skip_connect", 1]], "reduce_concat": [2]}
    if given["model"] == "EmoNAS":
        given = given | {"genotype": cell, "channels": 4, "cells": 3, "stem_stride": 2}
    torch.manual_seed(0)
    of = by_name.build_described({"classes": 3, "pool": "global", "block_relu": False} | given)
    run.folder.mkdir(parents=True)
    weights.save_weights(run.folder / "weights.safetensors", of, CLASSES)
    (run.folder / "metrics.json").write_text(json.dumps(asdict(run)))
    found, classes = weights.trained(run)
    assert classes == tuple(CLASSES) and not found.training
    assert torch.equal(logits(found), logits(of)) and found.description == of.description


def test_the_weights_of_a_finished_run_that_do_not_say_their_net_are_refused():
    run = Run("tiny", "ferm", "lightResNetl", 0)
    run.folder.mkdir(parents=True)
    (run.folder / "metrics.json").write_text(json.dumps(asdict(run)))
    save_file(net().state_dict(), run.folder / "weights.safetensors")
    with pytest.raises(ValueError, match=r"weights\.safetensors: .*: delete the folder and train the run again"):
        weights.trained(run)


@pytest.mark.skipif(not os.environ.get("FER_NB_DATA"), reason="FER_NB_DATA names no folder of real data")
@pytest.mark.skipif(not KEPT, reason="no weights are kept under reports/reference")
@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_kept_weights_give_the_kept_predictions(path, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", ROOT / "runs")
    facts = weights.about(path)
    (predictions,) = path.parents[1].glob(f"predictions/{facts['run']}.csv*")
    test = datasets.load("ferm", "real").of_split("test")
    kept = pd.read_csv(predictions).query("split == 'test'").set_index("row").loc[test.rows[:30]]
    found, _ = weights.from_file(path)
    scores = predict.predict(found, test.images[:30], precision="float32").softmax(1).numpy()
    assert np.abs(scores - kept[facts["classes"]].to_numpy()).mean() < 0.01
    assert (np.array(facts["classes"])[scores.argmax(1)] == kept["predicted"]).sum() >= 29


def test_a_flipped_bit_of_kept_weights_is_seen():
    path = keep("ferm", net())
    weights.kept_sums().write_text(weights.digest_line(path))
    weights.released("lightResNetl")
    content = bytearray(path.read_bytes())
    content[-100] ^= 1  # of a number, which stays one
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"not the file that was kept, by .*weights\.sha256: restore .* with git"):
        weights.released("lightResNetl")


@pytest.mark.skipif(not KEPT, reason="no weights are kept")
def test_the_digests_of_all_kept_weights_are_kept():
    names = [line.split()[1] for line in (ROOT / "reports/reference/weights.sha256").read_text().splitlines()]
    assert names == [path.relative_to(ROOT / "reports/reference").as_posix() for path in KEPT]
