"""What waits, and that what a person does about one part of it leaves every other part alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from world import config, thing

from notifier import outbox
from notifier.compose import Outlook, compose, rests
from notifier.memory import ChannelState, State
from notifier.model import Due, Event, Incident, Message, Planned
from notifier.people import People
from notifier.settle import MOST_UNKNOWN

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
# of a channel with one row, of one with two, and of one that left the configuration
ROWS = ("chat", "ops/a@x", "ops/b@x", "gone")
TODAY = ("chat", "ops/a@x", "ops/b@x", "new")
TYPES = ("problem", "recovery", "reminder", "flapping_start", "flapping_end", "change")


def incident(handle: str, told: dict[str, datetime | None], **more: object) -> Incident:
    values = {
        "handle": handle, "thing": f"river/node/{handle}", "finite": False, "severity": "critical",
        "observation": thing("node", handle, "offline"), "opened": NOON, "changed": NOON,
        "plan": {row: Planned("", at, "n0-1" if at else "", at) for row, at in told.items()},
        **more,
    }  # fmt: skip
    return Incident(**values)


def event(ident: str, kind: str, rows: dict[str, Due], handle: str = "i-1") -> Event:
    return Event(
        id=ident, type=kind, at=NOON, reason="x", thing=f"river/node/{handle}",
        severity="critical", incident=handle, observation=thing("node", handle, "offline"), to=rows,
    )  # fmt: skip


@st.composite
def states(draw: st.DrawFn) -> State:
    """States in which every message and its events know each other."""
    handles = [f"i-{number}" for number in range(1, 4)]
    incidents = {
        handle: incident(
            handle,
            {row: draw(st.sampled_from([None, NOON])) for row in ROWS},
            ended=draw(st.sampled_from([None, None, NOON])),
        )
        for handle in handles
    }
    events, messages = {}, {}
    for number in range(10, 10 + draw(st.integers(0, 8))):
        rows = draw(st.sets(st.sampled_from(ROWS), min_size=1))
        due = {row: Due("", NOON, draw(st.integers(0, 2))) for row in sorted(rows)}
        one = event(f"e{number}", draw(st.sampled_from(TYPES)), due, draw(st.sampled_from(handles)))
        events[one.id] = one
    for number, row in enumerate(ROWS, 100):
        free = [name for name, one in events.items() if row in one.to]
        chosen = draw(st.lists(st.sampled_from(free), unique=True)) if free else []
        if chosen:
            key = f"n0-{number}"
            state = draw(st.sampled_from(["attempting", "unknown", "parked"]))
            unknowns = 0 if state == "attempting" else draw(st.integers(state == "unknown", 3))
            messages[key] = Message(
                key=key, channel=row, route="", events=tuple(chosen), at=NOON, state=state,
                unknowns=unknowns, tries=max(1, unknowns),
            )  # fmt: skip
            for name in chosen:
                to = {**events[name].to, row: replace(events[name].to[row], key=key)}
                events[name] = replace(events[name], to=to)
    parked = ChannelState(
        failing_since=NOON, failures=2, failed_at=NOON, hold=600.0, parked="auth 535",
        parked_at=NOON, reason="auth 535",
    )  # fmt: skip
    troubled = draw(st.sets(st.sampled_from(ROWS)))
    return State(
        id="n0", counter=999, incidents=incidents, events=events, messages=messages,
        channels=dict.fromkeys(sorted(troubled), parked),
    )  # fmt: skip


def pairs(state: State) -> set[tuple[str, str]]:
    return {(name, row) for name, one in state.events.items() for row in one.to}


def coherent(state: State) -> bool:
    """Every message's events wait in it, and whoever waits in a message is in it."""
    return all(
        state.events[name].to[message.channel].key == key
        for key, message in state.messages.items()
        for name in message.events
    ) and all(
        name in state.messages[due.key].events
        for name, one in state.events.items()
        for due in one.to.values()
        if due.key
    )


NAMES = st.sampled_from([*ROWS, "ops"])
FAST = settings(deadline=None, max_examples=60)


# ---- what waits -----------------------------------------------------------------------------


def listed(state: State) -> list[tuple[str, str, str, str, int]]:
    found = outbox.waiting(state, TODAY, lambda *_: "")
    return [(one.id, one.row, one.state, one.reason, one.failures) for one in found]


