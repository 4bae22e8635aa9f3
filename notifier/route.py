"""Pure: who hears of an event. Matched once, when an incident opens or worsens; then the plan."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import get_args

from msgspec.structs import replace

from notifier.config import Config
from notifier.look import fits
from notifier.memory import State
from notifier.model import Due, Event, EventType, Family, Incident, Planned
from notifier.settings import USUAL, Route

# what routes are matched against; all else is addressed from the plan
OPENING: frozenset[EventType] = frozenset({"problem", "summary", "change", "flapping_start"})
# things of our own: unmatched news of them goes to every channel but the one it is about
OWN = ("source", "channel")


class Directory:
    """The rows of today's configuration, and what former names stand for."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.rows = config.destinations()
        self.routes = {route.name: route for route in config.routes}
        self._usual = Route()
        self._of: dict[str, list[str]] = {}

    def of(self, name: str) -> list[str]:
        """The rows that a channel's or a row's name stands for; empty when it is gone."""
        if name not in self._of:
            self._of[name] = self.config.rows_of(name)
        return self._of[name]

    def route(self, name: str) -> Route:
        """The route of that name; the default one's settings when it is gone or unnamed."""
        return self.routes.get(name, self._usual)


def fields(event: Event, families: Mapping[str, str]) -> dict[str, str]:
    """What a route can match of an event. `families` maps SOURCE/KIND to its family."""
    source, kind, name = event.thing.split("/", 2)
    seen = event.observation
    # a family of a source, or a scope of one, is a thing of its own
    part = name.partition("/")[0] if kind == "source" else ""
    known = {
        "source": source,
        "kind": kind,
        "family": families.get(f"{source}/{kind}", part if part in get_args(Family) else ""),
        "type": event.type,
        "severity": event.severity,
        "id": name,
    }
    if seen:
        known |= {
            "status": seen.status,
            "health": seen.health,
            "name": seen.name,
            "node": seen.node,
            "owner": seen.owner,
            "group": seen.group,
            **{f"labels.{key}": value for key, value in seen.labels.items()},
        }
    return known


def matching(event: Event, config: Config, families: Mapping[str, str]) -> list[Route]:
    """The routes that take this event, in the order of the file."""
    known = fields(event, families)
    return [
        route
        for route in config.routes
        if _takes(route, event.type)
        and all(fits(known.get(field, ""), want) for field, want in route.match.items())
        and not any(fits(known.get(field, ""), want) for field, want in route.not_match.items())
    ]


def _takes(route: Route, kind: EventType) -> bool:
    """Whether a route takes such events. Whoever takes problems hears of flapping, plainly."""
    wanted = route.events or USUAL
    return kind in wanted or (kind == "flapping_start" and "problem" in wanted)


def rows_for(event: Event, there: Directory, families: Mapping[str, str]) -> dict[str, str]:
    """row -> route name. Once per row; the first route that names its channel decides."""
    routes = matching(event, there.config, families)
    found: dict[str, str] = {}
    for route in routes:
        for channel in route.channels or ():
            for row in there.of(channel):
                found.setdefault(row, route.name)
    _, kind, name = event.thing.split("/", 2)
    about = {row for row, to in there.rows.items() if name in (row, to.channel)}
    if kind == "channel":
        # a channel is not told of its own failure: it would not hear it
        found = {row: route for row, route in found.items() if row not in about}
    if found or event.type == "change" or (routes and kind != "channel"):
        return found
    if event.type == "summary" or kind in OWN:
        return {row: "" for row in there.rows if kind != "channel" or row not in about}
    names = there.config.default_channels or tuple(there.config.channels)
    return {row: "" for name in names for row in there.of(name)}


def address(
    state: State,
    events: Sequence[Event],
    config: Config,
    families: Mapping[str, str],
    keyed: frozenset[str] = frozenset(),
) -> State:
    """The state with these events in its outbox, each addressed, and the plans made.

    `keyed` are rows with incident keys of their own.
    """
    there = Directory(config)
    incidents = {handle: _rehomed_plan(one, there) for handle, one in state.incidents.items()}
    outbox = rehomed(state.events, there)
    waiting = _Waiting(outbox.values())
    for event in events:
        rows = _in_plan(event, incidents.get(event.incident), waiting.rows, there)
        if event.type in OPENING and not (rows and event.type == "flapping_start"):
            rows |= rows_for(event, there, families)
            for handle in event.incidents:
                incidents[handle] = planned(incidents[handle], rows, there)
        incident = incidents.get(event.incident)
        to = {
            row: Due(route, _from(event, row, there.route(route), incident))
            for row, route in sorted(rows.items())
        }
        addressed = singly(replace(event, to=to), incidents, keyed)
        for one in (*plainly(addressed[0], incident, there), *addressed[1:]):
            outbox[one.id] = one
            waiting.add(one)
    return replace(state, incidents=incidents, events=outbox)


