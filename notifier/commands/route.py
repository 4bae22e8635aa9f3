"""`notifier route`: who would hear of a thing, through which route, and when."""

import argparse
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, get_args

import msgspec
from msgspec.structs import replace

from notifier.checks import FIELDS
from notifier.cli import Context
from notifier.commands import _made_up, _shared
from notifier.config import Config
from notifier.errors import ConfigError
from notifier.escape import one_line
from notifier.forecast import Forecast, Heard, forecast
from notifier.look import Look
from notifier.model import BAD, Event, EventType, Health, Kind, Severity
from notifier.poll import kinds_of
from notifier.route import OPENING
from notifier.state import Store
from notifier.tables import nearest
from notifier.words import Clock, plainly
from notifier.zone import zone_of

# fields whose words are ours
WORDS = {"type": EventType, "health": Health, "severity": Severity}
# fields of the thing that are taken as they are given
PLAIN = ("health", "severity", "name", "node", "owner", "group")


class Tested(msgspec.Struct, kw_only=True):
    """The shape of `route test --json`.

    `problem`: whether such a thing is one at all; `ignored`: whether the source's `ignore` fits
    it. `routes` are the names of those that match, `rows` who is told through which of them, when
    at the earliest, and what it waits for.
    """

    version: int = 1
    at: datetime
    thing: str
    type: str
    status: str
    health: str
    severity: str
    problem: bool
    ignored: bool
    routes: tuple[str, ...]
    rows: tuple[Heard, ...]


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `route`."""
    what = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    test = what.add_parser(
        "test", parents=[common], help="which routes take a thing, who is told, and when"
    )
    test.add_argument(
        "fields", nargs="*", metavar="FIELD=VALUE",
        help="what it is: kind=task node=gpu-07 status=failed; any field that a route can match",
    )  # fmt: skip
    test.add_argument(
        "--at", metavar="TIME", help="when it is found: 23:30 or 2026-12-01T23:30 (now)"
    )


def main(context: Context) -> int:
    """Prints who would be told; 1 when nobody would be, else 0. Asks nobody, sends nothing."""
    config = _shared.configuration(context)
    store = Store(config.state_path)
    state = store.load()[0]
    at = _moment(context.args.at, config, context.clock())
    event = _event(_given(context.args.fields), config, at)
    shown = _made_up.kinds(config, event.source).values()
    families = {**kinds_of(config), **{f"{event.source}/{one.name}": one.family for one in shown}}
    found = forecast(event, config, store.people(), state, families, at)
    tested = _tested(event, config, found)
    if context.args.json:
        context.print_json(tested)
    else:
        for line in _lines(tested, config, _shared.times(config, context.clock())):
            # the indent is ours, the rest may be anybody's
            context.print(" " * (len(line) - len(line.lstrip())) + one_line(line))
    return 0 if tested.problem and not tested.ignored and tested.rows else 1


def _moment(text: str | None, config: Config, now: datetime) -> datetime:
    """`--at` in the zone of the configuration; a time alone is today's. Raises ConfigError."""
    if text is None:
        return now
    zone = zone_of(config.run.timezone)
    today = f"{now.astimezone(zone):%Y-%m-%d}T" if len(text) == len("23:30") else ""
    try:
        found = datetime.fromisoformat(today + text)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(now.tzinfo)
    except (ValueError, OverflowError):
        raise ConfigError("--at: expected a time such as 23:30 or 2026-12-01T23:30") from None


def _given(pairs: list[str]) -> dict[str, str]:
    """The fields of the command line. Raises ConfigError with all that is wrong with them."""
    given, faults = {}, []
    for pair in pairs:
        field, equals, value = pair.partition("=")
        label = field.startswith("labels.") and len(field) > len("labels.")
        if not equals or ((field not in FIELDS or field == "labels") and not label):
            faults.append(f"'{pair}': expected FIELD=VALUE{nearest(field, FIELDS)}")
        elif field in WORDS and value not in get_args(WORDS[field]):
            words = get_args(WORDS[field])
            near = nearest(value, words)
            faults.append(f"'{pair}': {field} is one of {', '.join(words)}{near}")
        given[field] = value
    if given.get("type", "problem") not in OPENING:
        faults.append(
            f"'type={given['type']}': no route is asked: it goes to whoever was told of the problem"
        )
    if faults:
        raise ConfigError(*(f"route test: {fault}" for fault in faults))
    return given


