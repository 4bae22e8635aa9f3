"""Which module reads which type of source; one is imported only when it is used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from notifier import __version__
from notifier.errors import ConfigError
from notifier.model import Health, Kind, Severity, Snapshot, Unreadable
from notifier.settings import SourceSettings
from notifier.sources._failed import LookFailed as LookFailed
from notifier.sources._text import clean as clean

if TYPE_CHECKING:
    from notifier.sources._http import Http

GROUP = "notifier.sources"
BUILT_IN: Mapping[str, str] = {
    "hakuriver": "hakuriver",
    "hydra": "hydra",
    "kohakuriver": "hakuriver",
    "lucifer": "lucifer",
}


class Source(Protocol):
    """What a source module offers; a third party's package offers it as an entry point.

    Further functions are optional, and looked up with getattr:

    `about(settings, http, cursor, deadline) -> str`: one line for `doctor` and `config init`, such
    as "KohakuRiver 0.4 (dialect B) at /: 12 nodes": what answers, which version, how much it has.
    A few small answers at most. Raises LookFailed, also when it is another kind of server, or
    when a part of what a poll needs cannot be read.

    `stream(settings, lines, task, now) -> list[Snapshot]`: reads a whole stream of events, an
    iterable of lines as bytes, for `notifier emit --stdin`: snapshots of `changes`. `task` says
    whose stream it is. Raises ConfigError where that is not enough.

    docs/sources/writing-one.md has a whole source, and what each part promises.
    """

    Settings: type[SourceSettings]
    KINDS: Mapping[str, Kind]

    def classify(self, settings: Any, kind: str, status: str) -> tuple[Health, Severity]:
        """What a raw status means today. Pure, and defined for every text."""
        ...

    def poll(
        self,
        settings: Any,
        http: Http,
        cursor: Any,
        want: frozenset[str],
        follow: Mapping[str, frozenset[str]],
        deadline: float,
        now: datetime,
    ) -> tuple[list[Snapshot | Unreadable], Any]:
        """Looks at the kinds named in `want` until `deadline` (of time.monotonic).

        `follow`: kind -> ids that are active or owed an ending. `cursor` is what an earlier poll
        returned, or None: a JSON-able dict, the very same object when nothing changed. Never
        raises for anything that a server can do: what cannot be read is an Unreadable.
        """
        ...

    # A module may also offer what follows; it is looked for with getattr.
    #
    # log_tail(settings, http, observation, lines, deadline) -> str
    #   the last `lines` lines of the log of something that failed, as they are: they are cleaned
    #   and cut by the caller. Raises LookFailed.
    #
    # stream(settings, lines, task, now) -> list[Snapshot]
    #   reads a whole stream of events for `notifier emit --stdin`: `lines` is an iterable of
    #   bytes, one line each with its end (at most 64 KiB of it), `task` names what the stream is
    #   of. All snapshots are `changes`. Called without any lock. Never raises for what a line can
    #   hold.


def settings_of(kind: str) -> type[SourceSettings]:
    """The settings of a type of source. Raises KeyError(list of the known types)."""
    return module(kind).Settings


def module(kind: str) -> Source:
    """The module that reads a type of source. Raises KeyError(list of the known types)."""
    if kind in BUILT_IN:
        return cast(Source, importlib.import_module(f"{__name__}.{BUILT_IN[kind]}"))
    return _foreign(kind)


def connect(settings: SourceSettings, redact: Sequence[str] = (), most: int = 0) -> Http:
    """A session with the source's server; a context manager. `redact`: globs of more secrets.

    What a type's settings lack (token, headers, cookie_jar, ca_file, timeout, max_bytes) has a
    default. A source whose settings have no `url` asks no server: what it gets can only redact.
    `most` are the largest answers, in bytes, in place of the settings' own bound.
    """
    from notifier.sources import _redact

    redactor = _redact.Redactor(redact)
    if not hasattr(settings, "url"):
        from notifier.sources._nowhere import Nowhere

        return cast("Http", Nowhere(redactor))
    # slow to import
    from notifier.sources import _http

    return _http.Http(
        settings.url,
        token=getattr(settings, "token", ""),
        headers=getattr(settings, "headers", None),
        cookie_jar=getattr(settings, "cookie_jar", ""),
        ca_file=getattr(settings, "ca_file", ""),
        timeout=getattr(settings, "timeout", 60.0),
        max_bytes=most or getattr(settings, "max_bytes", _http.MAX_BYTES),
        redact=redactor,
        user_agent=f"Notifier/{__version__}",
    )


def played(settings: SourceSettings, folder: Path, redact: Sequence[str], at: datetime) -> Http:
    """What looks like a session with the server, and is a folder of its answers as of `at`."""
    from notifier.sources import _played, _redact

    return _played.Played(folder, at, _redact.Redactor(redact))


def _foreign(kind: str) -> Source:
    # slow to import, and hardly ever needed
    from importlib.metadata import entry_points

    offered = {point.name: point for point in entry_points(group=GROUP)}
    if kind not in offered:
        raise KeyError(sorted({*BUILT_IN, *offered}))
    try:
        return cast(Source, offered[kind].load())
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"source type '{kind}': its package cannot be loaded: {error}") from None
