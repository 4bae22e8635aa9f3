"""What a message about jobs needs beyond their state, asked for the few that are news."""

from collections.abc import Iterable, Iterator, Sequence

from notifier.model import Observation
from notifier.sources._failed import LookFailed
from notifier.sources._hydra_evals import Added, Pages
from notifier.sources._hydra_jobs import BROKEN, FIXED, STILL, News, digest, parents, told
from notifier.sources._hydra_memory import Failing, Record
from notifier.sources._hydra_results import Ended, Room
from notifier.sources._hydra_seen import Case, Seer, inputs, job_id, resolved, was
from notifier.sources._hydra_server import Server
from notifier.sources._hydra_words import NONE, SUCCEEDED, outcome
from notifier.words import plural

# of so many jobs that are news the build is asked for, of so many its history
DETAILS, HISTORIES = 50, 20
# builds of an evaluation that are told one by one although they were there before
CACHED = 200
# an evaluation of more builds is asked for by itself: a page has all builds of twenty
LARGE = 2000
# rows of a job's history that are looked at for its former real outcome
FORMER = 10


class Teller:
    """Words for what one look found in one jobset. What cannot be asked is left out."""

    def __init__(
        self, server: Server, seer: Seer, room: Room, name: str, pages: Pages | None, builds: int
    ) -> None:
        self.server = server
        self.seer = seer
        self.room = room
        self.name = name
        self.pages = pages
        self.large = builds > LARGE

    def jobs(self, record: Record, news: Sequence[News]) -> list[Observation]:
        """Jobs that broke, are still broken, or were fixed: what others depend on comes first."""
        changed = [one for one in news if one.what != STILL]
        self._complete(record, changed)
        above = parents(record, news)
        ordered = sorted(news, key=lambda one: one.ended.number in above)
        roots = [one for one in changed if one.ended.number not in above]
        deep = {id(one) for one in roots[: self.room.take(min(HISTORIES, len(roots)))]}
        return [
            self.seer.job(self._case(record, one, above, deep=id(one) in deep)) for one in ordered
        ]

    def builds(
        self, record: Record, results: Iterable[Ended], news: Sequence[News]
    ) -> list[Observation]:
        """Builds that ended, well or not."""
        above = parents(record, news)
        seen = []
        for one in sorted(results, key=lambda one: one.number in above):
            parent = above.get(one.number)
            root = 0 if parent is None else _build(parent)
            seen.append(self.seer.build(self._bare(one), outcome(one.status), root))
        return seen

    def cached(self, added: Iterable[Added]) -> tuple[list[Observation], tuple[str, ...]]:
        """Builds of before that a new evaluation lists again, if they are few, and their ids.

        What is well is told once for each evaluation, so its id is to be forgotten at once.
        """
        seen: list[Observation] = []
        for one in added:
            if not 0 < len(one.cached) <= CACHED:
                continue
            try:
                members = self.server.members(one.evaluation.id)
            except LookFailed:
                continue
            for build in members:
                well = build.finished and build.buildstatus == SUCCEEDED
                if build.id in one.cached and (well or not build.finished):
                    case = Case(
                        jobset=self.name, job=build.job, system=build.system, build=build.id,
                        status=SUCCEEDED, evaluation=one.evaluation.id,
                    )  # fmt: skip
                    seen.append(self.seer.build(case, "cached" if well else "queued_before"))
        return seen, tuple(one.id for one in seen if one.status == "cached")

    def evaluations(
        self, record: Record, added: Sequence[Added], over: Sequence[int], done: Sequence[Ended]
    ) -> Iterator[Observation]:
        """Evaluations that were added, and those that are over: each with what it brought.

        One that is over when it is first seen is told once.
        """
        brought = {one.evaluation.id: _brought(one) for one in added}
        for number, said in brought.items():
            if number not in over:
                yield self._evaluation(record, number, "building", [said])
        for number in over:
            newer = record.open[number]
            status = "superseded" if newer else "completed"
            until = f"evaluation {newer} took over builds of it, until then " if newer else ""
            lines = [f"{until}{digest(record, number)}", *filter(None, [brought.get(number)])]
            at = max((one.stop for one in done if one.evaluation == number), default=0)
            yield self._evaluation(record, number, status, lines, at)

    def _evaluation(
        self, record: Record, number: int, status: str, lines: list[str], at: int = 0
    ) -> Observation:
        shown = _telling(lines, [*self._inputs(record, number, 0)])
        return self.seer.evaluation(self.name, number, status, shown, at)

    def _complete(self, record: Record, news: Sequence[News]) -> None:
        """Times of the builds: those that failed by themselves before those they took along."""
        bare = [one for one in news if not one.ended.stop]
        bare.sort(key=lambda one: (one.what == FIXED, one.ended.status == 2))
        for one in bare[: self.room.take(min(DETAILS, len(bare)))]:
            try:
                build = self.server.build(one.ended.number)
            except LookFailed:
                return
            if build is None:
                continue
            one.ended.stop, one.ended.start = build.stoptime or 0, build.starttime or 0
            failing = record.failing.get(one.job)
            if failing and failing.build == build.id:
                failing.stop = one.ended.stop
                if one.what == BROKEN:
                    failing.since = one.ended.stop or failing.since

    def _case(
        self, record: Record, one: News, above: dict[int, Ended | Failing], *, deep: bool
    ) -> Case:
        case = self._bare(one.ended)
        failing = record.failing.get(one.job)
        case.since = failing.since if failing else one.ended.stop
        parent = above.get(one.ended.number)
        case.part_of = self._job_of(record, parent) if parent is not None else ""
        former = one.was.build if one.was else 0
        if one.was:
            case.was = was(one.was.status, one.was.build)
        elif deep:
            case.was, former = self._before(one.ended)
            case.step, case.log = self._steps(one.ended)
        number = one.ended.evaluation
        tally = told(record.tally.get(str(number), ()))
        first = [f"evaluation {number}: {tally}"] if tally else []
        case.inputs = _telling(first, [*self._inputs(record, number, former)])
        return case

    def _bare(self, one: Ended) -> Case:
        return Case(
            jobset=self.name,
            job=one.job,
            system=one.system,
            build=one.number,
            status=one.status,
            evaluation=one.evaluation,
            stop=one.stop,
        )

    def _job_of(self, record: Record, parent: Ended | Failing) -> str:
        if isinstance(parent, Ended):
            return job_id(self.name, parent.job, parent.system)
        for job, one in record.failing.items():
            if one is parent:
                name, _, system = job.rpartition(":")
                return job_id(self.name, name, system)
        return ""

    def _before(self, one: Ended) -> tuple[str, int]:
        """How the build before that one ended, as Hydra's plug-ins see it: not aborted, not
        cancelled, the newest with a lower number."""
        try:
            rows = self.server.latest(self.name, FORMER, one.job, one.system)
        except LookFailed:
            return "", 0
        for row in rows:
            if row.id < one.number and row.buildstatus not in NONE:
                return was(row.buildstatus, row.id), row.id
        return ("none, this is its first build" if len(rows) < FORMER else ""), 0

    def _steps(self, one: Ended) -> tuple[str, str]:
        if one.status == SUCCEEDED:
            return "", ""
        try:
            return resolved(one.number, self.server.info(one.number))
        except LookFailed:
            return "", ""

    def _inputs(self, record: Record, number: int, former: int) -> Iterator[str]:
        """What changed since the evaluation that still had the former build, or the one before."""
        pages = self._around(record, number)
        old = pages.holding(former, number) if former else None
        yield from inputs(old or pages.before(number), pages.get(number))

    def _around(self, record: Record, number: int) -> Pages:
        """That evaluation and some before it: of very large ones only the one before."""
        if self.pages is not None and (not self.large or self.pages.get(number)):
            return self.pages
        try:
            if self.large:
                older = [one for one in record.evals if one < number]
                wanted = [number, *([max(older)] if older else [])]
                self.pages = Pages([self.server.evaluation(one) for one in wanted])
            else:
                self.pages = Pages(self.server.evaluations(self.name, 1).evals)
        except LookFailed:
            self.pages = Pages([])
        return self.pages


def _telling(first: list[str], changed: list[str]) -> tuple[str, ...]:
    """Lines of which the first is enough: several things in one message show no more of it."""
    if len(changed) == 1:
        return ("; ".join((*first, *changed)),)
    more = [f"{len(changed)} inputs changed"] if changed else []
    head = "; ".join((*first, *more))
    return (head, *changed) if head else ()


def _brought(one: Added) -> str:
    cached = f", {len(one.cached):,} as before" if one.cached else ""
    return f"{plural(len(one.fresh), 'new build')}{cached}"


def _build(one: Ended | Failing) -> int:
    return one.number if isinstance(one, Ended) else one.build
