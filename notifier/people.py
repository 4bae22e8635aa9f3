"""Pure: what people decided - silences and acknowledgements - and what of it holds now."""

from collections.abc import Mapping
from datetime import datetime

from notifier.look import fits
from notifier.memory import State
from notifier.model import Event, Frozen, Moment


class Silence(Frozen, frozen=True, kw_only=True):
    """Things not to speak of for a while. It has an end, an author and a comment.

    `things` are globs over SOURCE/KIND/ID, `match` patterns as a route has them; one suffices.
    `handles`: it ends with the last of these incidents, and at `end` at the latest.
    """

    id: str
    begin: Moment
    end: Moment
    author: str
    comment: str
    things: tuple[str, ...] = ()
    match: dict[str, str | list[str]] = {}
    handles: tuple[str, ...] = ()


class Ack(Frozen, frozen=True, kw_only=True):
    """Somebody has an incident in hand: no reminders and no escalation until it ends."""

    at: Moment
    author: str
    comment: str


class People(Frozen, frozen=True, kw_only=True, omit_defaults=False):
    """`operator.json`, version 1."""

    version: int = 1
    counter: int = 0
    silences: dict[str, Silence] = {}
    acks: dict[str, Ack] = {}

    def acked(self, handle: str) -> bool:
        """Whether somebody has this incident in hand."""
        return handle in self.acks


def holds(silence: Silence, state: State, now: datetime) -> bool:
    """Whether a silence is in force: begun, not over, and what it waits for not resolved."""
    if not silence.begin <= now < silence.end:
        return False
    if not silence.handles:
        return True
    found = [state.incidents.get(handle) for handle in silence.handles]
    return any(incident is not None and incident.ended is None for incident in found)


def silenced(
    event: Event,
    fields: Mapping[str, str],
    people: People,
    state: State,
    now: datetime,
    *,
    lapsed: bool = False,
) -> Silence | None:
    """The silence that keeps an event from being told now, if there is one.

    `lapsed`: the one that did so until it ended. An ending, and news of the whole, are told
    whatever is silenced.
    """
    if event.over or event.type == "summary":
        return None
    for silence in people.silences.values():
        if lapsed:
            found = silence.begin <= now and event.at < silence.end
            found = found and not holds(silence, state, now)
        else:
            found = holds(silence, state, now)
        if found and covers(silence, event.thing, fields):
            return silence
    return None


def covers(silence: Silence, thing: str, fields: Mapping[str, str]) -> bool:
    """Whether a silence is about this thing."""
    if any(fits(thing, glob) or fits(thing, f"*/{glob}") for glob in silence.things):
        return True
    return bool(silence.match) and all(
        fits(fields.get(field, ""), want) for field, want in silence.match.items()
    )


def author() -> str:
    """Who is deciding: the name of this user."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
