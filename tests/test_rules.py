"""The settled scenarios of what is a problem, what is its end, and who is told - run after run."""

from datetime import UTC, timedelta

import pytest
from msgspec.structs import replace
from world import NOON, World, config, doubtful, listing, refuses, thing

from notifier.folds import lines_of
from notifier.look import by_id
from notifier.model import Observation, Receipt, Unreadable
from notifier.settings import Route
from notifier.words import Clock, sentence

UNREACHABLE = Unreadable(family="tasks", why="unreachable", reason="connection refused")
REFUSED = Unreadable(family="tasks", why="refused", reason="http 401")


def started(world: World | None = None, **tasks: str) -> World:
    """A world whose first look is behind it, with `tasks`, one node that is well, and silence."""
    world = world or World()
    nodes = listing("node", {"gpu-1": "online", "gpu-2": "online"})
    world.run(listing("task", tasks or {"t0": "completed"}), nodes)
    for row in world.config.destinations():
        world.heard(row)
    return world.later(minutes=1)


def test_a_first_look_is_one_summary_that_counts_and_names_what_is_down() -> None:
    world = World()
    world.run(
        listing("task", {"a": "completed", "b": "failed", "c": "running"}),
        listing("node", {"gpu-1": "online", "gpu-2": "offline"}),
    )
    assert [event.text for event in world.news] == [
        "watching 3 tasks and 2 nodes on river; 1 task had already failed; down now: gpu-2"
    ]
    assert world.heard() == ["summary:river/source/river"]


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        (["task"], "watching river: it has no tasks yet"),
        (["task", "node"], "watching river: it has no tasks and no nodes yet"),
        (["task", "build", "node"], "watching river: it has no tasks, no builds and no nodes yet"),
    ],
)
def test_a_first_look_at_nothing_says_that_nothing_is_there_yet(
    kinds: list[str], said: str
) -> None:
    world = World()
    world.run(*(listing(kind, {}) for kind in kinds))
    assert [event.text for event in world.news] == [said]


def test_a_first_look_at_several_kinds_is_one_sentence() -> None:
    world = World()
    world.run(*(listing(kind, {"a": "running"}) for kind in ("task", "build", "machine")))
    assert [event.text for event in world.news] == [
        "watching 1 task, 1 build and 1 machine on river"
    ]


def test_a_first_look_reads_a_word_as_its_kind_does_and_counts_each_kind_for_itself() -> None:
    world = World()
    world.run(
        listing("task", {"a": "halted", "b": "lost"}),
        listing("build", {"c": "failed"}),
        listing("node", {"n": "halted"}),
    )
    (event,) = world.news
    assert event.text == (
        "watching 2 tasks, 1 build and 1 node on river; "
        "2 tasks had already failed, 1 build had already failed"
    )
    assert (event.severity, event.covers) == ("info", ())


def test_a_first_look_names_neither_what_is_ignored_nor_what_is_open_already() -> None:
    world = World()
    world.ignore = [{"name": "probe-*"}]
    hosts = {"a": "offline", "probe-1": "offline"}
    world.run(listing("host", hosts, scope="x"))
    assert [one.text for one in world.news] == ["watching 2 hosts on river; down now: a"]
    hosts = {"a": "offline", "b": "offline"}
    world.later(minutes=1).run(listing("host", hosts, scope="y"))
    assert [one.text for one in world.news] == ["watching 2 hosts on river; down now: b"]
    known = [one.thing for one in world.state.incidents.values()]
    assert known == ["river/host/a", "river/host/b"]


def test_a_first_look_asks_for_nothing_but_what_is_down() -> None:
    asked = []

    class Rows(dict[str, Observation]):
        def __getitem__(self, name: str) -> Observation:
            asked.append(name)
            return super().__getitem__(name)

    shown = listing("node", {"a": "online", "b": "offline", "c": "online"})
    World().run(replace(shown, rows=Rows(shown.rows)))
    assert set(asked) == {"b"}


def test_the_end_of_a_failure_tells_the_time_that_its_beginning_told() -> None:
    world = started(a="running")
    at, clock = world.now - timedelta(minutes=1), Clock(UTC, world.now)
    for status, ended in ("lost", at), ("completed", world.now):
        world.run(listing("task", {"a": thing("task", "a", status, ended=ended)}))
        (event,) = world.news
        # a terminal shows it without its incident
        (line,) = lines_of([event], {})
        assert clock.time(at) in sentence(line.facts, clock)


def test_a_node_that_the_summary_named_gets_its_recovery() -> None:
    world = World()
    world.run(listing("node", {"gpu-1": "offline"}))
    world.heard()
    world.later(minutes=1).run(listing("node", {"gpu-1": "online"}))
    assert world.heard() == ["recovery:river/node/gpu-1"]
    assert not world.state.incidents


