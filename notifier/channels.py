"""Pure: news of Notifier itself: a channel that fails, a state that was lost."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from notifier.draft import Draft
from notifier.memory import ChannelState, Origin, State
from notifier.model import Event, Observation
from notifier.words import UNWATCHED


def diff(
    state: State, now: datetime, alert_after: float, rows: Collection[str]
) -> tuple[State, list[Event]]:
    """A channel that has failed for `alert_after` seconds is a problem; its return a recovery.

    `rows` are those of today's configuration: one that left it is no longer watched.
    """
    draft, patience = Draft(state, now), timedelta(seconds=alert_after)
    for row, channel in state.channels.items():
        thing = f"notifier/channel/{row}"
        since = channel.failing_since
        if row in rows and draft.incident(thing) is None and since and now - since >= patience:
            draft.problem(thing, _seen(row, channel), finite=False, since=since)
    for thing in draft.below("notifier/channel/"):
        row = thing.split("/", 2)[2]
        incident = draft.incident(thing)
        if incident and row not in rows:
            draft.end(incident, None, UNWATCHED)
        elif incident and row not in state.channels:
            draft.end(incident, _seen(row, None), "back")
    return (draft.done(), draft.events) if draft.events else (state, [])


def _seen(row: str, channel: ChannelState | None) -> Observation:
    return Observation(
        kind="channel",
        id=row,
        name=row,
        status="failing" if channel else "ok",
        health="down" if channel else "ok",
        severity="critical" if channel else "info",
        message=channel.reason if channel else "",
    )


def state_news(
    state: State, origin: Origin, aside: Mapping[str, str], now: datetime
) -> tuple[State, list[Event]]:
    """What people must know of the state itself: it was lost, or its last generation was bad.

    `aside`: file of the spool that could not be taken in -> why; what it said is not known.
    """
    texts = {
        "lost": "the state of Notifier was lost: what was told before is not known any more, "
        "and everything is looked at as for the first time",
        "former": "the state of Notifier was damaged; the generation before it was taken, so some "
        "news may be told once more",
    }
    if origin not in texts and not aside:
        return state, []
    draft = Draft(state, now)
    if origin in texts:
        thing = "notifier/state/state"
        draft.say("summary", f"state {origin}", thing, "critical", text=texts[origin])
    if aside:
        draft.say("summary", "set aside", "notifier/state/spool", "critical", text=_aside(aside))
    return draft.done(), draft.events


def _aside(files: Mapping[str, str]) -> str:
    many = f"{len(files):,} files were" if len(files) > 1 else "a file was"
    named = [f"{name[:60]} ({why[:120]})" for name, why in list(files.items())[:3]]
    more = f" and {len(files) - 3:,} more" if len(files) > 3 else ""
    return (
        f"{many} pushed that cannot be read, so something may be missing here; "
        f"set aside in spool/aside: {', '.join(named)}{more}"
    )
