"""Messages that people get to see, each with all that it is rendered from."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

from hostile import CORPUS

from notifier.config import Config
from notifier.model import Event, EventType, Health, Incident, Message, Observation, Planned
from notifier.settings import ChannelSettings, Destination, RunSettings

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
AGO = NOON - timedelta(minutes=2)
BAD = {"failed": "failed", "lost": "failed", "offline": "down", "online": "ok", "completed": "ok"}


class Scene(NamedTuple):
    """A message, its events and the incidents of the state."""

    message: Message
    events: list[Event]
    incidents: dict[str, Incident]


def seen(kind: str, ident: str, status: str, **more: object) -> Observation:
    """An observation with the health that the status usually has."""
    health: Health = BAD.get(status, "active")  # type: ignore[assignment]
    severity = "critical" if health in ("failed", "down") else "info"
    values = {"kind": kind, "id": ident, "name": ident, "status": status, "health": health}
    return Observation(**{**values, "severity": severity, **more})  # type: ignore[arg-type]


def event(
    number: int, type_: EventType, what: Observation, incident: str = "", **more: object
) -> Event:
    """An event about `what`, decided at noon, two minutes after its problem began."""
    values = {
        "id": f"e{number}", "type": type_, "at": NOON, "reason": what.health,
        "thing": f"river/{what.kind}/{what.id}", "severity": "critical", "observation": what,
        "incident": incident or f"i-{1000 + number}", "opened": AGO, **more,
    }  # fmt: skip
    return Event(**values)  # type: ignore[arg-type]


def incident(of: Event, by: str = "") -> Incident:
    """The incident that `of` belongs to, told on row `ops` by the message `by`."""
    assert of.observation
    return Incident(
        handle=of.incident, thing=of.thing, observation=of.observation,
        finite=of.observation.kind in ("task", "build"), severity=of.severity, opened=AGO,
        changed=AGO, plan={"ops": Planned(by=by)},
    )  # fmt: skip


def message(events: list[Event], **more: object) -> Message:
    """The message `k7v2-17` to the row `ops`."""
    values = {"key": "k7v2-17", "channel": "ops", "route": "1", "at": NOON}
    return Message(**{**values, "events": tuple(e.id for e in events), **more})  # type: ignore[arg-type]


def scene(events: list[Event], incidents: dict[str, Incident] | None = None) -> Scene:
    """A scene whose incidents are those of its problems, unless given."""
    if incidents is None:
        found = {e.incident: incident(e) for e in events if e.observation and e.type != "recovery"}
        incidents = dict(found)
    return Scene(message(events), events, incidents)


def lost(number: int, node: str = "gpu-07", **more: object) -> Event:
    """A task that was lost with its node."""
    ident = str(7530120526514094081 + 4194304 * number)
    values = {
        "name": f"train-{number}.py", "node": node, "part_of": f"node/{node}", "ended": AGO,
        "owner": "anna", "message": f"Node {node} went offline (heartbeat timeout).",
        "command": f"python train-{number}.py --config base.yaml",
        "link": f"https://river.example/tasks/{ident}", "labels": {"exit_code": "-1"}, **more,
    }  # fmt: skip
    return event(number, "problem", seen("task", ident, "lost", **values))


def offline(number: int = 1, node: str = "gpu-07") -> Event:
    """A node that stopped beating."""
    last = NOON - timedelta(minutes=3)
    what = seen("node", node, "offline", node=node, last_seen=last, labels={"gpus": "8"})
    return event(number, "problem", what, before="online")


def one_failure() -> Scene:
    """A task that ended with a traceback."""
    trace = (
        "Traceback (most recent call last):\n"
        '  File "/srv/train/train.py", line 212, in <module>\n'
        "    main(parse())\n"
        '  File "/srv/train/train.py", line 181, in main\n'
        "    loss.backward()\n"
        "RuntimeError: CUDA out of memory. Tried to allocate 2.50 GiB (GPU 3; 79.15 GiB in all)"
    )
    what = seen(
        "task", "7530120526514094081", "failed", name="train.py", node="gpu-03", owner="anna",
        group="7530120526514094081", message=trace, started=NOON - timedelta(hours=5, minutes=12),
        command="python train.py --config base.yaml --resume runs/2026-11-20/ckpt_0412.pt",
        ended=AGO, link="https://river.example/tasks/7530120526514094081",
        labels={"exit_code": "1", "gpus": "2, 3"},
    )  # fmt: skip
    return scene([event(42, "problem", what, before="running")])


def node_death() -> Scene:
    """A node and the thirty tasks it took with it."""
    return scene([offline(), *(lost(number) for number in range(2, 32))])


def recovery() -> Scene:
    """A node that is back, told by an earlier message."""
    before = offline()
    back = event(
        50, "recovery", seen("node", "gpu-07", "online", node="gpu-07"), before.incident,
        reason="back", before="offline", opened=NOON - timedelta(minutes=29),
    )  # fmt: skip
    return scene([back], {before.incident: incident(before, by="k7v2-9")})


def baseline() -> Scene:
    """The first look at a cluster."""
    text = (
        "watching 1,204 tasks and 12 nodes on river; 3 tasks had already failed; "
        "down now: gpu-07, gpu-11"
    )
    told = Event(
        id="e3", type="summary", at=NOON, reason="first look", thing="river/source/river",
        severity="warning", text=text, covers=("i-1", "i-2"),
    )  # fmt: skip
    return scene([told])


def mixed() -> Scene:
    """A little of everything from two sources, with an ending that nobody had heard of."""
    node, back = offline(44, "gpu-11"), recovery().events[0]
    tasks = [lost(number, "gpu-05") for number in range(2, 9)]
    failed = seen(
        "task", "7530999", "failed", name="evaluate.py", node="gpu-01", ended=AGO,
        message="KeyError: 'bleu'", command="python evaluate.py --split test", owner="ben",
        link="https://river.example/tasks/7530999", labels={"exit_code": "1"},
    )  # fmt: skip
    job = seen("build", "4711", "Failed", name="nixos:trunk:hello.x86_64-linux", health="failed")
    build = event(40, "problem", job, thing="hydra/build/4711", severity="warning")
    slow = seen("task", "7531000", "pending", name="sweep-17", owner="ben")
    stuck = event(43, "problem", slow, reason="stuck", severity="warning")
    return scene([node, *tasks, event(41, "problem", failed), build, stuck, back])


@cache
def storm() -> Scene:
    """Ten thousand tasks lost on forty nodes."""
    nodes = [f"gpu-{number:02}" for number in range(40)]
    return scene([lost(number, nodes[number % 40]) for number in range(10_000)])


@cache
def hostile() -> Scene:
    """A cluster that tries everything, in every field."""
    events = []
    for number, text in enumerate(CORPUS):
        text = text[:5000]
        what = seen(
            "task", str(number), "failed", name=text, node=text, owner=text, group=str(number),
            message=text, command=f"run {text}", link=text, labels={text: text}, ended=AGO,
        )  # fmt: skip
        events.append(event(number, "problem", what))
    return scene(events)


SCENES: dict[str, Callable[[], Scene]] = {
    "one_failure": one_failure,
    "node_death": node_death,
    "recovery": recovery,
    "baseline": baseline,
    "mixed": mixed,
    "storm": storm,
    "hostile": hostile,
}


def config(templates: str = "") -> Config:
    """The smallest configuration, with a folder of templates or without."""
    return Config(
        path=Path("/nowhere/config.toml"), state_path=Path("/nowhere/state.json"), sources={},
        channels={}, run=RunSettings(templates=templates),
    )  # fmt: skip


def destination(**settings: object) -> Destination:
    """The row `ops`, of a channel with these settings."""
    return Destination("ops", "ops", ChannelSettings(**settings))  # type: ignore[arg-type]
