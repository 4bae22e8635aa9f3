"""Pure: what one run saw that was new, as lines of the journal; what is well stays a number."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from msgspec.structs import replace

from notifier import judge, record
from notifier.draft import has_ended
from notifier.look import Look, by_id, by_status
from notifier.memory import Scope, State, Things
from notifier.model import BAD, Event, Kind, Observation, Snapshot

# healths of which the whole thing is kept
WHOLE = BAD | {"cancelled", "unknown"}
# characters of a text, and labels of a thing, that are kept
TEXT, LABELS = 300, 20


class Closer:
    """Between two states: which things were looked at closely, and why one was no news."""

    def __init__(self, before: State, after: State, told: Iterable[Event], first_run: str) -> None:
        self.before = before
        self.after = after
        self.first_run = first_run
        both = (*before.incidents.values(), *after.incidents.values())
        self.told = {event.thing for event in told}
        # what a status alone does not tell of
        self.troubled = self.told | {one.thing for one in both}
        self.troubled |= {
            thing
            for watched in (before.watched, after.watched)
            for thing, watch in watched.items()
            if watch.looks or watch.changes
        }
        # what a look that does not show it leaves as it is
        self.counted = {thing for thing, watch in after.watched.items() if watch.looks}
        self.counted |= {
            one.thing
            for one in after.incidents.values()
            if one.ended is None and one.settled is None
        }
        # what was judged anew although its status may be as it was
        self.judged = set(self.told)
        self.judged |= {
            thing
            for thing in before.watched.keys() | after.watched.keys()
            if before.watched.get(thing) != after.watched.get(thing)
        }
        self.judged |= {
            one.thing
            for handle, one in after.incidents.items()
            if one is not before.incidents.get(handle)
        }
        self.open = {one.thing: one for one in after.incidents.values() if one.ended is None}

    def but(self, look: Look, kind: Kind, seen: Observation, before: str | None) -> str:
        """Why that is no news; nothing when it is."""
        thing = f"{look.source}/{kind.name}/{seen.id}"
        if thing in self.told:
            return ""
        if look.ignored(seen):
            return "ignored"
        if seen.health == "unknown":
            return "an unknown status is taken for active"
        incident, watch = self.open.get(thing), self.after.watched.get(thing)
        if incident and incident.handle not in self.before.incidents:
            return "told in a summary"
        if incident:
            how = "is flapping" if incident.flapping else "goes on and is no worse"
            return f"{incident.handle} {how}"
        if watch and watch.looks:
            return f"bad for {watch.looks} look{'s' if watch.looks > 1 else ''}, not yet a problem"
        if not kind.finite or seen.health != "failed":
            return ""
        floor = self.before.things.get(f"{look.source}/{kind.name}", Things()).floor
        if before is None and judge.below(seen, floor):
            return "below the floor"
        return "had failed before" if before is not None else ""


def short(seen: Observation) -> Observation:
    """An observation as the journal keeps it: long texts are cut."""
    labels = dict(list(seen.labels.items())[:LABELS])
    return replace(
        seen,
        message=seen.message[:TEXT],
        command=seen.command[:TEXT],
        log="",
        labels={name: value[:TEXT] for name, value in labels.items()},
    )


class Sighting:
    """One snapshot against what was known of it. `seen` are the things that are kept whole."""

    def __init__(self, look: Look, snapshot: Snapshot, closer: Closer, now: datetime) -> None:
        self.look = look
        self.kind = look.kinds[snapshot.kind]
        self.snapshot = snapshot
        self.closer = closer
        self.now = now
        self.key = f"{look.source}/{snapshot.kind}"
        self.known = closer.before.things.get(self.key, Things())
        self.scope = self.known.scopes.get(snapshot.scope)
        self.seen: list[record.Seen] = []

    def lines(self) -> Iterator[record.Entry]:
        """What is told in ids; then `seen` is complete."""
        things = self.closer.after.things.get(self.key, Things())
        after = things.scopes.get(self.snapshot.scope, Scope(since=self.now))
        judged, hidden = self._below(self.closer.judged), self._hidden()
        if after is self.scope and not judged and not hidden:
            return
        old = by_id(self.scope.statuses) if self.scope else {}
        if self.snapshot.changes is not None:
            yield from self._moved(self._stream(old), old, [])
        elif self._fresh(old):
            yield self._first(after)
            yield from self._moved(self._timed(judged), {}, [])
        elif after.strange and self.scope and not self.scope.strange:
            yield self._line({}, old, [], strange=True)
        else:
            yield from self._moved(self._changed(old, judged), old, self._gone(old), hidden)

    def _below(self, things: Iterable[str]) -> list[str]:
        """The ids of those of these things that are of this kind."""
        start = f"{self.key}/"
        return [thing[len(start) :] for thing in things if thing.startswith(start)]

    def _hidden(self) -> list[str]:
        """The ids that a part of a listing does not show, of what is bad or being counted."""
        shown = self.snapshot
        if shown.complete or shown.changes is not None or self.scope is None:
            return []
        found = [one for one in self._below(self.closer.counted) if one not in shown.statuses]
        known = by_id(self.scope.statuses) if found else {}
        return sorted(one for one in found if one in known)

    def _fresh(self, old: Mapping[str, str]) -> bool:
        """Whether this was a first look, or one at another database."""
        if self.scope is None:
            return self.closer.first_run != "alert"
        new = old and old.keys().isdisjoint(self.snapshot.statuses)
        return bool(self.scope.strange and self.snapshot.complete and new)

    def _first(self, after: Scope) -> record.First:
        for name, status in self.snapshot.statuses.items():
            if not self.kind.finite and self._health(status) in BAD:
                self._keep(self.snapshot.rows[name], None)
        return record.First(
            source=self.look.source,
            kind=self.kind.name,
            scope=self.snapshot.scope,
            counts={status: len(ids) for status, ids in after.statuses.items()},
            newest=after.newest,
            reset=self.scope is not None,
        )

    def _timed(self, judged: Iterable[str]) -> dict[str, str]:
        """id -> status of what a first look begins to time: it is named, not only counted."""
        kept, statuses = {one.thing.id for one in self.seen}, self.snapshot.statuses
        return {name: statuses[name] for name in judged if name in statuses and name not in kept}

    def _stream(self, old: Mapping[str, str]) -> dict[str, str]:
        """What a stream said in a word; what was more than that is kept in its order."""
        statuses, words, whole = dict(old), dict[str, str](), set[str]()
        for shown in self.snapshot.changes or ():
            if shown.id in whole or shown.health in WHOLE or self._troubled(shown.id):
                whole.add(shown.id)
                self._keep(shown, statuses.get(shown.id))
            elif statuses.get(shown.id) != shown.status:
                words[shown.id] = shown.status
            statuses[shown.id] = shown.status
        return words

    def _changed(self, old: Mapping[str, str], judged: Iterable[str]) -> dict[str, str]:
        """id -> status of what changed and is no more than that; the rest is kept whole."""
        statuses, words = self.snapshot.statuses, {}
        changed = [name for name, status in statuses.items() if old.get(name) != status]
        for name in dict.fromkeys((*changed, *(name for name in judged if name in statuses))):
            if self._health(statuses[name]) in WHOLE or self._troubled(name):
                self._keep(self.snapshot.rows[name], old.get(name))
            elif old.get(name) != statuses[name]:
                words[name] = statuses[name]
        return words

    def _troubled(self, name: str) -> bool:
        return f"{self.key}/{name}" in self.closer.troubled

    def _gone(self, old: Mapping[str, str]) -> list[str]:
        """The ids that are not listed any more, where that means anything."""
        absent = self.scope.absent if self.scope else {}
        return [
            name
            for name, status in old.items()
            if name not in self.snapshot.statuses
            and name not in absent
            and status != "missing"
            and (
                self.snapshot.complete or (self.snapshot.paged and has_ended(self._health(status)))
            )
        ]

    def _health(self, status: str) -> str:
        return self.look.classify(self.kind.name, status)[0]

    def _moved(
        self,
        words: Mapping[str, str],
        old: Mapping[str, str],
        gone: list[str],
        hidden: Iterable[str] = (),
    ) -> Iterator[record.Moved]:
        if words or gone or hidden:
            yield self._line(words, old, gone, hidden)

    def _line(
        self,
        words: Mapping[str, str],
        old: Mapping[str, str],
        gone: list[str],
        hidden: Iterable[str] = (),
        *,
        strange: bool = False,
    ) -> record.Moved:
        return record.Moved(
            source=self.look.source,
            kind=self.kind.name,
            scope=self.snapshot.scope,
            now=by_status(words),
            before=by_status({name: old[name] for name in (*words, *gone) if name in old}),
            gone=gone,
            hidden=list(hidden),
            floor=self.known.floor,
            newest=self.scope.newest if self.scope else None,
            strange=strange,
        )

    def _keep(self, seen: Observation, before: str | None) -> None:
        but = self.closer.but(self.look, self.kind, seen, before)
        self.seen.append(
            record.Seen(
                source=self.look.source,
                scope=self.snapshot.scope,
                before=before,
                thing=short(seen),
                since=self.snapshot.at,
                but=but,
            )
        )
