"""Pure: the journal read as stories: what became of every event on every row, and of a thing."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from notifier import record
from notifier.memory import State
from notifier.model import Event as Said
from notifier.model import Frozen, Moment, Observation

# what became of an event on a row in the end
End = Literal[
    "told", "perhaps", "under way", "waits", "refused", "parked", "unspoken", "dropped", "nothing"
]
Happened = Literal[
    "addressed", "waits", "composed", "repeated", "delivered", "retry", "unknown", "parked",
    "interrupted", "untried", "unspoken", "dropped",
]  # fmt: skip


class Step(Frozen, frozen=True, omit_defaults=False):
    """One thing that happened to an event on a row. `why` is a reason, or the route's name.

    `into` names the line of a message that it rides in, when that is not its own.
    """

    at: Moment
    what: Happened
    why: str = ""
    key: str = ""
    into: str = ""


class Chapter(msgspec.Struct, kw_only=True):
    """One event, and what happened to it on each row."""

    at: datetime
    line: record.Event
    observation: Observation | None
    rows: dict[str, list[Step]] = {}


class Post(msgspec.Struct, kw_only=True):
    """One message: when it was composed, and how its attempts ended."""

    at: datetime
    line: record.Composed
    steps: list[Step] = []


class Sight(Frozen, frozen=True, omit_defaults=False):
    """A thing as it was seen at one time. `but` says why that was no news."""

    at: Moment
    status: str
    before: str | None = None
    but: str = ""
    # `seen`, `gone` (from the listing), `first` (a first look)
    how: str = "seen"


class Life(Frozen, frozen=True, omit_defaults=False):
    """What became of an incident at a time, other than by an event: opened, ended, settled."""

    at: Moment
    what: str


class Story:
    """Everything that the journal tells, by what it is about."""

    def __init__(self, groups: Iterable[Sequence[record.Entry]]) -> None:
        self.events: dict[str, Chapter] = {}
        self.messages: dict[str, Post] = {}
        self.incidents: dict[str, list[Life]] = {}
        # handle -> thing
        self.of: dict[str, str] = {}
        self.sights: dict[str, list[Sight]] = {}
        self.first: list[tuple[datetime, record.First]] = []
        self.unread: list[tuple[datetime, record.Unread]] = []
        self.by_hand: list[record.Person] = []
        # as they were last seen in force
        self.silences: dict[str, str] = {}
        self.begun: datetime | None = None
        self._seen: dict[str, Observation] = {}
        self.at = datetime.min.replace(tzinfo=UTC)
        for group in groups:
            self._group(group)

    def _group(self, group: Sequence[record.Entry]) -> None:
        head = group[0]
        if isinstance(head, record.Begun):
            self.begun = self.begun or head.at
            self.carry(head.carried)
        self.at = getattr(head, "at", self.at)
        # what was seen stands last, as the part that may best be cut, and comes first in time
        for line in sorted(group, key=lambda one: not isinstance(one, record.Seen)):
            note = _NOTES.get(type(line))
            if note:
                note(self, line)

    # ---- the lines, one by one ------------------------------------------------------------

    def run(self, line: record.Run) -> None:
        """People's decisions that were in force."""
        for name, one in line.silences.items():
            self.silences[name] = f"{one.author}: {one.comment}"

    def seen(self, line: record.Seen) -> None:
        """A thing that was kept whole."""
        thing = f"{line.source}/{line.thing.kind}/{line.thing.id}"
        self._seen[thing] = line.thing
        sight = Sight(self.at, line.thing.status, line.before, line.but)
        self.sights.setdefault(thing, []).append(sight)

    def moved(self, line: record.Moved) -> None:
        """Things that were no more than a status."""
        start = f"{line.source}/{line.kind}/"
        before = {name: status for status, ids in line.before.items() for name in ids}
        for status, ids in line.now.items():
            for name in ids:
                sight = Sight(self.at, status, before.get(name))
                self.sights.setdefault(start + name, []).append(sight)
        for name in line.gone:
            sight = Sight(self.at, before.get(name, ""), before.get(name), how="gone")
            self.sights.setdefault(start + name, []).append(sight)

    def looked(self, line: record.First) -> None:
        """A first look."""
        self.first.append((self.at, line))

    def failed(self, line: record.Unread) -> None:
        """What could not be read."""
        self.unread.append((self.at, line))

    def event(self, line: record.Event) -> None:
        """Something to say, to some rows."""
        if line.incident:
            self.of[line.incident] = line.thing
        seen = line.observation or self._seen.get(line.thing)
        chapter = Chapter(at=self.at, line=line, observation=seen)
        for row, route in line.to.items():
            chapter.rows[row] = [Step(self.at, "addressed", route)]
        self.events[line.event] = chapter

    def lives(self, line: record.Entry) -> None:
        """Incidents that opened, ended, settled or were forgotten without an event."""
        if isinstance(line, record.Opened):
            self.of |= line.incidents
        what = str(line.__struct_config__.tag)
        for handle in getattr(line, "incidents", ()):
            self.incidents.setdefault(handle, []).append(Life(self.at, what))

    def waits(self, line: record.Waits) -> None:
        """Events that wait."""
        self._all(line.events, line.row, Step(self.at, "waits", line.why))

    def unspoken(self, line: record.Unspoken) -> None:
        """Events that nobody on a row will hear of."""
        self._all(line.events, line.row, Step(self.at, "unspoken", line.why))

    def composed(self, line: record.Composed) -> None:
        """A message."""
        step = Step(self.at, "composed", line.route, line.key)
        self.messages[line.key] = Post(at=self.at, line=line, steps=[step])
        inside = {name: one.into for one in line.folded for name in one.events}
        for name in line.events:
            into = inside.get(name, "")
            self._all([name], line.row, Step(self.at, "composed", line.route, line.key, into))

    def _tried(self, key: str, step: Step) -> None:
        post = self.messages.get(key)
        if post is not None:
            post.steps.append(step)
            self._all(post.line.events, post.line.row, step)

    def repeated(self, line: record.Repeated) -> None:
        """A message once more."""
        self._tried(line.key, Step(self.at, "repeated", f"attempt {line.tries}", line.key))

    def interrupted(self, line: record.Interrupted) -> None:
        """A message that a run died over."""
        self._tried(line.key, Step(self.at, "interrupted", "the run was ended", line.key))

    def attempt(self, line: record.Attempt) -> None:
        """How an attempt ended."""
        # where the channel is at fault, its messages dissolve and their events wait
        parked = line.outcome == "parked" and line.blame != "content"
        what: Happened = "retry" if parked else line.outcome
        self._tried(line.key, Step(line.at, what, line.reason, line.key))

    def done(self, line: record.Done) -> None:
        """What was not tried."""
        for key in line.untried:
            self._tried(key, Step(self.at, "untried", "", key))

    def person(self, line: record.Person) -> None:
        """What somebody did: a drop ends what waits there."""
        self.by_hand.append(line)
        if line.did != "drop":
            return
        for name, chapter in self.events.items():
            for row, steps in chapter.rows.items():
                there = not line.of or line.of in (row, row.split("/", 1)[0])
                meant = not line.ids or name in line.ids or steps[-1].key in line.ids
                if there and meant and end_of(steps) not in ("told", "unspoken", "dropped"):
                    steps.append(Step(line.at, "dropped", "outbox drop"))

    def _all(self, names: Iterable[str], row: str, step: Step) -> None:
        for name in names:
            if name in self.events:
                self.events[name].rows.setdefault(row, []).append(step)

    # ---- what is asked --------------------------------------------------------------------

    def about(self, things: Iterable[str]) -> list[Chapter]:
        """The events of these things, and the summaries that cover their incidents, in order."""
        wanted = set(things)
        handles = {handle for handle, thing in self.of.items() if thing in wanted}
        return [
            one
            for one in self.events.values()
            if one.line.thing in wanted or handles.intersection(one.line.covers)
        ]

    def last_seen(self, thing: str) -> Observation | None:
        """A thing as it was last seen whole."""
        return self._seen.get(thing)

    def things(self) -> set[str]:
        """Every thing that the journal knows by name."""
        found = {one.line.thing for one in self.events.values()}
        return found | self.sights.keys() | set(self.of.values())

    def carry(self, state: State) -> None:
        """Adds what the state has and the journal has lost: events that wait, open incidents."""
        for name, event in state.events.items():
            if name not in self.events:
                self.events[name] = Chapter(
                    at=event.at, line=_line(event), observation=event.observation,
                    rows={row: [Step(event.at, "addressed", due.route)]
                          for row, due in event.to.items()},
                )  # fmt: skip
        self.of |= {handle: one.thing for handle, one in state.incidents.items()}


