"""Silences, acknowledgements, windows, escalation, reminders, flapping, stuck: run after run."""

from datetime import UTC, timedelta

import pytest
from msgspec.structs import replace
from world import NOON, World, config, listing, refuses, thing

from notifier.digest import digest
from notifier.model import Unreadable
from notifier.people import Ack, People, Silence
from notifier.settings import Route, Window
from notifier.tables import Duration

WELL = listing("node", {"gpu-1": "online", "gpu-2": "online"})
DOWN = listing("node", {"gpu-1": "offline", "gpu-2": "online"})
HOUR = Duration(3600)


def world(*routes: Route, **more: object) -> World:
    made = World(config(["ops", "chat"], routes, **more))
    made.run(WELL, listing("task", {"a": "running", "b": "running"}))
    made.heard("ops"), made.heard("chat")
    return made.later(minutes=1)


def silence(**more: object) -> People:
    values = {
        "id": "s-1", "begin": NOON, "end": NOON + timedelta(hours=2), "author": "eve",
        "comment": "disk swap", "things": ("river/node/gpu-*",), **more,
    }  # fmt: skip
    return People(silences={"s-1": Silence(**values)})


def ack(one: World) -> People:
    handle = next(iter(one.state.incidents))
    return People(acks={handle: Ack(at=one.now, author="eve", comment="on it")})


# ---- silences ---------------------------------------------------------------------------------


def test_what_is_silenced_and_well_by_its_end_is_never_spoken_of() -> None:
    one = world()
    one.people = silence()
    one.run(DOWN)
    one.later(minutes=30).run(WELL)
    one.later(hours=3).run(WELL)
    assert one.heard() == []
    assert not one.state.events and not one.state.incidents


def test_what_is_silenced_and_still_bad_at_its_end_is_told_then() -> None:
    one = world()
    one.people = silence()
    one.run(DOWN)
    assert one.heard() == []
    one.later(hours=2).run(DOWN)
    assert one.heard() == ["problem:river/node/gpu-1"]


def test_a_recovery_passes_a_silence_when_its_problem_was_told() -> None:
    one = world()
    one.run(DOWN)
    one.people = silence()
    one.later(minutes=5).run(WELL)
    assert one.heard() == ["problem:river/node/gpu-1", "recovery:river/node/gpu-1"]


def test_a_silence_is_about_the_things_it_names_only() -> None:
    one = world()
    one.people = silence()
    one.run(
        listing("node", {"gpu-1": "offline", "gpu-2": "online"}),
        listing("task", {"a": "failed", "b": "running"}),
    )
    assert one.heard() == ["problem:river/task/a"]


def test_a_silence_by_match_fits_fields_like_a_route_does() -> None:
    one = world()
    one.people = silence(things=(), match={"kind": "task", "status": ["failed", "lost"]})
    one.run(DOWN, listing("task", {"a": "failed", "b": "killed"}))
    assert sorted(one.heard()) == ["problem:river/node/gpu-1", "problem:river/task/b"]


def test_a_silence_until_resolved_ends_with_its_incident() -> None:
    one = world()
    one.run(DOWN)
    one.heard()
    handle = next(iter(one.state.incidents))
    one.people = silence(handles=(handle,), end=NOON + timedelta(days=7))
    one.later(minutes=5).run(WELL)
    assert one.heard() == ["recovery:river/node/gpu-1"]
    one.later(hours=5).run(DOWN)
    assert one.heard() == ["problem:river/node/gpu-1"]


def test_a_silenced_failure_that_is_a_fact_is_told_at_the_end() -> None:
    one = world()
    one.people = silence(things=("river/task/*",))
    failed = listing("task", {"a": "failed", "b": "running"})
    one.run(failed)
    one.later(hours=3).run(failed)
    assert one.heard() == ["problem:river/task/a"]


def test_growing_worse_under_a_silence_is_told_after_it() -> None:
    one = world()
    one.run(listing("node", {"gpu-1": "slow", "gpu-2": "online"}))
    one.people = silence()
    one.later(minutes=5).run(DOWN)
    assert one.heard() == ["problem:river/node/gpu-1"]
    one.later(hours=2).run(DOWN)
    assert one.heard() == ["problem:river/node/gpu-1"]


# ---- reminders and acknowledgements -----------------------------------------------------------


def test_reminders_come_after_each_pause_and_the_last_pause_repeats() -> None:
    one = world(Route(name="r", channels=["ops"], remind=[HOUR, Duration(4 * 3600)]))
    one.run(DOWN)
    told = []
    for minute in range(1, 12 * 60):
        one.now = NOON + timedelta(minutes=1 + minute)
        one.run(DOWN)
        told += [minute for what in one.heard() if what.startswith("reminder")]
    assert told == [60, 300, 540]


