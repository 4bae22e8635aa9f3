"""Pure: what one run decided, as lines of the journal, from what came before and after."""

from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime

from msgspec.structs import replace

from notifier import given_up, record, settle
from notifier.compose import Outlook, rests
from notifier.decision import Decision
from notifier.folds import Fold, fold, lines_of
from notifier.look import Look, by_id, by_status, listed
from notifier.memory import Scope, State
from notifier.model import Event, Observation, Receipt, Unreadable
from notifier.people import holds
from notifier.sightings import Closer, Sighting, short

# silences and acknowledgements that a run names, and absent things that a new file carries
DECISIONS, GONE = 500, 2_000


def entries(one: Decision, base: str) -> list[record.Entry]:
    """The lines of this run, whose state is the generation `base`; none of a quiet one."""
    if one.quiet:
        return []
    news = one.news()
    closer = Closer(one.before, one.after, news.values(), one.config.run.first_run)
    sightings = [
        Sighting(look, snapshot, closer, one.now)
        for look in one.looks
        for snapshot in look.snapshots
    ]
    listed = [line for sighting in sightings for line in sighting.lines()]
    seen = [line for sighting in sightings for line in sighting.seen]
    whole = {f"{line.source}/{line.thing.kind}/{line.thing.id}": line.thing for line in seen}
    found: list[record.Entry] = [
        *_interrupted(one.before),
        *listed,
        *(_event(event, whole) for event in news.values()),
        *_incidents(one, news.values()),
        *_unspoken(one),
        *_waits(one),
        *_messages(one),
        # the greatest part, and the one that may best be cut
        *seen,
    ]
    inside = replace(one.before, cursors=one.after.cursors, spool=one.after.spool)
    if not found and one.after == inside:
        return []
    return [_run(one, base), *_unread(one.looks), *found]


def attempts(
    receipts: Iterable[Receipt], before: State, after: State, now: datetime
) -> list[record.Entry]:
    """The lines of attempts that ended, and of what that settled."""
    found: list[record.Entry] = [
        record.Attempt(
            at=now, key=one.key, row=before.messages[one.key].channel, outcome=one.outcome,
            reason=one.reason, blame=one.blame, retry_after=one.retry_after,
        )
        for one in receipts
        if one.key in before.messages
    ]  # fmt: skip
    return [*found, *_settled(before, after)]


def by_hand(before: State, after: State) -> list[record.Entry]:
    """The lines of what is to be told because of something that a person did."""
    return [_event(event, {}) for name, event in after.events.items() if name not in before.events]


def begun(state: State, now: datetime, most: int) -> record.Begun:
    """The first line of a file. `most`: incidents that it carries, the open ones first."""
    ordered = sorted(state.incidents.values(), key=lambda one: one.settled is not None)
    kept = {one.handle: replace(one, observation=short(one.observation)) for one in ordered[:most]}
    events = {
        name: replace(event, observation=short(event.observation) if event.observation else None)
        for name, event in state.events.items()
        if not event.incident or event.incident in kept
    }
    messages = {
        key: message
        for key, message in state.messages.items()
        if all(name in events for name in message.events)
    }
    named = {one.thing for one in kept.values()} | {one.thing for one in events.values()}
    named |= state.watched.keys()
    things = {
        key: replace(
            one, scopes={name: _carried(scope, key, named) for name, scope in one.scopes.items()}
        )
        for key, one in state.things.items()
    }
    carried = replace(
        state, things=things, incidents=kept, events=events, messages=messages, cursors={}, spool={}
    )
    return record.Begun(
        version=record.VERSION, at=now, carried=carried, left_out=len(ordered) - len(kept)
    )


def _carried(scope: Scope, key: str, named: Container[str]) -> Scope:
    """Of what is listed only what incidents, events and counts name; and what is not any more."""
    there = listed(scope)
    gone = {name: it for name, it in by_id(scope.statuses).items() if name not in there}
    kept = dict(list(gone.items())[:GONE])
    kept |= {name: it for name, it in there.items() if f"{key}/{name}" in named}
    return replace(
        scope,
        statuses=by_status(kept),
        absent={name: looks for name, looks in scope.absent.items() if name in kept},
        seen={name: at for name, at in scope.seen.items() if name in kept},
    )


def _run(one: Decision, base: str) -> record.Run:
    looked: dict[str, dict[str, record.How]] = {}
    for look in one.looks:
        for shown in look.snapshots:
            how: record.How = "all" if shown.complete else "page" if shown.paged else "part"
            how = "stream" if shown.changes is not None else how
            looked.setdefault(f"{look.source}/{shown.kind}", {})[shown.scope] = how
    waiting = (*one.before.events.values(), *one.news().values())
    oldest = min((event.at for event in waiting), default=one.now)
    silences = [
        # what a silence kept back is told by a look after its end
        it
        for it in one.people.silences.values()
        if holds(it, one.after, one.now) or it.end > oldest
    ]
    acks = [pair for pair in one.people.acks.items() if pair[0] in one.after.incidents]
    return record.Run(
        at=one.now,
        state=one.after.id,
        base=base,
        counter=one.before.counter,
        previous=one.previous,
        origin=one.origin,
        looked=looked,
        silences={silence.id: silence for silence in silences[:DECISIONS]},
        acks=dict(acks[:DECISIONS]),
    )


