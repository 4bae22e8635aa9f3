"""Every event and non-event of every channel has its reason, and it agrees with what was sent."""

import importlib
import json
import logging
from argparse import Namespace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from msgspec.structs import replace
from test_histories import Histories
from world import KINDS, NOON, World, classify, listing, refuses, thing

from notifier import chronicle, cli, sources
from notifier.cli import Context
from notifier.commands.status import statuses
from notifier.compose import Outlook
from notifier.config import load
from notifier.journal import runs
from notifier.look import Look
from notifier.memory import State
from notifier.model import BAD, Observation, Snapshot
from notifier.people import People, Silence
from notifier.present import present, unheard
from notifier.state import Store
from notifier.story import Story
from notifier.telling import Teller
from notifier.words import Clock

FAMILIES = {f"river/{name}": kind.family for name, kind in KINDS.items()}


def reader(source: str, pushed: bool) -> Look:
    return Look(source=source, kinds=KINDS, classify=classify, families=frozenset(), results=())


def teller(world: World) -> Teller:
    story = Story(runs(world.lines, str(world.generation)))
    clock = Clock(UTC, world.now)
    return Teller(story, world.config, FAMILIES, world.people, world.state, clock)


class Explained(Histories):
    """The random histories of test_histories.py; what is said of them is checked as they go."""

    # what people do between runs is no run
    somebody_lets_a_thing_be_forgotten = None

    def teardown(self) -> None:
        """At any time, not only when all is calm."""
        self.every_fate_agrees_with_what_was_sent()
        self.every_thing_without_an_event_has_a_reason()

    def every_thing_without_an_event_has_a_reason(self) -> None:
        world, tells = self.world, teller(self.world)
        outlook = Outlook(world.state, world.config, world.people, FAMILIES, world.now)
        told = {event.thing for _, _, events in world.sent for event in events}
        seen = statuses(world.state)
        for name, status in seen.items():
            if tells.story.about([name]):
                continue
            assert name not in told
            last = tells.story.last_seen(name)
            look = reader("river", False) if name.split("/")[1] in KINDS else None
            now = present(name, status, last, look, outlook, tells.clock)
            reasons = unheard(now, tells.story, world.config, tells.clock)
            assert reasons and all(reasons), name
            assert now.now
            well = any("is no problem" in one or "nothing was ever" in one for one in reasons)
            assert not (well and now.health in BAD), (name, reasons)

    def every_fate_agrees_with_what_was_sent(self) -> None:
        world, tells = self.world, teller(self.world)
        arrived = {(row, event.id) for row, _, events in world.sent for event in events}
        attempted = {(one.channel, event.id) for one, events in world.attempted for event in events}
        events = {event.id: event for event in world.state.events.values()}
        for _, found in world.attempted:
            events |= {event.id: event for event in found}
        assert events.keys() <= tells.story.events.keys()
        for name, chapter in tells.story.events.items():
            part = tells.part(chapter)
            assert part.words
            left = world.state.events.get(name)
            for fate in part.rows:
                row, waits = fate.row, left is not None and fate.row in left.to
                assert fate.why, fate
                assert fate.words.startswith(f"{row}: ")
                if fate.end == "told":
                    assert (row, name) in arrived, fate
                if fate.end in ("nothing", "unspoken", "waits", "refused", "parked"):
                    assert (row, name) not in arrived, fate
                if fate.end == "nothing":
                    assert not waits, fate
                    assert (row, name) not in attempted
                if fate.end == "unspoken":
                    assert not waits, fate
                if waits:
                    assert fate.end not in ("nothing", "unspoken", "dropped"), fate
                if not waits and (row, name) in arrived:
                    assert fate.end in ("told", "perhaps"), fate


Explained.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestExplained = Explained.TestCase


# ---- the command ---------------------------------------------------------------------------

CONFIG = """
[sources.river]
type = "hakuriver"
url = "http://127.0.0.1:9/"
ignore = [{ name = "probe*" }]
[channels.ops]
webhook = "http://127.0.0.1:9/"
[channels.chat]
webhook = "http://127.0.0.1:9/"
[[routes]]
name = "gpu"
match = { node = "gpu-*" }
channels = ["ops"]
[[routes]]
name = "late"
channels = ["chat"]
hold = ["night"]
[windows.night]
from = "11:00"
to = "14:00"
timezone = "UTC"
[run]
timezone = "UTC"
"""


