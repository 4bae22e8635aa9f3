"""Rows side by side, letters of a row in order, one budget for all - and threads that may hang."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from deliver.ends import STEP, HttpEnd, letter, settings
from deliver.outcomes import HANG

from notifier.deliver import Letter, post
from notifier.deliver import send as really_send
from notifier.model import Receipt
from notifier.tables import Duration

LATE = "no answer before the run's deadline"
FOREVER = 60.0


def letters(*keys: str) -> list[Letter]:
    return [letter(settings(webhook="http://127.0.0.1:1/"), key=key) for key in keys]


def answering(**receipts: Receipt) -> tuple[Callable[[Letter], Receipt], list[str]]:
    """A `send` that gives the receipt of a key, else delivers; and the keys it was given."""
    sent: list[str] = []

    def send(one: Letter) -> Receipt:
        sent.append(one.key)
        return receipts.get(one.key, Receipt(key=one.key, outcome="delivered"))

    return send, sent


def keys(batches: list[list[Receipt]]) -> list[str]:
    return [receipt.key for batch in batches for receipt in batch]


def test_letters_of_a_row_go_in_order_and_every_row_goes() -> None:
    send, sent = answering()
    batches = list(post({"a": letters("a1", "a2", "a3"), "b": letters("b1")}, send, FOREVER))
    assert sorted(keys(batches)) == ["a1", "a2", "a3", "b1"]
    assert [key for key in sent if key != "b1"] == ["a1", "a2", "a3"]


def test_nothing_to_send_ends_at_once() -> None:
    send, _ = answering()
    assert list(post({}, send, FOREVER)) == [] == list(post({"a": []}, send, FOREVER))


def test_the_next_letter_waits_for_the_commit_of_the_receipt_before() -> None:
    send, sent = answering()
    batches = post({"a": letters("a1", "a2")}, send, FOREVER)
    assert keys([next(batches)]) == ["a1"]
    # the consumer is committing: whatever the room could do by itself, it would have done
    for thread in threading.enumerate():
        if thread.name == "post":
            thread.join(5)
    assert sent == ["a1"]
    assert keys([next(batches)]) == ["a2"]


def test_a_row_does_not_wait_for_another_rows_answer() -> None:
    hold = threading.Event()

    def send(one: Letter) -> Receipt:
        if one.key == "slow":
            hold.wait(5)
        return Receipt(key=one.key, outcome="delivered")

    batches = post({"a": letters("slow"), "b": letters("b1", "b2")}, send, FOREVER)
    assert keys([next(batches), next(batches)]) == ["b1", "b2"]
    hold.set()
    assert keys(list(batches)) == ["slow"]


def test_receipts_that_are_there_together_come_together() -> None:
    send, _ = answering()
    rows = {row: letters(row) for row in "abc"}
    batches = post(rows, send, FOREVER)
    first = next(batches)
    for thread in threading.enumerate():
        if thread.name == "post":
            thread.join(5)
    rest = list(batches)
    assert len(rest) <= 1
    assert sorted(keys([first, *rest])) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("receipt", "goes_on"),
    [
        (Receipt(key="a1", outcome="delivered"), True),
        (Receipt(key="a1", outcome="parked", blame="content"), True),
        (Receipt(key="a1", outcome="parked", blame="channel"), False),
        (Receipt(key="a1", outcome="retry"), False),
        (Receipt(key="a1", outcome="unknown"), False),
    ],
)
def test_a_row_goes_on_only_where_order_allows(receipt: Receipt, goes_on: bool) -> None:
    send, sent = answering(a1=receipt)
    batches = list(post({"a": letters("a1", "a2"), "b": letters("b1")}, send, FOREVER))
    assert receipt in [one for batch in batches for one in batch]
    assert ("a2" in sent) is goes_on
    assert ("a2" in keys(batches)) is goes_on


def test_a_send_that_breaks_is_unknown_and_tells_no_secret() -> None:
    def send(one: Letter) -> Receipt:
        raise RuntimeError("token s3cret")

    ((receipt,),) = post({"a": letters("a1")}, send, FOREVER)
    assert receipt == Receipt(key="a1", outcome="unknown", reason="internal error: RuntimeError")


def test_ten_hung_servers_cost_one_budget_and_late_answers_are_heard_by_nobody() -> None:
    hold, late = threading.Event(), []

    def send(one: Letter) -> Receipt:
        if one.key != "good":
            hold.wait(5)
            late.append(one.key)
        return Receipt(key=one.key, outcome="delivered")

    rows = {f"row{n}": letters(f"k{n}", f"never{n}") for n in range(10)} | {"g": letters("good")}
    batches = list(post(rows, send, 1.0))
    hold.set()
    assert keys(batches[:1]) == ["good"]
    assert sorted(keys(batches[1:])) == [f"k{n}" for n in range(10)]
    assert {(r.outcome, r.reason) for r in batches[-1]} == {("unknown", LATE)}


def test_a_letter_begins_only_within_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    send, sent = answering()
    batches = post({"a": letters("a1", "a2")}, send, FOREVER)
    assert keys([next(batches)]) == ["a1"]
    # the commit takes longer than the budget
    later = time.monotonic() + FOREVER
    monkeypatch.setattr("notifier.deliver.rows.time.monotonic", lambda: later)
    assert list(batches) == [] and sent == ["a1"]


def test_a_consumer_that_stops_begins_nothing_more() -> None:
    send, sent = answering()
    batches = post({"a": letters("a1", "a2")}, send, FOREVER)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert sent == ["a1"]


def test_real_letters_to_real_servers_that_hang_or_answer() -> None:
    good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with HttpEnd(HANG) as hung, HttpEnd(good) as well:
        rows = {
            f"hung{n}": [letter(settings(webhook=hung.url, timeout=Duration(STEP)), key=f"h{n}")]
            for n in range(10)
        } | {"well": [letter(settings(webhook=well.url), key=f"w{n}") for n in range(3)]}
        batches = list(post(rows, lambda one: really_send(one, FOREVER), FOREVER))
    outcomes = {receipt.key: receipt.outcome for batch in batches for receipt in batch}
    assert outcomes == {f"h{n}": "unknown" for n in range(10)} | {
        f"w{n}": "delivered" for n in range(3)
    }


HUNG = """
import socket, sys
from datetime import datetime, UTC
from notifier.settings import ChannelSettings, Destination
from notifier.deliver import Letter, post, send

