"""Hydra: the jobs, builds, evaluations, machines and the queue of one server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from notifier.model import Health, Kind, Observation, Severity, Snapshot, Unreadable
from notifier.settings import SourceSettings
from notifier.sources import _hydra_machines as machines
from notifier.sources._failed import LookFailed, place
from notifier.sources._hydra_log import tail
from notifier.sources._hydra_memory import Memory
from notifier.sources._hydra_seen import Seer
from notifier.sources._hydra_server import Server
from notifier.sources._hydra_tasks import Tasks
from notifier.sources._hydra_words import meaning
from notifier.tables import Duration
from notifier.words import plural

if TYPE_CHECKING:
    from notifier.sources._http import Http

KINDS: Mapping[str, Kind] = {
    # what evaluates to jobs is told before them
    "jobset": Kind("jobset", "tasks", finite=False, attempts=True),
    "job": Kind("job", "tasks", finite=False),
    "build": Kind("build", "tasks", finite=True, attempts=True),
    "eval": Kind("eval", "tasks", finite=True, attempts=True),
    # a lost machine is removed from the list
    "machine": Kind("machine", "nodes", finite=False, absence="down", confirm=2),
    "queue": Kind("queue", "nodes", finite=False, confirm=2),
}


class Settings(SourceSettings, frozen=True, kw_only=True):
    """Keys of a source of type `hydra`."""

    # address of the web server, with or without a path
    url: str
    # projects that are looked at: names, or patterns, for which all are listed once an hour
    projects: list[str] = msgspec.field(default_factory=lambda: ["*"])
    # jobsets that are looked at: patterns of a name, or of PROJECT:JOBSET
    jobsets: list[str] = msgspec.field(default_factory=lambda: ["*"])
    # what is looked at; `build` and `eval` are for routes that name them
    kinds: list[Literal["job", "jobset", "machine", "queue", "build", "eval"]] = msgspec.field(
        default_factory=lambda: ["job", "jobset", "machine", "queue"]
    )
    # headers that something in front of the server asks for; each value may be a secret
    headers: dict[str, str] = {}
    # cookies of a login, as `curl -c` writes them, for a private server; read, never written
    cookie_jar: str = ""
    # PEM file of the authority that signed the server's certificate
    ca_file: str = ""
    # bound of the connection and of each wait for data
    timeout: Duration = Duration(60)
    # largest answer that is read, in bytes
    max_bytes: int = 128 * 1024 * 1024


def classify(settings: Settings, kind: str, status: str) -> tuple[Health, Severity]:
    """What a status means; the words are ours, as Hydra has only numbers."""
    return meaning(kind, status)


def poll(
    settings: Settings,
    http: Http,
    cursor: Any,
    want: frozenset[str],
    follow: Mapping[str, frozenset[str]],
    deadline: float,
    now: datetime,
) -> tuple[list[Snapshot | Unreadable], Any]:
    """Looks at what is wanted: machines by two requests, an unchanged project by one.

    Every jobset is a scope of its own: what one fails at is not held against another. Its first
    look is a listing, each later one what changed.
    """
    kinds = want & frozenset(settings.kinds)
    server, memory = Server(http, deadline), Memory(cursor)
    results: list[Snapshot | Unreadable] = []
    seer = Seer(url=place(settings.url).rstrip("/"), links=settings.link, redact=http.redact)
    if kinds & {"machine", "queue"}:
        try:
            results += machines.look(server, seer, kinds)
        except LookFailed as failed:
            results.append(failed.unreadable("nodes"))
    if tasks := kinds & {"job", "jobset", "build", "eval"}:
        results += Tasks(
            projects=settings.projects, jobsets=settings.jobsets, kinds=tasks,
            server=server, memory=memory, seer=seer, now=now,
        ).look()  # fmt: skip
    return results, memory.cursor()


def about(settings: Settings, http: Http, cursor: Any, deadline: float) -> str:
    """One line on what is there. Raises LookFailed, also for what is no Hydra."""
    server, memory = Server(http, deadline), Memory(cursor)
    projects = server.projects()
    told = server.any("/queue-runner-status")
    if not isinstance(told, dict):
        raise LookFailed("refused", "no status of a queue runner: is it a Hydra?")
    runner = told.get("queueRunner", told)
    status = runner.get("status") if isinstance(runner, dict) else None
    runs = {"up": "queue runner up", "unreachable": "queue runner down"}
    known, failing = len(memory.names()), len(memory.open("failing"))
    watched = f"; {failing:,} jobs failing in {plural(known, 'jobset')}" if known else ""
    there = plural(len(projects), "project")
    return f"Hydra, {runs.get(str(status), 'queue runner not shown')}: {there}{watched}"


def log_tail(
    settings: Settings, http: Http, observation: Observation, lines: int, deadline: float
) -> str:
    """The last lines of a failed build's log; nothing for what has none. Raises LookFailed."""
    return tail(http, observation, lines, deadline)
