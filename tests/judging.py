"""`check` again and again beside something that lies, and what every such test asks of a run."""

import argparse
import io
import logging
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import hostile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peers import Mailbox, Sink

from notifier import sources
from notifier.cli import Context
from notifier.commands.check import _tell
from notifier.config import load
from notifier.errors import Exit
from notifier.model import Event
from notifier.poll import Wish
from notifier.run import Outcome, check
from notifier.state import Store

T = TypeVar("T")
QUIET = logging.Logger("said", logging.CRITICAL)
TEXTS = [
    text[:300] for group in (hostile.LINES, hostile.CHARACTERS, hostile.CODE) for text in group
]
# what stands where something else is expected
ODD: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([None, True, -1, 0, 1.5, 10**40, float("nan"), float("inf"), [], {}, [[]]]),
    st.sampled_from([*TEXTS, "", "\x1b[2J", "x" * 5000]),
    st.integers(),
    st.text(max_size=20),
)
# few of them, and the same every time
FEW: dict[str, Any] = {
    "deadline": None, "database": None, "suppress_health_check": list(HealthCheck),
}  # fmt: skip


@contextmanager
def channels() -> Iterator[str]:
    """A mailbox and a receiver of webhooks, as a part of a configuration."""
    mail, sink = Mailbox(), Sink()
    mail.start()
    sink.start()
    yield (
        f'[channels.ops]\nemail = "ops@example.org"\nsmtp = "{mail.address}"\n'
        f'[channels.hook]\nwebhook = "{sink.url}"\n'
    )
    mail.stop()
    sink.stop()


class Runs:
    """Runs of `check` at ten minutes' distance, printed as a person would see them.

    `keep` makes the state of now the one that every play begins with.
    """

    def __init__(self, folder: Path, config: str) -> None:
        self.folder = folder
        path = folder / "config.toml"
        path.write_text(f'[state]\npath = "{folder}/state/state.json"\n{config}')
        self.config = load(path, sources.settings_of, {})
        self.store = Store(self.config.state_path)
        self.now = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
        self.size, self.start = 0, self.now

    def run(self) -> Outcome:
        """One run. Raises what no run may raise."""
        self.now += timedelta(minutes=10)
        outcome = check(self.config, Wish(), clock=lambda: self.now, environ={})
        args = argparse.Namespace(color="always", quiet=False, dry_run=False)
        with redirect_stdout(io.StringIO()):
            _tell(Context(args=args, environ={}, log=QUIET), self.config, outcome)
        return outcome

    def keep(self) -> None:
        """What is known now is known at the beginning of every play."""
        shutil.copytree(self.store.folder, self._before)
        self.size = self.store.path.stat().st_size
        self.start = self.now

    def again(self) -> None:
        """Back to what was kept, and when."""
        shutil.rmtree(self.store.folder)
        shutil.copytree(self._before, self.store.folder)
        self.now = self.start

    @property
    def _before(self) -> Path:
        return self.store.folder.with_name("before")

    def news(self) -> list[Event]:
        """One run that ended as a run may end, with a state that did not grow; its events."""
        outcome = self.run()
        assert outcome.code in (Exit.OK, Exit.FOUND, Exit.UNREADABLE), outcome
        state, origin = self.store.load()
        assert (origin, state.messages) == ("current", {})
        assert self.store.path.stat().st_size < self.size + 100_000
        return [one.event for one in outcome.news]


def long_run(
    watching: Callable[[Path], Any],
    lies: st.SearchStrategy[T],
    play: Callable[[Any, T], None],
    first: Collection[T] = (),
) -> None:
    """As many random plays as the command line asks for, other ones every time.

    Those of `first` are played in any case.
    """
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with TemporaryDirectory() as folder, watching(Path(folder)) as watcher:
        for one in first:
            play(watcher, one)

        @given(lie=lies)
        @settings(max_examples=count, **FEW)
        def playing(lie: T) -> None:
            play(watcher, lie)

        playing()
    sys.stdout.write(f"{len(first) + count} plays: nothing was told that nobody had said\n")
