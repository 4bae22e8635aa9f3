"""Lucifer: tasks, tests and hosts from the status events that its commands print, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import replace

from notifier.errors import ConfigError
from notifier.model import Health, Kind, Severity, Snapshot, Unreadable
from notifier.settings import SourceSettings
from notifier.sources import _lucifer_events as events
from notifier.sources import _lucifer_names as names
from notifier.sources._failed import LookFailed
from notifier.sources._lucifer_find import find
from notifier.sources._lucifer_lines import Stream, Taker
from notifier.sources._lucifer_look import FilesLook
from notifier.sources._lucifer_memory import Memory, remembered
from notifier.sources._lucifer_news import News, notes, reasons
from notifier.sources._lucifer_seen import unknown
from notifier.sources._lucifer_tail import LINE, Budget
from notifier.sources._lucifer_task import Task
from notifier.sources._redact import Redactor
from notifier.sources._text import clean
from notifier.tables import Duration
from notifier.words import plural

if TYPE_CHECKING:
    from notifier.sources._http import Http

KINDS: Mapping[str, Kind] = {
    "task": Kind("task", "tasks", finite=True, attempts=True),
    "test": Kind("test", "tasks", finite=True),
    "host": Kind("host", "nodes", finite=False),
}


class Settings(SourceSettings, frozen=True, kw_only=True):
    """Keys of a source of type `lucifer`. Without `paths` it has what `notifier emit` brings."""

    # files with the events of one task each: whole paths, with `*`, `?` and `[...]` in any part
    paths: list[str] = []
    # how a file's name shows the task, and maybe the host: `{host}/{id}.events*`; default: the
    # task is what the first `*` stands for
    task: str = ""
    # the host of events that name none, where all streams are of one host
    host: str = ""
    # a task whose file stopped growing for so long without an end is stuck; `0s`: never
    silent_after: Duration = Duration(4 * 3600)
    # files that were last written longer ago are left alone, and what ended is forgotten
    max_age: Duration = Duration(30 * 86400)
    # so many bytes are read at a look, the rest at the next
    max_bytes: int = 64 * 1024 * 1024
    # what is told; a failed `test` is named in its task's line also without being a kind
    kinds: list[Literal["task", "test", "host"]] = msgspec.field(
        default_factory=lambda: ["task", "host"]
    )

    def faults(self) -> Iterator[tuple[str, str]]:
        """Keys that are wrong, and how."""
        for number, path in enumerate(self.paths, 1):
            if not path.startswith("/") or path.endswith("/"):
                yield f"paths.{number}", "expected a whole path, from / on, that names files"
            elif "**" in path:
                yield f"paths.{number}", "'**' is not known; write one '*' for each folder"
        if self.task and (wrong := names.wrong(self.task)):
            yield "task", wrong
        if self.max_bytes < 1024 * 1024:
            yield "max_bytes", "must be at least 1048576"
        if not self.max_age:
            yield "max_age", "must be more than 0"


def classify(settings: Settings, kind: str, status: str) -> tuple[Health, Severity]:
    """What an event, or a word of ours for a whole stream, means."""
    return events.classify(kind, status)


def poll(
    settings: Settings,
    http: Http,
    cursor: Any,
    want: frozenset[str],
    follow: Mapping[str, frozenset[str]],
    deadline: float,
    now: datetime,
) -> tuple[list[Snapshot | Unreadable], Any]:
    """Reads on in all files, and hands on what is news of the kinds that are wanted.

    What was read of other kinds stays in the cursor until they are asked for: each line is taken
    once, whatever is looked at when.
    """
    tasks = not want.isdisjoint({"task", "test"})
    try:
        look = _look(settings, http, cursor, deadline, now)
        if settings.paths and look.blind:
            raise LookFailed("unreachable", reasons(look.odd))  # noqa: TRY301 - as if it were found
    except LookFailed as failed:
        return [failed.unreadable("tasks" if tasks else "nodes")], cursor
    news = News(look.memory, settings)
    results: list[Snapshot | Unreadable] = []
    results += news.snapshots(
        [kind for kind in KINDS if kind in want],
        remarks=tuple(look.remarks),
        notes=(*look.notes, *(() if tasks else notes(look.odd, look.memory.unread))),
    )
    if tasks:
        results += news.unreadable(look.odd)
    if look.changed or news.changed:
        cursor = msgspec.to_builtins(look.memory)
    look.told()
    http.kept["look"] = (cursor, look)
    return results, cursor


def _look(settings: Settings, http: Http, cursor: Any, deadline: float, now: datetime) -> FilesLook:
    """A look at all files; the one that this run had for the other family is as good."""
    former, look = http.kept.get("look", (None, None))
    if look is None or former is not cursor:
        taker = Taker(remembered(cursor), settings.kinds, http.redact, settings.host)
        look = FilesLook(taker, Budget(settings.max_bytes, deadline), int(now.timestamp()))
        look.look(settings.paths, settings.task, settings.silent_after, settings.max_age)
    done: FilesLook = look
    return done


def stream(settings: Settings, lines: Iterable[bytes], task: str, now: datetime) -> list[Snapshot]:
    """Reads the whole stream of one task, as a pipe brings it; without an end it crashed.

    Each stream is an attempt of its own: what fails in it is news, also where a former one failed.
    Raises ConfigError without a `task`.
    """
    name = clean(task, names.NAME, line=True)
    if not name:
        raise ConfigError("--task: say which task the events are of")
    memory, at = Memory(), int(now.timestamp())
    memory.tasks[name] = seen = Task(at=at)
    taker = Taker(memory, settings.kinds, Redactor(), settings.host)
    taker.take((line[:LINE].rstrip(b"\r\n") for line in lines), Stream(name, seen, at))
    seen.finish("crashed", at)
    # a word that nobody knows is told once, by the rule for such words
    odd = [unknown(name, word, settings.host) for word in memory.odd if " " not in word]
    shown = News(memory, settings).snapshots(KINDS)
    return [
        replace(
            one,
            changes=tuple(
                replace(change, attempt=f"{now.isoformat()}.{change.attempt or 1}")
                for change in (*(odd if one.kind == "task" else ()), *(one.changes or ()))
            ),
        )
        for one in shown
    ]


def about(settings: Settings, http: Http, cursor: Any, deadline: float) -> str:
    """How many files there are and what is known of them, in one line. Raises LookFailed."""
    if not settings.paths:
        return "Lucifer: without paths, it has what notifier emit brings"
    finding = find(settings.paths, deadline)
    if finding.odd:
        raise LookFailed("refused" if finding.good else "unreachable", reasons(finding.odd))
    memory = remembered(cursor)
    going = sum(task.going for task in memory.tasks.values())
    parts = [
        f"{plural(going, 'task')} going on, {len(memory.tasks) - going:,} ended",
        plural(len(memory.hosts), "host"),
    ]
    if memory.odd:
        parts.append(f"{plural(sum(memory.odd.values()), 'line')} of no known event")
    return f"Lucifer: {plural(len(finding.files), 'file')}; {', '.join(parts)}"
