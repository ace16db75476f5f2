import numpy as np
import pytest

from fer_nb import names


@pytest.mark.parametrize("name", ["VGG19", "ckplus-fold1", "micro_dynamic", "v1.2", "a"])
def test_a_name(name):
    names.refuse_unfit("net", name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../a", "a/b", "a b", "a\nb", "-n", "1", "é", "a$(b)", "<b>", "a" * 101, "a\n"]
)
def test_what_is_no_name(name):
    with pytest.raises(ValueError, match=r"^net .*: name it with letters") as raised:
        names.refuse_unfit("net", name)
    assert len(str(raised.value)) < 130 and "\n" not in str(raised.value)


def test_an_unknown_name_of_any_length_is_answered_at_once():
    assert names.suggestion("x" * 10**7, ["VGG19"]) == "choose one of VGG19"


@pytest.mark.parametrize(
    "value, digits, plain, signed",
    [(-0.004, 2, "0.00", "0.00"), (-0.0, 0, "0", "0"), (0.004, 2, "0.00", "0.00"), (0, 0, "0", "0"),
     (-0.006, 2, "−0.01", "−0.01"), (1234.5, 1, "1,234.5", "+1,234.5"), (-1234567, 0, "−1,234,567", "−1,234,567")],
)  # fmt: skip
@pytest.mark.parametrize("kind", [float, np.float64, np.float32])
def test_what_rounds_to_zero_has_no_sign(value, digits, plain, signed, kind):
    assert names.decimal(kind(value), digits) == plain
    assert names.decimal(kind(value), digits, signed=True) == signed


def test_a_whole_number_of_any_type():
    assert names.decimal(3, 0) == names.decimal(np.int64(3), 0) == "3"
