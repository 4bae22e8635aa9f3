"""What is remembered from one run to the next: the state document, as frozen values."""

from typing import Any, Literal

from notifier.model import Event, Frozen, Incident, Message, Moment

# where a state came from: its file, the generation before it, a first run, or a loss
Origin = Literal["current", "former", "fresh", "lost"]


class ChannelState(Frozen, frozen=True, kw_only=True):
    """What is remembered of a channel: nothing at all while it is well."""

    failing_since: Moment | None = None
    failures: int = 0
    failed_at: Moment | None = None
    hold: float = 0.0
    parked: str = ""
    parked_at: Moment | None = None
    reason: str = ""


class Watch(Frozen, frozen=True):
    """A thing under closer watch.

    `looks`: a standing thing that is bad and not yet a problem, in how many looks since `since`.
    `status`: a finite thing in a status that it may be stuck in, since `since`. `changes`: when
    it lately went bad or well, for flapping.
    """

    since: Moment
    looks: int = 0
    status: str = ""
    changes: tuple[Moment, ...] = ()


class Scope(Frozen, frozen=True, kw_only=True):
    """What is known of one (source, kind, scope): since when, and every id by raw status.

    `seen`: when each was last seen, in a stream, where nobody says what is gone.
    """

    since: Moment
    statuses: dict[str, list[str]] = {}
    seen: dict[str, Moment] = {}
    absent: dict[str, int] = {}
    strange: int = 0
    newest: float | None = None


class Things(Frozen, frozen=True):
    """What is known of one (source, kind). `floor`: what had ended by then is not news."""

    scopes: dict[str, Scope] = {}
    floor: float | None = None
    odd: tuple[str, ...] = ()


class State(Frozen, frozen=True, kw_only=True, omit_defaults=False):
    """The whole document, version 1. `id` and `counter` make every key and handle.

    `spool`: file that was taken in, or is to be set aside (`taken`, `aside`), until it is gone.
    """

    version: int = 1
    id: str = ""
    counter: int = 0
    things: dict[str, Things] = {}
    watched: dict[str, Watch] = {}
    incidents: dict[str, Incident] = {}
    events: dict[str, Event] = {}
    messages: dict[str, Message] = {}
    channels: dict[str, ChannelState] = {}
    cursors: dict[str, Any] = {}
    spool: dict[str, str] = {}