def test_a_silent_first_run_says_nothing_and_owes_nothing() -> None:
    silent = config(run=replace(config().run, first_run="silent"))
    world = World(silent)
    world.run(listing("node", {"gpu-1": "offline"}))
    world.later(minutes=1).run(listing("node", {"gpu-1": "online"}))
    assert world.heard() == []


def test_an_alerting_first_run_tells_everything_as_news() -> None:
    world = World(config(run=replace(config().run, first_run="alert")))
    world.run(listing("task", {"a": "failed", "b": "completed"}), listing("node", {"g": "offline"}))
    assert world.heard() == ["problem:river/task/a", "problem:river/node/g"]


def test_a_known_task_that_fails_is_told_once() -> None:
    world = started(a="running")
    world.run(listing("task", {"a": "failed"}))
    world.later(minutes=1).run(listing("task", {"a": "failed"}))
    assert world.heard() == ["problem:river/task/a"]


def test_a_task_first_seen_already_failed_is_news() -> None:
    world = started(a="completed")
    world.run(listing("task", {"a": "completed", "b": "failed"}))
    assert world.heard() == ["problem:river/task/b"]


def test_an_ended_task_at_or_below_the_floor_is_known() -> None:
    world = World()
    world.run(listing("task", {"a": thing("task", "a", "completed", order=10_000.0)}))
    world.heard()
    old = thing("task", "b", "failed", order=9_400.0)
    new = thing("task", "c", "failed", order=9_401.0)
    same = thing("task", "a", "completed", order=10_000.0)
    world.later(minutes=1).run(listing("task", {"a": same, "b": old, "c": new}))
    assert world.heard() == ["problem:river/task/c"]


def test_a_quiet_look_leaves_the_state_equal() -> None:
    world = started(a="running")
    before = world.state
    world.run(
        listing("task", {"a": "running"}), listing("node", {"gpu-1": "online", "gpu-2": "online"})
    )
    assert world.state == before
    assert world.state.things["river/task"] is before.things["river/task"]


def test_lost_then_completed_gets_its_ending() -> None:
    world = started(a="running")
    world.run(listing("task", {"a": "lost"}))
    world.later(hours=5).run(listing("task", {"a": "completed"}))
    assert world.heard() == ["problem:river/task/a", "recovery:river/task/a"]


def test_a_failed_task_that_runs_again_stays_open_without_a_word() -> None:
    world = started(a="running")
    world.run(listing("task", {"a": "failed"}))
    world.heard()
    world.later(minutes=1).run(listing("task", {"a": "running"}))
    assert world.heard() == []
    world.later(minutes=1).run(listing("task", {"a": "completed"}))
    assert world.heard() == ["recovery:river/task/a"]


def test_one_failed_word_for_another_of_the_same_weight_is_no_news() -> None:
    world = started(a="running")
    world.run(listing("task", {"a": "lost"}))
    world.later(minutes=1).run(listing("task", {"a": "failed"}))
    assert world.heard() == ["problem:river/task/a"]


def test_a_warning_that_turns_critical_is_told_again() -> None:
    world = started(a="running")
    world.run(listing("task", {"a": "killed"}))
    world.later(minutes=1).run(listing("task", {"a": "failed"}))
    assert world.heard() == ["problem:river/task/a", "problem:river/task/a"]
    assert world.news[0].reason == "worse"


def test_another_attempt_that_fails_is_told_again() -> None:
    world = World()
    world.run(listing("build", {"1": "running"}))
    world.heard()
    for attempt in ("t1", "t1", "t2"):
        world.later(minutes=1).run(
            listing("build", {"1": thing("build", "1", "failed", attempt=attempt)})
        )
    assert world.heard() == ["problem:river/build/1"] * 2


def test_a_failure_known_from_the_first_look_is_never_told_by_another_failed_word() -> None:
    world = started(a="failed")
    world.run(listing("task", {"a": "lost"}))
    assert world.heard() == []


def test_a_node_goes_and_comes_back_under_one_incident() -> None:
    world = started()
    world.run(listing("node", {"gpu-1": "offline", "gpu-2": "online"}))
    problem = world.news[0]
    world.later(minutes=29).run(listing("node", {"gpu-1": "online", "gpu-2": "online"}))
    recovery = world.news[0]
    assert world.heard() == ["problem:river/node/gpu-1", "recovery:river/node/gpu-1"]
    assert recovery.incident == problem.incident
    assert recovery.opened == problem.at
    assert not world.state.incidents and not world.state.events


def test_a_later_failure_is_a_new_incident() -> None:
    world = started()
    handles = []
    for status in ("offline", "online", "offline"):
        world.later(minutes=1).run(listing("node", {"gpu-1": status, "gpu-2": "online"}))
        handles.append(world.news[0].incident)
    assert handles[0] == handles[1] != handles[2]


