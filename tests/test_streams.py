"""Streams by the rules: the past is learned, what stands still is stuck, remarks are said once."""

import pytest
from msgspec.structs import replace
from world import World, config, listing, thing

from notifier.model import Observation, Snapshot, Unreadable
from notifier.settings import Route
from notifier.tables import Duration


def stream(kind: str, *seen: Observation, past: bool = False, **more: object) -> Snapshot:
    return replace(listing(kind, {}), changes=seen, past=past, **more)


def texts(world: World) -> list[str]:
    return [event.text for event in world.news if event.type == "summary"]


PAST = stream(
    "task",
    thing("task", "a", "running"), thing("task", "a", "failed"), thing("task", "b", "running"),
    past=True,
)  # fmt: skip
HOSTS = stream(
    "host", thing("host", "h", "online"), thing("host", "h", "offline"), past=True
)  # fmt: skip


def test_what_a_stream_shows_of_the_past_is_learned_in_one_summary() -> None:
    world = World()
    world.run(PAST, HOSTS)
    assert texts(world) == [
        "watching 2 tasks and 1 host on river; 1 task had already failed; down now: h"
    ]
    assert world.heard() == ["summary:river/source/river"]
    world.later(minutes=1).run(
        stream("task", thing("task", "b", "failed")), stream("host", thing("host", "h", "online"))
    )
    assert world.heard() == ["problem:river/task/b", "recovery:river/host/h"]


def test_a_past_that_comes_in_pieces_is_learned_and_told_piece_by_piece() -> None:
    world = World()
    world.run(PAST)
    more = (thing("task", name, "failed") for name in "cd")
    world.later(minutes=1).run(stream("task", *more, past=True))
    assert texts(world) == ["watching 2 tasks on river; 2 tasks had already failed"]
    (scope,) = world.state.things["river/task"].scopes.values()
    assert scope.statuses == {"failed": ["a", "c", "d"], "running": ["b"]}


def test_the_past_of_what_is_known_is_news() -> None:
    world = World()
    world.run(PAST)
    world.heard()
    world.later(minutes=1).run(stream("task", thing("task", "b", "failed"), past=True))
    assert world.heard() == ["problem:river/task/b"]


def test_a_past_without_anything_is_a_first_look_once() -> None:
    world = World()
    world.run(stream("task", past=True))
    assert texts(world) == ["watching river: it has no tasks yet"]
    world.later(minutes=1).run(stream("task", past=True))
    assert texts(world) == []


def test_an_alerting_first_run_tells_the_past_as_news_and_a_silent_one_nothing() -> None:
    for first_run, heard in (("alert", ["problem:river/task/a"]), ("silent", [])):
        world = World()
        world.config = replace(world.config, run=replace(world.config.run, first_run=first_run))
        world.run(PAST)
        assert world.heard() == heard


# ---- standing still ---------------------------------------------------------------------------


def silent(world: World, **span: float) -> Observation:
    """A task of which its source says that it stands still, since that long ago."""
    since = World().later(**span).now - World().now
    seen = thing("task", "a", "running, silent", last_seen=world.now - since)
    return replace(seen, health="degraded", severity="warning")


def test_a_finite_thing_that_its_source_calls_degraded_is_stuck_since_then() -> None:
    world = World(config(routes=[Route(name="r", channels=["ops"], remind=[Duration(3600)])]))
    world.run(stream("task", thing("task", "a", "running")))
    world.later(hours=5).run(stream("task", silent(world, hours=4)))
    (event,) = world.news
    assert (event.type, event.reason, event.severity) == ("problem", "stuck", "warning")
    assert event.opened == world.now.replace(hour=13)
    world.heard()
    world.later(hours=1).run(stream("task"))
    assert world.heard() == ["reminder:river/task/a"]
    world.later(minutes=1).run(stream("task", thing("task", "a", "running")))
    assert world.heard() == ["recovery:river/task/a"]


def test_stuck_then_failed_is_worse_in_a_stream_too() -> None:
    world = World()
    world.run(stream("task", silent(world, hours=4)))
    world.later(hours=1).run(stream("task", thing("task", "a", "failed")))
    assert world.heard() == ["problem:river/task/a", "problem:river/task/a"]


def test_a_time_from_the_future_is_now() -> None:
    world = World()
    world.run(stream("task", silent(world, hours=-4)))
    assert world.news[0].opened == world.now


def test_stuck_after_counts_for_what_a_stream_showed_last() -> None:
    world = World()
    world.stuck_after = {"pending": 3600.0}
    world.run(stream("task", thing("task", "a", "pending"), thing("task", "b", "running")))
    world.later(minutes=50).run(stream("task"))
    assert world.heard() == []
    world.later(minutes=10).run(stream("task"))
    assert world.heard() == ["problem:river/task/a"]
    assert world.news[0].observation.name == "a"  # type: ignore[union-attr]
    world.later(minutes=10).run(stream("task", thing("task", "a", "running")))
    assert world.heard() == ["recovery:river/task/a"]


def test_a_stream_may_show_how_what_is_stuck_looks_now() -> None:
    world = World()
    world.stuck_after = {"pending": 3600.0}
    world.run(stream("task", thing("task", "a", "pending")))
    rows = {"a": thing("task", "a", "pending", node="gpu-7")}
    world.later(hours=1).run(stream("task", rows=rows))
    assert world.news[0].observation.node == "gpu-7"  # type: ignore[union-attr]


