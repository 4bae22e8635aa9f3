"""The words of Notifier as frozen values: what is seen, what is wrong, what is said.

Nothing here does I/O or asks the time. Every time is an aware UTC datetime. A *thing* is
written `SOURCE/KIND/ID` (`river/node/gpu-07`); inside a source it is `KIND/ID`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec

# an aware time; a naive one in a file is refused
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Family = Literal["tasks", "nodes"]
Absence = Literal["reset", "down", "nothing"]
Health = Literal["ok", "active", "failed", "cancelled", "degraded", "down", "missing", "unknown"]
Severity = Literal["critical", "warning", "info"]
EventType = Literal[
    "problem", "recovery", "reminder", "change", "flapping_start", "flapping_end", "summary"
]
Outcome = Literal["delivered", "retry", "unknown", "parked"]

BAD: frozenset[str] = frozenset({"failed", "degraded", "down", "missing"})
ENDED: frozenset[str] = frozenset({"ok", "failed", "cancelled"})
RANK: Mapping[str, int] = {"info": 0, "warning": 1, "critical": 2}


def number(name: str) -> int:
    """The counter in an event id, a handle or a key: what things are ordered by."""
    return int(name.rsplit("-", 1)[-1].strip("eip"))


class Frozen(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of all values: cannot be changed, leaves defaults out of its JSON."""


class Kind(Frozen, frozen=True):
    """What a source says of one of its kinds.

    `finite` things end (a task, a build); others stand (a node, a job). `absence` is what it
    means that a complete listing lacks a thing: `reset` (rows are never removed there, so a
    listing that shares nothing with memory is another database), `down`, or `nothing`.
    `confirm` is how many bad looks in a row make a problem of a standing thing. `attempts`:
    observations of this kind carry an `attempt`, so a known failure is looked at again.
    """

    name: str
    family: Family
    finite: bool
    absence: Absence = "nothing"
    confirm: int = 1
    attempts: bool = False


class Observation(Frozen, frozen=True, kw_only=True):
    """One thing as seen in one look. All text is clean: no control characters, no secrets.

    `status` is the source's own word. `attempt` is opaque: where it differs and the thing is
    bad again, it failed again. `order` (seconds since 1970) rises with the thing's age in the
    source's own order (submit time, stop time). `part_of` is `KIND/ID` in the same source: the
    node, job or failed build this belongs to. `says` is what became of a failed thing in the
    source's own words, to stand behind its name: `ended: 3 of 41 tests failed: a, b, c`.
    `log` is the end of its log, where that was fetched.
    `since`: from when on a standing thing is as it is now, where the source knows that better
    than the look that found it.
    """

    kind: str
    id: str
    name: str
    status: str
    health: Health
    severity: Severity = "info"
    attempt: str = ""
    node: str = ""
    owner: str = ""
    group: str = ""
    part_of: str = ""
    message: str = ""
    says: str = ""
    command: str = ""
    submitted: Moment | None = None
    started: Moment | None = None
    ended: Moment | None = None
    last_seen: Moment | None = None
    since: Moment | None = None
    order: float | None = None
    link: str = ""
    labels: dict[str, str] = {}
    log: str = ""


