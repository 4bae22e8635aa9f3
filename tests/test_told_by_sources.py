"""What a source may say of things beyond how they are: gone, since when, of another database."""

from datetime import UTC, timedelta

import pytest
from msgspec.structs import replace
from world import NOON, World, config, listing, thing

from notifier.folds import lines_of
from notifier.settings import Route
from notifier.words import Clock, sentence


def said(world: World) -> list[str]:
    """The sentence of each new event."""
    clock = Clock(UTC, world.now)
    lines = lines_of(world.news, world.state.incidents)
    return [sentence(line.facts, clock) for line in lines]


@pytest.mark.parametrize("stream", [True, False])
def test_what_the_source_knows_to_be_gone_ends_with_a_word_for_those_who_heard(
    stream: bool,
) -> None:
    world = World()
    seen = listing("host", {"a": "offline", "b": "online"})
    world.run(listing("host", {"a": "online", "b": "online"}))
    world.later(minutes=1).run(seen)
    assert world.heard()[-1] == "problem:river/host/a"
    rest = {} if stream else {"b": "online"}
    left = replace(listing("host", rest), changes=() if stream else None, gone=("a", "unknown"))
    world.later(minutes=1).run(left)
    assert said(world) == ["a is no longer there (offline since 12:01 UTC)"]
    assert world.heard() == ["recovery:river/host/a"]
    assert "'a'" not in str(world.state.things)
    world.later(minutes=1).run(left)
    assert world.news == []


def test_a_settled_fact_that_is_gone_stays_a_fact() -> None:
    world = World()
    world.run(listing("build", {"1": "running"}))
    failed = replace(listing("build", {}), changes=(thing("build", "1", "failed"),))
    world.later(minutes=1).run(failed)
    world.heard()
    world.later(minutes=1).run(replace(listing("build", {}), changes=(), gone=("1",)))
    assert world.news == []
    assert len(world.state.incidents) == 1


def test_several_listings_of_another_database_are_one_summary_and_spare_the_other_scopes() -> None:
    world = World()
    for scope in ("x", "y", "z"):
        seen = listing("host", {f"{scope}1": "online", f"{scope}2": "online"}, scope=scope)
        world.run(seen)
        world.run(replace(seen, statuses={f"{scope}1": "offline"}, rows={
            f"{scope}1": thing("host", f"{scope}1", "offline")}))  # fmt: skip
    world.heard()
    fresh = [
        replace(listing("host", {f"new-{scope}": "online"}, scope=scope), reset=True)
        for scope in ("x", "y")
    ]
    world.later(minutes=1).run(*fresh)
    summaries = [event.text for event in world.news if event.type == "summary"]
    assert summaries == [
        "river has another database now: none of its former hosts is left. Watching 2 hosts"
    ]
    ended = sorted(event.thing for event in world.news if event.type == "recovery")
    assert ended == ["river/host/x1", "river/host/y1"]
    still = [one.thing for one in world.state.incidents.values() if one.ended is None]
    assert still == ["river/host/z1"]


def test_a_first_listing_may_say_that_it_is_another_database() -> None:
    world = World()
    world.run(replace(listing("host", {"a": "online"}), reset=True))
    assert [event.reason for event in world.news] == ["first look"]


def test_since_when_a_thing_is_so_may_be_known_better_than_by_the_look() -> None:
    world = World()
    world.run(listing("host", {"a": "online"}))
    bad = thing("host", "a", "offline", since=NOON + timedelta(minutes=2))
    world.later(minutes=9).run(listing("host", {"a": bad}))
    assert said(world) == ["a is offline since 12:02 UTC"]
    well = thing("host", "a", "online", since=NOON + timedelta(minutes=12))
    world.later(minutes=9).run(listing("host", {"a": well}))
    assert said(world) == ["a is back after 10 min (offline 12:02\N{EN DASH}12:12 UTC)"]


def test_a_time_in_the_future_is_now() -> None:
    world = World()
    world.run(listing("host", {"a": "online"}))
    bad = thing("host", "a", "offline", since=NOON + timedelta(days=2))
    world.later(minutes=1).run(listing("host", {"a": bad}))
    assert said(world) == ["a is offline since 12:01 UTC"]


