"""Pure: what the outcomes of builds make of the jobs of a jobset: broken, still broken, fixed."""

from collections.abc import Iterable, Sequence

import msgspec

from notifier.sources._hydra_memory import Failing, Record
from notifier.sources._hydra_results import Ended
from notifier.sources._hydra_words import DEPENDENCY, HANDED_ON, NONE, SUCCEEDED

BROKEN, STILL, FIXED = range(3)


class News(msgspec.Struct, kw_only=True):
    """A job whose state an ended build changed. `job` is JOB:SYSTEM; `was` how it failed before.

    `what` is BROKEN, STILL or FIXED.
    """

    job: str
    what: int
    ended: Ended
    was: Failing | None = None


def key(ended: Ended) -> str:
    """The name of a job inside its jobset."""
    return f"{ended.job}:{ended.system}"


def judge(record: Record, results: Iterable[Ended], now: int) -> list[News]:
    """Brings the record up to date; returns what became of each job by them, oldest first.

    Of two builds of a job that of the newer evaluation counts, whichever ended first. One that
    Hydra aborted or a person cancelled is no outcome, and the job stays as it was.
    """
    news: list[News] = []
    for one in sorted(results, key=lambda one: (one.evaluation, one.number)):
        job = key(one)
        old = record.failing.get(job)
        newest = max(record.recent.get(job, 0), old.evaluation if old else 0)
        if not one.job:
            record.unsure.append(one.evaluation)
        elif one.evaluation in record.late or one.evaluation < newest:
            continue
        elif one.status in NONE:
            if old:
                old.evaluation = one.evaluation
            record.void[job] = Failing(one.number, one.status, one.evaluation, one.stop)
        else:
            record.void.pop(job, None)
            record.recent[job] = one.evaluation
            news += _outcome(record, job, one, old, now)
    return news


def _outcome(record: Record, job: str, one: Ended, old: Failing | None, now: int) -> list[News]:
    if one.status == SUCCEEDED:
        if old is None:
            return []
        del record.failing[job]
        _count(record, one.evaluation, FIXED)
        return [News(job=job, what=FIXED, ended=one, was=old)]
    what = STILL if old else BROKEN
    since = old.since if old else one.stop or now
    record.failing[job] = Failing(one.number, one.status, one.evaluation, one.stop, since)
    if old is None or old.evaluation != one.evaluation:
        _count(record, one.evaluation, what)
    return [News(job=job, what=what, ended=one, was=old)]


def _count(record: Record, evaluation: int, what: int) -> None:
    counts = record.tally.setdefault(str(evaluation), [0, 0, 0])
    counts[what] += 1


def carry(record: Record, evaluation: int, builds: set[int]) -> None:
    """A new evaluation lists builds of before: what was failing there is still broken in it."""
    for one in record.void.values():
        if one.build in builds:
            one.evaluation = evaluation
    for one in record.failing.values():
        if one.build in builds and one.evaluation < evaluation:
            one.evaluation = evaluation
            _count(record, evaluation, STILL)


def left(record: Record) -> list[str]:
    """Failing jobs that the newest evaluation, now complete, has no more; they are forgotten."""
    newest = max(record.evals, default=0)
    if not newest or str(newest) in record.pending or newest in record.unsure:
        return []
    gone = [job for job, one in record.failing.items() if one.evaluation < newest]
    for job in gone:
        del record.failing[job]
    record.void = {job: one for job, one in record.void.items() if one.evaluation >= newest}
    return gone


def lost(record: Record, vanished: Iterable[int]) -> list[str]:
    """Failing jobs whose build the server has no more; whatever came to nothing there goes too."""
    builds = frozenset(vanished)
    gone = [job for job, one in record.failing.items() if one.build in builds]
    for job in gone:
        del record.failing[job]
    record.void = {job: one for job, one in record.void.items() if one.build not in builds}
    return gone


def told(counts: Sequence[int]) -> str:
    """`2 newly broken, 5 still broken, 1 fixed`; nothing when there is none of it."""
    words = ("newly broken", "still broken", "fixed")
    return ", ".join(f"{n:,} {word}" for n, word in zip(counts, words, strict=False) if n)


def parents(record: Record, news: Sequence[News]) -> dict[int, Ended | Failing]:
    """build -> the one whose failure it shares, for builds that failed because another did.

    Hydra ends all of them at once, with the same stop time. Where that was not asked, the only
    build that failed by itself is taken for the cause. Of several with one of the numbers that
    are handed on (a time-out, a limit), the first is.
    """
    broken = [one.ended for one in news if one.what != FIXED]
    roots: dict[int, Ended | Failing] = {}
    for one in record.failing.values():
        if one.stop and one.status != DEPENDENCY:
            roots.setdefault(one.stop, one)
    alone = [one for one in broken if one.status not in HANDED_ON]
    roots |= {one.stop: one for one in reversed(alone) if one.stop}
    found: dict[int, Ended | Failing] = {}
    first: dict[tuple[int, int, int], Ended] = {}
    for each in sorted(broken, key=lambda each: each.number):
        root = roots.get(each.stop) if each.stop else None
        if each.status == DEPENDENCY:
            root = root or (alone[0] if len(alone) == 1 and not each.stop else None)
        elif each.status in HANDED_ON and each.stop:
            root = first.setdefault((each.status, each.start, each.stop), each)
        else:
            continue
        if root and _number(root) != each.number:
            found[each.number] = root
    return found


def _number(one: Ended | Failing) -> int:
    return one.number if isinstance(one, Ended) else one.build