def test_what_moves_between_two_looks_is_not_stuck() -> None:
    world = World()
    world.stuck_after = {"pending": 3600.0}
    for status in ("pending", "running", "pending"):
        world.run(stream("task", thing("task", "a", status)))
        world.later(minutes=50)
    world.run(stream("task"))
    assert world.heard() == []


def test_what_stands_is_never_stuck() -> None:
    world = World()
    world.stuck_after = {"online": 60.0}
    world.run(listing("node", {"a": "online"}))
    world.later(hours=1).run(listing("node", {"a": "online"}))
    assert "river/node/a" not in world.state.watched
    assert world.news == []


def test_what_a_stream_showed_is_ignored_by_all_that_is_known_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def strict(kind: str, status: str) -> tuple[str, str]:
        assert (kind, status) in (("task", "pending"), ("task", "running"))
        return "active", "warning"

    fits = {"kind": "task", "id": "a", "name": "a", "health": "active", "severity": "warning"}
    for ignore, heard in (([fits], []), ([{**fits, "id": "b"}], ["problem:river/task/a"])):
        world = World()
        world.stuck_after, world.ignore = {"pending": 3600.0}, ignore
        with monkeypatch.context() as patch:
            seen = stream("task", thing("task", "a", "pending"))
            patch.setattr("world.classify", strict)
            world.run(seen)
            world.later(hours=1).run(stream("task"))
        assert world.heard() == heard


def test_a_part_of_a_stream_of_which_nothing_is_known_is_neither_stuck_nor_remembered() -> None:
    world = World()
    world.stuck_after = {"pending": 3600.0}
    world.run(stream("task", scope="x.events"))
    assert world.state.things.keys() == {"river/source"}


# ---- what is remembered -----------------------------------------------------------------------


def known(world: World, key: str = "river/task", scope: str = "") -> set[str]:
    """The ids that a stream has shown and that are still known."""
    return {name for ids in world.state.things[key].scopes[scope].statuses.values() for name in ids}


def test_parts_of_a_stream_and_odd_words_are_remembered_beside_each_other() -> None:
    world = World()
    odd = thing("task", "x1", "perplexed")
    world.run(stream("task", odd, scope="x"), stream("task", thing("task", "y1", "failed")))
    assert len(texts(world)) == 1
    world.later(minutes=1).run(stream("task", odd, scope="y"))
    assert texts(world) == []
    assert known(world, scope="x") == known(world, scope="y") == {"x1"}
    assert known(world) == {"y1"}


def test_another_failed_word_for_what_had_failed_in_the_past_is_no_news() -> None:
    world = World()
    world.run(PAST)
    world.heard()
    world.later(minutes=1).run(stream("task", thing("task", "a", "lost")))
    assert world.news == []
    world.later(minutes=1).run(stream("task", thing("task", "b", "failed")))
    (event,) = world.news
    assert (event.before, event.reason) == ("running", "failed")


def test_of_what_has_ended_a_stream_keeps_the_newest_and_all_that_has_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("notifier.diff.MOST_ENDED", 2)
    world = World()
    for name in "dcba":
        ended, runs = thing("task", name, "completed"), thing("task", f"{name}-runs", "running")
        well = thing("host", name, "online")
        world.later(minutes=1).run(stream("task", ended, runs), stream("host", well))
    assert known(world) == {"a", "b", "a-runs", "b-runs", "c-runs", "d-runs"}
    assert known(world, "river/host") == set("abcd"), "what stands has not ended"


def test_what_a_stream_shows_no_more_is_known_for_thirty_days() -> None:
    for more, left in ((0, {"a", "b"}), (1, {"b"})):
        world = World()
        world.run(stream("task", thing("task", "a", "running")))
        world.later(days=30, seconds=more)
        before = world.state
        world.run(stream("task"))
        assert world.state == before, "a look without news forgets nothing"
        world.run(stream("task", thing("task", "b", "running")))
        assert known(world) == left


# ---- what a look says of itself ---------------------------------------------------------------


def test_a_remark_is_said_to_everybody_and_is_no_reason_for_an_exit_code() -> None:
    world = World(config(["ops", "chat"], [Route(name="r", match={"kind": "task"}, channels=[])]))
    world.run(stream("task", remarks=("a file was cut",)))
    assert world.heard("ops") == world.heard("chat") == ["summary:river/source/river"]
    assert texts(world) == ["river: a file was cut"]
    world.later(minutes=1).run(stream("task"))
    assert world.news == []


def test_a_scope_that_is_well_again_recovers_and_is_forgotten() -> None:
    world = World()
    bad = Unreadable(family="tasks", scope="x.events", why="refused", reason="is a FIFO")
    for _ in range(2):
        world.run(stream("task"), bad)
        world.later(minutes=1)
    assert world.heard() == ["problem:river/source/tasks/x.events"]
    world.run(stream("task"), replace(stream("task"), scope="x.events"))
    assert world.heard() == ["recovery:river/source/tasks/x.events"]
    (scope,) = world.state.things["river/source"].scopes.values()
    assert scope.statuses == {"ok": ["river", "tasks"]}
    assert list(world.state.things["river/task"].scopes) == [""]
