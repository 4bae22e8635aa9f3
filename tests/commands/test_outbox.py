"""What a person does about what waits: seen on the state, and at real receivers."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from peers import Answer, Mailbox, Ran, Sink
from world import thing

from notifier.memory import ChannelState, State
from notifier.model import Due, Event, Incident, Message, Planned
from notifier.state import Store

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Run = Callable[..., Ran]
Remembered = Callable[[State], Store]
OPS, ANNA = "ops/ops@example.org", "ops/anna@example.org"


def event(ident: str, name: str, *rows: str, **due: object) -> Event:
    return Event(
        id=ident, type="problem", at=NOON, reason="new", thing=f"river/node/{name}",
        severity="critical", incident=f"i-{name}", observation=thing("node", name, "offline"),
        opened=NOON, to={row: Due("", NOON, **due) for row in rows},
    )  # fmt: skip


def incident(name: str, *rows: str) -> Incident:
    return Incident(
        handle=f"i-{name}", thing=f"river/node/{name}", finite=False, severity="critical",
        observation=thing("node", name, "offline"), opened=NOON, changed=NOON,
        plan={row: Planned("") for row in rows},
    )  # fmt: skip


def waiting(*events: Event, **more: object) -> State:
    """A state in which these wait, of incidents that nobody was told of."""
    incidents = {one.incident: incident(one.thing.rsplit("/", 1)[1], *one.to) for one in events}
    values = {"events": {one.id: one for one in events}, "incidents": incidents, **more}
    return State(id="n1", counter=50, **values)


def pairs(store: Store) -> set[tuple[str, str]]:
    state, _ = Store(store.path).load()
    return {(name, row) for name, one in state.events.items() for row in one.to}


# ---- list -----------------------------------------------------------------------------------


def test_an_empty_outbox_says_nothing(run: Run, remembered: Remembered) -> None:
    remembered(State(id="n1"))
    assert run("outbox", "list") == Ran(0, "", "")
    assert run("outbox", "list", "--json") == Ran(0, "[]\n", "")


def test_the_list_shows_what_waits_for_whom_since_when_and_why(
    run: Run, remembered: Remembered
) -> None:
    remembered(
        waiting(
            event("e1", "a", OPS, "gone", failures=1), event("e2", "b", "chat"),
            channels={OPS: ChannelState(reason="smtp 421", failing_since=NOON)},
        )
    )  # fmt: skip
    ran = run("outbox", "list")
    assert ran.code == 1
    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[0] == ["ID", "CHANNEL", "STATE", "SINCE", "WHAT", "REASON"]
    assert [(line[0], line[1]) for line in lines[1:]] == [
        ("e1", OPS),
        ("e1", "gone"),
        ("e2", "chat"),
    ]
    assert lines[1][-4:] == ["problem", "river/node/a", "smtp", "421"]
    shown = json.loads(run("outbox", "list", "--json").out)
    assert [one["id"] for one in shown] == ["e1", "e1", "e2"]
    assert shown[1]["state"] == "channel gone"


# ---- drop -----------------------------------------------------------------------------------


def test_what_is_dropped_by_id_waits_for_nobody(run: Run, remembered: Remembered) -> None:
    store = remembered(waiting(event("e1", "a", OPS, "chat"), event("e2", "b", "chat")))
    assert run("outbox", "drop", "e1") == Ran(0, "2 dropped; 1 waiting\n", "")
    assert pairs(store) == {("e2", "chat")}


def test_an_id_with_a_channel_is_dropped_only_there(run: Run, remembered: Remembered) -> None:
    store = remembered(waiting(event("e1", "a", OPS, "chat"), event("e2", "b", "chat")))
    assert run("outbox", "drop", "e1", "--channel", "chat").out == "1 dropped; 2 waiting\n"
    assert pairs(store) == {("e1", OPS), ("e2", "chat")}


def test_all_of_a_channel_is_dropped_with_all_its_addresses(
    run: Run, remembered: Remembered
) -> None:
    store = remembered(waiting(event("e1", "a", OPS, ANNA, "chat")))
    ran = run("outbox", "drop", "--channel", "ops", "--json")
    assert json.loads(ran.out) == {"version": 1, "dropped": 2, "waiting": 1}
    assert pairs(store) == {("e1", "chat")}


def test_a_message_is_dropped_with_what_is_in_it(run: Run, remembered: Remembered) -> None:
    message = Message(
        key="n1-7", channel="chat", route="", events=("e1", "e2"), at=NOON, state="parked"
    )
    store = remembered(
        waiting(
            event("e1", "a", "chat", key="n1-7"), event("e2", "b", "chat", key="n1-7"),
            event("e3", "c", "chat"), messages={"n1-7": message},
        )
    )  # fmt: skip
    assert run("outbox", "drop", "n1-7").out == "1 dropped; 1 waiting\n"
    assert pairs(store) == {("e3", "chat")}
    assert Store(store.path).load()[0].messages == {}


def test_a_channel_that_is_gone_is_forgotten_with_what_waited_for_it(
    run: Run, remembered: Remembered
) -> None:
    """Else the end of every problem it was told of would wait for it again."""
    told = Incident(
        handle="i-b", thing="river/node/b", finite=False, severity="critical", opened=NOON,
        changed=NOON, observation=thing("node", "b", "offline"),
        plan={"gone": Planned("", NOON, "n1-1"), "chat": Planned("", NOON, "n1-1")},
    )  # fmt: skip
    before = waiting(
        event("e1", "a", "gone"), channels={"gone": ChannelState(reason="dns", failing_since=NOON)}
    )
    incidents = {**before.incidents, "i-b": told}
    store = remembered(
        State(id="n1", events=before.events, incidents=incidents, channels=before.channels)
    )
    assert run("outbox", "drop", "--channel", "gone").out == "1 dropped; 0 waiting\n"
    state, _ = Store(store.path).load()
    assert state.channels == {}
    assert list(state.incidents["i-b"].plan) == ["chat"]


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ([], "outbox drop: name what to drop, or --channel NAME"),
        (["e9"], "nothing in the outbox is called 'e9'"),
        (["e1", "e9"], "nothing in the outbox is called 'e9'"),
        (["e1", "--channel", OPS], f"nothing in the outbox for {OPS} is called 'e1'"),
        (
            ["--channel", "caht"],
            "no channel is named 'caht', and nothing waits for one (did you mean 'chat'?)",
        ),
    ],
)
def test_a_drop_of_what_is_not_there_is_a_mistake_and_drops_nothing(
    args: list[str], why: str, run: Run, remembered: Remembered
) -> None:
    store = remembered(waiting(event("e1", "a", "chat")))
    assert run("outbox", "drop", *args) == Ran(2, "", f"notifier: {why}\n")
    assert pairs(store) == {("e1", "chat")}


# ---- move -----------------------------------------------------------------------------------


def test_what_waits_for_a_channel_that_is_gone_is_moved(run: Run, remembered: Remembered) -> None:
    store = remembered(waiting(event("e1", "a", "gone", "chat"), event("e2", "b", "gone")))
    assert run("outbox", "move", "gone", "chat") == Ran(0, "2 moved; 2 waiting\n", "")
    assert pairs(store) == {("e1", "chat"), ("e2", "chat")}


def test_a_channel_of_several_addresses_takes_over_with_all_of_them(
    run: Run, remembered: Remembered
) -> None:
    store = remembered(waiting(event("e1", "a", "gone")))
    assert json.loads(run("outbox", "move", "gone", "ops", "--json").out)["moved"] == 1
    assert pairs(store) == {("e1", OPS), ("e1", ANNA)}


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["gone", "caht"], "no channel is named 'caht' (did you mean 'chat'?)"),
        (["gnoe", "chat"], "no channel is named 'gnoe', and nothing waits for one (did you mean"),
        (["chat", "chat"], "'chat' and 'chat' are the same channel"),
        (["ops", ANNA], f"'ops' and '{ANNA}' are the same channel"),
    ],
)
def test_a_move_from_or_to_nowhere_is_a_mistake(
    args: list[str], why: str, run: Run, remembered: Remembered
) -> None:
    store = remembered(waiting(event("e1", "a", "gone")))
    ran = run("outbox", "move", *args)
    assert ran.code == 2
    assert ran.err.startswith(f"notifier: {why}")
    assert pairs(store) == {("e1", "gone")}


# ---- retry ----------------------------------------------------------------------------------


@pytest.fixture
def reachable(config: Path, mailbox: Mailbox, sink: Sink) -> None:
    """The channels of the configuration at real receivers."""
    text = config.read_text().replace("127.0.0.1:9/", sink.url.removeprefix("http://"))
    config.write_text(text.replace('smtp = "127.0.0.1:9"', f'smtp = "{mailbox.address}"'))


@pytest.mark.usefixtures("reachable")
def test_a_retry_delivers_now_what_is_parked_and_what_backs_off(
    run: Run, remembered: Remembered, mailbox: Mailbox, sink: Sink
) -> None:
    later = datetime.now(UTC)
    tired = ChannelState(
        failing_since=later, failures=9, failed_at=later, hold=3600.0, reason="smtp 421"
    )
    parked = ChannelState(
        failing_since=later, failures=1, failed_at=later, parked="http 401", parked_at=later
    )
    store = remembered(
        waiting(
            event("e1", "gpu-07", OPS, "chat", failures=1), channels={OPS: tired, "chat": parked}
        )
    )
    ran = run("outbox", "retry")
    assert (ran.code, ran.out, ran.err) == (0, "2 delivered; 0 waiting\n", "")
    assert [mail.recipients for mail in mailbox.mails] == [("ops@example.org",)]
    assert sink.requests[0].json()["events"][0]["thing"] == "river/node/gpu-07"
    assert pairs(store) == set()
    assert Store(store.path).load()[0].channels == {}


@pytest.mark.usefixtures("reachable")
def test_a_retry_of_one_channel_leaves_the_others_alone(
    run: Run, remembered: Remembered, mailbox: Mailbox, sink: Sink
) -> None:
    now = datetime.now(UTC)
    parked = ChannelState(failing_since=now, parked="x", parked_at=now, reason="x")
    store = remembered(
        waiting(event("e1", "a", OPS, "chat"), channels={OPS: parked, "chat": parked})
    )
    ran = run("outbox", "retry", "--channel", "chat")
    assert ran.out.splitlines()[0] == "1 delivered; 1 waiting"
    assert len(sink.requests) == 1
    assert mailbox.mails == []
    assert pairs(store) == {("e1", OPS)}


@pytest.mark.usefixtures("reachable")
def test_a_message_that_may_have_arrived_is_retried_under_its_key(
    run: Run, remembered: Remembered, sink: Sink
) -> None:
    message = Message(
        key="n1-7", channel="chat", route="", events=("e1",), at=NOON, state="parked", unknowns=3,
        tries=3, reason="no answer",
    )  # fmt: skip
    remembered(waiting(event("e1", "a", "chat", key="n1-7"), messages={"n1-7": message}))
    assert run("outbox", "retry").out == "1 delivered; 0 waiting\n"
    assert sink.requests[0].headers["webhook-id"] == "n1-7"


@pytest.mark.usefixtures("reachable")
def test_a_retry_that_fails_says_why_and_is_4(run: Run, remembered: Remembered, sink: Sink) -> None:
    sink.answers.append(Answer(503))
    remembered(waiting(event("e1", "a", "chat")))
    ran = run("outbox", "retry")
    assert ran.code == 4
    first, second = ran.out.splitlines()
    assert first == "0 delivered; 1 waiting"
    assert second.startswith("  e1 for chat: http 503")
    shown = json.loads(run("outbox", "retry", "--json").out)
    assert (shown["version"], shown["delivered"], shown["waiting"]) == (1, 1, [])


def test_a_retry_of_an_unknown_channel_is_a_mistake(run: Run, remembered: Remembered) -> None:
    remembered(waiting(event("e1", "a", "chat")))
    ran = run("outbox", "retry", "--channel", "caht")
    assert (ran.code, ran.out) == (2, "")


@pytest.mark.parametrize("args", [["outbox", "drop", "e1"], ["state", "forget", "a"]])
def test_a_change_of_a_damaged_state_says_that_it_was(
    args: list[str], run: Run, remembered: Remembered
) -> None:
    remembered(waiting(event("e1", "a", "chat")))
    store = remembered(waiting(event("e1", "a", "chat")))
    store.path.write_bytes(b"{torn")
    ran = run(*args)
    assert ran.code == 0
    assert ran.err == (f"notifier: {store.path} is damaged; the generation before it was taken\n")


# ---- with another run -----------------------------------------------------------------------


@pytest.mark.parametrize("args", [["drop", "e1"], ["move", "gone", "chat"], ["retry"]])
def test_nothing_is_changed_under_a_run(
    args: list[str], run: Run, remembered: Remembered, config: Path
) -> None:
    store = remembered(waiting(event("e1", "a", "gone")))
    config.write_text(config.read_text() + '[state]\nlock_wait = "0s"\n')
    with store.lock(0):
        ran = run("outbox", *args)
        assert (ran.code, ran.out) == (75, "")
        assert "another run holds" in ran.err
        assert run("-q", "outbox", *args) == Ran(75, "", "")
    assert pairs(store) == {("e1", "gone")}
