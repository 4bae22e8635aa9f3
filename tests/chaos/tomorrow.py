"""The Notifier of tomorrow: its state has one version more, made from today's by a real step."""

import contextlib
from collections.abc import Iterator
from typing import Any

from notifier import migrations, state

TODAY = state.VERSION


def _step(document: dict[str, Any]) -> dict[str, Any]:
    """What is called problems today is called incidents tomorrow."""
    return {**document, "incidents": document.pop("problems")}


def arrive() -> None:
    """From now on this process is of tomorrow."""
    state.VERSION = TODAY + 1
    migrations.STEPS[TODAY] = _step


@contextlib.contextmanager
def here() -> Iterator[None]:
    """This process is of tomorrow for a while."""
    arrive()
    try:
        yield
    finally:
        state.VERSION = TODAY
        del migrations.STEPS[TODAY]


def older(document: dict[str, Any]) -> dict[str, Any]:
    """A state as today's Notifier would have left it, had it the shape of yesterday."""
    incidents = document.pop("incidents")
    return {**document, "version": TODAY, "problems": incidents}
