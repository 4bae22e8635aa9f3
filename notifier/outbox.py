"""Pure: what waits to be sent, and what a person may do about it."""

from collections.abc import Collection
from datetime import datetime

from msgspec.structs import replace

from notifier import settle
from notifier.compose import number
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


def waiting(state: State, rows: Collection[str]) -> list[Waiting]:
    """Everything in the outbox, oldest first. `rows` are those of today's configuration."""
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
            channel = state.channels.get(row)
            gone = row not in rows
            found.append(
                Waiting(
                    id=event.id,
                    row=row,
                    what=_what(event),
                    since=event.at,
                    state="channel gone" if gone else "waiting",
                    reason="not in the configuration"
                    if gone
                    else channel.reason
                    if channel
                    else "",
                    failures=due.failures,
                )
            )
    return sorted(found, key=lambda one: number(one.id))


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
