"""Pure: the story of a thing, an incident or a message, in sentences and as values."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from notifier.because import not_addressed
from notifier.config import Config
from notifier.folds import lines_of
from notifier.memory import State
from notifier.model import Event, Frozen, Incident, Moment
from notifier.people import People
from notifier.story import Chapter, End, Sight, Step, Story, end_of, told
from notifier.words import Clock, sentence


class Fate(Frozen, frozen=True, kw_only=True, omit_defaults=False):
    """What became of one event on one row: in a word, why, in a sentence, and step by step."""

    row: str
    end: End
    why: str
    words: str
    steps: list[Step]


class Part(Frozen, frozen=True, kw_only=True, omit_defaults=False):
    """One event of a story, what the source said of it, and its fate on every row."""

    at: Moment
    event: str
    type: str
    thing: str
    incident: str
    severity: str
    words: str
    message: str
    rows: list[Fate]


class Teller:
    """Tells what a story holds, by today's configuration where that matters."""

    def __init__(
        self,
        story: Story,
        config: Config,
        families: Mapping[str, str],
        people: People,
        state: State,
        clock: Clock,
    ) -> None:
        self.story = story
        self.config = config
        self.families = families
        self.people = people
        self.state = state
        self.clock = clock
        self.rows = list(config.destinations())

    def part(self, chapter: Chapter) -> Part:
        """One event with its fates: on the rows of today, and on those that it went to."""
        line = chapter.line
        return Part(
            at=chapter.at,
            event=line.event,
            type=line.type,
            thing=line.thing,
            incident=line.incident,
            severity=line.severity,
            words=self.words(chapter),
            message=chapter.observation.message if chapter.observation else "",
            rows=[self.fate(chapter, row) for row in dict.fromkeys((*self.rows, *chapter.rows))],
        )

    def words(self, chapter: Chapter) -> str:
        """What a message of this one event would say."""
        event = said(chapter)
        lines = lines_of([event], self.state.incidents)
        clock = replace(self.clock, now=chapter.at)
        return sentence(lines[0].facts, clock) if lines else event.text

    def fate(self, chapter: Chapter, row: str) -> Fate:
        """What became of an event on a row. There is always a reason."""
        steps = chapter.rows.get(row, [])
        end = end_of(steps)
        why = self._why(chapter, row, end, steps)
        return Fate(row=row, end=end, why=why, steps=steps, words=self._fate(row, end, why, steps))

    def _why(self, chapter: Chapter, row: str, end: End, steps: Sequence[Step]) -> str:
        if end == "nothing":
            heard = [one for one in self.rows if self._heard(chapter, one)]
            return not_addressed(said(chapter), row, self.config, self.families, heard)
        last = steps[-1]
        if end == "told":
            last = next(one for one in steps if one.what == "delivered")
            route = next((one.why for one in steps if one.what == "composed"), "")
            return f"route {route}" if route else "no route, so the default channels"
        if last.what == "untried":
            return "there was no time for it; due at the next check"
        if last.what in ("composed", "repeated"):
            return "being sent, or the run was ended while it sent"
        if last.what == "addressed":
            return "due at the next check"
        return self._named(last.why) or end

    def _heard(self, chapter: Chapter, row: str) -> bool:
        """Whether a row knew of the problem that this event belongs to."""
        handle = chapter.line.incident
        return any(
            told(one, row)
            for one in self.story.events.values()
            if handle and (one.line.incident == handle or handle in one.line.covers)
            if one.line.type not in ("recovery", "flapping_end", "reminder")
        )

    def _named(self, why: str) -> str:
        """A reason with what is known of it: a silence has an author and a comment."""
        name = why.rpartition("silence ")[2].split(" ")[0]
        silence = self.people.silences.get(name)
        known = f"{silence.author}: {silence.comment}" if silence else ""
        known = known or self.story.silences.get(name, "")
        return f"{why} ({known})" if "silence " in why and known else why

    def _fate(self, row: str, end: End, why: str, steps: Sequence[Step]) -> str:
        time = self.clock.time
        waits = [one for one in steps[:-1] if one.what == "waits"]
        waited = "".join(
            f"waited from {time(one.at)} for {self._named(one.why)}, then " for one in waits
        )
        refused = [one for one in steps if one.what in ("retry", "parked")]
        since = time(steps[-1].at) if steps else ""
        key = next((one.key for one in reversed(steps) if one.key), "")
        if end == "told":
            at = next(one for one in steps if one.what == "delivered")
            into = next((one.into for one in reversed(steps) if one.into), "")
            inside = f", in the line of {into}" if into else ""
            tries = f", after {len(refused)} refused" if refused else ""
            how = f"told at {time(at.at)} ({why}; message {at.key}{inside}{tries})"
        elif end == "refused":
            first = time(refused[0].at)
            many = f"{len(refused)} times since {first}" if refused[1:] else f"at {first}"
            how = f"refused {many}: {why}; it waits"
        else:
            how = {
                "nothing": f"not told: {why}",
                "unspoken": f"will not be told, since {since}: {why}",
                "dropped": f"given up by hand at {since}: {why}",
                "perhaps": f"perhaps told at {since}: {why} (message {key})",
                "parked": f"parked since {since}: {why} (message {key})",
            }.get(end, f"waits since {since}: {why}")
        return f"{row}: {waited}{how}"


def said(chapter: Chapter) -> Event:
    """The event as it was."""
    line = chapter.line
    return Event(
        id=line.event, type=line.type, at=chapter.at, reason=line.reason, thing=line.thing,
        severity=line.severity, observation=chapter.observation, incident=line.incident,
        before=line.before, opened=line.opened, text=line.text, covers=line.covers,
    )  # fmt: skip


def sighted(one: Sight, clock: Clock) -> str:
    """How a thing was seen at one time."""
    at = clock.time(one.at)
    if one.how == "gone":
        return f"{at}  not listed any more (last {one.before or 'unknown'})"
    was = f" (was {one.before})" if one.before and one.before != one.status else ""
    new = ", new" if one.before is None else ""
    return f"{at}  {one.status}{was}{new}" + (f": {one.but}" if one.but else "")


def incident_now(one: Incident, clock: Clock) -> str:
    """How an incident stands."""
    heard = ", ".join(row for row, plan in one.plan.items() if plan.told) or "nobody"
    state = f"open since {clock.time(one.opened)}"
    if one.ended:
        state = f"over since {clock.time(one.ended)}, and not everybody has heard that"
    elif one.settled:
        state = f"a fact that everybody has heard of since {clock.time(one.settled)}"
    elif one.finite and not one.stuck:
        state = f"a failure of {clock.time(one.opened)} that not everybody has heard of"
    elif one.flapping:
        state = f"flapping since {clock.time(one.flapping)}"
    return f"{one.handle} is {state}; told: {heard}"


def handles_of(thing: str, incidents: Iterable[Incident]) -> list[Incident]:
    """The incidents of a thing, oldest first."""
    return sorted((one for one in incidents if one.thing == thing), key=lambda one: one.opened)