def test_a_kind_that_confirms_twice_waits_for_the_second_look() -> None:
    world = World()
    world.run(listing("job", {"j": "online"}))
    world.heard()
    world.later(minutes=1).run(listing("job", {"j": "offline"}))
    assert world.heard() == []
    since = world.now
    world.later(minutes=1).run(listing("job", {"j": "offline"}))
    assert world.heard() == ["problem:river/job/j"]
    assert world.news[0].opened == since


def test_a_bad_look_between_two_good_ones_is_no_problem_where_two_are_needed() -> None:
    world = World()
    for status in ("online", "offline", "online", "offline", "online"):
        world.later(minutes=1).run(listing("job", {"j": status}))
    assert [one for one in world.heard() if "job" in one] == []
    assert not world.state.watched


def test_what_was_confirmed_and_is_well_again_takes_as_many_bad_looks_as_the_first_time() -> None:
    world = World()
    world.run(listing("job", {"j": "online"}))
    world.heard()
    looks = []
    for status in ("offline", "offline", "online", "offline", "online", "offline"):
        world.later(minutes=1).run(listing("job", {"j": status}))
        looks.append(world.state.watched["river/job/j"].looks)
    assert world.heard() == ["problem:river/job/j", "recovery:river/job/j"]
    assert looks == [1, 0, 0, 1, 0, 1]


def test_active_and_unread_looks_neither_count_nor_reset() -> None:
    world = World()
    world.run(listing("job", {"j": "online"}))
    world.heard()
    for results in (
        [listing("job", {"j": "offline"})],
        [listing("job", {"j": "running"})],
        [REFUSED],
        [listing("job", {"j": "offline"})],
    ):
        world.later(minutes=1).run(*results)
    assert "problem:river/job/j" in world.heard()


def test_a_bad_node_with_a_task_newly_lost_on_it_is_confirmed_at_once() -> None:
    world = World()
    running = thing("task", "t", "running", part_of="job/j")
    world.run(listing("job", {"j": "online"}), listing("task", {"t": running}))
    world.heard()
    lost = thing("task", "t", "lost", part_of="job/j")
    world.later(minutes=1).run(listing("job", {"j": "offline"}), listing("task", {"t": lost}))
    assert sorted(world.heard()) == ["problem:river/job/j", "problem:river/task/t"]


def test_an_unknown_status_word_is_told_once_and_taken_for_active() -> None:
    world = started(a="running")
    world.run(listing("task", {"a": "who_knows"}))
    assert "unknown status 'who_knows'" in world.news[0].text
    world.later(minutes=1).run(listing("task", {"a": "who_knows", "b": "who_knows"}))
    assert world.heard() == ["summary:river/source/river"]


def test_of_unknown_words_fifty_of_a_kind_are_told_and_each_is_cut() -> None:
    words = {f"t{number:02}": f"{number:02}{'x' * 80}" for number in range(60)}
    world = started(**dict.fromkeys(words, "running"))
    world.run(listing("task", words))
    assert {(one.type, one.reason) for one in world.news} == {("summary", "unknown status")}
    assert [one.text for one in world.news] == [
        f"river: task t{number:02} has the unknown status '{number:02}{'x' * 58}'; "
        "it is taken for active"
        for number in range(50)
    ]


def test_what_a_source_says_of_its_own_look_is_a_warning_in_its_words() -> None:
    world = started(a="running")
    shown = replace(listing("task", {"a": "running"}), remarks=("2 tasks were missed",))
    world.run(shown)
    (event,) = world.news
    assert (event.type, event.reason, event.severity) == ("summary", "remark", "warning")
    assert (event.thing, event.text) == ("river/source/river", "river: 2 tasks were missed")


def test_an_ignored_thing_is_never_a_problem() -> None:
    world = started()
    world.ignore = [{"name": "probe-*", "status": ["failed", "lost"]}]
    world.run(listing("task", {"probe-1": "failed", "probe-2": "killed", "t0": "completed"}))
    assert world.heard() == ["problem:river/task/probe-2"]


# ---- the source itself ------------------------------------------------------------------------


def test_a_source_that_cannot_be_reached_twice_is_told_once_and_its_return_too() -> None:
    world = started()
    world.run(UNREACHABLE)
    assert world.heard() == []
    for _ in range(3):
        world.later(minutes=1).run(UNREACHABLE)
    assert world.heard() == ["problem:river/source/river"]
    world.later(minutes=1).run(listing("task", {"t0": "completed"}))
    assert world.heard() == ["recovery:river/source/river"]


def test_a_family_that_is_refused_is_told_apart_from_the_source() -> None:
    world = started()
    nodes = listing("node", {"gpu-1": "online", "gpu-2": "online"})
    for _ in range(2):
        world.later(minutes=1).run(REFUSED, nodes)
    assert world.heard() == ["problem:river/source/tasks"]