def test_no_reminder_without_one_set_and_none_for_a_mere_fact() -> None:
    one = world(
        Route(name="r", match={"kind": "task"}, channels=["ops"], remind=[HOUR]),
        Route(name="s", match={"kind": "node"}, channels=["chat"]),
    )
    tasks = listing("task", {"a": "failed", "b": "running"})
    one.run(DOWN, tasks)
    assert (one.heard(), one.heard("chat")) == (
        ["problem:river/task/a"], ["problem:river/node/gpu-1"],
    )  # fmt: skip
    one.later(hours=5).run(DOWN, tasks)
    assert one.heard() == one.heard("chat") == []


def test_an_acknowledged_incident_is_not_reminded_of_and_still_gets_its_ending() -> None:
    one = world(Route(name="r", channels=["ops"], remind=[HOUR]))
    one.run(DOWN)
    one.heard()
    one.people = ack(one)
    one.later(hours=5).run(DOWN)
    assert one.heard() == []
    one.later(hours=1).run(WELL)
    assert one.heard() == ["recovery:river/node/gpu-1"]


def test_an_acknowledgement_never_stops_a_first_telling() -> None:
    one = world(Route(name="r", channels=["ops"]))
    one.answers["ops"] = refuses()
    one.run(DOWN)
    one.people = ack(one)
    del one.answers["ops"]
    one.later(hours=2).run(DOWN)
    assert one.heard() == ["problem:river/node/gpu-1"]


def test_a_pager_gets_each_thing_that_was_down_at_first_under_its_own_key_and_its_end() -> None:
    world = World(config(("ops", "pager")))
    world.keyed = frozenset({"pager"})
    world.run(listing("node", {"a": "offline", "b": "offline", "c": "online"}))
    assert world.heard() == ["summary:river/source/river"]
    assert [len(events) for row, _, events in world.sent if row == "pager"] == [1, 1]
    assert world.heard("pager") == ["problem:river/node/a", "problem:river/node/b"]
    world.later(minutes=5).run(listing("node", {"a": "online", "b": "offline", "c": "online"}))
    assert world.heard("pager") == world.heard() == ["recovery:river/node/a"]
    for row in ("ops", "pager"):
        plans = [one.plan[row].told for one in world.state.incidents.values()]
        assert len(plans) == 1
        assert all(plans)


def test_a_pager_hears_of_a_first_look_in_which_all_is_well_too() -> None:
    world = World(config(("pager",)))
    world.keyed = frozenset({"pager"})
    world.run(listing("node", {"a": "online"}))
    assert world.heard("pager") == ["summary:river/source/river"]


def test_a_look_that_failed_reminds_of_nothing() -> None:
    one = world(Route(name="r", channels=["ops"], remind=[HOUR]))
    one.run(DOWN)
    one.heard()
    one.later(hours=5).run(Unreadable(family="nodes", why="slow", reason="no answer"))
    one.later(hours=5).run()
    assert one.heard() == []
    one.later(minutes=1).run(DOWN)
    assert one.heard() == ["reminder:river/node/gpu-1"]


def test_a_reminder_that_could_not_be_sent_is_not_queued() -> None:
    one = world(Route(name="r", channels=["ops"], remind=[HOUR]))
    one.run(DOWN)
    one.heard()
    one.answers["ops"] = refuses()
    for _ in range(6):
        one.later(hours=2).run(DOWN)
    assert not one.state.events
    del one.answers["ops"]
    one.later(hours=2).run(DOWN)
    assert one.heard() == ["reminder:river/node/gpu-1"]


def test_with_a_clock_that_went_back_the_pause_begins_anew() -> None:
    one = world(Route(name="r", channels=["ops"], remind=[HOUR]))
    one.run(DOWN)
    one.heard()
    one.later(hours=-10).run(DOWN)
    assert one.heard() == []
    one.later(minutes=61).run(DOWN)
    assert one.heard() == ["reminder:river/node/gpu-1"]


# ---- windows and escalation -------------------------------------------------------------------

NIGHT = {"night": Window(begin="12:01", to="13:00", timezone="UTC")}


def test_what_a_window_holds_is_told_at_its_end_even_if_over() -> None:
    one = world(Route(name="r", channels=["ops"], hold=["night"]), windows=NIGHT)
    one.run(DOWN)
    one.later(minutes=10).run(WELL)
    assert one.heard() == []
    one.later(hours=1).run(WELL)
    assert len(one.sent) == 1
    assert one.heard() == ["problem:river/node/gpu-1", "recovery:river/node/gpu-1"]


