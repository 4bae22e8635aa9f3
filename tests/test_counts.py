"""What is counted and timed between looks and attempts: how it begins, goes on and is forgotten."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from world import NOON, World, config, doubtful, listing, refuses, thing

from notifier import settle
from notifier.memory import State
from notifier.model import Due, Event, Message, Receipt, Snapshot
from notifier.people import Ack, People
from notifier.settings import Route
from notifier.tables import Duration

HOURLY = Route(name="r", channels=["ops"], remind=[Duration(3600), Duration(7200)])
WELL = listing("node", {"a": "online", "b": "online"})
ONE = listing("node", {"a": "offline", "b": "online"})
BOTH = listing("node", {"a": "offline", "b": "offline"})


def begun(*routes: Route, channels: tuple[str, ...] = ("ops",)) -> World:
    one = World(config(channels, routes))
    one.run(WELL, listing("job", {"j": "online", "k": "online"}), listing("task", {"t": "running"}))
    for row in channels:
        one.heard(row)
    return one.later(minutes=5)


def job(status: str) -> Snapshot:
    return listing("job", {"j": status, "k": "online"})


# ---- bad looks --------------------------------------------------------------------------------


def test_a_problem_began_with_the_first_of_its_bad_looks() -> None:
    one = begun()
    one.run(job("offline"))
    one.later(minutes=5).run(job("offline"))
    (incident,) = one.state.incidents.values()
    assert (incident.opened, incident.changed) == (one.now - timedelta(minutes=5), one.now)
    assert not incident.finite, "it is reminded of, and ends"


def test_bad_looks_are_counted_on_over_what_does_not_show_the_thing() -> None:
    one = begun()
    one.run(job("offline"))
    for hours in (1, 3):
        one.later(hours=hours).run(listing("job", {"k": "online"}, complete=False))
    assert one.heard() == []
    one.later(hours=1).run(job("offline"))
    assert one.heard() == ["problem:river/job/j"]


def test_a_well_look_begins_the_count_of_bad_ones_anew() -> None:
    one = begun()
    for status in ("offline", "online", "offline", "online", "offline"):
        one.later(minutes=5).run(job(status))
    assert one.heard() == []
    one.later(minutes=5).run(job("offline"))
    assert one.heard() == ["problem:river/job/j"]


@pytest.mark.parametrize(
    ("before", "after", "at_once"),
    [
        ("running", "failed", True), ("pending", "lost", True), ("running", "completed", False),
        ("running", "cancelled", False), ("failed", "failed", False), ("failed", "running", False),
    ],
)  # fmt: skip
def test_only_what_newly_fails_on_a_bad_thing_confirms_it_at_once(
    before: str, after: str, at_once: bool
) -> None:
    one = begun()
    one.run(listing("task", {"t": thing("task", "t", before, part_of="job/j")}))
    one.later(minutes=5).run(
        job("offline"), listing("task", {"t": thing("task", "t", after, part_of="job/j")})
    )
    assert ("problem:river/job/j" in one.heard()) == at_once


def test_what_failed_once_more_on_a_bad_thing_confirms_it_at_once_too() -> None:
    one = begun()
    shown = [
        listing("build", {"x": thing("build", "x", "failed", part_of="job/j", attempt=attempt)})
        for attempt in ("1", "1", "2")
    ]
    one.run(listing("build", {"x": "running"}))
    one.run(shown[0])
    one.heard()
    one.later(minutes=5).run(job("offline"), shown[1])
    assert one.heard() == [], "it failed before"
    one.later(minutes=5).run(job("online"))
    one.later(minutes=5).run(job("offline"), shown[2])
    assert sorted(one.heard()) == ["problem:river/build/x", "problem:river/job/j"]


# ---- changes ----------------------------------------------------------------------------------


def test_what_changed_is_remembered_for_an_hour_and_no_longer() -> None:
    one = begun()
    one.run(ONE)
    one.later(minutes=59).run(WELL)
    assert len(one.state.watched["river/node/a"].changes) == 2
    one.later(minutes=1).run(WELL)
    assert len(one.state.watched["river/node/a"].changes) == 1
    one.later(minutes=59).run(WELL)
    assert one.state.watched == {}


def test_what_lately_changed_somewhere_else_is_left_to_a_look_at_it() -> None:
    one = begun()
    one.run(ONE)
    one.later(hours=2).run(WELL, source="lake")
    assert list(one.state.watched) == ["river/node/a"]


def test_flapping_ends_an_hour_to_the_second_after_the_last_change() -> None:
    one = begun()
    for look in (ONE, WELL, ONE, WELL):
        one.later(minutes=5).run(look)
    one.heard()
    one.later(minutes=60, seconds=-1).run(WELL)
    assert one.heard() == []
    one.later(seconds=1).run(WELL)
    assert one.heard() == ["flapping_end:river/node/a"]


def test_with_a_clock_that_went_back_steadiness_is_counted_from_the_next_look_on() -> None:
    one = begun()
    for look in (ONE, WELL, ONE):
        one.later(minutes=5).run(look)
    one.heard()
    one.later(hours=-5)
    for _ in range(12):
        one.run(ONE)
        assert one.heard() == []
        one.later(minutes=5)
    one.run(ONE)
    assert one.heard() == ["flapping_end:river/node/a"]


def test_several_things_flap_and_are_steady_each_for_itself() -> None:
    one = begun()
    for look in (BOTH, WELL, BOTH):
        one.later(minutes=5).run(look)
    one.heard()
    one.later(minutes=30).run(listing("node", {"a": "offline", "b": "online"}))
    one.later(minutes=30).run(listing("node", {"a": "offline", "b": "online"}))
    assert one.heard() == ["flapping_end:river/node/a"]
    one.later(minutes=30).run(listing("node", {"a": "offline", "b": "online"}))
    assert one.heard() == ["flapping_end:river/node/b"]


# ---- absence ----------------------------------------------------------------------------------


def test_several_things_are_missing_or_forgotten_at_once() -> None:
    one = begun()
    one.run(listing("machine", {"m": "online", "n": "online", "o": "online"}))
    one.run(listing("build", {"1": "completed", "2": "completed", "3": "running"}))
    one.heard()
    for _ in range(2):
        one.later(minutes=5).run(
            listing("machine", {"o": "online"}), listing("build", {"3": "running"})
        )
    assert one.heard() == ["problem:river/machine/m", "problem:river/machine/n"]
    assert one.state.things["river/build"].scopes[""].statuses == {"running": ["3"]}


def test_a_failure_that_nobody_was_told_of_yet_is_not_forgotten() -> None:
    one = begun()
    one.run(listing("build", {"1": "running", "2": "running"}))
    one.heard()
    one.answers["ops"] = refuses()
    one.later(minutes=5).run(listing("build", {"1": "failed", "2": "running"}))
    for _ in range(4):
        one.later(minutes=5).run(listing("build", {"2": "running"}))
    assert one.state.things["river/build"].scopes[""].statuses["failed"] == ["1"]
    del one.answers["ops"]
    for _ in range(2):
        one.later(hours=2).run(listing("build", {"2": "running"}))
    assert one.heard() == ["problem:river/build/1"]
    assert one.state.things["river/build"].scopes[""].statuses == {"running": ["2"]}


def test_what_came_back_from_missing_with_the_attempt_it_had_has_not_failed_once_more() -> None:
    one = World()
    there = thing("machine", "m", "offline", attempt="7")
    one.run(listing("machine", {"m": there, "n": "online"}))
    one.heard()
    for _ in range(2):
        one.later(minutes=5).run(listing("machine", {"n": "online"}))
    one.later(minutes=5).run(listing("machine", {"m": there, "n": "online"}))
    assert one.heard() == []


# ---- reminders --------------------------------------------------------------------------------


def reminders(one: World) -> list[Event]:
    return [event for event in one.news if event.type == "reminder"]


def test_a_reminder_says_what_is_still_bad_and_since_when() -> None:
    one = begun(HOURLY)
    one.run(ONE)
    (problem,) = one.news
    one.later(hours=1).run(ONE)
    (reminder,) = reminders(one)
    assert reminder.reason == "still bad"
    assert (reminder.observation, reminder.before) == (problem.observation, "offline")
    assert (reminder.opened, reminder.incident) == (problem.opened, problem.incident)
    assert set(reminder.to) == {"ops"}


def test_each_reminder_counts_once_and_news_begins_the_pauses_anew() -> None:
    one = begun(HOURLY)
    one.run(listing("node", {"a": "slow", "b": "online"}))
    began, times = one.now, []
    for minutes in range(0, 600, 30):
        one.later(minutes=30).run(
            listing("node", {"a": "slow" if minutes < 210 else "offline", "b": "online"})
        )
        times += [one.now - began for _ in reminders(one)]
    hours = [one / timedelta(hours=1) for one in times]
    # an hour, then two; worse after four hours; an hour, then two
    assert hours == [1, 3, 5, 7, 9]


def test_every_reminder_and_what_comes_after_has_a_number_of_its_own() -> None:
    one = begun(HOURLY)
    one.run(BOTH)
    ids = [event.id for event in one.news]
    for hours in (1, 1, 1):
        one.later(hours=hours).run(BOTH)
        ids += [event.id for event in one.news]
    one.run(WELL)
    ids += [event.id for event in one.news]
    handles = [f"e{handle.removeprefix('i-')}" for handle in {e.incident for e in one.news}]
    assert len(set(ids)) == len(ids) >= 8 and not set(handles) & set(ids)


def test_what_needs_no_reminder_keeps_none_from_what_does() -> None:
    one = begun(HOURLY)
    one.run(listing("task", {"t": "failed"}))
    one.run(ONE)
    one.people = People(acks={one.news[0].incident: Ack(at=one.now, author="eve", comment="x")})
    one.later(minutes=1).run(BOTH)
    one.heard()
    one.later(hours=1).run(BOTH, listing("task", {"t": "failed"}))
    assert one.heard() == ["reminder:river/node/b"], "neither a fact nor what is in hand"


def test_nobody_is_reminded_through_a_channel_that_rests() -> None:
    one = begun(HOURLY)
    one.run(ONE)
    one.answers["ops"] = refuses("http 429", retry_after=3 * 3600)
    one.later(minutes=5).run(BOTH)
    for _ in range(3):
        one.later(minutes=50).run(BOTH)
        assert reminders(one) == []
    one.answers.clear()
    one.later(minutes=40).run(BOTH)
    assert one.heard()[-2:] == ["problem:river/node/b", "reminder:river/node/a"]


def test_escalations_are_decided_whatever_waits_before_them() -> None:
    boss = Route(name="b", channels=["chat"], match={"kind": "node"}, escalate_after=Duration(3600))
    one = World(config(["ops", "chat"], [Route(name="a", channels=["ops"]), boss]))
    one.answers["ops"] = refuses("http 429", retry_after=86400)
    one.run(WELL)
    one.later(minutes=5).run(ONE)
    one.later(hours=1).run(ONE)
    assert "problem:river/node/a" in one.heard("chat")


# ---- attempts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "state", "reason"),
    [
        (doubtful, "unknown", "no answer"),
        (refuses("http 413", outcome="parked", blame="content"), "parked", "http 413"),
        (lambda message: None, "unknown", "the run was interrupted"),
    ],
)
def test_a_message_that_hangs_says_why(
    answer: Callable[[Message], Receipt | None], state: str, reason: str
) -> None:
    one = begun()
    one.answers["ops"] = answer
    one.run(ONE)
    one.state = settle.found_attempting(one.state, one.now)
    (message,) = one.state.messages.values()
    assert (message.state, message.reason) == (state, reason)


def hanging(**more: object) -> State:
    event = Event(
        id="e1", type="problem", at=NOON, reason="down", thing="river/node/a",
        severity="critical", to={"ops": Due("r", NOON, key="n0-2", failures=1)},
    )  # fmt: skip
    message = Message(
        key="n0-2", channel="ops", route="r", events=("e1",), at=NOON, **{"tries": 3, **more}
    )
    return State(id="n0", counter=2, events={"e1": event}, messages={"n0-2": message})


def test_a_repeat_that_was_not_tried_is_as_it_was_before() -> None:
    state = hanging(unknowns=2)
    after = settle.unattempted(state, ["n0-2", "n0-9"])
    message = state.messages["n0-2"]
    assert after.messages == {"n0-2": replace(message, state="unknown", tries=2)}
    assert after.events == state.events
    assert settle.unattempted(after, ["n0-2"]) == after, "it is not being attempted any more"


def test_a_receipt_of_what_is_not_being_attempted_changes_nothing() -> None:
    for state in ("unknown", "parked"):
        found = hanging(state=state, unknowns=1)
        assert settle.settled(found, Receipt(key="n0-2", outcome="retry"), NOON) == found
    assert settle.settled(State(id="n0"), Receipt(key="n0-2", outcome="retry"), NOON) == State(
        id="n0"
    )


def test_of_a_dead_run_a_message_of_each_row_may_have_arrived() -> None:
    one = begun(channels=("ops", "chat"))
    for row in ("ops", "chat"):
        one.answers[row] = lambda message: None
    one.run(ONE)
    state = settle.found_attempting(one.state, one.now)
    assert {message.channel: message.state for message in state.messages.values()} == {
        "ops": "unknown", "chat": "unknown",
    }  # fmt: skip
    (incident,) = state.incidents.values()
    assert {row: plan.told for row, plan in incident.plan.items()} == {
        "ops": one.now, "chat": one.now,
    }  # fmt: skip


def test_what_one_row_has_parked_holds_nothing_back_from_another() -> None:
    one = begun(channels=("ops", "chat"))
    one.keyed = frozenset({"ops", "chat"})
    one.answers["ops"] = refuses("http 413", outcome="parked", blame="content")
    changes = [thing("host", "h", word) for word in ("offline", "online")]
    # ends before chat's first message is sent
    one.run(replace(listing("host", {}), changes=tuple(changes)), kill=4)
    mine = [message.state for message in one.state.messages.values() if message.channel == "chat"]
    assert mine == ["attempting", "attempting"]


def test_what_was_composed_and_not_tried_counts_no_failure() -> None:
    state = settle.unattempted(hanging(), ["n0-2"])
    assert not state.messages
    assert state.events["e1"].to["ops"] == Due("r", NOON, failures=1)


def test_of_a_message_that_was_refused_the_reminders_go_and_the_rest_waits() -> None:
    one = begun(HOURLY)
    one.run(ONE)
    one.heard()
    one.answers["ops"] = refuses()
    one.later(hours=1).run(BOTH, listing("task", {"t": "failed"}))
    waiting = [(event.type, event.thing) for event in one.state.events.values()]
    assert waiting == [("problem", "river/task/t"), ("problem", "river/node/b")]
    assert all(not event.to["ops"].key for event in one.state.events.values())


def test_a_channel_rests_a_minute_then_twice_as_long_each_time_up_to_an_hour() -> None:
    one = begun()
    one.answers["ops"] = refuses()
    one.run(ONE)
    for failures in range(1, 12):
        channel = one.state.channels["ops"]
        nominal = min(60 * 2 ** (failures - 1), 3600)
        assert channel.failures == failures
        assert 0.8 * nominal <= channel.hold <= 1.2 * nominal
        assert (channel.parked, channel.parked_at) == ("", None)
        one.later(seconds=channel.hold).run(ONE)


def test_what_was_last_heard_is_when_it_was_accepted() -> None:
    one = begun(HOURLY)
    one.run(ONE)
    told = one.now
    one.later(hours=1).run(ONE)

    def plan() -> tuple[datetime | None, datetime | None, int]:
        (incident,) = one.state.incidents.values()
        row = incident.plan["ops"]
        return row.told, row.last, row.reminders

    assert plan() == (told, one.now, 1)
    one.answers["ops"] = doubtful
    one.later(minutes=5).run(WELL)
    assert plan() == (told, one.now, 1), "the ending may have arrived"
