import numpy as np
import pytest

from fer_nb.evaluation import thesis


def test_the_thesis_counts_add_up():
    for table in (thesis.TABLE_3_2, thesis.TABLE_3_3_TRUE, thesis.TABLE_3_4):
        for row in table.values():
            assert sum(row.values()) == 2 * row["Total"]
    ckplus, ferm = thesis.TABLE_3_2["valid"]["Total"], thesis.TABLE_3_4["test"]["Total"]
    for pictures, table in ((ckplus, thesis.TABLE_3_6), (ferm, thesis.TABLE_3_10)):
        right = np.array(list(table.values())) * pictures / 100
        assert right == pytest.approx(right.round(), abs=0.02)  # the printed accuracies are whole pictures