def test_a_recovery_waits_for_a_window_too() -> None:
    one = world(Route(name="r", channels=["ops"], hold=["night"]), windows=NIGHT)
    one.now = NOON - timedelta(minutes=5)
    one.run(DOWN)
    assert one.heard() == ["problem:river/node/gpu-1"]
    one.now = NOON + timedelta(minutes=5)
    one.run(WELL)
    assert one.heard() == []
    one.later(hours=1).run(WELL)
    assert one.heard() == ["recovery:river/node/gpu-1"]


ESCALATES = (
    Route(name="first", channels=["ops"]),
    Route(name="boss", channels=["chat"], escalate_after=HOUR),
)


def test_an_escalation_is_told_only_when_the_problem_is_still_open_then() -> None:
    one = world(*ESCALATES)
    one.run(DOWN)
    assert (one.heard("ops"), one.heard("chat")) == (["problem:river/node/gpu-1"], [])
    one.later(hours=1).run(DOWN)
    assert one.heard("chat") == ["problem:river/node/gpu-1"]
    one.later(hours=1).run(WELL)
    assert one.heard("chat") == ["recovery:river/node/gpu-1"]


def test_an_escalation_of_what_is_over_in_time_is_never_told() -> None:
    one = world(*ESCALATES)
    one.run(DOWN)
    one.later(minutes=30).run(WELL)
    one.later(hours=2).run(WELL)
    assert one.heard("chat") == []
    assert not one.state.events


def test_an_escalation_of_what_somebody_has_in_hand_is_never_told() -> None:
    one = world(*ESCALATES)
    one.run(listing("task", {"a": "failed", "b": "running"}))
    one.people = ack(one)
    one.later(hours=2).run(listing("task", {"a": "failed", "b": "running"}))
    assert one.heard("chat") == []
    assert not one.state.events


# ---- flapping ---------------------------------------------------------------------------------


def flap(one: World, *, minutes: int, times: int) -> list[str]:
    for number in range(times):
        one.run(DOWN if number % 2 == 0 else WELL)
        one.later(minutes=minutes)
    return one.heard()


def test_the_third_change_within_the_window_is_flapping_and_then_it_is_quiet() -> None:
    assert flap(world(), minutes=5, times=9) == [
        "problem:river/node/gpu-1", "recovery:river/node/gpu-1", "flapping_start:river/node/gpu-1",
    ]  # fmt: skip


@pytest.mark.parametrize(("last", "left"), [(WELL, 0), (DOWN, 1)])
def test_steady_for_a_window_is_the_end_of_flapping(last: object, left: int) -> None:
    one = world()
    flap(one, minutes=5, times=6 if last is WELL else 7)
    for _ in range(13):
        one.later(minutes=5).run(last)
    assert one.heard() == ["flapping_end:river/node/gpu-1"]
    assert len(one.state.incidents) == left
    if left:
        one.later(minutes=5).run(WELL)
        assert one.heard() == ["recovery:river/node/gpu-1"]


def test_unread_looks_do_not_make_a_flapping_thing_steady() -> None:
    one = world()
    flap(one, minutes=5, times=6)
    one.later(hours=5).run(Unreadable(family="nodes", why="sick", reason="http 500"))
    assert [what for what in one.heard() if "node/" in what] == []


def test_a_channel_that_takes_no_flapping_news_gets_a_plain_problem_and_a_plain_recovery() -> None:
    one = world(Route(name="plain", channels=["ops"], events=["problem", "recovery"]))
    assert flap(one, minutes=5, times=6) == [
        "problem:river/node/gpu-1", "recovery:river/node/gpu-1", "problem:river/node/gpu-1",
    ]  # fmt: skip
    for _ in range(13):
        one.later(minutes=5).run(WELL)
    assert one.heard() == ["recovery:river/node/gpu-1"]


@pytest.mark.parametrize("minutes", [1, 7, 13, 19, 29, 31, 45, 61])
def test_a_flapping_thing_is_at_most_four_messages_in_any_hour(minutes: int) -> None:
    one = world()
    times = []
    for number in range(60):
        one.run(DOWN if number % 2 == 0 else WELL)
        times += [one.now] * len(one.heard())
        one.later(minutes=minutes)
    for start in times:
        assert sum(start <= at < start + timedelta(hours=1) for at in times) <= 4


def test_no_reminder_while_flapping() -> None:
    one = world(Route(name="r", channels=["ops"], remind=[Duration(600)]))
    heard = flap(one, minutes=11, times=20)
    flapping = heard.index("flapping_start:river/node/gpu-1")
    assert not any(what.startswith("reminder") for what in heard[flapping:])


