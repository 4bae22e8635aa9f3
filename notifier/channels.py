"""Pure: news of Notifier itself: a channel that fails, a state that was lost."""

from collections.abc import Collection
from datetime import datetime, timedelta

from notifier.draft import Draft
from notifier.memory import ChannelState, Origin, State
from notifier.model import Event, Observation


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
            draft.end(incident, None, "no longer watched")
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


def state_news(state: State, origin: Origin, now: datetime) -> tuple[State, list[Event]]:
    """What people must know of the state itself: it was lost, or its last generation was bad."""
    texts = {
        "lost": "the state of Notifier was lost: what was told before is not known any more, "
        "and everything is looked at as for the first time",
        "former": "the state of Notifier was damaged; the generation before it was taken, so some "
        "news may be told once more",
    }
    if origin not in texts:
        return state, []
    draft = Draft(state, now)
    draft.say("summary", f"state {origin}", "notifier/state/state", "critical", text=texts[origin])
    return draft.done(), draft.events