def test_a_scope_that_is_refused_and_read_again_recovers_apart_from_its_family() -> None:
    world = started()
    refused = Unreadable(family="tasks", why="refused", reason="http 403", scope="vps")
    tasks = listing("task", {"t0": "completed"})
    for _ in range(2):
        world.later(minutes=1).run(tasks, refused)
    assert world.heard() == ["problem:river/source/tasks/vps"]
    world.later(minutes=1).run(tasks, listing("build", {"1": "running"}, scope="vps"))
    assert world.heard()[0] == "recovery:river/source/tasks/vps"


def test_a_scope_that_fails_with_its_whole_family_is_one_cause_and_one_event() -> None:
    world = started()
    slow = Unreadable(family="tasks", why="slow", reason="no answer")
    nodes = listing("node", {"gpu-1": "online", "gpu-2": "online"})
    for _ in range(2):
        world.later(minutes=1).run(slow, replace(slow, scope="vps"), nodes)
    assert world.heard() == ["problem:river/source/tasks"]


def test_from_a_page_of_a_list_only_what_had_ended_is_forgotten_and_stays_known() -> None:
    world = World()
    rows = {
        name: thing("task", name, status, order=order)
        for name, status, order in (
            ("old", "failed", 1000.0), ("busy", "running", 1001.0), ("new", "running", 90_000.0),
        )
    }  # fmt: skip
    world.run(listing("task", rows))
    world.heard()
    page = {"new": rows["new"]}
    for _ in range(3):
        world.later(minutes=1).run(listing("task", page, complete=False, paged=True))
    assert world.state.things["river/task"].scopes[""].statuses == {"running": ["new", "busy"]}
    failed = thing("task", "busy", "failed", order=1001.0)
    again = listing(
        "task", {**page, "old": rows["old"], "busy": failed}, complete=False, paged=True
    )
    world.later(minutes=1).run(again)
    assert world.heard() == ["problem:river/task/busy"]


def test_a_look_that_failed_changes_nothing_below_it() -> None:
    world = started(a="running")
    known = world.state.things["river/task"]
    for result in (UNREACHABLE, REFUSED, UNREACHABLE):
        world.later(minutes=1).run(result)
    assert world.state.things["river/task"] is known
    assert not any("task/" in heard for heard in world.heard())


# ---- absence ----------------------------------------------------------------------------------


def test_one_listing_that_shares_nothing_with_memory_changes_nothing() -> None:
    world = started(a="running", b="running")
    for rows in ({}, {"a": "running", "b": "running"}, {}, {"a": "running", "b": "completed"}):
        world.later(minutes=1).run(listing("task", rows))
    assert world.heard() == []


@pytest.mark.parametrize("rows", [{}, {"x": "failed", "y": "running"}])
def test_two_such_listings_are_a_reset_that_is_told_once(rows: dict[str, str]) -> None:
    world = started(a="running")
    world.run(listing("task", {"a": "lost"}))
    world.heard()
    for _ in range(3):
        world.later(minutes=1).run(listing("task", rows))
    assert world.heard() == ["summary:river/source/river"]


def test_after_a_reset_what_is_down_gets_its_ending_and_what_is_gone_is_watched_no_longer() -> None:
    world = World()
    for status in ("online", "offline", "online"):
        shown = [listing("node", {one: status}, scope=one) for one in "ab"]
        world.later(minutes=1).run(*shown)
    assert world.state.watched.keys() == {"river/node/a", "river/node/b"}
    world.heard()
    other, b = listing("node", {"c": "offline"}, scope="a"), shown[1]
    for _ in range(2):
        world.later(minutes=1).run(other, b)
    assert world.state.watched.keys() == {"river/node/b"}
    assert world.heard() == ["summary:river/source/river"]
    world.later(minutes=1).run(listing("node", {"c": "online"}, scope="a"), b)
    assert world.heard() == ["recovery:river/node/c"]


def test_a_listing_with_an_odd_row_forgets_nothing_however_often_it_comes() -> None:
    world = started(a="running", b="completed", c="failed")
    for _ in range(5):
        world.later(minutes=1).run(listing("task", {"x": "running"}, complete=False))
    known = world.state.things["river/task"].scopes[""].statuses
    assert known == {"running": ["x", "a"], "completed": ["b"], "failed": ["c"]}
    # so what was there all the time is no other database
    for _ in range(3):
        world.later(minutes=1).run(listing("task", {"b": "completed", "c": "failed"}))
    assert world.heard() == []


def test_an_incomplete_listing_loses_nothing() -> None:
    world = started(a="running", b="running")
    for _ in range(3):
        world.later(minutes=1).run(listing("task", {"a": "running"}, complete=False))
    world.run(listing("task", {"a": "running", "b": "failed"}))
    assert world.heard() == ["problem:river/task/b"]


def test_what_a_part_of_a_listing_lacks_is_not_missing() -> None:
    world = World()
    world.run(listing("machine", {"m": "online", "n": "online"}))
    world.heard()
    for _ in range(3):
        world.later(minutes=1).run(listing("machine", {"n": "online"}, complete=False))
    assert world.heard() == []
    for _ in range(2):
        world.later(minutes=1).run(listing("machine", {"n": "online"}))
    assert world.heard() == ["problem:river/machine/m"], "nor is it forgotten by that"


