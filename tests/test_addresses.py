"""Who hears of an event: what routes can match, and how rows come into a plan."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from world import NOON, World, config, listing, refuses, thing

from notifier.memory import State
from notifier.model import Due, Event, Incident, Planned
from notifier.route import Directory, address, fields, matching, planned, rows_for, swept
from notifier.settings import ChannelSettings, Route
from notifier.tables import Duration

SEEN = thing(
    "job", "set/a/b", "Failed", name="A b", health="failed", severity="critical", node="n-1",
    owner="anna", group="g-7", labels={"gpus": "8"},
)  # fmt: skip
EVENT = Event(
    id="e1", type="problem", at=NOON, reason="failed", thing="hydra/job/set/a/b",
    severity="critical", observation=SEEN, incident="i-1",
)  # fmt: skip
FIELDS = {
    "source": "hydra", "kind": "job", "family": "tasks", "type": "problem", "status": "Failed",
    "health": "failed", "severity": "critical", "id": "set/a/b", "name": "A b", "node": "n-1",
    "owner": "anna", "group": "g-7", "labels.gpus": "8",
}  # fmt: skip
FAMILIES = {"hydra/job": "tasks"}


def about(name: str, kind: str = "source", type_: str = "problem") -> Event:
    return replace(EVENT, thing=f"hydra/{kind}/{name}", type=type_, observation=None, incident="")


def opened(**plan: Planned) -> Incident:
    return Incident(
        handle="i-1", thing=EVENT.thing, observation=SEEN, finite=False, severity="critical",
        opened=NOON, changed=NOON, plan=plan,
    )  # fmt: skip


def test_these_are_the_fields_that_a_route_can_match() -> None:
    assert fields(EVENT, FAMILIES) == FIELDS


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_a_route_matches_a_field_exactly_by_glob_or_by_list_or_not(field: str) -> None:
    value = FIELDS[field]
    for want, fits in (
        (value, True), (f"{value[0]}*", True), (["x", value], True), ("x", False), ([], False),
    ):  # fmt: skip
        for given in ({"match": {field: want}}, {"not_match": {field: want}}):
            one = config(routes=[Route(name="r", channels=["ops"], **given)])
            assert bool(matching(EVENT, one, FAMILIES)) == (fits == ("match" in given))


def test_a_field_that_an_event_lacks_is_empty() -> None:
    for field in ("status", "node", "labels.gpus"):
        for want, fits in (("", True), ("*", True), ("?*", False), ("X*", False)):
            for given in ({"match": {field: want}}, {"not_match": {field: want}}):
                one = config(routes=[Route(name="r", channels=["ops"], **given)])
                found = bool(matching(about("hydra"), one, FAMILIES))
                assert found == (fits == ("match" in given))


@pytest.mark.parametrize(
    ("name", "kind", "family"),
    [("tasks", "source", "tasks"), ("nodes", "source", "nodes"), ("tasks/vps", "source", "tasks"),
     ("hydra", "source", ""), ("tasks", "job", "tasks"), ("nodes", "widget", "")],
)  # fmt: skip
def test_a_part_of_a_source_is_of_its_family(name: str, kind: str, family: str) -> None:
    assert fields(about(name, kind), FAMILIES)["family"] == family


@pytest.mark.parametrize(
    ("events", "takes"),
    [
        ([], {"problem", "summary", "flapping_start"}),
        (["problem"], {"problem", "flapping_start"}),
        (["recovery"], set()),
        (["change", "summary"], {"change", "summary"}),
        (["flapping_start"], {"flapping_start"}),
    ],
)
def test_a_route_takes_the_types_it_names_and_whoever_takes_problems_hears_of_flapping(
    events: list[str], takes: set[str]
) -> None:
    one = config(routes=[Route(name="r", channels=["ops"], events=events)])
    types = ("problem", "summary", "change", "flapping_start")
    assert {t for t in types if matching(about("x", "job", t), one, {})} == takes


def test_of_several_routes_the_first_that_names_a_channel_decides_there() -> None:
    routes = [
        Route(name="a", channels=["ops"]),
        Route(name="b", channels=["chat", "ops"]),
        Route(name="c", match={"kind": "x"}, channels=["late"]),
        Route(name="d", channels=[]),
    ]
    there = Directory(config(["ops", "chat", "late"], routes))
    assert rows_for(EVENT, there, {}) == {"ops": "a", "chat": "b"}


@pytest.mark.parametrize(
    ("event", "rows"),
    [
        (EVENT, {"ops"}),
        (about("x", "job", "change"), set()),
        (about("x", "job", "summary"), {"ops", "chat/a@x", "chat/b@x"}),
        (about("tasks"), {"ops", "chat/a@x", "chat/b@x"}),
        (about("ops", "channel"), {"chat/a@x", "chat/b@x"}),
        (about("chat/a@x", "channel"), {"ops", "chat/b@x"}),
        (about("chat", "channel"), {"ops"}),
    ],
)
def test_what_no_route_takes_goes_to_the_usual_channels_or_to_all_but_its_own(
    event: Event, rows: set[str]
) -> None:
    one = config(["ops"], default_channels=("ops",))
    chat = ChannelSettings(email=["a@x", "b@x"])
    one = replace(one, channels={**one.channels, "chat": chat})
    assert rows_for(event, Directory(one), {}) == dict.fromkeys(sorted(rows), "")


def test_a_channel_that_a_route_names_is_not_told_of_itself() -> None:
    routes = [Route(name="own", match={"kind": "channel"}, channels=["ops", "chat"])]
    there = Directory(config(["ops", "chat"], routes))
    assert rows_for(about("ops", "channel"), there, {}) == {"chat": "own"}
    alone = [Route(name="own", match={"kind": "channel"}, channels=["ops"])]
    there = Directory(config(["ops", "chat"], alone))
    assert rows_for(about("ops", "channel"), there, {}) == {"chat": ""}


def test_a_plan_keeps_what_a_row_was_told_and_knows_whether_its_end_is_owed() -> None:
    routes = [Route(name="a", channels=["ops"]), Route(name="q", channels=["chat"], recovery=False)]
    there = Directory(config(["ops", "chat"], routes))
    told = Planned("old", NOON, "n-1", NOON, 2)
    assert planned(opened(ops=told), {"ops": "a", "chat": "q"}, there).plan == {
        "ops": told, "chat": Planned("q", ending=False),
    }  # fmt: skip
    same = opened(ops=told)
    assert planned(same, {"ops": "a"}, there) is same


def test_rows_of_a_former_list_keep_the_plan_of_whoever_was_told() -> None:
    told, untold = Planned("", NOON, "n-1"), Planned("")
    state = State(incidents={"i-1": opened(**{"ops/a": untold, "ops/b": told, "gone": told})})
    (incident,) = address(state, [], config(["ops"]), {}).incidents.values()
    assert incident.plan == {"ops": told, "gone": told}
    state = State(incidents={"i-1": opened(**{"ops/b": told, "ops/a": untold})})
    (incident,) = address(state, [], config(["ops"]), {}).incidents.values()
    assert incident.plan == {"ops": told}


def test_what_waits_moves_to_the_rows_of_today_and_what_is_in_a_message_stays() -> None:
    due, sent = Due("", NOON), Due("", NOON, key="n-1")
    state = State(events={
        "e0": replace(EVENT, id="e0", to={"ops": due}),
        "e1": replace(EVENT, to={"ops/a": due, "ops/b": replace(due, failures=1)}),
        "e2": replace(EVENT, id="e2", to={"ops/a": sent, "gone": due}),
    })  # fmt: skip
    found = address(state, [], config(["ops"]), {}).events
    assert found["e0"].to == found["e1"].to == {"ops": due}
    assert found["e2"].to == {"ops/a": sent, "gone": due}


def test_an_escalation_is_due_later_but_not_where_the_problem_is_known() -> None:
    route = Route(name="r", channels=["ops"], escalate_after=Duration(3600))
    chosen = config(["ops"], [route])
    for told, at in ((None, NOON + timedelta(hours=1)), (NOON, NOON)):
        state = State(incidents={"i-1": opened(ops=Planned("r", told))})
        made = address(state, [EVENT], chosen, {}).events["e1"]
        assert made.to == {"ops": Due("r", at)}


WAITS = replace(EVENT, id="e0", to={"ops": Due("r", NOON)})
WELL = replace(SEEN, status="Succeeded", health="ok")
BEGINS = replace(EVENT, type="flapping_start")
ENDS = replace(EVENT, type="flapping_end", observation=WELL)
STILL_BAD = replace(EVENT, type="flapping_end")
OVER = replace(EVENT, type="recovery", observation=WELL)


@pytest.mark.parametrize(
    ("event", "takes", "told", "found"),
    [
        (BEGINS, [], None, {"e1": "flapping_start"}),
        (BEGINS, ["problem"], None, {"e1p": "problem"}),
        (BEGINS, ["problem"], NOON, {}),
        (ENDS, [], NOON, {"e1": "flapping_end"}),
        (ENDS, ["problem"], NOON, {"e1p": "recovery"}),
        (STILL_BAD, [], None, {"e1": "flapping_end"}),
        (STILL_BAD, ["problem"], None, {}),
        (OVER, ["problem"], NOON, {"e1": "recovery"}),
    ],
)
def test_flapping_is_told_as_far_as_the_route_takes_it_and_plainly_beyond(
    event: Event, takes: list[str], told: datetime | None, found: dict[str, str]
) -> None:
    one = config(["ops"], [Route(name="r", channels=["ops"], events=takes)])
    incident = replace(
        opened(ops=Planned("r", told)), flapping=NOON, ended=NOON if event.over else None
    )
    state = State(incidents={"i-1": incident}, events={} if told else {"e0": WAITS})
    made = address(state, [event], one, {}).events
    made.pop("e0", None)
    assert {name: each.type for name, each in made.items() if each.to} == found
    assert made.keys() == {"e1", *found}
    assert all(each.to == {"ops": Due("r", NOON)} for each in made.values() if each.to)


def test_a_summary_is_for_a_pager_each_problem_it_tells_of_alone() -> None:
    summary = Event(
        id="e9", type="summary", at=NOON, reason="first look", thing="hydra/source/hydra",
        severity="warning", covers=("i-1",), text="down now: A b",
    )  # fmt: skip
    before = NOON - timedelta(hours=1)
    state = State(incidents={"i-1": replace(opened(), opened=before)})
    made = address(state, [summary], config(["ops", "pager"]), {}, frozenset({"pager"})).events
    assert made == {
        "e9": replace(summary, to={"ops": Due("", NOON)}),
        "e1": replace(
            EVENT, reason="first look", opened=before, to={"pager": Due("", NOON)}
        ),
    }  # fmt: skip


def test_what_nobody_waits_for_is_swept_and_finite_facts_settle() -> None:
    fact = replace(opened(), handle="i-2", finite=True)
    stuck = replace(opened(), handle="i-3", finite=True, stuck=True)
    over = replace(opened(), handle="i-4", ended=NOON)
    waits = replace(opened(), handle="i-5", ended=NOON)
    named = replace(opened(), handle="i-6", finite=True)
    state = State(
        incidents={one.handle: one for one in (opened(), fact, stuck, over, waits, named)},
        events={
            "e1": EVENT,
            "e2": replace(EVENT, id="e2", incident="i-5", to={"ops": Due("", NOON)}),
            "e3": replace(
                EVENT, id="e3", type="summary", incident="", covers=("i-6",),
                to={"ops": Due("", NOON)},
            ),
        },
    )  # fmt: skip
    left = swept(state, NOON)
    assert sorted(left.events) == ["e2", "e3"]
    assert sorted(left.incidents) == ["i-1", "i-2", "i-3", "i-5", "i-6"]
    settled = {handle for handle, one in left.incidents.items() if one.settled == NOON}
    assert settled == {"i-2"}
    assert swept(left, NOON + timedelta(days=1)) == left


def test_plain_news_of_flapping_is_for_those_who_take_no_other() -> None:
    plain = Route(name="p", channels=["ops"], events=["problem", "recovery"])
    one = World(config(["ops", "chat"], [plain, Route(name="u", channels=["chat"])]))
    well, down = listing("node", {"a": "online"}), listing("node", {"a": "offline"})
    one.run(well)
    one.answers["ops"] = refuses("http 429", retry_after=1500)
    for looks in (down, well, down, down):
        one.later(minutes=5).run(looks)
    one.heard("ops"), one.heard("chat")
    one.answers.clear()
    for _ in range(5):
        one.later(minutes=20).run(down)
    said = [what for what in one.heard("chat") if "river" in what]
    assert said == ["flapping_end:river/node/a"]
    assert one.heard("ops") == [
        "problem:river/node/a", "recovery:river/node/a", "problem:river/node/a",
    ]  # fmt: skip
    one.later(hours=2).run(well)
    assert one.heard("ops") == ["recovery:river/node/a"]
