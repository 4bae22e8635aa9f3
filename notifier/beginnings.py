"""First looks, another database behind the same address, words never heard: told in one summary."""

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from notifier.draft import Draft, began
from notifier.look import Look, by_id, by_status
from notifier.memory import Scope, Things
from notifier.model import BAD, Frozen, Kind, Observation, Severity, Snapshot
from notifier.words import plural, plurals

LATE = 600.0


class Begun(Frozen, frozen=True, kw_only=True):
    """What a first look at one (kind, scope) found. `failed`: how many had failed already."""

    kind: Kind
    total: int
    failed: int
    down: tuple[str, ...]
    again: bool = False


def first(
    draft: Draft, look: Look, kind: Kind, snapshot: Snapshot, known: Mapping[str, str] | None = None
) -> Begun:
    """Learns a baseline: opens incidents for standing things that are bad, counts the rest.

    `known`: id -> status of what this scope has already.
    """
    key = f"{look.source}/{kind.name}"
    healths = {word: look.classify(kind.name, word)[0] for word in set(snapshot.statuses.values())}
    bad = [name for name, status in snapshot.statuses.items() if healths[status] in BAD]
    handles = []
    for name in () if kind.finite else bad:
        observation, thing = snapshot.rows[name], f"{key}/{name}"
        if not look.ignored(observation) and draft.incident(thing) is None:
            since = began(observation, draft.now)
            opened = draft.open_incident(thing, observation, finite=False, since=since)
            handles.append(opened.handle)
    newest = _newest(snapshot, snapshot.statuses if kind.finite else bad)
    counts = Counter(healths[status] for status in snapshot.statuses.values())
    statuses = by_status({**(known or {}), **snapshot.statuses})
    scope = Scope(since=draft.now, statuses=statuses, newest=newest)
    things = draft.things.get(key, Things())
    # what had ended by then in another scope, or in the past of a stream, stays known
    floors = [things.floor, newest - LATE if newest is not None else None]
    floor = max((one for one in floors if one is not None), default=None)
    draft.things[key] = replace(
        things, scopes={**things.scopes, snapshot.scope: scope}, floor=floor
    )
    # of what stands, those that are not well are named
    failed = counts["failed"] if kind.finite else 0
    return Begun(kind=kind, total=len(snapshot.statuses), failed=failed, down=tuple(handles))


def learn(
    draft: Draft, look: Look, kind: Kind, snapshot: Snapshot
) -> tuple[Begun | None, Snapshot]:
    """What a stream shows of the past: the unknown is learned, what is left is news after all."""
    scope = draft.things.get(f"{look.source}/{kind.name}", Things()).scopes.get(snapshot.scope)
    known = by_id(scope.statuses) if scope else {}
    changes = snapshot.changes or ()
    # of several observations of a thing, the last one is how it is
    rows = {one.id: one for one in changes if one.id not in known}
    left = replace(snapshot, changes=tuple(one for one in changes if one.id in known))
    if scope is not None and not rows:
        return None, left
    statuses = {name: one.status for name, one in rows.items()}
    return first(draft, look, kind, replace(left, statuses=statuses, rows=rows), known), left


def _newest(snapshot: Snapshot, names: Iterable[str]) -> float | None:
    """The order of the newest of these. Rows are built only where the ids do not tell it."""
    order = snapshot.order or (lambda name: snapshot.rows[name].order)
    return max((found for found in map(order, names) if found is not None), default=None)


def strange(draft: Draft, look: Look, kind: Kind, snapshot: Snapshot, scope: Scope) -> Begun | None:
    """A listing that shares nothing with memory: once it is doubted, twice it is a new database."""
    key = f"{look.source}/{kind.name}"
    things = draft.things[key]
    if scope.strange == 0:
        doubted = replace(scope, strange=1)
        draft.things[key] = replace(things, scopes={**things.scopes, snapshot.scope: doubted})
        return None
    return again(draft, look, kind, snapshot)


