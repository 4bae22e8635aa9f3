"""One look at the projects of a Hydra server: what changed in which jobset, and nothing more."""

import math
from collections.abc import Sequence
from datetime import datetime
from fnmatch import fnmatchcase

import msgspec

from notifier.model import Snapshot, Unreadable
from notifier.sources._failed import LookFailed
from notifier.sources._hydra_answers import Build
from notifier.sources._hydra_jobset import ONES_OWN, One
from notifier.sources._hydra_memory import Memory
from notifier.sources._hydra_results import Room
from notifier.sources._hydra_seen import Seer
from notifier.sources._hydra_server import Server

# failed builds that are asked for in turn: the counts of a jobset can hide a restart
ROTATE = 5
# how long a list of projects is believed, in seconds
LISTED = 3600.0


class Tasks(msgspec.Struct):
    """What is looked at, by which names, and with what."""

    projects: Sequence[str]
    jobsets: Sequence[str]
    kinds: frozenset[str]
    server: Server
    memory: Memory
    seer: Seer
    now: datetime
    results: list[Snapshot | Unreadable] = []
    vanished: dict[str, list[int]] = {}

    def look(self) -> list[Snapshot | Unreadable]:
        """All projects in turn. One that cannot be read hides no other."""
        try:
            names = self._projects()
            checked = self._rotate()
            room = Room()
            for name in names:
                self._project(name, checked, room)
        except LookFailed as failed:
            self.results.append(failed.unreadable("tasks"))
        else:
            odd = f"{self.server.odd:,} odd rows were left out" if self.server.odd else ""
            self._read(odd if names else "no project fits what is configured")
        return self.results

    def _read(self, note: str = "", scope: str = "") -> None:
        """Says that a project, or the list of all, could be read: its trouble is over."""
        kind = min(self.kinds)
        notes = (note,) if note else ()
        self.results.append(Snapshot(kind=kind, scope=scope, changes=(), notes=notes))

    def _projects(self) -> list[str]:
        """The projects that are looked at; all are listed once an hour, if patterns are given."""
        if not any(set("*?[") & set(one) for one in self.projects):
            return list(self.projects)
        old = self.now.timestamp() - self.memory.listed
        if not 0 <= old < LISTED:
            self._list()
        return [one for one in self.memory.projects if _fits(one, self.projects)]

    def _list(self) -> None:
        """Asks for all projects. A list with a row nobody can read says of none that it is gone."""
        odd, former = self.server.odd, self.memory.projects
        found = self.server.projects()
        whole = self.server.odd == odd
        self.memory.listed = self.now.timestamp() if whole else 0.0
        self.memory.projects = found if whole else list(dict.fromkeys([*former, *found]))
        for project in former:
            if project not in self.memory.projects:
                for name in self.memory.names():
                    if name.startswith(f"{project}:"):
                        self._left(name)
                self._read(scope=project)

    def _project(self, project: str, checked: dict[str, list[Build]], room: Room) -> None:
        """Every jobset of a project. Raises LookFailed when the server is not to be asked again."""
        odd = self.server.odd
        try:
            rows = self.server.jobsets(project)
        except LookFailed as failed:
            self._failed(failed, project)
            return
        self._read(scope=project)
        there = set()
        for row in rows:
            name = f"{project}:{row.name}"
            there.add(name)
            if not (_fits(row.name, self.jobsets) or _fits(name, self.jobsets)):
                continue
            one = One(
                name=name, row=row, kinds=self.kinds, server=self.server, seer=self.seer,
                room=room, now=self.now, vanished=frozenset(self.vanished.get(name, ())),
            )  # fmt: skip
            record = one.look(self.memory.record(name), checked.get(name, []))
            if record is not None:
                self.memory.keep(name, record)
            self.results += one.found
            self.results += [failed.unreadable("tasks", name) for failed in one.failed[:1]]
        for name in self.memory.names() if self.server.odd == odd else ():
            if name.startswith(f"{project}:") and name not in there:
                self._left(name)

    def _failed(self, failed: LookFailed, scope: str) -> None:
        # a login is asked for by the server as a whole
        if failed.why not in ONES_OWN or failed.status in (401, 403):
            raise failed
        self.results.append(failed.unreadable("tasks", scope))

    def _left(self, name: str) -> None:
        """A jobset that was deleted or hidden, and what failed in it."""
        record = self.memory.record(name)
        jobs = [self.seer.job_id(name, job) for job in record.failing] if record else []
        self.memory.drop(name)
        for kind, gone in (("jobset", [self.seer.jobset(name, "", "", "", 0).id]), ("job", jobs)):
            if kind in self.kinds and gone:
                self.results.append(Snapshot(kind=kind, scope=name, changes=(), gone=tuple(gone)))

    def _rotate(self) -> dict[str, list[Build]]:
        """A few of the builds that failed, asked for in turn: those that are others by now."""
        jobs = self.memory.open("failing", "void")
        start = turn(self.now, len(jobs))
        found: dict[str, list[Build]] = {}
        for name, job, which in [*jobs[start:], *jobs[:start]][:ROTATE]:
            build = self._checked(name, job, which)
            if build is not None:
                found.setdefault(name, []).append(build)
        return found

    def _checked(self, name: str, job: str, which: str) -> Build | None:
        """The build, if it was restarted. One that the server has no more has vanished."""
        record = self.memory.record(name)
        if record is None:
            return None
        jobs = record.failing if which == "failing" else record.void
        known = jobs[job]
        if known.build in record.waiting():
            return None
        try:
            build = self.server.build(known.build)
        except LookFailed as failed:
            if failed.why not in ONES_OWN:
                raise
            return None
        if build is None:
            self.vanished.setdefault(name, []).append(known.build)
            return None
        if build.finished and not known.stop:
            known.stop = build.stoptime or 0
            self.memory.keep(name, record)
        now = (bool(build.finished), build.stoptime or 0, build.buildstatus)
        return None if now == (True, known.stop, known.status) else build


def turn(now: datetime, count: int) -> int:
    """Where among so many the turn is by the clock: a pointer would be written at every look.

    The steps of an irrational share meet all of them, at whatever interval the looks come.
    """
    return int(now.timestamp() // 60 * math.log(2) % 1 * count)


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