def test_what_waits_is_listed_oldest_first_with_the_reason() -> None:
    rows = {"chat": Due("", NOON, key="n0-7"), "ops/a@x": Due("", NOON, 2), "gone": Due("", NOON)}
    second = event("e9", "recovery", {"chat": Due("", NOON, key="n0-7")})
    state = State(
        events={"e9": second, "e3": event("e3", "problem", rows)},
        messages={
            "n0-7": Message(
                key="n0-7", channel="chat", route="", events=("e3", "e9"), at=NOON, tries=2,
                state="unknown", unknowns=2, reason="no answer",
            )
        },
        channels={"ops/a@x": ChannelState(reason="smtp 421")},
    )  # fmt: skip
    assert listed(state) == [
        ("e3", "ops/a@x", "waiting", "smtp 421", 2),
        ("e3", "gone", "channel gone", "not in the configuration", 0),
        ("n0-7", "chat", "unknown", "no answer", 2),
    ]
    what = [one.what for one in outbox.waiting(state, TODAY, lambda *_: "")]
    assert what == ["problem river/node/i-1"] * 2 + ["problem river/node/i-1 and 1 more"]


def test_a_line_says_what_it_is_since_when_and_why_for_this_event_on_this_row() -> None:
    begun = NOON - timedelta(hours=1)
    free = replace(event("e1", "problem", {"chat": Due("", NOON), "new": Due("", NOON)}), at=begun)
    hangs = event("e2", "recovery", {"gone": Due("", NOON, key="n0-7")})
    message = Message(
        key="n0-7", channel="gone", route="", events=("e2",), at=NOON, state="parked", tries=3,
        reason="http 404",
    )  # fmt: skip
    state = State(events={"e1": free, "e2": hangs}, messages={"n0-7": message})
    held = {("e1", "chat"): "window night"}
    shown = {"what": "problem river/node/i-1", "since": begun, "state": "waiting"}
    assert outbox.waiting(state, TODAY, lambda one, row: held.get((one.id, row), "")) == [
        outbox.Waiting(id="e1", row="chat", reason="window night", **shown),
        outbox.Waiting(id="e1", row="new", reason="", **shown),
        outbox.Waiting(
            id="n0-7", row="gone", what="recovery river/node/i-1", since=NOON, state="parked",
            reason="not in the configuration", failures=3,
        ),
    ]  # fmt: skip


def test_a_message_that_is_on_its_way_has_not_failed() -> None:
    message = Message(key="n0-7", channel="chat", route="", events=("e1",), at=NOON)
    one = event("e1", "problem", {"chat": Due("", NOON, key="n0-7")})
    state = State(events={"e1": one}, messages={"n0-7": message})
    assert listed(state) == [("n0-7", "chat", "attempting", "", 0)]


def test_the_reason_of_the_day_comes_before_that_of_the_channel() -> None:
    state = State(
        events={"e1": event("e1", "problem", {"chat": Due("", NOON)})},
        channels={"chat": ChannelState(reason="http 503")},
    )
    (one,) = outbox.waiting(state, TODAY, lambda *_: "window night")
    assert one.reason == "window night"


@FAST
@given(states())
def test_everything_that_waits_is_in_exactly_one_line(state: State) -> None:
    found = outbox.waiting(state, TODAY, lambda *_: "")
    free = {
        (name, row)
        for name, one in state.events.items()
        for row, due in one.to.items()
        if not due.key
    }
    hanging = {(key, message.channel) for key, message in state.messages.items()}
    assert len(found) == len({(one.id, one.row) for one in found})
    assert {(one.id, one.row) for one in found} == free | hanging


# ---- drop -----------------------------------------------------------------------------------


@FAST
@given(states(), NAMES)
def test_dropping_a_channel_takes_all_of_it_and_nothing_of_another(state: State, name: str) -> None:
    done = outbox.drop(state, row=name)
    assert coherent(done)
    assert not any(outbox.belongs(row, name) for _, row in pairs(done))
    kept = {pair for pair in pairs(state) if not outbox.belongs(pair[1], name)}
    assert pairs(done) == kept
    assert all(done.events[e].to[row] == state.events[e].to[row] for e, row in kept)
    assert all(
        done.messages.get(key) == message
        for key, message in state.messages.items()
        if not outbox.belongs(message.channel, name)
    )