def test_a_missing_machine_is_down_after_two_looks_and_back_when_seen() -> None:
    world = World()
    world.run(listing("machine", {"m": "online", "n": "online"}))
    world.heard()
    world.later(minutes=1).run(listing("machine", {"n": "online"}))
    assert world.heard() == []
    for _ in range(2):
        world.later(minutes=1).run(listing("machine", {"n": "online"}))
    assert world.heard() == ["problem:river/machine/m"]
    world.later(minutes=1).run(listing("machine", {"m": "online", "n": "online"}))
    assert world.heard() == ["recovery:river/machine/m"]


def test_a_part_of_a_listing_does_not_begin_the_count_of_looks_without_a_thing_anew() -> None:
    """Or what ended would be known for ever where every other listing is cut short."""
    world = World()
    world.run(listing("build", {"1": "completed", "2": "running"}))
    for complete in (True, False, True):
        assert set(known(world)) == {"1", "2"}
        world.later(minutes=1).run(listing("build", {"2": "running"}, complete=complete))
    assert set(known(world)) == {"2"}


def known(world: World, kind: str = "build") -> dict[str, str]:
    return by_id(world.state.things[f"river/{kind}"].scopes[""].statuses)


def test_ended_things_are_forgotten_after_two_complete_looks_without_them() -> None:
    world = World()
    world.run(listing("build", {"1": "completed", "2": "running"}))
    for _ in range(2):
        world.later(minutes=1).run(listing("build", {"2": "running"}))
    assert world.state.things["river/build"].scopes[""].statuses == {"running": ["2"]}


def test_settled_failures_are_remembered_for_thirty_days() -> None:
    world = started(a="running")
    world.run(listing("task", {"a": "lost"}))
    world.later(days=29).run(listing("task", {"a": "lost"}))
    assert len(world.state.incidents) == 1
    world.later(days=2).run(listing("task", {"a": "lost"}))
    assert not world.state.incidents
    assert world.heard() == ["problem:river/task/a"]


# ---- streams ----------------------------------------------------------------------------------


def test_in_a_stream_one_observation_is_enough_and_several_apply_in_order() -> None:
    world = World()
    seen = tuple(thing("job", "h", status) for status in ("offline", "online"))
    world.run(replace(listing("job", {}), changes=seen))
    assert world.heard() == ["problem:river/job/h", "recovery:river/job/h"]
    world.later(minutes=1).run(replace(listing("job", {}), changes=()))
    assert world.heard() == []


# ---- who hears of it --------------------------------------------------------------------------


def test_an_event_goes_once_to_the_channels_of_all_routes_that_match() -> None:
    routes = [
        Route(name="lost", match={"status": "lost"}, channels=["ops", "chat"]),
        Route(name="all", match={"kind": ["task", "node"]}, channels=["ops"]),
    ]
    world = started(World(config(["ops", "chat"], routes)), a="running", b="running")
    world.run(listing("task", {"a": "lost", "b": "failed"}))
    assert world.heard("chat") == ["problem:river/task/a"]
    assert sorted(world.heard("ops")) == ["problem:river/task/a", "problem:river/task/b"]
    plan = next(i for i in world.state.incidents.values() if i.thing.endswith("/a")).plan
    assert plan["ops"].route == "lost"


def test_what_no_route_matches_goes_to_the_default_channels() -> None:
    routes = [Route(name="n", match={"kind": "node"}, channels=["chat"])]
    world = started(World(config(["ops", "chat"], routes, default_channels=("ops",))), a="running")
    world.run(listing("task", {"a": "failed"}))
    assert (world.heard("ops"), world.heard("chat")) == (["problem:river/task/a"], [])


def test_a_route_without_channels_discards() -> None:
    routes = [Route(name="ci", match={"owner": "ci-*"}, channels=[])]
    world = started(World(config(routes=routes)), a="running")
    world.run(listing("task", {"a": thing("task", "a", "failed", owner="ci-7")}))
    assert world.heard() == []
    assert not world.state.events


def test_news_of_a_source_that_no_route_takes_goes_to_every_channel() -> None:
    routes = [Route(name="t", match={"kind": "task"}, channels=["ops"])]
    world = started(World(config(["ops", "chat"], routes, default_channels=("ops",))))
    for _ in range(2):
        world.later(minutes=1).run(UNREACHABLE)
    assert world.heard("chat") == world.heard("ops") == ["problem:river/source/river"]


def test_a_route_that_wants_no_recovery_gets_none() -> None:
    routes = [Route(name="quiet", channels=["ops"], recovery=False)]
    world = started(World(config(routes=routes)))
    for status in ("offline", "online"):
        world.later(minutes=1).run(listing("node", {"gpu-1": status, "gpu-2": "online"}))
    assert world.heard() == ["problem:river/node/gpu-1"]


