"""The body of a webhook: the events of one message as JSON, after docs/webhook.schema.json."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from notifier.escape import clean, link
from notifier.model import Event, Message, Observation, Severity

# a body that most servers still take (nginx refuses more than 1 MB unless told otherwise)
MOST = 900_000
FEW = 100

_NOTHING = Observation(kind="", id="", name="", status="", health="unknown")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One event as a program reads it. Every key is always there; times are RFC 3339 in UTC."""

    id: str
    type: str
    at: datetime
    reason: str
    thing: str
    source: str
    kind: str
    incident: str
    severity: str
    status: str
    before: str
    health: str
    name: str
    node: str
    owner: str
    group: str
    message: str
    command: str
    log: str
    opened: datetime | None
    submitted: datetime | None
    started: datetime | None
    ended: datetime | None
    link: str
    labels: dict[str, str]
    part_of: str
    text: str
    covers: tuple[str, ...]


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """The whole body. `omitted` counts the events that did not fit; they come last in order."""

    version: int = 1
    key: str
    at: datetime
    title: str
    repeat: bool
    route: str
    channel: str
    severity: str
    recovery: bool
    omitted: int
    events: list[msgspec.Raw]


def payload(
    message: Message, events: Sequence[Event], *, title: str, severity: Severity, recovery: bool
) -> bytes:
    """The JSON of `events` in their order, of at most about 900 kB; what is left out is counted."""
    room, kept = MOST, []
    for event in events[:FEW] if message.plain else events:
        one = msgspec.json.encode(_told(event))
        room -= len(one) + 1
        if room < 0:
            break
        kept.append(msgspec.Raw(one))
    body = Body(
        key=message.key,
        at=message.at.astimezone(UTC),
        title=title,
        repeat=message.unknowns > 0,
        route=message.route,
        channel=message.channel,
        severity=severity,
        recovery=recovery,
        omitted=len(events) - len(kept),
        events=kept,
    )
    return msgspec.json.encode(body)


def _told(event: Event) -> Told:
    seen = event.observation or _NOTHING
    return Told(
        id=event.id,
        type=event.type,
        at=event.at.astimezone(UTC),
        reason=event.reason,
        thing=clean(event.thing),
        source=event.source,
        kind=seen.kind,
        incident=event.incident,
        severity=event.severity,
        status=clean(seen.status),
        before=clean(event.before),
        health=seen.health if event.observation else "",
        name=clean(seen.name),
        node=clean(seen.node),
        owner=clean(seen.owner),
        group=clean(seen.group),
        message=clean(seen.message or seen.says),
        command=clean(seen.command),
        log=clean(seen.log),
        opened=_utc(event.opened),
        submitted=_utc(seen.submitted),
        started=_utc(seen.started),
        ended=_utc(seen.ended),
        link=link(seen.link),
        labels={clean(key): clean(value) for key, value in seen.labels.items()},
        part_of=clean(event.part_of),
        text=clean(event.text),
        covers=event.covers,
    )


def _utc(at: datetime | None) -> datetime | None:
    return at.astimezone(UTC) if at else None
