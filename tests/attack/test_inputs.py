"""A share of the damaged inputs; ``make attack`` tries them all."""

from attack import inputs
from attack.attempts import ACCEPTED, FAILED, REFUSED, Attempt, judge

SHARE = 9  # every ninth input: the whole takes minutes


def fails(error):
    def read():
        raise error

    return Attempt("kind", "name", read, ("face.png",))


def test_every_damaged_input_is_refused_clearly_or_rightly_accepted():
    found = inputs.judged(seed=0, share=SHARE)
    assert len(found) * SHARE > 600
    failed = found[found["outcome"] == FAILED]
    assert failed.empty, failed.to_string()


def test_the_judge_tells_clear_from_raw_and_silent():
    assert judge(fails(ValueError("face.png: damaged; copy it again")))[0] == REFUSED
    assert judge(fails(KeyError("face.png")))[1].startswith("traceback")
    for error in (ValueError("damaged"), ValueError("face.png: " + "x" * 999), UnicodeError("face.png")):
        assert judge(fails(error))[1].startswith("unclear")
    assert judge(Attempt("kind", "name", lambda: 3, ()))[1].startswith("silent")
    assert judge(Attempt("kind", "name", lambda: 3, (), lambda value: value == 4))[0] == FAILED
    assert judge(Attempt("kind", "name", lambda: 3, (), lambda value: value == 3))[0] == ACCEPTED
