"""Pure: what a run saw, put together again from the lines that the journal has of it.

A thing that was only ever counted stands for itself again: its status, no name, never news.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby

from msgspec.structs import replace

from notifier import record
from notifier.look import Look, by_id, by_status, listed
from notifier.memory import Scope, State, Things
from notifier.model import Observation, Snapshot, Unreadable
from notifier.pushed import is_pushed

# (SOURCE/KIND, scope)
Place = tuple[str, str]
# a look at (source, whether it was pushed) in which nothing was seen yet; None: not configured
Reader = Callable[[str, bool], Look | None]
# begins the ids of things that were only counted
NAMELESS = "~"


class Rows(Mapping[str, Observation]):
    """Things as they were last seen whole, read by today's words; the rest by its status alone."""

    def __init__(
        self, look: Look, kind: str, statuses: Mapping[str, str], whole: Mapping[str, Observation]
    ) -> None:
        self._look = look
        self._kind = kind
        self._statuses = statuses
        self._whole = whole

    def __getitem__(self, name: str) -> Observation:
        status = self._statuses[name]
        return read(self._look, self._kind, name, status, self._whole.get(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._statuses)

    def __len__(self) -> int:
        return len(self._statuses)


def read(look: Look, kind: str, name: str, status: str, seen: Observation | None) -> Observation:
    """A thing in this status, as today's configuration reads that word."""
    health, severity = look.classify(kind, status)
    if seen is None:
        return Observation(
            kind=kind, id=name, name=name, status=status, health=health, severity=severity
        )
    if (seen.status, seen.health) == (status, health):
        return seen
    return replace(seen, status=status, health=health, severity=severity)


class Memory:
    """What the journal has told so far: every listing by status, and what was seen whole."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.statuses: dict[Place, dict[str, str]] = {}
        self.whole: dict[Place, dict[str, Observation]] = {}
        # sources that the configuration does not have
        self.strangers: set[str] = set()
        self._looked: dict[Place, record.How] = {}
        self._unread: dict[str, list[Unreadable]] = {}
        self._begun = 0

    def begin(self, state: State) -> State:
        """What a file carries from the one before: what it names stands where it stood."""
        self.statuses.clear()
        self.whole.clear()
        seen = {one.thing: one.observation for one in state.incidents.values()}
        found = dict(state.things)
        for key, things in state.things.items():
            # a source itself is in no listing
            here = {} if key.endswith("/source") else things.scopes
            for label, scope in here.items():
                names = listed(scope)
                if names:
                    # there may be more
                    names[f"{NAMELESS}0.0"] = ""
                    self.statuses[key, label] = names
                    self.whole[key, label] = {
                        name: seen[f"{key}/{name}"] for name in names if f"{key}/{name}" in seen
                    }
                    known = replace(scope, statuses=by_status(by_id(scope.statuses) | names))
                    scopes = {**found[key].scopes, label: known}
                    found[key] = replace(found[key], scopes=scopes)
        return replace(state, things=found)

    def forget(self, thing: str) -> None:
        """What a person let be forgotten: where it is still listed, it is new there."""
        source, kind, name = thing.split("/", 2)
        for place in self.statuses:
            if place[0] == f"{source}/{kind}":
                self.statuses[place].pop(name, None)
                self.whole.get(place, {}).pop(name, None)

    def run(
        self, state: State, run: record.Run, group: Iterable[record.Entry]
    ) -> tuple[State, list[Look]]:
        """What a run of the journal saw, and the state with what it must have known before."""
        lines = _Lines(group)
        found: dict[tuple[str, bool], list[Snapshot | Unreadable]] = {}
        for key, scopes in run.looked.items():
            source = key.split("/", 1)[0]
            for scope, how in scopes.items():
                look = self._look(source, is_pushed(scope), key)
                if look is None:
                    continue
                place = (key, scope)
                self._looked[place] = how
                state = _knew(state, place, lines, run.at, self)
                shown = self._shown(look, place, how, lines)
                found.setdefault((source, is_pushed(scope)), []).extend(shown)
        for source in {key.split("/", 1)[0] for key in run.looked} | lines.unread.keys():
            self._unread[source] = lines.unread.get(source, [])
            if self._unread[source] and self._look(source, False):
                found.setdefault((source, False), []).extend(self._unread[source])
        return state, self._looks(found)

    def again(self) -> list[Look]:
        """What a look would see that finds everything as it was."""
        found: dict[tuple[str, bool], list[Snapshot | Unreadable]] = {}
        for (key, scope), how in self._looked.items():
            source, kind = key.split("/", 1)
            look = self._look(source, is_pushed(scope), key)
            families = {one.family for one in self._unread.get(source, []) if not one.scope}
            if look and not (how != "stream" and look.kinds[kind].family in families):
                shown = self._shown(look, (key, scope), how, _Lines(()))
                found.setdefault((source, is_pushed(scope)), []).extend(shown)
        for source, failed in self._unread.items():
            if failed and self._look(source, False):
                found.setdefault((source, False), []).extend(failed)
        return self._looks(found)

    def _looks(self, found: Mapping[tuple[str, bool], list[Snapshot | Unreadable]]) -> list[Look]:
        looks = []
        for (source, pushed), results in sorted(found.items(), key=lambda pair: pair[0][1]):
            if look := self._look(source, pushed):
                families = {
                    look.kinds[one.kind].family if isinstance(one, Snapshot) else one.family
                    for one in results
                }
                looks.append(replace(look, results=tuple(results), families=frozenset(families)))
        return looks

    def _look(self, source: str, pushed: bool, key: str = "") -> Look | None:
        look = self.reader(source, pushed)
        if look is None or (key and key.split("/", 1)[1] not in look.kinds):
            self.strangers.add(source)
            return None
        return look

    def _shown(self, look: Look, place: Place, how: record.How, lines: "_Lines") -> list[Snapshot]:
        kind = place[0].split("/", 1)[1]
        moved, seen = lines.moved.get(place, []), lines.seen.get(place, [])
        whole = self.whole.setdefault(place, {})
        statuses = self.statuses.setdefault(place, {})
        first = lines.first.get(place)
        if any(one.strange for one in moved):
            other = {f"{NAMELESS}strange": ""}
            return [Snapshot(kind=kind, scope=place[1], statuses=other)]
        if first:
            statuses = self.statuses[place] = self._counted(first, moved, seen)
        if how == "stream":
            return _stream(look, kind, place[1], moved, seen, statuses)
        for one in moved:
            statuses |= by_id(one.now)
            for name in one.gone:
                statuses.pop(name, None)
        for it in seen:
            statuses[it.thing.id] = it.thing.status
            whole[it.thing.id] = it.thing
        hidden = {name for one in moved for name in one.hidden}
        now = {name: status for name, status in statuses.items() if name not in hidden}
        rows, newest = Rows(look, kind, now, dict(whole)), first.newest if first else None
        return [
            Snapshot(
                kind=kind, scope=place[1], statuses=now, rows=rows,
                complete=how == "all", paged=how == "page",
                order=(lambda _: newest) if first else None,
            )
        ]  # fmt: skip

    def _counted(
        self, first: record.First, moved: list[record.Moved], seen: list[record.Seen]
    ) -> dict[str, str]:
        """As many nameless things as there were, with those that are known by name among them."""
        self._begun += 1
        named = {name: status for one in moved for name, status in by_id(one.now).items()}
        named |= {one.thing.id: one.thing.status for one in seen}
        counts = dict(first.counts)
        for status in named.values():
            counts[status] = counts.get(status, 0) - 1
        nameless = (status for status, count in counts.items() for _ in range(count))
        return named | {
            f"{NAMELESS}{self._begun}.{number}": status for number, status in enumerate(nameless)
        }


class _Lines:
    """The lines of one run, by what they are about."""

    def __init__(self, group: Iterable[record.Entry]) -> None:
        self.first: dict[Place, record.First] = {}
        self.moved: dict[Place, list[record.Moved]] = {}
        self.seen: dict[Place, list[record.Seen]] = {}
        self.unread: dict[str, list[Unreadable]] = {}
        for line in group:
            if isinstance(line, record.First):
                self.first[f"{line.source}/{line.kind}", line.scope] = line
            elif isinstance(line, record.Moved):
                self.moved.setdefault((f"{line.source}/{line.kind}", line.scope), []).append(line)
            elif isinstance(line, record.Seen):
                place = (f"{line.source}/{line.thing.kind}", line.scope)
                self.seen.setdefault(place, []).append(line)
            elif isinstance(line, record.Unread):
                self.unread.setdefault(line.source, []).append(line.look)


def _stream(
    look: Look,
    kind: str,
    scope: str,
    moved: Iterable[record.Moved],
    seen: Iterable[record.Seen],
    statuses: dict[str, str],
) -> list[Snapshot]:
    words = [pair for one in moved for pair in by_id(one.now).items()]
    statuses |= dict(words)
    plain = tuple(read(look, kind, name, status, None) for name, status in words)
    shown = []
    for since, ones in groupby(seen, key=lambda one: one.since):
        things = [one.thing for one in ones]
        statuses |= {one.id: one.status for one in things}
        changes = tuple(read(look, kind, one.id, one.status, one) for one in things)
        shown.append(Snapshot(kind=kind, scope=scope, changes=(*plain, *changes), at=since))
        plain = ()
    return shown or [Snapshot(kind=kind, scope=scope, changes=plain)]


def _knew(state: State, place: Place, lines: _Lines, now: datetime, memory: Memory) -> State:
    """The state with what was known of a listing before the journal speaks of it."""
    key, label = place
    things = state.things.get(key, Things())
    moved, seen = lines.moved.get(place, []), lines.seen.get(place, [])
    if label not in things.scopes and (place in lines.first or is_pushed(label)):
        return state
    scope, known = things.scopes.get(label), memory.statuses.get(place)
    old = by_id(scope.statuses) if scope else {}
    new = dict(old)
    if known is None:
        # nothing of it was ever told: it was there all the same
        memory.statuses[place] = known = {f"{NAMELESS}0.0": ""}
        new |= known
    before = [pair for one in moved for pair in by_id(one.before).items()]
    before += [(one.thing.id, one.before) for one in seen if one.before is not None]
    for name, status in before:
        if name not in new:
            new[name] = known[name] = status
    scope = scope or Scope(since=now)
    floors = [one.floor for one in moved if one.floor is not None]
    newest = [one.newest for one in moved if one.newest is not None]
    changed = replace(
        scope,
        statuses=scope.statuses if new == old else by_status(new),
        newest=max([*newest, scope.newest or 0.0]) or None,
    )
    floor = max([*floors, things.floor or 0.0]) or None
    if changed == scope and floor == things.floor and label in things.scopes:
        return state
    there = Things({**things.scopes, label: changed}, floor, things.odd)
    return replace(state, things={**state.things, key: there})
