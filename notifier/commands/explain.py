"""`notifier explain`: tells why anyone was told of a thing, or was not."""

import argparse
import re
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from notifier import journal
from notifier.cli import Context
from notifier.commands import _past, _shared
from notifier.commands.status import statuses
from notifier.compose import Outlook
from notifier.config import Config
from notifier.errors import ConfigError
from notifier.escape import clean
from notifier.memory import State
from notifier.model import number
from notifier.poll import kinds_of
from notifier.present import Present, otherwise, present, unheard
from notifier.state import LookTime, Store
from notifier.story import Chapter, Sight, Step, Story
from notifier.tables import nearest
from notifier.telling import Part, Teller, sighted
from notifier.words import Clock

# what is told of a long story without -v: its last parts
PARTS = 30


class Looked(msgspec.Struct, kw_only=True):
    """Where a thing was looked for: a family of a source, and how that went the last time."""

    family: str
    known: int
    last: LookTime | None


class Explained(msgspec.Struct, kw_only=True):
    """The shape of `explain --json`.

    `asked` is what was asked for, `things` what it was taken for; without any, `looked` and `why`
    say where it was looked for and why it may not be there. `parts` are events in order, `sights`
    how the thing was seen, `messages` the steps of a message that was asked for. `now` are
    sentences on how it stands, `why` on why nobody was told, `otherwise` on what would have made
    that different. `journal_since` is how far back all of it reaches.
    """

    version: int = 1
    at: datetime
    asked: str
    things: list[str] = []
    parts: list[Part] = []
    sights: list[Sight] = []
    message: list[Step] = []
    why: list[str] = []
    now: list[str] = []
    otherwise: list[str] = []
    looked: list[Looked] = []
    journal_since: datetime | None = None


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `explain`."""
    parser.add_argument(
        "asked", metavar="THING|INCIDENT|KEY",
        help="river/node/gpu-7 or a tail or name that only it has; i-1042; a message's key",
    )  # fmt: skip


def main(context: Context) -> int:
    """Prints the story; 1 when nothing is known by that name, else 0. Asks nobody."""
    config = _shared.configuration(context)
    found = _Asked(context, config).explained(context.args.asked)
    if context.args.json:
        context.print_json(found)
    else:
        clock = _shared.times(config, context.clock())
        for line in _lines(found, clock, whole=context.args.verbose > 0):
            context.print(clean(line).replace("\n", " ⏎ "))
    return 0 if found.things or found.parts or found.message else 1


class _Asked:
    """All that is known, ready to be asked."""

    def __init__(self, context: Context, config: Config) -> None:
        self.store = Store(config.state_path)
        self.config, self.now = config, context.clock()
        self.state: State = self.store.load()[0]
        self.story = Story(_past.runs(context, config))
        self.story.carry(self.state)
        self.clock = _shared.times(config, self.now)
        people, families = self.store.people(), kinds_of(config)
        self.teller = Teller(self.story, config, families, people, self.state, self.clock)
        self.outlook = Outlook(self.state, config, people, families, self.now)
        self.known = statuses(self.state)

    def explained(self, asked: str) -> Explained:
        """The story of what a person names. Raises ConfigError where that may be several."""
        found = Explained(at=self.now, asked=asked, journal_since=self.story.begun)
        post = self.story.messages.get(asked)
        if post is not None:
            found.message = post.steps
            self._tell(found, [self.story.events[name] for name in post.line.events])
        elif asked in self.story.events:
            self._tell(found, [self.story.events[asked]])
        elif asked in self.story.of:
            found.things = [self.story.of[asked]]
            mine = [
                one
                for one in self.story.about(found.things)
                if asked == one.line.incident or asked in one.line.covers
            ]
            self._tell(found, mine)
        elif thing := self._thing(asked):
            found.things = [thing]
            found.sights = self.story.sights.get(thing, [])
            self._tell(found, self.story.about([thing]))
        else:
            self._never(found)
        return found

    def _thing(self, asked: str) -> str:
        """The thing that has this name or tail; nothing when there is none."""
        names = {one.thing: one.observation.name for one in self.state.incidents.values()}
        names |= {
            one.line.thing: one.observation.name
            for one in self.story.events.values()
            if one.observation
        }
        known = {*self.known, *self.story.things(), *self.state.watched}
        fitting = [one for one in known if one == asked] or [
            one for one in known if one.endswith(f"/{asked}")
        ]
        fitting = fitting or [thing for thing, name in names.items() if name == asked]
        if len(fitting) > 1:
            newest = sorted(fitting, key=lambda one: (len(one), one), reverse=True)
            more = f" and {len(fitting) - 5:,} more" if len(fitting) > 5 else ""
            raise ConfigError(
                f"'{asked}' may be any of {', '.join(newest[:5])}{more}: say more of it"
            )
        return fitting[0] if fitting else ""

    def _tell(self, found: Explained, chapters: Sequence[Chapter]) -> None:
        found.parts = [self.teller.part(one) for one in chapters]
        found.things = found.things or list(dict.fromkeys(one.thing for one in found.parts))
        for thing in found.things[:5]:
            one = self._present(thing)
            found.now += one.now
            found.why += [] if found.parts else unheard(one, self.story, self.config, self.clock)
            mine = [part for part in found.parts if part.thing == thing]
            found.otherwise += otherwise(one, mine, self.config)

    def _present(self, thing: str) -> Present:
        source, kind, _ = thing.split("/", 2)
        look = _past.reader(self.config)(source, False)
        if look is None or kind not in look.kinds:
            pushed = _past.reader(self.config)(source, True)
            look = pushed if pushed and kind in pushed.kinds else None
        seen = self.story.last_seen(thing)
        return present(thing, self.known.get(thing, ""), seen, look, self.outlook, self.clock)

    def _never(self, found: Explained) -> None:
        looks = self.store.looks()
        for key, family in kinds_of(self.config).items():
            source = key.split("/", 1)[0]
            count = sum(1 for thing in self.known if thing.startswith(f"{key}/"))
            last = looks.get(f"{source}/{family}")
            found.looked.append(Looked(family=key, known=count, last=last))
        found.why = list(self._reasons(found))

    def _reasons(self, found: Explained) -> Iterator[str]:
        near = nearest(found.asked, self.known) or nearest(
            found.asked, {thing.rsplit("/", 1)[1] for thing in self.known}
        )
        if near:
            yield f"the name may be another{near}"
        if re.fullmatch(r"i-\d+|e\d+p?|n[0-9a-f]{8}-\d+", found.asked):
            yield "an incident or a message from before the journal begins is not known any more"
        for one in found.looked:
            if one.last is None:
                yield f"{one.family}: nobody has looked yet"
            elif one.last.trouble:
                yield f"{one.family}: could not be read: {one.last.trouble}"
        yield "it is absent from every listing that was read: not there yet, or gone before a look"
        yield "it belongs to a source that is not configured here: " + (
            f"only {', '.join(sorted(self.config.sources))} is asked"
        )
        floors = [things.floor for things in self.state.things.values() if things.floor]
        if floors:
            at = self.clock.time(datetime.fromtimestamp(max(floors), self.now.tzinfo))
            yield f"it had ended before {at}: older things, below that floor, are no news"
        yield "it had ended and was forgotten: after two complete looks without it, or 30 days"
        if self.story.begun:
            yield f"the journal reaches back to {self.clock.time(self.story.begun)}"
        else:
            yield f"there is no journal yet ({self.config.state_path.parent / journal.NAME})"


def _lines(found: Explained, clock: Clock, *, whole: bool) -> Iterator[str]:
    """What a person reads."""
    if not (found.things or found.parts or found.message):
        yield f"{found.asked}: never seen"
        yield "LOOKED FOR IN"
        for one in found.looked:
            last = f"last looked at {clock.time(one.last.started)}" if one.last else "never looked"
            yield f"  {one.family}: {one.known:,} known, {last}"
        yield "WHY IT MAY NOT BE THERE"
        yield from (f"  {line}" for line in found.why)
        return
    yield ", ".join(found.things[:5]) + (" and more" if found.things[5:] else "")
    for step in found.message:
        yield f"  {clock.time(step.at)}  {step.what}" + (f": {step.why}" if step.why else "")
    told = {part.at for part in found.parts}
    story: list[tuple[datetime, int, list[str]]] = [
        (part.at, number(part.event), _part(part, clock)) for part in found.parts
    ]
    story += [
        (one.at, 0, [f"  {sighted(one, clock)}"])
        for one in found.sights
        if one.at not in told and not (one.before == one.status and "goes on" in one.but)
    ]
    story.sort(key=lambda one: one[:2])
    if len(story) > PARTS and not whole:
        yield f"  … {len(story) - PARTS:,} older parts (-v shows them)"
        story = story[-PARTS:]
    for _, _, lines in story:
        yield from lines
    for title, sentences in (
        ("WHY NOBODY WAS TOLD", found.why), ("NOW", found.now),
        ("IT WOULD BE DIFFERENT", found.otherwise),
    ):  # fmt: skip
        if sentences:
            yield title
            yield from (f"  {line}" for line in sentences)


def _part(part: Part, clock: Clock) -> list[str]:
    names = ", ".join(filter(None, (part.incident, part.severity)))
    head = f"  {clock.time(part.at)}  {part.words} ({names})"
    said = [f"      | {line}" for line in part.message.splitlines()[:1] if part.type == "problem"]
    return [head, *said, *(f"      {fate.words}" for fate in part.rows)]
