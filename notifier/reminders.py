"""Pure: who is to be reminded of what is still bad, and what nobody need be told any more."""

from collections.abc import Container, Set
from datetime import datetime, timedelta

from msgspec.structs import replace

from notifier.compose import Outlook, rests
from notifier.memory import State
from notifier.model import Due, Event, Incident, Planned
from notifier.people import People


def remind(state: State, outlook: Outlook) -> tuple[State, list[Event]]:
    """The state with the reminders that are due in it, and these.

    Only what was looked at in this run is called still bad.
    """
    waiting = {
        (handle, row)
        for event in state.events.values()
        for handle in event.incidents
        for row in event.to
    }
    incidents, events = dict(state.incidents), dict(state.events)
    counter, made = state.counter, []
    for handle, incident in state.incidents.items():
        if not _standing(incident) or not outlook.saw(incident.thing):
            continue
        event = Event(
            id=f"e{counter + 1}", type="reminder", at=outlook.now, reason="still bad",
            thing=incident.thing, severity=incident.severity, observation=incident.observation,
            incident=handle, before=incident.observation.status, opened=incident.opened,
        )  # fmt: skip
        to: dict[str, Due] = {}
        for row, plan in incident.plan.items():
            if outlook.people.acked(handle) or (handle, row) in waiting:
                continue
            incidents[handle] = incident = _from_now(incident, row, outlook.now)
            if _due(row, incident.plan[row], outlook):
                to[row] = Due(plan.route, outlook.now)
        event = replace(event, to=to)
        to = {row: due for row, due in to.items() if not outlook.why(event, row)}
        if to:
            counter += 1
            made.append(replace(event, to=to))
            events[event.id] = made[-1]
    return replace(state, counter=counter, incidents=incidents, events=events), made


def _standing(incident: Incident) -> bool:
    """Whether one is reminded of such a thing at all: open, not a mere fact, not flapping."""
    fact = incident.finite and not incident.stuck
    return not (fact or incident.ended or incident.flapping)


def _from_now(incident: Incident, row: str, now: datetime) -> Incident:
    """With a clock that went back, the pause before the next reminder begins now."""
    plan = incident.plan[row]
    if plan.last is None or plan.last <= now:
        return incident
    return replace(incident, plan={**incident.plan, row: replace(plan, last=now)})


def _due(row: str, plan: Planned, outlook: Outlook) -> bool:
    pauses = outlook.there.route(plan.route).remind
    last = plan.last or plan.told
    if not pauses or plan.told is None or last is None or row not in outlook.there.rows:
        return False
    if rests(outlook.state.channels.get(row), outlook.now):
        return False
    pause = pauses[min(plan.reminders, len(pauses) - 1)]
    return outlook.now - last >= timedelta(seconds=pause)


def decided(state: State, people: People, looked_at: Container[str], now: datetime) -> State:
    """The state with the escalations that are needed: their time has come, and it is still open.

    Nothing is decided of what was not looked at in this run, nor of what somebody has in hand.
    Whoever knows of the problem already need not wait.
    """
    events = {}
    for event in state.events.values():
        incident = state.incidents.get(event.incident)
        if incident is None:
            continue
        seen = event.thing in looked_at and not incident.ended and not people.acked(incident.handle)
        to = {
            row: replace(due, at=event.at)
            if incident.plan[row].told or (seen and _time_has_come(event, due, now))
            else due
            for row, due in event.to.items()
            if due.undecided(event)
        }
        if any(due.at == event.at for due in to.values()):
            events[event.id] = replace(event, to={**event.to, **to})
    return replace(state, events={**state.events, **events}) if events else state


def _time_has_come(event: Event, due: Due, now: datetime) -> bool:
    """Whether an escalation is due; also with a clock that went back."""
    return now >= due.at or now < event.at


def pruned(state: State, outlook: Outlook, over: Set[str]) -> State:
    """Without what nobody need be told any more. `over` are the incidents that this run ended.

    A silenced problem that is over is dropped unspoken; so is an escalation that was
    acknowledged, or is over, before it was due. Nobody heard of these, so no ending is owed.
    """
    events = dict(state.events)
    unspoken: set[tuple[str, str]] = set()
    for event in state.events.values():
        incident = state.incidents.get(event.incident)
        if incident is None or event.over:
            continue
        for row, due in event.to.items():
            if due.key or not _moot(event, row, incident, outlook, over):
                continue
            events[event.id] = _without(events[event.id], row)
            if incident.plan[row].told is None:
                unspoken.add((incident.handle, row))
    if all(events[name] is event for name, event in state.events.items()):
        return state
    # where some of it is told all the same, its end is told too
    unspoken -= {
        (handle, row)
        for event in events.values()
        for handle in (() if event.over else event.incidents)
        for row in event.to
    }
    for event in state.events.values():
        for row in event.to if event.over else ():
            if (event.incident, row) in unspoken and not event.to[row].key:
                events[event.id] = _without(events[event.id], row)
    return replace(state, events=events)


def _moot(event: Event, row: str, incident: Incident, outlook: Outlook, over: Set[str]) -> bool:
    undecided = event.to[row].undecided(event)
    if undecided and outlook.people.acked(event.incident):
        return True
    if incident.ended is None:
        return False
    if undecided or outlook.silence(event) is not None:
        return True
    # it kept silent until its end, and the first look after that finds it well
    return (
        incident.handle in over
        and not event.to[row].failures
        and not rests(outlook.state.channels.get(row), outlook.now)
        and not outlook.why(event, row)
        and outlook.silence(event, lapsed=True) is not None
    )


def _without(event: Event, row: str) -> Event:
    return replace(event, to={name: due for name, due in event.to.items() if name != row})
