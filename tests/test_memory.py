"""What a look leaves behind - since when, how far, of what - for the next one to decide by."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from world import NOON, World, config, listing, refuses, thing

from notifier.diff import diff, source_observation
from notifier.memory import Scope, Things
from notifier.model import Observation, Snapshot, Unreadable

REFUSED = Unreadable(family="tasks", why="refused", reason="http 403")
UNREACHABLE = Unreadable(family="nodes", why="unreachable", reason="refused")
NODES = listing("node", {"a": "online"})


def scope(world: World, kind: str = "task") -> Scope:
    return world.state.things[f"river/{kind}"].scopes[""]


def tasks(*, complete: bool = True, **orders: float) -> Snapshot:
    rows = {name: thing("task", name, "running", order=at) for name, at in orders.items()}
    return listing("task", rows, complete=complete)


# ---- of the source itself -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "name", "part_of"),
    [("river", "river", ""), ("tasks", "river (tasks)", "source/river"),
     ("tasks/vps", "river (tasks/vps)", "source/river")],
)  # fmt: skip
def test_a_source_and_each_part_of_it_is_a_thing_that_stands(
    part: str, name: str, part_of: str
) -> None:
    assert source_observation("river", part, "ok", "") == Observation(
        kind="source", id=part, name=name, status="ok", health="ok", severity="info",
        message="", part_of=part_of,
    )  # fmt: skip
    assert source_observation("river", part, "slow", "no answer") == Observation(
        kind="source", id=part, name=name, status="slow", health="down", severity="critical",
        message="no answer", part_of=part_of,
    )  # fmt: skip


def test_news_of_a_source_show_it_and_how_it_was_at_the_look_before() -> None:
    world = World()
    world.run(NODES)
    for _ in range(2):
        world.later(minutes=1).run(UNREACHABLE)
    (event,) = world.news
    assert event.observation == source_observation("river", "river", "unreachable", "refused")
    assert event.before == "unreachable"
    world.later(minutes=1).run(NODES)
    assert world.news[0].observation == source_observation("river", "river", "ok", "")


def test_what_is_known_of_a_part_outlasts_a_look_at_another_and_since_when_stays() -> None:
    world = World()
    world.run(REFUSED, NODES)
    world.later(minutes=1).run(NODES)
    assert scope(world, "source") == Scope(
        since=NOON, statuses={"ok": ["river", "nodes"], "refused": ["tasks"]}
    )
    world.later(minutes=1).run(listing("task", {}), NODES)
    assert scope(world, "source").since == NOON
    assert sorted(scope(world, "source").statuses["ok"]) == ["nodes", "river", "tasks"]


# ---- of a listing -------------------------------------------------------------------------------


def test_the_newest_that_was_seen_is_known_and_never_goes_back() -> None:
    world = World()
    world.run(tasks(a=0.5))
    assert scope(world).newest == 0.5
    world.later(minutes=1).run(tasks(a=0.5, b=0.75))
    assert scope(world).newest == 0.75
    world.later(minutes=1).run(tasks(a=0.5, b=0.75, c=0.25))
    assert scope(world).newest == 0.75
    world.later(minutes=1).run(listing("task", {"a": "running", "b": "running", "c": "lost"}))
    assert scope(world).newest == 0.75, "a thing without an order says nothing of it"


def test_of_things_without_an_order_there_is_no_newest() -> None:
    world = World()
    world.run(listing("task", {"a": "running"}))
    world.later(minutes=1).run(listing("task", {"a": "running", "b": "running"}))
    assert scope(world).newest is None


@pytest.mark.parametrize("newest", [600.5, 700.0, 100.0])
def test_once_something_is_forgotten_what_came_ten_minutes_before_the_newest_is_known(
    newest: float,
) -> None:
    world = World(config(run=replace(config().run, first_run="alert")))
    world.run(tasks(a=1.0, b=newest))
    assert world.state.things["river/task"].floor is None
    for _ in range(2):
        world.later(minutes=1).run(tasks(b=newest))
    assert world.state.things["river/task"].floor == max(0.0, newest - 600.0)
    late = thing("task", "c", "failed", order=newest - 600.0)
    soon = thing("task", "d", "failed", order=max(newest - 600.0, 0.0) + 1.0)
    seen = {"b": thing("task", "b", "running", order=newest), "c": late, "d": soon}
    world.later(minutes=1).run(listing("task", seen))
    assert world.heard() == ["problem:river/task/d"]


def test_the_floor_never_goes_back() -> None:
    world = World()
    world.run(tasks(a=1.0, b=5000.0))
    floor = world.state.things["river/task"].floor
    assert floor == 4400.0
    things = world.state.things["river/task"]
    sunk = {"": replace(things.scopes[""], newest=700.0)}
    world.state.things["river/task"] = Things(sunk, floor, things.odd)
    for _ in range(2):
        world.later(minutes=1).run(tasks(b=5000.0))
    assert world.state.things["river/task"].floor == floor


@pytest.mark.parametrize(
    ("orders", "floor"), [({}, 9400.0), ({"b": 5e3}, 9400.0), ({"b": 2e4}, 19400.0)]
)
def test_a_first_look_at_another_scope_never_takes_the_floor_back(
    orders: dict[str, float], floor: float
) -> None:
    world = World()
    mine = replace(tasks(a=10_000.0), scope="mine")
    world.run(mine)
    world.later(minutes=1).run(mine, replace(tasks(**orders), scope="other"))
    assert world.state.things["river/task"].floor == floor
    world.heard()
    old = thing("task", "c", "failed", order=9_000.0)
    world.later(minutes=1).run(listing("task", {**mine.rows, "c": old}, scope="mine"))
    assert world.heard() == []


@pytest.mark.parametrize(("scopes", "floor"), [(("",), 4400.0), (("", "other"), 9400.0)])
def test_the_floor_of_a_database_goes_with_it_unless_others_stand_on_it(
    scopes: tuple[str, ...], floor: float
) -> None:
    world = World()
    world.run(*(replace(tasks(**{f"a{one}": 10_000.0}), scope=one) for one in scopes))
    for _ in range(2):
        world.later(minutes=1).run(tasks(b=5_000.0))
    assert world.news[-1].reason == "reset"
    assert world.state.things["river/task"].floor == floor


def test_what_a_stream_tells_of_the_past_later_on_never_takes_the_floor_back() -> None:
    world = World()
    for name, order in (("a", 10_000.0), ("b", 5_000.0), ("c", None)):
        past = (thing("task", name, "failed", order=order),)
        world.later(minutes=1).run(replace(listing("task", {}), changes=past, past=True))
        assert world.state.things["river/task"].floor == 9_400.0


def test_the_same_listing_in_another_order_is_no_change() -> None:
    world = World()
    world.run(listing("task", {"a": "running", "b": "running"}))
    before = world.state
    world.later(minutes=1).run(listing("task", {"b": "running", "a": "running"}))
    assert world.state == before


def test_an_alerting_first_look_at_nothing_was_a_look() -> None:
    world = World(config(run=replace(config().run, first_run="alert")))
    world.run(listing("task", {}))
    assert scope(world) == Scope(since=NOON)
    world.later(minutes=1).run(listing("task", {"a": "running"}))
    assert scope(world).since == NOON


# ---- of failures that are facts, and of flapping ------------------------------------------------


def test_facts_are_forgotten_after_thirty_days_whatever_is_open_beside_them() -> None:
    world = World()
    world.run(listing("node", {"n": "offline"}), listing("task", {"a": "running"}))
    down = listing("node", {"n": "offline"})
    world.later(minutes=1).run(down, listing("task", {"a": "failed"}))
    for days, left in ((30, {"river/node/n", "river/task/a"}), (0.01, {"river/node/n"})):
        world.later(days=days).run(down, listing("task", {"a": "failed"}))
        assert {one.thing for one in world.state.incidents.values()} == left


def test_a_fact_is_remembered_while_its_end_waits_however_long_that_is() -> None:
    world = World()
    for status in ("running", "lost"):
        world.later(minutes=1).run(listing("task", {"a": status}))
    world.heard()
    world.answers["ops"] = refuses()
    world.later(minutes=1).run(listing("task", {"a": "completed"}))
    world.later(days=31).run(listing("task", {"a": "completed"}))
    facts = [one for one in world.state.incidents.values() if one.finite]
    assert [one.thing for one in facts] == ["river/task/a"]
    world.answers.clear()
    world.later(days=1).run(listing("task", {"a": "completed"}))
    assert "recovery:river/task/a" in world.heard()
    assert not [one for one in world.state.incidents.values() if one.finite]


def test_after_a_clock_that_went_back_a_fact_is_settled_as_of_now() -> None:
    world = World()
    world.run(listing("task", {"a": "running"}))
    world.run(listing("task", {"a": "failed"}))
    earlier = NOON - timedelta(days=100)
    state, news = diff(world.state, [], earlier, "summary", 3600.0)
    (fact,) = state.incidents.values()
    assert (fact.settled, news) == (earlier, [])


def test_a_failure_that_is_worse_and_comes_again_is_remembered_as_it_was_seen_last() -> None:
    world = World()
    world.run(listing("build", {"x": "running"}))
    for status, attempt in (("killed", "1"), ("failed", "2")):
        last = thing("build", "x", status, attempt=attempt)
        world.later(minutes=1).run(listing("build", {"x": last}))
        assert [one.type for one in world.news] == ["problem"]
    (fact,) = world.state.incidents.values()
    assert (fact.observation, fact.severity) == (last, "critical")
    assert fact.opened == NOON + timedelta(minutes=1)
    assert fact.changed == fact.settled == world.now
    for status in ("failed", "lost"):
        seen = thing("build", "x", status, attempt="2")
        world.later(minutes=1).run(listing("build", {"x": seen}))
        assert world.news == [], "it is known as bad as that"


def test_what_was_stuck_and_then_failed_is_a_fact_like_any_failure() -> None:
    world = World()
    world.stuck_after = {"pending": 60.0}
    for status in ("pending", "pending", "failed"):
        world.later(minutes=1).run(listing("task", {"a": status}))
    (fact,) = world.state.incidents.values()
    assert (fact.stuck, fact.settled) == (False, world.now)


def test_changes_at_one_moment_count_as_flapping_too() -> None:
    world, hosts = World(), listing("host", {})
    world.run(replace(hosts, changes=(thing("host", "h", "online"),)))
    changes = tuple(thing("host", "h", one) for one in ("offline", "online", "offline"))
    world.later(minutes=1).run(replace(hosts, changes=changes))
    assert [one.type for one in world.news] == ["problem", "recovery", "flapping_start"]


@pytest.mark.parametrize(("window", "last"), [(600.0, "problem"), (3600.0, "flapping_start")])
def test_changes_count_as_flapping_within_the_window_that_is_configured(
    window: float, last: str
) -> None:
    world = World(config(run=replace(config().run, flap_window=window)))
    world.run(listing("node", {"a": "online"}))
    for status in ("offline", "online", "offline"):
        world.later(minutes=6).run(listing("node", {"a": status}))
    assert [event.type for event in world.news] == [last]
