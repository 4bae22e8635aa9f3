"""Pure: what was known, what was seen and the time give what is known now, and what is news.

A look that failed changes nothing below it. Absence means something only in a complete listing.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from msgspec.structs import replace

from notifier import beginnings, judge
from notifier.draft import Draft, has_ended
from notifier.look import Look, Seen, by_id, by_status
from notifier.memory import Scope, State, Things
from notifier.model import BAD, Event, Kind, Observation, Snapshot

KNOWN_FOR = timedelta(days=30)
# of a stream, so many things that have ended stay known
MOST_ENDED = 1000
SOURCE = Kind("source", "nodes", finite=False, confirm=2)


def diff(
    state: State,
    looks: Iterable[Look],
    now: datetime,
    first_run: Literal["summary", "silent", "alert"],
    flap_window: float,
) -> tuple[State, list[Event]]:
    """The new state (with incidents, without the events) and the events, each of them single."""
    draft = Draft(state, now, flap_window)
    for look in looks:
        _sources(draft, look)
        begun: list[beginnings.Begun] = []
        struck: set[str] = set()
        turns = {kind: place for place, kind in enumerate(look.kinds)}
        for snapshot in sorted(look.snapshots, key=partial(_turn, look, turns)):
            kind = look.kinds[snapshot.kind]
            if snapshot.changes is None:
                new = _listing(draft, look, kind, snapshot, struck, first_run)
            else:
                new = _stream(draft, look, kind, snapshot, struck, first_run)
            begun += [new] if new else []
            if kind.finite and look.stuck_after and not _doubted(draft, look, snapshot):
                judge.stuck(draft, look, kind, _present(draft, look, kind, snapshot))
            beginnings.remark(draft, look.source, snapshot.remarks)
        judge.steady(draft, f"{look.source}/", Seen([look], draft.things))
        beginnings.say(draft, look.source, begun, first_run)
    _forget(draft)
    return draft.done(), draft.events


def _turn(look: Look, turns: Mapping[str, int], snapshot: Snapshot) -> tuple[bool, int, str]:
    """Finite kinds first: a task newly lost on a bad node confirms the node at once.

    Then as the source has its kinds, however it was read; but parts of a stream stay in order.
    """
    scope = snapshot.scope if snapshot.changes is None else ""
    return not look.kinds[snapshot.kind].finite, turns[snapshot.kind], scope


def _sources(draft: Draft, look: Look) -> None:
    """Judges the source itself and its families: one cause, one event."""
    seen = look.parts
    key = f"{look.source}/source"
    known = draft.things.get(key, Things())
    old = by_id(known.scopes[""].statuses) if "" in known.scopes else {}
    for name, (status, reason) in sorted(seen.items()):
        observation = source_observation(look.source, name, status, reason)
        judge.standing(draft, SOURCE, f"{key}/{name}", observation, old.get(name, "ok"))
    # a scope that is well is not worth remembering: there may be hundreds
    new = {name: one for name, one in old.items() if name not in seen}
    new |= {name: one for name, (one, _) in seen.items() if one != "ok" or "/" not in name}
    if new != old:
        since = known.scopes[""].since if old else draft.now
        draft.things[key] = Things({"": Scope(since=since, statuses=by_status(new))})


def source_observation(source: str, name: str, status: str, reason: str) -> Observation:
    """The source itself (or a family of it) as a thing that stands."""
    whole = name == source
    return Observation(
        kind="source",
        id=name,
        name=source if whole else f"{source} ({name})",
        status=status,
        health="ok" if status == "ok" else "down",
        severity="info" if status == "ok" else "critical",
        message=reason,
        part_of="" if whole else f"source/{source}",
    )


def _listing(
    draft: Draft,
    look: Look,
    kind: Kind,
    snapshot: Snapshot,
    struck: set[str],
    first_run: str,
) -> "beginnings.Begun | None":
    """One complete or incomplete listing against memory. Returns what a first look found."""
    key = f"{look.source}/{kind.name}"
    things = draft.things.get(key, Things())
    scope = things.scopes.get(snapshot.scope)
    if scope is None:
        if first_run != "alert":
            return beginnings.first(draft, look, kind, snapshot)
        scope = Scope(since=draft.now)
    old = by_id(scope.statuses)
    if (
        kind.absence == "reset"
        and old
        and snapshot.complete
        and old.keys().isdisjoint(snapshot.statuses)
    ):
        return beginnings.strange(draft, look, kind, snapshot, scope)
    if snapshot.reset:
        return beginnings.again(draft, look, kind, snapshot)
    _gone(draft, key, snapshot, old)
    newest = scope.newest
    for name in _questions(draft, key, kind, old, snapshot):
        observation = snapshot.rows[name]
        newest = max(newest or 0.0, observation.order or 0.0) or None
        _judge(draft, look, kind, observation, old.get(name), struck)
    statuses, absent, forgot = judge.absent(draft, look, kind, snapshot, old, scope)
    floor = things.floor
    if forgot and scope.newest is not None:
        floor = max(floor or 0.0, scope.newest - beginnings.LATE)
    same = statuses == old and not snapshot.gone
    new = Scope(
        since=scope.since,
        statuses=scope.statuses if same else by_status(statuses),
        absent=absent,
        newest=newest,
    )
    if new != scope or snapshot.scope not in things.scopes:
        draft.things[key] = replace(
            draft.things.get(key, Things()),
            scopes={**things.scopes, snapshot.scope: new},
            floor=floor,
        )
    return None


def _judge(
    draft: Draft,
    look: Look,
    kind: Kind,
    observation: Observation,
    before: str | None,
    struck: set[str],
) -> None:
    """Judges a thing; a change that is no problem is news too where somebody wants to hear it."""
    said = len(draft.events)
    judge.judge(draft, look, kind, observation, before, struck)
    quiet = observation.health not in BAD and observation.health != "unknown"
    if not look.changes or not quiet or observation.status == before or said < len(draft.events):
        return
    if not look.ignored(observation):
        thing = f"{look.source}/{kind.name}/{observation.id}"
        draft.say(
            "change", observation.status, thing, "info",
            observation=observation, before=before or "",
        )  # fmt: skip


def _questions(
    draft: Draft, key: str, kind: Kind, old: Mapping[str, str], snapshot: Snapshot
) -> list[str]:
    """The ids that have to be looked at closely: changed, being counted, or maybe bad again.

    In an order of their own, however they are listed.
    """
    seen = snapshot.statuses
    close = {name for name, status in seen.items() if old.get(name) != status}
    prefix = f"{key}/"
    more = {
        thing[len(prefix) :]
        for thing, watch in draft.watched.items()
        if watch.looks and thing.startswith(prefix)
    }
    if kind.attempts:
        more |= {thing[len(prefix) :] for thing in draft.below(prefix)}
    return sorted(close | more.intersection(seen), key=lambda name: (len(name), name))


def _stream(
    draft: Draft,
    look: Look,
    kind: Kind,
    snapshot: Snapshot,
    struck: set[str],
    first_run: str,
) -> "beginnings.Begun | None":
    """Observations in order, as of when they were seen; absence means nothing, one is enough."""
    begun = None
    if snapshot.past and first_run != "alert":
        begun, snapshot = beginnings.learn(draft, look, kind, snapshot)
    key = f"{look.source}/{kind.name}"
    things = draft.things.get(key, Things())
    quiet = not (snapshot.changes or snapshot.gone or look.pushed)
    if quiet and snapshot.scope in things.scopes:
        return begun
    scope = things.scopes.get(snapshot.scope, Scope(since=draft.now))
    # what a listing brought before is as old as the scope
    statuses, seen, now = by_id(scope.statuses), dict(scope.seen), draft.now
    once = replace(kind, confirm=1)
    draft.now = min(snapshot.at or now, now)
    for observation in snapshot.changes or ():
        _judge(draft, look, once, observation, statuses.get(observation.id), struck)
        statuses[observation.id] = observation.status
        seen[observation.id] = draft.now
    draft.now = now
    _gone(draft, key, snapshot, statuses)
    for name in _past(
        draft, look, kind, statuses, {**dict.fromkeys(statuses, scope.since), **seen}
    ):
        del statuses[name]
    seen = {name: at for name, at in seen.items() if name in statuses}
    new = replace(scope, statuses=by_status(statuses), seen=seen)
    things = draft.things.get(key, Things())
    if look.pushed and not statuses:
        scopes = {name: one for name, one in things.scopes.items() if name != snapshot.scope}
    elif new != scope or (snapshot.scope not in things.scopes and (statuses or not snapshot.scope)):
        scopes = {**things.scopes, snapshot.scope: new}
    else:
        # also a mere part of a stream of which nothing is known: it is not worth remembering
        return begun
    draft.things[key] = replace(things, scopes=scopes)
    if not scopes:
        del draft.things[key]
    return begun


def _doubted(draft: Draft, look: Look, snapshot: Snapshot) -> bool:
    """Whether the listing shared nothing with memory, so that nothing follows from it yet."""
    things = draft.things.get(f"{look.source}/{snapshot.kind}", Things())
    return snapshot.scope in things.scopes and things.scopes[snapshot.scope].strange > 0


def _present(draft: Draft, look: Look, kind: Kind, snapshot: Snapshot) -> Snapshot:
    """A listing as it is; a stream as the listing of what is known of it."""
    if snapshot.changes is None:
        return snapshot
    things = draft.things.get(f"{look.source}/{kind.name}", Things())
    scope = things.scopes.get(snapshot.scope)
    statuses = by_id(scope.statuses) if scope else {}
    rows = {**snapshot.rows, **{one.id: one for one in snapshot.changes}}
    for name, status in statuses.items():
        if name not in rows and status in look.stuck_after:
            health, severity = look.classify(kind.name, status)
            rows[name] = Observation(
                kind=kind.name, id=name, name=name, status=status, health=health, severity=severity
            )
    return replace(snapshot, statuses=statuses, rows=rows)


def _past(
    draft: Draft, look: Look, kind: Kind, statuses: Mapping[str, str], seen: Mapping[str, datetime]
) -> list[str]:
    """What a stream need not remember: nothing of it is open, and it is long past or too much."""
    idle = [name for name in statuses if not _open(draft, f"{look.source}/{kind.name}/{name}")]
    ended = [name for name in idle if _ended(look, kind, statuses[name])]
    ended.sort(key=seen.__getitem__, reverse=True)
    old = {name for name in idle if draft.now - seen[name] > KNOWN_FOR}
    return sorted(old.union(ended[MOST_ENDED:]))


def _open(draft: Draft, thing: str) -> bool:
    incident = draft.incident(thing)
    return incident is not None and incident.settled is None


def _ended(look: Look, kind: Kind, status: str) -> bool:
    return kind.finite and (look.pushed or has_ended(look.classify(kind.name, status)[0]))


def _gone(draft: Draft, key: str, snapshot: Snapshot, statuses: dict[str, str]) -> None:
    """What the source knows to have left for good is neither bad any more nor remembered."""
    for name in snapshot.gone:
        judge.gone(draft, f"{key}/{name}")
        statuses.pop(name, None)


def _forget(draft: Draft) -> None:
    """Settled failures are remembered for 30 days."""
    for handle, incident in list(draft.incidents.items()):
        if incident.settled is None or incident.ended:
            continue
        if incident.settled > draft.now:
            # the clock went back: the days are counted from now on
            draft.incidents[handle] = replace(incident, settled=draft.now)
        elif draft.now - incident.settled > KNOWN_FOR:
            draft.drop(incident)
