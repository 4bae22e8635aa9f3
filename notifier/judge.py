"""Pure: the rules by which one thing is a problem, is worse, is well again, or is gone."""

from collections.abc import Container, Mapping

from msgspec.structs import replace

from notifier import beginnings
from notifier.draft import Draft, began, has_ended, worse
from notifier.look import Look
from notifier.memory import Scope, Things, Watch
from notifier.model import BAD, Health, Incident, Kind, Observation, Snapshot
from notifier.words import COMPLETED, LEFT


def judge(
    draft: Draft,
    look: Look,
    kind: Kind,
    observation: Observation,
    before: str | None,
    struck: set[str],
) -> None:
    """One observation against what was known of the thing; `before` is None for an unknown one.

    `struck` collects the things that newly failed tasks belong to.
    """
    if look.ignored(observation):
        return
    thing = f"{look.source}/{kind.name}/{observation.id}"
    if observation.health == "unknown":
        beginnings.odd_word(draft, look.source, kind, observation)
    elif kind.finite:
        old = look.classify(kind.name, before)[0] if before is not None else None
        floor = draft.things.get(f"{look.source}/{kind.name}", Things()).floor
        known = before is not None or below(observation, floor)
        if _finite(draft, thing, observation, before or "", old, known) and observation.part_of:
            struck.add(f"{look.source}/{observation.part_of}")
    else:
        standing(draft, kind, thing, observation, before or "", struck=thing in struck)


def below(observation: Observation, floor: float | None) -> bool:
    """Whether an unknown thing had already ended when its like were counted or forgotten."""
    return (
        floor is not None
        and observation.order is not None
        and observation.order <= floor
        and has_ended(observation.health)
    )


def _finite(
    draft: Draft,
    thing: str,
    observation: Observation,
    before: str,
    old: Health | None,
    known: bool,
) -> bool:
    """A thing that ends. Returns whether it is newly failed."""
    incident = draft.incident(thing)
    if observation.health == "failed":
        if incident is None:
            if known and old in (None, "failed"):
                return False
            draft.problem(thing, observation, finite=True, before=before)
            return True
        return _finite_again(draft, incident, observation)
    if observation.health == "degraded" and incident is None:
        # a source that knows since when it stands still says so itself
        draft.stuck(thing, observation, min(observation.last_seen or draft.now, draft.now))
        return False
    if incident is None:
        return False
    if observation.health == "ok":
        draft.end(incident, observation, COMPLETED if incident.stuck else "completed after all")
    elif incident.stuck and observation.status != incident.observation.status:
        cancelled = observation.health == "cancelled"
        draft.end(incident, observation, "cancelled" if cancelled else "moving again")
    # running again, or cancelled: not well, so the incident stays open, as it was, without a word
    return False


def _finite_again(draft: Draft, incident: Incident, observation: Observation) -> bool:
    news = worse(incident, observation)
    if news or incident.stuck:
        draft.bad_again(incident, observation, news or "worse")
        return True
    draft.update(incident, observation)
    return False


def standing(
    draft: Draft,
    kind: Kind,
    thing: str,
    observation: Observation,
    before: str,
    *,
    struck: bool = False,
) -> None:
    """A thing that stands: bad for `confirm` looks is a problem, well is a recovery."""
    incident = draft.incident(thing)
    if observation.health in BAD:
        if incident is None:
            _newly_bad(draft, kind, thing, observation, before, struck)
        elif incident.flapping:
            _while_flapping(draft, incident, observation)
        else:
            _standing_again(draft, incident, observation)
    elif observation.health == "ok":
        draft.unwatch(thing)
        if incident is None:
            return
        if incident.flapping:
            _while_flapping(draft, incident, observation)
        elif draft.changed(thing):
            draft.flap(incident, observation, incident.observation.status)
        else:
            draft.end(incident, observation, "back")


def _newly_bad(
    draft: Draft, kind: Kind, thing: str, observation: Observation, before: str, struck: bool
) -> None:
    watch = draft.watched.get(thing, Watch(since=draft.now))
    since = watch.since if watch.looks else began(observation, draft.now)
    need = 2 if observation.health == "missing" else kind.confirm
    if not struck and watch.looks + 1 < need:
        draft.watched[thing] = replace(watch, since=since, looks=watch.looks + 1)
    elif draft.changed(thing):
        incident = draft.open_incident(thing, observation, finite=False, since=since)
        draft.flap(incident, observation, before)
    else:
        draft.problem(thing, observation, finite=False, before=before, since=since)


def gone(draft: Draft, thing: str) -> None:
    """The source knows that a thing has left for good: whoever was told of it hears that."""
    draft.watched.pop(thing, None)
    incident = draft.incident(thing)
    if incident is not None and incident.settled is None:
        draft.end(incident, None, LEFT)


def _while_flapping(draft: Draft, incident: Incident, observation: Observation) -> None:
    if (observation.health in BAD) != (incident.observation.health in BAD):
        draft.changed(incident.thing)
    draft.update(incident, observation)


