"""The evaluations of a jobset: which are new, which builds they brought, whether all is another."""

from collections.abc import Sequence

import msgspec

from notifier.sources._hydra_answers import Evaluation
from notifier.sources._hydra_jobs import carry
from notifier.sources._hydra_memory import Record
from notifier.sources._hydra_server import Server

# pages of 20 that are read back to a known evaluation
PAGES = 10


class Pages(msgspec.Struct):
    """Evaluations that were read, newest first, and whether they reach back to a known one."""

    evals: list[Evaluation]
    whole: bool = True

    def before(self, number: int) -> Evaluation | None:
        """The evaluation before that one."""
        return next((one for one in self.evals if one.id < number), None)

    def get(self, number: int) -> Evaluation | None:
        """The evaluation of that number."""
        return next((one for one in self.evals if one.id == number), None)

    def holding(self, build: int, before: int) -> Evaluation | None:
        """The newest evaluation below `before` that lists a build."""
        older = (one for one in self.evals if one.id < before)
        return next((one for one in older if build in one.ids()), None)


class Added(msgspec.Struct, kw_only=True):
    """A new evaluation: its new builds, and those that it shares with evaluations before."""

    evaluation: Evaluation
    fresh: set[int]
    cached: set[int]


def read(server: Server, name: str, record: Record) -> Pages:
    """The pages from the newest evaluation to a known one; the first alone when none is known."""
    known, found = set(record.evals), []
    for page in range(1, PAGES + 1):
        answer = server.evaluations(name, page)
        found += answer.evals
        reached = not known or any(one.id in known for one in answer.evals)
        if reached or not answer.next or not answer.evals:
            return Pages(_ordered(found))
    return Pages(_ordered(found), whole=False)


def _ordered(found: Sequence[Evaluation]) -> list[Evaluation]:
    # a new evaluation pushes rows down, so pages may overlap
    return [one for _, one in sorted({one.id: one for one in found}.items(), reverse=True)]


def another(pages: Pages, record: Record) -> bool:
    """Whether these are another database's: of another time under a known number, or all lower."""
    found = {one.id: one.timestamp for one in pages.evals}
    known = record.evals
    if not found or not known:
        return False
    if any(known[number] != at for number, at in found.items() if number in known):
        return True
    if max(found) < max(known):
        if found.keys().isdisjoint(known):
            return True
        # a backup was restored: what came after it will be numbered once more
        record.evals = {number: at for number, at in known.items() if number <= max(found)}
    return False


def begin(pages: Pages, record: Record) -> None:
    """A first look: the builds of the newest evaluation are all that counts."""
    record.evals = {one.id: one.timestamp for one in pages.evals}
    builds = pages.evals[0].ids() if pages.evals else set()
    record.wait(dict.fromkeys(builds, pages.evals[0].id) if builds else {})
    record.top = max(builds, default=0)


def add(pages: Pages, record: Record) -> list[Added]:
    """Takes in the new evaluations, oldest first.

    A build that waits and is listed again belongs to the newer evaluation. An evaluation that
    appears below a known one (its transaction took long) is late: the newer one decides on jobs.
    """
    known = set(record.evals)
    new = [one for one in reversed(pages.evals) if one.id not in known]
    added = []
    for one in new:
        builds, waiting = one.ids(), record.waiting()
        before = pages.before(one.id)
        shared = builds & ((before.ids() if before else set()) | waiting.keys())
        if one.id < max(record.evals, default=0):
            record.late.append(one.id)
            fresh = builds - shared
        else:
            fresh = builds - shared
            taken = {waiting[number] for number in waiting.keys() & builds}
            record.open |= dict.fromkeys(record.open.keys() & taken, one.id)
            waiting |= dict.fromkeys(waiting.keys() & builds, one.id)
            carry(record, one.id, builds)
        record.wait(waiting | dict.fromkeys(fresh, one.id))
        record.evals[one.id] = one.timestamp
        record.open[one.id] = 0
        record.top = max(record.top, *builds, 0)
        added.append(Added(evaluation=one, fresh=fresh, cached=builds - fresh))
    return added
