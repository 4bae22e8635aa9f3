"""All that one run saw of one source, as diff takes it, and how it compares to memory."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from notifier.memory import Scope, Things
from notifier.model import (
    SOURCE_WIDE,
    Family,
    Frozen,
    Health,
    Kind,
    Observation,
    Severity,
    Snapshot,
    Unreadable,
)

# the source of what is looked at in every run: things of our own
OURS = "notifier"


class Look(Frozen, frozen=True, kw_only=True):
    """All that one run saw of one source, and how its words are read today.

    `families` are those that were asked for. `changes`: some route takes events of that type, so
    what changes and is no problem is news too. `ignored` says whether a thing is never a problem.
    What was `pushed` says nothing of the source itself.
    """

    source: str
    kinds: Mapping[str, Kind]
    classify: Callable[[str, str], tuple[Health, Severity]]
    families: frozenset[Family]
    results: tuple[Snapshot | Unreadable, ...]
    ignore: Sequence[Mapping[str, str | list[str]]] = ()
    stuck_after: Mapping[str, float] = {}
    pushed: bool = False
    changes: bool = False

    @property
    def snapshots(self) -> list[Snapshot]:
        """The looks that did not fail."""
        return [result for result in self.results if isinstance(result, Snapshot)]

    @property
    def parts(self) -> dict[str, tuple[str, str]]:
        """The source, its families and scopes that this says something of -> (how, reason).

        One cause, one part: nothing is said below a source that could not be reached, nor of a
        scope where its whole family could not be read.
        """
        if self.pushed or not self.results:
            return {}
        failed = [one for one in self.results if isinstance(one, Unreadable)]
        whole = {one.family for one in failed if not one.scope}
        wide = next((one for one in failed if one.why in SOURCE_WIDE), None)
        found: dict[str, tuple[str, str]] = {self.source: ("ok", "")}
        if wide and not self.snapshots:
            found = {self.source: (wide.why, wide.reason)}
            failed = [one for one in failed if one.why not in SOURCE_WIDE]
        for shown in self.snapshots:
            found[_part(self.kinds[shown.kind].family, shown.scope)] = ("ok", "")
        for one in failed:
            if not (one.scope and one.family in whole):
                found[_part(one.family, one.scope)] = (one.why, one.reason)
        return found

    def ignored(self, observation: Observation) -> bool:
        """Whether one of the patterns fits it whole."""
        return any(
            all(fits(str(getattr(observation, key, "")), want) for key, want in pattern.items())
            for pattern in self.ignore
        )


class Seen:
    """What a run really looked at, by full name: of all else it decides nothing.

    A thing was looked at when it was shown, or when all of the scope it is known in was.
    `things` is what is known after the looks.
    """

    def __init__(self, looks: Iterable[Look], things: Mapping[str, Things]) -> None:
        self._things = things
        self._shown: dict[str, list[Snapshot]] = {}
        self._sources: set[str] = set()
        self._known: dict[tuple[str, str], set[str]] = {}
        for look in looks:
            for shown in look.snapshots:
                self._shown.setdefault(f"{look.source}/{shown.kind}", []).append(shown)
            self._sources |= {f"{look.source}/source/{name}" for name in look.parts}

    def __contains__(self, thing: object) -> bool:
        source, kind, name = str(thing).split("/", 2)
        if source == OURS or thing in self._sources:
            return True
        return any(
            name in shown.statuses
            or (shown.whole and name in self._in(f"{source}/{kind}", shown.scope))
            for shown in self._shown.get(f"{source}/{kind}", ())
        )

    def _in(self, key: str, scope: str) -> set[str]:
        if (key, scope) not in self._known:
            known = self._things.get(key, Things()).scopes.get(scope)
            # of a listing that may be of another database nothing follows
            groups = known.statuses.values() if known and not known.strange else ()
            self._known[key, scope] = {name for names in groups for name in names}
        return self._known[key, scope]


def _part(family: str, scope: str) -> str:
    """A family or a scope of it, as a thing of its source."""
    return f"{family}/{scope}" if scope else family


def fits(value: str, want: str | list[str]) -> bool:
    """Whether a value is one of the exact texts or globs."""
    return any(fnmatchcase(value, each) for each in ([want] if isinstance(want, str) else want))


def by_status(statuses: Mapping[str, str]) -> dict[str, list[str]]:
    """id -> status turned into the state's compact form, status -> ids."""
    grouped: dict[str, list[str]] = {}
    for name, status in statuses.items():
        grouped.setdefault(status, []).append(name)
    return grouped


def by_id(grouped: Mapping[str, list[str]]) -> dict[str, str]:
    """The state's compact form turned back into id -> status."""
    return {name: status for status, names in grouped.items() for name in names}


def listed(scope: Scope) -> dict[str, str]:
    """id -> status of what the last listings had: neither missing nor absent."""
    return {
        name: status
        for name, status in by_id(scope.statuses).items()
        if status != "missing" and name not in scope.absent
    }
