"""One look at one jobset: its errors, its new evaluations, its builds that ended."""

from collections.abc import Callable, Sequence
from copy import deepcopy

from notifier.model import Observation, Snapshot
from notifier.sources import _hydra_evals as evals
from notifier.sources import _hydra_jobs as jobs
from notifier.sources._failed import LookFailed
from notifier.sources._hydra_answers import Build
from notifier.sources._hydra_memory import Record
from notifier.sources._hydra_own import Own
from notifier.sources._hydra_results import SINGLES, Results, Room, ended
from notifier.sources._hydra_seen import Case, Lazy
from notifier.sources._hydra_tell import Teller
from notifier.sources._hydra_words import SUCCEEDED, outcome

# what is worth going on after: another part may well be readable
ONES_OWN = ("refused", "sick")
# evaluations after which the first one is not waited for any longer
GROWN = 3


class One(Own, kw_only=True):
    """One jobset with its builds. After `look`, `found` are its snapshots."""

    room: Room
    # followed builds that the server has no more
    vanished: frozenset[int] = frozenset()
    failed: list[LookFailed] = []

    def look(self, record: Record | None, checked: Sequence[Build]) -> Record | None:
        """What is to be remembered now; None when nothing changed.

        What cannot be read is in `failed`, hides nothing else, and is looked at again next time.
        Raises LookFailed when the server is not to be asked again.
        """
        return self._look(record or Record(), checked)

    def _look(self, record: Record, checked: Sequence[Build]) -> Record | None:
        clocks = self.clocks()
        same = record.based and clocks == record.clocks and record.counts == self.row.counts
        begun = self._begun(record)
        more = checked or self.vanished or begun or record.behind
        if same and not more and not self.silent(record):
            self._quiet(record)
            return None
        evaluated = record.clocks[1:2] != clocks[1:2]
        first = not record.clocks
        self._try(lambda: self.errors(record))
        self.progress(record, clocks, first=first)
        if self.kinds & {"job", "build", "eval"}:
            # a part that failed half-way has told nothing, so it may have changed nothing
            former = deepcopy(record)
            if not self._try(lambda: self._results(record, checked, evaluated=evaluated)):
                return former
        else:
            record.based = True
        if not self.failed:
            record.clocks, record.counts = clocks, self.row.counts
        return record

    def _begun(self, record: Record) -> set[int]:
        """Builds that are being worked on since the last look. Asked only where that is told."""
        if "build" not in self.kinds or not record.pending:
            return set()
        begun = self.server.building() & record.waiting().keys()
        return begun - set(record.building)

    def _try(self, part: Callable[[], None]) -> bool:
        """Whether a part of the look succeeded."""
        kept = len(self.found)
        try:
            part()
        except LookFailed as failed:
            if failed.why not in ONES_OWN or failed.status in (401, 403):
                raise
            self.failed.append(failed)
            del self.found[kept:]
            return False
        return True

    def _results(self, record: Record, checked: Sequence[Build], *, evaluated: bool) -> None:
        pages = None
        if evaluated or not record.based:
            pages = evals.read(self.server, self.name, record)
        if pages and not pages.whole:
            self._remark(f"more new evaluations than the {evals.PAGES} pages that are read")
        if not record.based or (pages and evals.another(pages, record)):
            self._begin(record, pages or evals.Pages([]), reset=record.based)
        else:
            self._go_on(record, pages, checked)
        record.tidy()

    def _remark(self, text: str) -> None:
        """Tells everybody, once, what this look knows to have missed."""
        said = (f"{self.name}: {text}",)
        kind = min(self.kinds)
        self.found.append(Snapshot(kind=kind, scope=self.name, changes=(), remarks=said))

    def _begin(self, record: Record, pages: evals.Pages, *, reset: bool) -> None:
        """A first look, or the first at another database: what is there is no news."""
        if reset:
            kept = (record.clocks, record.counts, record.status, record.error, record.enabled)
            blank = Record()
            for field in record.__struct_fields__:
                setattr(record, field, getattr(blank, field))
            (record.clocks, record.counts, record.status, record.error, record.enabled) = kept
        evals.begin(pages, record)
        results = ended(self.server, self.name, record, [], self.room)
        # what had ended before this look is history, read or not
        record.wait({n: one for n, one in record.waiting().items() if n not in results.unread})
        jobs.judge(record, results.done, self._time())
        record.young = len(pages.evals) == 1 and bool(record.pending)
        well = [jobs.key(one) for one in results.done if one.status == SUCCEEDED]
        if record.evals and not record.young:
            self._baseline(record, well, reset=reset)
        record.based = True
        if results.unread:
            many = f"{len(results.unread):,} old builds were not read"
            self._remark(f"{many}; how their jobs are is known from their next build on")

    def _baseline(self, record: Record, well: Sequence[str], *, reset: bool = False) -> None:
        """All jobs as they are now, as a listing."""
        if "job" not in self.kinds:
            return
        words = dict.fromkeys(well, "succeeded")
        words |= {job: outcome(one.status) for job, one in record.failing.items()}
        names = {self.seer.job_id(self.name, job): job for job in words}

        def build(ident: str, status: str) -> Observation:
            job, known = names[ident], record.failing.get(names[ident])
            if known is None:
                return self.seer.plain_job(self.name, job, status)
            name, _, system = job.rpartition(":")
            return self.seer.job(
                Case(
                    jobset=self.name, job=name, system=system, build=known.build,
                    status=known.status, evaluation=known.evaluation, stop=known.stop,
                    since=known.since if known.stop else 0,
                )
            )  # fmt: skip

        statuses = {ident: words[job] for ident, job in names.items()}
        self.found.append(
            Snapshot(
                kind="job", scope=self.name, statuses=statuses, rows=Lazy(statuses, build),
                complete=reset, reset=reset,
            )
        )  # fmt: skip

    def _go_on(self, record: Record, pages: evals.Pages | None, checked: Sequence[Build]) -> None:
        """What happened since the last look."""
        if not record.evals and pages and pages.evals:
            record.young = True
        added = evals.add(pages, record) if pages else []
        moved, behind = record.counts != self.row.counts, record.behind
        results = ended(self.server, self.name, record, checked, self.room, moved=moved)
        record.behind = bool(results.unread)
        news = jobs.judge(record, results.done, self._time())
        gone = [*jobs.left(record), *jobs.lost(record, self.vanished)]
        teller = Teller(self.server, self.seer, self.room, self.name, pages, self.row.nrtotal)
        if record.young:
            if not record.pending or len(record.evals) >= GROWN:
                record.young = False
                well = [job for job in record.recent if job not in record.failing]
                self._baseline(record, well)
        elif "job" in self.kinds and record.evals:
            seen = tuple(teller.jobs(record, news))
            names = tuple(self.seer.job_id(self.name, job) for job in gone)
            self.found.append(Snapshot(kind="job", scope=self.name, changes=seen, gone=names))
        if "build" in self.kinds:
            self._builds(teller, record, added, results, news)
        over = [one for one in sorted(record.open) if str(one) not in record.pending]
        if "eval" in self.kinds:
            seen = tuple(teller.evaluations(record, added, over, results.done))
            self.found.append(Snapshot(kind="eval", scope=self.name, changes=seen))
        record.open = {one: newer for one, newer in record.open.items() if one not in over}
        if results.unread and not behind:
            many = f"{len(results.unread):,} ended builds are older than those listed in one answer"
            self._remark(f"{many}; they are asked for one by one, {SINGLES} at a look")

    def _builds(
        self,
        teller: Teller,
        record: Record,
        added: Sequence[evals.Added],
        results: Results,
        news: Sequence[jobs.News],
    ) -> None:
        """Builds that were queued, restarted, begun or ended, in this order."""
        waiting = record.waiting()
        queue = self.server.queue()[0] if waiting else {}
        begun = self._begun(record)
        fresh = {number for one in added for number in one.fresh} | results.again
        changes, cached = teller.cached(added)
        for number in sorted((fresh | begun) & waiting.keys() & queue.keys()):
            one = queue[number]
            case = Case(
                jobset=self.name, job=one.job, system=one.system, build=number, status=-1,
                evaluation=waiting[number],
            )  # fmt: skip
            changes.append(self.seer.build(case, "building" if number in begun else "queued"))
        changes += teller.builds(record, results.done, news)
        record.building = sorted({*record.building, *begun} & waiting.keys())
        self.found.append(
            Snapshot(kind="build", scope=self.name, changes=tuple(changes), gone=cached)
        )

    def _quiet(self, record: Record) -> None:
        """Nothing changed: each scope was read, and has nothing to say."""
        silent = set() if record.evals and not record.young else {"job"}
        told = sorted(self.kinds & {"jobset", "job", "build", "eval"} - silent)
        self.found += [Snapshot(kind=kind, scope=self.name, changes=()) for kind in told]