@FAST
@given(states(), st.data())
def test_dropping_by_id_takes_these_and_at_most_the_endings_that_hang_on_them(
    state: State, data: st.DataObject
) -> None:
    found = outbox.waiting(state, TODAY, lambda *_: "")
    ids = {one.id for one in found if data.draw(st.booleans())}
    row = data.draw(st.sampled_from(["", *ROWS, "ops"]))
    done = outbox.drop(state, ids=ids, row=row)
    assert coherent(done)
    meant = {
        (name, there)
        for name, there in pairs(state)
        if (not row or outbox.belongs(there, row))
        and (state.events[name].to[there].key or name) in ids
    }
    if not ids and row:
        meant = {pair for pair in pairs(state) if outbox.belongs(pair[1], row)}
    gone = pairs(state) - pairs(done)
    assert meant <= gone
    for name, there in gone - meant:
        assert state.events[name].type in ("recovery", "flapping_end")
        assert not state.events[name].to[there].key
        assert state.incidents[state.events[name].incident].plan[there].told is None


@FAST
@given(states(), st.data())
def test_after_a_drop_nobody_hears_of_the_end_of_what_they_never_heard_of(
    state: State, data: st.DataObject
) -> None:
    found = outbox.waiting(state, TODAY, lambda *_: "")
    if not found:
        return
    one = data.draw(st.sampled_from(found))
    done = outbox.drop(state, ids=[one.id], row=one.row)
    dropped = {name for name, row in pairs(state) - pairs(done) if row == one.row}
    touched = {state.events[name].incident for name in dropped}
    for handle in touched:
        waits = [e for e in done.events.values() if one.row in e.to and handle in e.incidents]
        told = state.incidents[handle].plan[one.row].told
        alone = waits and all(e.over for e in waits)
        assert told or not alone or all(e.to[one.row].key for e in waits)


@pytest.mark.parametrize("key", ["", "n0-7"])
def test_of_all_that_is_dropped_the_endings_go_too_where_nobody_heard_of_the_beginning(
    key: str,
) -> None:
    """However many are dropped at once, waiting each for itself or in one message."""
    names = ("i-1", "i-2", "i-3", "i-4")
    events = {}
    for place, handle in enumerate(names):
        due = {"chat": Due("", NOON, key=key), "new": Due("", NOON)}
        events[f"e{place}"] = event(f"e{place}", "problem", due, handle)
        ending = event(f"e{place + 4}", "recovery", {"chat": Due("", NOON)}, handle)
        events[ending.id] = ending
    dropped = ("e0", "e1", "e2", "e3")
    message = Message(key=key, channel="chat", route="", events=dropped, at=NOON, state="parked")
    state = State(
        events=events,
        messages={key: message} if key else {},
        # of one there is no plan for the row, of one nothing is known any more
        incidents={
            "i-1": incident("i-1", {"chat": None}), "i-2": incident("i-2", {"chat": None}),
            "i-3": incident("i-3", {"new": None}),
        },
    )  # fmt: skip
    done = outbox.drop(state, ids=[key] if key else dropped)
    others = {(one, "new") for one in dropped if key}
    assert pairs(done) == {("e6", "chat"), ("e7", "chat")} | others
    told = {**state.incidents, "i-1": incident("i-1", {"chat": NOON})}
    done = outbox.drop(replace(state, incidents=told), ids=[key or "e0"], row="chat")
    assert ("e4", "chat") in pairs(done), "who heard of it hears of its end"
    assert ("e0", "new") in pairs(done)


def test_an_ending_stays_while_anything_else_of_its_incident_waits() -> None:
    rows = {"chat": Due("", NOON)}
    kinds = ("problem", "problem", "recovery")
    events = {f"e{place}": event(f"e{place}", kind, rows) for place, kind in enumerate(kinds)}
    state = State(events=events, incidents={"i-1": incident("i-1", {"chat": None})})
    done = outbox.drop(state, ids=["e0"])
    assert pairs(done) == {("e1", "chat"), ("e2", "chat")}
    assert pairs(outbox.drop(done, ids=["e1"])) == set()


