"""Streams by the rules: the past is learned, what stands still is stuck, remarks are said once."""

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
