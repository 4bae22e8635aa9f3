"""`notifier replay`: tells what these routes would have said of what the journal holds."""

import argparse
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from notifier import record, sources
from notifier.cli import Context
from notifier.commands import _past, _shared
from notifier.config import Config, load
from notifier.dispatch import Post
from notifier.errors import ConfigError
from notifier.escape import one_line
from notifier.folds import lines_of
from notifier.headline import headline
from notifier.poll import kinds_of
from notifier.recorded import Recorded
from notifier.replay import Answer, Replay, Sent
from notifier.words import Clock, plural

# lines that are shown without --all
MOST = 200


class Told(msgspec.Struct, kw_only=True):
    """One message that would have gone out: to which row, when, and of what.

    `outcome` is how the attempt ended in the journal; a row that was not asked then accepts.
    """

    at: datetime
    row: str
    route: str
    title: str
    events: list[str]
    outcome: Answer


class Replayed(msgspec.Struct, kw_only=True):
    """The shape of `replay --json`.

    With --against, `only` are the messages of this configuration alone and `other` those of the
    other one; `messages` are then those of both.
    """

    version: int = 1
    since: datetime
    until: datetime
    messages: list[Told]
    only: list[Told] = []
    other: list[Told] = []
    waiting: list[str] = []
    said: list[str] = []


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `replay`."""
    _past.span(parser, "7d")
    parser.add_argument(
        "--against", metavar="FILE",
        help="another configuration: what would only this one, or only that one, have told?",
    )  # fmt: skip
    parser.add_argument(
        "--answers", metavar="FOLDER",
        help="in place of the journal: recorded answers, TIME/SOURCE/PATH.json (docs/journal.md)",
    )  # fmt: skip
    parser.add_argument("--channel", metavar="NAME", help="only what this channel would hear")
    parser.add_argument("--all", action="store_true", help=f"more than the last {MOST} lines")


def main(context: Context) -> int:
    """Prints what would have been sent; 1 when two configurations differ, else 0.

    Asks nobody, sends nothing and writes nothing.
    """
    config = _shared.configuration(context)
    since, until = _past.spanned(context, config)
    other = _other(context) if context.args.against else None
    found = Replayed(since=since, until=until, messages=[])
    mine = _told(context, config, found)
    if other is None:
        found.messages = mine
    else:
        theirs = _told(context, other, found)
        found.messages, found.only, found.other = _differences(mine, theirs)
    if context.args.json:
        context.print_json(found)
    else:
        for line in _lines(context, found, _shared.times(config, context.clock())):
            context.print(
                one_line(line) if line[:1] not in " +-" else line[:2] + one_line(line[2:])
            )
    return 1 if found.only or found.other else 0


def _other(context: Context) -> Config:
    path = Path(context.args.against).absolute()
    return load(path, sources.settings_of, context.environ)


def _told(context: Context, config: Config, found: Replayed) -> list[Told]:
    """What this configuration would have told in the span that was asked for."""
    post = Post(config, context.environ, context.clock, 0.0)
    answers = context.args.answers
    played = Replay(
        config, _past.reader(config), kinds_of(config), keyed=post.keyed(), between=not answers
    )
    if answers:
        recorded = Recorded(Path(answers), config)
        if not recorded.times:
            raise ConfigError(f"--answers: {answers} holds no folder TIME/SOURCE with answers")
        for at in recorded.times:
            played.look(at, recorded.looks(at, played.state))
        found.since, found.until = recorded.times[0], recorded.times[-1]
    else:
        groups = _past.runs(context, config)
        if not any(isinstance(group[0], record.Run) for group in groups):
            raise ConfigError("there is no journal to replay yet")
        played.play([g for g in groups if getattr(g[0], "at", found.until) <= found.until])
    found.said = sorted(
        {*found.said, *(f"{name} is not in {config.path}" for name in played.memory.strangers)}
    )
    found.waiting = [f"{row}: {event.type} {event.thing}" for row, event in played.waiting]
    wanted = context.args.channel
    return [
        _one(sent)
        for sent in played.sent
        if found.since <= sent.at <= found.until
        and (not wanted or wanted in (sent.message.channel, sent.message.channel.split("/", 1)[0]))
    ]


def _one(sent: Sent) -> Told:
    lines = lines_of(sent.events, {})
    summaries = [event for event in sent.events if event.type == "summary"]
    return Told(
        at=sent.at,
        row=sent.message.channel,
        route=sent.message.route,
        title=headline(lines, summaries),
        events=[f"{event.type} {event.thing}" for event in sent.events],
        outcome=sent.outcome,
    )


def _differences(
    mine: Sequence[Told], theirs: Sequence[Told]
) -> tuple[list[Told], list[Told], list[Told]]:
    """(both, only mine, only theirs); the name of a route and how an attempt ended do not count."""
    left: dict[tuple[object, ...], list[Told]] = {}
    for one in theirs:
        left.setdefault(_same(one), []).append(one)
    both, only = [], []
    for one in mine:
        if left.get(_same(one)):
            left[_same(one)].pop(0)
            both.append(one)
        else:
            only.append(one)
    rest = sorted((one for ones in left.values() for one in ones), key=lambda one: one.at)
    return both, only, rest


def _same(one: Told) -> tuple[object, ...]:
    return one.at, one.row, tuple(one.events)


def _lines(context: Context, found: Replayed, clock: Clock) -> Iterator[str]:
    marked = [("  ", one) for one in found.messages]
    if context.args.against:
        marked = [("- ", one) for one in found.other] + [("+ ", one) for one in found.only]
    marked.sort(key=lambda pair: (pair[1].at, pair[1].row))
    if len(marked) > MOST and not context.args.all:
        yield f"… {len(marked) - MOST:,} older (--all shows them)"
        marked = marked[-MOST:]
    for mark, one in marked:
        how = "" if one.outcome == "delivered" else f" [{OUTCOMES[one.outcome]}]"
        route = f" by {one.route}" if one.route else ""
        yield f"{mark}{clock.time(one.at)}  {one.row}{route}: {one.title}{how}"
    span = f"{clock.time(found.since)} to {clock.time(found.until)}"
    if context.args.against:
        yield (
            f"{span}: {plural(len(found.messages), 'message')} the same, {len(found.only):,} only "
            f"by this configuration (+), {len(found.other):,} only by {context.args.against} (-)"
        )
    else:
        rows: dict[str, int] = {}
        for one in found.messages:
            rows[one.row] = rows.get(one.row, 0) + 1
        counts = ", ".join(f"{row} {count:,}" for row, count in sorted(rows.items()))
        yield f"{span}: {plural(len(found.messages), 'message')}" + (
            f" ({counts})" if counts else ""
        )
    if found.waiting:
        yield f"at its end {plural(len(found.waiting), 'event')} waiting"
    yield from found.said


OUTCOMES = {
    "retry": "refused then", "unknown": "perhaps arrived then", "parked": "refused for good then",
    "untried": "no time then", "cut": "the run was ended then",
}  # fmt: skip
