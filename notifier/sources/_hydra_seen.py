"""What is shown of a Hydra server's jobs, builds, evaluations and jobsets: observations."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from notifier.model import Observation
from notifier.sources._hydra_answers import Evaluation, Info, Terminal
from notifier.sources._hydra_server import place
from notifier.sources._hydra_words import meaning, outcome, said, titled
from notifier.sources._links import linked
from notifier.sources._text import clean

ID, NAME, SHORT, LONG = 200, 120, 120, 400
INPUTS, REVISION = 20, 12
# of these failures the build's own log tells more; what never ran has none
LOGGED = frozenset({1, 6, 7, 8, 10, 11, 12})
_REV = re.compile(r"[?&]rev=([0-9a-f]+)")
# 1973 to 5138
_FIRST, _LAST = 1e8, 1e11


class Case(msgspec.Struct, kw_only=True):
    """What happened to one job by one build.

    `was` is how its build before that ended, in words. `inputs` are lines, the telling one first.
    """

    jobset: str
    job: str
    system: str
    build: int
    status: int
    evaluation: int
    stop: int = 0
    since: int = 0
    was: str = ""
    part_of: str = ""
    inputs: tuple[str, ...] = ()
    step: str = ""
    log: str = ""


class Lazy(Mapping[str, Observation]):
    """Observations of a listing, each built when it is asked for."""

    def __init__(
        self, statuses: Mapping[str, str], build: Callable[[str, str], Observation]
    ) -> None:
        self._statuses = statuses
        self._build = build

    def __getitem__(self, name: str) -> Observation:
        return self._build(name, self._statuses[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._statuses)

    def __len__(self) -> int:
        return len(self._statuses)


class Seer(msgspec.Struct, frozen=True):
    """Makes observations. `url` is the server's address, `links` kind -> another page's."""

    url: str
    links: dict[str, str]
    redact: Callable[[str], str]

    def job(self, case: Case) -> Observation:
        """A job after one of its builds."""
        status = outcome(case.status)
        name = called(case.jobset, case.job, case.system)
        ident = job_id(case.jobset, case.job, case.system)
        labels = {
            "job": clean(case.job, SHORT, line=True),
            "system": clean(case.system, SHORT, line=True),
            "build": str(case.build),
            "previous": case.was,
            **self._places(case),
        }
        return Observation(
            kind="job",
            id=ident,
            name=name,
            status=status,
            health=meaning("job", status)[0],
            severity=meaning("job", status)[1],
            group=clean(case.jobset, SHORT, line=True),
            part_of=f"job/{case.part_of}" if case.part_of else "",
            message=self._lines(case.inputs),
            since=moment(case.since),
            ended=moment(case.stop),
            link=self._link("job", ident, name, f"/build/{case.build}"),
            labels={key: value for key, value in labels.items() if value},
        )

    def job_id(self, jobset: str, name: str) -> str:
        """The id of a job that a record knows as JOB:SYSTEM."""
        return clean(f"{jobset}:{name}", ID, line=True)

    def plain_job(self, jobset: str, name: str, status: str) -> Observation:
        """A job of which only the state is known."""
        job, _, system = name.rpartition(":")
        return Observation(
            kind="job",
            id=job_id(jobset, job, system),
            name=called(jobset, job, system),
            status=status,
            health=meaning("job", status)[0],
            severity=meaning("job", status)[1],
            group=clean(jobset, SHORT, line=True),
        )

    def build(self, case: Case, status: str, parent: int = 0) -> Observation:
        """A build: `status` is its word, `parent` the build whose failure it shares."""
        name = f"build {case.build} of {called(case.jobset, case.job, case.system)}"
        labels = {"job": clean(case.job, SHORT, line=True), "was": case.was, **self._places(case)}
        return Observation(
            kind="build",
            id=str(case.build),
            name=name,
            status=status,
            health=meaning("build", status)[0],
            severity=meaning("build", status)[1],
            attempt=str(case.stop or ""),
            group=clean(case.jobset, SHORT, line=True),
            part_of=f"build/{parent}" if parent else "",
            message=self._lines(case.inputs),
            ended=moment(case.stop) if status != "cached" else None,
            order=float(case.stop) if case.stop else None,
            link=self._link("build", str(case.build), name, f"/build/{case.build}"),
            labels={key: value for key, value in labels.items() if value},
        )

    def evaluation(
        self,
        jobset: str,
        number: int | None,
        status: str,
        lines: Iterable[str] = (),
        at: int = 0,
        error: str = "",
    ) -> Observation:
        """An evaluation; one that has no number (yet) goes by the name of its jobset."""
        ident = str(number) if number else clean(jobset, ID, line=True)
        name = f"evaluation {number} of {jobset}" if number else f"evaluation of {jobset}"
        where = f"/eval/{number}" if number else f"/jobset/{place(jobset)}"
        over = meaning("eval", status)[0] in ("ok", "failed")
        return Observation(
            kind="eval",
            id=ident,
            name=clean(name, NAME, line=True),
            status=status,
            health=meaning("eval", status)[0],
            severity=meaning("eval", status)[1],
            attempt=error if status == "failed" else "",
            group=clean(jobset, SHORT, line=True),
            part_of=f"jobset/{clean(jobset, ID, line=True)}" if status == "failed" else "",
            message=self._lines(lines),
            ended=moment(at) if over else None,
            link=self._link("eval", ident, name, where),
        )

    def jobset(self, jobset: str, status: str, text: str, error: str, at: int) -> Observation:
        """A jobset: `text` is the error, `error` its fingerprint, `at` when it was seen."""
        ident = clean(jobset, ID, line=True)
        project = jobset.partition(":")[0]
        return Observation(
            kind="jobset",
            id=ident,
            name=f"jobset {clean(jobset, NAME, line=True)}",
            status=status,
            health=meaning("jobset", status)[0],
            severity=meaning("jobset", status)[1],
            attempt=error,
            group=clean(project, SHORT, line=True),
            message=clean(text, redact=self.redact),
            since=moment(at),
            link=self._link("jobset", ident, jobset, f"/jobset/{place(jobset)}"),
        )

    def _places(self, case: Case) -> dict[str, str]:
        """Where to look further. These pages are there on servers of every age."""
        log = case.log or (f"/build/{case.build}/log" if case.status in LOGGED else "")
        return {
            "step": clean(case.step, SHORT, line=True),
            "log": f"{self.url}{log}" if log else "",
            "evaluation": f"{self.url}/eval/{case.evaluation}" if case.evaluation else "",
        }

    def _lines(self, lines: Iterable[str]) -> str:
        return clean("\n".join(lines), redact=self.redact)

    def _link(self, kind: str, ident: str, name: str, path: str) -> str:
        own = self.links.get(kind, "")
        return linked(own, ident=ident, name=name, node="") if own else f"{self.url}{path}"


def job_id(jobset: str, job: str, system: str) -> str:
    """`demo:main:hello:x86_64-linux`."""
    return clean(f"{jobset}:{job}:{system}", ID, line=True)


def called(jobset: str, job: str, system: str) -> str:
    """`demo:main:hello on x86_64-linux`."""
    return clean(f"{jobset}:{titled(job, system)}", NAME, line=True)


def was(status: int | None, build: int) -> str:
    """How a former build ended: `succeeded (build 1)`."""
    return f"{said(outcome(status))} (build {build})"


def moment(seconds: int | None) -> datetime | None:
    """A time of the server as aware UTC, if it is a sane one."""
    return datetime.fromtimestamp(seconds, UTC) if seconds and _FIRST < seconds < _LAST else None


def inputs(old: Evaluation | None, new: Evaluation | None) -> list[str]:
    """Which inputs differ between two evaluations: name, old and new revision, address."""
    if old is None or new is None:
        return []
    before, after = _inputs(old), _inputs(new)
    lines = []
    for name in [one for one in after if before.get(one) != after[one]][:INPUTS]:
        uri, revision = after[name]
        former = before.get(name)
        then = f"{former[1][:REVISION]} → " if former else "new, "
        moved = f", before at {former[0]}" if former and former[0] != uri else ""
        at = f" ({uri}{moved})" if uri else ""
        lines.append(f"{name}: {then}{revision[:REVISION] or '-'}{at}")
    lines += [f"{name}: no longer an input" for name in before if name not in after][:INPUTS]
    return [clean(line, LONG, line=True) for line in lines]


def _inputs(one: Evaluation) -> dict[str, tuple[str, str]]:
    """name -> (address, revision or value)."""
    found = {}
    for name, each in one.jobsetevalinputs.items():
        if isinstance(each, dict):
            told = [each.get(key) for key in ("uri", "revision", "value", "dependency")]
            uri, *rest = ["" if one is None else str(one)[:LONG] for one in told]
            found[name] = uri, next(filter(None, rest), "")
    if one.flake:
        address, _, revision = one.flake.split("?", 1)[0].rpartition("/")
        if asked := _REV.search(one.flake):
            address, revision = f"{address}/{revision}", asked[1]
        found["flake"] = address[:LONG], revision[:LONG]
    return found


def resolved(build: int, info: Info) -> tuple[str, str]:
    """What became of a failed build's resolved steps: (in words, where the log of it is)."""
    path, step = became(info)
    if step is None:
        return "", ""
    short = path.partition("-")[2].removesuffix(".drv") or path
    words = f"{short} {said(outcome(step.status))} (step {step.stepnr}, resolved)"
    return words, f"/build/{build}/nixlog/{step.stepnr}"


def became(info: Info) -> tuple[str, Terminal | None]:
    """The first of a build's resolved steps that failed as what it became: its derivation, it.

    A resolved step is no failure: what it became is. After a restart there are several of one.
    """
    found = {one.resolvedDrvPath: one.terminal for one in info.resolvedSteps if one.terminal}
    failed = ((path, step) for path, step in found.items() if step.status and not step.busy)
    return next(failed, ("", None))
