"""Which messages are due, what is in each, in which order, under which key."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from world import NOON, World, config, doubtful, listing, refuses, thing

from notifier.compose import rests
from notifier.memory import ChannelState
from notifier.model import Receipt, number
from notifier.people import People, Silence
from notifier.settings import Route, Window
from notifier.tables import Duration

ALL = {"a": "failed", "b": "failed", "c": "failed", "d": "failed"}


def world(*routes: Route, **more: object) -> World:
    one = World(config(["ops", "chat"], routes, **more))
    one.run(listing("node", {"n": "online"}), listing("task", dict.fromkeys(ALL, "running")))
    one.sent.clear()
    return one.later(minutes=1)


def things(one: World, row: str = "ops") -> list[list[str]]:
    """The ids in each message that reached a row."""
    return [
        [event.thing.rsplit("/", 1)[1] for event in events]
        for there, _, events in one.sent
        if there == row
    ]


def whys(one: World) -> set[str]:
    waiting = one.state.events.values()
    return {one.outlook().why(event, row) for event in waiting for row in event.to}


@pytest.mark.parametrize(
    ("name", "expected"), [("e12", 12), ("e12p", 12), ("i-1042", 1042), ("k7-v2-17", 17)]
)
def test_a_name_says_its_number_whatever_stands_before_it(name: str, expected: int) -> None:
    assert number(name) == expected


def test_keys_are_numbered_on_and_none_comes_again() -> None:
    one = world()
    one.run(listing("task", {**ALL, "a": "running"}))
    one.later(minutes=1).run(listing("task", ALL))
    keys = [message.key for _, message, _ in one.sent]
    numbers = [number(key) for key in keys]
    assert keys == [f"n0-{one_number}" for one_number in numbers]
    assert numbers[1] == numbers[0] + 1 < numbers[2] == numbers[3] - 1
    assert one.state.counter == numbers[-1]


def test_a_message_knows_its_route_and_its_time() -> None:
    one = world(Route(name="r", channels=["ops"]))
    one.run(listing("task", ALL))
    (message,) = [message for _, message, _ in one.sent]
    assert (message.channel, message.route, message.at) == ("ops", "r", one.now)
    assert (message.state, message.tries) == ("attempting", 1)


def test_a_channel_rests_from_the_moment_at_which_it_failed() -> None:
    failed = ChannelState(failed_at=NOON, hold=60.0)
    spans = (-1, 0, 59, 60)
    assert [rests(failed, NOON + timedelta(seconds=span)) for span in spans] == [
        False, True, True, False,
    ]  # fmt: skip
    assert not rests(None, NOON)


def test_a_channel_that_rests_keeps_no_other_one_waiting() -> None:
    for resting, other in (("ops", "chat"), ("chat", "ops")):
        one = world()
        one.answers[resting] = refuses("http 429", retry_after=3600)
        one.run(listing("task", {**ALL, "d": "running"}))
        one.sent.clear()
        one.later(minutes=1).run(listing("task", ALL))
        assert things(one, other) == [["d"]]


def test_repeats_come_before_what_is_new_each_counted_and_in_the_order_of_their_keys() -> None:
    one = world(Route(name="r", channels=["ops"], digest="event"))
    one.run(listing("task", {"a": "failed", "b": "failed", "c": "running", "d": "running"}))
    first, second = (message for _, message, _ in one.sent)
    events = {
        name: event for _, message, carried in one.sent for event in carried for name in [event.id]
    }
    waits = {
        name: replace(event, to={"ops": replace(event.to["ops"], key=key)})
        for key, (name, event) in zip((first.key, second.key), events.items(), strict=True)
    }
    unknown = [replace(message, state="unknown", unknowns=1) for message in (second, first)]
    one.state = replace(
        one.state, events=waits, messages={message.key: message for message in unknown}
    )
    one.sent.clear()
    one.later(minutes=1).run(listing("task", {**ALL, "d": "running"}))
    assert [message.key for _, message, _ in one.sent[:2]] == [first.key, second.key]
    assert [(message.state, message.tries) for _, message, _ in one.sent] == [
        ("attempting", 2), ("attempting", 2), ("attempting", 1),
    ]  # fmt: skip
    assert things(one) == [["a"], ["b"], ["c"]]


def test_a_repeat_that_fails_is_counted_each_time() -> None:
    one = world()
    one.answers["ops"] = doubtful
    one.run(listing("task", ALL))
    one.answers["ops"] = refuses()
    tries = []
    for _ in range(3):
        one.later(hours=2).run()
        tries += [message.tries for message in one.state.messages.values()]
    assert tries == [2, 3, 4]


# ---- reasons ----------------------------------------------------------------------------------


def test_what_waits_says_why() -> None:
    escalates = Route(name="r", channels=["ops"], escalate_after=Duration(3600))
    night = {"night": Window(begin="21:00", to="22:00")}
    tokyo = replace(config().run, timezone="Asia/Tokyo")
    held = Route(name="r", channels=["ops"], hold=["night"])
    for setting, expected in (
        ({"routes": [escalates]}, "escalation"),
        # noon is nine in the evening there
        ({"routes": [held], "windows": night, "run": tokyo}, "window night"),
    ):
        one = World(config(["ops"], **setting))
        one.now = NOON - timedelta(hours=2)
        one.run(listing("task", dict.fromkeys(ALL, "running")))
        one.now = NOON + timedelta(minutes=1)
        one.run(listing("task", ALL))
        assert whys(one) == {expected}
    one = world()
    one.people = People(silences={"s-7": Silence(
        id="s-7", begin=NOON, end=NOON + timedelta(hours=1), author="eve", comment="x",
        things=("task/*",),
    )})  # fmt: skip
    one.run(listing("task", ALL))
    assert whys(one) == {"silence s-7"}


def test_what_must_not_pass_a_parked_message_says_so() -> None:
    one = world()
    one.answers["ops"] = one.answers["chat"] = lambda message: Receipt(
        key=message.key, outcome="parked", reason="http 413", blame="content"
    )
    one.run(listing("node", {"n": "offline"}))
    one.answers.clear()
    one.later(hours=2).run(listing("node", {"n": "online"}))
    waiting = [event for event in one.state.events.values() if event.type == "recovery"]
    assert [one.outlook().why(event, "ops") for event in waiting] == ["behind a parked message"]


# ---- one message for what ---------------------------------------------------------------------


def in_groups(status: str) -> dict[str, object]:
    return {
        "a": thing("task", "a", status, group="g"),
        "b": thing("task", "b", status, part_of="node/n"),
        "c": thing("task", "c", status, group="g", part_of="node/n"),
        "d": thing("task", "d", status, part_of="node/n"),
    }


@pytest.mark.parametrize(
    ("digest", "messages"),
    [
        ("run", [["a", "b", "c", "d"]]),
        ("group", [["a", "c"], ["b", "d"]]),
        ("event", [["a"], ["b"], ["c"], ["d"]]),
    ],
)
def test_a_digest_is_of_a_run_of_a_group_or_of_one_thing(
    digest: str, messages: list[list[str]]
) -> None:
    one = world(Route(name="r", channels=["ops"], digest=digest))
    one.run(listing("task", in_groups("failed")))
    assert things(one) == messages


def test_what_belongs_to_no_group_stands_alone_and_two_routes_make_two_messages() -> None:
    one = world(
        Route(name="n", match={"kind": "node"}, channels=["ops"], digest="group"),
        Route(name="t", match={"kind": "task"}, channels=["ops"], digest="group"),
    )
    one.run(listing("task", ALL), listing("node", {"n": "offline"}))
    assert things(one) == [["a"], ["b"], ["c"], ["d"], ["n"]]


@pytest.mark.parametrize(("most", "messages"), [(3, 3), (4, 4), (5, 4), (1, 1)])
def test_of_so_many_messages_the_last_has_all_the_rest(most: int, messages: int) -> None:
    one = world(Route(name="r", channels=["ops"], digest="event", max_items=most))
    one.run(listing("task", ALL))
    found = things(one)
    assert len(found) == messages
    assert [name for names in found for name in names] == list(ALL)
    assert all(len(names) == 1 for names in found[:-1])


def test_a_pager_gets_one_message_for_each_incident_and_action() -> None:
    one = world(Route(name="r", channels=["ops"]), Route(name="s", channels=["chat"]))
    one.keyed = frozenset({"ops"})
    one.answers["ops"] = refuses("http 429", retry_after=60)
    one.run(listing("task", {**ALL, "d": "running"}), listing("node", {"n": "offline"}))
    one.answers.clear()
    one.sent.clear()
    one.later(hours=2).run(listing("task", ALL), listing("node", {"n": "online"}))
    assert things(one) == [["a"], ["b"], ["c"], ["n"], ["d"], ["n"]]
    kinds = [{event.over for event in events} for row, _, events in one.sent if row == "ops"]
    assert kinds == [{False}, {False}, {False}, {False}, {False}, {True}]
    assert things(one, "chat") == [["ops", "d", "n"]], "and that the pager failed"


def test_on_a_pager_what_a_node_took_with_it_rides_under_the_key_of_the_node() -> None:
    one = world()
    one.keyed = frozenset({"ops"})
    many = {name: thing("task", name, "lost", part_of="node/n") for name in ALL}
    one.run(listing("task", many), listing("node", {"n": "offline"}))
    assert things(one) == [["a", "b", "c", "d", "n"]]
    one.later(minutes=5).run(listing("node", {"n": "online"}))
    back = many | {"a": thing("task", "a", "completed")}
    one.later(minutes=5).run(listing("task", back))
    assert things(one)[1:] == [["n"], ["a"]], "an ending has a key of its own"


def test_on_a_pager_what_ends_does_not_ride_with_what_begins() -> None:
    one = world()
    one.keyed = frozenset({"ops"})
    part = {"part_of": "node/n"}
    one.run(listing("task", ALL | {"a": thing("task", "a", "failed", **part)}))
    one.sent.clear()
    later = ALL | {"a": thing("task", "a", "completed", **part)}
    one.later(minutes=5).run(listing("task", later), listing("node", {"n": "offline"}))
    assert sorted(things(one)) == [["a"], ["n"]]


def test_failures_beyond_the_most_items_are_one_message_also_on_a_pager() -> None:
    one = world(Route(name="r", channels=["ops"], max_items=3))
    one.keyed = frozenset({"ops"})
    down = dict.fromkeys(("n", "m", "o", "p"), "offline")
    one.run(listing("node", dict.fromkeys(down, "online")))
    one.sent.clear()
    one.run(listing("task", ALL), listing("node", down))
    assert sorted(things(one)) == [["a"], ["b"], ["c", "d"], ["m"], ["n"], ["o"], ["p"]]


def test_a_pager_that_two_routes_reach_gets_the_messages_of_both() -> None:
    one = world(
        Route(name="n", match={"kind": "node"}, channels=["ops"]),
        Route(name="t", match={"kind": "task"}, channels=["ops"]),
    )
    one.keyed = frozenset({"ops"})
    one.run(listing("task", ALL), listing("node", {"n": "offline"}))
    assert things(one) == [["a"], ["b"], ["c"], ["d"], ["n"]]


def test_a_pager_gets_all_that_waited_of_an_incident_at_once_and_each_summary_alone() -> None:
    one = World()
    one.keyed = frozenset({"ops"})
    one.answers["ops"] = refuses("http 429", retry_after=60)
    for source in ("river", "lake"):
        one.run(listing("node", {"n": "online", "m": "online"}), source=source)
    for status in ("slow", "online", "slow", "offline"):
        one.later(minutes=30).run(listing("node", {"n": status, "m": "online"}))
    one.answers.clear()
    one.later(hours=2).run()
    found = [[f"{each.type}:{each.thing}" for each in events] for _, _, events in one.sent]
    assert found == [
        ["summary:river/source/river"], ["summary:lake/source/lake"],
        ["problem:river/node/n"], ["recovery:river/node/n"], ["problem:river/node/n"] * 2,
    ]  # fmt: skip


def test_in_a_digest_of_groups_what_is_about_nothing_seen_is_no_group() -> None:
    one = World(config(routes=[Route(name="r", channels=["ops"], digest="group")]))
    one.answers["ops"] = refuses("http 429", retry_after=60)
    for source in ("river", "lake"):
        one.run(listing("task", {"a": "running"}), source=source)
    one.answers.clear()
    one.later(hours=2).run()
    assert things(one) == [["river"], ["lake"]]


def test_a_pager_is_told_that_a_thing_which_flapped_is_well() -> None:
    one = world()
    one.keyed = frozenset({"ops", "chat"})
    for status in ("offline", "online", "offline", "online"):
        one.later(minutes=5).run(listing("node", {"n": status}))
    one.sent.clear()
    one.later(hours=2).run(listing("node", {"n": "online"}))
    assert [(m.channel, [e.over for e in events]) for _, m, events in one.sent] == [
        ("ops", [True]), ("chat", [True]),
    ]  # fmt: skip
