"""Pure: what one message says, as values that any template can lay out.

Nothing is dropped: a thing is named in a line, or counted in one, or counted as hidden.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo

from msgspec.structs import replace

from notifier.folds import Fold, fold, lines_of
from notifier.headline import headline
from notifier.items import Item, alike, headed, item_of, summary
from notifier.model import RANK, Event, Frozen, Incident, Severity
from notifier.words import Clock

__all__ = ["Digest", "Item", "digest", "shorter"]


class Digest(Frozen, frozen=True, kw_only=True):
    """What one message says. `things` = those named + `hidden`; summaries are not among them.

    `statuses` (in words), `nodes` and `types` count things, the greatest first. `recovery` means
    that it holds endings and nothing else; `severity` is then that of what has ended.
    """

    title: str
    items: tuple[Item, ...]
    summaries: tuple[Item, ...]
    things: int
    hidden: int
    statuses: tuple[tuple[str, int], ...]
    nodes: tuple[tuple[str, int], ...]
    types: tuple[tuple[str, int], ...]
    sources: tuple[str, ...]
    handles: tuple[str, ...]
    severity: Severity
    recovery: bool

    @property
    def beyond(self) -> int:
        """How many things no line names or counts."""
        return self.hidden - sum(item.more for item in self.items)


def digest(
    events: Sequence[Event],
    incidents: Mapping[str, Incident],
    *,
    max_items: int,
    zone: tzinfo,
    now: datetime,
) -> Digest:
    """What a message of `events` says, as of `now`, in at most `max_items` named lines.

    `incidents` (by handle) are asked for what an event lacks, and for what it is part of.
    """
    lines = lines_of(events, incidents)
    summaries = [event for event in events if event.type == "summary"]
    items, hidden = _items(fold(lines), incidents, Clock(zone, now), max(1, max_items))
    live = [line.last.severity for line in lines if not line.over]
    live += [event.severity for event in summaries]
    severities = live or [event.severity for event in events] or ["info"]
    return Digest(
        title=headline(lines, summaries),
        items=items,
        summaries=tuple(summary(event) for event in summaries),
        things=len(lines),
        hidden=hidden,
        statuses=_most(line.word for line in lines),
        nodes=_most(line.seen.node for line in lines),
        types=_most(line.last.type for line in lines),
        sources=tuple(dict.fromkeys(event.source for event in events)),
        handles=tuple(dict.fromkeys(_handles(items))),
        severity=max(severities, key=lambda one: RANK[one]),
        recovery=bool(events) and not live,
    )


def shorter(made: Digest, max_items: int) -> Digest:
    """The same in fewer lines: what `digest` gives for a smaller `max_items`."""
    room = max(1, max_items)
    left = max(0, room - len(made.items))
    items = []
    for item in made.items[:room]:
        children = item.children[:left]
        left -= len(children)
        items.append(replace(item, children=children, more=item.child_count - len(children)))
    named = sum(item.own + len(item.children) for item in items)
    return replace(
        made,
        items=tuple(items),
        hidden=made.things - named,
        handles=tuple(dict.fromkeys(_handles(items))),
    )


def _items(
    folds: Sequence[Fold], incidents: Mapping[str, Incident], clock: Clock, room: int
) -> tuple[tuple[Item, ...], int]:
    """The first lines and, in the room that is left, the things inside them; how many are not."""
    hidden = sum(len(one.every) for one in folds[room:])
    left = room - len(folds[:room])
    parents = {one.thing: one for one in incidents.values() if one.ended is None}
    items = []
    for one in folds[:room]:
        named = one.lines[:left]
        left -= len(named)
        more = len(one.lines) - len(named)
        hidden += more
        children = tuple(item_of(line, clock) for line in named)
        if one.head:
            items.append(headed(one, one.head, clock, children, more))
        else:
            items.append(alike(one, parents, clock, children, more))
    return tuple(items), hidden


def _handles(items: Iterable[Item]) -> Iterable[str]:
    for item in items:
        yield from (one.handle for one in (item, *item.children) if one.handle)


def _most(words: Iterable[str]) -> tuple[tuple[str, int], ...]:
    counts = Counter(word for word in words if word)
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
