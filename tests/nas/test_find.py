"""fer_nb.nas.find: searches by name, on pictures of noise."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from fer_nb import paths
from fer_nb.data.faceset import FaceSet
from fer_nb.nas import find, progressive, random_search, search
from fer_nb.nas.settings import SEARCHES, SearchSettings, named_searches
from fer_nb.nets import by_name, genotypes
from fer_nb.nets.cells import SearchedNet
from fer_nb.study import Run
from fer_nb.training import train

SMALL = {"epochs": 2, "batch_size": 16, "channels": 8, "cells": 3, "nodes": 1, "stem_stride": 2, "alpha_lr": 0.01}
GIVEN = SearchSettings(**SMALL, candidate_epochs=1)


def faces(n=40):
    rng = np.random.default_rng(0)
    images, unknown = rng.integers(0, 256, (n, 48, 48), dtype=np.uint8), np.full(n, "")
    return FaceSet(images, np.arange(n) % 3, ("A", "B", "C"), np.full(n, "train"), unknown, unknown, np.arange(n))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where study "mine", which searches EmoNAS from seed 0, keeps what it finds."""
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(paths, "PARAMS", tmp_path / "params")
    (tmp_path / "params/mine").mkdir(parents=True)
    given = yaml.safe_dump({"searches": list(SEARCHES), "seeds": [0]})
    (tmp_path / "params/mine/09_architecture_search.yaml").write_text(given)
    return tmp_path / "runs/mine/09_architecture_search"


def no_training(*_, **__):
    raise AssertionError("this trains")


def test_a_search_leaves_a_file_that_a_net_is_built_of_and_goes_on_from_its_checkpoint(folder, monkeypatch):
    genotype, history, row = find.find_genotype("EmoNAS", faces(), folder, GIVEN, provenance={"dataset": "noise"})
    saved, about = genotypes.load(folder / "EmoNAS-seed0.json")
    assert saved == genotype and about["dataset"] == "noise" and about["options"]["alpha_lr"] == 0.01
    assert {key: about[key] for key in ("search", "seed", "channels", "cells", "stem_stride")} == {
        "search": "EmoNAS",
        "seed": 0,
        "channels": 8,
        "cells": 3,
        "stem_stride": 2,
    }
    net = by_name.build(Run("mine", "ferm", "EmoNAS", 0), 3)
    assert net(torch.rand(2, 3, 44, 44)).shape == (2, 3)
    assert row["parameters"] == sum(p.numel() for p in net.parameters()) and row["macs"] > row["parameters"]
    assert row["rounds"] == 2 and row["seconds"] == history["seconds"].sum() > 0
    assert row["accuracy"] == history["alpha_accuracy"].iloc[-1]
    assert row["skips"] == genotypes.skips(genotype.normal)

    assert np.allclose(about["strengths"]["normal"], history.attrs["strengths"]["normal"], rtol=1e-3)

    (folder / "EmoNAS-seed0.json").unlink()
    monkeypatch.setattr(search, "run_epoch", no_training)
    again, resumed, same = find.find_genotype("EmoNAS", faces(), folder, GIVEN)
    assert again == genotype and resumed.equals(history) and same == row
    assert genotypes.load(folder / "EmoNAS-seed0.json")[0] == genotype
    find.clear_checkpoints(folder)
    assert [file.name for file in folder.rglob("*") if file.is_file()] == ["EmoNAS-seed0.json"]
    with pytest.raises(AssertionError, match="this trains"):
        find.find_genotype("EmoNAS", faces(), folder, GIVEN)


def test_random_search_costs_what_it_is_given_and_goes_on(folder, monkeypatch):
    tried = find.find_genotype("RandomSearch", faces(), folder, GIVEN, epochs=1)
    genotype, history, row = tried
    assert row["rounds"] == len(history) == 2  # a step of the weights and one of the alphas, an epoch of each candidate
    assert row["accuracy"] == history["accuracy"].max()
    monkeypatch.setattr(train, "fit", no_training)
    assert find.find_genotype("RandomSearch", faces(), folder, GIVEN, epochs=1)[0] == genotype
    with pytest.raises(AssertionError, match="this trains"):
        find.find_genotype("RandomSearch", faces(), folder, GIVEN, epochs=9)
    find.clear_checkpoints(folder)
    assert (folder / "RandomSearch-seed0.json").exists()  # the genotype itself is kept
    with pytest.raises(AssertionError, match="this trains"):
        find.find_genotype("RandomSearch", faces(), folder, GIVEN, epochs=1)


def test_random_net_is_none_of_the_candidates_and_its_seed_draws_it(folder, monkeypatch):
    for module in (train, search):
        monkeypatch.setattr(module, "run_epoch", no_training)
    given = replace(GIVEN, nodes=4)
    nets = [find.find_genotype("RandomNet", faces(), folder, replace(given, seed=seed)) for seed in (0, 1)]
    assert nets[0][1] is None and nets[0][0] != nets[1][0]
    assert find.find_genotype("RandomNet", faces(), folder, given)[0] == nets[0][0]
    row = nets[0][2]
    assert row["seconds"] == row["rounds"] == 0 and np.isnan(row["accuracy"])
    for seed, (net, *_) in enumerate(nets):
        assert all(random_search.draw(replace(given, seed=seed), i) != net for i in range(50))
    assert genotypes.load(folder / "RandomNet-seed1.json")[0] == nets[1][0]


