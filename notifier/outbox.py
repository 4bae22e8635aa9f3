"""Pure: what waits to be sent, and what a person may do about it."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from msgspec.structs import replace

from notifier import route, settle
from notifier.compose import number
from notifier.config import Config
from notifier.draft import Draft
from notifier.model import Due, Event, Frozen, State


class Waiting(Frozen, frozen=True, kw_only=True):
    """One line of the outbox: an event that waits for a row, or a message that hangs there."""

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
                reason=message.reason,
                failures=message.tries,
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
                    reason="not in the configuration" if gone else _reason(state, event, row, why),
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
    """Without these events and messages, or without all that waits for a row or channel."""
    events = dict(state.events)
    messages = dict(state.messages)
    for message in state.messages.values():
        if message.key in ids or (row and _is(message.channel, row)):
            del messages[message.key]
            for name in message.events:
                events[name] = _without(events[name], message.channel)
    for name, event in list(events.items()):
        for there, due in event.to.items():
            if not due.key and (name in ids or (row and _is(there, row))):
                events[name] = _without(events[name], there)
    return replace(state, events=events, messages=messages)


def _is(row: str, name: str) -> bool:
    return row == name or row.split("/", 1)[0] == name


def _without(event: Event, row: str) -> Event:
    return replace(event, to={name: due for name, due in event.to.items() if name != row})


def retry(state: State, row: str = "") -> State:
    """Every wait, hold and parking of a row (or of all) is over: due now."""
    channels = {
        name: channel
        if row and not _is(name, row)
        else replace(channel, failed_at=None, parked="", parked_at=None)
        for name, channel in state.channels.items()
    }
    state = replace(state, channels=channels)
    for message in list(state.messages.values()):
        if message.state != "parked" or (row and not _is(message.channel, row)):
            continue
        if message.unknowns:
            again = replace(message, state="unknown", unknowns=settle.MOST_UNKNOWN - 1)
            state = replace(state, messages={**state.messages, message.key: again})
        else:
            attempting = replace(message, state="attempting")
            state = replace(state, messages={**state.messages, message.key: attempting})
            state = settle.unattempted(state, [message.key])
    return state


def move(state: State, old: str, new: str) -> State:
    """All that waits for `old` waits for `new`, and endings owed to `old` are owed to `new`."""
    events = {}
    for name, event in state.events.items():
        to: dict[str, Due] = {}
        for row, due in event.to.items():
            to.setdefault(new if _is(row, old) else row, due)
        events[name] = replace(event, to=to)
    messages = {
        key: replace(message, channel=new) if _is(message.channel, old) else message
        for key, message in state.messages.items()
    }
    incidents = {}
    for handle, incident in state.incidents.items():
        plan = dict(incident.plan)
        for row in [row for row in plan if _is(row, old)]:
            plan[new] = plan.pop(row)
        incidents[handle] = replace(incident, plan=plan)
    channels = {row: channel for row, channel in state.channels.items() if not _is(row, old)}
    return replace(state, events=events, messages=messages, incidents=incidents, channels=channels)


def forgotten(state: State, thing: str, config: Config, now: datetime) -> State:
    """Without this thing; whoever was told of a problem of it is told that it is not watched."""
    draft = Draft(state, now)
    incident = draft.incident(thing)
    if incident is not None:
        draft.end(incident, None, "no longer watched")
    draft.watched.pop(thing, None)
    source, kind, name = thing.split("/", 2)
    key = f"{source}/{kind}"
    if key in draft.things:
        scopes = {
            label: replace(scope, statuses=_left(scope.statuses, name))
            for label, scope in draft.things[key].scopes.items()
        }
        draft.things[key] = replace(draft.things[key], scopes=scopes)
    return route.address(draft.done(), draft.events, config, {}, now)


def _left(statuses: Mapping[str, list[str]], name: str) -> dict[str, list[str]]:
    left = {status: [one for one in ids if one != name] for status, ids in statuses.items()}
    return {status: ids for status, ids in left.items() if ids}