def _standing_again(draft: Draft, incident: Incident, observation: Observation) -> None:
    news = worse(incident, observation)
    if not news:
        draft.update(incident, observation)
    elif draft.changed(incident.thing):
        draft.flap(incident, observation, incident.observation.status)
    else:
        draft.bad_again(incident, observation, news)


def steady(draft: Draft, prefix: str, seen: Container[str]) -> None:
    """Ends the flapping of what was seen unchanged for a whole window; forgets older changes."""
    for thing in draft.below(prefix):
        incident = draft.incident(thing)
        if incident is None or incident.flapping is None or thing not in seen:
            continue
        watch = draft.watched.get(thing, Watch(since=incident.flapping))
        last = max(watch.changes, default=incident.flapping)
        if last > draft.now:
            # the clock went back: steadiness is counted from now on
            draft.watched[thing] = replace(watch, changes=(draft.now,))
        elif draft.now - last >= draft.flap_window:
            if incident.observation.health in BAD:
                draft.still_bad(incident)
            else:
                draft.end(incident, incident.observation, "steady", "flapping_end")
    for thing, watch in list(draft.watched.items()):
        open_one = draft.incident(thing)
        if not thing.startswith(prefix) or (open_one and open_one.flapping):
            continue
        recent = tuple(at for at in watch.changes if abs(draft.now - at) < draft.flap_window)
        if recent != watch.changes:
            draft.watched[thing] = replace(watch, changes=recent)
            if not recent and not watch.looks and not watch.status:
                del draft.watched[thing]


def stuck(draft: Draft, look: Look, kind: Kind, snapshot: Snapshot) -> None:
    """Tasks that stay in one status for longer than the source's `stuck_after` allows."""
    prefix = f"{look.source}/{kind.name}/"
    for thing, watch in list(draft.watched.items()):
        now_in = snapshot.statuses.get(thing[len(prefix) :], watch.status)
        if watch.status and thing.startswith(prefix) and now_in != watch.status:
            del draft.watched[thing]
    late = []
    for name, status in snapshot.statuses.items():
        limit = look.stuck_after.get(status)
        thing = prefix + name
        if limit is None or draft.incident(thing) is not None:
            continue
        watch = draft.watched.get(thing, Watch(since=draft.now, status=status))
        if watch.since > draft.now:
            watch = replace(watch, since=draft.now)
        if (draft.now - watch.since).total_seconds() >= limit:
            late.append((watch.since, name))
            draft.watched.pop(thing, None)
        elif draft.watched.get(thing) != watch:
            draft.watched[thing] = watch
    # the longest first, in whatever order they are listed
    for since, name in sorted(late):
        observation = snapshot.rows[name]
        if not look.ignored(observation):
            draft.stuck(prefix + name, observation, since)


def absent(
    draft: Draft,
    look: Look,
    kind: Kind,
    snapshot: Snapshot,
    old: Mapping[str, str],
    scope: Scope,
) -> tuple[dict[str, str], dict[str, int], bool]:
    """What a listing lacks: (statuses to remember, looks without, whether any was forgotten).

    Ended things go after two looks without them. From a page of a longer list nothing else
    follows, and what had ended is then known by the floor; from one with an odd row nothing at all.
    """
    gone = old.keys() - snapshot.statuses.keys()
    statuses, without, forgot = dict(snapshot.statuses), {}, False
    for name in sorted(gone):
        thing = f"{look.source}/{kind.name}/{name}"
        if not (snapshot.complete or (snapshot.paged and _has_ended(look, kind, old[name]))):
            # says nothing of it: neither that it is there nor that it is not
            statuses[name] = old[name]
            if name in scope.absent:
                without[name] = scope.absent[name]
            continue
        if snapshot.complete and kind.absence == "down":
            missing = _missing(kind, name, draft.incident(thing))
            if not look.ignored(missing):
                standing(draft, kind, thing, missing, old[name])
            statuses[name] = "missing"
            continue
        looks = scope.absent.get(name, 0) + 1
        if looks >= 2 and not _owed(draft, thing):
            draft.watched.pop(thing, None)
            if incident := draft.incident(thing):
                draft.forget(incident)
            forgot = True
            continue
        statuses[name] = old[name]
        without[name] = min(looks, 2)
    return statuses, without, forgot


def _has_ended(look: Look, kind: Kind, status: str) -> bool:
    return kind.finite and has_ended(look.classify(kind.name, status)[0])


def _owed(draft: Draft, thing: str) -> bool:
    """Whether the incident of an absent thing has to stay: it is open, and not merely stuck."""
    incident = draft.incident(thing)
    return incident is not None and incident.settled is None and not incident.stuck


def _missing(kind: Kind, name: str, incident: Incident | None) -> Observation:
    seen = incident.observation if incident else None
    return Observation(
        kind=kind.name,
        id=name,
        name=seen.name if seen else name,
        status="missing",
        health="missing",
        severity="critical",
        attempt=seen.attempt if seen else "",
        message="no longer in the list",
    )
