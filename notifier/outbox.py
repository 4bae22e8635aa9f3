"""Pure: what waits to be sent, and what a person may do about it."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from msgspec.structs import replace

from notifier import route, settle
from notifier.config import Config
from notifier.draft import Draft
from notifier.memory import State
from notifier.model import Due, Event, Frozen, Message, number
from notifier.words import UNWATCHED

GONE = "not in the configuration"


class Waiting(Frozen, frozen=True, kw_only=True, omit_defaults=False):
    """One line of the outbox: an event that waits for a row, or a message that hangs there.

    `failures` counts the attempts that did not go well, `reason` is of the last one, or why it is
    not due.
    """

    id: str
    row: str
    what: str
    since: datetime
    state: str
    reason: str = ""
    failures: int = 0


def waiting(state: State, rows: Collection[str], why: Callable[[Event, str], str]) -> list[Waiting]:
    """Everything in the outbox, oldest first.

    `rows` are those of today's configuration; `why` gives the reason (a silence, a window) for
    which an event is not due on a row.
    """
    found = []
    for message in state.messages.values():
        first = state.events[message.events[0]]
        more = f" and {len(message.events) - 1} more" if len(message.events) > 1 else ""
        found.append(
            Waiting(
                id=message.key,
                row=message.channel,
                what=f"{_what(first)}{more}",
                since=message.at,
                state=message.state,
                reason=message.reason if message.channel in rows else GONE,
                failures=message.tries - (message.state == "attempting"),
            )
        )
    for event in state.events.values():
        for row, due in event.to.items():
            if due.key:
                continue
            gone = row not in rows
            found.append(
                Waiting(
                    id=event.id,
                    row=row,
                    what=_what(event),
                    since=event.at,
                    state="channel gone" if gone else "waiting",
                    reason=GONE if gone else _reason(state, event, row, why),
                    failures=due.failures,
                )
            )
    return sorted(found, key=lambda one: number(one.id))


def _reason(state: State, event: Event, row: str, why: Callable[[Event, str], str]) -> str:
    channel = state.channels.get(row)
    return why(event, row) or (channel.reason if channel else "")


def _what(event: Event) -> str:
    return f"{event.type} {event.thing}"


def drop(state: State, *, ids: Collection[str] = (), row: str = "") -> State:
    """Without what waits under these ids, or for this row or channel; with both, these there.

    An ending goes with the problem that was not told: nobody hears of the end of what they never
    heard of. What a run was sending when it died may have been told.
    """
    if not ids and not row:
        return state
    for message in settle.in_flight(state):
        state = replace(state, incidents=settle.known(state, message, message.at))

    def meant(name: str, there: str) -> bool:
        return (not ids or name in ids) and (not row or belongs(there, row))

    events, messages = dict(state.events), dict(state.messages)
    dropped: set[tuple[str, str]] = set()
    for key, message in state.messages.items():
        if meant(key, message.channel):
            del messages[key]
            for name in message.events:
                events[name] = _without(events[name], message.channel)
                dropped |= {(one, message.channel) for one in events[name].incidents}
    for name, event in state.events.items():
        for there, due in event.to.items():
            if not due.key and meant(name, there):
                events[name] = _without(events[name], there)
                dropped |= {(one, there) for one in event.incidents}
    return _without_lone_endings(replace(state, events=events, messages=messages), dropped)


def _without_lone_endings(state: State, dropped: Collection[tuple[str, str]]) -> State:
    events = dict(state.events)
    for handle, row in dropped:
        incident = state.incidents.get(handle)
        plan = incident.plan.get(row) if incident else None
        waiting = [one for one in events.values() if row in one.to and handle in one.incidents]
        endings = [one for one in waiting if one.over]
        if plan is not None and plan.told is None and len(endings) == len(waiting):
            for one in endings:
                if not one.to[row].key:
                    events[one.id] = _without(one, row)
    return replace(state, events=events)


def belongs(row: str, name: str) -> bool:
    """Whether `name` is this row or the channel that it is an address of."""
    return name in (row, row.partition("/")[0])


def _without(event: Event, row: str) -> Event:
    return replace(event, to={name: due for name, due in event.to.items() if name != row})


def retry(state: State, row: str = "") -> State:
    """Every wait, hold and parking of a row (or of all) is over: due now."""
    channels = {
        name: channel
        if row and not belongs(name, row)
        else replace(channel, failed_at=None, parked="", parked_at=None)
        for name, channel in state.channels.items()
    }
    state = replace(state, channels=channels)
    for message in list(state.messages.values()):
        if message.state != "parked" or (row and not belongs(message.channel, row)):
            continue
        if message.unknowns:
            state = _once_more(state, message)
        else:
            attempting = replace(message, state="attempting")
            state = replace(state, messages={**state.messages, message.key: attempting})
            state = settle.unattempted(state, [message.key])
    return state


def _once_more(state: State, message: Message) -> State:
    """A message that may have arrived, under its key; without what has ended in the meantime.

    Its end was told, and a problem is never told after its end. What is left of a summary that
    is not all true any more is said anew, each for itself.
    """
    row, incidents = message.channel, state.incidents
    living = {handle for handle, one in incidents.items() if one.ended is None}
    events, kept = dict(state.events), []
    for name in message.events:
        event = events[name]
        gone = set() if event.over else set(event.incidents) - living
        if not gone:
            kept.append(name)
            continue
        events[name] = _without(event, row)
        for handle in event.covers:
            if handle in living:
                due = replace(event.to[row], key="")
                one = route.alone(event, incidents[handle], {row: due})
                events[one.id] = replace(one, to={**_to(events, one.id), row: due})
    messages = {key: one for key, one in state.messages.items() if key != message.key}
    if kept:
        messages[message.key] = replace(
            message, state="unknown", events=tuple(kept), unknowns=settle.MOST_UNKNOWN - 1
        )
    return replace(state, events=events, messages=messages)


def _to(events: Mapping[str, Event], name: str) -> Mapping[str, Due]:
    return events[name].to if name in events else {}


def move(state: State, old: str, new: Collection[str]) -> State:
    """All that waits for `old` (a row or channel) waits for the rows `new`, as if never tried.

    Endings owed to `old` are owed to them.
    """
    events = {}
    for name, event in state.events.items():
        moved = [due for row, due in event.to.items() if belongs(row, old)]
        to = {row: due for row, due in event.to.items() if not belongs(row, old)}
        for row in new if moved else ():
            # once per channel: what waits there already is not told twice
            to.setdefault(row, Due(moved[0].route, moved[0].at))
        events[name] = replace(event, to=to)
    messages = {k: one for k, one in state.messages.items() if not belongs(one.channel, old)}
    incidents = {}
    for handle, incident in state.incidents.items():
        plan = {row: one for row, one in incident.plan.items() if not belongs(row, old)}
        for row in [row for row in incident.plan if belongs(row, old)]:
            for there in new:
                if there not in plan or plan[there].told is None:
                    plan[there] = replace(incident.plan[row], by="")
        incidents[handle] = replace(incident, plan=plan)
    return replace(state, events=events, messages=messages, incidents=incidents)


def tidied(state: State, name: str, rows: Collection[str]) -> State:
    """Without a trace of the rows of `name` that are in no configuration and wait for nothing.

    `rows` are those of today's configuration.
    """
    waiting = {row for event in state.events.values() for row in event.to}

    def gone(row: str) -> bool:
        return belongs(row, name) and row not in rows and row not in waiting

    channels = {row: one for row, one in state.channels.items() if not gone(row)}
    incidents = {
        handle: replace(one, plan={row: it for row, it in one.plan.items() if not gone(row)})
        for handle, one in state.incidents.items()
    }
    return replace(state, channels=channels, incidents=incidents)


def forgotten(state: State, thing: str, config: Config, now: datetime) -> State:
    """Without this thing; whoever was told of a problem of it is told that it is not watched."""
    draft = Draft(state, now)
    incident = draft.incident(thing)
    if incident is not None:
        draft.end(incident, None, UNWATCHED)
    draft.watched.pop(thing, None)
    source, kind, name = thing.split("/", 2)
    key = f"{source}/{kind}"
    if key in draft.things:
        scopes = {
            label: replace(scope, statuses=_left(scope.statuses, name))
            for label, scope in draft.things[key].scopes.items()
        }
        draft.things[key] = replace(draft.things[key], scopes=scopes)
    return route.address(draft.done(), draft.events, config, {})


def _left(statuses: Mapping[str, list[str]], name: str) -> dict[str, list[str]]:
    left = {status: [one for one in ids if one != name] for status, ids in statuses.items()}
    return {status: ids for status, ids in left.items() if ids}
