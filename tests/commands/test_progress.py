"""A line on a terminal for what takes long, and not a sign of it anywhere else."""

import argparse
import io
import threading
from types import SimpleNamespace

import pytest

from notifier.cli import Context
from notifier.commands import _progress
from notifier.commands._progress import progress


class Terminal(io.StringIO):
    """What somebody sees; `seen` is set with the first sign."""

    def __init__(self, *, real: bool = True) -> None:
        super().__init__()
        self.real = real
        self.seen = threading.Event()

    def isatty(self) -> bool:
        return self.real

    def write(self, text: str) -> int:
        self.seen.set()
        return super().write(text)


def context(*, quiet: bool = False, term: str = "xterm") -> Context:
    return Context(args=argparse.Namespace(quiet=quiet), environ={"TERM": term}, log=None)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    screen = Terminal()
    # pytest puts its own in the place of sys.stderr before each test
    monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=screen))
    monkeypatch.setattr(_progress, "PATIENCE", 0.01)
    monkeypatch.setattr(_progress, "TICK", 0.01)
    return screen


def test_what_takes_long_is_said_and_the_line_is_gone_after_it(terminal: Terminal) -> None:
    with progress(context(), "asking river"):
        assert terminal.seen.wait(10)
    shown = terminal.getvalue()
    assert shown.startswith("\r\x1b[Kasking river ... 0 s")
    assert shown.endswith("\r\x1b[K")
    assert "\n" not in shown


def test_what_is_quick_says_nothing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "PATIENCE", 60.0)
    with progress(context(), "asking river"):
        pass
    assert terminal.getvalue() == ""


@pytest.mark.parametrize(
    ("quiet", "term", "real"),
    [(True, "xterm", True), (False, "dumb", True), (False, "xterm", False)],
)
def test_without_a_terminal_or_with_q_not_even_a_thread_is_started(
    quiet: bool, term: str, real: bool, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.real = real
    monkeypatch.setattr(threading, "Thread", None)
    with progress(context(quiet=quiet, term=term), "asking river"):
        pass
    assert terminal.getvalue() == ""


def test_the_line_is_gone_also_when_the_work_fails(terminal: Terminal) -> None:
    with pytest.raises(ValueError, match="boom"), progress(context(), "asking river"):
        terminal.seen.wait(10)
        raise ValueError("boom")
    assert terminal.getvalue().endswith("\r\x1b[K")