def test_recoveries_come_from_the_plan_whatever_the_routes_say_by_then() -> None:
    world = started(World(config(["ops", "chat"], [Route(name="r", channels=["chat"])])))
    world.run(listing("node", {"gpu-1": "offline", "gpu-2": "online"}))
    world.heard("chat")
    world.config = config(["ops", "chat"], [Route(name="s", channels=["ops"])])
    world.later(minutes=1).run(listing("node", {"gpu-1": "online", "gpu-2": "online"}))
    assert world.heard("chat") == ["recovery:river/node/gpu-1"]
    assert world.heard("ops") == []


def test_what_waits_for_a_channel_that_is_gone_stays_until_somebody_decides() -> None:
    world = started(World(config(["ops", "old"])), a="running")
    world.answers["old"] = refuses()
    world.run(listing("task", {"a": "failed"}))
    world.config = config(["ops"])
    world.later(days=3).run()
    assert [list(event.to) for event in world.state.events.values()] == [["old"]]


# ---- attempts ---------------------------------------------------------------------------------


def test_a_refused_message_waits_and_arrives_once_when_the_channel_is_well() -> None:
    world = started(World(config(["ops", "hook"])), a="running", b="running")
    world.answers["ops"] = refuses()
    world.run(listing("task", {"a": "failed", "b": "running"}))
    world.later(minutes=5).run(listing("task", {"a": "failed", "b": "failed"}))
    del world.answers["ops"]
    world.later(minutes=20).run()
    assert world.heard("ops") == ["problem:river/task/a", "problem:river/task/b"]
    assert world.heard("hook") == ["problem:river/task/a", "problem:river/task/b"]
    assert not world.state.events and not world.state.channels


def test_a_channel_rests_longer_after_each_failure_and_never_beyond_an_hour() -> None:
    world = started(a="running")
    world.answers["ops"] = refuses()
    world.run(listing("task", {"a": "failed"}))
    holds = [world.state.channels["ops"].hold]
    for _ in range(9):
        world.later(seconds=world.state.channels["ops"].hold).run()
        holds.append(world.state.channels["ops"].hold)
    assert 48 <= holds[0] <= 72
    assert all(hold <= 3600 * 1.2 for hold in holds)
    assert holds[-1] > holds[0] * 20


def test_a_resting_channel_is_left_alone() -> None:
    world = started(a="running")
    asked: list[str] = []

    def answer(message: object) -> Receipt:
        asked.append("x")
        return refuses()(message)

    world.answers["ops"] = answer
    world.run(listing("task", {"a": "failed"}))
    world.later(seconds=10).run()
    assert len(asked) == 1


def test_retry_after_holds_the_channel_but_not_beyond_a_day() -> None:
    for asked, held in ((7200.0, 7200.0), (1e9, 86400.0)):
        world = started(a="running")
        world.answers["ops"] = refuses("http 429", retry_after=asked)
        world.run(listing("task", {"a": "failed"}))
        assert world.state.channels["ops"].hold == held


def test_a_clock_that_went_back_makes_the_retry_due() -> None:
    world = started(a="running")
    world.answers["ops"] = refuses("http 429", retry_after=7200)
    world.run(listing("task", {"a": "failed"}))
    del world.answers["ops"]
    world.later(hours=-3).run()
    assert world.heard() == ["problem:river/task/a"]


def test_an_unknown_outcome_is_repeated_with_the_same_events_and_key_at_most_twice() -> None:
    world = started(a="running", b="running")
    world.answers["ops"] = doubtful
    world.run(listing("task", {"a": "failed", "b": "running"}))
    for _ in range(5):
        world.later(hours=2).run(listing("task", {"a": "failed", "b": "running"}))
    messages = [message for _, message, _ in world.sent]
    assert len(messages) == 3
    assert len({(message.key, message.events) for message in messages}) == 1
    assert [m.state for m in world.state.messages.values()] == ["parked"]


def test_later_news_passes_a_message_that_is_parked_alone() -> None:
    world = started(a="running", b="running")
    world.answers["ops"] = doubtful
    world.run(listing("task", {"a": "failed", "b": "running"}))
    for _ in range(2):
        world.later(hours=2).run()
    world.sent.clear()
    del world.answers["ops"]
    world.later(hours=2).run(listing("task", {"a": "failed", "b": "failed"}))
    assert world.heard() == ["problem:river/task/b"]


def test_who_may_have_heard_of_a_problem_is_told_of_its_end() -> None:
    world = started()
    world.answers["ops"] = doubtful
    world.run(listing("node", {"gpu-1": "offline", "gpu-2": "online"}))
    del world.answers["ops"]
    world.later(hours=2).run(listing("node", {"gpu-1": "online", "gpu-2": "online"}))
    assert world.heard() == [
        "problem:river/node/gpu-1", "problem:river/node/gpu-1", "recovery:river/node/gpu-1",
    ]  # fmt: skip


