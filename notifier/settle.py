"""Pure: what a receipt, or the lack of one, makes of a message, its events and its channel."""

import zlib
from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from notifier.memory import ChannelState, State
from notifier.model import Event, Incident, Message, Planned, Receipt, number

MOST_UNKNOWN = 3
FIRST, LONGEST, OBEYED = 60.0, 3600.0, 86400.0


def settled(state: State, receipt: Receipt, now: datetime) -> State:
    """The state after one attempt ended like this.

    What the row was to get after it and does not get now is as if it had not been composed.
    """
    message = state.messages.get(receipt.key)
    if message is None or message.state != "attempting":
        return state
    if receipt.outcome == "delivered":
        return well(_told(_without(state, message), message, now), message.channel)
    if receipt.outcome == "parked" and receipt.blame == "content":
        state = _with(state, replace(message, state="parked", reason=receipt.reason))
        return unattempted(state, _behind(state, message.channel))
    if receipt.outcome == "unknown":
        state = _maybe(state, message, receipt.reason, now)
    else:
        state = _failed(state, message, receipt.reason)
    state = troubled(state, message, receipt, now)
    return unattempted(state, (one.key for one in _attempting(state, message.channel)))


def found_attempting(state: State, now: datetime) -> State:
    """At the start of a run: what the last one was sending when it died may have arrived."""
    for message in in_flight(state):
        state = _maybe(state, message, "the run was interrupted", now)
    return unattempted(state, [one.key for one in _attempting(state)])


def in_flight(state: State) -> list[Message]:
    """What a run that died was sending: of each row the first message that has no receipt.

    The row's next one is begun only when the receipt of the former is on disk.
    """
    first: dict[str, Message] = {}
    for message in sorted(_attempting(state), key=lambda one: number(one.key)):
        first.setdefault(message.channel, message)
    return list(first.values())


def _attempting(state: State, row: str = "") -> list[Message]:
    return [
        message
        for message in state.messages.values()
        if message.state == "attempting" and (not row or message.channel == row)
    ]


def behind(state: State) -> set[tuple[str, str]]:
    """(row, handle) of which a message is parked that certainly did not arrive."""
    return {
        (message.channel, handle)
        for message in state.messages.values()
        if message.state == "parked" and not message.unknowns
        for name in message.events
        for handle in state.events[name].incidents
    }


def _behind(state: State, row: str) -> list[str]:
    """The keys of what must not pass a message that was parked."""
    held = behind(state)
    return [
        message.key
        for message in _attempting(state, row)
        if any(
            (row, handle) in held
            for name in message.events
            for handle in state.events[name].incidents
        )
    ]


def unattempted(state: State, keys: Iterable[str]) -> State:
    """These messages were composed and never tried: as if they had not been composed."""
    messages, events = dict(state.messages), dict(state.events)
    for key in keys:
        message = messages.get(key)
        if message is not None and message.state == "attempting":
            if message.unknowns:
                messages[key] = replace(message, state="unknown", tries=message.tries - 1)
            else:
                del messages[key]
                _dissolve(events, message, failed=False)
    return replace(state, messages=messages, events=events)


def _with(state: State, message: Message) -> State:
    return replace(state, messages={**state.messages, message.key: message})


def _without(state: State, message: Message) -> State:
    messages = {key: one for key, one in state.messages.items() if key != message.key}
    return replace(state, messages=messages)


def _told(state: State, message: Message, now: datetime) -> State:
    """Accepted: its events wait for this row no longer, its incidents were told."""
    events = dict(state.events)
    for name in message.events:
        event = events[name]
        events[name] = replace(
            event, to={row: due for row, due in event.to.items() if row != message.channel}
        )
    return replace(state, events=events, incidents=known(state, message, now))


def known(state: State, message: Message, now: datetime) -> dict[str, Incident]:
    """The incidents, with what this message told of, named or counted, in their plans."""
    incidents = dict(state.incidents)
    for name in message.events:
        event = state.events[name]
        for handle in event.incidents:
            incident = incidents.get(handle)
            if incident is not None:
                row = incident.plan.get(message.channel, Planned(message.route))
                plan = {**incident.plan, message.channel: _heard(row, event, message.key, now)}
                incidents[handle] = replace(incident, plan=plan)
    return incidents


def _heard(row: Planned, event: Event, key: str, now: datetime) -> Planned:
    if event.type == "reminder":
        return replace(row, last=now, reminders=row.reminders + 1)
    if event.over:
        return replace(row, last=now)
    return replace(row, told=now, by=row.by or key, last=now, reminders=0)


def _maybe(state: State, message: Message, reason: str, now: datetime) -> State:
    """It may have arrived: kept whole, repeated under the same key, at most twice more."""
    unknowns = message.unknowns + 1
    stay = "parked" if unknowns >= MOST_UNKNOWN else "unknown"
    message = replace(message, state=stay, unknowns=unknowns, reason=reason)
    return replace(_with(state, message), incidents=known(state, message, now))


def _failed(state: State, message: Message, reason: str) -> State:
    """It certainly did not arrive this time."""
    if message.unknowns:
        return _with(state, replace(message, state="unknown", reason=reason))
    return _dissolved(state, message, failed=True)


def _dissolved(state: State, message: Message, *, failed: bool) -> State:
    events = dict(state.events)
    _dissolve(events, message, failed=failed)
    return replace(_without(state, message), events=events)


def _dissolve(events: dict[str, Event], message: Message, *, failed: bool) -> None:
    """Its events wait anew, each for itself."""
    for name in message.events:
        event: Event = events[name]
        if event.type == "reminder":
            # none is queued: it is decided anew when the channel is well
            to = {row: due for row, due in event.to.items() if row != message.channel}
            events[name] = replace(event, to=to)
            continue
        due = event.to[message.channel]
        due = replace(due, key="", failures=due.failures + failed)
        events[name] = replace(event, to={**event.to, message.channel: due})


def well(state: State, row: str) -> State:
    """A channel that accepted a message is well: nothing is remembered of it."""
    if row not in state.channels:
        return state
    return replace(state, channels={k: v for k, v in state.channels.items() if k != row})


def troubled(state: State, message: Message, receipt: Receipt, now: datetime) -> State:
    """A channel that did not accept a message rests: longer each time, or as it asked."""
    old = state.channels.get(message.channel, ChannelState())
    failures = old.failures + 1
    # jitter from the key: two channels that failed together do not come back together
    jitter = 0.8 + 0.4 * (zlib.crc32(f"{message.key}/{failures}".encode()) % 1000) / 1000
    hold = min(FIRST * 2 ** min(failures - 1, 10), LONGEST) * jitter
    if receipt.retry_after is not None:
        hold = max(hold, min(receipt.retry_after, OBEYED))
    parked = receipt.reason if receipt.outcome == "parked" else ""
    channel = ChannelState(
        # a clock that went back counts from now on
        failing_since=min(old.failing_since or now, now),
        failures=failures,
        failed_at=now,
        hold=hold,
        parked=parked,
        parked_at=now if parked else None,
        reason=receipt.reason,
    )
    return replace(state, channels={**state.channels, message.channel: channel})
