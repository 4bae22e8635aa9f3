"""Renders the messages that are due and sends them, committing every receipt as it comes."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal

from msgspec.structs import replace

from notifier import deliver, route, settle
from notifier.config import Config
from notifier.errors import SecretError
from notifier.journal import Journal
from notifier.memory import State
from notifier.model import Message, Receipt
from notifier.secrets import resolve
from notifier.settings import Destination
from notifier.zone import zone_of

# services that keep incidents under keys of their own
KEYED = ("pagerduty", "opsgenie")
# seconds by which an attempt ends before the run does, so that its receipt is a certain one
MARGIN = 1.0
# seconds that a message sent for itself may take
ALONE = 60.0


class Post:
    """Renders what is due and sends it, committing every receipt as it comes."""

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        clock: Callable[[], datetime],
        deadline: float,
        journal: Journal | None = None,
    ) -> None:
        self.config = config
        self.environ = environ
        self.clock = clock
        self.deadline = deadline
        self.journal = journal
        self.rows = config.destinations()
        self.receipts: dict[str, Receipt] = {}
        self.warnings: list[str] = []
        # keys of messages for which there was no time
        self.untried: list[str] = []
        self.accepted = 0
        # after the receipts that came
        self.state = State()
        # of the letters of one state
        self.digests: dict[tuple[object, ...], Any] = {}

    def keyed(self) -> frozenset[str]:
        """The rows of services that keep incidents under keys of their own."""
        found = set()
        for row, there in self.rows.items():
            shown = there
            # a secret that cannot be resolved parks its channel later; here it decides nothing
            with suppress(SecretError):
                if there.settings.url:
                    shown = self.resolved(there)
            if deliver.flavour(shown.settings) in KEYED:
                found.add(row)
        return frozenset(found)

    def deliver(self, state: State, due: list[Message], commit: Callable[[State], None]) -> State:
        """Sends these messages, each already committed; returns the state after all receipts."""
        if not due:
            return state
        self.state = state
        self.digests.clear()
        letters: dict[str, list[Any]] = {}
        early: list[Receipt] = []
        for message in due:
            try:
                letters.setdefault(message.channel, []).append(self._letter(state, message))
            except SecretError as error:
                early.append(_parked(message, f"secret {error}", "channel"))
            except Exception as error:
                # a fault of ours in one message must not keep the others from being sent
                early.append(_parked(message, f"not rendered: {type(error).__name__}", "content"))
        self._received(early, commit)
        budget = max(1.0, self.deadline - time.monotonic())
        end = time.monotonic() + budget - MARGIN
        queues = {row: self._in_turn(some) for row, some in letters.items()}
        for batch in deliver.post(
            queues, lambda one: deliver.send(one, max(1.0, end - time.monotonic())), budget
        ):
            self._received(batch, commit)
        self.untried = [message.key for message in due if message.key not in self.receipts]
        rest = settle.unattempted(self.state, self.untried)
        if rest != self.state:
            commit(rest)
        return rest

    def _in_turn(self, letters: Iterable[Any]) -> Iterator[Any]:
        """A row's letters, each decided on when its turn comes: no ending passes its problem."""
        for letter in letters:
            message = self.state.messages.get(letter.key)
            if message is not None and message.state == "attempting":
                yield letter

    def one(self, state: State, message: Message) -> Receipt:
        """Sends a single message that is in no outbox (a test of its channel)."""
        try:
            letter = self._letter(state, message)
        except SecretError as error:
            return Receipt(key=message.key, outcome="parked", reason=f"secret {error}")
        return deliver.send(letter, ALONE)

    def _received(self, batch: Iterable[Receipt], commit: Callable[[State], None]) -> None:
        batch, now = list(batch), self.clock()
        if not batch:
            return
        before = self.state
        for receipt in batch:
            self.receipts[receipt.key] = receipt
            self.accepted += receipt.outcome == "delivered"
            self.state = settle.settled(self.state, receipt, now)
        self.state = route.swept(self.state, now)
        if self.journal:
            self.journal.attempted(batch, before, self.state, now)
        commit(self.state)

    def _letter(self, state: State, message: Message) -> Any:
        """One message as the letter that its destination gets. Raises SecretError."""
        # only now, with something to say, are the senders needed
        from notifier.deliver.letter import Letter

        there = self.resolved(self.rows[message.channel])
        shown = self.shown(state, message, there)
        return Letter(
            key=message.key, destination=there, title=shown.title, text=shown.text,
            html=shown.html, payload=shown.payload, severity=shown.severity,
            recovery=shown.recovery, incident=shown.incident, thread=shown.thread,
            repeat=message.unknowns > 0, at=message.at, events=message.events, state_id=state.id,
        )  # fmt: skip

    def shown(self, state: State, message: Message, there: Destination) -> Any:
        """What a destination is shown of one message; templates that failed are in `warnings`."""
        # only now, with something to say, is the template engine needed
        from notifier import render

        events = [state.events[name] for name in message.events]
        routes = {one.name: one for one in self.config.routes}
        shown, warnings = render.letter(
            message, events, state.incidents, there,
            route=routes.get(message.route), config=self.config,
            zone=zone_of(self.config.run.timezone),
            flavour=deliver.flavour(there.settings), limits=deliver.limits(there.settings),
            digests=self.digests,
        )  # fmt: skip
        self.warnings += warnings
        return shown

    def resolved(self, there: Destination) -> Destination:
        """The destination with its secrets in the place of their references. Raises SecretError."""
        settings = there.settings
        known: dict[str, Any] = {
            key: resolve(getattr(settings, key), self.environ)
            for key in ("smtp_password", "slack", "webhook", "url")
            if getattr(settings, key)
        }
        if settings.secret:
            several = [settings.secret] if isinstance(settings.secret, str) else settings.secret
            known["secret"] = [resolve(one, self.environ) for one in several]
        return replace(there, settings=replace(settings, **known))


def _parked(message: Message, reason: str, blame: Literal["content", "channel"]) -> Receipt:
    return Receipt(key=message.key, outcome="parked", reason=reason, blame=blame)