class At(Context, kw_only=True):
    """A command's surroundings at a time of its own; what it prints is kept."""

    now: datetime
    said: list[str] = []

    def clock(self) -> datetime:
        return self.now

    def print(self, text: str) -> None:
        self.said.append(text)

    def print_json(self, value: object) -> None:
        self.said.append(msgspec.json.encode(value).decode())


class Place:
    """A folder as `check` would have left it: the state and the journal of a world in memory."""

    def __init__(self, folder: Path, config: str = CONFIG) -> None:
        self.path = folder / "config.toml"
        self.path.write_text(config)
        self.path.chmod(0o600)
        self.world = World(load(self.path, sources.settings_of, {}))
        self.world.ignore = [{"name": "probe*"}]

    def asks(self, *words: str) -> tuple[int, str]:
        """What a command says of it, five minutes later."""
        store = Store(self.path.with_name("state.json"))
        with store.lock(1):
            store.commit(self.world.state)
        with store.deciding(1) as commit:
            commit(self.world.people)
        lines = [chronicle.begun(State(id="n0"), NOON, 9), *self.world.lines]
        raw = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        self.path.with_name("journal.jsonl").write_bytes(raw)
        argv = [words[0], "-c", str(self.path), *words[1:]]
        args = cli.parser(argv).parse_args(argv, Namespace(json=False, color="never", verbose=0))
        log, now = logging.getLogger("notifier"), self.world.now + timedelta(minutes=5)
        context = At(args=args, environ={}, log=log, now=now)
        code = importlib.import_module(f"notifier.commands.{words[0]}").main(context)
        return code, "\n".join(context.said)

    def explains(self, *words: str) -> str:
        """The story of something that is known."""
        code, said = self.asks("explain", *words)
        assert code == 0
        return said


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A first look at noon has found three tasks, of which one had failed, and two nodes."""
    one = Place(tmp_path)
    tasks = {"1": "running", "2": "running", "9": "failed"}
    one.world.run(listing("task", tasks), listing("node", {"gpu-1": "online", "cpu-1": "online"}))
    one.world.later(minutes=5)
    return one


def task(ident: str, status: str, node: str, **more: object) -> Observation:
    return thing("task", ident, status, node=node, part_of=f"node/{node}", **more)


def node(status: str) -> Snapshot:
    gpu = thing("node", "gpu-1", status, node="gpu-1")
    return listing("node", {"gpu-1": gpu, "cpu-1": "online"})


def test_what_was_told_names_the_time_the_route_and_the_message(place: Place) -> None:
    place.world.run(listing("task", {"1": task("1", "failed", "gpu-1"), "2": "running"}))
    said = place.explains("river/task/1")
    assert "12:05 UTC  1 failed on gpu-1 at 12:05 UTC (i-" in said
    assert "ops: told at 12:05 UTC (route gpu; message n0-" in said
    assert "chat: waits since 12:05 UTC: window night" in said
    assert "chat: problem" in said and "waits: window night until 14:00 UTC" in said


def test_what_was_not_told_names_the_route_and_what_it_wants(place: Place) -> None:
    place.world.run(listing("task", {"1": task("1", "failed", "cpu-1"), "2": "running"}))
    said = place.explains("task/1")
    assert "ops: not told: route gpu wants node gpu-*, and this has cpu-1" in said
    assert "ops would be told by a route that takes it, names ops and stands first" in said


def test_what_is_silenced_names_who_did_that_and_why(place: Place) -> None:
    silence = Silence(
        id="s-1", begin=NOON, end=NOON + timedelta(hours=2), author="anna", comment="new fan",
        things=("river/node/gpu-1",),
    )  # fmt: skip
    place.world.people = People(silences={"s-1": silence})
    place.world.run(node("offline"))
    said = place.explains("gpu-1")
    assert "ops: waits since 12:05 UTC: silence s-1 (anna: new fan)" in said
    assert "waits: silence s-1 until 14:00 UTC (anna: new fan)" in said
    assert "notifier silence expire s-1 lets it go" in said
    place.world.later(minutes=5).run(node("online"))
    said = place.explains("gpu-1")
    assert "will not be told, since 12:10 UTC: over while silence s-1 was in force (anna: " in said
    assert "ops: not told: it was never told of the problem" in said


def test_what_is_folded_names_the_line_that_it_rides_in(place: Place) -> None:
    lost = task("1", "lost", "gpu-1")
    place.world.run(listing("task", {"1": lost, "2": "running"}), node("offline"))
    said = place.explains("task/1")
    assert "in the line of river/node/gpu-1)" in said


def test_what_a_channel_refused_names_its_answer_and_what_to_do(place: Place) -> None:
    place.world.answers["ops"] = refuses()
    place.world.run(listing("task", {"1": task("1", "failed", "gpu-1"), "2": "running"}))
    said = place.explains("task/1")
    assert "ops: refused at 12:05 UTC: http 503; it waits" in said
    assert "waits: the channel fails: http 503" in said
    assert "notifier outbox retry --channel ops" in said


def test_what_is_no_news_says_why_not(place: Place) -> None:
    old = thing("task", "5", "failed", order=5.0)
    probe = replace(thing("task", "6", "failed"), name="probe-6")
    state = place.world.state
    floor = replace(state.things["river/task"], floor=10.0)
    place.world.state = replace(state, things={**state.things, "river/task": floor})
    rows = {"1": "running", "2": "completed", "9": "failed", "5": old, "6": probe}
    place.world.run(listing("task", rows))
    assert "(below the floor), so it is no news" in place.explains("task/5")
    assert "`ignore` of source river fits it" in place.explains("task/6")
    assert "it was so already at the first look (12:00 UTC)" in place.explains("task/9")
    assert "'completed' is read as ok, which is no problem" in place.explains("task/2")


def test_what_was_never_seen_says_where_it_was_looked_for(place: Place) -> None:
    code, said = place.asks("explain", "gpu-7")
    assert code == 1
    assert said.startswith("gpu-7: never seen\nLOOKED FOR IN\n  river/node: 2 known, never looked")
    assert "the name may be another (did you mean 'gpu-1'?)" in said
    assert "it belongs to a source that is not configured here: only river is asked" in said


def test_an_incident_and_a_message_can_be_asked_for_and_all_of_it_as_json(place: Place) -> None:
    place.world.run(listing("task", {"1": task("1", "failed", "gpu-1"), "2": "running"}))
    (handle,) = place.world.state.incidents
    key = next(one.key for row, one, _ in place.world.sent if row == "ops")
    for asked in (handle, key):
        found = json.loads(place.explains(asked, "--json"))
        assert found["version"] == 1
        assert found["things"] == ["river/task/1"]
        (part,) = found["parts"]
        ends = {fate["row"]: fate["end"] for fate in part["rows"]}
        assert ends == {"ops": "told", "chat": "waits"}
    assert [step["what"] for step in found["message"]] == ["composed", "delivered"]


def test_hostile_text_in_a_story_does_nothing_to_a_terminal(place: Place) -> None:
    evil = thing("task", "1", "failed", node="gpu-1", message="x\x1b[31my\nz")
    evil = replace(evil, name="a\x1b[2Jb\nc\u202e")
    place.world.run(listing("task", {"1": evil, "2": "running"}))
    said = place.explains("task/1")
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "      | xy" in said.splitlines()


def test_history_tells_who_heard_and_counts_by_day_and_node(place: Place) -> None:
    place.world.run(listing("task", {"1": task("1", "failed", "gpu-1"), "2": "running"}))
    asks = ("history", "--since", "2026-11-01", "--kind", "task", "--channel", "ops")
    said = place.asks(*asks)[1].splitlines()
    assert said[0].endswith("(river/task/1) [told ops; chat: waits]")
    assert said[1].startswith("1 event since")
    assert said[2:4] == ["  by day: 2026-11-22 1", "  by node: gpu-1 1"]
    found = json.loads(place.asks(*asks, "--json")[1])
    assert found["totals"]["nodes"] == {"gpu-1": 1}
    assert [part["type"] for part in found["parts"]] == ["problem"]
    for more in (("--status", "lost"), ("--severity", "info"), ("--node", "cpu-*")):
        assert place.asks(*asks, *more)[1].startswith("0 events")
