"""What is known of a task, a test or a host of Lucifer, as an observation."""

from collections.abc import Mapping
from datetime import UTC, datetime

from notifier.model import Observation
from notifier.sources._links import linked
from notifier.sources._lucifer_events import classify
from notifier.sources._lucifer_memory import Owed
from notifier.sources._lucifer_task import Task, title

# failed tests that a message shows beyond the sentence, and that are kept of a task that ended
SHOWN = 20


def task_seen(name: str, task: Task, host: str, links: Mapping[str, str]) -> Observation:
    """A task as it is. `host` is where it runs, unless its events said another."""
    health, severity = classify("task", task.status)
    node = task.host or host
    return Observation(
        kind="task",
        id=name,
        name=title(name),
        status=task.status,
        health=health,
        severity=severity,
        attempt=f"{task.attempt}" if task.attempt > 1 else "",
        node=node,
        part_of=f"host/{node}" if node else "",
        says=task.says() if health == "failed" else "",
        ended=_when(task.ended),
        last_seen=_when(0 if task.end else task.at),
        link=linked(links.get("task", ""), ident=name, name=title(name), node=node),
        labels=_labels(task),
    )


def unknown(name: str, word: str, host: str) -> Observation:
    """A task in whose stream an event came that nobody knows."""
    return Observation(
        kind="task",
        id=name,
        name=title(name),
        status=word,
        health="unknown",
        severity="warning",
        node=host,
    )


def host_seen(name: str, status: str, at: int, by: str, links: Mapping[str, str]) -> Observation:
    """A host as its newest event has it; `by` is the task whose stream said so."""
    health, severity = classify("host", status)
    return Observation(
        kind="host",
        id=name,
        name=name,
        status=status,
        health=health,
        severity=severity,
        node=name,
        last_seen=_when(at),
        link=linked(links.get("host", ""), ident=name, name=name, node=name),
        labels={"task": by} if by else {},
    )


def test_seen(owed: Owed, links: Mapping[str, str]) -> Observation:
    """A test that failed, or passed after that; it is part of its task."""
    health, severity = classify("test", owed.status)
    name = owed.id.removeprefix(f"{owed.by}/")
    return Observation(
        kind="test",
        id=owed.id,
        name=name,
        status=owed.status,
        health=health,
        severity=severity,
        node=owed.node,
        part_of=f"task/{owed.by}",
        ended=_when(owed.at),
        link=linked(links.get("test", ""), ident=owed.id, name=name, node=owed.node),
    )


def _when(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None


def _labels(task: Task) -> dict[str, str]:
    labels = {}
    if task.end and task.passed + task.failed:
        labels["tests"] = f"{task.passed:,} passed, {task.failed:,} failed"
    if task.torn:
        labels["events"] = "some are missing: its file was cut"
    if len(task.names) > 1:
        labels["failed"] = ", ".join(task.names[:SHOWN])
    return labels