def _event(given: dict[str, str], config: Config, at: datetime) -> Event:
    """The event that a look would make of such a thing."""
    source = given.get("source") or _source_of(given.get("kind", ""), config)
    known = _made_up.kinds(config, source)
    kind = given.get("kind") or _usual(known, given.get("family", ""))
    if kind not in known:
        raise ConfigError(f"route test: {source} shows no '{kind}'{nearest(kind, known)}")
    place = given.get("node", "") if kind == "node" else ""
    own = source if kind == "source" else ""
    ident = given.get("id") or given.get("name") or place or own or "any"
    more: Any = {key: given[key] for key in PLAIN if key in given}
    if kind == "node":
        more["node"] = ident
    more["labels"] = {
        key.partition(".")[2]: value for key, value in given.items() if key.startswith("labels.")
    }
    seen = replace(_made_up.seen(config, source, kind, given.get("status", ""), ident), **more)
    return Event(
        id="e1", type=given.get("type", "problem"), at=at, reason="a test",  # type: ignore[arg-type]
        thing=f"{source}/{kind}/{seen.id}", severity=seen.severity, observation=seen,
        text="a test" if given.get("type") == "summary" else "",
    )  # fmt: skip


def _usual(known: Mapping[str, Kind], family: str) -> str:
    """The kind that is meant when none is named: the first that ends, of this family."""
    fitting = [one for one in known.values() if family in ("", one.family)]
    return next((one.name for one in fitting if one.finite), fitting[0].name if fitting else family)


def _source_of(kind: str, config: Config) -> str:
    """The first source that shows this kind, or the first of all."""
    names = list(config.sources)
    return next((name for name in names if kind in _made_up.kinds(config, name)), names[0])


def _tested(event: Event, config: Config, found: Forecast) -> Tested:
    seen = event.observation
    assert seen is not None  # noqa: S101
    settings = config.sources.get(event.source)
    look = Look(
        source=event.source, kinds={}, classify=lambda *_: (seen.health, seen.severity),
        families=frozenset(), results=(), ignore=settings.ignore if settings else [],
    )  # fmt: skip
    return Tested(
        at=event.at, thing=event.thing, type=event.type, status=seen.status, health=seen.health,
        severity=seen.severity, problem=event.type != "problem" or seen.health in BAD,
        ignored=look.ignored(seen), routes=found.routes, rows=found.rows,
    )  # fmt: skip


def _lines(tested: Tested, config: Config, clock: Clock) -> list[str]:
    """What a person reads: the thing, the routes, then a line for each row and reason."""
    lines = [
        f"{tested.type}: {tested.thing} {plainly(tested.status)} ({tested.severity}), "
        f"found {clock.time(tested.at)}"
    ]
    if not tested.problem:
        return [*lines, f"  no problem: '{tested.status}' means {tested.health}; nobody is told"]
    if tested.ignored:
        return [*lines, "  its source's `ignore` fits it; nobody is told"]
    channels = {route.name: route.channels or [] for route in config.routes}
    for name in tested.routes:
        to = ", ".join(channels[name]) or "nobody: what it takes is discarded"
        lines.append(f"  route '{name}' takes it: {to}")
    if not tested.routes:
        own = tested.thing.split("/")[1] in _made_up.OURS or not config.default_channels
        lines.append(f"  no route takes it, so {'every channel' if own else 'default_channels'}:")
    if not tested.rows:
        lines.append("  nobody is told")
    for row in tested.rows:
        lines += _row(row, tested.at, clock)
    return lines


def _row(row: Heard, at: datetime, clock: Clock) -> list[str]:
    soon = row.at - at < timedelta(seconds=1)
    when = "at once" if soon else f"not before {clock.time(row.at)}"
    through = f" (route '{row.route}')" if row.route else ""
    lines = [f"  {row.row}: {when}{through}"]
    for wait in row.waits:
        name = f" '{wait.name}'" if wait.name else ""
        lines.append(f"    {wait.why}{name} until {clock.time(wait.until)}: {wait.text}")
    if row.trouble:
        lines.append(f"    {row.trouble}")
    return lines