# ---- stuck ------------------------------------------------------------------------------------


def stuck_world(*routes: Route) -> World:
    one = world(*routes)
    one.stuck_after = {"pending": 3600.0}
    one.run(listing("task", {"a": "pending", "b": "running"}))
    one.later(minutes=61).run(listing("task", {"a": "pending", "b": "running"}))
    return one


def test_a_task_that_stays_in_a_status_too_long_is_a_problem_and_moving_ends_it() -> None:
    one = stuck_world()
    assert one.heard() == ["problem:river/task/a"]
    assert one.news[0].reason == "stuck"
    one.later(minutes=1).run(listing("task", {"a": "running", "b": "running"}))
    assert one.heard() == ["recovery:river/task/a"]


def test_stuck_then_failed_is_worse() -> None:
    one = stuck_world()
    for status in ("killed", "killed"):
        one.later(minutes=1).run(listing("task", {"a": status, "b": "running"}))
    assert one.heard() == ["problem:river/task/a", "problem:river/task/a"]


def test_a_listing_that_shares_nothing_with_memory_says_of_nothing_how_long_it_stands() -> None:
    one = world()
    one.stuck_after = {"pending": 3600.0}
    one.run(listing("task", {"a": "running"}))
    one.later(minutes=1).run(listing("task", {"x": "pending"}))
    one.later(minutes=61).run(listing("task", {"x": "pending"}, complete=False))
    assert one.heard() == []
    one.later(minutes=61).run(listing("task", {"x": "pending"}, complete=False))
    assert one.heard() == ["problem:river/task/x"]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ({"a": "running"}, "a is no longer stuck: running (pending 12:01–13:03 UTC)"),
        ({"a": "completed"}, "a is no longer stuck: completed (pending 12:01–13:03 UTC)"),
        ({"a": "cancelled"}, "a is no longer stuck: cancelled (pending 12:01–13:03 UTC)"),
        ({"b": "running"}, "a is no longer there (pending since 12:01 UTC)"),
    ],
)
def test_what_ends_a_stuck_one_is_told_as_that_even_when_its_incident_is_gone(
    rows: dict[str, str], told: str
) -> None:
    one = stuck_world()
    one.heard()
    for _ in range(2):
        one.later(minutes=1).run(listing("task", rows))
    assert lines(one) == [[told]]
    assert one.heard("chat")[-1] == "recovery:river/task/a"


def test_a_stuck_task_is_reminded_of() -> None:
    one = stuck_world(Route(name="r", channels=["ops"], remind=[HOUR]))
    one.heard()
    one.later(hours=1).run(listing("task", {"a": "pending", "b": "running"}))
    assert one.heard() == ["reminder:river/task/a"]


def test_moving_before_the_time_is_up_begins_the_count_anew() -> None:
    one = world()
    one.stuck_after = {"pending": 3600.0}
    for status in ("pending", "running", "pending"):
        one.run(listing("task", {"a": status, "b": "running"}))
        one.later(minutes=50)
    one.run(listing("task", {"a": "pending", "b": "running"}))
    assert one.heard() == []


def test_after_the_node_is_back_its_tasks_are_not_called_recovered_until_seen() -> None:
    one = world()
    lost = thing("task", "a", "lost", part_of="node/gpu-1")
    one.run(DOWN, listing("task", {"a": lost, "b": "running"}))
    one.heard()
    one.later(minutes=10).run(WELL)
    assert one.heard() == ["recovery:river/node/gpu-1"]
    done = replace(lost, status="completed", health="ok", severity="info")
    one.later(minutes=10).run(listing("task", {"a": done, "b": "running"}))
    assert one.heard() == ["recovery:river/task/a"]


def test_a_forgotten_thing_is_no_longer_watched_and_that_is_told() -> None:
    from notifier import outbox

    one = world()
    one.run(DOWN)
    one.heard()
    one.state = outbox.forgotten(one.state, "river/node/gpu-1", one.config, one.now)
    one.later(minutes=1).run(listing("node", {"gpu-2": "online"}))
    assert lines(one) == [["gpu-1 is no longer watched (offline since 12:01 UTC)"]]
    assert "gpu-1" not in str(one.state.things["river/node"])
    assert not one.state.incidents


