"""Watching the watcher: after a run, a ping for a dead man's switch and a file of metrics.

Both come last, when everything is told; neither changes how the run ended. Nothing here is
imported where neither is configured, and the configuration is right.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from urllib.parse import urlsplit

from notifier import health as own
from notifier import intake, metrics, outbox, poll, secrets
from notifier.compose import Outlook
from notifier.config import Config
from notifier.deliver.ping import Ping
from notifier.errors import ConfigError, Exit, LockedError, NotifierError, SecretError
from notifier.health import Health
from notifier.memory import State
from notifier.metrics import Ran
from notifier.people import People
from notifier.places import find, read
from notifier.run import Outcome
from notifier.state import LookTime, Store

NO_ADDRESS = "no http(s) address"


class Watch:
    """One run, watched from its beginning."""

    def __init__(self, config: Config, environ: Mapping[str, str]) -> None:
        self.config = config
        self.store = Store(config.state_path)
        self._began = time.monotonic()
        self._url, self._trouble = _address(config.run.ping_url, environ)
        if self._url and config.run.ping_start:
            # nobody waits for it
            Ping(self._url, "start")

    def ended(self, outcome: Outcome, now: datetime) -> list[str]:
        """Tells how the run ended. Returns what of that went wrong, a line each. Never raises."""
        return _safely(lambda: self._ended(outcome, now))

    def failed(self, error: Exception, now: datetime) -> list[str]:
        """Tells that the run came to nothing, as far as that is known. Never raises.

        That another run holds the lock is no news: that one will tell.
        """
        if isinstance(error, LockedError):
            return []
        return _safely(lambda: self._failed(error, now))

    def outlived(self, why: str) -> list[str]:
        """Tells that the watchdog ends the run. Never raises, and reads and writes no file.

        What hangs may be the disk, or hold whatever else a longer reason would need.
        """
        return _safely(lambda: _fail(self._url, why, Exit.UNDELIVERED) if self._url else [])

    def _ended(self, outcome: Outcome, now: datetime) -> list[str]:
        ran = Ran(
            code=outcome.code,
            seconds=time.monotonic() - self._began,
            events=tuple(one.event.type for one in outcome.news),
            letters=outcome.letters,
        )
        people = People()
        with suppress(NotifierError):
            people = self.store.people()
        return self._tell(ran, self._health(outcome.state, outcome.looks, people, now), people)

    def _failed(self, error: Exception, now: datetime) -> list[str]:
        reason, code = _reason(error)
        ran = Ran(code=code, seconds=time.monotonic() - self._began)
        state, people = None, People()
        with suppress(NotifierError, OSError):
            people = self.store.people()
        with suppress(NotifierError, OSError):
            state = self.store.load()[0]
        shown = self._health(state, self.store.looks(), people, now)
        return self._tell(ran, shown, people, reason)

    def _health(
        self, state: State | None, looks: Mapping[str, LookTime], people: People, now: datetime
    ) -> Health:
        waiting = []
        if state is not None:
            kinds = poll.kinds_of(self.config)
            why = Outlook(state, self.config, people, kinds, now).why
            waiting = outbox.waiting(state, self.config.destinations(), why)
        families = poll.families_of(self.config)
        return own.health(families, looks, state, waiting, self.config.run.max_age, now)

    def _tell(self, ran: Ran, health: Health, people: People, reason: str = "") -> list[str]:
        ping = None
        reasons = [reason, *health.reasons] if reason else health.reasons
        if self._url:
            text = "\n".join([*reasons, f"exit code {ran.code}"]) if reasons else ""
            ping = Ping(self._url, "fail" if reasons else "", text)
        lines = [f"run.metrics_file: {wrong}" for wrong in self._metrics(ran, health, people)]
        return [*lines, *_said(ping.trouble() if ping else self._trouble)]

    def _metrics(self, ran: Ran, health: Health, people: People) -> list[str]:
        if not self.config.run.metrics_file:
            return []
        path = metrics.place(self.config)
        spool = intake.waiting(self.store.spool, health.state or State())
        wrong = metrics.write(path, metrics.of(self.config, ran, health, people, spool))
        return [wrong] if wrong else []


def unready(given: str | None, environ: Mapping[str, str], error: Exception) -> list[str]:
    """Tells that there can be no run, when the file (`given`: --config) still says whom to tell.

    Returns what of that went wrong, a line each. Never raises.
    """
    return _safely(lambda: _unready(given, environ, error))


def _unready(given: str | None, environ: Mapping[str, str], error: Exception) -> list[str]:
    try:
        table = read(find(given, environ)).get("run")
    except ConfigError:
        return []
    reference = table.get("ping_url") if isinstance(table, dict) else None
    url, trouble = _address(reference if isinstance(reference, str) else "", environ)
    return _fail(url, *_reason(error)) if url else _said(trouble)


def _address(reference: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """The address that a reference stands for, and why it is none."""
    if not reference:
        return "", ""
    try:
        url = secrets.resolve(reference, environ)
        return (url, "") if urlsplit(url).scheme in ("http", "https") else ("", NO_ADDRESS)
    except SecretError as error:
        return "", f"secret {error}"
    except ValueError:
        return "", NO_ADDRESS


def _reason(error: Exception) -> tuple[str, Exit]:
    """Why a run came to nothing, without what a bug's text may hold, and its exit code."""
    if isinstance(error, NotifierError):
        return str(error), error.code
    return f"a bug: {type(error).__name__}", Exit.BUG


def _fail(url: str, why: str, code: Exit) -> list[str]:
    return _said(Ping(url, "fail", f"{why}\nexit code {code}").trouble())


def _said(trouble: str) -> list[str]:
    return [f"run.ping_url: {trouble}"] if trouble else []


def _safely(tell: Callable[[], list[str]]) -> list[str]:
    """How a run ended is not changed by a fault of ours in telling it."""
    try:
        return tell()
    except Exception as error:
        return [f"how the run ended could not be told: a bug: {type(error).__name__}"]
