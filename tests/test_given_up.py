"""What a channel did not take for too long is dropped, and the others are told; usually never."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from world import World, config, doubtful, listing, refuses, thing

from notifier.people import People, Silence
from notifier.settings import ChannelSettings, Route, Window
from notifier.tables import Duration

WEEK = Duration(7 * 86400)


def world(after: Duration = WEEK, **more: object) -> World:
    """Channels chat (that gives up) and ops, after a first look in which all is well."""
    channels = {
        "chat": ChannelSettings(webhook="http://h/", give_up_after=after),
        "ops": ChannelSettings(webhook="http://h/"),
    }
    made = World(replace(config(**more), channels=channels))
    made.run(listing("node", {"a": "online", "b": "online"}))
    made.heard("chat")
    made.heard("ops")
    return made


def goes(there: World, **span: float) -> list[str]:
    """Time passes and the same is seen again; what ops heard of it."""
    there.later(**span).run(listing("node", {"a": "offline", "b": "online"}))
    return there.heard("ops")


def failing(there: World) -> World:
    """The chat refuses everything, and a node goes down."""
    there.answers["chat"] = refuses()
    assert goes(there, minutes=1) == ["problem:river/node/a"]
    return there


def waits(there: World) -> set[str]:
    return {f"{e.type}:{e.thing}" for e in there.state.events.values() if "chat" in e.to}


def test_what_a_channel_did_not_take_in_its_time_is_dropped_and_the_others_are_told() -> None:
    there = failing(world())
    goes(there, days=6)
    assert waits(there) == {"problem:river/node/a"}
    assert goes(there, days=1) == ["summary:notifier/channel/chat"]
    assert waits(there) == set()
    said = there.news[0]
    assert (said.reason, said.severity) == ("given up", "warning")
    assert said.text == (
        "an event was given up: chat did not take what it was to be told within 7d"
    )


def test_by_default_nothing_is_ever_given_up() -> None:
    there = failing(world(Duration(0)))
    goes(there, days=400)
    assert waits(there) == {"problem:river/node/a"}
    del there.answers["chat"]
    goes(there, days=400)
    assert there.heard("chat") == ["problem:river/node/a"]


def test_nobody_is_told_of_the_end_of_what_was_given_up() -> None:
    there = failing(world())
    goes(there, days=8)
    del there.answers["chat"]
    there.later(days=1).run(listing("node", {"a": "online", "b": "online"}))
    assert there.heard("chat") == []
    assert there.heard("ops")[-1] == "recovery:river/node/a"


def test_an_ending_that_waits_goes_with_its_problem() -> None:
    there = failing(world())
    there.later(minutes=5).run(listing("node", {"a": "online", "b": "online"}))
    assert waits(there) == {"problem:river/node/a", "recovery:river/node/a"}
    # the problem is old enough, its end is not; alone it would end what nobody heard of
    there.later(days=7, minutes=-4).run(listing("node", {"a": "online", "b": "online"}))
    assert waits(there) == set()


def test_a_message_that_may_have_arrived_is_given_up_as_well_and_its_end_is_still_owed() -> None:
    there = world()
    there.answers["chat"] = doubtful
    goes(there, minutes=1)
    assert "summary:notifier/channel/chat" in goes(there, days=8)
    assert there.state.messages == {}
    del there.answers["chat"]
    there.heard("chat")
    there.later(days=1).run(listing("node", {"a": "online", "b": "online"}))
    assert there.heard("chat") == ["recovery:river/node/a"]


def test_a_message_whose_content_is_refused_does_not_hang_for_ever() -> None:
    there = world()
    there.answers["chat"] = refuses("http 413", outcome="parked", blame="content")
    goes(there, minutes=1)
    for _ in range(3):
        goes(there, hours=1)
    assert there.state.messages
    goes(there, days=7)
    assert there.state.messages == {}


def test_what_waits_for_a_window_or_a_silence_is_not_given_up() -> None:
    night = Window(begin="00:00", to="23:59", timezone="UTC")
    held = [Route(name="a", match={"kind": "node"}, channels=["chat", "ops"], hold=["night"])]
    there = world(Duration(3600), routes=held, windows={"night": night})
    there.answers["chat"] = refuses()
    there.later(minutes=1).run(listing("node", {"a": "offline", "b": "online"}))
    there.later(hours=5).run(listing("node", {"a": "offline", "b": "online"}))
    assert waits(there) == {"problem:river/node/a"}


def test_a_silence_over_a_failing_channel_keeps_what_it_keeps() -> None:
    there = failing(world(Duration(3600)))
    silence = Silence(
        id="s-1", begin=there.now, end=there.now + timedelta(days=2), author="eve", comment="x",
        things=("river/node/a",),
    )  # fmt: skip
    there.people = People(silences={"s-1": silence})
    goes(there, hours=5)
    assert waits(there) == {"problem:river/node/a"}


@pytest.mark.parametrize("back", [1, 400])
def test_a_clock_that_went_back_gives_nothing_up(back: int) -> None:
    there = failing(world())
    goes(there, days=-back)
    assert waits(there) == {"problem:river/node/a"}


def test_with_no_other_channel_it_is_still_said_by_the_run() -> None:
    alone = {"chat": ChannelSettings(webhook="http://h/", give_up_after=WEEK)}
    there = World(replace(config(), channels=alone))
    there.run(listing("task", {"1": "running"}))
    there.answers["chat"] = refuses()
    there.later(minutes=1).run(listing("task", {"1": thing("task", "1", "failed")}))
    there.later(days=8).run(listing("task", {"1": thing("task", "1", "failed")}))
    assert [event.reason for event in there.news if event.type == "summary"] == ["given up"]
