"""Pure: why a row was not told of an event, by the routes of today, and what would change that."""

from collections.abc import Mapping, Sequence

from notifier.config import Config
from notifier.look import fits
from notifier.model import Event
from notifier.route import OPENING, OWN, Directory, fields, matching
from notifier.settings import USUAL, Route


def not_addressed(
    event: Event, row: str, config: Config, families: Mapping[str, str], heard: Sequence[str]
) -> str:
    """Why an event was not addressed to a row. `heard` are the rows that knew of its problem."""
    there = Directory(config)
    if row not in there.rows:
        return "no such channel is in the configuration"
    if event.type not in OPENING:
        return _not_owed(event, row, there, heard)
    routes = matching(event, config, families)
    channel = there.rows[row].channel
    kind, name = event.thing.split("/", 2)[1:]
    if kind == "channel" and name in (row, channel):
        return "a channel is not told of its own failure"
    silent = [one.name for one in routes if one.channels == []]
    if silent and not any(one.channels for one in routes):
        return f"route {silent[0]} takes it and tells nobody (channels = [])"
    reasons = [mismatch(one, event, families) for one in config.routes if _names(one, row, there)]
    if any(not reason for reason in reasons):
        return "by today's routes it would be told; they were others then"
    if reasons:
        return "; ".join(dict.fromkeys(reasons))
    if routes:
        return f"route {routes[0].name} takes it and does not name {channel}"
    if kind in OWN or event.type == "summary" or not config.default_channels:
        return "by today's routes it would be told; they were others then"
    if channel in config.default_channels:
        return "by today's routes it would be told; they were others then"
    return f"no route takes it, and {channel} is not one of default_channels"


def _names(route: Route, row: str, there: Directory) -> bool:
    return any(row in there.of(channel) for channel in route.channels or ())


def _not_owed(event: Event, row: str, there: Directory, heard: Sequence[str]) -> str:
    if row not in heard:
        return "it was never told of the problem"
    if event.type == "reminder":
        return "no reminder was due there"
    if event.type == "recovery":
        return "its route has recovery = false, or it heard the end in other words"
    return "its route takes no such events"


def mismatch(route: Route, event: Event, families: Mapping[str, str]) -> str:
    """Why a route does not take an event; nothing when it does."""
    wanted = route.events or USUAL
    if event.type not in wanted and not (event.type == "flapping_start" and "problem" in wanted):
        return f"route {route.name} takes no {event.type} events"
    known = fields(event, families)
    for field, want in route.match.items():
        if not fits(known.get(field, ""), want):
            has = known.get(field, "") or "none"
            return f"route {route.name} wants {field} {_shown(want)}, and this has {has}"
    for field, want in route.not_match.items():
        if fits(known.get(field, ""), want):
            return (
                f"route {route.name} leaves out {field} {_shown(want)}, and this is {known[field]}"
            )
    return ""


def _shown(want: str | list[str]) -> str:
    return want if isinstance(want, str) else " or ".join(want)
