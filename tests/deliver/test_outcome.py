"""What is read from a remote's words never breaks, and never says a word of theirs."""

import math
import time

from hypothesis import example, given
from hypothesis import strategies as st

from notifier.deliver.attempt import judge
from notifier.deliver.outcome import of_status, retry_after
from notifier.deliver.probe import Exchange

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@given(st.one_of(st.none(), st.text()), st.one_of(st.none(), st.text(), st.just(DATE)))
@example("Wed, 21 Oct 99999 07:28:00 GMT", None)
@example("١٢", None)
@example("9" * 400, None)
@example("Wed, 21 Oct 2026 07:28:00 -0000", DATE)
def test_a_pause_is_a_number_of_seconds_or_none(value: str | None, date: str | None) -> None:
    seconds = retry_after(value, date)
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


def test_a_date_without_the_servers_own_is_compared_with_our_clock() -> None:
    until = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3600))
    seconds = retry_after(until)
    assert seconds is not None and 0 < seconds <= 3600


def test_a_date_that_has_passed_is_now() -> None:
    assert retry_after("Wed, 21 Oct 2020 07:28:00 GMT", DATE) == 0.0


@given(st.integers(100, 999), st.binary(max_size=200), st.booleans())
def test_no_word_of_a_remote_is_ever_repeated(status: int, body: bytes, accepted: bool) -> None:
    for schema in ("slack", "tgram", "json"):
        known = judge(accepted, [Exchange(status)], None, schema).reason
        said = judge(accepted, [Exchange(status, body)], None, schema).reason
        assert said == known or said.startswith(("slack: ", "telegram: ")) or body == b"ok"


@given(st.integers(100, 999))
def test_every_status_has_a_verdict(status: int) -> None:
    verdict = of_status(status, 5.0)
    assert (verdict.outcome == "delivered") == (200 <= status < 300)
    assert (verdict.outcome == "parked") == bool(verdict.blame)
    assert verdict.outcome == "delivered" or str(status) in verdict.reason
