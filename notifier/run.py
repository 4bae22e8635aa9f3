"""The straight line: the only module that knows every room. Read `check` from top to bottom."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, tzinfo
from typing import Any

import msgspec
from msgspec.structs import replace

from notifier import channels, deliver, poll, reminders, route, settle
from notifier.compose import Outlook, compose
from notifier.config import Config, Destination
from notifier.diff import diff
from notifier.errors import Exit, SecretError
from notifier.look import Look
from notifier.model import Event, Message, Origin, Receipt, State
from notifier.people import People
from notifier.poll import Polled, Wish
from notifier.secrets import resolve
from notifier.state import Store
from notifier.zone import zone_of

# what `deliver.post` says of a letter that was still in flight when the time was up
TOO_LATE = "no answer before the run's deadline"
POLLING = 0.75


class News(msgspec.Struct, kw_only=True):
    """One event of this run: the rows it was told on, and those that wait, with the reason."""

    event: Event
    told: list[str] = []
    waits: dict[str, str] = {}


class Outcome(msgspec.Struct, kw_only=True):
    """What a run did. `said` are lines about the run itself, `letters` how many were accepted."""

    code: Exit
    news: list[News] = []
    said: list[str] = []
    warnings: list[str] = []
    letters: int = 0
    stragglers: bool = False


def check(
    config: Config,
    wish: Wish,
    *,
    clock: Callable[[], datetime],
    environ: Mapping[str, str],
    dry_run: bool = False,
    waiting: Callable[[Config], None] = lambda config: None,
) -> Outcome:
    """Looks, compares, commits, tells, commits again.

    Raises LockedError, StateError; everything else that can go wrong is in the outcome.
    """
    asked, began = clock(), time.monotonic()
    store = Store(config.state_path)
    with store.lock(config.state.lock_wait) as waited:
        now = clock()
        waiting(config)
        loaded, origin = store.load()
        state = settle.found_attempting(loaded, now)
        budget = config.run.deadline - (time.monotonic() - began if not waited else 0.0)
        polled = poll.poll(
            config, state, store.looks(), wish,
            since=asked if waited else None, budget=budget * POLLING, now=now, environ=environ,
        )  # fmt: skip
        state, due, told = decide(
            config, replace(state, cursors=polled.cursors), polled.looks,
            people=store.people(), origin=origin, families=poll.kinds_of(config),
            keyed=_keyed(config), now=now,
        )  # fmt: skip
        if dry_run:
            return _outcome(config, state, told, polled, origin, receipts={})
        if state != loaded:
            store.commit(state)
        with suppress(OSError):
            store.write_looks(polled.times)
        post = Post(config, environ, clock, began + config.run.deadline)
        state = post.deliver(state, due, store.commit)
        outcome = _outcome(config, state, told, polled, origin, post.receipts)
        outcome.warnings += post.warnings
        outcome.letters = post.accepted
        outcome.stragglers = post.stragglers or threading.active_count() > 2
        return outcome


def decide(
    config: Config,
    state: State,
    looks: Iterable[Look],
    *,
    people: People,
    origin: Origin,
    families: Mapping[str, str],
    keyed: frozenset[str],
    now: datetime,
) -> tuple[State, list[Message], dict[str, Event]]:
    """Pure: the state to commit, the messages due in it, and the new events as addressed."""
    looks = list(looks)
    state, about_channels = channels.diff(state, now, config.run.channel_alert_after)
    state, seen = diff(state, looks, now, config.run.first_run, config.run.flap_window)
    state, about_state = channels.state_news(state, origin, now)
    events = [*about_state, *about_channels, *seen]
    state = route.address(state, events, config, families, now)
    read = {f"{look.source}/{one.kind}" for look in looks for one in look.snapshots}
    read |= {f"{look.source}/source" for look in looks}
    outlook = Outlook(state, config, people, families, now)
    state, reminded = reminders.remind(reminders.pruned(state, outlook), outlook, read)
    state, due = compose(state, Outlook(state, config, people, families, now), keyed)
    told = {event.id: state.events[event.id] for event in (*events, *reminded)}
    return route.swept(state, now), due, told


def _keyed(config: Config) -> frozenset[str]:
    """The rows that keep incidents under keys of their own."""
    return frozenset(
        row
        for row, there in config.destinations().items()
        if deliver.flavour(there.settings) in ("pagerduty", "opsgenie")
    )


class Post:
    """Renders what is due and sends it, committing every receipt as it comes."""

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        clock: Callable[[], datetime],
        deadline: float,
    ) -> None:
        self.config = config
        self.environ = environ
        self.clock = clock
        self.deadline = deadline
        self.rows = config.destinations()
        self.zone: tzinfo = zone_of(config.run.timezone)
        self.receipts: dict[str, Receipt] = {}
        self.warnings: list[str] = []
        self.accepted = 0
        self.stragglers = False

    def deliver(self, state: State, due: list[Message], commit: Callable[[State], None]) -> State:
        """Sends these messages, each already committed; returns the state after all receipts."""
        if not due:
            return state
        letters: dict[str, list[Any]] = {}
        early: list[Receipt] = []
        for message in due:
            try:
                letters.setdefault(message.channel, []).append(self._letter(state, message))
            except SecretError as error:
                early.append(
                    Receipt(
                        key=message.key, outcome="parked", reason=f"secret {error}", blame="channel"
                    )
                )
        state = self._received(state, early, commit)
        budget = max(1.0, self.deadline - time.monotonic())
        timeout = {row: float(there.settings.timeout) for row, there in self.rows.items()}
        for batch in deliver.post(
            letters, lambda one: deliver.send(one, timeout[one.destination.row]), budget
        ):
            self.stragglers |= any(one.reason == TOO_LATE for one in batch)
            state = self._received(state, batch, commit)
        never = [message.key for message in due if message.key not in self.receipts]
        if never:
            state = settle.unattempted(state, never)
            commit(state)
        return state

    def one(self, state: State, message: Message) -> Receipt:
        """Sends a single message that is in no outbox (a test of its channel)."""
        try:
            letter = self._letter(state, message)
        except SecretError as error:
            return Receipt(key=message.key, outcome="parked", reason=f"secret {error}")
        return deliver.send(letter, float(letter.destination.settings.timeout))

    def _received(
        self, state: State, batch: Iterable[Receipt], commit: Callable[[State], None]
    ) -> State:
        batch = list(batch)
        for receipt in batch:
            self.receipts[receipt.key] = receipt
            self.accepted += receipt.outcome == "delivered"
            state = settle.settled(state, receipt, self.clock())
        if batch:
            state = route.swept(state, self.clock())
            commit(state)
        return state

    def _letter(self, state: State, message: Message) -> Any:
        """One message as the letter that its destination gets. Raises SecretError."""
        # only now, with something to say, are the template engine and the senders needed
        from notifier import render
        from notifier.deliver.letter import Letter

        there = self._resolved(self.rows[message.channel])
        events = [state.events[name] for name in message.events]
        routes = {one.name: one for one in self.config.routes}
        shown, warnings = render.letter(
            message, events, state.incidents, there,
            route=routes.get(message.route), config=self.config, zone=self.zone,
            flavour=deliver.flavour(there.settings), limits=deliver.limits(there.settings),
        )  # fmt: skip
        self.warnings += warnings
        return Letter(
            key=message.key, destination=there, title=shown.title, text=shown.text,
            html=shown.html, payload=shown.payload, severity=shown.severity,
            recovery=shown.recovery, incident=shown.incident, thread=shown.thread,
            repeat=message.unknowns > 0, at=message.at, events=message.events, state_id=state.id,
        )  # fmt: skip

    def _resolved(self, there: Destination) -> Destination:
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


def _outcome(
    config: Config,
    state: State,
    told: Mapping[str, Event],
    polled: Polled,
    origin: Origin,
    receipts: Mapping[str, Receipt],
) -> Outcome:
    """The news of this run with what became of each, and the exit code."""
    news = []
    for name, event in told.items():
        left = state.events[name].to if name in state.events else {}
        one = News(event=event)
        for row, due in event.to.items():
            if row not in left:
                one.told.append(row)
            else:
                receipt = receipts.get(due.key)
                one.waits[row] = receipt.reason if receipt else _why(state, row)
        news.append(one)
    found = any(
        one.event.type not in ("reminder", "change", "summary") or one.event.reason == "reset"
        for one in news
    )
    code = Exit.FOUND if found else Exit.OK
    if polled.unread:
        code = Exit.UNREADABLE
    if undelivered(config, state):
        code = Exit.UNDELIVERED
    warnings = list(config.warnings)
    if origin == "former":
        warnings.append(f"{config.state_path}: damaged; the former generation was taken")
    return Outcome(code=code, news=news, said=polled.said, warnings=warnings)


def _why(state: State, row: str) -> str:
    channel = state.channels.get(row)
    return channel.reason if channel else "waits"


def undelivered(config: Config, state: State) -> bool:
    """Whether something has failed at least once and still waits, or its channel is gone."""
    rows = config.destinations()
    if any(message.state != "attempting" for message in state.messages.values()):
        return True
    return any(
        due.failures or row not in rows
        for event in state.events.values()
        for row, due in event.to.items()
    )