def test_a_problem_that_was_never_attempted_and_is_over_is_one_line_with_its_end() -> None:
    world = started()
    world.answers["ops"] = refuses()
    world.run(listing("node", {"gpu-1": "offline", "gpu-2": "online"}))
    world.later(minutes=30).run(listing("node", {"gpu-1": "online", "gpu-2": "online"}))
    del world.answers["ops"]
    world.later(hours=2).run()
    assert len(world.sent) == 1
    assert world.heard() == ["problem:river/node/gpu-1", "recovery:river/node/gpu-1"]


def test_a_dropped_problem_owes_no_ending() -> None:
    from notifier import outbox

    world = started()
    world.answers["ops"] = refuses()
    world.run(listing("node", {"gpu-1": "offline", "gpu-2": "online"}))
    world.state = outbox.drop(world.state, row="ops")
    del world.answers["ops"]
    world.later(hours=2).run(listing("node", {"gpu-1": "online", "gpu-2": "online"}))
    assert world.heard() == []
    assert not world.state.events


def test_a_message_refused_for_its_content_is_parked_and_later_ones_pass() -> None:
    world = started(a="running", b="running")
    world.answers["ops"] = lambda message: Receipt(
        key=message.key, outcome="parked", reason="http 413", blame="content"
    )
    world.run(listing("task", {"a": "failed", "b": "running"}))
    del world.answers["ops"]
    world.later(minutes=1).run(listing("task", {"a": "failed", "b": "failed"}))
    assert world.heard() == ["problem:river/task/b"]
    world.later(minutes=1).run(listing("task", {"a": "completed", "b": "failed"}))
    assert world.heard() == [], "the ending stays behind its problem"


def test_a_parked_channel_is_tried_once_a_day() -> None:
    world = started(a="running")
    asked: list[timedelta] = []

    def answer(message: object) -> Receipt:
        asked.append(world.now - NOON)
        return Receipt(key=message.key, outcome="parked", reason="auth 535", blame="channel")

    world.answers["ops"] = answer
    world.run(listing("task", {"a": "failed"}))
    for _ in range(47):
        world.later(hours=1).run()
    assert len(asked) == 2


def test_what_was_found_attempting_is_repeated_under_its_key() -> None:
    world = started(a="running")
    world.answers["ops"] = lambda message: None  # the run died while sending
    world.run(listing("task", {"a": "failed"}))
    key = next(iter(world.state.messages))
    del world.answers["ops"]
    world.later(minutes=1).run()
    assert [message.key for _, message, _ in world.sent] == [key]
    assert world.sent[0][1].unknowns == 1


def single(**things: str) -> World:
    """A world that tells each thing in a message of its own."""
    route = Route(name="r", channels=["ops"], digest="event")
    return started(World(config(["ops"], [route])), **things)


def test_of_what_a_dead_run_left_only_the_first_message_of_a_row_may_have_arrived() -> None:
    world = single(a="running", b="running", c="running")
    # the commit, the receipt of the first, then the end before the second was sent
    world.run(listing("task", dict.fromkeys("abc", "failed")), kill=4)
    first, *rest = [message.key for message in world.state.messages.values()]
    assert world.heard() == ["problem:river/task/a"] and len(rest) == 1
    world.later(minutes=1).run()
    assert [(message.key == first, message.unknowns) for _, message, _ in world.sent] == [
        (True, 1), (False, 0),
    ]  # fmt: skip
    assert world.heard() == ["problem:river/task/b", "problem:river/task/c"]


def test_what_a_row_does_not_get_after_a_failure_waits_anew_once_its_receipt_is_on_disk() -> None:
    """Or a run that died then would leave an ending as sent that never was, before its problem."""
    for refused, left in (
        (refuses(), 0),
        (doubtful, 1),
        (refuses("http 401", outcome="parked", blame="channel"), 0),
    ):
        world = single(a="running", b="running", c="running")
        world.answers["ops"] = refused
        # dies right after the commit of the first receipt
        world.run(listing("task", dict.fromkeys("abc", "failed")), kill=4)
        assert [one.state for one in world.state.messages.values()] == ["unknown"] * left
        waiting = [event for event in world.state.events.values() if not event.to["ops"].key]
        assert len(waiting) == 3 - left


def test_what_would_pass_a_message_that_is_parked_waits_anew_with_it() -> None:
    one = World(config(["ops"]))
    one.keyed = frozenset({"ops"})
    one.run(listing("host", {"h": "online", "i": "online"}))
    one.sent.clear()
    one.answers["ops"] = refuses("http 413", outcome="parked", blame="content")
    changes = [thing("host", name, word) for name in "hi" for word in ("offline", "online")]
    one.run(replace(listing("host", {}), changes=tuple(changes)), kill=4)
    assert [message.state for message in one.state.messages.values()] == [
        "parked", "attempting", "attempting",
    ]  # fmt: skip
    assert [event.thing for event in one.state.events.values() if not event.to["ops"].key] == [
        "river/host/h"
    ]


