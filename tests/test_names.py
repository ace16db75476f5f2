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