def test_a_first_look_keeps_since_when_and_names_what_fails_apart_from_what_is_down() -> None:
    world = World()
    rows = {
        "a": thing("job", "a", "failed", since=NOON - timedelta(hours=1)),
        "b": thing("job", "b", "offline"),
    }
    world.run(listing("job", rows))
    assert [event.text for event in world.news] == [
        "watching 2 jobs on river; failing now: a; down now: b"
    ]
    opened = {one.thing: one.opened for one in world.state.incidents.values()}
    assert opened == {"river/job/a": NOON - timedelta(hours=1), "river/job/b": NOON}


# ---- every change -----------------------------------------------------------------------------


WANTS = Route(name="all", events=["change"], channels=["ops"])


def test_a_change_that_is_no_problem_is_told_where_a_route_wants_it() -> None:
    world = World(config(["ops"], [WANTS]))
    world.changes = True
    world.run(listing("task", {"a": "running", "b": "running", "c": "running"}))
    world.heard()
    world.later(minutes=1).run(
        listing("task", {"a": "completed", "b": "failed", "c": "running", "d": "pending"})
    )
    assert sorted(world.heard()) == [
        "change:river/task/a", "change:river/task/d", "problem:river/task/b",
    ]  # fmt: skip
    assert "a completed at 12:01 UTC" in said(world)
    changes = {event.thing: event for event in world.news if event.type == "change"}
    old, new = changes["river/task/a"], changes["river/task/d"]
    assert (old.reason, old.before, old.severity) == ("completed", "running", "info")
    assert (new.reason, new.before, new.incident) == ("pending", "", "")
    world.later(minutes=1).run(
        listing("task", {"a": "completed", "b": "failed", "c": "running", "d": "pending"})
    )
    assert world.heard() == []


def test_without_such_a_route_a_change_is_no_event_at_all() -> None:
    world = World(config(["ops"], [Route(name="usual", channels=["ops"])]))
    world.run(listing("task", {"a": "running"}))
    world.later(minutes=1).run(listing("task", {"a": "completed"}))
    assert world.news == []
    # and one that no route takes is none either
    world.changes = True
    world.later(minutes=1).run(listing("task", {"a": "running"}))
    assert world.news == []


def test_what_is_ignored_changes_without_a_word() -> None:
    world = World(config(["ops"], [WANTS]))
    world.changes, world.ignore = True, [{"name": "a"}]
    world.run(listing("task", {"a": "running"}))
    world.heard()
    world.later(minutes=1).run(listing("task", {"a": "completed"}))
    assert world.news == []


def test_a_change_is_asked_for_by_the_look_and_not_only_taken_by_a_route() -> None:
    world = World(config(["ops"], [WANTS]))
    world.run(listing("task", {"a": "running"}))
    world.heard()
    world.later(minutes=1).run(listing("task", {"a": "completed"}))
    assert world.heard() == []


def test_what_is_not_well_or_not_understood_or_not_new_is_no_mere_change() -> None:
    world = World(config(["ops"], [WANTS]))
    world.changes = True
    world.run(listing("job", {"a": "online", "b": "online"}), listing("task", {"t": "lost"}))
    world.heard()
    # bad for one look of two that it takes; a word that nobody knows; another word for a failure
    seen = {"a": "offline", "b": "perplexed"}
    world.later(minutes=1).run(listing("job", seen), listing("task", {"t": "failed"}))
    assert [event.type for event in world.news] == ["summary"]
    world.later(minutes=1).run(listing("job", seen), listing("task", {"t": "failed"}))
    assert [event.type for event in world.news] == ["problem"]
    seen["c"] = "perplexed"
    world.later(minutes=1).run(listing("job", seen), listing("task", {"t": "failed"}))
    assert world.news == [], "the word was told"
    same = replace(listing("task", {}), changes=(thing("task", "s", "running"),))
    world.later(minutes=1).run(same)
    assert world.heard()[-1] == "change:river/task/s"
    world.later(minutes=1).run(same)
    assert world.news == [], "it was so before"