def test_a_channel_that_fails_for_an_hour_is_told_through_the_others_and_its_return_too() -> None:
    world = started(World(config(["ops", "hook"])), a="running")
    world.answers["ops"] = refuses()
    world.run(listing("task", {"a": "failed"}))
    world.heard("hook")
    world.later(hours=2).run()
    assert world.heard("hook") == ["problem:notifier/channel/ops"]
    del world.answers["ops"]
    world.later(hours=2).run()
    world.later(minutes=1).run()
    assert world.heard("hook") == ["recovery:notifier/channel/ops"]
    assert world.heard("ops") == ["problem:river/task/a"]


# ---- how it is said ---------------------------------------------------------------------------


def test_ten_thousand_tasks_lost_with_their_node_are_one_message() -> None:
    ids = [f"t{n}" for n in range(10_000)]
    world = started(**dict.fromkeys(ids, "running"))
    lost = {name: thing("task", name, "lost", part_of="node/gpu-1") for name in ids}
    world.run(listing("task", lost), listing("node", {"gpu-1": "offline", "gpu-2": "online"}))
    assert len(world.sent) == 1
    assert len(world.heard()) == 10_001


def test_what_a_node_took_with_it_rides_in_its_message_also_from_another_route() -> None:
    routes = [
        Route(name="nodes", match={"kind": "node"}, channels=["ops"]),
        Route(name="tasks", match={"kind": "task"}, channels=["ops"]),
    ]
    world = started(World(config(routes=routes)), a="running", b="running")
    lost = {"a": thing("task", "a", "lost", part_of="node/gpu-1"), "b": "failed"}
    world.run(listing("task", lost), listing("node", {"gpu-1": "offline", "gpu-2": "online"}))
    carried = [sorted(event.thing for event in events) for _, _, events in world.sent]
    assert sorted(carried) == [["river/node/gpu-1", "river/task/a"], ["river/task/b"]]


@pytest.mark.parametrize(("count", "messages"), [(3, 3), (5, 5), (8, 5)])
def test_a_digest_of_single_events_is_capped(count: int, messages: int) -> None:
    routes = [Route(name="each", channels=["ops"], digest="event", max_items=5)]
    ids = [f"t{n}" for n in range(count)]
    world = started(World(config(routes=routes)), **dict.fromkeys(ids, "running"))
    world.run(listing("task", dict.fromkeys(ids, "failed")))
    assert len(world.sent) == messages
    assert len(world.heard()) == count


def test_the_same_inputs_give_equal_decisions() -> None:
    states = []
    for _ in range(2):
        world = started(a="running", b="running")
        world.run(listing("task", {"a": "failed", "b": "lost"}))
        states.append(world.state)
    assert states[0] == states[1]


# ---- a channel's list of addresses ------------------------------------------------------------


def test_a_channel_that_becomes_a_list_keeps_what_it_was_owed() -> None:
    from notifier.settings import ChannelSettings

    one = ChannelSettings(email=["a@x.org"])
    two = ChannelSettings(email=["a@x.org", "b@x.org"])
    world = started()
    world.config = replace(world.config, channels={"ops": one})
    world.answers["ops"] = refuses()
    world.run(listing("node", {"gpu-1": "offline", "gpu-2": "online"}))
    world.config = replace(world.config, channels={"ops": two})
    world.later(hours=2).run(listing("node", {"gpu-1": "online", "gpu-2": "online"}))
    assert world.heard("ops/a@x.org") == world.heard("ops/b@x.org")
    assert not world.state.events


def test_a_channel_down_for_three_days_gets_one_message_with_each_incident_as_one_line() -> None:
    """5,000 transitions of 250 nodes: what is over is one line, what is open is told once."""
    from notifier.digest import digest

    names = [f"n{number}" for number in range(250)]
    world = World(config(["ops", "hook"]))
    world.run(listing("node", dict.fromkeys(names, "online")))
    world.heard()
    world.answers["ops"] = refuses()
    nodes, flips = dict.fromkeys(names, "online"), 0
    for step in range(72):
        changed = names[step % 3 :: 3] if step < 60 else names[:50]
        for name in changed:
            nodes[name] = "offline" if nodes[name] == "online" else "online"
        flips += len(changed)
        world.later(hours=1).run(listing("node", nodes))
    del world.answers["ops"]
    world.sent.clear()
    world.later(hours=1).run(listing("node", nodes))
    sent = [(message, events) for row, message, events in world.sent if row == "ops"]
    assert flips >= 5000
    assert len(sent) == 1
    _, events = sent[0]
    said = digest(events, world.state.incidents, max_items=20, zone=UTC, now=world.now)
    about_nodes = {event.thing for event in events if "/node/" in event.thing}
    assert said.things >= len(about_nodes) == 250
    assert len(said.items) <= 20
    world.run(listing("node", nodes))
    assert not world.state.events