def test_random_genotypes_are_as_large_as_the_found_net(folder, monkeypatch):
    given = replace(GIVEN, nodes=2)
    size = sum(p.numel() for p in SearchedNet(random_search.draw(given, 0), 3, 8, 3, 2).parameters())
    table = find.random_genotypes(3, size, 3, folder, given)
    assert table["net"].tolist() == ["Random1", "Random2", "Random3"] and set(table["seed"]) == {0}
    assert table["parameters"].between((1 - find.SIZE) * size, (1 + find.SIZE) * size).all()
    drawn = [genotypes.load(folder / f"Random{k}-seed0.json") for k in (1, 2, 3)]
    assert drawn[0][0] != drawn[1][0] and {about["channels"] for _, about in drawn} == {8}
    assert find.random_genotypes(3, size, 3, folder, given).equals(table)
    monkeypatch.setattr(find, "DRAWS", 5)
    with pytest.raises(ValueError, match="none has 10,000,000 parameters, 10% more or less"):
        find.random_genotypes(1, 10_000_000, 3, folder, replace(GIVEN, nodes=1))


def test_a_subset_of_the_train_split():
    whole = replace(faces(60), split=np.array(["train"] * 48 + ["test"] * 12))
    part = find.subset(whole, 12, seed=1)
    assert np.bincount(part.of_split("train").labels).tolist() == [4, 4, 4] and len(part.of_split("test")) == 12
    assert part.rows.tolist() == sorted(part.rows) and find.subset(whole, 12, 1).rows.tolist() == part.rows.tolist()
    assert find.subset(whole, 12, seed=2).rows.tolist() != part.rows.tolist()
    assert find.subset(whole, 0, 1) is whole and find.subset(whole, 48, 1) is whole
    assert len(find.subset(whole, 47, 1).of_split("train")) == 47
    with pytest.raises(ValueError, match="pictures is 49, the train split has 48: choose fewer, or 0 for all"):
        find.subset(whole, 49, 1)
    with pytest.raises(ValueError, match="pictures is 2: choose at least one for each of 3 classes"):
        find.subset(whole, 2, 1)


@pytest.mark.parametrize("name", [name for name in SEARCHES if not name.startswith("Random")])
def test_every_search_has_the_settings_of_its_name(folder, monkeypatch, name):
    """What reaches ``search`` is what the name says; the search itself is cut short."""
    asked, own = [], search.search

    def asks(faces_, place, given):
        asked.append(given)
        quick = {"epochs": 1, "warmup": 0, "method": "sample", "partial": 1, "order": 1}
        return own(faces_, place, replace(given, **quick))

    for module in (find, progressive):
        monkeypatch.setattr(module, "search", asks)
    settings = named_searches([name], [1], replace(GIVEN, cells=5, epochs=20))[name, 1]
    genotype, _, row = find.find_genotype(name, faces(), folder, settings)
    own_schedule = {"epochs", "warmup", "skip_dropout"} if name == "PDARTS" else set()  # of each stage
    for key, value in SEARCHES[name].items():
        assert getattr(asked[-1], key) == value or key in own_schedule
    expected = 3 if name == "cells3" else 8 if name == "cells8" else 5
    assert asked[-1].cells == expected and asked[-1].seed == 1
    about = json.loads((folder / f"{name}-seed1.json").read_text())["about"]
    assert about["cells"] == about["options"]["cells"] == expected and row["parameters"] > 0
    if name == "noskips":
        assert genotypes.skips(genotype.normal) == 0
    if name == "PDARTS":
        assert [of.cells for of in asked] == [3, 4, 5]
        assert [of.epochs for of in asked] == [25] * 3 and [of.warmup for of in asked] == [10] * 3


def test_each_search_is_described_by_its_settings():
    given = SearchSettings(partial=4, epochs=50, warmup=10, candidate_epochs=10)
    asked = named_searches(["EmoNAS", "sample", "partial", "PDARTS", "RandomSearch", "RandomNet"], [0, 1], given)
    assert find.described(asked).splitlines() == [
        "- EmoNAS: one operation an edge, drawn at each step, on one in 4 channels; 50 epochs",
        "- sample: one operation an edge, drawn at each step, on all channels; 50 epochs",
        "- partial: all operations of an edge, weighted, on one in 4 channels; 50 epochs",
        "- PDARTS: all operations of an edge, weighted, on all channels; 3 stages of 25 epochs",
        "- RandomSearch: the best of random genotypes, each trained for 10 epochs, in as many steps as the search",
        "- RandomNet: one random genotype, not trained",
    ]


def test_table_and_sentence():
    row = {"net": "EmoNAS", "seed": 0, "seconds": 30.0, "rounds": 10, "accuracy": 50.0, "skips": 2}
    rows = [row | {"parameters": 1000, "macs": 5}]
    rows += [rows[0] | {"net": "RandomNet", "seconds": 0.0, "rounds": 0, "accuracy": np.nan, "skips": 1}]
    rows[1]["parameters"] = 2000
    table = find.search_table(rows, 0.5)
    assert table["gpu_days"].tolist() == [15 / 86_400, 0]
    assert table["seconds_a_round"].iloc[0] == 3 and pd.isna(table["seconds_a_round"].iloc[1])
    text = find.search_sentence(table)
    assert text == (
        "The normal cells of 2 nets have at most 2 skips (EmoNAS); the nets have 1,000 to 2,000 parameters; "
        "the searches took 30 seconds in all."
    )
    assert "seconds" not in find.search_sentence(find.search_table(rows[1:], 0.5))
