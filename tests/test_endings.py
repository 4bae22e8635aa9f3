"""Whoever was told of a problem is told of its end, in this order, and nobody else is."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from world import NOON, World, config, doubtful, listing, refuses, thing

from notifier import outbox
from notifier.model import Message, Receipt, Unreadable
from notifier.people import Ack, People, Silence
from notifier.settings import ChannelSettings, Route, Window
from notifier.tables import Duration

HOUR = Duration(3600)
TASKS = listing("task", {"a": "running", "b": "running"})
WELL = listing("node", {"gpu-1": "online", "gpu-2": "online"})
DOWN = listing("node", {"gpu-1": "offline", "gpu-2": "online"})
SLOW = listing("node", {"gpu-1": "slow", "gpu-2": "online"})
BOTH = listing("node", {"gpu-1": "offline", "gpu-2": "offline"})
SICK = Unreadable(family="nodes", why="sick", reason="http 500")
PROBLEM, RECOVERY = "problem:river/node/gpu-1", "recovery:river/node/gpu-1"
START, STEADY = "flapping_start:river/node/gpu-1", "flapping_end:river/node/gpu-1"
ESCALATES = (
    Route(name="first", channels=["ops"]),
    Route(name="boss", channels=["chat"], escalate_after=HOUR),
)


def world(*routes: Route, **more: object) -> World:
    one = World(config(["ops", "chat"], routes, **more))
    one.run(WELL, TASKS)
    one.heard("ops"), one.heard("chat")
    return one.later(minutes=1)


def silent(one: World, *things: str, handles: tuple[str, ...] = ()) -> None:
    made = Silence(
        id="s-1", begin=one.now, end=one.now + timedelta(hours=2), author="eve",
        comment="disk swap", things=things or ("node/*",), handles=handles,
    )  # fmt: skip
    one.people = People(silences={"s-1": made})


def in_hand(one: World) -> None:
    ack = Ack(at=one.now, author="eve", comment="on it")
    one.people = People(acks=dict.fromkeys(one.state.incidents, ack))


def dislikes(message: Message) -> Receipt:
    return Receipt(key=message.key, outcome="parked", reason="http 413", blame="content")


def whys(one: World) -> list[str]:
    return [
        one.outlook().why(event, row) for event in one.state.events.values() for row in event.to
    ]


# ---- the plan ---------------------------------------------------------------------------------


def test_whoever_knows_of_a_problem_hears_that_it_is_worse_whatever_route_takes_that() -> None:
    one = world(
        Route(name="mild", match={"severity": "warning"}, channels=["chat"]),
        Route(name="bad", match={"severity": "critical"}, channels=["ops"]),
    )
    one.run(SLOW)
    one.later(minutes=1).run(DOWN)
    assert (one.heard("chat"), one.heard("ops")) == ([PROBLEM, PROBLEM], [PROBLEM])


def test_a_channel_that_takes_no_problems_does_not_hear_that_it_is_worse() -> None:
    sums = Route(name="sums", channels=["ops"], events=["summary"])
    one = World(config(["ops", "chat"], [sums], default_channels=("chat",)))
    one.run(SLOW)
    one.later(minutes=1).run(DOWN)
    assert one.heard("ops") == ["summary:river/source/river"]
    assert one.heard("chat") == [PROBLEM]
    one.later(hours=2).run(WELL)
    assert one.heard("ops") == [RECOVERY], "the summary had named it"


def test_flapping_is_told_to_those_who_know_whatever_the_routes_take() -> None:
    routes = [Route(name="down", match={"status": "offline"}, channels=["chat"])]
    one = world(*routes, default_channels=("ops",))
    one.run(DOWN)
    one.heard("chat")
    for looks in (WELL, DOWN):
        one.later(minutes=5).run(looks)
    assert (one.heard("chat"), one.heard("ops")) == ([RECOVERY, START], [])
    one = world(*routes, default_channels=("ops",))
    for looks in (SLOW, DOWN, WELL):
        one.later(minutes=5).run(looks)
    assert one.heard("chat") == [PROBLEM, START], (
        "what it is by now, well, matches no route of chat"
    )


def test_flapping_of_what_is_known_brings_in_nobody_else() -> None:
    bad = Route(name="bad", match={"status": ["slow", "offline"]}, channels=["chat"])
    one = world(bad, default_channels=("ops",))
    for looks in (SLOW, DOWN, WELL):
        one.later(minutes=5).run(looks)
    assert [event.type for event in one.news] == ["flapping_start"]
    assert one.heard("chat") == [PROBLEM, PROBLEM, START]
    assert one.heard("ops") == []


def test_flapping_escalates_like_any_problem() -> None:
    one = world(*ESCALATES)
    for looks in (DOWN, WELL, DOWN):
        one.later(minutes=5).run(looks)
    (start,) = one.news
    waits = {row: due.at for row, due in one.state.events[start.id].to.items()}
    assert waits == {"chat": one.now + timedelta(hours=1)}
    assert one.heard("ops")[-1] == START
    assert one.heard("chat") == []


def test_who_takes_plain_news_and_knows_already_hears_nothing_when_flapping_begins() -> None:
    plain = Route(name="plain", channels=["ops", "chat"], events=["problem", "recovery"])
    one = world(plain)
    one.answers["chat"] = refuses("http 429", retry_after=1500)
    for looks in (SLOW, DOWN, WELL):
        one.later(minutes=5).run(looks)
    assert [event.type for event in one.news] == ["flapping_start"]
    assert one.heard("ops") == [PROBLEM, PROBLEM], "mild, then worse"
    waiting = [event for event in one.state.events.values() if "chat" in event.to]
    assert {event.type for event in waiting} == {"problem"}
    one.answers.clear()
    for _ in range(14):
        one.later(minutes=5).run(WELL)
    assert one.heard("ops") == [RECOVERY]
    assert one.heard("chat")[-1] == RECOVERY


def test_an_ending_is_owed_by_what_the_route_said_when_it_was_told() -> None:
    loud, quiet = (
        Route(name="1", channels=["ops"]),
        Route(name="1", channels=["ops"], recovery=False),
    )
    for before, after, heard in ((loud, quiet, [RECOVERY]), (quiet, loud, [])):
        one = world(before)
        one.run(DOWN)
        one.heard()
        one.config = config(["ops", "chat"], [after])
        one.later(minutes=5).run(WELL)
        assert one.heard() == heard
        assert not one.state.events and not one.state.incidents


def test_who_was_told_as_one_address_is_told_that_it_is_worse_as_two() -> None:
    one = world()
    lone = ChannelSettings(email=["a@x.org"])
    one.config = replace(one.config, channels={"ops": lone})
    one.run(SLOW)
    one.config = replace(
        one.config, channels={"ops": ChannelSettings(email=["a@x.org", "b@x.org"])},
        routes=(Route(name="r", channels=["ops"], escalate_after=HOUR),),
    )  # fmt: skip
    one.later(minutes=1).run(DOWN)
    assert one.heard("ops/a@x.org") == one.heard("ops/b@x.org") == [PROBLEM]
    one.later(minutes=1).run(WELL)
    assert one.heard("ops/a@x.org") == one.heard("ops/b@x.org") == [START]


# ---- order ------------------------------------------------------------------------------------


def test_an_ending_waits_behind_what_a_window_holds_of_its_incident() -> None:
    """What was bad went by one route, what was worse by another one that is held."""
    night = {"night": Window(begin="12:01", to="13:00", timezone="UTC")}
    one = world(
        Route(name="mild", match={"severity": "warning"}, channels=["ops"]),
        Route(name="bad", channels=["ops"], hold=["night"]),
        windows=night,
    )
    one.later(hours=-5).run(SLOW)
    assert one.heard() == [PROBLEM]
    one.now = NOON + timedelta(minutes=2)
    one.run(DOWN)
    one.later(minutes=5).run(WELL, TASKS)
    assert one.heard() == []
    worse = next(iter(one.state.events))
    assert whys(one) == ["window night", f"behind {worse}"]
    one.later(hours=1).run(WELL, TASKS)
    assert one.heard() == [PROBLEM, RECOVERY]


def test_no_ending_passes_a_summary_that_a_channel_refused_for_its_content() -> None:
    routes = [
        Route(name="sums", match={"kind": "source"}, channels=["ops"]),
        Route(name="rest", channels=["ops"]),
    ]
    one = World(config(routes=routes))
    one.answers["ops"] = refuses()
    one.run(DOWN)
    one.later(hours=2)
    one.answers["ops"] = dislikes
    one.run(WELL)
    del one.answers["ops"]
    assert len(one.state.messages) == 1
    one.later(hours=2).run(WELL)
    assert one.heard() == []
    one.state = outbox.retry(one.state)
    one.later(hours=2).run(WELL)
    assert one.heard() == ["summary:river/source/river", RECOVERY]


def test_what_was_silenced_since_is_well_after_a_summary_that_waits() -> None:
    """The summary still tells of it, so that its end is owed, whatever was dropped unspoken."""
    one = World()
    one.answers["ops"] = refuses(blame="content", outcome="parked")
    one.run(SLOW)
    assert [message.state for message in one.state.messages.values()] == ["parked"]
    silent(one)
    one.later(minutes=5).run(DOWN)
    one.later(minutes=5).run(WELL)
    one.answers.clear()
    one.state = outbox.retry(one.state)
    one.later(minutes=5).run(WELL)
    assert one.heard() == ["summary:river/source/river", RECOVERY]


def test_what_a_summary_told_of_ends_after_the_summary_however_much_waits() -> None:
    """Older news of a thing that goes by another route must not take its end along."""
    routes = [
        Route(name="own", match={"kind": "source"}, channels=["ops"], digest="event"),
        Route(name="rest", channels=["ops"], digest="event"),
    ]
    one = World(config(["ops"], routes))
    one.run(WELL)
    one.heard()
    one.answers["ops"] = refuses("http 429", retry_after=86400)
    one.later(minutes=1).run(DOWN)
    for _ in range(2):
        one.later(minutes=1).run(listing("node", {"gpu-1": "offline"}))
        one.later(minutes=1).run(SICK)
    for name in ("new", "gpu-1"):
        for _ in range(2):
            one.later(minutes=1).run(listing("node", {name: "offline"}))
    one.later(minutes=1).run(listing("node", {"gpu-1": "online"}))
    del one.answers["ops"]
    one.later(days=2).run(listing("node", {"gpu-1": "online"}))
    heard = [event for _, _, events in one.sent for event in events]
    told: set[str] = set()
    for event in heard:
        assert not event.over or event.incident in told, f"{event.thing} ended untold"
        told.update(event.incidents)
    assert not one.state.events


def test_a_summary_of_what_is_over_is_not_said_once_more() -> None:
    one = World()
    one.arrives = False
    one.answers["ops"] = doubtful
    one.run(DOWN)
    for _ in range(2):
        one.later(hours=2).run(DOWN)
    one.answers.clear()
    one.later(hours=2).run(WELL)
    assert one.heard() == [RECOVERY], "they may have heard of it"
    one.state = outbox.retry(one.state)
    one.later(hours=2).run(WELL)
    assert one.heard() == [] and not one.state.messages


# ---- silences ---------------------------------------------------------------------------------


def test_what_is_well_when_its_silence_until_resolved_ends_by_that_is_never_spoken_of() -> None:
    one = world()
    silent(one)
    one.run(BOTH)
    silent(one, handles=tuple(one.state.incidents))
    one.later(minutes=5).run(WELL)
    assert one.heard() == [] and not one.state.events and not one.state.incidents


def test_what_is_still_bad_when_a_silence_until_resolved_ends_is_told_then() -> None:
    one = world()
    silent(one)
    one.run(DOWN)
    silent(one, handles=tuple(one.state.incidents))
    one.later(minutes=5).run(BOTH)
    one.later(minutes=5).run(listing("node", {"gpu-1": "online", "gpu-2": "offline"}))
    assert one.heard() == ["problem:river/node/gpu-2"]


def test_what_the_first_look_after_a_silence_finds_well_is_never_spoken_of() -> None:
    one = world()
    silent(one)
    one.run(DOWN)
    one.later(hours=3).run(WELL)
    assert one.heard() == [] and not one.state.events and not one.state.incidents


def test_what_grew_worse_after_its_silence_is_told_with_its_end_although_it_is_over() -> None:
    """In one look of a stream it grew worse and well, and what came before was silenced."""
    one = World()
    hosts = listing("host", {})
    one.run(replace(hosts, changes=(thing("host", "h", "online"),)))
    silent(one, "host/*")
    one.later(minutes=1).run(replace(hosts, changes=(thing("host", "h", "slow"),)))
    later = tuple(thing("host", "h", status) for status in ("offline", "online"))
    one.later(hours=3).run(replace(hosts, changes=later))
    assert one.heard() == ["problem:river/host/h", "recovery:river/host/h"]
    assert not one.state.events and not one.state.incidents


def test_what_a_window_kept_beyond_its_silence_is_told_even_if_over() -> None:
    night = {"night": Window(begin="13:00", to="18:00", timezone="UTC")}
    one = world(Route(name="r", channels=["ops"], hold=["night"]), windows=night)
    silent(one)
    one.run(DOWN)
    one.later(hours=3).run(DOWN)
    one.later(hours=1).run(WELL)
    assert one.heard() == []
    one.later(hours=3).run(WELL)
    assert one.heard() == [PROBLEM, RECOVERY]


def test_the_end_of_a_silence_is_decided_by_a_look_at_what_it_was_about() -> None:
    one = world()
    silent(one)
    one.run(DOWN)
    for results in ([], [], [TASKS], [SICK, TASKS]):
        one.later(hours=1).run(*results)
    assert one.heard() == []
    one.later(hours=1).run(DOWN)
    assert one.heard() == [PROBLEM]


def test_steady_but_not_well_is_not_said_in_a_silence() -> None:
    one = world()
    for looks in (DOWN, WELL):
        one.later(minutes=5).run(looks)
    one.heard()
    one.later(minutes=5)
    silent(one)
    one.run(DOWN)
    for _ in range(7):
        one.later(minutes=16).run(DOWN)
    assert one.heard() == []
    assert [event.type for event in one.state.events.values()] == ["flapping_start", "flapping_end"]
    one.later(minutes=16).run(DOWN)
    assert one.heard() == [START, STEADY]
    one.later(hours=2).run(WELL)
    assert one.heard() == [RECOVERY]


def test_a_thing_that_is_forgotten_in_a_silence_is_not_spoken_of() -> None:
    one = world()
    silent(one)
    one.run(DOWN)
    one.state = outbox.forgotten(one.state, "river/node/gpu-1", one.config, one.now)
    one.later(minutes=1).run()
    assert one.heard() == [] and not one.state.events and not one.state.incidents


def test_a_thing_that_is_forgotten_after_its_silence_has_its_ending_behind_its_problem() -> None:
    one = world()
    silent(one)
    one.run(DOWN)
    one.later(hours=3)
    one.state = outbox.forgotten(one.state, "river/node/gpu-1", one.config, one.now)
    one.later(minutes=1).run()
    assert one.heard() == [PROBLEM, RECOVERY]


# ---- escalation -------------------------------------------------------------------------------


def test_an_escalation_is_decided_by_a_look_at_what_it_is_about() -> None:
    one = world(*ESCALATES)
    one.run(DOWN)
    for results in ([], [TASKS], [SICK, TASKS]):
        one.later(hours=1).run(*results)
        assert PROBLEM not in one.heard("chat")
    one.later(minutes=1).run(WELL)
    assert RECOVERY in one.heard("ops")
    assert not [what for what in one.heard("chat") if "node" in what]


def test_an_escalation_that_was_needed_reaches_a_channel_that_was_down_by_then() -> None:
    one = world(*ESCALATES)
    one.run(DOWN)
    one.answers["chat"] = refuses("http 429", retry_after=7200)
    one.later(hours=1).run(DOWN)
    in_hand(one)
    one.later(minutes=30).run(WELL)
    del one.answers["chat"]
    one.later(hours=3).run(WELL)
    assert one.heard("chat") == [PROBLEM, RECOVERY]


def test_what_is_worse_need_not_wait_where_the_problem_is_known() -> None:
    one = world(*ESCALATES)
    one.run(SLOW)
    one.later(hours=1).run(SLOW)
    assert one.heard("chat") == [PROBLEM]
    one.later(minutes=1).run(DOWN)
    assert one.heard("chat") == [PROBLEM]


def test_news_that_waited_beside_an_escalation_come_with_it() -> None:
    one = world(*ESCALATES)
    one.run(SLOW)
    one.later(minutes=30).run(DOWN)
    one.later(minutes=30).run(DOWN)
    assert one.heard("chat") == [PROBLEM]
    one.later(minutes=1).run(DOWN)
    assert one.heard("chat") == [PROBLEM], "it knows by now, so the rest need not wait"
    assert not one.state.events


def test_a_failure_that_is_a_fact_is_escalated_unless_somebody_has_it_in_hand() -> None:
    failed = listing("task", {"a": "failed", "b": "running"})
    for taken, heard in ((False, ["problem:river/task/a"]), (True, [])):
        one = world(*ESCALATES)
        one.run(failed)
        if taken:
            in_hand(one)
        one.later(minutes=61).run(failed)
        assert one.heard("chat") == heard
        assert not one.state.events


def test_a_clock_that_went_back_escalates_what_is_still_open() -> None:
    one = world(*ESCALATES)
    one.run(DOWN)
    one.later(hours=-5).run(DOWN)
    assert one.heard("chat") == [PROBLEM]


# ---- a scope that was not read ----------------------------------------------------------------

EAST = listing("machine", {"e": "online"}, scope="east")
WEST = {status: listing("machine", {"w": status}, scope="west") for status in ("online", "offline")}
UNREAD = Unreadable(family="nodes", why="sick", reason="http 500", scope="west")


def two_scopes(*looks: str) -> World:
    one = World(config(routes=[Route(name="r", channels=["ops"], remind=[HOUR])]))
    for status in looks:
        one.run(EAST, WEST[status])
        one.later(minutes=5)
    one.heard()
    return one


def test_nobody_is_reminded_of_what_lies_in_a_scope_that_was_not_read() -> None:
    one = two_scopes("online", "offline")
    one.later(hours=2).run(EAST, UNREAD)
    one.run(EAST)
    assert one.heard() == []
    one.run(EAST, WEST["offline"])
    assert one.heard() == ["reminder:river/machine/w"]


def test_flapping_in_a_scope_does_not_end_by_a_look_at_another_one() -> None:
    one = two_scopes("online", "offline", "online", "offline")
    one.later(hours=2).run(EAST, UNREAD)
    assert one.heard() == []
    one.run(EAST, WEST["online"])
    assert one.heard() == []
    one.later(hours=2).run(EAST, WEST["online"])
    assert one.heard() == ["flapping_end:river/machine/w"]


def test_flapping_does_not_end_by_a_listing_that_lacks_the_thing() -> None:
    one = world()
    for looks in (DOWN, WELL, DOWN):
        one.later(minutes=5).run(looks)
    one.heard()
    one.later(hours=2).run(listing("node", {"gpu-2": "online"}, complete=False))
    assert one.heard() == []
    one.later(hours=2).run(listing("node", {"other": "online"}))
    assert one.heard() == [], "it may be another database"


def test_a_part_of_the_source_does_not_become_steady_while_nobody_asks_for_it() -> None:
    one = world()
    for results in ([SICK], [SICK], [WELL], [SICK], [SICK], [WELL]):
        one.later(minutes=5).run(*results, TASKS)
    assert "flapping_start:river/source/nodes" in one.heard()
    one.later(hours=3).run(TASKS)
    assert one.heard() == []
    one.later(minutes=1).run(WELL)
    assert one.heard() == ["flapping_end:river/source/nodes"]


# ---- another database -------------------------------------------------------------------------


def another_database(one: World) -> None:
    for _ in range(2):
        one.later(minutes=1).run(listing("node", {"other": "online"}))


def test_what_was_told_and_is_gone_with_its_database_is_named_as_no_longer_watched() -> None:
    one = world()
    one.run(DOWN)
    one.heard()
    another_database(one)
    assert one.heard() == [RECOVERY, "summary:river/source/river"]
    assert len(one.sent) == 2, "one message for each channel had all of it"
    assert [event.reason for event in one.news] == ["no longer watched", "reset"]


def test_what_waits_to_be_told_when_its_database_is_gone_comes_with_its_end() -> None:
    one = world()
    one.answers["ops"] = refuses()
    one.run(DOWN)
    another_database(one)
    del one.answers["ops"]
    one.later(minutes=30).run()
    assert one.heard("ops") == [PROBLEM, RECOVERY, "summary:river/source/river"]
    assert not one.state.incidents


def test_what_was_silenced_when_its_database_is_gone_is_never_spoken_of() -> None:
    one = world()
    silent(one)
    one.run(DOWN)
    another_database(one)
    assert one.heard() == ["summary:river/source/river"]
    assert not one.state.events and not one.state.incidents


# ---- time -------------------------------------------------------------------------------------


def test_a_clock_that_went_back_begins_the_thirty_days_of_a_fact_anew() -> None:
    one = world()
    failed = listing("task", {"a": "failed", "b": "running"})
    one.now = NOON + timedelta(days=3000)
    one.run(failed)
    one.now = NOON
    one.run(failed)
    one.later(days=31).run(failed)
    assert not one.state.incidents


def test_a_clock_that_went_back_begins_the_hour_of_a_failing_channel_anew() -> None:
    one = world()
    one.answers["ops"] = refuses()
    one.now = NOON + timedelta(days=300)
    one.run(DOWN)
    one.now = NOON
    for _ in range(3):
        one.later(hours=1).run(DOWN)
    assert "problem:notifier/channel/ops" in one.heard("chat")


def test_what_grew_worse_while_it_flapped_has_that_weight_afterwards() -> None:
    one = world()
    for looks in (SLOW, WELL, SLOW, DOWN):
        one.later(minutes=5).run(looks)
    one.later(hours=2).run(DOWN)
    (end,) = one.news
    assert (end.type, end.reason, end.severity) == ("flapping_end", "steady, not well", "critical")
    assert next(iter(one.state.incidents.values())).severity == "critical"


@pytest.mark.parametrize(("count", "messages"), [(3, 3), (4, 4), (9, 4)])
def test_a_digest_of_groups_is_capped_as_well(count: int, messages: int) -> None:
    routes = [Route(name="each", channels=["ops"], digest="group", max_items=4)]
    ids = [f"t{number}" for number in range(count)]
    one = World(config(routes=routes))
    one.run(listing("task", dict.fromkeys(ids, "running")))
    one.sent.clear()
    rows = {name: thing("task", name, "failed", group=name) for name in ids}
    one.later(minutes=1).run(listing("task", rows))
    assert len(one.sent) == messages
    assert sorted(one.heard()) == [f"problem:river/task/{name}" for name in ids]
