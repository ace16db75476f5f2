import numpy as np
import pytest

from fer_nb.background import activations


@pytest.mark.parametrize("name", activations.ACTIVATIONS)
def test_the_thesis_s_formulas_are_torch_s(name):
    table = activations.curves(name)
    np.testing.assert_allclose(table["formula"], table["function"], atol=1e-12)
    np.testing.assert_allclose(table["derivative"], table["autograd"], atol=1e-12)
    slope = np.gradient(table["function"], table["x"])
    smooth = table["x"].abs() > 0.1  # ReLU has no derivative at 0
    np.testing.assert_allclose(slope[smooth], table["autograd"][smooth], atol=2e-3)


def test_the_table_has_the_ranges_and_what_differs():
    curves = {name: activations.curves(name, limit=2, points=5) for name in ("logistic", "ReLU")}
    curves["ReLU"].loc[4, "derivative"] = 3.0
    table = activations.agreement(curves).set_index(["activation", "of"])
    assert table.loc[("logistic", "derivative"), "largest"] == 0.25
    assert table.loc[("ReLU", "function"), ["least", "largest"]].tolist() == [0, 2]
    assert table["largest_difference"].tolist() == pytest.approx([0, 0, 0, 2], abs=1e-12)
