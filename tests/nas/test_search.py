import functools
from dataclasses import replace

import numpy as np
import pytest
import torch

from fer_nb.data.faceset import FaceSet
from fer_nb.nas import random_search, search, stopping
from fer_nb.nas.discretise import edge_count
from fer_nb.nas.progressive import keep, progressive_search
from fer_nb.nas.settings import SearchSettings
from fer_nb.nets import genotypes
from fer_nb.nets.cells import SearchedNet
from fer_nb.nets.operations import OPERATIONS
from fer_nb.training import checkpoint

SMALL = {"batch_size": 8, "channels": 8, "cells": 3, "nodes": 1, "stem_stride": 2, "epochs": 3, "candidate_epochs": 1}


def faces(n=40, subjects=0, seed=0):
    """Three classes that a net can tell apart: none, horizontal or vertical stripes, in noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    images, (y, x) = rng.integers(0, 80, (n, 48, 48), dtype=np.uint8), np.indices((48, 48))
    for image, label in zip(images, labels, strict=True):
        image += (120 * np.array([0 * x, y // 4 % 2, x // 4 % 2])[label]).astype(np.uint8)
    split = np.resize(np.array(["train", "train", "train", "test"]), n)
    groups = np.array([f"S{i % subjects}" if subjects else "" for i in range(n)])
    return FaceSet(images, labels, ("None", "Rows", "Columns"), split, groups, np.full(n, ""), np.arange(n))


def run(folder, data=None, **changes):
    return search.search(data or faces(), folder, SearchSettings(**SMALL | changes))


@pytest.mark.parametrize(
    "options",
    [
        {"method": "sample", "skip_dropout": 0.3, "warmup": 1},
        {"method": "sample", "partial": 2},
        {"method": "mixture", "beta_decay": 1.0, "shared": True},
        {"method": "mixture", "partial": 4, "stop": "eigenvalue"},
        {"method": "mixture", "order": 2, "operations": ("avg_pool_3x3", "skip_connect", "sep_conv_3x3")},
    ],
    ids=["sample", "sample partial", "mixture", "partial", "second order"],
)
def test_unbroken_and_resumed_searches_end_alike(tmp_path, monkeypatch, options):
    few = functools.partial(stopping.steps.largest_eigenvalue, iterations=1)
    monkeypatch.setattr(stopping.steps, "largest_eigenvalue", few)
    genotype, history = run(tmp_path / "unbroken", **options)
    save, saved = checkpoint.save, []

    def killed(folder, settings, state, parts, generator):
        save(folder, settings, state, parts, generator)
        saved.append(folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", killed)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "broken", **options)
    monkeypatch.setattr(checkpoint, "save", save)
    again, resumed = run(tmp_path / "broken", **options)
    assert again == genotype and len(saved) == 2
    numbers = history.columns.drop("seconds")
    assert resumed[numbers].equals(history[numbers])
    first, second = (checkpoint.read(tmp_path / name / "checkpoint.pt") for name in ("unbroken", "broken"))
    assert all(torch.equal(value, second["net"][name]) for name, value in first["net"].items())
    assert all(
        np.array_equal(resumed.attrs["alphas"][kind], values) for kind, values in history.attrs["alphas"].items()
    )


def test_history_and_genotype(tmp_path, capsys):
    genotype, history = run(tmp_path, warmup=1, tau=(10.0, 0.1), nodes=2)
    assert list(history["epoch"]) == [1, 2, 3] and history.attrs["epoch"] == 3
    assert history["lr"].tolist() == pytest.approx([0.025, 0.001 + 0.024 * 0.75, 0.001 + 0.024 * 0.25])
    assert history["tau"].tolist() == pytest.approx([10.0, 5.05, 0.1])
    assert history["alpha_loss"].isna().tolist() == [True, False, False]
    alphas = history.attrs["alphas"]["reduce"]
    assert alphas.shape == (3, edge_count(2), len(OPERATIONS)) and alphas.dtype == np.float32
    assert np.allclose(alphas.sum(2), 1, atol=1e-5)
    assert np.allclose(history.attrs["alphas"]["normal"][0], 1 / 7, atol=1e-3)  # the warm-up leaves them
    assert not np.array_equal(alphas[1], alphas[0])
    genotypes.check(genotype)
    assert SearchedNet(genotype, 3, channels=8, cells=3)(torch.rand(2, 3, 44, 44)).shape == (2, 3)
    assert capsys.readouterr().out.count("epoch ") == 3


def test_a_seed_gives_a_genotype_of_its_own_and_the_test_split_none(tmp_path):
    data = faces()
    changed = data.images.copy()
    changed[data.split == "test"] = 0
    first, history = run(tmp_path / "a", data, epochs=1)
    same, again = run(tmp_path / "b", replace(data, images=changed), epochs=1)
    _, other = run(tmp_path / "c", data, epochs=1, seed=1)
    assert first == same and history["loss"].equals(again["loss"]) and not history["loss"].equals(other["loss"])


def test_it_learns(tmp_path):
    _, history = run(tmp_path, faces(80), epochs=6, lr=0.1, alpha_lr=0.05, method="mixture")
    assert history["loss"].iloc[-1] < 0.8 * history["loss"].iloc[0]
    assert history["alpha_accuracy"].iloc[-1] > 60


def test_halves_share_classes_evenly_and_no_subject():
    part = faces(120, subjects=8)
    of_weights, of_alphas = search.halves(part, 0)
    assert sorted([*of_weights, *of_alphas]) == list(range(120))
    assert not set(part.groups[of_weights]) & set(part.groups[of_alphas]) and 45 <= len(of_weights) <= 75
    part = faces(120)
    counts = [np.bincount(part.labels[side]) for side in search.halves(part, 0)]
    assert (abs(counts[0] - counts[1]) <= 1).all()
    assert not np.array_equal(search.halves(part, 0)[0], search.halves(part, 1)[0])
    with pytest.raises(ValueError, match="train split has one subject"):
        search.halves(faces(20, subjects=1), 0)
    with pytest.raises(ValueError, match="train split has 3 pictures"):
        search.halves(faces(3), 0)


def rows(skips=(), eigenvalues=()):
    return [{"skips": count} for count in skips] or [{"eigenvalue": value} for value in eigenvalues]


def test_stops():
    skips = SearchSettings(stop="skips", warmup=2, max_skips=2)
    assert stopping.stopped(rows([3, 3, 3, 3]), skips) is None  # two of them are of the warm-up
    assert stopping.stopped(rows([1, 1, 2, 3, 2, 3, 4]), skips) is None
    assert stopping.stopped(rows([1, 1, 2, 1, 3, 3, 4]), skips) == 3
    assert stopping.stopped(rows([1, 1, 3, 3, 4]), skips) == 2  # the first whose alphas have learned
    eigenvalue = SearchSettings(stop="eigenvalue", method="mixture")
    assert stopping.stopped(rows(eigenvalues=[1.0] * 9), eigenvalue) is None
    assert stopping.stopped(rows(eigenvalues=[1.0] * 5 + [1.3] * 5), eigenvalue) is None
    assert stopping.stopped(rows(eigenvalues=[1.0] * 5 + [-1.4] * 5), eigenvalue) == 4
    warm = replace(eigenvalue, warmup=2)
    assert stopping.stopped(rows(eigenvalues=[1.0] * 5 + [1.4] * 5), warm) is None  # two of them are of it
    assert stopping.stopped(rows(eigenvalues=[1.0] * 7 + [1.4] * 5), warm) == 6
    assert stopping.stopped(rows([9] * 20), SearchSettings(warmup=2)) is None


def test_a_stop_ends_the_search_with_the_alphas_from_before(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "snapshot", lambda net, own=search.snapshot: own(net) | {"skips": 3})
    genotype, history = run(tmp_path, epochs=6, stop="skips", warmup=1, alpha_lr=0.1)
    assert len(history) == 4 and history.attrs["epoch"] == 2  # those of the warm-up have not learned
    assert run(tmp_path, epochs=6, stop="skips", warmup=1, alpha_lr=0.1)[0] == genotype  # finished: nothing is trained
    best = history.attrs["alphas"]["normal"][1].argmax(1)
    assert [OPERATIONS[i] for i in best] == [name for name, _ in genotype.normal]


def test_a_loss_that_is_not_finite_stops_the_search_and_keeps_the_checkpoint(tmp_path):
    run(tmp_path, epochs=1)
    saved = checkpoint.read(checkpoint.path(tmp_path))
    saved["net"]["classifier.bias"][0] = float("nan")
    saved["settings"]["epochs"] = 2
    checkpoint.write(checkpoint.path(tmp_path), saved)
    with pytest.raises(FloatingPointError, match=r"loss is nan in epoch 2, step 1.*checkpoint\.pt"):
        run(tmp_path, epochs=2)
    assert len(checkpoint.read(checkpoint.path(tmp_path))["history"]) == 1


def test_a_checkpoint_of_another_search_is_refused(tmp_path):
    run(tmp_path, epochs=1)
    with pytest.raises(ValueError, match=r"checkpoint\.pt: made with max_skips = 2, this run has 1"):
        run(tmp_path, epochs=1, max_skips=1)


def test_random_search_keeps_the_best_and_goes_on(tmp_path, monkeypatch):
    data, settings = faces(), SearchSettings(**SMALL)
    genotype, table = random_search.random_search(data, tmp_path / "a", settings, candidates=3)
    assert len(table) == 3 and genotype == table.attrs["genotypes"][table["accuracy"].idxmax()]
    assert len({str(drawn) for drawn in table.attrs["genotypes"]}) == 3 and (table["skips"] <= 2).all()
    random_search.random_search(data, tmp_path / "b", settings, candidates=2)
    fits = []
    fit = random_search.train.fit
    monkeypatch.setattr(random_search.train, "fit", lambda *a, **k: fits.append(1) or fit(*a, **k))
    again, resumed = random_search.random_search(data, tmp_path / "b", settings, candidates=3)
    assert again == genotype and fits == [1] and resumed["accuracy"].equals(table["accuracy"])
    with pytest.raises(ValueError, match="made with candidate_epochs = 1, this run has 2"):
        random_search.random_search(data, tmp_path / "b", replace(settings, candidate_epochs=2), candidates=3)
    with pytest.raises(ValueError, match="candidates is 0: choose at least 1"):
        random_search.random_search(data, tmp_path / "c", settings, candidates=0)
    file = random_search.candidates_path(tmp_path / "b")
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"candidates\.pt: a damaged checkpoint.*delete it to start anew"):
        random_search.random_search(data, tmp_path / "b", settings, candidates=3)


@pytest.mark.parametrize("order", [1, 2])
def test_a_search_makes_as_many_passes_as_a_random_search_counts(tmp_path, monkeypatch, order):
    passes, own = [], search.steps.logits_and_loss
    monkeypatch.setattr(search.steps, "logits_and_loss", lambda *given: passes.append(1) or own(*given))
    run(tmp_path, faces(16), epochs=3, warmup=1, method="mixture", order=order)  # one batch of each half an epoch
    settings = SearchSettings(**SMALL | {"warmup": 1, "order": order})
    assert random_search.affordable(settings, 3) == len(passes)


def test_a_random_search_costs_as_many_steps_as_the_search_beside_it_whatever_the_clock_says():
    settings = SearchSettings(**SMALL | {"epochs": 50, "candidate_epochs": 5})
    assert random_search.affordable(settings, 50) == 20  # a step of the alphas with each of the weights
    assert random_search.affordable(replace(settings, warmup=10), 50) == 18
    assert random_search.affordable(settings, 51) == 21  # a candidate that is begun is trained to its end
    assert random_search.affordable(replace(settings, order=2), 50) == 50


def test_a_progressive_search_narrows_the_choice(tmp_path):
    settings = SearchSettings(**SMALL | {"epochs": 1, "cells": 4, "method": "mixture"})
    genotype, history = progressive_search(faces(), tmp_path, settings)
    assert history["stage"].tolist() == [1, 2, 3]
    first, second, third = history.attrs["operations"]
    alphas = history.attrs["alphas"]
    assert [a["normal"].shape for a in alphas] == [(1, 2, 7), (1, 2, 5), (1, 2, 3)]
    assert all(len(names) == 5 and set(names) < set(first["reduce"][0]) for names in second["reduce"])
    assert second["reduce"][1] == tuple(OPERATIONS[i] for i in sorted(np.argsort(-alphas[0]["reduce"][0, 1])[:5]))
    assert all(name in names for (name, _), names in zip(genotype.normal, third["normal"], strict=True))


def test_the_most_probable_operations_are_kept_in_order():
    assert keep([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]], ["abc", "abc"], 2) == (("b", "c"), ("a", "b"))
