"""Pure: the one line that a message is known by: what is wrong first, then what is well again."""

from collections import defaultdict
from collections.abc import Sequence

from notifier.folds import Line, order, short
from notifier.model import RANK, Event
from notifier.words import GONE, lasting, plural

PARTS = 3
NAMES = 3
MANY = 10
# names that take more characters are counted
WIDE = 60


def headline(lines: Sequence[Line], summaries: Sequence[Event]) -> str:
    """`[river] gpu-07 is offline, 37 tasks lost`. Never empty; not yet cut to a length."""
    news = [*(line.last for line in lines), *summaries]
    sources = list(dict.fromkeys(event.source for event in news))
    prefix = ", ".join(sources[:2]) if len(sources) < 3 else f"{len(sources)} sources"
    groups: dict[tuple[bool, str, str, str], list[Line]] = defaultdict(list)
    for line in sorted(lines, key=order):
        groups[line.over, line.seen.kind, line.word, line.last.type].append(line)
    ranked = sorted(groups.values(), key=_weight)
    texts = sorted(summaries, key=lambda event: -RANK[event.severity])
    loud = [event.text for event in texts if event.severity == "critical"]
    quiet = [event.text for event in texts if event.severity != "critical"]
    alone = len(ranked) == 1
    parts = [*loud, *(_part(group, alone=alone) for group in ranked), *quiet]
    more = len(parts) - PARTS
    said = ", ".join(parts[:PARTS]) + (f" and {more} more" if more > 0 else "")
    return f"[{prefix}] {said}" if parts else "nothing to say"


def _weight(group: list[Line]) -> tuple[bool, int, bool, int]:
    """Problems first, the worst first, what stands before what ends, many before few."""
    first = group[0]
    return first.over, -RANK[first.last.severity], first.finite, -len(group)


def _part(group: list[Line], *, alone: bool) -> str:
    first = group[0]
    if len(group) == 1:
        return _single(first)
    names = ", ".join(_short(line) for line in group[:NAMES]) + (", …" if group[NAMES:] else "")
    if first.over and not first.finite and first.word not in GONE:
        return f"{first.word}: {names}"
    if len(group) <= NAMES and not first.finite and len(names) <= WIDE:
        *most, last = [_short(line) for line in group]
        return f"{', '.join(most)} and {last} are {first.word}"
    said = f"{plural(len(group), first.seen.kind)} {first.word}"
    nodes = {line.seen.node for line in group}
    if alone and len(nodes) == 1 and (node := nodes.pop()):
        return f"{said} on {short(node)}"
    if alone and len(group) > MANY and all(nodes):
        return f"{said} on {len(nodes)} nodes"
    return f"{said}: {names}" if alone else said


def _single(line: Line) -> str:
    facts = line.facts
    if line.over and not line.finite and line.word not in GONE:
        lasted = lasting(facts.since, facts.at)
        return f"{'was ' + facts.before if facts.untold else line.word}: {_short(line)} ({lasted})"
    placed = line.finite and facts.node and not line.over and not line.says
    place = f" on {facts.node}" if placed else ""
    return f"{_short(line)} {line.verb}{place}"


def _short(line: Line) -> str:
    return line.name if len(line.name) <= 40 else f"{line.name[:39]}…"