silent = socket.create_server(("127.0.0.1", 0))
port = silent.getsockname()[1]
rows = {}
for n, settings in enumerate([
    ChannelSettings(webhook=f"http://127.0.0.1:{port}/"),
    ChannelSettings(slack=f"http://127.0.0.1:{port}/services/T0/B0/xyz"),
    ChannelSettings(url=f"json://127.0.0.1:{port}/"),
    ChannelSettings(email="a@example.org", smtp=f"127.0.0.1:{port}"),
]):
    there = Destination(str(n), str(n), settings, "a@example.org")
    one = Letter(key=str(n), destination=there, title="t", text="t", at=datetime.now(UTC))
    rows[str(n)] = [one]
for batch in post(rows, lambda letter: send(letter, 3600.0), 0.5):
    print(*(f"{receipt.key}:{receipt.outcome}" for receipt in sorted(batch, key=str)))
"""


def test_a_process_with_hung_letters_ends() -> None:
    # the sends would wait for their 15 s; that the process ends before is all that is asked
    done = subprocess.run(
        [sys.executable, "-c", HUNG], capture_output=True, text=True, timeout=14, check=False
    )
    assert done.stdout.split() == [f"{n}:unknown" for n in range(4)]
    assert (done.returncode, done.stderr) == (0, "")
