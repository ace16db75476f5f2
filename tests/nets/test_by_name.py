"""fer_nb.nets.by_name: which net a run trains, by its name."""

import json

import numpy as np
import pytest
import torch
import yaml

from fer_nb import paths
from fer_nb.nets import by_name, genotypes, models
from fer_nb.nets.cells import SearchedNet
from fer_nb.nets.known import NETS
from fer_nb.study import KEPT, Run

SHAPE = {"channels": 4, "cells": 3, "stem_stride": 2}


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Empty folders, and a study "mine" that searches EmoNAS from the seeds 3 and 7."""
    for name in ("RUNS", "REPORTS", "PARAMS"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    for study, searches in {"mine": ["EmoNAS"], "other": []}.items():
        (paths.PARAMS / study).mkdir(parents=True)
        given = {"searches": searches, "seeds": [3, 7]}
        (paths.PARAMS / study / "09_architecture_search.yaml").write_text(yaml.safe_dump(given))
    return {
        "own": paths.RUNS / "mine/09_architecture_search",
        "kept": paths.REPORTS / KEPT,
    }


def keep(folder, name, of):
    """A genotype drawn from the seed ``of``, with one node a cell, as the file ``name``; the net's parameters."""
    genotype = genotypes.random(np.random.default_rng(of), nodes=1 + of)
    genotypes.save(folder / f"{name}.json", genotype, SHAPE)
    return sizes(SearchedNet(genotype, 5, **SHAPE))


def sizes(net):
    return {name: tuple(value.shape) for name, value in net.state_dict().items()}


def built(study, model, seed):
    return sizes(by_name.build(Run(study, "ferm", model, seed), 5))


def test_nets_of_the_thesis_need_no_search_and_no_study(places):
    given = Run("no-such-study", "ferm", "lightResNetl", 0)
    torch.manual_seed(0)
    net = by_name.build(given, 5, "4x4", block_relu=True)
    torch.manual_seed(0)
    own = models.build("lightResNetl", 5, "4x4", True)
    pictures = torch.rand(2, 3, 44, 44)
    assert torch.equal(net.eval()(pictures), own.eval()(pictures))


def test_a_kept_genotype_never_takes_the_name_of_a_net_of_the_thesis(places):
    keep(places["kept"], "lightResNetl-seed0", 0)
    assert built("other", "lightResNetl", 0) == sizes(models.build("lightResNetl", 5))


def test_a_plan_knows_the_nets_that_need_no_search():
    assert (*models.NAMES, *by_name.OTHERS, *by_name.PUBLISHED) == NETS


@pytest.mark.parametrize("name", [*by_name.OTHERS, *by_name.PUBLISHED])
def test_published_nets_are_built_for_our_pictures_and_classes(places, name):
    net = by_name.build(Run("other", "ferm", name, 0), 5).eval()
    with torch.no_grad():
        assert net(torch.rand(2, 3, 44, 44)).shape == (2, 5)
    counted = sum(p.numel() for p in net.parameters())
    assert 1e5 < counted < 3e6 and (name != "MobileNetV2") == isinstance(net, SearchedNet)


def test_a_net_is_built_again_from_its_description(places):
    """Read from JSON, without the files that named it."""
    keep(places["kept"], "EmoNAS-seed0", 1)
    pictures = torch.rand(2, 3, 44, 44)
    for name in ("EmoNAS", "DARTS_CIFAR10", "MobileNetV2", "lightResNetl"):
        net = by_name.build(Run("other", "ferm", name, 0), 5, block_relu=True).eval()
        again = by_name.build_described(json.loads(json.dumps(net.description))).eval()
        assert again.description == net.description and net.description["model"] == name
        again.load_state_dict(net.state_dict())
        with torch.no_grad():
            assert torch.equal(again(pictures), net(pictures))


def test_a_search_of_the_study_wins_over_a_kept_genotype(places):
    kept, own = keep(places["kept"], "EmoNAS-seed3", 1), keep(places["own"], "EmoNAS-seed3", 2)
    assert built("mine", "EmoNAS", 3) == own != kept
    assert built("other", "EmoNAS", 3) == kept  # which does not search for it


def test_a_kept_genotype_does_not_stand_in_for_a_search_that_is_to_come(places):
    keep(places["kept"], "EmoNAS-seed3", 1)
    with pytest.raises(FileNotFoundError, match=r"mine/09_architecture_search/EmoNAS-seed3.json: no such file"):
        built("mine", "EmoNAS", 3)


def test_a_seed_without_a_search_takes_the_first_genotype(places):
    first, second = keep(places["own"], "EmoNAS-seed3", 1), keep(places["own"], "EmoNAS-seed7", 2)
    assert built("mine", "EmoNAS", 7) == second
    assert built("mine", "EmoNAS", 0) == built("mine", "EmoNAS", 3) == first
    kept = [keep(places["kept"], f"EmoNAS-seed{seed}", 2 + i) for i, seed in enumerate((2, 10))]
    assert built("other", "EmoNAS", 10) == kept[1]
    assert built("other", "EmoNAS", 5) == kept[0]  # 2 comes before 10


def test_a_size_in_the_name_changes_the_net_and_not_its_cells(places):
    found = genotypes.random(np.random.default_rng(0), 2)
    genotypes.save(places["own"] / "EmoNAS-seed3.json", found, SHAPE)
    genotypes.save(places["kept"] / "EmoNAS-seed0.json", found, SHAPE)
    for study in ("mine", "other"):
        built = by_name.describe(Run(study, "ferm", "EmoNAS_8x5", 3), 7)
        assert (built["channels"], built["cells"], built["stem_stride"]) == (8, 5, 2) and built["model"] == "EmoNAS_8x5"
        assert built["genotype"] == by_name.describe(Run(study, "ferm", "EmoNAS", 3), 7)["genotype"]
    assert by_name.describe(Run("mine", "ferm", "DARTS_CIFAR10_8x5", 0), 7)["channels"] == 8
    with pytest.raises(ValueError, match="VGG19_8x5"):
        by_name.build(Run("mine", "ferm", "VGG19_8x5", 0), 7)


def test_an_unknown_net_and_a_broken_file_are_refused(places):
    with pytest.raises(ValueError, match="did you mean lightResNet"):
        built("other", "lightResNet", 0)
    file = places["kept"] / "EmoNAS-seed0.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    with pytest.raises(ValueError, match=r"EmoNAS-seed0.json: no genotype"):
        built("other", "EmoNAS", 0)
