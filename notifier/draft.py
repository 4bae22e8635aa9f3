"""A state in the making: cheap to begin, and identical to the old one where nothing changed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Literal

from msgspec.structs import replace

from notifier.model import (
    ENDED,
    Event,
    EventType,
    Family,
    Frozen,
    Health,
    Incident,
    Kind,
    Observation,
    Severity,
    Snapshot,
    State,
    Things,
    Unreadable,
    Watch,
)


class Look(Frozen, frozen=True, kw_only=True):
    """All that one run saw of one source, and how its words are read today.

    `families` are those that were asked for. `ignored` says whether a thing is never a problem.
    """

    source: str
    kinds: Mapping[str, Kind]
    classify: Callable[[str, str], tuple[Health, Severity]]
    families: frozenset[Family]
    results: tuple[Snapshot | Unreadable, ...]
    ignore: Sequence[Mapping[str, str | list[str]]] = ()

    def ignored(self, observation: Observation) -> bool:
        """Whether one of the patterns fits it whole."""
        return any(
            all(fits(str(getattr(observation, key, "")), want) for key, want in pattern.items())
            for pattern in self.ignore
        )


def fits(value: str, want: str | list[str]) -> bool:
    """Whether a value is one of the exact texts or globs."""
    return any(fnmatchcase(value, each) for each in ([want] if isinstance(want, str) else want))


class Draft:
    """Working copies of what diff changes, and the numbers that new handles and ids come from."""

    def __init__(self, state: State, now: datetime) -> None:
        self.state = state
        self.now = now
        self.counter = state.counter
        self.things: dict[str, Things] = dict(state.things)
        self.watched: dict[str, Watch] = dict(state.watched)
        self.incidents: dict[str, Incident] = dict(state.incidents)
        self.events: list[Event] = []
        self.open: dict[str, str] = {
            incident.thing: handle
            for handle, incident in state.incidents.items()
            if incident.ended is None
        }

    def done(self) -> State:
        """The new state without the new events; equal to the old one when nothing changed."""
        return replace(
            self.state,
            counter=self.counter,
            things=self.things,
            watched=self.watched,
            incidents=self.incidents,
        )

    def number(self) -> int:
        """The next number of the counter, which never goes back."""
        self.counter += 1
        return self.counter

    def incident(self, thing: str) -> Incident | None:
        """The incident of `thing` that has not ended."""
        handle = self.open.get(thing)
        return self.incidents[handle] if handle else None

    def below(self, prefix: str) -> list[str]:
        """The things under `SOURCE/KIND/` that have an incident."""
        return [thing for thing in self.open if thing.startswith(prefix)]

    def say(
        self,
        kind: EventType,
        reason: str,
        thing: str,
        severity: Severity,
        *,
        incident: Incident | None = None,
        observation: Observation | None = None,
        before: str = "",
        text: str = "",
        covers: tuple[str, ...] = (),
        ends: bool = False,
    ) -> None:
        """Adds an event that was decided now."""
        self.events.append(
            Event(
                id=f"e{self.number()}",
                type=kind,
                at=self.now,
                reason=reason,
                thing=thing,
                severity=severity,
                incident=incident.handle if incident else "",
                observation=observation,
                before=before,
                opened=incident.opened if incident else None,
                text=text,
                covers=covers,
                ends=ends,
            )
        )

    def open_incident(
        self, thing: str, observation: Observation, *, finite: bool, since: datetime | None = None
    ) -> Incident:
        """Opens the incident of `thing`, without a word."""
        incident = Incident(
            handle=f"i-{self.number()}",
            thing=thing,
            observation=observation,
            finite=finite,
            severity=observation.severity,
            opened=since or self.now,
            changed=self.now,
        )
        self.incidents[incident.handle] = incident
        self.open[thing] = incident.handle
        self.watched.pop(thing, None)
        return incident

    def problem(
        self,
        thing: str,
        observation: Observation,
        *,
        finite: bool,
        before: str = "",
        since: datetime | None = None,
        reason: str | None = None,
    ) -> None:
        """Opens the incident of `thing` and says so."""
        incident = self.open_incident(thing, observation, finite=finite, since=since)
        self.say(
            "problem",
            reason or observation.health,
            thing,
            observation.severity,
            incident=incident,
            observation=observation,
            before=before,
        )

    def bad_again(self, incident: Incident, observation: Observation, reason: str) -> None:
        """An open incident grew worse, or the thing failed once more: news for everyone."""
        before = incident.observation.status
        worse = replace(
            incident,
            observation=observation,
            severity=observation.severity,
            changed=self.now,
            settled=None,
        )
        self.incidents[incident.handle] = worse
        self.say(
            "problem",
            reason,
            incident.thing,
            observation.severity,
            incident=worse,
            observation=observation,
            before=before,
        )

    def update(self, incident: Incident, observation: Observation) -> None:
        """What an open incident looks like now, without a word."""
        if incident.observation != observation:
            self.incidents[incident.handle] = replace(incident, observation=observation)

    def end(self, incident: Incident, observation: Observation | None, reason: str) -> None:
        """Ends an incident; whoever was told of it is owed a word."""
        self.incidents[incident.handle] = ended = replace(incident, ended=self.now)
        self.open.pop(incident.thing, None)
        self.say(
            "recovery",
            reason,
            incident.thing,
            incident.severity,
            incident=ended,
            observation=observation or incident.observation,
            before=incident.observation.status,
        )

    def end_silently(self, handle: str) -> None:
        """Ends an incident whose ending is told by a summary that covers it."""
        incident = self.incidents[handle]
        self.incidents[handle] = replace(incident, ended=self.now)
        self.open.pop(incident.thing, None)


def by_status(statuses: Mapping[str, str]) -> dict[str, list[str]]:
    """id -> status turned into the state's compact form, status -> ids."""
    grouped: dict[str, list[str]] = {}
    for name, status in statuses.items():
        grouped.setdefault(status, []).append(name)
    return grouped


def by_id(grouped: Mapping[str, list[str]]) -> dict[str, str]:
    """The state's compact form turned back into id -> status."""
    return {name: status for status, names in grouped.items() for name in names}


def worse(incident: Incident, observation: Observation) -> Literal["", "worse", "again"]:
    """Whether what is seen now is news on an open incident."""
    rank = {"info": 0, "warning": 1, "critical": 2}
    if rank[observation.severity] > rank[incident.severity]:
        return "worse"
    return "again" if observation.attempt != incident.observation.attempt else ""


def has_ended(health: str) -> bool:
    """Whether a finite thing of this health has ended, well or badly."""
    return health in ENDED
