"""Which channels there are, and whether one really delivers."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from peers import Answer, Mailbox, Ran, Sink

from notifier.memory import ChannelState, State
from notifier.model import Due, Event
from notifier.state import Store

NOON = datetime(2025, 11, 22, 12, 0, tzinfo=UTC)
Run = Callable[..., Ran]
Remembered = Callable[[State], Store]


def test_every_row_is_listed_with_how_it_fares(run: Run, remembered: Remembered) -> None:
    one = Event(
        id="e1", type="problem", at=NOON, reason="x", thing="river/node/a", severity="critical",
        to={"chat": Due("", NOON), "gone": Due("", NOON)},
    )  # fmt: skip
    failing = ChannelState(failing_since=NOON, reason="http 503")
    parked = ChannelState(failing_since=NOON, reason="auth 535", parked="auth 535", parked_at=NOON)
    remembered(
        State(
            id="n1", events={"e1": one},
            channels={"chat": failing, "ops/anna@example.org": parked},
        )
    )  # fmt: skip
    shown = json.loads(run("channel", "list", "--json").out)
    rows = {entry["row"]: (entry["kind"], entry["waiting"], entry["state"]) for entry in shown}
    assert list(rows) == ["ops/ops@example.org", "ops/anna@example.org", "chat", "gone"]
    assert rows["ops/ops@example.org"] == ("email", 0, "ok")
    assert rows["ops/anna@example.org"][2].startswith("parked since Nov 22 2025 ")
    assert rows["chat"][:2] == ("webhook", 1)
    assert rows["chat"][2].endswith(": http 503")
    assert rows["gone"] == ("gone", 1, "not in the configuration")
    lines = run("channel", "list").out.splitlines()
    assert lines[0].split() == ["CHANNEL", "KIND", "WAITING", "STATE"]
    assert len(lines) == 5


@pytest.fixture
def reachable(config: Path, mailbox: Mailbox, sink: Sink) -> None:
    text = config.read_text().replace("127.0.0.1:9/", sink.url.removeprefix("http://"))
    config.write_text(text.replace('smtp = "127.0.0.1:9"', f'smtp = "{mailbox.address}"'))


@pytest.mark.usefixtures("reachable")
def test_a_test_sends_a_problem_and_its_ending_to_every_address(
    run: Run, mailbox: Mailbox, store: Store
) -> None:
    ran = run("channel", "test", "ops")
    assert (ran.code, ran.err) == (0, "")
    assert len(ran.out.splitlines()) == 4
    assert [mail.recipients[0] for mail in mailbox.mails] == [
        "ops@example.org", "ops@example.org", "anna@example.org", "anna@example.org",
    ]  # fmt: skip
    assert all("TEST" in mail.subject for mail in mailbox.mails)
    problem, ending = mailbox.mails[:2]
    assert problem.message["Message-ID"] in str(ending.message["In-Reply-To"])
    for mail in problem, ending:
        text = str(mail.message.get_body().get_content())
        assert "acknowledge" not in text
        assert not re.search(r"\bi-\d|notifier status [^·]", text), "no such thing, no such handle"
    assert not store.path.exists(), "a test is remembered nowhere"


@pytest.mark.usefixtures("reachable")
def test_a_test_may_be_of_one_address(run: Run, mailbox: Mailbox) -> None:
    assert run("channel", "test", "ops/anna@example.org").code == 0
    assert {mail.recipients for mail in mailbox.mails} == {("anna@example.org",)}


@pytest.mark.usefixtures("reachable")
def test_a_test_that_fails_says_how_and_is_4(run: Run, sink: Sink) -> None:
    sink.answers.append(Answer(401))
    ran = run("channel", "test", "chat")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err == "notifier: chat: not delivered: http 401\n"
    assert len(sink.requests) == 1


def test_a_secret_that_is_missing_is_named_and_not_shown(run: Run, config: Path) -> None:
    config.write_text(config.read_text() + 'secret = "env:HOOK"\n')
    ran = run("channel", "test", "chat")
    assert ran.code == 4
    assert "env:HOOK: the environment has no such variable" in ran.err


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("caht", " (did you mean 'chat'?)"),
        ("ops/ana@example.org", " (did you mean 'ops/anna@example.org'?)"),
        ("", ""),
    ],
)
def test_a_test_of_what_is_no_channel_sends_nothing(name: str, near: str, run: Run) -> None:
    assert run("channel", "test", name) == Ran(
        2, "", f"notifier: no channel is named '{name}'{near}\n"
    )
