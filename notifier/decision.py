"""What a run decided, whole: the state before and after, and all that lies between."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from notifier.compose import Outlook
from notifier.config import Config
from notifier.look import Look, Seen
from notifier.memory import Origin, State
from notifier.model import Event, Frozen, Message
from notifier.people import People


class Decision(Frozen, frozen=True, kw_only=True):
    """One run up to its commit.

    `before` is the state as it was found, `after` as it is committed, `told` the new events as
    addressed, `due` the messages in `after`. `previous` is when anybody looked before.
    """

    before: State
    after: State
    looks: Sequence[Look]
    told: Mapping[str, Event]
    due: Sequence[Message]
    people: People
    config: Config
    families: Mapping[str, str]
    origin: Origin
    previous: datetime | None
    now: datetime

    @property
    def quiet(self) -> bool:
        """Whether there is nothing at all to note: nothing changed, is due, or waits."""
        return self.after == self.before and not self.due and not self.after.events

    def news(self) -> dict[str, Event]:
        """All new events: also those that say the same plainly, to rows that want it so."""
        plain = {k: it for k, it in self.after.events.items() if k not in self.before.events}
        return {**self.told, **plain}

    def outlook(self) -> Outlook:
        """Why what waits is not due now."""
        seen = Seen(self.looks, self.after.things)
        return Outlook(self.after, self.config, self.people, self.families, self.now, seen)

    def former(self) -> Outlook:
        """And why it was not when anybody looked before."""
        then = self.previous or self.now
        seen = Seen(self.looks, self.after.things)
        return Outlook(self.before, self.config, self.people, self.families, then, seen)
