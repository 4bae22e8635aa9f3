"""Pure: folds events into lines: a thing with what rides on it, or several things alike."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from notifier.escape import one_line
from notifier.model import RANK, Event, Frozen, Incident, Observation
from notifier.words import COMPLETED, GONE, UNSTUCK, Facts, back, counted, done, happened, state

FINITE = frozenset({"task", "build", "eval", "test", "vps"})
NAME = 80
# characters of what a source says became of a thing
SAID = 500


def short(name: str) -> str:
    """A name on one line, without what cannot be seen, and not too long for a sentence."""
    name = one_line(name[: 4 * NAME])
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"


class Line(Frozen, frozen=True, dict=True):
    """All events of one thing in this message, in order."""

    events: tuple[Event, ...]
    incident: Incident | None

    @property
    def last(self) -> Event:
        """The event that says how it is now."""
        return self.events[-1]

    @property
    def thing(self) -> str:
        """The full name, `river/task/123`."""
        return self.events[-1].thing

    @cached_property
    def seen(self) -> Observation:
        """How the thing is now."""
        for event in reversed(self.events):
            if event.observation:
                return event.observation
        if self.incident:
            return self.incident.observation
        kind, _, name = self.thing.partition("/")[2].partition("/")
        return Observation(kind=kind, id=name, name=name, status="", health="unknown")

    @cached_property
    def name(self) -> str:
        """What people call it."""
        return short(self.seen.name) or short(self.seen.id) or short(self.thing) or "?"

    @cached_property
    def over(self) -> bool:
        """Whether this line is an ending."""
        return self.last.over

    @cached_property
    def problem(self) -> Event | None:
        """The problem in this very line that its last event ends: nobody heard of it before."""
        same = (one for one in self.events[:-1] if one.incident == self.last.incident)
        return next((one for one in same if one.type == "problem" and self.over), None)

    @cached_property
    def bad(self) -> Observation | None:
        """How the thing was, or is, when it was not well; None when that is not known."""
        if not self.over:
            return self.seen
        if self.problem:
            return self.problem.observation
        if self.incident:
            return self.incident.observation
        # what is gone was as it was seen last
        return self.seen if self.last.reason in GONE else None

    @cached_property
    def finite(self) -> bool:
        """Whether the thing is of the kind that ends."""
        return self.incident.finite if self.incident else self.seen.kind in FINITE

    @cached_property
    def stuck(self) -> bool:
        """Whether what is, or was, wrong is that it stayed in one state."""
        if self.bad is None:
            return self.finite and self.last.reason in UNSTUCK
        return self.finite and self.bad.health not in ("failed", "ok")

    @cached_property
    def facts(self) -> Facts:
        """What a sentence about it needs."""
        bad, seen, last = self.bad, self.seen, self.last
        since = last.opened or (self.incident.opened if self.incident else last.at)
        if self.finite and not self.stuck and bad and bad.ended:
            since = bad.ended
        at = last.at
        # a late report may keep the time of the failure as that of the end
        if self.finite and seen.ended and (not self.over or seen.ended > since):
            at = seen.ended
        elif self.over and seen.since and since < seen.since <= at:
            at = seen.since
        return Facts(
            type=last.type,
            reason=last.reason,
            name=self.name,
            status=seen.status,
            before=bad.status if self.over and bad else last.before,
            told=self.events[0].before,
            health=seen.health,
            finite=self.finite,
            node=short(seen.node),
            since=since,
            at=at,
            untold=self.problem is not None,
            stuck=self.stuck,
            changes=len(self.events),
            says=self.says,
        )

    @cached_property
    def says(self) -> str:
        """What its source says became of it, while that is the news."""
        said = self.finite and self.seen.health == "failed" and not self.over
        return one_line(self.seen.says[:SAID]) if said else ""

    @cached_property
    def word(self) -> str:
        """Its state behind a count: `37 tasks lost`, `2 nodes offline`, `3 nodes back`."""
        if self.over and self.last.reason in GONE:
            return self.last.reason
        if self.over and self.stuck:
            return "no longer stuck"
        if self.over and self.finite:
            return "completed after all" if self.seen.health == "ok" else counted(self.seen.status)
        if self.over:
            return back(self.seen.status)
        fact = self.finite and not self.stuck
        if self.last.type == "change" and self.seen.health != "failed":
            return done(self.seen.status)
        word = counted(self.seen.status) if fact else state(self.seen.status)
        if self.stuck:
            word = f"stuck in {word}"
        return {"reminder": f"still {word}", "flapping_start": "flapping"}.get(self.last.type, word)

    @cached_property
    def verb(self) -> str:
        """The same behind its name: `train.py was lost`, `gpu-07 is flapping, now offline`."""
        if self.last.type == "change" and self.seen.health != "failed":
            return self.word if self.word == COMPLETED else f"is {self.word}"
        if self.finite and not self.stuck:
            if self.problem and self.problem.observation:
                return f"{happened(self.problem.observation.status)}, then completed"
            again = " again" if "again" in self.last.reason else ""
            if self.says:
                return f"{again} {self.says}".strip()
            return self.word if self.over else f"{happened(self.seen.status)}{again}"
        now = f", now {state(self.seen.status)}" if self.last.type == "flapping_start" else ""
        return f"is {self.word}{now}"


class Fold(NamedTuple):
    """One line to be: a thing with what rides on it, or (no `head`) several things alike.

    `place` is then the full name of what they are part of, or the group (`batch`) they are of.
    """

    head: Line | None
    lines: list[Line]
    place: str = ""
    batch: str = ""

    @property
    def every(self) -> list[Line]:
        """All lines in it."""
        return [self.head, *self.lines] if self.head else self.lines

    @property
    def over(self) -> bool:
        """Whether all of it is an ending."""
        return all(line.over for line in self.every)


def lines_of(events: Sequence[Event], incidents: Mapping[str, Incident]) -> list[Line]:
    """One line for each thing, in the order in which they first occur; summaries have none."""
    things: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.type != "summary":
            things[event.thing].append(event)
    return [Line(tuple(found), incidents.get(found[-1].incident)) for found in things.values()]


def fold(lines: Sequence[Line]) -> list[Fold]:
    """Each line alone, or on what it is part of, or with its like; worst and newest first."""
    by_thing = {line.thing: line for line in lines}
    riding: dict[str, list[Line]] = defaultdict(list)
    free = []
    for line in lines:
        root = _root(line, by_thing)
        if root is line:
            free.append(line)
        else:
            riding[root.thing].append(line)
    folds = [
        Fold(line, sorted(riding[line.thing], key=order)) for line in free if line.thing in riding
    ]
    free = [line for line in free if line.thing not in riding]
    parts, free = _alike(free, lambda line: line.last.part_of)
    batches, free = _alike(free, lambda line: line.seen.group)
    folds += [Fold(None, ones, place=place) for place, ones in parts]
    folds += [Fold(None, ones, batch=batch) for batch, ones in batches]
    folds += [Fold(line, []) for line in free]
    return sorted(folds, key=_foremost)


def _foremost(one: Fold) -> tuple[bool, int, float, bool]:
    """The place of the line in it that comes first."""
    # asked once: to know it, all lines are looked at
    over = one.over
    return min(_order(line, over) for line in one.every)


def order(line: Line) -> tuple[bool, int, float, bool]:
    """Sorts problems before endings, then the worst, the newest, and what stands first."""
    return _order(line, line.over)


def _order(line: Line, over: bool) -> tuple[bool, int, float, bool]:
    rank = RANK[line.last.severity] if line.over == over else -1
    return over, -rank, -line.last.at.timestamp(), line.finite


def _root(line: Line, by_thing: Mapping[str, Line]) -> Line:
    """What the line rides on in the end; itself, when nothing here carries it or in a circle."""
    seen, found = {line.thing}, line
    while found.last.part_of in by_thing:
        found = by_thing[found.last.part_of]
        if found.thing in seen:
            return line
        seen.add(found.thing)
    return found


def _alike(
    lines: list[Line], place_of: Callable[[Line], str]
) -> tuple[list[tuple[str, list[Line]]], list[Line]]:
    """Two or more of one place, kind, state and sort of news belong together; the rest stays."""
    found: dict[tuple[str, ...], list[Line]] = defaultdict(list)
    for line in lines:
        seen = line.seen
        found[place_of(line), line.last.source, seen.kind, line.word, line.last.type].append(line)
    alike = [
        (key[0], sorted(ones, key=order)) for key, ones in found.items() if key[0] and ones[1:]
    ]
    gone = {line.thing for _, ones in alike for line in ones}
    return alike, [line for line in lines if line.thing not in gone]
