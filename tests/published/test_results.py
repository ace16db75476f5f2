import re

from fer_nb.evaluation import thesis
from fer_nb.published import keep, results


def test_results_stand_beside_the_thesis():
    keep.keep_study("tiny")
    text = results.results_text()
    measured = "90.00 [85.00, 95.00]"
    assert (
        f"| CK+ | ResNet18 | {measured} | 94.95 | −4.95 | within the interval | tiny | tiny | 80.00 | 2 | 60 | 1.5 |"
        in text
    )
    within = "within the interval | tiny | tiny | 80.00 | 2 | 60 | 1.5 |"
    assert f"| CK+ | lightResNetl | {measured} | 100.00 | −10.00 | {within}" in text
    words = "88.11 | +1.89 | within the interval, 2 of 200 epochs | tiny | tiny | 80.00 | 2 | 2 | 1.5 |"
    assert f"| FERm | lightResNetl | {measured} | {words}" in text
    assert len(re.findall(r"\| FER2013 \| \w+ \| – \| [0-9.]+ \| – \| not run \| – ", text)) == len(thesis.MODELS)
    assert "- Table 3-1: 8 of 8 cells are as the thesis prints them.\n" in text
    assert "22 of 24 cells are as the thesis prints them. The others: valid Surprise: 415, printed 315 (a misp" in text
    assert "| lightResNetl | folds by subject | tiny | 1 | 88.00 [84.00, 91.00] | 327 | 12 |" in text
