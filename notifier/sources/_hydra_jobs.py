"""Pure: what the outcomes of builds make of the jobs of a jobset: broken, still broken, fixed."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest

import msgspec

from notifier.sources._hydra_memory import Failing, Record
from notifier.sources._hydra_results import Ended
from notifier.sources._hydra_words import DEPENDENCY, HANDED_ON, NONE, SUCCEEDED, titled

BROKEN, STILL, FIXED = range(3)
# names of jobs in the digest of an evaluation
NAMED = 5


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
        if one.evaluation in record.late or one.evaluation < newest:
            continue
        if one.status in NONE:
            if old and old.evaluation != one.evaluation:
                old.evaluation = one.evaluation
                _count(record, job, one.evaluation, STILL)
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
        _mend(record, job, old, one.evaluation)
        return [News(job=job, what=FIXED, ended=one, was=old)]
    what = STILL if old else BROKEN
    since = old.since if old else one.stop or now
    broke = old.broke if old else one.evaluation
    record.failing[job] = Failing(one.number, one.status, one.evaluation, one.stop, since, broke)
    if old is None or old.evaluation != one.evaluation:
        _count(record, job, one.evaluation, what)
    return [News(job=job, what=what, ended=one, was=old)]


def _mend(record: Record, job: str, old: Failing, evaluation: int) -> None:
    """Counts a fix. After a restart within the evaluation that counted the failure it is none."""
    if old.evaluation == evaluation:
        _count(record, job, evaluation, BROKEN if old.broke == evaluation else STILL, -1)
    if old.broke != evaluation:
        _count(record, job, evaluation, FIXED)


def _count(record: Record, job: str, evaluation: int, what: int, by: int = 1) -> None:
    counts = record.tally.setdefault(str(evaluation), [0, 0, 0])
    counts[what] = max(0, counts[what] + by)
    if what == STILL:
        return
    known = (record.fixed if what == FIXED else record.broken).setdefault(str(evaluation), [])
    if by < 0:
        known[:] = [one for one in known if one != job]
    elif len(known) < NAMED:
        known.append(job)


def carry(record: Record, evaluation: int, builds: set[int]) -> None:
    """A new evaluation lists builds of before: what was failing there is still broken in it."""
    for one in record.void.values():
        if one.build in builds:
            one.evaluation = evaluation
    for job, one in record.failing.items():
        if one.build in builds and one.evaluation < evaluation:
            one.evaluation = evaluation
            _count(record, job, evaluation, STILL)


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


def told(counts: Sequence[int], *named: str) -> str:
    """`2 newly broken, 5 still broken, 1 fixed`; nothing when there is none of it.

    `named`: what follows each word, such as ` (hello, world)`.
    """
    words = ("newly broken", "still broken", "fixed")
    said = zip_longest(counts, words, named[: len(words)], fillvalue="")
    return ", ".join(f"{n:,} {word}{names}" for n, word, names in said if n)


def digest(record: Record, evaluation: int) -> str:
    """What an evaluation that is over made of the jobs: `1 newly broken (hello), 2 still broken`.

    One that appeared below a newer one decides on no job.
    """
    if evaluation in record.late:
        return "a newer evaluation decides on its jobs"
    counts = record.tally.get(str(evaluation), [0, 0, 0])
    broken, fixed = (one.get(str(evaluation), []) for one in (record.broken, record.fixed))
    said = told(counts, _names(broken, counts[BROKEN]), "", _names(fixed, counts[FIXED]))
    void = sum(one.evaluation == evaluation for one in record.void.values())
    parts = [said or "nothing newly broken, nothing fixed"]
    return ", ".join([*parts, *([f"{void:,} aborted or cancelled"] if void else [])])


def _names(jobs: Sequence[str], count: int) -> str:
    """` (hello on x86_64-linux, world on x86_64-linux and 7 more)`."""
    known = [titled(*job.rpartition(":")[::2]) for job in sorted(jobs)]
    more = f" and {count - len(known):,} more" if count > len(known) else ""
    return f" ({', '.join(known)}{more})" if known else ""


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
