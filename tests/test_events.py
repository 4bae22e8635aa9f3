"""What an event says of itself: its reason, what was before, since when, of how much weight."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from world import NOON, World, config, doubtful, listing, refuses, thing

from notifier.model import Event, Observation, Receipt
from notifier.settings import Route
from notifier.tables import Duration

Line = tuple[str, str, str, str, str, str]


def told(event: Event) -> Line:
    """(type, reason, before, now, health, severity)"""
    seen = event.observation
    now, health = (seen.status, seen.health) if seen else ("", "")
    return (event.type, event.reason, event.before, now, health, event.severity)


def story(kind: str, *looks: str | Observation | None, **more: object) -> tuple[World, list[Line]]:
    """One thing beside an anchor, look after look a minute apart; None is absence."""
    world, lines = World(**more), []
    for look in looks:
        rows: dict[str, str | Observation] = {"anchor": "running" if kind != "node" else "online"}
        if look is not None:
            rows["x"] = look
        world.run(listing(kind, rows))
        lines += [told(event) for event in world.news if event.type != "summary"]
        world.later(minutes=1)
    return world, lines


def attempt(kind: str, status: str, number: str) -> Observation:
    return thing(kind, "x", status, attempt=number)


@pytest.mark.parametrize(
    ("kind", "looks", "expected"),
    [
        ("task", ("running", "failed"), [
            ("problem", "failed", "running", "failed", "failed", "critical"),
        ]),
        ("task", (None, "failed"), [("problem", "failed", "", "failed", "failed", "critical")]),
        ("task", ("running", "killed", "failed"), [
            ("problem", "failed", "running", "killed", "failed", "warning"),
            ("problem", "worse", "killed", "failed", "failed", "critical"),
        ]),
        ("task", ("running", "lost", "completed"), [
            ("problem", "failed", "running", "lost", "failed", "critical"),
            ("recovery", "completed after all", "lost", "completed", "ok", "critical"),
        ]),
        ("task", ("running", "lost", "running", "completed"), [
            ("problem", "failed", "running", "lost", "failed", "critical"),
            ("recovery", "completed after all", "lost", "completed", "ok", "critical"),
        ]),
        ("node", ("online", "offline", "online"), [
            ("problem", "down", "online", "offline", "down", "critical"),
            ("recovery", "back", "offline", "online", "ok", "critical"),
        ]),
        ("node", ("online", "slow", "offline"), [
            ("problem", "degraded", "online", "slow", "degraded", "warning"),
            ("problem", "worse", "slow", "offline", "down", "critical"),
        ]),
        ("node", ("online", "offline", "slow", "online"), [
            ("problem", "down", "online", "offline", "down", "critical"),
            ("recovery", "back", "slow", "online", "ok", "critical"),
        ]),
        ("node", ("online", "offline", "online", "offline", "online"), [
            ("problem", "down", "online", "offline", "down", "critical"),
            ("recovery", "back", "offline", "online", "ok", "critical"),
            ("flapping_start", "flapping", "online", "offline", "down", "critical"),
        ]),
        ("node", ("offline", "online", "offline", "online"), [
            ("recovery", "back", "offline", "online", "ok", "critical"),
            ("problem", "down", "online", "offline", "down", "critical"),
            ("flapping_start", "flapping", "offline", "online", "ok", "critical"),
        ]),
        ("machine", ("online", None, None, "online"), [
            ("problem", "missing", "missing", "missing", "missing", "critical"),
            ("recovery", "back", "missing", "online", "ok", "critical"),
        ]),
        ("build", ("running", attempt("build", "failed", "1"), attempt("build", "failed", "2")), [
            ("problem", "failed", "running", "failed", "failed", "critical"),
            ("problem", "failed again", "failed", "failed", "failed", "critical"),
        ]),
        ("job", ("online", *(attempt("job", "offline", n) for n in "1123")), [
            ("problem", "down", "offline", "offline", "down", "critical"),
            ("problem", "failed again", "offline", "offline", "down", "critical"),
            ("flapping_start", "flapping", "offline", "offline", "down", "critical"),
        ]),
    ],
)  # fmt: skip
def test_an_event_says_why_and_what_was_before(
    kind: str, looks: tuple[str | Observation | None, ...], expected: list[Line]
) -> None:
    _, lines = story(kind, *looks)
    assert lines == expected


def test_steady_after_flapping_says_so_well_or_not() -> None:
    for last, reason in (("online", "steady"), ("offline", "steady, not well")):
        world, _ = story("node", "online", "offline", "online", "offline", last)
        world.later(hours=1).run(listing("node", {"anchor": "online", "x": last}))
        health = "ok" if last == "online" else "down"
        assert [told(event) for event in world.news] == [
            ("flapping_end", reason, last, last, health, "critical")
        ]
        assert world.news[0].opened == NOON + timedelta(minutes=3)


def test_a_missing_thing_keeps_its_name_and_says_where_it_is_missing() -> None:
    world = World()
    rows = {"x": thing("machine", "x", "offline", name="Big Machine"), "anchor": "online"}
    world.run(listing("machine", {"anchor": "online", "x": "online"}))
    for _ in range(2):
        world.later(minutes=1).run(listing("machine", rows))
    for _ in range(2):
        world.later(minutes=1).run(listing("machine", {"anchor": "online"}))
    incident = next(iter(world.state.incidents.values()))
    seen = incident.observation
    assert (seen.name, seen.status, seen.health) == ("Big Machine", "missing", "missing")
    assert (seen.kind, seen.id, seen.message) == ("machine", "x", "no longer in the list")


def test_a_stuck_task_is_a_warning_from_when_it_was_first_seen_so() -> None:
    world = World()
    world.stuck_after = {"pending": 120.0}
    for _ in range(3):
        world.run(listing("task", {"x": "pending", "y": "running"}))
        lines = [told(event) for event in world.news if event.type != "summary"]
        world.later(minutes=1)
    assert lines == [("problem", "stuck", "", "pending", "degraded", "warning")]
    incident = next(iter(world.state.incidents.values()))
    assert (incident.opened, incident.stuck, incident.finite) == (NOON, True, True)
    for status, expected in (
        ("failed", ("problem", "worse", "pending", "failed", "failed", "critical")),
        ("running", ("recovery", "moving again", "pending", "running", "active", "warning")),
        ("cancelled", ("recovery", "cancelled", "pending", "cancelled", "cancelled", "warning")),
        ("completed", ("recovery", "completed", "pending", "completed", "ok", "warning")),
    ):
        other = World()
        other.state, other.now = world.state, world.now
        other.run(listing("task", {"x": status, "y": "running"}))
        assert [told(event) for event in other.news] == [expected]


def test_several_tasks_are_stuck_each_by_its_own_clock_also_when_it_goes_back() -> None:
    world = World()
    world.stuck_after = {"pending": 120.0}
    world.run(listing("task", {"a": "running", "b": "pending", "c": "pending"}))
    world.later(hours=-1).run(listing("task", {"a": "running", "b": "pending", "c": "pending"}))
    world.heard()
    world.later(minutes=1).run(listing("task", {"a": "pending", "b": "pending", "c": "running"}))
    assert world.heard() == []
    world.later(minutes=1).run(listing("task", {"a": "pending", "b": "pending", "c": "running"}))
    assert world.heard() == ["problem:river/task/b"]
    world.later(minutes=1).run(listing("task", {"a": "pending", "b": "pending", "c": "running"}))
    assert world.heard() == ["problem:river/task/a"]


def test_a_stream_remembers_what_it_brought() -> None:
    world = World()
    one = listing("host", {})
    world.run(replace(one, changes=(thing("host", "h", "offline"), thing("host", "i", "online"))))
    assert [told(event)[:4] for event in world.news] == [("problem", "down", "", "offline")]
    things = world.state.things["river/host"].scopes[""]
    assert (things.since, things.statuses) == (NOON, {"offline": ["h"], "online": ["i"]})
    world.later(minutes=1).run(replace(one, changes=(thing("host", "h", "online"),)))
    assert [told(event)[:4] for event in world.news] == [
        ("recovery", "back", "offline", "online"),
    ]
    assert world.state.things["river/host"].scopes[""].since == NOON


def test_what_stands_is_bad_since_it_was_seen_so_whenever_its_last_build_ended() -> None:
    world = World()
    world.run(listing("node", {"a": "online", "b": "online"}))
    bad = thing("node", "a", "offline", ended=NOON - timedelta(days=1))
    world.later(minutes=1).run(listing("node", {"a": bad, "b": "online"}))
    assert [event.opened for event in world.news] == [world.now]


def test_news_of_a_channel_say_of_it_what_is_known_and_no_more() -> None:
    world = World(config(("ops", "hook")))
    world.answers["ops"] = refuses("http 503")
    world.run(listing("node", {"a": "online"}))
    world.later(hours=2).run()
    (event,) = world.news
    assert replace(event, to={}) == Event(
        id=event.id, type="problem", at=world.now, reason="down", thing="notifier/channel/ops",
        severity="critical", incident=event.incident, opened=NOON,
        observation=Observation(
            kind="channel", id="ops", name="ops", status="failing", health="down",
            severity="critical", message="http 503",
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "then", "again"),
    [("info", "warning", True), ("warning", "critical", True), ("info", "critical", True),
     ("warning", "info", False), ("critical", "warning", False), ("info", "info", False)],
)  # fmt: skip
def test_only_a_higher_severity_is_worse(first: str, then: str, again: bool) -> None:
    world = World()
    world.run(listing("node", {"x": "online", "anchor": "online"}))
    for severity in (first, then):
        seen = thing("node", "x", f"offline-{severity}", health="down", severity=severity)
        world.later(minutes=1).run(listing("node", {"x": seen, "anchor": "online"}))
    assert bool(world.news) == again


# ---- attempts in detail -----------------------------------------------------------------------


def test_a_certain_failure_after_a_doubtful_one_keeps_the_message_whole() -> None:
    world = World()
    world.run(listing("task", {"a": "running"}))
    world.answers["ops"] = doubtful
    world.later(minutes=1).run(listing("task", {"a": "failed"}))
    key = next(iter(world.state.messages))
    world.answers["ops"] = refuses("http 500")
    for _ in range(5):
        world.later(hours=2).run()
    message = world.state.messages[key]
    assert (message.state, message.unknowns, message.reason) == ("unknown", 1, "http 500")
    del world.answers["ops"]
    world.sent.clear()
    world.later(hours=2).run()
    assert [m.key for _, m, _ in world.sent] == [key]
    assert not world.state.messages and not world.state.events


def test_a_failed_message_with_a_reminder_in_it_loses_only_the_reminder() -> None:
    routes = [Route(name="r", channels=["ops"], remind=[Duration(3600)])]
    world = World(config(routes=routes))
    nodes = {"a": "offline", "b": "online", "c": "online"}
    world.run(listing("node", dict.fromkeys(nodes, "online")))
    world.later(minutes=1).run(listing("node", nodes))
    world.heard()
    world.answers["ops"] = refuses()
    nodes["c"] = "offline"
    world.later(hours=2).run(listing("node", nodes))
    left = [(event.type, event.to["ops"].failures) for event in world.state.events.values()]
    assert left == [("problem", 1)]
    world.later(hours=2).run()
    assert [event.to["ops"].failures for event in world.state.events.values()] == [2]
    assert all(event.to["ops"].key == "" for event in world.state.events.values())


def test_what_a_channel_did_is_remembered_until_it_is_well() -> None:
    world = World()
    world.run(listing("task", {"a": "running"}))
    world.answers["ops"] = refuses("http 503")
    world.later(minutes=1).run(listing("task", {"a": "failed"}))
    first, channel = world.now, world.state.channels["ops"]
    assert (channel.failing_since, channel.failed_at) == (first, first)
    assert (channel.failures, channel.reason, channel.parked) == (1, "http 503", "")
    world.answers["ops"] = lambda message: Receipt(
        key=message.key, outcome="parked", reason="auth 535", blame="channel"
    )
    world.later(minutes=30).run()
    channel = world.state.channels["ops"]
    assert (channel.failing_since, channel.failed_at) == (first, world.now)
    assert (channel.failures, channel.parked, channel.parked_at) == (2, "auth 535", world.now)
    del world.answers["ops"]
    world.later(days=1).run()
    assert world.state.channels == {}


def test_what_may_have_arrived_counts_as_told_from_then_on() -> None:
    world = World()
    world.run(listing("node", {"a": "online"}))
    world.answers["ops"] = doubtful
    world.later(minutes=1).run(listing("node", {"a": "offline"}))
    incident = next(iter(world.state.incidents.values()))
    plan = incident.plan["ops"]
    assert (plan.told, plan.by, plan.last) == (
        world.now, next(iter(world.state.messages)), world.now,
    )  # fmt: skip


# ---- the first look, in its words -------------------------------------------------------------


def test_the_summary_names_twenty_that_are_down_and_counts_the_rest() -> None:
    world = World()
    world.run(listing("node", {f"n{number:02}": "offline" for number in range(23)}))
    text = world.news[0].text
    assert text.startswith("watching 23 nodes on river; down now: n00, n01, ")
    assert text.endswith("n18, n19 and 3 more")
    assert (world.news[0].severity, world.news[0].reason) == ("warning", "first look")
    assert len(world.news[0].covers) == 23


@pytest.mark.parametrize(("count", "end"), [(20, ", n18, n19"), (21, ", n18, n19 and 1 more")])
def test_of_those_that_are_down_nothing_is_counted_that_could_be_named(
    count: int, end: str
) -> None:
    world = World()
    world.run(listing("node", {f"n{number:02}": "offline" for number in range(count)}))
    assert world.news[0].text.endswith(end)


def test_a_reset_says_what_is_watched_now() -> None:
    world = World()
    world.run(listing("task", {"a": "running", "b": "failed"}))
    for _ in range(2):
        world.later(minutes=1).run(listing("task", {"x": "failed", "y": "failed", "z": "running"}))
    assert [event.text for event in world.news] == [
        "river has another database now: none of its former tasks is left. "
        "Watching 3 tasks; 2 tasks had already failed"
    ]
    assert world.news[0].severity == "critical"
    assert world.state.things["river/task"].scopes[""].strange == 0


def test_an_odd_word_is_told_for_each_word_and_each_kind() -> None:
    world = World()
    world.run(listing("task", {"a": "running"}), listing("node", {"n": "online"}))
    world.later(minutes=1).run(listing("task", {"a": "odd"}), listing("node", {"n": "odd"}))
    world.later(minutes=1).run(listing("task", {"a": "even"}), listing("node", {"n": "odd"}))
    texts = [event.text for _, _, events in world.sent for event in events][1:]
    assert texts == [
        "river: task a has the unknown status 'odd'; it is taken for active",
        "river: node n has the unknown status 'odd'; it is taken for active",
        "river: task a has the unknown status 'even'; it is taken for active",
    ]
    assert {event.severity for _, _, events in world.sent[1:] for event in events} == {"warning"}
