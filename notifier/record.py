"""The lines of the journal as frozen values: docs/journal.md tells them for people.

Every line is one JSON object whose `what` names its shape. A line without a time of its own is of
the run above it. Later versions add keys and shapes; a reader passes over what it does not know.
"""

from typing import Literal

import msgspec

from notifier.memory import Origin, State
from notifier.model import EventType, Moment, Observation, Severity, Unreadable
from notifier.people import Ack, Silence

VERSION = 1
# what was read of a scope: a listing, a page of one, one with odd rows, or a stream
How = Literal["all", "page", "part", "stream"]


class Entry(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="what", tag=str.lower
):
    """Base of every line."""


class Begun(Entry, frozen=True, kw_only=True):
    """The first line of a file: what was known when it was begun, but for what is well."""

    # of the shape of all lines below
    version: int
    at: Moment
    # incidents, what waits, channels in trouble; of the listings only which there are
    carried: State
    # how many incidents did not fit
    left_out: int = 0


class Run(Entry, frozen=True, kw_only=True):
    """One run of `check` that found or decided something; what it did stands below it."""

    at: Moment
    # id of the state, and which generation of it the run began with: two runs in a row with the
    # same one mean that the first died before it committed anything
    state: str
    base: str
    # the last number given out before it
    counter: int
    # when anybody looked before that
    previous: Moment | None = None
    # where the state came from, when not from its file
    origin: Origin = "current"
    # SOURCE/KIND → scope → what was read: `all` of a listing, a `part` of it, or a `stream`
    looked: dict[str, dict[str, How]] = {}
    # what people had decided that was in force
    silences: dict[str, Silence] = {}
    acks: dict[str, Ack] = {}


class Unread(Entry, frozen=True, kw_only=True):
    """What could not be read, and why."""

    source: str
    look: Unreadable


class First(Entry, frozen=True, kw_only=True):
    """A first look in numbers: how many things had which status."""

    source: str
    kind: str
    scope: str = ""
    counts: dict[str, int]
    # order key of the newest
    newest: float | None = None
    # another database behind the same address
    reset: bool = False


class Moved(Entry, frozen=True, kw_only=True):
    """What changed in one listing, as ids by status."""

    source: str
    kind: str
    scope: str = ""
    now: dict[str, list[str]] = {}
    # the statuses that they had; an id that is not here is new
    before: dict[str, list[str]] = {}
    # no longer listed
    gone: list[str] = []
    # of what is bad or being counted, what a part of a listing does not show
    hidden: list[str] = []
    # what had ended by then is not news
    floor: float | None = None
    newest: float | None = None
    # it shares nothing with memory: doubted, and left alone until the next look
    strange: bool = False


class Seen(Entry, frozen=True, kw_only=True):
    """One thing of these as it was seen, where that is more than its status: bad, or no longer."""

    source: str
    scope: str = ""
    # the status it had; null: it is new
    before: str | None = None
    # long texts are cut, logs left out
    thing: Observation
    # when it was so, where a stream says that of all that it brings
    since: Moment | None = None
    # why this is no news, when it is none
    but: str = ""


class Event(Entry, frozen=True, kw_only=True):
    """One event: what is said, to whom, and through which route."""

    event: str
    type: EventType
    reason: str
    thing: str
    severity: Severity
    incident: str = ""
    before: str = ""
    opened: Moment | None = None
    # of a summary, which tells of these incidents
    text: str = ""
    covers: tuple[str, ...] = ()
    # row of the outbox → route; the default's name is empty
    to: dict[str, str] = {}
    # how the thing is, where no line `seen` of this run has it
    observation: Observation | None = None


class Opened(Entry, frozen=True, kw_only=True):
    """Incidents that opened without an event of their own: handle → thing."""

    incidents: dict[str, str]


class Ended(Entry, frozen=True, kw_only=True):
    """Incidents that ended without an event of their own."""

    incidents: list[str]


class Settled(Entry, frozen=True, kw_only=True):
    """Failures that everybody has heard of: facts from now on, and no longer open."""

    incidents: list[str]


class Forgotten(Entry, frozen=True, kw_only=True):
    """Settled failures that are not remembered any more."""

    incidents: list[str]


class Waits(Entry, frozen=True, kw_only=True):
    """Events that wait for a row from now on, and why: `silence s-1`, `window night`."""

    row: str
    why: str
    events: list[str]


class Unspoken(Entry, frozen=True, kw_only=True):
    """Events that will not be told to a row, and why."""

    row: str
    why: str
    events: list[str]


class Folded(msgspec.Struct, frozen=True, omit_defaults=True):
    """Events that ride in one line of a message: on a thing, or as one of several alike."""

    into: str
    events: list[str]


class Composed(Entry, frozen=True, kw_only=True):
    """A message: its key, its row, the route that made it, and what is in it."""

    key: str
    row: str
    route: str
    events: list[str]
    folded: list[Folded] = []


class Repeated(Entry, frozen=True, kw_only=True):
    """A message that may have arrived, tried once more under its key."""

    key: str
    row: str
    tries: int


class Interrupted(Entry, frozen=True, kw_only=True):
    """A message that was being sent when an earlier run died: it may have arrived."""

    key: str
    row: str


class Attempt(Entry, frozen=True, kw_only=True):
    """How an attempt ended: `delivered`, `retry` and `parked` (refused), or `unknown`."""

    at: Moment
    key: str
    row: str
    outcome: Literal["delivered", "retry", "unknown", "parked"]
    reason: str = ""
    blame: Literal["", "content", "channel"] = ""
    retry_after: float | None = None


class Done(Entry, frozen=True, kw_only=True):
    """The run ended by itself. Messages that were not tried after all wait anew."""

    untried: list[str] = []


class Person(Entry, frozen=True, kw_only=True):
    """What a person did with the outbox or the state."""

    at: Moment
    did: Literal["retry", "drop", "move", "forget", "reset"]
    # the generation of the state that it was done to
    base: str = ""
    # channel, or thing
    of: str = ""
    to: str = ""
    ids: list[str] = []


class Cut(Entry, frozen=True, kw_only=True):
    """A run with more to say than a journal should hold: so many lines of it are not here."""

    left_out: int


Anything = (
    Begun | Run | Unread | First | Moved | Seen | Event | Opened | Ended | Settled | Forgotten
    | Waits | Unspoken | Composed | Repeated | Interrupted | Attempt | Done | Person | Cut
)  # fmt: skip
