"""A folder with the streams of Lucifer's commands, and a source that looks at it."""

import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from notifier import sources
from notifier.model import Observation, Snapshot, Unreadable

lucifer: Any = sources.module("lucifer")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Lab:
    """Looks again and again, with the cursor as the state keeps it: as JSON.

    Files are as old as `now`, unless a test sets their time. `results` are those of the last look.
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.now = NOON
        self.cursor: Any = None
        self.results: list[Snapshot | Unreadable] = []
        self.settings = lucifer.Settings(
            **{"type": "lucifer", "paths": [f"{folder}/*.events"]} | settings
        )

    def later(self, **span: float) -> "Lab":
        self.now += timedelta(**(span or {"minutes": 5}))
        return self

    def write(self, name: str, data: str | bytes, mode: str = "ab") -> Path:
        path = self.folder / name
        with path.open(mode) as file:
            file.write(data.encode() if isinstance(data, str) else data)
        return self.touch(path)

    def lines(self, name: str, *lines: str) -> Path:
        return self.write(name, "".join(f"{line}\n" for line in lines))

    def touch(self, path: Path) -> Path:
        import os

        os.utime(path, (self.now.timestamp(), self.now.timestamp()))
        return path

    def look(
        self, *kinds: str, lose: bool = False, seconds: float = 60.0
    ) -> list[Snapshot | Unreadable]:
        """One look at some kinds (default: all). `lose`: its cursor is lost, as by a kill."""
        with sources.connect(self.settings) as http:
            self.results, cursor = lucifer.poll(
                self.settings, http, self.cursor, frozenset(kinds or lucifer.KINDS), {},
                time.monotonic() + seconds, self.now,
            )  # fmt: skip
        if not lose:
            self.cursor = json.loads(json.dumps(cursor))
        return self.results

    def seen(self, kind: str = "", *, past: bool = False) -> list[Observation]:
        """What the last look handed on, in order."""
        return [
            change
            for one in self.results
            if isinstance(one, Snapshot) and one.past == past and (one.kind == kind or not kind)
            for change in one.changes or ()
        ]

    def said(self, kind: str = "task") -> list[str]:
        """`id status`, or `id what it says` of what failed."""
        return [f"{one.id} {one.says or one.status}" for one in self.seen(kind)]

    def remarks(self) -> list[str]:
        return [text for one in self.snapshots() for text in one.remarks]

    def notes(self) -> list[str]:
        return [text for one in self.snapshots() for text in one.notes]

    def snapshots(self) -> list[Snapshot]:
        return [one for one in self.results if isinstance(one, Snapshot)]

    def unreadable(self) -> dict[str, str]:
        return {one.scope: one.reason for one in self.results if isinstance(one, Unreadable)}

    def task(self, name: str = "1") -> dict[str, Any]:
        """What the cursor knows of a task."""
        found: dict[str, Any] = self.cursor["tasks"][name]
        return found


def story(lines: Iterable[str], **settings: Any) -> list[Snapshot]:
    """What a pipe with these lines gives."""
    chosen = lucifer.Settings(type="lucifer", **settings)
    data = (f"{line}\n".encode() for line in lines)
    found: list[Snapshot] = lucifer.stream(chosen, data, "12345", NOON)
    return found


def last(found: Iterable[Snapshot], kind: str) -> Observation:
    """The newest observation of a kind."""
    return [change for one in found if one.kind == kind for change in one.changes or ()][-1]


Make = Callable[..., Lab]
