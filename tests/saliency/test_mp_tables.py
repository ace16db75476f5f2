"""How much MP deletes, on numbers that are made to be clear."""

import numpy as np
import pandas as pd
import torch
from planted import detector, stripes

from fer_nb.saliency import mp, mp_tables


def test_table_has_the_means_of_each_expression():
    found = {"area": [0.1] * 6 + [0.3, 0.5] * 4, "before": [1.0] * 6 + [0.8] * 8}
    found |= {"after": [0.1] * 6 + [0.2] * 8, "deleted": [0.0] * 6 + [0.3] * 8}
    found = {name: torch.tensor(values) for name, values in found.items()}
    table = mp_tables.deletion_table(found, np.repeat(["Sad", "Happy"], [6, 8])).set_index("expression")
    assert table.index.tolist() == ["all", "Sad", "Happy"] and table["pictures"].tolist() == [14, 6, 8]
    np.testing.assert_allclose(table["area"], [100 * 3.8 / 14, 10, 40], rtol=1e-5)
    assert 30 <= table["low"]["Happy"] < 40 < table["high"]["Happy"] <= 50
    np.testing.assert_allclose(table["after"]["Happy"], 0.2, rtol=1e-5)
    said = mp_tables.deletion_in_words(table.reset_index())
    assert said.startswith("On average MP deletes 27.1 [") and "from 0.886 to 0.157" in said and "(14 pictures)" in said


def test_three_frames_of_a_sequence_count_once():
    rng, names = np.random.default_rng(0), np.resize(["Sad", "Happy", "Fear"], 33)
    found = {name: rng.random(33) for name in ("area", "before", "after", "deleted")}
    tripled = {name: np.repeat(values, 3) for name, values in found.items()}
    again = mp_tables.deletion_table(tripled, np.repeat(names, 3), groups=np.repeat(np.arange(33), 3))
    pd.testing.assert_frame_equal(again, mp_tables.deletion_table(found, names))


def test_each_perturbation_has_a_row_and_maps_and_what_is_made_is_taken(monkeypatch):
    by = mp.MeaningfulPerturbation
    inputs, settings = stripes(), {"iterations": 2, "perturbation": "blur", "progress": False}
    made = mp.MeaningfulPerturbation(detector(), **settings).explain(inputs, torch.tensor([0]))._asdict()
    asked = []
    monkeypatch.setattr(
        mp_tables, "MeaningfulPerturbation", lambda net, **given: asked.append(given) or by(net, **given)
    )
    table, maps = mp_tables.by_perturbation(detector(), inputs, torch.tensor([0]), settings, made)
    assert [given["perturbation"] for given in asked] == ["constant", "noise"] and torch.equal(
        maps["blur"], made["map"]
    )
    assert table["perturbation"].tolist() == list(maps) == list(mp.PERTURBATIONS)
    assert all(one.shape == (1, 1, 44, 44) for one in maps.values()) and (table["pictures"] == 1).all()
