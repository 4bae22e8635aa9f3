"""`notifier channel`: which there are, and whether one really delivers."""

import argparse
from collections import Counter
from datetime import timedelta

import msgspec

from notifier.cli import Context
from notifier.commands import _shared
from notifier.commands._progress import progress
from notifier.config import Config
from notifier.dispatch import Post
from notifier.errors import ConfigError, Exit
from notifier.memory import ChannelState, State
from notifier.model import Event, Incident, Message, Observation, Planned
from notifier.outbox import GONE
from notifier.state import Store
from notifier.tables import nearest
from notifier.words import Clock

# no name that a command could be given, so that no message tells anybody to give it
NAME = "TEST (no real node)"


class Sent(msgspec.Struct):
    """One message of a test: the problem, or its ending."""

    row: str
    what: str
    key: str
    outcome: str
    reason: str


class Report(msgspec.Struct, kw_only=True):
    """The shape of `channel test --json`; after what is not delivered nothing more is sent."""

    version: int = 1
    exit: int
    sent: list[Sent]


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `channel`."""
    what = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    what.add_parser("list", parents=[common], help="every channel, and how it fares")
    test = what.add_parser(
        "test", parents=[common], help="send a problem marked as a test, and its ending"
    )
    test.add_argument("name", metavar="NAME", help="the channel, as `channel list` shows it")


def main(context: Context) -> int:
    """Lists the channels, or sends two marked messages through one."""
    config = _shared.configuration(context)
    if context.args.action == "list":
        return _list(context, config)
    name, there = context.args.name, config.destinations()
    if name not in there and name not in config.channels:
        near = nearest(name, [*config.channels, *there])
        raise ConfigError(f"no channel is named '{name}'{near}")
    sent = [one for row in config.rows_of(name) for one in _test(context, config, row)]
    code = Exit.OK if all(one.outcome == "delivered" for one in sent) else Exit.UNDELIVERED
    if context.args.json:
        context.print_json(Report(exit=code, sent=sent))
    return code


def _list(context: Context, config: Config) -> int:
    state, _ = Store(config.state_path).load()
    clock = _shared.times(config, context.clock())
    rows = config.destinations()
    waits = Counter(row for event in state.events.values() for row in event.to)
    found = []
    for row in [*rows, *sorted(waits.keys() - rows.keys())]:
        kind = rows[row].settings.kind if row in rows else "gone"
        how = _how(state.channels.get(row), clock) if row in rows else GONE
        found.append({"row": row, "kind": kind, "state": how, "waiting": waits[row]})
    if context.args.json:
        context.print_json(found)
        return 0
    head = ["CHANNEL", "KIND", "WAITING", "STATE"]
    table = [[str(one[key]) for key in ("row", "kind", "waiting", "state")] for one in found]
    for line in _shared.table(head, table):
        context.print(line)
    return 0


def _how(channel: ChannelState | None, clock: Clock) -> str:
    if channel is None:
        return "ok"
    how = "parked" if channel.parked else "failing"
    return f"{how} since {clock.time(channel.failing_since)}: {channel.reason}"


def _test(context: Context, config: Config, row: str) -> list[Sent]:
    """Sends outside the outbox: a test owes nothing to anybody and leaves nothing behind."""
    post = Post(config, context.environ, context.clock, 0.0)
    sent = []
    for state, message in rehearsal(row, context):
        with progress(context, f"sending to {row}"):
            receipt = post.one(state, message)
        what = message.events[0]
        sent.append(Sent(row, what, message.key, receipt.outcome, receipt.reason))
        if receipt.outcome != "delivered":
            how = "may have arrived" if receipt.outcome == "unknown" else "not delivered"
            context.log.error("%s: %s: %s", row, how, receipt.reason)
            break
        if not (context.args.json or context.args.quiet):
            context.print(f"{row}: delivered {what} ({message.key})")
    for line in post.warnings:
        context.log.warning("%s", line)
    return sent


def rehearsal(row: str, context: Context) -> list[tuple[State, Message]]:
    """A made-up problem and its ending, each as a state and the one message in it.

    The incident has no handle, for nobody can acknowledge it; the ending finds the message that
    told of it all the same.
    """
    now = context.clock()
    began = now - timedelta(minutes=3)
    bad = Observation(
        kind="node", id=NAME, name=NAME, status="offline", health="down",
        severity="critical", message="this is a test of the channel; nothing is wrong",
    )  # fmt: skip
    well = Observation(
        kind="node", id=NAME, name=NAME, status="online", health="ok",
        message="end of the test",
    )  # fmt: skip
    key = f"test-{now:%Y%m%d%H%M%S}"
    incident = Incident(
        handle="", thing=f"test/node/{NAME}", observation=bad, finite=False, severity="critical",
        opened=began, changed=began, plan={row: Planned("", began, f"{key}-1")},
    )  # fmt: skip
    problem = Event(
        id="problem", type="problem", at=began, reason="a test", thing=incident.thing,
        severity="critical", observation=bad, opened=began,
    )  # fmt: skip
    ending = Event(
        id="ending", type="recovery", at=now, reason="a test", thing=incident.thing,
        severity="critical", observation=well, before="offline", opened=began,
    )  # fmt: skip
    made = []
    for count, event in enumerate((problem, ending), 1):
        message = Message(key=f"{key}-{count}", channel=row, route="", events=(event.id,), at=now)
        state = State(id="test", incidents={"": incident}, events={event.id: event})
        made.append((state, message))
    return made