def _interrupted(before: State) -> Iterator[record.Entry]:
    for message in settle.in_flight(before):
        yield record.Interrupted(key=message.key, row=message.channel)


def _unread(looks: Iterable[Look]) -> Iterator[record.Entry]:
    for look in looks:
        for result in look.results:
            if isinstance(result, Unreadable):
                yield record.Unread(source=look.source, look=result)


def _event(event: Event, whole: Mapping[str, Observation]) -> record.Event:
    seen = short(event.observation) if event.observation else None
    return record.Event(
        event=event.id,
        type=event.type,
        reason=event.reason,
        thing=event.thing,
        severity=event.severity,
        incident=event.incident,
        before=event.before,
        opened=event.opened,
        text=event.text,
        covers=event.covers,
        to={row: due.route for row, due in event.to.items()},
        observation=None if seen == whole.get(event.thing) else seen,
    )


def _incidents(one: Decision, news: Iterable[Event]) -> Iterator[record.Entry]:
    """What became of incidents without an event of their own."""
    before, after = one.before.incidents, one.after.incidents
    said = {event.incident for event in news}
    over = {event.incident for event in news if event.over}
    opened = {
        handle: it.thing
        for handle, it in after.items()
        if handle not in before and handle not in said
    }
    gone = [handle for handle in before if handle not in after and handle not in over]
    lived = [handle for handle in gone if before[handle].ended is None]
    forgotten = [handle for handle in lived if before[handle].settled]
    ended = [handle for handle in lived if not before[handle].settled]
    ended += [
        handle
        for handle, it in after.items()
        if it.ended and handle in before and before[handle].ended is None and handle not in over
    ]
    yield from [record.Opened(incidents=opened)] if opened else []
    yield from [record.Ended(incidents=ended)] if ended else []
    yield from [record.Forgotten(incidents=forgotten)] if forgotten else []
    yield from _settled(one.before, one.after)


def _settled(before: State, after: State) -> Iterator[record.Entry]:
    old = {handle for handle, it in before.incidents.items() if it.settled}
    new = [handle for handle, it in after.incidents.items() if it.settled and handle not in old]
    if new:
        yield record.Settled(incidents=new)


def _unspoken(one: Decision) -> Iterator[record.Entry]:
    """What will not be told to a row any more, although it waited."""
    outlook, found = one.outlook(), dict[tuple[str, str], list[str]]()
    for name, event in one.before.events.items():
        left = one.after.events[name].to if name in one.after.events else {}
        for row, due in event.to.items():
            if due.key or row in left or row not in outlook.there.rows:
                continue
            found.setdefault((row, _why_not(event, row, outlook)), []).append(name)
    for (row, why), names in found.items():
        yield record.Unspoken(row=row, why=why, events=names)


def _why_not(event: Event, row: str, outlook: Outlook) -> str:
    if event.type == "reminder":
        return "a reminder is not queued"
    if given_up.late(event, row, outlook):
        return "given up"
    if event.over:
        return "nobody there heard of the problem"
    if outlook.people.acked(event.incident) and event.to[row].undecided(event):
        return "somebody had it in hand before it was due"
    if silence := outlook.silence(event) or outlook.silence(event, lapsed=True):
        return f"over while silence {silence.id} was in force"
    return "over before it was due"


def _waits(one: Decision) -> Iterator[record.Entry]:
    """What waits from now on, or for another reason than when anybody looked before."""
    if not one.after.events:
        return
    outlook, former = one.outlook(), one.former()
    found = dict[tuple[str, str], list[str]]()
    for name, event in one.after.events.items():
        for row, due in event.to.items():
            why = "" if due.key else reason(event, row, outlook)
            if not why:
                continue
            old = one.before.events.get(name)
            known = old is not None and row in old.to and not old.to[row].key
            if not known or reason(one.before.events[name], row, former) != why:
                found.setdefault((row, why), []).append(name)
    for (row, why), names in found.items():
        yield record.Waits(row=row, why=why, events=names)


def reason(event: Event, row: str, outlook: Outlook) -> str:
    """Why an event that waits for a row is not due, or why the row itself is not."""
    why = outlook.why(event, row)
    channel = outlook.state.channels.get(row)
    if why or row not in outlook.there.rows:
        return why or "channel gone"
    return f"channel: {channel.reason}" if channel and rests(channel, outlook.now) else ""


def _messages(one: Decision) -> Iterator[record.Entry]:
    for message in one.due:
        if message.tries > 1:
            yield record.Repeated(key=message.key, row=message.channel, tries=message.tries)
            continue
        lines = lines_of([one.after.events[name] for name in message.events], one.after.incidents)
        yield record.Composed(
            key=message.key,
            row=message.channel,
            route=message.route,
            events=list(message.events),
            folded=[_folded(it) for it in fold(lines) if it.lines],
        )


def _folded(one: Fold) -> record.Folded:
    into = one.head.thing if one.head else one.place or f"batch {one.batch}"
    return record.Folded(into, [event.id for line in one.lines for event in line.events])
