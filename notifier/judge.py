"""Pure: the rules by which one thing is a problem, is worse, is well again, or is gone."""

from collections.abc import Mapping

from msgspec.structs import replace

from notifier import beginnings
from notifier.draft import Draft, Look, has_ended, worse
from notifier.model import (
    BAD,
    Health,
    Incident,
    Kind,
    Observation,
    Scope,
    Snapshot,
    Things,
    Watch,
)


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
        known = before is not None or _below(observation, floor)
        if _finite(draft, thing, observation, before or "", old, known) and observation.part_of:
            struck.add(f"{look.source}/{observation.part_of}")
    else:
        standing(draft, kind, thing, observation, before or "", struck=thing in struck)


def _below(observation: Observation, floor: float | None) -> bool:
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
        return _bad_again(draft, incident, observation)
    if incident and observation.health == "ok":
        draft.end(incident, observation, "completed after all")
    elif incident:
        # running again, or cancelled: not well, so the incident stays open without a word
        draft.update(incident, replace(observation, attempt=incident.observation.attempt))
    return False


def _bad_again(draft: Draft, incident: Incident, observation: Observation) -> bool:
    news = worse(incident, observation)
    if news:
        draft.bad_again(incident, observation, "failed again" if news == "again" else "worse")
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
        if incident:
            _bad_again(draft, incident, observation)
            return
        watch = draft.watched.get(thing, Watch(since=draft.now))
        need = 2 if observation.health == "missing" else kind.confirm
        if struck or watch.looks + 1 >= need:
            draft.problem(thing, observation, finite=False, before=before, since=watch.since)
        else:
            draft.watched[thing] = replace(watch, looks=watch.looks + 1)
    elif observation.health == "ok":
        draft.watched.pop(thing, None)
        if incident:
            draft.end(incident, observation, "back")


def absent(
    draft: Draft,
    look: Look,
    kind: Kind,
    snapshot: Snapshot,
    old: Mapping[str, str],
    scope: Scope,
) -> tuple[dict[str, str], dict[str, int], bool]:
    """What a listing lacks: (statuses to remember, looks without, whether any was forgotten)."""
    if not snapshot.complete:
        return {**old, **snapshot.statuses}, scope.absent, False
    gone = old.keys() - snapshot.statuses.keys()
    if not gone:
        return dict(snapshot.statuses), {}, False
    statuses, without, forgot = dict(snapshot.statuses), {}, False
    for name in sorted(gone):
        thing = f"{look.source}/{kind.name}/{name}"
        looks = scope.absent.get(name, 0) + 1
        if kind.absence == "down":
            missing = _missing(kind, name, draft.incident(thing))
            if not look.ignored(missing):
                standing(draft, kind, thing, missing, old[name])
            statuses[name] = "missing"
            continue
        if looks >= 2 and not _owed(draft, thing):
            draft.watched.pop(thing, None)
            forgot = True
            continue
        statuses[name] = old[name]
        without[name] = min(looks, 2)
    return statuses, without, forgot


def _owed(draft: Draft, thing: str) -> bool:
    incident = draft.incident(thing)
    return incident is not None and incident.settled is None


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
