"""Fetches the end of the logs of new failures, within a few seconds, before anything is committed.

What cannot be had in that time is left out: no alert waits for it, and none changes.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from notifier import secrets, sources
from notifier.config import Config
from notifier.errors import SecretError
from notifier.memory import State
from notifier.model import Event
from notifier.settings import SourceSettings
from notifier.sources._failed import LookFailed
from notifier.sources._text import clean

# seconds for all of them, logs in one run, bytes that are read of one, and its lines and characters
SECONDS, FEW, LARGEST = 4.0, 5, 32 * 1024 * 1024
LINES, CHARACTERS = 200, 8000


def fetched(
    config: Config, state: State, told: Mapping[str, Event], environ: Mapping[str, str]
) -> tuple[State, dict[str, Event]]:
    """The state, and the new events, with the logs of the first few failures among them."""
    wanted: dict[str, list[Event]] = {}
    for event in _wanted(config, told):
        wanted.setdefault(event.source, []).append(event)
    until, events, new = time.monotonic() + SECONDS, dict(state.events), dict(told)
    for source, ones in wanted.items():
        for name, log in _of(config, config.sources[source], ones, environ, until):
            seen = new[name].observation
            if seen and log:
                new[name] = replace(new[name], observation=replace(seen, log=log))
                if name in events:
                    events[name] = new[name]
    return replace(state, events=events), new


def _wanted(config: Config, told: Mapping[str, Event]) -> list[Event]:
    """The first few failures that have a log; what failed because another did comes last."""
    found = [
        event
        for event in told.values()
        if event.type == "problem"
        and event.to
        and event.observation
        and event.observation.health == "failed"
        and event.source in config.sources
        and config.sources[event.source].log_lines > 0
        and hasattr(sources.module(config.sources[event.source].type), "log_tail")
    ]
    return sorted(found, key=lambda event: bool(event.observation and event.observation.part_of))[
        :FEW
    ]


def _of(
    config: Config,
    settings: SourceSettings,
    events: list[Event],
    environ: Mapping[str, str],
    until: float,
) -> Iterator[tuple[str, str]]:
    """(event, log), one after the other, until the time is over or the server fails."""
    module: Any = sources.module(settings.type)
    try:
        settings = secrets.revealed(settings, environ)
    except SecretError:
        return
    lines = min(settings.log_lines, LINES)
    with sources.connect(settings, config.run.redact, LARGEST) as http:
        for event in events:
            try:
                text = module.log_tail(settings, http, event.observation, lines, until)
            except LookFailed as failed:
                if failed.status == 0:
                    return
                continue
            yield event.id, _fit(text, lines, http.redact)


def _fit(text: str, lines: int, redact: Callable[[str], str]) -> str:
    """The last lines of it, clean, without secrets; where it is too long, its end.

    Redacted before the cut that is seen: half a secret is no longer recognised.
    """
    text = "\n".join(text.splitlines()[-lines:])[-4 * CHARACTERS :]
    shown = clean(text, 4 * CHARACTERS, redact=redact)
    last = "\n".join(shown.splitlines()[-lines:])
    return last if len(last) <= CHARACTERS else f"…{last[1 - CHARACTERS :]}"
