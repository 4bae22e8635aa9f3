"""Pure: which messages are due now, and which events each of them carries, in what order.

Whatever is not due waits for a named reason: see `Outlook.why`.
"""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from notifier import pushed
from notifier.config import Config
from notifier.memory import ChannelState, State
from notifier.model import Event, Incident, Message, number
from notifier.people import People, Silence, silenced
from notifier.route import Directory, fields
from notifier.settle import behind
from notifier.windows import inside

PARKED_FOR = timedelta(days=1)


def rests(channel: ChannelState | None, now: datetime) -> bool:
    """Whether a channel is left alone for now: parked, backing off, or told to wait."""
    if channel is None:
        return False
    start, wait = channel.failed_at, timedelta(seconds=channel.hold)
    if channel.parked:
        start, wait = channel.parked_at, PARKED_FOR
    # a clock that went back makes the retry due
    return start is not None and start <= now < start + wait


class Outlook:
    """Why an event that waits for a row is not due now: the reasons a person can be shown.

    `seen` are the things that this run looked at; without it, as if all had been.
    """

    def __init__(
        self,
        state: State,
        config: Config,
        people: People,
        families: Mapping[str, str],
        now: datetime,
        seen: Container[str] | None = None,
    ) -> None:
        self.state = state
        self.config = config
        self.people = people
        self.families = {**pushed.families(state), **families}
        self.now = now
        self.seen = seen
        self.there = Directory(config)
        self._held = {
            name for name, one in config.windows.items() if inside(one, now, config.run.timezone)
        }
        self._behind = behind(state)
        self._first: dict[str, dict[str, str]] = {}

    def why(self, event: Event, row: str) -> str:
        """The reason, or nothing when the event is due on this row."""
        return self.reason(event, row) or self._order(event, row)

    def reason(self, event: Event, row: str) -> str:
        """The reason of the event's own, whatever else waits."""
        due = event.to[row]
        if due.undecided(event):
            return "escalation"
        if any((row, handle) in self._behind for handle in event.incidents):
            return "behind a parked message"
        for name in self.there.route(due.route).hold:
            if name in self._held:
                return f"window {name}"
        silence = self.silence(event)
        if silence is None and not self.saw(event.thing) and not self.ended(event):
            # it ended, and nobody has looked since whether there is still anything to tell
            silence = self.silence(event, lapsed=True)
        return f"silence {silence.id}" if silence else ""

    def saw(self, thing: str) -> bool:
        """Whether a thing was looked at in this run."""
        return self.seen is None or thing in self.seen

    def ended(self, event: Event) -> bool:
        """Whether the incident that it is about is over."""
        incident = self.state.incidents.get(event.incident)
        return incident is not None and incident.ended is not None

    def silence(self, event: Event, *, lapsed: bool = False) -> Silence | None:
        """The silence that keeps an event from being told now, or did until it ended."""
        if not self.people.silences:
            return None
        known = fields(event, self.families)
        return silenced(event, known, self.people, self.state, self.now, lapsed=lapsed)

    def _order(self, event: Event, row: str) -> str:
        """Nothing passes an earlier event on the same incident that waits for a reason."""
        if row not in self._first:
            first: dict[str, str] = {}
            self._first[row] = first
            for one in self.state.events.values():
                if row in one.to and not one.to[row].key and self.reason(one, row):
                    for handle in one.incidents:
                        first.setdefault(handle, one.id)
        for handle in event.incidents:
            earlier = self._first[row].get(handle)
            if earlier and number(earlier) < number(event.id):
                return f"behind {earlier}"
        return ""


def compose(
    state: State, outlook: Outlook, keyed: frozenset[str] = frozenset()
) -> tuple[State, list[Message]]:
    """The state with all due messages in it, marked `attempting`, and these messages in order.

    `keyed` are rows with incident keys of their own: one message per incident and action there.
    """
    there, now = outlook.there, outlook.now
    counter = state.counter
    events = dict(state.events)
    messages = dict(state.messages)
    due: list[Message] = []
    for row in there.rows:
        if rests(state.channels.get(row), now):
            continue
        for old in _unknown(state, row):
            messages[old.key] = again = replace(old, state="attempting", tries=old.tries + 1)
            due.append(again)
        facts = state.incidents if row in keyed else None
        for route, carried in _parcels(_waiting(state, row, outlook), row, there, facts):
            counter += 1
            key = f"{state.id}-{counter}"
            ids = tuple(event.id for event in carried)
            messages[key] = new = Message(key=key, channel=row, route=route, events=ids, at=now)
            due.append(new)
            for name in ids:
                event = events[name]
                to = {**event.to, row: replace(event.to[row], key=key)}
                events[name] = replace(event, to=to)
    if not due:
        return state, []
    return replace(state, counter=counter, events=events, messages=messages), due