class Snapshot(Frozen, frozen=True, kw_only=True):
    """All that one look saw of one (kind, scope).

    A listing has `statuses` (id -> raw status, every row) and `rows`, which may be lazy: diff
    asks it only for the ids it has a question about. Only in a `complete` listing absence means
    anything; from one that is `paged`, a window on a longer list, what had ended drops out.
    `reset` says that it comes from another database than all before. A stream has `changes`
    instead: observations in order, absence means nothing. Changes that are `past` happened before
    anybody looked: they are learned, as those of a first listing are. In both, `gone` are ids that
    the source knows to have left for good.
    `order` tells an id's `Observation.order` without its row, where an id shows it. `notes` are
    odd rows and limits, one line each, for the person at the terminal; `remarks` are sentences
    for everybody, said once: what a look knows to have missed. `at` is when it was seen, where
    that was before this run.
    """

    kind: str
    scope: str = ""
    statuses: Mapping[str, str] = {}
    rows: Mapping[str, Observation] = {}
    order: Callable[[str], float | None] | None = None
    complete: bool = True
    paged: bool = False
    reset: bool = False
    changes: tuple[Observation, ...] | None = None
    past: bool = False
    gone: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    at: Moment | None = None
    remarks: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it says something of all that is known: in a stream, that nothing is new."""
        return self.complete or self.changes is not None


UnreadableWhy = Literal["unreachable", "slow", "tls", "refused", "sick"]


class Unreadable(Frozen, frozen=True, kw_only=True):
    """A look that failed: could not look is a type, never an empty listing.

    `unreachable` and `tls` are the whole source's; `slow`, `refused` and `sick` belong to the
    family (and scope) that was asked for: where the list of tasks is too slow, the nodes may
    well be fast. `reason` is one clean line without secrets.
    """

    family: Family
    why: UnreadableWhy
    reason: str
    scope: str = ""
    # seconds the failed look took; a slow one earns a pause
    took: float = 0.0


SOURCE_WIDE: frozenset[str] = frozenset({"unreachable", "tls"})


class Planned(Frozen, frozen=True):
    """One channel's row in an incident's plan: through which route, when told, by which message.

    `told` is when the problem was accepted (last), `last` when anything about it was, and
    `reminders` how many of these were reminders since then. `ending`: the end is owed to it,
    whatever the route says by then.
    """

    route: str = ""
    told: Moment | None = None
    by: str = ""
    last: Moment | None = None
    reminders: int = 0
    ending: bool = True


class Incident(Frozen, frozen=True, kw_only=True):
    """A thing's problem, from its opening to its ending.

    `settled` marks a finite failure that everyone planned for has heard of: a fact, not open,
    remembered for 30 days so that lost -> completed still gets its ending. `ended` is set while
    endings wait in the outbox; after them the incident leaves the state. `stuck`: a finite thing
    that stays in one status too long. `flapping` since when; the incident then stays open.
    """

    handle: str
    thing: str
    observation: Observation
    finite: bool
    severity: Severity
    opened: Moment
    changed: Moment
    settled: Moment | None = None
    ended: Moment | None = None
    stuck: bool = False
    flapping: Moment | None = None
    plan: dict[str, Planned] = {}


class Due(Frozen, frozen=True):
    """An event that waits for one channel: by which route, from when, and how it fared so far.

    `key` is the message it is frozen in, while there is one. `failures` counts certain ones.
    """

    route: str
    at: Moment
    failures: int = 0
    key: str = ""

    def undecided(self, event: "Event") -> bool:
        """Whether it has yet to be seen that an escalation is needed: still open, in nobody's hand.

        From then on it is due from the event's own time.
        """
        return self.at > event.at


class Event(Frozen, frozen=True, kw_only=True):
    """One thing to say. `reason` names why it is said; `to` are the channels that still wait.

    For a recovery `opened` is when the problem began. A summary has `text` in place of an
    observation and `covers`, the incidents that it tells.
    """

    id: str
    type: EventType
    at: Moment
    reason: str
    thing: str
    severity: Severity
    observation: Observation | None = None
    incident: str = ""
    before: str = ""
    opened: Moment | None = None
    text: str = ""
    covers: tuple[str, ...] = ()
    to: dict[str, Due] = {}

    @property
    def source(self) -> str:
        """The name of the source, the first part of the thing."""
        return self.thing.split("/", 1)[0]

    @property
    def over(self) -> bool:
        """Whether this is an ending: the thing is well, gone, or watched no longer."""
        well = self.observation is not None and self.observation.health not in BAD
        return self.type == "recovery" or (self.type == "flapping_end" and well)

    @property
    def incidents(self) -> tuple[str, ...]:
        """The handles of all incidents that this is about."""
        return (self.incident, *self.covers) if self.incident else self.covers

    @property
    def part_of(self) -> str:
        """The full name of what this belongs to, or nothing."""
        part = self.observation.part_of if self.observation else ""
        return f"{self.source}/{part}" if part else ""


class Message(Frozen, frozen=True, kw_only=True):
    """What one attempt sends: a frozen list of events, under one key, rendered as of `at`.

    `attempting` is written before anything is sent. `unknown`: it may have arrived, and will be
    repeated with the same events and key. `parked`: a person has to look.
    """

    key: str
    channel: str
    route: str
    events: tuple[str, ...]
    at: Moment
    state: Literal["attempting", "unknown", "parked"] = "attempting"
    tries: int = 1
    unknowns: int = 0
    plain: bool = False
    reason: str = ""


class Receipt(Frozen, frozen=True, kw_only=True):
    """How an attempt ended. `reason` is of a fixed vocabulary plus a code: it holds no secret.

    `retry` and `parked` are certain: nothing arrived. `blame` says whether the content or the
    channel (auth, not found, TLS) is at fault. `retry_after` is in seconds.
    """

    key: str
    outcome: Outcome
    reason: str = ""
    blame: Literal["", "content", "channel"] = ""
    retry_after: float | None = None