def _from(event: Event, row: str, route: Route, incident: Incident | None) -> datetime:
    """From when an event is due on a row: an escalation waits, unless the row knows already."""
    if event.type not in ("problem", "flapping_start") or incident is None:
        return event.at
    if not route.escalate_after or incident.plan[row].told is not None:
        return event.at
    return event.at + timedelta(seconds=route.escalate_after)


def plainly(event: Event, incident: Incident | None, there: Directory) -> list[Event]:
    """The event; of flapping also a plain problem or recovery, for rows whose route takes no more.

    Where it settled badly, or began with news that they have already, they hear nothing.
    """
    if event.type not in ("flapping_start", "flapping_end") or incident is None:
        return [event]
    rows = {
        row: due
        for row, due in event.to.items()
        if event.type not in (there.route(due.route).events or USUAL)
    }
    to = {row: due for row, due in event.to.items() if row not in rows}
    plain: EventType = "problem" if event.type == "flapping_start" else "recovery"
    if plain == "problem":
        rows = {row: due for row, due in rows.items() if incident.plan[row].told is None}
    if not rows or (plain == "recovery" and not incident.ended):
        return [replace(event, to=to)]
    return [replace(event, to=to), replace(event, id=f"{event.id}p", type=plain, to=rows)]


def singly(event: Event, incidents: Mapping[str, Incident], keyed: frozenset[str]) -> list[Event]:
    """The event; of a summary of what is down also each problem, for rows with incident keys.

    There the summary would be an alert that nothing ever closes.
    """
    rows = {row: due for row, due in event.to.items() if row in keyed and event.covers}
    if not rows:
        return [event]
    rest = {row: due for row, due in event.to.items() if row not in rows}
    return [replace(event, to=rest), *(alone(event, incidents[one], rows) for one in event.covers)]


def alone(event: Event, incident: Incident, rows: Mapping[str, Due]) -> Event:
    """The problem of one incident that a summary tells of, for these rows."""
    return Event(
        # handles and ids share a counter, so no other event has this number
        id=incident.handle.replace("i-", "e"),
        type="problem",
        at=event.at,
        reason=event.reason,
        thing=incident.thing,
        severity=incident.severity,
        incident=incident.handle,
        observation=incident.observation,
        opened=incident.opened,
        to=dict(rows),
    )


def planned(incident: Incident, rows: Mapping[str, str], there: Directory) -> Incident:
    """The incident with these rows in its plan; those that are there keep what they were told."""
    new = {
        row: Planned(route, ending=there.route(route).recovery)
        for row, route in rows.items()
        if row not in incident.plan
    }
    return replace(incident, plan={**incident.plan, **new}) if new else incident


class _Waiting:
    """Handle -> the rows for which something of that incident waits; kept while events come."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.rows: dict[str, set[str]] = {}
        for event in events:
            self.add(event)

    def add(self, event: Event) -> None:
        for handle in event.incidents:
            self.rows.setdefault(handle, set()).update(event.to)


def _in_plan(
    event: Event,
    incident: Incident | None,
    waiting: Mapping[str, set[str]],
    there: Directory,
) -> dict[str, str]:
    """row -> route of those who know of the incident, or wait to be told of it.

    An ending is owed to all of them but those whose route wanted none when it was told. What
    is worse is for those who take problems.
    """
    rows = {}
    for row, plan in incident.plan.items() if incident else ():
        route = there.route(plan.route)
        wanted = plan.ending if event.over else row in there.rows and _takes(route, event.type)
        if (plan.told is not None and wanted) or row in waiting.get(event.incident, ()):
            rows[row] = plan.route
    return rows


def rehomed(events: Mapping[str, Event], there: Directory) -> dict[str, Event]:
    """Waiting events under the row names of today: a channel may have become a list, or back."""
    moved: dict[str, Event] = dict(events)
    for name, event in events.items():
        if all(row in there.rows or due.key for row, due in event.to.items()):
            continue
        to: dict[str, Due] = {}
        for row, due in event.to.items():
            for new in [row] if due.key else (there.of(row) or [row]):
                to.setdefault(new, due)
        moved[name] = replace(event, to=to) if to.keys() != event.to.keys() else event
    return moved


def _rehomed_plan(incident: Incident, there: Directory) -> Incident:
    """The same for who was told."""
    if all(row in there.rows for row in incident.plan):
        return incident
    plan: dict[str, Planned] = {}
    for row, known in incident.plan.items():
        for new in there.of(row) or [row]:
            if new not in plan or plan[new].told is None:
                plan[new] = known
    return replace(incident, plan=plan)


def swept(state: State, now: datetime) -> State:
    """What nothing waits for any more: told events go, ended incidents go, finite ones settle."""
    events = {name: event for name, event in state.events.items() if event.to}
    waiting = {event.incident for event in events.values()}
    waiting.update(handle for event in events.values() for handle in event.covers)
    incidents = {}
    for handle, incident in state.incidents.items():
        if handle in waiting:
            incidents[handle] = incident
        elif incident.ended is None:
            settles = incident.finite and not incident.stuck and incident.settled is None
            incidents[handle] = replace(incident, settled=now) if settles else incident
    return replace(state, events=events, incidents=incidents)
