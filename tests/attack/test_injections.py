import pytest
from attack import injections


@pytest.mark.parametrize("hostile", [injections.SCRIPT, injections.IMAGE, '<a href="JavaScript:x()">', "<iframe>"])
def test_what_is_live_is_seen(hostile):
    assert injections.Live(f"<p>A net {hostile} wins.</p>").found


def test_no_injection_is_live():
    counts = injections.main()
    assert counts["failed"] == 0 and counts["tried"] >= 30
