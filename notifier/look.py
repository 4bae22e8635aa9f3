"""All that one run saw of one source, as diff takes it, and how it compares to memory."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from notifier.model import Family, Frozen, Health, Kind, Observation, Severity, Snapshot, Unreadable

# what is looked at in every run: things of our own
OURS = frozenset({"notifier/channel", "notifier/state"})


class Look(Frozen, frozen=True, kw_only=True):
    """All that one run saw of one source, and how its words are read today.

    `families` are those that were asked for. `ignored` says whether a thing is never a problem.
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

    @property
    def snapshots(self) -> list[Snapshot]:
        """The looks that did not fail."""
        return [result for result in self.results if isinstance(result, Snapshot)]

    def ignored(self, observation: Observation) -> bool:
        """Whether one of the patterns fits it whole."""
        return any(
            all(fits(str(getattr(observation, key, "")), want) for key, want in pattern.items())
            for pattern in self.ignore
        )


def read_in(looks: Iterable[Look]) -> frozenset[str]:
    """The SOURCE/KIND of which this run knows how they are."""
    seen = {f"{look.source}/{one.kind}" for look in looks for one in look.snapshots}
    return frozenset(seen | {f"{one.source}/source" for one in looks if not one.pushed} | OURS)


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