def test_what_is_an_address_of_a_channel_belongs_to_it_whatever_is_in_the_address() -> None:
    assert outbox.belongs("ops/a/b@x", "ops") and outbox.belongs("ops/a/b@x", "ops/a/b@x")
    assert not outbox.belongs("ops/a/b@x", "ops/a") and not outbox.belongs("ops", "ops/a@x")


def test_dropping_nothing_drops_nothing() -> None:
    state = State(events={"e1": event("e1", "problem", {"chat": Due("", NOON)})})
    assert outbox.drop(state) == state
    assert outbox.drop(state, ids=["e2"]) == state
    assert outbox.drop(state, row="ops") == state


# ---- move -----------------------------------------------------------------------------------


@FAST
@given(states(), NAMES)
def test_what_is_moved_waits_there_once_and_nothing_is_lost(state: State, old: str) -> None:
    new = ["new", "chat"] if old != "chat" else ["new"]
    done = outbox.move(state, old, new)
    assert coherent(done)
    expected = {
        (name, there)
        for name, row in pairs(state)
        for there in (new if outbox.belongs(row, old) else [row])
    }
    assert pairs(done) == expected
    for name, row in pairs(state):
        if not outbox.belongs(row, old):
            assert done.events[name].to[row] == state.events[name].to[row]
    for name, row in pairs(done) - pairs(state):
        due = done.events[name].to[row]
        assert (due.key, due.failures) == ("", 0)


@FAST
@given(states(), NAMES)
def test_whoever_takes_over_is_owed_the_endings_too(state: State, old: str) -> None:
    done = outbox.move(state, old, ["new"])
    for handle, before in state.incidents.items():
        after = done.incidents[handle].plan
        told = any(one.told for row, one in before.plan.items() if outbox.belongs(row, old))
        assert bool(after["new"].told) == told
        assert not any(outbox.belongs(row, old) for row in after)
        others = {row: one for row, one in before.plan.items() if not outbox.belongs(row, old)}
        assert {row: one for row, one in after.items() if row != "new"} == others


def test_what_the_other_was_told_already_stays_told() -> None:
    later = NOON + timedelta(hours=1)
    state = State(incidents={"i-1": incident("i-1", {"gone": NOON, "chat": later})})
    assert outbox.move(state, "gone", ["chat"]).incidents["i-1"].plan["chat"].told == later


def test_what_is_moved_keeps_its_route_and_its_time_and_whose_message_told_of_it() -> None:
    later = NOON + timedelta(hours=1)
    due = Due("boss", later, failures=2)
    there = replace(incident("i-1", {"gone": NOON}), plan={"gone": Planned("boss", NOON, "n0-1")})
    state = State(events={"e1": event("e1", "problem", {"gone": due})}, incidents={"i-1": there})
    done = outbox.move(state, "gone", ["chat"])
    assert done.events["e1"].to == {"chat": Due("boss", later)}
    # an ending there answers no message of another channel
    assert done.incidents["i-1"].plan == {"chat": Planned("boss", NOON, "")}


# ---- tidied ---------------------------------------------------------------------------------


@FAST
@given(states(), NAMES)
def test_only_rows_that_are_gone_and_wait_for_nothing_are_forgotten(
    state: State, name: str
) -> None:
    done = outbox.tidied(state, name, TODAY)
    waiting = {row for _, row in pairs(state)}
    lost = state.channels.keys() - done.channels.keys()
    lost |= {
        row
        for handle, one in state.incidents.items()
        for row in one.plan.keys() - done.incidents[handle].plan.keys()
    }
    assert lost == ({"gone"} if name == "gone" and "gone" not in waiting else set())
    assert (done.events, done.messages) == (state.events, state.messages)


def test_of_a_row_that_is_gone_and_waits_for_nothing_no_trace_is_left() -> None:
    troubled = dict.fromkeys(("chat", "gone", "gone/a@x"), ChannelState(reason="dns"))
    told = incident("i-1", {"chat": NOON, "gone": NOON, "gone/a@x": None})
    waits = event("e1", "problem", {"chat": Due("", NOON)})
    state = State(channels=troubled, incidents={"i-1": told}, events={"e1": waits})
    done = outbox.tidied(state, "gone", TODAY)
    assert list(done.channels) == list(done.incidents["i-1"].plan) == ["chat"]
    waits = replace(waits, to={"gone": Due("", NOON)})
    done = outbox.tidied(replace(state, events={"e1": waits}), "gone", TODAY)
    assert list(done.channels) == list(done.incidents["i-1"].plan) == ["chat", "gone"]


