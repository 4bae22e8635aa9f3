"""Fits an observation that somebody pushed: its text cleaned, redacted and cut like a source's."""

from collections.abc import Callable

from msgspec.structs import replace

from notifier.model import Observation
from notifier.sources._text import LIMIT, MARK, clean

ID, NAME, WORD, SHORT, SAYS, COMMAND, LINK = 200, 80, 60, 120, 500, 500, 1000
LABELS = 20


def fit(kind: str, seen: Observation, redact: Callable[[str], str]) -> Observation:
    """The observation fit to be kept and shown. Doing it twice changes nothing. Never raises."""

    def line(text: str, limit: int = SHORT) -> str:
        return clean(text, limit, line=True, redact=redact)

    ident = line(seen.id, ID)
    labels = {line(key, WORD): line(value) for key, value in list(seen.labels.items())[:LABELS]}
    link = line(seen.link, LINK)
    return replace(
        seen,
        kind=kind,
        id=ident,
        name=line(seen.name, NAME) or line(ident, NAME),
        status=line(seen.status, WORD),
        attempt=line(seen.attempt),
        node=line(seen.node),
        owner=line(seen.owner),
        group=line(seen.group),
        part_of=line(seen.part_of, ID),
        says=line(seen.says, SAYS),
        message=clean(seen.message, LIMIT, redact=redact),
        command=line(seen.command, COMMAND),
        link=link if link.startswith(("https://", "http://")) and link[-1] != MARK else "",
        labels={key: value for key, value in labels.items() if key and value},
    )
