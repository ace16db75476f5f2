"""fer_nb.nas.luck: found nets among random ones, from fake run folders; expected numbers are worked out by hand."""

import json
import math
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import yaml

from fer_nb import paths
from fer_nb.nas import luck
from fer_nb.nas.discretise import KINDS, discretise, edge_count, on_every_edge, score
from fer_nb.nets import genotypes
from fer_nb.nets.operations import OPERATIONS
from fer_nb.study import Run


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    for name in ("RUNS", "REPORTS", "PARAMS"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    (tmp_path / "params/tiny").mkdir(parents=True)
    given = yaml.safe_dump({"searches": ["EmoNAS"], "seeds": [0, 1], "random_nets": 5})
    (tmp_path / "params/tiny/09_architecture_search.yaml").write_text(given)


def fake(model, right, seed=0, dataset="ferm", pictures=20):
    """A finished run of which ``right`` of the pictures are predicted right."""
    run = Run("tiny", dataset, model, seed)
    run.folder.mkdir(parents=True)
    predicted = ["A"] * right + ["H"] * (pictures - right)
    table = pd.DataFrame({"split": "test", "row": range(pictures), "label": "A", "predicted": predicted})
    table.to_csv(run.folder / "predictions.csv", index=False)
    (run.folder / "metrics.json").write_text(json.dumps(asdict(run)))
    return run


def test_folds_of_a_set_are_one_group():
    given = ["ckplus-subject2", "ferm", "ckplus-subject1", "ckplus-fold1"]
    assert luck.groups(given) == {
        "ckplus-fold1": ["ckplus-fold1"],
        "ckplus-subject (2 folds)": ["ckplus-subject2", "ckplus-subject1"],
        "ferm": ["ferm"],
    }


def test_accuracies_pool_the_folds_and_leave_out_what_is_neither_found_nor_random():
    runs = [fake("EmoNAS", n, dataset=f"ckplus-subject{k}", pictures=k * 10) for k, n in ((1, 10), (2, 5))]
    runs += [fake("Random1", 5, dataset="ckplus-subject1")]  # without the second fold
    runs += [fake("RandomNet", 5, dataset=f"ckplus-subject{k}") for k in (1, 2)]
    runs += [fake("lightResNetl", 5, dataset=f"ckplus-subject{k}") for k in (1, 2)]
    found = luck.accuracies(runs, ["ckplus-subject1", "ckplus-subject2"])
    assert found.to_dict("records") == [
        {
            "data": "ckplus-subject (2 folds)",
            "model": "EmoNAS",
            "seed": 0,
            "random": False,
            "accuracy": 50,
            "pictures": 30,
        }
    ]
    assert luck.rank_table(found).empty and luck.supernet_table(found, runs).empty
    assert "no random genotypes" in luck.sentence(luck.rank_table(found), luck.supernet_table(found, runs))


def table_of(found, random):
    rows = [("EmoNAS", seed, False, value) for seed, value in enumerate(found)]
    rows += [(f"Random{k}", 0, True, value) for k, value in enumerate(random, 1)]
    return pd.DataFrame(rows, columns=["model", "seed", "random", "accuracy"]).assign(data="ferm", pictures=20)


def test_the_rank_test_is_exact():
    """Two found nets above all of five: one of C(7, 2) = 21 orders. In the middle: no evidence at all."""
    random = [80.0, 81.0, 82.0, 83.0, 84.0]
    row = luck.rank_table(table_of([90.0, 91.0], random)).iloc[0]
    assert row["p"] == pytest.approx(1 / 21) == row["least_p"] and row["beaten"] == 100
    assert (row["genotypes"], row["random_nets"], row["random_mean"]) == (2, 5, 82)
    assert (row["random_lowest"], row["random_highest"], row["accuracy"]) == (80, 84, 90.5)
    assert row["random_deviation"] == pytest.approx(math.sqrt(2.5))
    middle = luck.rank_table(table_of([82.0], random)).iloc[0]  # beats two, ties with one
    assert middle["beaten"] == 50 and middle["p"] > 0.5 and middle["least_p"] == pytest.approx(1 / 6)
    worst = luck.rank_table(table_of([70.0, 71.0], random)).iloc[0]
    assert worst["p"] == 1 and worst["beaten"] == 0


def test_holm_over_all_searches():
    table = pd.concat(
        [table_of([90.0, 91.0], [80.0, 81.0, 82.0, 83.0, 84.0]), table_of([70.0], []).assign(model="DARTS")]
    )
    assert luck.rank_table(table)["p_holm"].tolist() == pytest.approx([2 / 21, 1])


def strengths(nodes, seed=0):
    rng = np.random.default_rng(seed)
    return {kind: rng.dirichlet(np.ones(len(OPERATIONS)), edge_count(nodes)) for kind in KINDS}


def test_the_found_genotype_scores_highest():
    operations = on_every_edge(OPERATIONS, 2)
    given = strengths(2)
    best = discretise(given, operations, 2, max_skips=None)
    wanted = sum(np.log(given[kind].max(1)[:2]).sum() for kind in KINDS)  # the first node has no other inputs
    assert score(best._replace(normal=best.normal[:2], reduce=best.reduce[:2]), given, operations, 1) == pytest.approx(
        wanted
    )
    others = [genotypes.random(np.random.default_rng(k), 2, 4) for k in range(50)]
    assert all(score(other, given, operations, 2) < score(best, given, operations, 2) for other in others)
    with pytest.raises(ValueError, match="normal cell: 1 nodes, the search had 2"):
        score(genotypes.random(np.random.default_rng(0), 1), given, operations, 2)


def test_supernet_table_ranks_the_random_genotypes(tmp_path):
    """Accuracies in the order of the first search's scores, and in the opposite order of the second's."""
    folder, nodes, given = paths.RUNS / "tiny/09_architecture_search", 2, strengths(2)
    options = {"nodes": nodes, "operations": list(OPERATIONS)}
    inverse = {kind: (1 / values).tolist() for kind, values in given.items()}
    for seed, held in enumerate(({kind: values.tolist() for kind, values in given.items()}, inverse)):
        found = genotypes.random(np.random.default_rng(seed), nodes)
        genotypes.save(folder / f"EmoNAS-seed{seed}.json", found, {"options": options, "strengths": held})
    drawn = [genotypes.random(np.random.default_rng(10 + k), nodes) for k in range(5)]
    for k, genotype in enumerate(drawn, 1):
        genotypes.save(folder / f"Random{k}-seed0.json", genotype, {})
    order = np.argsort(np.argsort([score(one, given, on_every_edge(OPERATIONS, nodes), nodes) for one in drawn]))
    runs = [fake("EmoNAS", 15, seed) for seed in (0, 1)]
    runs += [fake(f"Random{k}", 5 + int(order[k - 1])) for k in range(1, 6)]
    found = luck.accuracies(runs, ["ferm"])
    taus = luck.supernet_table(found, runs)
    assert taus[["model", "seed", "genotypes"]].to_numpy().tolist() == [["EmoNAS", 0, 5], ["EmoNAS", 1, 5]]
    assert taus["tau"].tolist() == pytest.approx([1, -1])
    assert taus["p"].iloc[0] == pytest.approx(2 / math.factorial(5))
    text = luck.sentence(luck.rank_table(found), taus)
    assert text.startswith("On ferm EmoNAS is better than chance: 2 found nets at 75.00%, 5 random ones at")
    assert "Kendall's tau −1.00 to +1.00; 2 of 2 differ from 0 at 0.05." in text
    few = found[~found["model"].isin(["Random4", "Random5"])]
    assert luck.supernet_table(few, runs).empty  # three genotypes are too few


def test_the_sentence_says_where_nothing_could_be_shown():
    text = luck.sentence(luck.rank_table(table_of([90.0], [80.0, 81.0])), pd.DataFrame(columns=["data", "tau", "p"]))
    assert "cannot be told from chance, which so few nets could not show (least p 0.33): 1 found net at" in text
