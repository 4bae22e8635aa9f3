"""What a HakuRiver host is: which dialect, how many nodes, and whether its tasks can be read."""

from __future__ import annotations

import msgspec

from notifier.sources._failed import LookFailed
from notifier.sources._hakuriver_host import Host

NAMES = {"A": "HakuRiver 0.3", "B": "KohakuRiver 0.4", "C": "KohakuRiver 1.0"}
# what 0.3 calls itself in the description of its API; the others share another name
FIRST = "HakuRiver Cluster Manager"
_UNKNOWN = "HakuRiver or KohakuRiver (it does not say which)"


class _Info(msgspec.Struct):
    title: str = ""


class _Described(msgspec.Struct):
    """As much of openapi.json as is looked at; its version says nothing (0.3.0 claims 0.1.0)."""

    info: _Info
    paths: dict[str, msgspec.Raw]


class _Row(msgspec.Struct):
    task_id: str | int


def about(host: Host) -> str:
    """One line about the host. Raises LookFailed where its nodes or its tasks cannot be read.

    Three small answers. The list of tasks of a 0.3 is not asked for: it is always all of them.
    """
    nodes = host.nodes().statuses
    dialect = _dialect(host)
    name = f"{NAMES[dialect]} (dialect {dialect})" if dialect else _UNKNOWN
    away = sum(word != "online" for word in nodes.values())
    counted = f"{len(nodes):,} node{'s' * (len(nodes) != 1)}" + (f", {away:,} offline" * bool(away))
    return f"{name} at {host.memory.base or '/'}: {counted}"


def _dialect(host: Host) -> str:
    try:
        body = host.http.get("/openapi.json", host.deadline).body
        described = msgspec.json.decode(body, type=_Described)
    except (LookFailed, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # behind a proxy that passes only the API; what was seen of it before still counts
        return host.memory.dialect
    if described.info.title == FIRST:
        return "A"
    first = _first(host)
    if first is None:
        return "C" if any(path.startswith("/api/") for path in described.paths) else "B"
    return "B" if isinstance(first.task_id, int) else "C"


def _first(host: Host) -> _Row | None:
    """The newest task of a host that knows limits: also the proof that tasks may be read."""
    try:
        body = host.http.get(f"{host.memory.base}/tasks?limit=1", host.deadline).body
    except LookFailed as failed:
        if failed.status not in (401, 403):
            raise
        reason = f"its nodes can be read and its tasks cannot: {failed.reason}; set `token`"
        raise LookFailed("refused", reason, status=failed.status, took=failed.took) from None
    try:
        rows = msgspec.json.decode(body, type=list[_Row])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise LookFailed("sick", "the list of tasks is none") from None
    return rows[0] if rows else None
