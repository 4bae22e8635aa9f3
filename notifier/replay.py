"""Pure: the runs of a journal once more, by any configuration: who would have been told what.

The clock is the journal's. Where nothing was noted, looks that found everything as it was are
assumed in the pace of the look before the next noted run; so reminders and windows come in time.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from notifier import outbox, record, route, settle
from notifier.config import Config
from notifier.look import Look
from notifier.memory import State
from notifier.model import Event, Frozen, Message, Receipt
from notifier.people import People
from notifier.rebuilt import Memory, Reader
from notifier.run import decide

# looks that are assumed between two noted runs, at most
BETWEEN = 2000
SLOWEST = timedelta(minutes=1)
Answer = Literal["delivered", "retry", "unknown", "parked", "untried", "cut"]


class Sent(Frozen, frozen=True, kw_only=True):
    """One attempt: the message as it was composed, with its events, and how it ended."""

    at: datetime
    message: Message
    events: tuple[Event, ...]
    outcome: Answer


class Replay:
    """A life of its own: a state that nothing is written to, and what was sent in it."""

    def __init__(
        self,
        config: Config,
        reader: Reader,
        families: Mapping[str, str],
        *,
        keyed: frozenset[str] = frozenset(),
        between: bool = True,
    ) -> None:
        self.config = config
        self.families = families
        self.keyed = keyed
        self.between = between
        self.memory = Memory(reader)
        self.state = State(id="replay")
        self.people = People()
        self.sent: list[Sent] = []
        self.news: list[Event] = []
        self._last: datetime | None = None

    def play(self, groups: Sequence[Sequence[record.Entry]]) -> "Replay":
        """All runs of the journal, from its first line on."""
        for number, group in enumerate(groups):
            head, after = group[0], groups[number + 1 :]
            if isinstance(head, record.Begun) and self.state.id != head.carried.id:
                self._begin(head.carried)
            elif isinstance(head, record.Person):
                self._by_hand(head)
            elif isinstance(head, record.Run):
                self._noted(head, group, _Answers(group, _next(after)))
        return self

    def look(self, at: datetime, looks: Sequence[Look]) -> None:
        """One look more, which nobody noted: every row accepts what is sent to it."""
        self.state = settle.found_attempting(self.state, at)
        self._step(at, looks, "current", None)

    def _begin(self, state: State) -> None:
        self.state = self.memory.begin(state)

    def _by_hand(self, did: record.Person) -> None:
        state, rows = self.state, self.config.destinations()
        if did.did == "retry":
            state = outbox.retry(state, did.of)
        elif did.did == "drop":
            state = outbox.tidied(outbox.drop(state, ids=did.ids, row=did.of), did.of, rows)
        elif did.did == "move" and did.to in {*rows, *self.config.channels}:
            state = outbox.move(state, did.of, self.config.rows_of(did.to))
            state = outbox.tidied(state, did.of, rows)
        elif did.did == "forget":
            state = outbox.forgotten(state, did.of, self.config, did.at)
            self.memory.forget(did.of)
        self.state = route.swept(state, did.at)

    def _noted(self, run: record.Run, group: Sequence[record.Entry], answers: "_Answers") -> None:
        if run.state != self.state.id:
            self._begin(State(id=run.state, counter=run.counter))
        if self.between and self._last and run.previous:
            self._quiet(self._last, run.previous, run.at - run.previous)
        self.people = People(silences=run.silences, acks=run.acks)
        self._last = run.at
        self.state = settle.found_attempting(self.state, run.at)
        self.state, looks = self.memory.run(self.state, run, group)
        self._step(run.at, looks, run.origin, answers)

    def _quiet(self, after: datetime, until: datetime, pace: timedelta) -> None:
        """Looks that found everything as it was, from the last one back to what was noted."""
        pace = max(pace, SLOWEST, (until - after) / BETWEEN)
        times = []
        while until > after:
            times.append(until)
            until -= pace
        for now in reversed(times):
            if self._idle():
                break
            self.look(now, self.memory.again())

    def _idle(self) -> bool:
        """Whether time alone changes nothing here."""
        stuck = any(getattr(one, "stuck_after", {}) for one in self.config.sources.values())
        standing = any(not (one.settled or one.ended) for one in self.state.incidents.values())
        return not (stuck or standing or self.state.events or self.state.watched)

    def _step(
        self, now: datetime, looks: Sequence[Look], origin: Any, answers: "_Answers | None"
    ) -> None:
        self.state, due, told = decide(
            self.config, self.state, looks, people=self.people, origin=origin,
            families=self.families, keyed=self.keyed, now=now,
        )  # fmt: skip
        self.news += told.values()
        events = self.state.events
        for message in due:
            answer = answers.next(message.channel) if answers else "delivered"
            mine = self.state.messages.get(message.key)
            if mine is None or mine.state != "attempting":
                answer = "untried"
            self.sent.append(
                Sent(
                    at=now, message=message,
                    outcome=answer.outcome if isinstance(answer, record.Attempt) else answer,
                    events=tuple(events[name] for name in message.events),
                )
            )  # fmt: skip
            self.state = _after(self.state, message.key, answer, now)

    @property
    def waiting(self) -> list[tuple[str, Event]]:
        """(row, event) of what waits at the end, oldest first."""
        return [(row, event) for event in self.state.events.values() for row in event.to]


class _Answers:
    """What the rows said in one run, in their order; a row that was not asked would have accepted.

    A message of unknown fate is one that the next run found under way.
    """

    def __init__(self, group: Sequence[record.Entry], later: Sequence[record.Entry] | None) -> None:
        ended = {line.key: line for line in group if isinstance(line, record.Attempt)}
        cut = {line.key for line in later or () if isinstance(line, record.Interrupted)}
        self._rows: dict[str, list[record.Attempt | Answer]] = {}
        for line in group:
            if isinstance(line, record.Composed | record.Repeated):
                rest: Answer = "cut" if line.key in cut or later is None else "untried"
                answer = rest if line.key in cut else ended.get(line.key, rest)
                self._rows.setdefault(line.row, []).append(answer)

    def next(self, row: str) -> record.Attempt | Answer:
        """What this row says to its next message."""
        known = self._rows.get(row)
        return known.pop(0) if known else "delivered"


def _next(after: Sequence[Sequence[record.Entry]]) -> Sequence[record.Entry] | None:
    return next((group for group in after if isinstance(group[0], record.Run)), None)


def _after(state: State, key: str, answer: record.Attempt | Answer, now: datetime) -> State:
    if answer == "untried":
        return settle.unattempted(state, [key])
    if answer == "cut":
        return state
    receipt = Receipt(key=key, outcome="delivered")
    if isinstance(answer, record.Attempt):
        now = answer.at
        receipt = Receipt(
            key=key, outcome=answer.outcome, reason=answer.reason,
            blame=answer.blame, retry_after=answer.retry_after,
        )  # fmt: skip
    return route.swept(settle.settled(state, receipt, now), now)