def test_a_thing_is_forgotten_whatever_its_name_and_however_closely_it_was_watched() -> None:
    from notifier import outbox

    one = World()
    one.run(listing("job", {"p/s/a": "online", "b": "online"}))
    one.later(minutes=1).run(listing("job", {"p/s/a": "offline", "b": "online"}))
    assert one.state.watched.keys() == {"river/job/p/s/a"}
    for name in ("p/s/a", "b"):
        one.state = outbox.forgotten(one.state, f"river/job/{name}", one.config, one.now)
    assert not one.state.watched and not one.state.events
    assert one.state.things["river/job"].scopes[""].statuses == {}


# ---- grouping ---------------------------------------------------------------------------------


def lines(one: World, row: str = "ops") -> list[list[str]]:
    """The lines of each message that reached a row, in words; forgets them."""
    found = [
        [item.words for item in digest(
            events, one.state.incidents, max_items=20, zone=UTC, now=message.at).items]
        for there, message, events in one.sent
        if there == row
    ]  # fmt: skip
    one.sent = [sent for sent in one.sent if sent[0] != row]
    return found


LOST = listing(
    "task", {name: thing("task", name, "lost", part_of="node/gpu-1", node="gpu-1") for name in "ab"}
)


def test_a_nodes_death_and_its_tasks_are_a_line_each_when_looked_at_in_different_runs() -> None:
    one = world()
    one.run(DOWN)
    one.later(minutes=5).run(LOST)
    assert lines(one) == [
        ["gpu-1 is offline since 12:01 UTC"],
        ["2 tasks lost on gpu-1 (offline since 12:01 UTC)"],
    ]
    one = world()
    one.run(LOST)
    assert lines(one) == [["2 tasks lost on gpu-1"]]
    one.later(minutes=5).run(DOWN)
    assert lines(one) == [["gpu-1 is offline since 12:06 UTC"]]


def test_what_waited_for_a_channel_from_different_runs_is_one_line() -> None:
    for looks in ((DOWN, LOST), (LOST, DOWN)):
        one = world()
        one.answers["ops"] = refuses()
        for look in looks:
            one.later(minutes=1).run(look)
        del one.answers["ops"]
        one.later(minutes=30).run()
        assert [len(message) for message in lines(one)] == [1]
        assert not one.state.events


def test_a_channel_that_gets_the_tasks_alone_has_them_in_one_line() -> None:
    one = world(
        Route(name="t", match={"kind": "task"}, channels=["ops", "chat"]),
        Route(name="n", match={"kind": "node"}, channels=["chat"]),
    )
    one.run(DOWN, LOST)
    assert lines(one) == [["2 tasks lost on gpu-1 (offline since 12:01 UTC)"]]
    assert lines(one, "chat") == [["gpu-1 is offline since 12:01 UTC; it took 2 tasks with it"]]


def test_what_a_message_merely_counted_was_told_and_gets_its_ending() -> None:
    one = World(config(["ops"], [Route(name="r", channels=["ops"], max_items=2)]))
    names = [f"t{number}" for number in range(30)]
    one.run(listing("task", dict.fromkeys(names, "running")))
    one.later(minutes=1).run(listing("task", dict.fromkeys(names, "lost")))
    one.heard()
    ended = {**dict.fromkeys(names, "lost"), "t0": "completed", "t29": "completed"}
    one.later(minutes=1).run(listing("task", ended))
    assert one.heard() == ["recovery:river/task/t0", "recovery:river/task/t29"]


# ---- what the configuration says --------------------------------------------------------------


def test_a_change_of_the_configuration_alone_opens_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import world as words

    one = world()
    killed = {"a": "cancelled", "b": "running", "c": "cancelled"}
    nodes = {"gpu-1": "idle", "gpu-2": "online"}
    monkeypatch.setitem(words.HEALTHS, "idle", "ok")
    one.run(listing("task", killed), listing("node", nodes))
    one.heard()
    monkeypatch.setitem(words.HEALTHS, "cancelled", "failed")
    monkeypatch.setitem(words.HEALTHS, "idle", "down")
    one.later(minutes=1).run(listing("task", killed), listing("node", nodes))
    assert one.heard() == []
    later = listing("task", {**killed, "d": "cancelled"})
    one.later(minutes=1).run(later, listing("node", nodes))
    assert one.heard() == ["problem:river/task/d"]


def test_incidents_of_a_source_that_left_the_configuration_sleep() -> None:
    one = world(Route(name="r", channels=["ops"], remind=[HOUR]))
    one.run(DOWN)
    one.heard()
    for _ in range(5):
        one.later(hours=2).run(listing("node", {"x": "online"}), source="lake")
    assert [what for what in one.heard() if "river" in what] == []
    one.later(hours=2).run(WELL)
    assert one.heard() == ["recovery:river/node/gpu-1"]
