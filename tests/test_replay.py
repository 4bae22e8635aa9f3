"""A journal played once more: the same messages by the same configuration, others by another."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from msgspec.structs import replace
from peers import Command, Mailbox, Sink
from sources.hosts import Reply, Stub, dialect_a, recorded
from test_histories import LATER, LISTED, ROWS, Histories
from world import KINDS, NOON, World, classify, config, listing, refuses, thing

from notifier import chronicle, record
from notifier.config import Config
from notifier.journal import runs
from notifier.look import Look
from notifier.model import Event, Message
from notifier.replay import Replay
from notifier.settings import Route, Window

FAMILIES = {f"river/{name}": kind.family for name, kind in KINDS.items()}


def reader(source: str, pushed: bool) -> Look:
    return Look(
        source=source, kinds=KINDS, classify=classify, families=frozenset(), results=(),
        stuck_after={"pending": 3600.0},
    )  # fmt: skip


def played(world: World, other: Config | None = None, *, between: bool = False) -> Replay:
    # what is written and read again, as it is in the file
    decoder = msgspec.json.Decoder(record.Anything)
    lines = [decoder.decode(msgspec.json.encode(line)) for line in world.lines]
    groups = list(runs(lines, str(world.generation)))
    return Replay(
        other or world.config, reader, FAMILIES, keyed=world.keyed, between=between
    ).play(groups)  # fmt: skip


def told(message: Message, events: list[Event] | tuple[Event, ...]) -> tuple[Any, ...]:
    said = [(one.id, one.type, one.thing, one.reason, one.incident, one.text) for one in events]
    return message.key, message.channel, message.route, message.tries, message.at, said


def heard(replay: Replay, row: str = "ops") -> list[tuple[datetime, list[str]]]:
    return [
        (one.at, [f"{event.type} {event.thing}" for event in one.events])
        for one in replay.sent
        if one.message.channel == row
    ]


class Replayed(Histories):
    """The random histories of test_histories.py under one configuration, with a journal."""

    # with several configurations there is none that it was made with
    the_configuration_changes = None
    # of a run that died just before, nothing says then whether its last message arrived
    somebody_drops_what_waits = None

    @rule(where=st.sampled_from(sorted(LISTED)), data=st.data())
    def somebody_lets_a_thing_be_forgotten(
        self, where: tuple[str, str], data: st.DataObject
    ) -> None:
        name = data.draw(st.sampled_from(sorted(self.truth[where])))
        before = self.world.state
        self.forgets(where, name)
        self.world.acted(
            before, record.Person(at=self.world.now, did="forget", of=f"river/{where[0]}/{name}")
        )

    @rule(row=st.sampled_from(ROWS))
    def somebody_tries_again(self, row: str) -> None:
        before = self.world.state
        self.tries_again(row)
        self.world.acted(before, record.Person(at=self.world.now, did="retry", of=row))

    @rule()
    def the_file_makes_way(self) -> None:
        world = self.world
        if world.state.things:
            world.lines = [chronicle.begun(world.state, world.now, 1000)]
            world.attempted = []

    def teardown(self) -> None:
        sent = [told(one.message, one.events) for one in played(self.world).sent]
        assert sent == [told(*one) for one in self.world.attempted]


Replayed.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestReplayed = Replayed.TestCase


def same(world: World) -> bool:
    """Whether its journal gives the messages that were sent."""
    sent = [told(one.message, one.events) for one in played(world).sent]
    return bool(sent) and sent == [told(*one) for one in world.attempted]


def makes_way(world: World) -> None:
    world.lines, world.attempted = [chronicle.begun(world.state, world.now, 1000)], []


def test_what_stood_long_already_at_the_first_look_is_stuck_under_its_name() -> None:
    world = World()
    world.stuck_after = {"pending": 3600.0}
    pending = listing("task", {"7": "pending", "8": "running"})
    world.run(pending)
    world.later(minutes=61).run(pending)
    assert "problem:river/task/7" in world.heard()
    assert same(world)


def test_an_escalation_of_what_an_earlier_file_told_is_told_in_the_later_one() -> None:
    boss = Route(name="b", channels=["chat"], escalate_after=LATER)
    world = World(config(("ops", "chat"), [Route(name="a", channels=["ops"]), boss]))
    world.run(replace(listing("host", {}), changes=(thing("host", "1", "offline"),)))
    makes_way(world)
    world.later(minutes=61).run(replace(listing("host", {}), changes=()))
    assert world.heard("chat") == ["problem:river/host/1"]
    assert same(world)


def test_what_a_part_of_a_listing_does_not_show_is_not_looked_at_in_a_replay_either() -> None:
    world = World(config(routes=[Route(name="a", channels=["ops"], remind=[LATER])]))
    shown = {"1": "online", "2": "offline"}
    world.run(listing("node", shown))
    world.later(minutes=61).run(listing("node", {"1": "offline"}, complete=False))
    assert world.heard()[-1] == "problem:river/node/1"
    world.later(minutes=1).run(listing("node", shown))
    assert world.heard() == ["recovery:river/node/1", "reminder:river/node/2"]
    assert same(world)


def test_in_whatever_order_a_host_lists_its_things_a_replay_tells_them_as_they_were_told() -> None:
    world = World()
    names = ("10", "9", "b", "a")
    world.run(listing("node", dict.fromkeys(names, "online")))
    world.later(minutes=1).run(listing("node", dict.fromkeys(reversed(names), "offline")))
    assert world.heard()[1:] == [f"problem:river/node/{name}" for name in ("9", "a", "b", "10")]
    assert same(world)


# ---- another configuration, another clock --------------------------------------------------


def night(world: World, until: datetime) -> World:
    """A node that dies at noon, and looks every five minutes that find nothing new until then."""
    world.run(listing("node", {"1": "online"}))
    while world.now < until:
        world.later(minutes=5).run(listing("node", {"1": "offline"}))
    world.run(listing("node", {"1": "online"}))
    return world


def test_reminders_of_another_configuration_come_between_the_noted_runs() -> None:
    world = night(World(), NOON + timedelta(hours=5))
    reminded = config(routes=[Route(name="a", channels=["ops"], remind=[LATER])])
    assert len(world.sent) == 3
    found = heard(played(world, reminded, between=True))
    times = [at for at, said in found if said == ["reminder river/node/1"]]
    assert [one - NOON for one in times] == [
        timedelta(hours=hour, minutes=5) for hour in (1, 2, 3, 4)
    ]
    assert len(found) == 3 + 4


def test_with_the_configuration_it_was_made_with_assumed_looks_add_nothing() -> None:
    world = night(
        World(config(routes=[Route(name="a", channels=["ops"], remind=[LATER])])),
        NOON + timedelta(hours=5),
    )
    found = played(world, between=True)
    assert [told(one.message, one.events) for one in found.sent] == [
        told(*one) for one in world.attempted
    ]


@pytest.mark.parametrize(
    ("start", "over"),
    [
        # Berlin: 2026-10-25 has 02:00-03:00 twice, 2026-03-29 has it not at all
        (datetime(2026, 10, 24, 20, 0, tzinfo=UTC), datetime(2026, 10, 25, 5, 0, tzinfo=UTC)),
        (datetime(2026, 3, 28, 20, 0, tzinfo=UTC), datetime(2026, 3, 29, 4, 0, tzinfo=UTC)),
    ],
)
def test_a_window_of_another_configuration_ends_by_the_wall_clock_also_in_a_night_of_change(
    start: datetime, over: datetime
) -> None:
    world = World()
    world.now = start
    night(world, start + timedelta(hours=12))
    held = config(
        routes=[Route(name="a", channels=["ops"], hold=["night"])],
        windows={"night": Window(begin="20:00", to="06:00", timezone="Europe/Berlin")},
    )
    found = heard(played(world, held, between=True))
    assert [(at, said) for at, said in found if "problem river/node/1" in said] == [
        (over, ["summary river/source/river", "problem river/node/1"])
    ]


def test_a_row_that_was_down_then_is_down_again_and_others_accept() -> None:
    world = World(config(("ops", "chat"), [Route(name="a", channels=["ops"])]))
    world.run(listing("node", {"1": "online"}))
    world.answers["ops"] = refuses()
    world.later(minutes=5).run(listing("node", {"1": "offline"}))
    world.answers.clear()
    world.later(minutes=30).run(listing("node", {"1": "offline"}))
    both = config(("ops", "chat"), [Route(name="a", channels=["ops", "chat"])])
    outcomes = [(one.message.channel, one.outcome) for one in played(world, both).sent]
    assert outcomes == [
        ("ops", "delivered"), ("chat", "delivered"), ("ops", "retry"), ("chat", "delivered"),
        ("ops", "delivered"),
    ]  # fmt: skip


def test_what_another_configuration_ignores_is_told_nobody() -> None:
    world = night(World(), NOON + timedelta(hours=1))

    def ignoring(source: str, pushed: bool) -> Look:
        return msgspec.structs.replace(reader(source, pushed), ignore=[{"id": "1"}])

    groups = list(runs(world.lines, str(world.generation)))
    found = Replay(world.config, ignoring, FAMILIES).play(groups)
    assert [said for _, said in heard(found)] == [["summary river/source/river"]]


# ---- the command ---------------------------------------------------------------------------

ROUTES = """
[[routes]]
name = "nodes"
match = { kind = "node" }
channels = ["hook"]
"""


@pytest.fixture
def stub() -> Iterator[Stub]:
    server = Stub()
    dialect_a(server)
    yield server
    server.stop()


def rows(stub: Stub, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(stub.routes[path].body)
    return found


def show(stub: Stub, path: str, found: list[dict[str, Any]]) -> None:
    stub.routes[path] = Reply(json.dumps(found).encode())


@pytest.fixture
def past(
    stub: Stub, workplace: Callable[..., Path], notifier: Command, mailbox: Mailbox, sink: Sink
) -> Path:
    """A configuration whose journal has a first look, a node that died, and its return."""
    path = workplace(stub.url, mail=mailbox, sink=sink, more=ROUTES)
    notifier(path, "check")
    nodes = rows(stub, "/nodes")
    up = next(one for one in nodes if one["status"] == "online")
    show(stub, "/nodes", [{**one, "status": "offline"} if one is up else one for one in nodes])
    assert notifier(path, "check").code == 1
    show(stub, "/nodes", nodes)
    assert notifier(path, "check").code == 1
    return path


def test_the_command_tells_what_was_sent_and_touches_nothing(
    past: Path, notifier: Command, mailbox: Mailbox, sink: Sink
) -> None:
    def files() -> dict[str, tuple[int, bytes]]:
        return {
            one.name: (one.stat().st_mtime_ns, one.read_bytes())
            for one in past.parent.iterdir()
            if one.is_file()
        }

    before, mails, hooks = files(), len(mailbox.mails), len(sink.requests)
    ran = notifier(past, "replay", "--json")
    found = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert (files(), len(mailbox.mails), len(sink.requests)) == (before, mails, hooks)
    subjects = [mail.subject for mail in mailbox.mails]
    assert [one["title"] for one in found["messages"] if one["row"] == "ops"] == subjects
    assert len([one for one in found["messages"] if one["row"] == "hook"]) == hooks == 3
    assert "3 messages (hook 3)" in notifier(past, "replay", "--channel", "hook").out


def test_two_configurations_give_a_difference(past: Path, notifier: Command) -> None:
    other = past.with_name("other.toml")
    other.write_text(past.read_text().replace('channels = ["hook"]', 'channels = ["ops"]'))
    ran = notifier(other, "replay", "--against", str(past))
    marks = sorted(line[:1] for line in ran.out.splitlines()[:-1])
    assert ran.code == 1, ran.err
    assert marks == ["+", "+", "-", "-"]
    assert notifier(past, "replay", "--against", str(past)).code == 0


def test_recorded_answers_are_read_by_the_sources_own_code(
    tmp_path: Path, workplace: Callable[..., Path], notifier: Command, mailbox: Mailbox
) -> None:
    path = workplace("http://127.0.0.1:9/", mail=mailbox)
    for time, status in (("20261122T120000Z", "online"), ("20261122T120500Z", "offline")):
        folder = tmp_path / "answers" / time / "river"
        folder.mkdir(parents=True)
        nodes = json.loads(recorded("m05_nodes"))
        for one in nodes:
            one["status"] = status
        (folder / "nodes.json").write_text(json.dumps(nodes))
        (folder / "tasks.json").write_bytes(recorded("m05_tasks"))
        (folder / "vps.json").write_text("[]")
    ran = notifier(path, "replay", "--answers", str(tmp_path / "answers"), "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)["messages"]
    assert [one["at"] for one in found] == ["2026-11-22T12:00:00Z", "2026-11-22T12:05:00Z"]
    assert all(event.startswith("problem river/node/") for event in found[1]["events"])
    assert not mailbox.mails


def test_without_a_journal_there_is_nothing_to_replay_and_it_says_so(
    workplace: Callable[..., Path], notifier: Command, sink: Sink
) -> None:
    ran = notifier(workplace("http://127.0.0.1:9/", sink=sink), "replay")
    assert (ran.code, ran.err) == (2, "notifier: there is no journal to replay yet\n")


def long_run(count: int) -> None:
    """`count` random histories, with a new seed every time: `python tests/test_replay.py COUNT`."""
    run_state_machine_as_test(
        Replayed,
        settings=settings(
            max_examples=count, stateful_step_count=40, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    sys.stdout.write(f"{count} histories: each gave its messages again\n")


if __name__ == "__main__":
    long_run(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