# ---- retry ----------------------------------------------------------------------------------


def composed(state: State) -> State:
    there = config(("chat", "new"))
    email = replace(there.channels["chat"], webhook="", email=["a@x", "b@x"])
    there = replace(there, channels={**there.channels, "ops": email})
    return compose(state, Outlook(state, there, People(), {}, NOON))[0]


@FAST
@given(states())
def test_after_a_retry_everything_is_due_and_in_a_message(state: State) -> None:
    done = outbox.retry(state)
    assert coherent(done)
    assert not any(rests(channel, NOON) for channel in done.channels.values())
    assert all(message.state != "parked" for message in done.messages.values())
    assert all(
        due.key
        for one in composed(done).events.values()
        for row, due in one.to.items()
        if row in TODAY
    )


@FAST
@given(states())
def test_a_retry_gives_up_only_reminders_and_what_has_ended(state: State) -> None:
    done = outbox.retry(state)
    assert pairs(done) <= pairs(state)
    for name, row in pairs(state) - pairs(done):
        one = state.events[name]
        message = state.messages[one.to[row].key]
        assert message.state == "parked"
        assert one.type == "reminder" or message.unknowns


@FAST
@given(states(), NAMES)
def test_a_retry_of_one_channel_touches_no_other(state: State, name: str) -> None:
    done = outbox.retry(state, name)
    assert coherent(done)
    for row in ROWS:
        if not outbox.belongs(row, name):
            assert done.channels.get(row) == state.channels.get(row)
            mine = {k: m for k, m in state.messages.items() if m.channel == row}
            assert {k: m for k, m in done.messages.items() if m.channel == row} == mine
            assert {e for e, r in pairs(done) if r == row} == {
                e for e, r in pairs(state) if r == row
            }


def test_a_channel_that_is_retried_rests_no_longer_and_has_failed_as_often_as_before() -> None:
    parked = ChannelState(
        failing_since=NOON, failures=2, failed_at=NOON, hold=600.0, parked="auth 535",
        parked_at=NOON, reason="auth 535",
    )  # fmt: skip
    rested = replace(parked, failed_at=None, parked="", parked_at=None)
    state = State(channels={"chat": parked, "ops/a@x": parked})
    assert outbox.retry(state, "ops").channels == {"chat": parked, "ops/a@x": rested}
    assert outbox.retry(state).channels == {"chat": rested, "ops/a@x": rested}


def test_what_a_dead_run_was_sending_may_have_been_told_also_when_it_is_dropped() -> None:
    """Of the two messages only the first was begun: only its end is owed."""
    due = [Due("", NOON, key="n0-7"), Due("", NOON, key="n0-8")]
    names = ("i-1", "i-2")
    state = State(
        id="n0",
        events={
            f"e{n}": event(f"e{n}", "problem", {"ops": due[n]}, names[n]) for n in range(2)
        },
        messages={
            one.key: Message(key=one.key, channel="ops", route="", events=(f"e{n}",), at=NOON)
            for n, one in enumerate(due)
        },
        incidents={name: incident(name, {"ops": None}) for name in names},
    )  # fmt: skip
    done = outbox.drop(state, row="ops")
    assert not done.messages and pairs(done) == set()
    assert {name: one.plan["ops"].told for name, one in done.incidents.items()} == {
        "i-1": NOON, "i-2": None,
    }  # fmt: skip


# ---- what is still true when a person retries it --------------------------------------------


def retried(what: Event, *incidents: Incident) -> bool:
    """Whether a message with this event alone, that may have arrived, is sent to `chat` again."""
    one = replace(what, to={"chat": Due("", NOON, key="n0-7")})
    message = Message(
        key="n0-7", channel="chat", route="", events=(one.id,), at=NOON, state="parked",
        unknowns=3, tries=3,
    )  # fmt: skip
    state = State(
        id="n0",
        events={one.id: one},
        messages={"n0-7": message},
        incidents={each.handle: each for each in incidents},
    )
    done = outbox.retry(state, "chat")
    assert coherent(done)
    return bool(done.messages)


