"""The shapes of a Hydra server's answers, as far as they are used: what lacks a part is none."""

from typing import Annotated, Any

import msgspec

from notifier.sources._failed import LookFailed

SHAPE = "the answer has not the shape that Hydra's has"
# ids and times; Hydra's have 32 bits, and beyond 53 no JSON is sure of them
Number = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
# the name of a job is remembered; what is longer is none
Word = Annotated[str, msgspec.Meta(max_length=1000)]


class JobsetRow(msgspec.Struct):
    """One jobset in the list of its project: counts of current builds, and clocks."""

    name: str
    nrscheduled: Number = 0
    nrsucceeded: Number = 0
    nrfailed: Number = 0
    nrtotal: Number = 0
    checkinterval: Number | None = None
    lastcheckedtime: Number | None = None
    starttime: Number | None = None
    triggertime: Number | None = None
    errortime: Number | None = None
    fetcherrormsg: str | None = None

    @property
    def counts(self) -> list[Number]:
        """What moves when a build of the jobset is added, ends or is restarted."""
        return [self.nrscheduled, self.nrsucceeded, self.nrfailed, self.nrtotal]


class Project(msgspec.Struct):
    """One project in the list of all."""

    name: str


class Jobset(msgspec.Struct):
    """A jobset with the texts of its errors. That one is not shown is not that there is none."""

    enabled: Number | bool
    errormsg: str | None
    fetcherrormsg: str | None = None


class Evaluation(msgspec.Struct):
    """One evaluation of a jobset. `builds` stays as it came: there may be 100,000."""

    id: Number
    timestamp: Number
    builds: msgspec.Raw
    flake: str | None = None
    jobsetevalinputs: dict[str, Any] = {}

    def ids(self) -> set[int]:
        """Its builds. Raises LookFailed where they cannot be read: that is not that it has none."""
        try:
            return set(msgspec.json.decode(self.builds, type=list[Number]))
        except (msgspec.DecodeError, RecursionError):
            raise LookFailed("sick", SHAPE) from None


class Evaluations(msgspec.Struct):
    """A page of evaluations. `next` names the page after it, where there is one."""

    evals: list[Evaluation]
    next: str | None = None


class Row(msgspec.Struct, gc=False):
    """A build in a list: one that waits in the queue, or is worked on."""

    id: Number
    job: Word
    system: Word


class Over(Row, gc=False):
    """A finished build in the list of the latest ones."""

    buildstatus: Number


class Build(msgspec.Struct):
    """One build. `buildstatus` and the times mean nothing before it is `finished`."""

    id: Number
    job: Word
    system: Word
    finished: Number | bool
    buildstatus: Number | None = None
    starttime: Number | None = None
    stoptime: Number | None = None

    def __post_init__(self) -> None:
        """What ended has ended somehow."""
        if self.finished and self.buildstatus is None:
            raise ValueError("no status")


class Terminal(msgspec.Struct):
    """The step that a resolved one became, and how it ended."""

    stepnr: Number = 0
    status: Number | None = None
    busy: Number = 0


class Resolved(msgspec.Struct):
    """A step that became another one when what it depends on was known."""

    stepnr: Number = 0
    resolvedDrvPath: str = ""
    terminal: Terminal | None = None


class Info(msgspec.Struct):
    """A build's derivation, and the part of its steps that a server shows: the resolved ones."""

    drvPath: str = ""
    resolvedSteps: list[Resolved] = []
