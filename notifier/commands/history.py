"""`notifier history`: what happened, and who heard of it."""

import argparse
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import get_args

import msgspec

from notifier.cli import Context
from notifier.commands import _past, _shared
from notifier.escape import one_line
from notifier.look import fits
from notifier.model import EventType, Severity
from notifier.poll import kinds_of
from notifier.state import Store
from notifier.story import Chapter, Story
from notifier.telling import Part, Teller
from notifier.words import Clock, plural

# lines that are shown without --all
MOST = 200


class Totals(msgspec.Struct, kw_only=True):
    """Counts of events: by day, node, kind, type and severity; of messages by row and outcome."""

    days: dict[str, int]
    nodes: dict[str, int]
    kinds: dict[str, int]
    types: dict[str, int]
    severities: dict[str, int]
    rows: dict[str, dict[str, int]]


class Past(msgspec.Struct, kw_only=True):
    """The shape of `history --json`: what was asked for, the events in order, and their totals."""

    version: int = 1
    since: datetime
    until: datetime
    parts: list[Part]
    totals: Totals


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `history`."""
    _past.span(parser, "7d")
    parser.add_argument("--source", metavar="PATTERN", help="only things of this source")
    parser.add_argument("--kind", metavar="PATTERN", help="only task, node, ...")
    parser.add_argument("--status", metavar="PATTERN", help="only things in this status then")
    parser.add_argument("--node", metavar="PATTERN", help="only what happened on this node")
    parser.add_argument("--type", choices=get_args(EventType), help="only events of this type")
    parser.add_argument("--severity", choices=get_args(Severity), help="only of this severity")
    parser.add_argument("--channel", metavar="NAME", help="only what this channel was to hear")
    parser.add_argument("--totals", action="store_true", help="only counts, by day and node")
    parser.add_argument("--all", action="store_true", help=f"more than the last {MOST} lines")


def main(context: Context) -> int:
    """Prints what happened in a span of time, a line each, and what it comes to."""
    config = _shared.configuration(context)
    since, until = _past.spanned(context, config)
    store = Store(config.state_path)
    state, clock = store.load()[0], _shared.times(config, context.clock())
    story = Story(_past.runs(context, config))
    teller = Teller(story, config, kinds_of(config), store.people(), state, clock)
    found = [
        (one, teller.part(one))
        for one in story.events.values()
        if since <= one.at <= until and _wanted(one, context.args)
    ]
    totals = _totals(found, clock.zone)
    parts = [part for _, part in found]
    if context.args.json:
        context.print_json(Past(since=since, until=until, parts=parts, totals=totals))
        return 0
    on = _shared.coloured(context)
    shown = parts if context.args.all else parts[-MOST:]
    if not context.args.totals:
        if len(shown) < len(parts):
            context.print(f"… {len(parts) - len(shown):,} older (--all shows them)")
        for part in shown:
            context.print(_shared.paint(one_line(_line(part, clock)), part.severity, on))
    for line in _counted(totals, len(parts), since, clock):
        context.print(line)
    return 0


def _wanted(one: Chapter, args: argparse.Namespace) -> bool:
    source, kind, _ = one.line.thing.split("/", 2)
    seen = one.observation
    asked = (
        (args.source, source),
        (args.kind, kind),
        (args.status, seen.status if seen else ""),
        (args.node, seen.node if seen else ""),
    )
    if any(want is not None and not fits(value, want) for want, value in asked):
        return False
    if args.channel and not any(args.channel in (row, row.split("/", 1)[0]) for row in one.rows):
        return False
    return args.type in (None, one.line.type) and args.severity in (None, one.line.severity)


def _line(part: Part, clock: Clock) -> str:
    """One event in one line: when, what, and who heard of it."""
    told = [fate.row for fate in part.rows if fate.end == "told"]
    others = [
        f"{fate.row}: {fate.end}" for fate in part.rows if fate.end not in ("told", "nothing")
    ]
    heard = "; ".join([f"told {', '.join(told)}"] * bool(told) + others) or "told nobody"
    return f"{clock.time(part.at)}  {part.words} ({part.thing}) [{heard}]"


def _totals(found: list[tuple[Chapter, Part]], zone: tzinfo) -> Totals:
    rows: dict[str, Counter[str]] = {}
    for _, part in found:
        for fate in part.rows:
            if fate.end != "nothing":
                rows.setdefault(fate.row, Counter())[fate.end] += 1
    return Totals(
        days=dict(Counter(f"{one.at.astimezone(zone):%Y-%m-%d}" for one, _ in found)),
        nodes=_most(one.observation.node for one, _ in found if one.observation),
        kinds=_most(one.line.thing.split("/", 2)[1] for one, _ in found),
        types=_most(one.line.type for one, _ in found),
        severities=_most(one.line.severity for one, _ in found),
        rows={row: dict(counts) for row, counts in sorted(rows.items())},
    )


def _most(words: "Iterator[str]") -> dict[str, int]:
    return dict(Counter(word for word in words if word).most_common())


def _counted(totals: Totals, count: int, since: datetime, clock: Clock) -> Iterator[str]:
    """What it comes to, for people."""
    kinds = ", ".join(f"{number:,} {word}" for word, number in totals.types.items())
    yield f"{plural(count, 'event')} since {clock.time(since)}" + (f": {kinds}" if kinds else "")
    for title, counts in (("by day", totals.days), ("by node", totals.nodes)):
        most = list(counts.items())[: 31 if title == "by day" else 20]
        said = ", ".join(f"{one_line(word)} {number:,}" for word, number in most)
        if said:
            more = f" and {len(counts) - len(most):,} more" if len(counts) > len(most) else ""
            yield f"  {title}: {said}{more}"
    for row, ends in totals.rows.items():
        yield f"  {row}: " + ", ".join(f"{number:,} {word}" for word, number in ends.items())
