"""A world in memory: what sources show, what channels answer, run after run, without I/O."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec.structs import replace

from notifier import record, settle
from notifier.chronicle import attempts, by_hand, entries
from notifier.compose import Outlook
from notifier.config import Config
from notifier.decision import Decision
from notifier.look import Look
from notifier.memory import State
from notifier.model import (
    Event,
    Health,
    Kind,
    Message,
    Observation,
    Receipt,
    Severity,
    Snapshot,
    Unreadable,
)
from notifier.people import People
from notifier.route import swept
from notifier.run import decide
from notifier.settings import ChannelSettings, Route, SourceSettings
from notifier.settle import settled

READER = msgspec.json.Decoder(State)
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KINDS = {
    "task": Kind("task", "tasks", finite=True, absence="reset"),
    "node": Kind("node", "nodes", finite=False, absence="reset"),
    "job": Kind("job", "tasks", finite=False, absence="nothing", confirm=2, attempts=True),
    "machine": Kind("machine", "nodes", finite=False, absence="down"),
    "host": Kind("host", "nodes", finite=False),
    "build": Kind("build", "tasks", finite=True, absence="nothing", attempts=True),
}
HEALTHS: dict[str, Health] = {
    "completed": "ok", "running": "active", "pending": "active", "failed": "failed",
    "lost": "failed", "killed": "failed", "cancelled": "cancelled",
    "online": "ok", "offline": "down", "slow": "degraded",
    # a word of two kinds
    "task halted": "failed", "node halted": "ok",
}  # fmt: skip


def classify(kind: str, status: str) -> tuple[Health, Severity]:
    health = HEALTHS.get(f"{kind} {status}", HEALTHS.get(status, "unknown"))
    if status in ("killed", "slow"):
        return health, "warning"
    return health, "critical" if health in ("failed", "down") else "info"


def thing(kind: str, ident: str, status: str, **more: object) -> Observation:
    health, severity = classify(kind, status)
    values = {"kind": kind, "id": ident, "name": ident, "status": status} | {
        "health": health, "severity": severity, **more,
    }  # fmt: skip
    return Observation(**values)


def listing(
    kind: str,
    things: Mapping[str, str | Observation],
    *,
    complete: bool = True,
    scope: str = "",
    paged: bool = False,
) -> Snapshot:
    """A snapshot of `{id: status}` or `{id: Observation}`."""
    rows = {
        ident: one if isinstance(one, Observation) else thing(kind, ident, one)
        for ident, one in things.items()
    }
    statuses = {ident: row.status for ident, row in rows.items()}
    return Snapshot(
        kind=kind, scope=scope, statuses=statuses, rows=rows, complete=complete, paged=paged
    )


def config(
    channels: Sequence[str] = ("ops",), routes: Sequence[Route] = (), **more: object
) -> Config:
    values = {
        "path": Path("/nowhere/config.toml"),
        "state_path": Path("/nowhere/state.json"),
        "sources": {"river": SourceSettings(type="hakuriver")},
        "channels": {name: ChannelSettings(webhook="http://h/") for name in channels},
        "routes": tuple(routes),
        **more,
    }
    return Config(**values)


class Killed(BaseException):
    """A run ended between two of its steps."""


class World:
    """Runs the pure line again and again; `answers[row]` decides what a channel says."""

    def __init__(self, setting: Config | None = None) -> None:
        self.config = setting or config()
        self.state = State(id="n0")
        self.now = NOON
        self.answers: dict[str, Callable[[Message], Receipt | None]] = {}
        self.sent: list[tuple[str, Message, list[Event]]] = []
        self.times: list[datetime] = []
        # every attempt that was committed, whatever became of it
        self.attempted: list[tuple[Message, list[Event]]] = []
        self.risked: list[tuple[str, list[Event]]] = []
        # whether a message of unknown fate really arrived
        self.arrives = True
        self.news: list[Event] = []
        self.people = People()
        # what the spool brings to a run, and what was set aside of it
        self.pushed: list[Look] = []
        self.aside: dict[str, str] = {}
        # rows of services that keep incidents under keys of their own
        self.keyed: frozenset[str] = frozenset()
        self.stuck_after: dict[str, float] = {}
        # whether some route wants every change
        self.changes = False
        self.ignore: list[dict[str, str | list[str]]] = []
        # what stands in the journal; which generation of the state this is; the last look
        self.lines: list[record.Entry] = []
        self.generation = 0
        self.looked: datetime | None = None

    def later(self, **span: float) -> "World":
        self.now += timedelta(**span)
        return self

    def run(
        self,
        *results: Snapshot | Unreadable,
        source: str = "river",
        origin: str = "current",
        kill: int = 1 << 30,
    ) -> list[Event]:
        """One run that saw this. Returns its new events; what arrived is in `sent`.

        With `kill` the run ends at its n-th point between two commits and sends, as if killed.
        """
        self.news = []
        points = itertools.count()

        def point() -> None:
            if next(points) == kill:
                raise Killed

        self.due: list[Message] = []
        try:
            self._run(results, source, origin, point)
        except Killed:
            # nobody can know whether they were sent
            self.risked += [
                (one.channel, [self.state.events[name] for name in one.events])
                for one in settle.in_flight(self.state)
            ]
        return self.news

    def _run(
        self,
        results: Sequence[Snapshot | Unreadable],
        source: str,
        origin: str,
        point: Callable[[], None],
    ) -> None:
        state = settle.found_attempting(self.state, self.now)
        looks = [*([self._look(results, source)] if results else []), *self.pushed]
        families = {f"{source}/{name}": kind.family for name, kind in KINDS.items()}
        state, due, told = decide(
            self.config,
            state,
            looks,
            people=self.people,
            origin=origin,
            aside=self.aside,
            families=families,
            keyed=self.keyed,
            now=self.now,
        )
        self.decision = decision = Decision(
            before=self.state, after=state, looks=looks, told=told, due=due, people=self.people,
            config=self.config, families=families, origin=origin, previous=self.looked,
            now=self.now,
        )  # fmt: skip
        noted = entries(decision, str(self.generation))
        self.lines += noted
        point()
        self.looked = self.now
        self.generation += state != self.state
        if len(state.events) < 500:
            # the next run can read what this one leaves; of much it would take long
            READER.decode(msgspec.json.encode(state))
        self.state = state
        self.news = list(told.values())
        self.due = due
        self.attempted += [(one, [state.events[name] for name in one.events]) for one in due]
        stopped: set[str] = set()
        untried: list[str] = []
        for message in due:
            point()
            mine = self.state.messages.get(message.key)
            if message.channel in stopped or mine is None or mine.state != "attempting":
                untried.append(message.key)
                self.state = settle.unattempted(self.state, [message.key])
                continue
            events = [self.state.events[name] for name in message.events]
            answer = self.answers.get(message.channel, _accepted)(message)
            if answer is None:
                stopped.add(message.channel)
                continue
            if answer.outcome == "delivered" or (answer.outcome == "unknown" and self.arrives):
                self.sent.append((message.channel, message, events))
                self.times.append(self.now)
            self.risked.append((message.channel, events))
            point()
            after = swept(settled(self.state, answer, self.now), self.now)
            self.lines += attempts([answer], self.state, after, self.now)
            point()
            self.generation += 1
            self.state = after
        if noted or due:
            self.lines.append(record.Done(untried=untried))

    def acted(self, before: State, did: record.Person) -> None:
        """Notes what a person did to the state, as it was and is."""
        did = replace(did, base=str(self.generation))
        self.lines += [did, *by_hand(before, self.state)]
        self.generation += 1

    def _look(self, results: Sequence[Snapshot | Unreadable], source: str) -> Look:
        return Look(
            source=source,
            kinds=KINDS,
            classify=classify,
            families=frozenset(
                KINDS[one.kind].family if isinstance(one, Snapshot) else one.family
                for one in results
            ),
            results=tuple(results),
            ignore=self.ignore,
            stuck_after=self.stuck_after,
            changes=self.changes,
        )

    def outlook(self) -> Outlook:
        """Why what waits is not due now."""
        return Outlook(self.state, self.config, self.people, {}, self.now)

    def heard(self, row: str = "ops") -> list[str]:
        """`type:thing` of everything that reached a row, in order, and forgets it."""
        found = [
            f"{event.type}:{event.thing}"
            for channel, _, events in self.sent
            if channel == row
            for event in events
        ]
        self.sent = [one for one in self.sent if one[0] != row]
        return found


def _accepted(message: Message) -> Receipt:
    return Receipt(key=message.key, outcome="delivered")


def refuses(reason: str = "http 503", **more: object) -> Callable[[Message], Receipt]:
    """A channel that certainly did not take the message."""
    return lambda message: Receipt(
        **{"key": message.key, "outcome": "retry", "reason": reason, **more}
    )


def doubtful(message: Message) -> Receipt:
    """A channel that may have taken the message."""
    return Receipt(key=message.key, outcome="unknown", reason="no answer")
