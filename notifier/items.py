"""Pure: one line of a message as values, with its sentence, ready to be laid out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from notifier.folds import Fold, Line, short
from notifier.model import RANK, Event, EventType, Frozen, Health, Incident, Severity
from notifier.words import Clock, lasting, plural, sentence, state

# what a group of such things is called; that of a job or a build has a telling name by itself
GROUPS = {"task": "batch ", "job": "", "build": "", "eval": ""}
PLACES = frozenset({"node", "machine", "host"})


class Item(Frozen, frozen=True, kw_only=True):
    """One line: a thing, or several alike that are counted in one sentence.

    `words` is the sentence, `error` the telling line of `message`. All times and spans are
    already words: `since` it went bad, `at` it became as it is. `over` marks an ending.
    `children` are the things inside the line that are named, `more` how many others it counts;
    `own` is false for a line that has no thing of its own (`37 tasks lost on gpu-07`).
    """

    words: str
    type: EventType
    thing: str
    kind: str
    name: str
    severity: Severity
    over: bool = False
    own: bool = True
    handle: str = ""
    reason: str = ""
    health: Health = "unknown"
    status: str = ""
    before: str = ""
    node: str = ""
    owner: str = ""
    group: str = ""
    since: str = ""
    at: str = ""
    opened: str = ""
    submitted: str = ""
    started: str = ""
    ended: str = ""
    last_seen: str = ""
    lasted: str = ""
    message: str = ""
    error: str = ""
    log: str = ""
    command: str = ""
    link: str = ""
    exit_code: str = ""
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    changes: int = 1
    children: tuple["Item", ...] = ()
    more: int = 0

    @property
    def child_count(self) -> int:
        """How many things ride inside this line, named or not."""
        return len(self.children) + self.more


def _carried(lines: Sequence[Line], *, over: bool) -> str:
    """What rides on a line: `; it took 37 tasks with it`, or counts by state."""
    if not lines:
        return ""
    counts = Counter((line.seen.kind, line.word) for line in lines)
    said = [f"{plural(count, kind)} {word}" for (kind, word), count in counts.most_common(3)]
    more = len(counts) - len(said)
    rest = f" and {more} other states" if more > 0 else ""
    if len(counts) == 1 and not over and all(line.finite and not line.over for line in lines):
        return f"; it took {plural(len(lines), lines[0].seen.kind)} with it"
    return f"; with it: {', '.join(said)}{rest}"


def item_of(line: Line, clock: Clock) -> Item:
    """The line of one thing."""
    seen, facts, last = line.seen, line.facts, line.last
    return Item(
        words=sentence(facts, clock),
        type=last.type,
        thing=line.thing,
        kind=seen.kind,
        name=line.name,
        severity=last.severity,
        over=line.over,
        handle=last.incident,
        reason=last.reason,
        health=seen.health,
        status=seen.status,
        before=facts.before,
        node=seen.node,
        owner=seen.owner,
        group=seen.group,
        since=clock.time(facts.since),
        at=clock.time(facts.at),
        opened=clock.time(last.opened or (line.incident.opened if line.incident else None)),
        submitted=clock.time(seen.submitted),
        started=clock.time(seen.started),
        ended=clock.time(seen.ended),
        last_seen=clock.time(seen.last_seen),
        lasted=lasting(facts.since, facts.at if line.over else clock.now),
        message=seen.message,
        error=_telling(seen.message),
        log=seen.log,
        command=seen.command,
        link=seen.link,
        exit_code=seen.labels.get("exit_code", ""),
        labels=seen.labels,
        changes=len(line.events),
    )


def headed(one: Fold, head: Line, clock: Clock, children: tuple[Item, ...], more: int) -> Item:
    """A thing with what rides on it. An error that all of that shares is told once, here."""
    item = item_of(head, clock)
    return replace(
        item,
        # who says in so many words what became of it has counted its parts
        words=item.words + ("" if head.says else _carried(one.lines, over=item.over)),
        error=item.error or _telling(_same(line.seen.message for line in one.lines)),
        children=children,
        more=more,
    )


def alike(
    one: Fold,
    parents: Mapping[str, Incident],
    clock: Clock,
    children: tuple[Item, ...],
    more: int,
) -> Item:
    """`37 tasks lost on gpu-07 (offline since 12:00)`, `12 tasks of batch 7530 failed`."""
    first, count = one.lines[0], len(one.lines)
    message = _same(line.seen.message for line in one.lines)
    seen, many = first.seen, plural(count, first.seen.kind)
    parent = parents.get(one.place)
    kind, _, name = one.place.partition("/")[2].partition("/")
    name = short((parent.observation.name if parent else "") or name)
    if one.batch:
        group = f"{GROUPS.get(seen.kind, 'group ')}{short(one.batch)}"
        words = f"{many} of {group} {first.word}"
    else:
        words = f"{many} {first.word} {'on' if kind in PLACES else 'of'} {name}"
    if parent:
        words += f" ({state(parent.observation.status)} since {clock.time(parent.opened)})"
    return Item(
        words=words,
        type=first.last.type,
        thing=one.place,
        kind=seen.kind,
        name=name or one.batch,
        severity=max((line.last.severity for line in one.lines), key=lambda rank: RANK[rank]),
        over=one.over,
        own=False,
        reason=first.last.reason,
        health=seen.health,
        status=seen.status,
        node=name if kind in PLACES else "",
        owner=_same(line.seen.owner for line in one.lines),
        group=one.batch,
        since=clock.time(min(line.facts.since for line in one.lines)),
        at=clock.time(max(line.facts.at for line in one.lines)),
        message=message,
        error=_telling(message),
        command=_same(line.seen.command for line in one.lines),
        children=children,
        more=more,
    )


def summary(event: Event) -> Item:
    """The line of a summary, which has its sentence already."""
    return Item(
        words=event.text,
        type=event.type,
        thing=event.thing,
        kind="summary",
        name=event.source,
        severity=event.severity,
        reason=event.reason,
    )


def _same(texts: Iterable[str]) -> str:
    """The text that all of them share, or nothing."""
    found = set(texts)
    return found.pop() if len(found) == 1 else ""


def _telling(message: str) -> str:
    """The first line; of a traceback the last one."""
    lines = message.strip().splitlines() or [""]
    return lines[-1 if lines[0].startswith("Traceback") else 0].strip()
