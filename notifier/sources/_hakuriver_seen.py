"""What a row of a HakuRiver host says of a task, a vps or a node, cleaned and with real times."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from notifier.model import Health, Observation, Severity
from notifier.sources._links import linked
from notifier.sources._redact import Redactor
from notifier.sources._text import clean, cut

NAME, COMMAND, SHORT = 80, 500, 120
# as much of a command is looked at
_ARGUMENTS, _ARGUMENT = 100, 1000
_DAY = timedelta(hours=14)
_QUARTER = 15 * 60
# what is between these seconds since 1970 can be a time of submission: 2001 to 2286
_FIRST, _LAST = 1e9, 1e10


class LeanTask(msgspec.Struct, gc=False):
    """What is decoded of every task. Only 0.4.0 and later have a `task_type`."""

    id: str | int = msgspec.field(name="task_id")
    status: str
    task_type: Any = None


class LeanNode(msgspec.Struct, gc=False):
    """What is decoded of every node."""

    id: str | int = msgspec.field(name="hostname")
    status: str


class Task(msgspec.Struct):
    """A row of /tasks, /vps or /status/ID. The dialects differ, and nothing is sure: all is Any.

    Left out on purpose: env_vars (holds secrets), paths, units.
    """

    id: Any = msgspec.field(name="task_id", default=None)
    batch_id: Any = None
    task_type: Any = None
    name: Any = None
    owner_username: Any = None
    command: Any = None
    arguments: Any = None
    assigned_node: Any = None
    container_name: Any = None
    exit_code: Any = None
    error_message: Any = None
    required_cores: Any = None
    required_gpus: Any = None
    submitted_at: Any = None
    started_at: Any = None
    completed_at: Any = None


class Node(msgspec.Struct):
    """A row of /nodes. Left out: numbers of cores, which say nothing of a node that is down."""

    hostname: Any = None
    status: Any = None
    last_heartbeat: Any = None
    gpu_info: Any = None
    runner_version: Any = None


class Seer(msgspec.Struct, frozen=True):
    """Makes observations: `health` gives what (kind, status) means, `links` kind -> URL.

    `offset` is how far the host's zone is from UTC in minutes, where that is known.
    """

    health: Callable[[str, str], tuple[Health, Severity]]
    links: dict[str, str]
    redact: Redactor
    offset: int | None = None

    def task(self, kind: str, name: str, status: str, row: Task | None) -> Observation:
        """A task or vps. Without a readable row, its id and status."""
        row = row or Task()
        health, severity = self.health(kind, status)
        command = self._command(row)
        shown = clean(_text(row.name), NAME, line=True, redact=self.redact) or cut(command, NAME)
        node = clean(_text(row.assigned_node), SHORT, line=True)
        order = submitted(name)
        offset = _offset(row.submitted_at, order)
        message = clean(_text(row.error_message), redact=self.redact)
        zoned = [
            when(value, offset) for value in (row.submitted_at, row.started_at, row.completed_at)
        ]
        return Observation(
            kind=kind,
            id=name,
            name=shown or self._container(row) or kind,
            status=status,
            health=health,
            severity=severity,
            node=node,
            owner=clean(_text(row.owner_username), SHORT, line=True),
            group=clean(_text(row.batch_id), SHORT, line=True),
            part_of=f"node/{node}" if node else "",
            message=message,
            command=command,
            submitted=datetime.fromtimestamp(order, UTC) if order else zoned[0],
            started=zoned[1],
            ended=zoned[2],
            order=order,
            link=self._link(kind, name, shown, node),
            labels=_labels(
                exit_code=row.exit_code,
                cores=row.required_cores,
                gpus=_count(row.required_gpus),
                container=self._container(row),
            ),
        )

    def node(self, name: str, status: str, row: Node | None) -> Observation:
        """A node; it carries its own name."""
        row = row or Node()
        health, severity = self.health("node", status)
        return Observation(
            kind="node",
            id=name,
            name=name,
            status=status,
            health=health,
            severity=severity,
            node=name,
            last_seen=when(row.last_heartbeat, self.offset),
            link=self._link("node", name, name, name),
            labels=_labels(
                gpus=_count(row.gpu_info),
                runner_version=row.runner_version,
            ),
        )

    def _command(self, row: Task) -> str:
        arguments = row.arguments if isinstance(row.arguments, list) else []
        words = _words(arguments[:_ARGUMENTS])
        program = clean(_text(row.command), _ARGUMENT, line=True, redact=self.redact)
        line = f"{program} {self.redact.command(words)}" if words else program
        return cut(self.redact(line).strip(), COMMAND)

    def _container(self, row: Task) -> str:
        return clean(_text(row.container_name), SHORT, line=True, redact=self.redact)

    def _link(self, kind: str, name: str, shown: str, node: str) -> str:
        return linked(self.links.get(kind, ""), ident=name, name=shown, node=node)


def _words(arguments: list[Any]) -> list[str]:
    if all(type(one) is str for one in arguments):
        line = " ".join(arguments)
        # the usual arguments are clean: one look at all of them is cheaper than one at each
        if line.isprintable() and len(line) <= _ARGUMENT and line == " ".join(line.split()):
            return arguments
    return [clean(_text(one), _ARGUMENT, line=True) for one in arguments]


def submitted(name: str) -> float | None:
    """Seconds since 1970 when the task with this id was submitted, in true UTC.

    The upper bits of an id (a snowflake) are milliseconds of the host's real clock, whatever its
    zone. None for an id of another make.
    """
    if not (name.isascii() and name.isdigit()):
        return None
    seconds = (int(name) >> 22) / 1000
    return seconds if _FIRST < seconds < _LAST else None


def when(value: object, offset: int | None) -> datetime | None:
    """A time of the host as aware UTC; None for what is none, or has no zone and `offset` neither.

    The host writes its local time without a zone. `offset` is in minutes.
    """
    found = _parsed(value)
    if found is None or (found.tzinfo is None and offset is None):
        return None
    try:
        if found.tzinfo is None:
            # `replace` takes three times as long
            found = datetime.combine(found.date(), found.time(), UTC)
            return found - timedelta(minutes=offset or 0)
        return found.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def zone_of(heartbeats: Iterable[object], date: datetime | None) -> int | None:
    """The host's distance from UTC in minutes: its newest heartbeat was a moment before `date`."""
    found = [one for one in map(_parsed, heartbeats) if one is not None and one.tzinfo is None]
    return _minutes(max(found), date) if found and date else None


def _offset(local: object, order: float | None) -> int | None:
    found = _parsed(local)
    if found is None or found.tzinfo is not None or order is None:
        return None
    return _minutes(found, datetime.fromtimestamp(order, UTC))


def _minutes(local: datetime, true: datetime) -> int | None:
    """How far a local time is from the true one, rounded to a quarter of an hour, if sane."""
    apart = (local - true.replace(tzinfo=None)).total_seconds()
    rounded = round(apart / _QUARTER) * _QUARTER
    return rounded // 60 if abs(rounded) <= _DAY.total_seconds() else None


def _parsed(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _text(value: object) -> str:
    """Text and numbers as text, everything else as nothing."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _count(value: object) -> int | None:
    return len(value) if isinstance(value, list) and value else None


def _labels(**values: object) -> dict[str, str]:
    return {
        key: text
        for key, value in values.items()
        if value is not None and (text := clean(_text(value), SHORT, line=True))
    }