def _line(event: Said) -> record.Event:
    return record.Event(
        event=event.id, type=event.type, reason=event.reason, thing=event.thing,
        severity=event.severity, incident=event.incident, before=event.before,
        opened=event.opened, text=event.text, covers=event.covers,
        to={row: due.route for row, due in event.to.items()},
    )  # fmt: skip


_NOTES: dict[type, Any] = {
    record.Run: Story.run, record.Seen: Story.seen, record.Moved: Story.moved,
    record.First: Story.looked, record.Unread: Story.failed, record.Event: Story.event,
    record.Opened: Story.lives, record.Ended: Story.lives, record.Settled: Story.lives,
    record.Forgotten: Story.lives, record.Waits: Story.waits, record.Unspoken: Story.unspoken,
    record.Composed: Story.composed, record.Repeated: Story.repeated,
    record.Interrupted: Story.interrupted, record.Attempt: Story.attempt,
    record.Done: Story.done, record.Person: Story.person,
}  # fmt: skip
_ENDS: Mapping[str, End] = {
    "addressed": "under way", "waits": "waits", "composed": "under way", "repeated": "under way",
    "delivered": "told", "retry": "refused", "unknown": "perhaps", "parked": "parked",
    "interrupted": "perhaps", "untried": "waits", "unspoken": "unspoken", "dropped": "dropped",
}  # fmt: skip


# with an attempt of unknown fate before it, each of these may have been heard
_DOUBTED = ("waits", "refused", "parked", "under way", "dropped")


def end_of(steps: Sequence[Step]) -> End:
    """What became of it: told, when any attempt was accepted; else by the last that happened."""
    if any(one.what == "delivered" for one in steps):
        return "told"
    last = _ENDS[steps[-1].what] if steps else "nothing"
    doubtful = any(one.what in ("unknown", "interrupted") for one in steps)
    return "perhaps" if doubtful and last in _DOUBTED else last


def told(chapter: Chapter, row: str) -> bool:
    """Whether a row heard of it, as far as anybody can know."""
    return end_of(chapter.rows.get(row, [])) in ("told", "perhaps")
