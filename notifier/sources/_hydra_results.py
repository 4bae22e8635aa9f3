"""Which builds of a jobset have ended since the last look: few requests for many builds."""

from collections.abc import Iterable

import msgspec

from notifier.sources._hydra_answers import Build, Over
from notifier.sources._hydra_memory import Record
from notifier.sources._hydra_server import WINDOW, Server

# so few are asked for one by one at once; of others as many at a look, and at most in all
FEW, SINGLES, MOST = 6, 40, 400
SLACK = 100


class Ended(msgspec.Struct, kw_only=True):
    """A build that ended. `stop` is 0 where only a list of builds was read."""

    number: int
    evaluation: int
    job: str
    system: str
    status: int
    stop: int = 0
    start: int = 0


class Results(msgspec.Struct, kw_only=True):
    """What `ended` found.

    `again` are failed builds that were restarted and wait once more, `unread` ended ones that are
    older than what was listed, and will be asked for one by one.
    """

    done: list[Ended] = []
    again: set[int] = set()
    unread: set[int] = set()


class Room(msgspec.Struct):
    """How many single builds may still be asked for in this look, over all jobsets."""

    left: int = MOST

    def take(self, wanted: int) -> int:
        """As many of `wanted` as there is room for."""
        given = max(0, min(wanted, self.left))
        self.left -= given
        return given


def ended(
    server: Server,
    name: str,
    record: Record,
    checked: Iterable[Build],
    room: Room,
    *,
    moved: bool = False,
) -> Results:
    """What ended; `record.pending` is brought up to date.

    What is pending and no longer in the queue has ended: for some builds each is asked for, for
    many the list of the latest is read, as far back as the oldest of them. A failed build that is
    in the queue again was restarted. `checked` are failed builds that were asked for already.
    `moved`: the jobset's counts are others; if nothing that was pending explains it, something
    was restarted and has ended since.
    """
    waiting = record.waiting()
    failed = record.followed()
    done: list[Ended] = []
    restarted: set[int] = set()
    for build in checked:
        if build.finished:
            done.append(_of(build, failed[build.id].evaluation))
        else:
            waiting[build.id] = failed[build.id].evaluation
            restarted.add(build.id)
    queue, whole = server.queue() if waiting or failed else ({}, True)
    again = failed.keys() & queue.keys() - waiting.keys()
    waiting |= {number: failed[number].evaluation for number in again}
    due = waiting.keys() - queue.keys()
    rows, left = _listed(server, name, due, record.top, whole=whole)
    if moved and not (due or again):
        rows = server.latest(name, min(WINDOW, 4 * len(failed) + SLACK))
    known = {one.number for one in done}
    for row in {row.id: row for row in rows if row.id not in known}.values():
        former = failed.get(row.id)
        if row.id in due or (former and row.buildstatus != former.status):
            one = waiting.pop(row.id, former.evaluation if former else 0)
            done.append(_of_row(row, one))
    asked = _in_turn(left, record.turn, room.take(min(SINGLES, len(left))))
    for number in asked:
        found = server.build(number)
        if found is None:
            record.unsure.append(waiting.pop(number))
        elif found.finished:
            done.append(_of(found, waiting.pop(number)))
    record.turn = asked[-1] if asked and len(asked) < len(left) else 0
    record.wait(waiting)
    return Results(done=done, again=restarted | again, unread=left - set(asked))


def _in_turn(numbers: set[int], last: int, count: int) -> list[int]:
    """The next `count` after the last one that was asked for, beginning anew at the end."""
    ordered = sorted(numbers)
    start = next((at for at, number in enumerate(ordered) if number > last), 0)
    return [*ordered[start:], *ordered[:start]][:count]


def _listed(
    server: Server, name: str, due: set[int], top: int, *, whole: bool
) -> tuple[list[Over], set[int]]:
    """Finished builds back to the oldest of `due`, and which of these they do not show.

    Numbers are given out once for the whole server, so a window as long as the distance between
    two numbers reaches from the one to the other. `whole`: what is not queued has surely ended.
    """
    if len(due) <= FEW:
        return [], set(due)
    span = max(top, *due) - min(due) + 1
    most = min(WINDOW, span)
    rows: list[Over] = []
    for count in dict.fromkeys((min(most, 4 * len(due) + SLACK), most)):
        rows = server.latest(name, count)
        left = due - {row.id for row in rows}
        low = min(row.id for row in rows) if len(rows) >= count else 0
        below = {number for number in left if number < low}
        if len(below) <= SINGLES:
            break
    # between the two answers a build may have ended or begun: what the window lacks is asked for
    return rows, left if whole else below


def _of(build: Build, evaluation: int) -> Ended:
    return Ended(
        number=build.id,
        evaluation=evaluation,
        job=build.job,
        system=build.system,
        status=-1 if build.buildstatus is None else build.buildstatus,
        stop=build.stoptime or 0,
        start=build.starttime or 0,
    )


def _of_row(row: Over, evaluation: int) -> Ended:
    return Ended(
        number=row.id,
        evaluation=evaluation,
        job=row.job,
        system=row.system,
        status=row.buildstatus,
    )