def _unknown(state: State, row: str) -> list[Message]:
    """What may have arrived and has to be repeated, in order."""
    found = [m for m in state.messages.values() if m.channel == row and m.state == "unknown"]
    return sorted(found, key=lambda message: number(message.key))


def _waiting(state: State, row: str, outlook: Outlook) -> list[Event]:
    """The events due on a row and in no message yet, in the order they were decided."""
    found = [
        event
        for event in state.events.values()
        if row in event.to and not event.to[row].key and not outlook.why(event, row)
    ]
    return sorted(found, key=lambda event: number(event.id))


def _parcels(
    waiting: Sequence[Event],
    row: str,
    there: Directory,
    incidents: Mapping[str, Incident] | None,
) -> list[tuple[str, list[Event]]]:
    """The waiting events of a row as messages: (route, events), oldest first.

    With `incidents`, the row keeps them under keys of its own.
    """
    groups: dict[str, list[Event]] = {}
    about = _subjects(waiting)
    home = _homes(waiting, row, about)
    for event in waiting:
        groups.setdefault(home[about[event.id]], []).append(event)
    parcels: list[tuple[str, list[Event]]] = []
    for route, events in groups.items():
        settings = there.route(route)
        if incidents is not None:
            units = _by_action(events, incidents, settings.max_items)
            parcels += [(route, unit) for unit in units]
        elif settings.digest == "run":
            parcels.append((route, events))
        else:
            units = _units(events, about, by_group=settings.digest == "group")
            parcels += [(route, unit) for unit in _capped(units, settings.max_items)]
    return sorted(parcels, key=lambda parcel: number(parcel[1][0].id))


def _subjects(waiting: Sequence[Event]) -> dict[str, str]:
    """event -> the thing it is about. What a summary told of is about the same as the summary.

    All that is about one thing goes into one message: so it stays in order.
    """
    told = {handle: event.thing for event in waiting for handle in event.covers}
    with_summary = {
        event.thing: told[event.incident] for event in waiting if event.incident in told
    }
    return {event.id: with_summary.get(event.thing, event.thing) for event in waiting}


def _homes(waiting: Sequence[Event], row: str, about: Mapping[str, str]) -> dict[str, str]:
    """thing -> the route whose message carries it.

    What a node took with it rides in the node's message, also from another route.
    """
    home: dict[str, str] = {}
    for event in waiting:
        home.setdefault(about[event.id], event.to[row].route)
    bad = {event.thing: about[event.id] for event in waiting if event.type == "problem"}
    for event in waiting:
        if event.part_of in bad:
            home[about[event.id]] = home[bad[event.part_of]]
    return home


def _capped(units: list[list[Event]], most: int) -> list[list[Event]]:
    """At most so many messages: what is left over is one of them."""
    if len(units) <= most:
        return units
    rest = [event for unit in units[most - 1 :] for event in unit]
    return [*units[: most - 1], rest]


def _units(
    events: Sequence[Event], about: Mapping[str, str], *, by_group: bool
) -> list[list[Event]]:
    """The events of each thing, or of each group of things, together."""
    units: dict[str, list[Event]] = {}
    home: dict[str, str] = {}
    for event in events:
        thing = about[event.id]
        group = (event.observation.group if event.observation else "") or event.part_of
        unit = home.setdefault(thing, (group if by_group else "") or thing)
        units.setdefault(unit, []).append(event)
    return list(units.values())


def _by_action(
    events: Sequence[Event], incidents: Mapping[str, Incident], most: int
) -> list[list[Event]]:
    """One incident and one action each: trigger, then resolve.

    Failures are facts, which nothing resolves: they ride with what took them, and of the others
    at most so many stand alone.
    """
    facts = {h for h, one in incidents.items() if one.finite and not one.stuck}
    bad = {event.thing: event.incident for event in events if event.type == "problem"}
    units: dict[tuple[str, bool], list[Event]] = {}
    for event in events:
        fact = event.incident in facts and not event.over
        home = bad.get(event.part_of) if fact else None
        units.setdefault((home or event.incident or event.id, event.over), []).append(event)
    single = [unit for (handle, over), unit in units.items() if handle in facts and not over]
    rest = [unit for (handle, over), unit in units.items() if handle not in facts or over]
    return rest + _capped(single, most)