def again(draft: Draft, look: Look, kind: Kind, snapshot: Snapshot) -> Begun:
    """A new baseline in place of the old one, whose things are no longer watched.

    Of a kind with several scopes, only those are not that this scope had.
    """
    key = f"{look.source}/{kind.name}"
    things = draft.things[key]
    others = [one for name, one in things.scopes.items() if name != snapshot.scope]
    spared = {f"{key}/{name}" for one in others for name in by_id(one.statuses)}
    mine = [thing for thing in draft.below(f"{key}/") if thing not in spared]
    for thing in mine:
        draft.unwatched(draft.incidents[draft.open[thing]])
    for thing in [one for one in draft.watched if one.startswith(f"{key}/")]:
        if thing not in spared:
            del draft.watched[thing]
    if not others:
        draft.things[key] = replace(things, floor=None)
    return replace(first(draft, look, kind, snapshot), again=True)


def say(draft: Draft, source: str, begun: list[Begun], first_run: str) -> None:
    """One summary for all that was looked at for the first time in this run."""
    resets = [one for one in begun if one.again]
    fresh = [one for one in begun if not one.again]
    thing = f"{source}/source/{source}"
    if fresh and first_run == "summary":
        text = f"{_watching(fresh, source)}{_already(fresh)}{_down(draft, fresh)}"
        covers = tuple(handle for one in fresh for handle in one.down)
        severity: Severity = "warning" if covers else "info"
        draft.say("summary", "first look", thing, severity, text=text, covers=covers)
    if resets:
        kinds = _and([plurals(kind) for kind in dict.fromkeys(one.kind.name for one in resets)])
        text = (
            f"{source} has another database now: none of its former {kinds} is left. "
            f"Watching {_counts(resets)}{_already(resets)}{_down(draft, resets)}"
        )
        covers = tuple(handle for one in resets for handle in one.down)
        draft.say("summary", "reset", thing, "critical", text=text, covers=covers)


def remark(draft: Draft, source: str, sentences: Iterable[str]) -> None:
    """What a source has to say of its own looking."""
    for sentence in sentences:
        text = f"{source}: {sentence}"
        draft.say("summary", "remark", f"{source}/source/{source}", "warning", text=text)


def odd_word(draft: Draft, source: str, kind: Kind, observation: Observation) -> None:
    """A status word that nobody knows is told once and taken for active."""
    key = f"{source}/{kind.name}"
    things = draft.things.get(key, Things())
    if observation.status in things.odd or len(things.odd) >= 50:
        return
    draft.things[key] = replace(things, odd=(*things.odd, observation.status))
    text = (
        f"{source}: {kind.name} {observation.name} has the unknown status "
        f"'{observation.status[:60]}'; it is taken for active"
    )
    draft.say("summary", "unknown status", f"{source}/source/{source}", "warning", text=text)


def _counts(begun: list[Begun]) -> str:
    counts: Counter[str] = Counter()
    for one in begun:
        counts[one.kind.name] += one.total
    shown = {kind: n for kind, n in counts.items() if n} or counts
    return _and([plural(n, kind) for kind, n in shown.items()])


def _watching(begun: list[Begun], source: str) -> str:
    if any(one.total for one in begun):
        return f"watching {_counts(begun)} on {source}"
    kinds = dict.fromkeys(one.kind.name for one in begun)
    return f"watching {source}: it has {_and([f'no {plurals(kind)}' for kind in kinds])} yet"


def _and(parts: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _already(begun: list[Begun]) -> str:
    parts = [
        f"{plural(one.failed, one.kind.name)} had already failed" for one in begun if one.failed
    ]
    return f"; {', '.join(parts)}" if parts else ""


def _down(draft: Draft, begun: list[Begun]) -> str:
    seen = [draft.incidents[handle].observation for one in begun for handle in one.down]
    failing = [one.name for one in seen if one.health == "failed"]
    down = [one.name for one in seen if one.health != "failed"]
    told = [("failing now", failing), ("down now", down)]
    return "".join(f"; {word}: {_names(names)}" for word, names in told if names)


def _names(names: list[str]) -> str:
    more = f" and {len(names) - 20:,} more" if len(names) > 20 else ""
    return ", ".join(sorted(names)[:20]) + more
