"""Where runs are killed: a workplace, the three other ends, and the server that forks the runs."""

import json
import os
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chaos import tomorrow
from chaos.ends import Hook, Host, Mail, Told

from notifier import journal
from notifier.errors import StateError
from notifier.memory import State
from notifier.state import Store
from notifier.story import Story

SERVER = Path(__file__).with_name("server.py")
# the n-th thread of that name
Thread = tuple[str, int]
NOBODY: Thread = ("", 0)
# a time as the state has it
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
# seconds after which a run is not waited for any longer: more than its own deadline
PATIENCE = 240


class Stage:
    """One configuration with its state. `mail` is the channel ops, `hook` the channel hook.

    `host` is the source river, `lake` another host, which no source names at first. `ahead` is a
    folder to look for the package in first. With `later_version` the runs are those of tomorrow.
    """

    def __init__(
        self, folder: Path, ahead: Path | None = None, *, later_version: bool = False
    ) -> None:
        self.folder = folder
        self.place = folder / "place"
        self.place.mkdir(mode=0o700)
        self.host, self.lake, self.mail, self.hook = Host(), Host(), Mail(), Hook()
        self.config = self.place / "config.toml"
        self.configure()
        self._before = folder / "before"
        self._ends = self._now()
        self._state = self.place / "state.json"
        self._later_version = later_version
        path = os.environ.get("PATH", os.defpath)
        self._environment = {"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8"}
        if ahead:
            self._environment["PYTHONPATH"] = str(ahead)
        self._server = subprocess.Popen(
            [sys.executable, "-P", str(SERVER), *(["--tomorrow"] if later_version else [])],
            cwd="/",
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._server:
            assert self._server.stdin
            self._server.stdin.close()
        for end in (self.host, self.lake, self.mail, self.hook):
            end.close()

    def configure(self, more: str = "") -> None:
        """The usual configuration, with this at its end."""
        self.config.write_text(
            f"""
[sources.river]
type = "hakuriver"
url = "{self.host.url}"
[channels.ops]
email = "ops@example.org"
smtp = "127.0.0.1:{self.mail.port}"
[channels.hook]
webhook = "{self.hook.url}/"
{more}
"""
        )
        self.config.chmod(0o600)

    def _ask(self, order: Mapping[str, object]) -> int:
        server = self._server
        assert server.stdin
        assert server.stdout
        server.stdin.write(json.dumps(order) + "\n")
        server.stdin.flush()
        if select.select([server.stdout], [], [], PATIENCE)[0]:
            return int(server.stdout.readline())
        server.kill()
        raise RuntimeError("the server of runs does not answer")

    def run(
        self,
        *command: str,
        thread: Thread = NOBODY,
        strace: Sequence[str] = (),
        threads: Path | None = None,
        rehearse: bool = False,
    ) -> int:
        """`notifier COMMAND`, to its end; its exit code, or -9 when it was killed.

        strace, with these arguments, holds `thread` from its beginning on. `threads` is a file
        that gets the name and number of every thread as it begins. A rehearsal is run by the
        server itself, so that later runs begin with all modules and templates in memory.
        """
        order: dict[str, object] = {
            "argv": ["-c", str(self.config), *command],
            "out": str(self.folder / "out"),
            "thread": thread,
            "strace": strace,
            "threads": str(threads or ""),
            "rehearse": rehearse,
        }
        code = self._ask(order)
        self._idle()
        return code

    def cold(self, *command: str, strace: Sequence[str] = ()) -> int:
        """The same in an interpreter that begins with nothing; strace holds its main thread."""
        command = (sys.executable, "-m", "notifier", "-c", str(self.config), *command)
        with (self.folder / "out").open("a") as out:
            code = subprocess.run(
                ["strace", *strace, *command] if strace else command,
                cwd="/",
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                timeout=PATIENCE,
            ).returncode
        self._idle()
        return code

    def _idle(self) -> None:
        """What a dead run had sent is counted now, or never."""
        self.mail.idle()
        self.hook.idle()

    def keep(self) -> None:
        """Remembers the workplace and the other ends as they are, for `restore`."""
        shutil.copytree(self.place, self._before)
        self._ends = self._now()

    def _now(self) -> list[tuple[dict[str, object], bool]]:
        ends = (self.host, self.lake, self.mail, self.hook)
        return [(getattr(end, "rows", {}), end.well) for end in ends]

    def restore(self) -> None:
        """Everything as it was kept; nothing has been told yet."""
        shutil.rmtree(self.place)
        shutil.copytree(self._before, self.place)
        for end, (rows, well) in zip(
            (self.host, self.lake, self.mail, self.hook), self._ends, strict=True
        ):
            end.well = well
            if rows:
                end.rows = rows
        self.mail.told.clear()
        self.hook.told.clear()
        self.hook.names.clear()

    def explained(self) -> set[str]:
        """The events that the journal knows, whatever the kill left of it."""
        found = journal.read(self._state)
        assert all("torn" in line for line in found.trouble), found.trouble
        return set(Story(journal.runs(found.lines)).events)

    def told(self) -> dict[str, list[Told]]:
        """All that arrived, by channel."""
        return {"ops": list(self.mail.told), "hook": list(self.hook.told)}

    def heard(self) -> dict[str, set[str]]:
        """`problem THING` of every event that arrived, by channel."""
        names = self.hook.names
        return {
            row: {names.get(event, event) for one in told for event in one.events}
            for row, told in self.told().items()
        }

    def said(self) -> str:
        """All that the runs said so far, to be shown with a failure."""
        return (self.folder / "out").read_text()

    def state(self) -> State | None:
        """The state as a run would load it; None when it would not, or only an older generation."""
        try:
            with tomorrow.here() if self._later_version else nullcontext():
                state, origin = Store(self._state).load()
        except StateError:
            return None
        return state if origin in ("current", "fresh") else None

    def rewrite(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Makes another document of the state's."""
        self._state.write_text(json.dumps(change(json.loads(self._state.read_bytes()))))

    def later(self, **span: float) -> None:
        """Lets that much time pass: all that is remembered of times is so much longer ago."""

        def earlier(found: re.Match[str]) -> str:
            return (datetime.fromisoformat(found[0]) - timedelta(**span)).isoformat()

        for path in self.place.glob("*.json"):
            path.write_text(re.sub(TIME, earlier, path.read_text()))
