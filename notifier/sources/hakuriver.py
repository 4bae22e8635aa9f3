"""HakuRiver and its successor KohakuRiver: tasks, nodes and vps tasks of one host."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from notifier.model import (
    SOURCE_WIDE,
    Family,
    Health,
    Kind,
    Observation,
    Severity,
    Snapshot,
    Unreadable,
)
from notifier.settings import SourceSettings
from notifier.sources._failed import LookFailed
from notifier.sources._hakuriver_host import Host, Memory
from notifier.sources._hakuriver_seen import Seer, submitted
from notifier.sources._rows import Listing, Observations
from notifier.tables import Duration

if TYPE_CHECKING:
    from notifier.sources._http import Http

KINDS: Mapping[str, Kind] = {
    "node": Kind("node", "nodes", finite=False, absence="reset"),
    "task": Kind("task", "tasks", finite=True, absence="reset"),
    # A vps ends like a task, and its row stays for ever: a failed one is a fact, not a state that
    # may be well again tomorrow. But while it runs it is well.
    "vps": Kind("vps", "tasks", finite=True, absence="reset"),
}
ACTIVE = ("pending_approval", "assigning", "pending", "running", "paused")
# the words that may end a task badly; those not in `failed` are somebody's own doing
ENDINGS = ("failed", "killed", "killed_oom", "lost", "stopped", "rejected")
# bytes of the end of a log that are kept
LOG_BYTES = 64 * 1024
# how people end a vps
_VPS_ENDS = ("killed", "stopped", "rejected")


class Settings(SourceSettings, frozen=True, kw_only=True):
    """Keys of a source of type `hakuriver` (or `kohakuriver`)."""

    # address of the host, with or without a path; whether the API is at /api is found out
    url: str
    # API token, where the host asks for one; a viewer's is enough
    token: str = ""
    # PEM file of the authority that signed the host's certificate
    ca_file: str = ""
    # bound of the connection and of each wait for data; a long list takes the host many seconds
    timeout: Duration = Duration(60)
    # largest answer that is read, in bytes
    max_bytes: int = 512 * 1024 * 1024
    # statuses of a task that are failures
    failed: list[str] = msgspec.field(
        default_factory=lambda: ["failed", "killed", "killed_oom", "lost", "stopped"]
    )
    # what is looked at
    kinds: list[Literal["task", "node", "vps"]] = msgspec.field(
        default_factory=lambda: ["task", "node", "vps"]
    )


def classify(settings: Settings, kind: str, status: str) -> tuple[Health, Severity]:
    """What a status of the host means today; `failed` decides before everything else."""
    if kind == "node":
        return {"online": _OK, "offline": _DOWN}.get(status, _UNKNOWN)
    vps = kind == "vps"
    if status in settings.failed and not (vps and status in _VPS_ENDS):
        return "failed", "warning" if status == "killed" else "critical"
    if status == "completed" or (vps and status == "running"):
        return _OK
    if status in ACTIVE:
        return "active", "info"
    return ("cancelled", "info") if status in ENDINGS else _UNKNOWN


_OK: tuple[Health, Severity] = ("ok", "info")
_DOWN: tuple[Health, Severity] = ("down", "critical")
_UNKNOWN: tuple[Health, Severity] = ("unknown", "warning")


def poll(
    settings: Settings,
    http: Http,
    cursor: Any,
    want: frozenset[str],
    follow: Mapping[str, frozenset[str]],
    deadline: float,
    now: datetime,
) -> tuple[list[Snapshot | Unreadable], Any]:
    """Looks at what is wanted: tasks before nodes, so that a lost task finds its node offline.

    The list of vps tasks comes last and is a scope of its own: what it fails at is not held
    against the tasks.
    """
    memory = _remembered(cursor)
    host = Host(http, memory, deadline)
    results: list[Snapshot | Unreadable] = []
    gone: LookFailed | None = None
    for kind, family, scope in _ORDER:
        if kind not in want or kind not in settings.kinds:
            continue
        try:
            if gone:
                raise gone
            results.append(_look(settings, host, kind, scope, follow))
        except LookFailed as failed:
            results.append(failed.unreadable(family, scope))
            if failed.why in SOURCE_WIDE:
                gone = LookFailed(failed.why, failed.reason)
    new = msgspec.to_builtins(memory)
    return results, cursor if new == (cursor or {}) else new


def about(settings: Settings, http: Http, cursor: Any, deadline: float) -> str:
    """Which version answers, and how many nodes it has. Raises LookFailed."""
    # only a person who asks needs it
    from notifier.sources import _hakuriver_about

    return _hakuriver_about.about(Host(http, _remembered(cursor), deadline))


_ORDER: tuple[tuple[str, Family, str], ...] = (
    ("task", "tasks", ""),
    ("node", "nodes", ""),
    ("vps", "tasks", "vps"),
)


def _look(
    settings: Settings, host: Host, kind: str, scope: str, follow: Mapping[str, frozenset[str]]
) -> Snapshot:
    """One kind as a listing. Raises LookFailed."""
    listing: Listing[Any]
    host.notes.clear()
    if kind == "task":
        words = dict.fromkeys((*ACTIVE, *settings.failed))
        listing, paged = host.tasks(words, follow.get(kind, frozenset()))
    else:
        listing = host.nodes() if kind == "node" else host.vps()
        paged = False
    seer = Seer(
        health=partial(classify, settings),
        links=settings.link,
        redact=host.http.redact,
        offset=host.memory.offset,
    )
    build: Any = seer.node if kind == "node" else partial(seer.task, kind)
    return Snapshot(
        kind=kind,
        scope=scope,
        statuses=listing.statuses,
        rows=Observations(listing, build),
        order=None if kind == "node" else submitted,
        complete=not (paged or listing.odd),
        paged=paged,
        notes=(*listing.odd, *host.notes),
    )


# where the end of a log is: 1.0, 0.4.0, and 0.3.0, which always sends the whole file
_LOGS = ("/api/tasks/{}/stderr?lines={}", "/tasks/{}/stderr?lines={}", "/task/{}/stderr")


def log_tail(
    settings: Settings, http: Http, observation: Observation, lines: int, deadline: float
) -> str:
    """The last lines of a task's stderr; nothing for what has none. Raises LookFailed."""
    if observation.kind != "task" or not observation.id.isdigit():
        return ""
    for path in _LOGS:
        try:
            answer = http.get(path.format(observation.id, lines), deadline, keep=LOG_BYTES)
        except LookFailed as failed:
            if failed.status == 404 and path is not _LOGS[-1]:
                continue
            if failed.status in (404, 500):
                # 0.3.0 gives 500 where there is no file
                return ""
            raise
        return "\n".join(answer.body.decode("utf-8", "replace").splitlines()[-lines:])
    return ""


def _remembered(cursor: Any) -> Memory:
    try:
        return msgspec.convert(cursor or {}, Memory)
    except msgspec.ValidationError:
        return Memory()
