"""fer_nb.nas.settings: what the settings of a search refuse, and the searches by name."""

import ast
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from fer_nb import parameters, paths
from fer_nb.names import refuse_unknown
from fer_nb.nas import find, speed
from fer_nb.nas.settings import SearchSettings, named_searches

NOTEBOOK = "notebooks/09_architecture_search.ipynb"


def code():
    """The code of each cell of notebook 09."""
    cells = json.loads((paths.ROOT / NOTEBOOK).read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_names_are_checked():
    given = SearchSettings()
    asked = named_searches(["EmoNAS", "RandomNet", "RandomSearch", "DARTS"], [3, 0], given)
    assert list(asked)[:2] == [("EmoNAS", 3), ("RandomNet", 3)] and len(asked) == 8
    darts = asked["DARTS", 3]
    assert (darts.order, darts.method, darts.alpha_lr, darts.batch_size) == (2, "mixture", 3e-4, 64)
    pdarts = named_searches(["PDARTS"], [0], given)["PDARTS", 0]
    assert (pdarts.order, pdarts.batch_size, pdarts.lr, pdarts.lr_min, pdarts.max_skips) == (1, 96, 0.025, 0.0, 2)
    assert asked["DARTS", 3].seed == 3 and asked["EmoNAS", 0] == given
    assert named_searches([], [0], given) == {}
    with pytest.raises(ValueError, match=r"unknown search 'EmoNas': did you mean EmoNAS\?"):
        named_searches(["EmoNAS", "EmoNas"], [0], given)
    with pytest.raises(ValueError, match=r"unknown search 'x{9}': choose one of EmoNAS, EmoNAS_source, .*RandomNet"):
        named_searches(["x" * 9], [0], given)
    for names in (["RandomSearch"], ["RandomSearch", "EmoNAS"]):
        with pytest.raises(ValueError, match="name EmoNAS before it"):
            named_searches(names, [0], given)
    with pytest.raises(ValueError, match="choose channels a multiple of 8"):  # before any search has run
        named_searches(["EmoNAS", "partial"], [0], SearchSettings(channels=4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 3}, "unknown order 3: choose one of 1, 2"),
        ({"stop": "skip"}, r"unknown stop 'skip': did you mean skips\?"),
        ({"precision": "float"}, "unknown precision 'float'"),
        ({"method": "mixed"}, "unknown method 'mixed'"),
        ({"stem_stride": 3}, "stem_stride = 3: choose 1 or 2"),
        ({"cells": 2}, "cells = 2: choose at least 3"),
        ({"nodes": 0}, "nodes = 0: choose at least 1"),
        ({"channels": 0}, "channels = 0"),
        ({"partial": 0}, "channels = 16 and partial = 0"),
        ({"epochs": 0}, "epochs is 0: choose at least 1"),
        ({"candidate_epochs": 0}, "candidate_epochs is 0: choose at least 1"),
        ({"batch_size": 1}, "batch_size is 1: choose at least 2"),
        ({"lr": -0.1}, "lr is -0.1"),
        ({"lr": float("nan")}, "lr is nan"),
        ({"tau": (1.0, 0.0)}, "choose temperatures above 0"),
        ({"max_skips": -1}, "max_skips is -1"),
        ({"warmup": 3, "epochs": 3}, "warmup is 3 of 3 epochs"),
        ({"skip_dropout": 1.0}, "skip_dropout is 1.0"),
        ({"order": 2, "skip_dropout": 0.1}, "set skip_dropout to 0"),
        ({"stop": "eigenvalue"}, 'choose "mixture"'),
        ({"stop": "skips", "max_skips": None}, "needs max_skips"),
    ],
)
def test_settings_that_do_not_fit_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        SearchSettings(**options)


def test_settings_that_change_nothing_are_not_compared_with_a_checkpoint():
    assert SearchSettings(precision="auto").learned() == SearchSettings().learned()
    assert SearchSettings(seed=1).learned() != SearchSettings().learned()


def test_notebook_9_draws_random_genotypes_by_the_settings_of_the_search_that_they_are_held_against(monkeypatch):
    """They took the notebook's: with 5 cells, none is as large as the net of a search with 8."""
    drawn = []
    monkeypatch.setattr(find, "random_genotypes", lambda *given: drawn.append(given))
    asked = named_searches(["cells8", "EmoNAS"], [3, 4], SearchSettings())
    names = {"asked": asked, "searches": ["cells8", "EmoNAS"], "seeds": [3, 4], "settings": SearchSettings()}
    names |= {"found": {pair: (None, None, {"parameters": 7}) for pair in asked}, "random_nets": 2, "find": find}
    names |= dict.fromkeys(["folder", "made", "study"]) | {"faces": SimpleNamespace(classes="abc")}
    names |= {"display": print, "save_table": lambda *given: given, "replace": replace}
    exec(next(cell for cell in code() if "random_genotypes(" in cell), names)
    assert drawn[0][1] == 7 and drawn[0][4] == asked["cells8", 3]


def test_notebook_9_checks_its_parameters_before_it_searches():
    """A misspelt variant was found after the search, whose checkpoints were already deleted."""
    known = parameters.defaults(paths.ROOT / NOTEBOOK)
    start = {}
    for number, cell in enumerate(code()):
        for name in ("named_searches", "refuse_unknown", "datasets.load", "find_genotype", "clear_checkpoints"):
            start.setdefault(name, number) if f"{name}(" in cell else None
    assert start["named_searches"] == start["refuse_unknown"] == start["datasets.load"] < start["find_genotype"]
    assert start["clear_checkpoints"] == len(code()) - 1
    last = ast.parse(code()[-1]).body[-1]
    assert ast.unparse(last) == "find.clear_checkpoints(folder)"
    assert parameters.settings(SearchSettings, known).cells == known["cells"]
    assert {name for name in known if name in SearchSettings.__dataclass_fields__} > {"method", "lr", "precision"}
    with pytest.raises(ValueError, match=r"unknown variant 'plian': did you mean plain\?"):
        refuse_unknown("variant", ["mixture", "plian"], speed.VARIANTS)
