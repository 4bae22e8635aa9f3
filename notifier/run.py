"""The straight line: the only module that knows every room. Read `check` from top to bottom."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

import msgspec
from msgspec.structs import replace

from notifier import channels, given_up, intake, poll, pushed, reminders, route, settle
from notifier.compose import Outlook, compose
from notifier.config import Config
from notifier.decision import Decision
from notifier.diff import diff
from notifier.dispatch import Post
from notifier.errors import Exit
from notifier.journal import Journal
from notifier.look import Look, Seen
from notifier.memory import Origin, State
from notifier.model import Event, Message, Receipt
from notifier.people import People
from notifier.poll import Wish
from notifier.state import LookTime, Store

# the part of the deadline that polling may take; the rest belongs to delivery
POLLING = 0.75
# why a dry run has not told what it would have told
DUE = "due"


class News(msgspec.Struct, kw_only=True):
    """One event of this run: the rows it was told on, and those that wait, with the reason."""

    event: Event
    told: list[str] = []
    waits: dict[str, str] = {}


class Outcome(msgspec.Struct, kw_only=True):
    """What a run did.

    `said` are lines about the run itself, `letters` how many messages were accepted, `waits` what
    older news waits for a row. `state` and `looks` are what it leaves behind.
    """

    code: Exit
    news: list[News] = []
    said: list[str] = []
    warnings: list[str] = []
    letters: int = 0
    waits: dict[str, str] = {}
    state: State = State()
    looks: dict[str, LookTime] = {}


def check(
    config: Config,
    wish: Wish,
    *,
    clock: Callable[[], datetime],
    environ: Mapping[str, str],
    dry_run: bool = False,
) -> Outcome:
    """Looks, compares, commits, tells, commits again.

    Raises LockedError, StateError; everything else that can go wrong is in the outcome.
    """
    asked = clock()
    store = Store(config.state_path)
    with store.lock(config.state.lock_wait) as waited:
        now, deadline = clock(), time.monotonic() + config.run.deadline
        loaded, origin = store.load()
        people, families, times = store.people(), poll.kinds_of(config), store.looks()
        taken = intake.take(store.spool, loaded, config, now)
        state = settle.found_attempting(loaded, now)
        polled = poll.poll(
            config, state, times, wish, since=asked if waited else None,
            budget=config.run.deadline * POLLING, now=now, environ=environ,
        )  # fmt: skip
        journal, looks = Journal(config.state_path), [*polled.looks, *taken.looks]
        post = Post(config, environ, clock, deadline, journal)
        state, due, told = decide(
            config, replace(state, cursors=polled.cursors, spool=taken.names), looks,
            people=people, origin=origin, aside=taken.aside,
            families=families, keyed=post.keyed(), now=now,
        )  # fmt: skip
        if told and not dry_run:
            state, told = _with_logs(config, state, told, environ)
        decision = Decision(
            before=loaded, after=state, looks=looks, told=told, due=due, people=people,
            config=config, families=families, origin=origin, now=now,
            previous=max((one.started for one in times.values()), default=None),
        )  # fmt: skip
        if not dry_run:
            journal.decided(decision)
            if state != loaded:
                store.commit(state)
            journal.committed(now)
            state = intake.clear(store.spool, state, now, taken.said)
            with suppress(OSError):
                store.write_looks(polled.times)
            state = post.deliver(state, due, store.commit)
            journal.done(clock(), post.untried)
        return _outcome(decision, state, polled, taken, post, journal.warnings)


def decide(
    config: Config,
    state: State,
    looks: Sequence[Look],
    *,
    people: People,
    origin: Origin,
    aside: Mapping[str, str] = {},
    families: Mapping[str, str],
    keyed: frozenset[str],
    now: datetime,
) -> tuple[State, list[Message], dict[str, Event]]:
    """Pure: the state to commit, the messages due in it, and the new events as addressed."""
    rows = config.destinations()
    state, given = given_up.give_up(state, config, people, families, now)
    state, about_channels = channels.diff(state, now, config.run.channel_alert_after, rows)
    state, found = diff(state, looks, now, config.run.first_run, config.run.flap_window)
    state, about_state = channels.state_news(state, origin, aside, now)
    events = [*about_state, *about_channels, *given, *found]
    families = {**pushed.families(state), **families}
    state = route.address(state, events, config, families, keyed)
    seen = Seen(looks, state.things)
    over = {event.incident for event in events if event.over}
    state = reminders.decided(state, people, seen, now)
    outlook = Outlook(state, config, people, families, now, seen)
    state, reminded = reminders.remind(reminders.pruned(state, outlook, over), outlook)
    state, due = compose(state, Outlook(state, config, people, families, now, seen), keyed)
    addressed = (state.events[event.id] for event in (*events, *reminded))
    # a change that no route wants is not news
    told = {event.id: event for event in addressed if event.to or event.type != "change"}
    return route.swept(state, now), due, told


def _with_logs(
    config: Config, state: State, told: dict[str, Event], environ: Mapping[str, str]
) -> tuple[State, dict[str, Event]]:
    """The state and the new events, these with the ends of their logs where that is wanted."""
    if not any(one.log_lines for one in config.sources.values()):
        return state, told
    # not needed where nobody asks for logs
    from notifier import logs

    return logs.fetched(config, state, told, environ)


def _outcome(
    one: Decision,
    state: State,
    polled: poll.Polled,
    taken: intake.Taken,
    post: Post,
    warnings: Iterable[str],
) -> Outcome:
    why = replace(one, after=state).outlook().why
    return Outcome(
        code=_code(one.config, state, one.told, polled.unread or taken.unread, why),
        news=[_news(state, event, post.receipts, why) for event in one.told.values()],
        said=[*polled.said, *taken.said],
        warnings=[
            *one.config.warnings, *_origin(one.config, one.origin), *post.warnings, *warnings,
        ],
        letters=post.accepted,
        waits=_waits(state, one.told, why),
        state=state,
        looks=polled.times,
    )  # fmt: skip


def _news(
    state: State,
    event: Event,
    receipts: Mapping[str, Receipt],
    why: Callable[[Event, str], str],
) -> News:
    """What became of one new event: where it was told, and where it waits for which reason."""
    left = state.events[event.id] if event.id in state.events else replace(event, to={})
    one = News(event=event)
    for row, due in event.to.items():
        if row not in left.to:
            one.told.append(row)
        elif due.key in receipts:
            one.waits[row] = receipts[due.key].reason
        else:
            channel = state.channels.get(row)
            one.waits[row] = why(left, row) or (channel.reason if channel else DUE)
    return one


def _waits(
    state: State, told: Mapping[str, Event], why: Callable[[Event, str], str]
) -> dict[str, str]:
    """row -> how much older news waits for it and why, as a sentence."""
    counts: dict[str, int] = {}
    for name, event in state.events.items():
        for row in event.to if name not in told else ():
            if not why(event, row):
                counts[row] = counts.get(row, 0) + 1
    said = {}
    for row, count in counts.items():
        channel = state.channels.get(row)
        reason = channel.reason if channel else "not in the configuration, or in doubt"
        verb = "event waits" if count == 1 else "events wait"
        said[row] = f"{count:,} older {verb} for {row} ({reason})"
    return said


def _code(
    config: Config,
    state: State,
    told: Mapping[str, Event],
    unread: bool,
    why: Callable[[Event, str], str],
) -> Exit:
    if undelivered(config, state, why):
        return Exit.UNDELIVERED
    if unread:
        return Exit.UNREADABLE
    found = any(
        event.type not in ("reminder", "change", "summary") or event.reason == "reset"
        for event in told.values()
    )
    return Exit.FOUND if found else Exit.OK


def _origin(config: Config, origin: Origin) -> list[str]:
    if origin != "former":
        return []
    return [f"{config.state_path}: damaged; the former generation was taken"]


def undelivered(config: Config, state: State, why: Callable[[Event, str], str]) -> bool:
    """Whether something waits for a channel that fails, may have arrived, or has nowhere to go.

    What waits for a window, a silence or an escalation (`why` names it) is not undelivered.
    """
    rows = config.destinations()
    if any(message.state != "attempting" for message in state.messages.values()):
        return True
    return any(
        due.failures or row not in rows or (row in state.channels and not why(event, row))
        for event in state.events.values()
        for row, due in event.to.items()
    )