def test_a_problem_that_may_have_arrived_is_sent_again_while_it_is_open() -> None:
    # flapping that ended badly is no ending
    for kind in ("problem", "flapping_start", "flapping_end"):
        problem = event("e1", kind, {})
        assert retried(problem, incident("i-1", {"chat": NOON}))
        assert not retried(problem, incident("i-1", {"chat": NOON}, ended=NOON))
        other = incident("i-2", {"chat": NOON}, thing=problem.thing)
        assert not retried(problem, incident("i-1", {}, ended=NOON), other), "another time"
        assert not retried(problem), "nothing is known of it any more"


def test_an_ending_that_may_have_arrived_is_sent_again_whatever_came_later() -> None:
    """Or a pager would keep its alert for ever; its footer says that the thing is bad again."""
    over = incident("i-1", {"chat": NOON}, ended=NOON)
    for kind in ("recovery", "flapping_end"):
        ending = replace(event("e1", kind, {}), observation=thing("node", "i-1", "online"))
        later = incident("i-2", {"chat": NOON}, thing=over.thing)
        assert retried(ending, over) and retried(ending, over, later)


def test_a_summary_that_may_have_arrived_is_sent_again_while_all_that_it_told_of_is_open() -> None:
    summary = replace(event("e1", "summary", {}, handle=""), covers=("i-1", "i-2"))
    ended, open_ = incident("i-1", {}, ended=NOON), incident("i-2", {})
    assert retried(summary, replace(ended, ended=None), open_)
    assert not retried(summary, ended, replace(open_, ended=NOON), incident("i-3", {}))
    assert retried(replace(summary, covers=()), ended), "a summary of what is well stays true"


def test_of_a_summary_that_is_retried_what_is_still_bad_is_told_and_nothing_else() -> None:
    due = {"chat": Due("a", NOON, key="n0-7"), "new": Due("", NOON)}
    summary = replace(event("e9", "summary", due, handle=""), covers=("i-1", "i-2"))
    alone = replace(event("e2", "problem", {"pager": Due("", NOON)}, "i-2"), reason="first look")
    message = Message(
        key="n0-7", channel="chat", route="a", events=("e9",), at=NOON, state="parked",
        unknowns=3, tries=3,
    )  # fmt: skip
    state = State(
        id="n0",
        events={"e2": alone, "e9": summary},
        messages={"n0-7": message},
        incidents={"i-1": incident("i-1", {}, ended=NOON), "i-2": incident("i-2", {})},
    )
    done = outbox.retry(state, "chat")
    assert coherent(done) and not done.messages
    assert pairs(done) == {("e9", "new"), ("e2", "pager"), ("e2", "chat")}
    told = done.events["e2"]
    assert (told.type, told.incident, told.to["chat"]) == ("problem", "i-2", Due("a", NOON))
    assert told.to["pager"] == Due("", NOON), "and who gets it already has it as it was"
    state = replace(state, events={"e9": summary})
    assert pairs(outbox.retry(state, "chat")) == {("e9", "new"), ("e2", "chat")}


def test_of_a_message_that_is_retried_only_what_is_still_true_is_sent() -> None:
    to = {"chat": Due("", NOON, key="n0-7"), "new": Due("", NOON)}
    message = Message(
        key="n0-7", channel="chat", route="", events=("e1", "e2"), at=NOON, state="parked",
        unknowns=3, tries=3,
    )  # fmt: skip
    state = State(
        id="n0",
        events={"e1": event("e1", "problem", to), "e2": event("e2", "problem", to, "i-2")},
        messages={"n0-7": message},
        incidents={
            "i-1": incident("i-1", {"chat": NOON}, ended=NOON),
            "i-2": incident("i-2", {"chat": NOON}),
        },
    )
    done = outbox.retry(state)
    (again,) = done.messages.values()
    assert (again.key, again.state, again.events) == ("n0-7", "unknown", ("e2",))
    assert again.unknowns == MOST_UNKNOWN - 1, "in doubt once more it is parked anew"
    assert pairs(done) == {("e1", "new"), ("e2", "chat"), ("e2", "new")}, "another row waits on"
