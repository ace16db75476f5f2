"""Our pictures for figures 4-2 to 4-6, and what is shown of them."""

import numpy as np
import pandas as pd
from planted import detector

from fer_nb.evaluation import thesis
from fer_nb.saliency import cases
from fer_nb.saliency.robustness import JUDGED


def predicted(labels):
    columns = {"picture": range(len(labels)), "label": labels, "before": labels, "predicted": labels}
    tables = [
        pd.DataFrame(columns | {"probability_before": np.linspace(0.5, 0.99, len(labels)), "probability": 0.9})
        .assign(transform=name, strength=strength, confidence=0.95)
        for name, strength in JUDGED.items()
    ]  # fmt: skip
    return pd.concat(tables)


def test_each_figure_gets_its_expression_or_the_nearest():
    ours = cases.choose_cases(predicted(["Happy", "Fear", "Happy", "Disgust"]))
    assert {number: case["label"] for number, case in ours.items()} == {
        "4-2": "Disgust",  # no contempt here: 0.99 is nearest to the printed 0.943
        "4-3": "Happy",
        "4-4": "Happy",
        "4-5": "Fear",
        "4-6": "Disgust",
    }
    assert ours["4-3"]["picture"] == 2
    table = cases.case_table(ours)
    assert table["of"].tolist() == ["thesis", "ours"] * 5
    assert table["label_before"][0] == thesis.FIGURES_4_2["4-2"]["probability_before"]
    printed = table[table["of"] == "thesis"].set_index("figure")
    assert printed["predicted_after"]["4-6"] == 0.64 and np.isnan(printed["label_after"]["4-6"])  # Angry, not Disgust
    assert printed["label_after"]["4-5"] == printed["predicted_after"]["4-5"] == 0.906
    assert (table[table["of"] == "ours"][["label_after", "predicted_after"]] == [0.9, 0.95]).all(axis=None)
    wrong = predicted(["Happy"]).assign(before="Sad")
    assert cases.choose_cases(wrong) == {}
    assert "nothing to show" in cases.cases_in_words({})
    assert cases.cases_in_words(ours).startswith("figure 4-2: Disgust, brightness 0.2; figure 4-3: Happy")


def test_the_picture_is_right_and_the_nearest_to_the_printed_probability():
    rows = [("Fear", "Fear", 0.7), ("Fear", "Fear", 0.91), ("Fear", "Sad", 0.902), ("Sad", "Sad", 0.902)]
    table = pd.DataFrame(rows, columns=["label", "before", "probability_before"])
    table = table.assign(transform="horizontal flip", strength=1.0, picture=range(4))
    assert cases.choose_cases(table)["4-5"]["picture"] == 1
    assert "4-6" not in cases.choose_cases(table)  # that one is about another change


def test_panels_show_the_picture_as_it_is_and_changed():
    image = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    case = {"transform": "vertical flip", "strength": 1.0, "label": "Happy"}
    asked = []

    def first(inputs, target):
        asked.append(target.tolist())
        return inputs[:, :1]

    titles, rows, pictures = cases.case_panels(case, image, {"MP": first}, detector(), ("Angry", "Fear", "Happy"))
    assert titles[0].startswith("as it is\n") and titles[1].startswith("vertical flip +1\n") and asked == [[2, 2]]
    np.testing.assert_allclose(pictures[0], pictures[1][::-1])
    assert list(rows) == ["picture", "MP"] and rows["MP"].shape == (2, 1, 44, 44)
