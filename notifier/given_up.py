"""Pure: what a channel did not take within its `give_up_after` is dropped, and that is told."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from notifier.compose import Outlook
from notifier.config import Config
from notifier.draft import Draft
from notifier.memory import State
from notifier.model import Event
from notifier.people import People
from notifier.settings import Destination
from notifier.tables import Duration


def give_up(
    state: State, config: Config, people: People, families: Mapping[str, str], now: datetime
) -> tuple[State, list[Event]]:
    """The state without it, and a summary for the others for each row that lost something."""
    if not any(channel.give_up_after for channel in config.channels.values()):
        return state, []
    outlook = Outlook(state, config, people, families, now)
    lost: dict[str, int] = {}
    for row, there in outlook.there.rows.items():
        names = _late(state, row, there, outlook) if there.settings.give_up_after else []
        if names:
            # hardly ever needed
            from notifier import outbox

            waited = sum(row in event.to for event in state.events.values())
            state = outbox.drop(state, ids=names, row=row)
            lost[row] = waited - sum(row in event.to for event in state.events.values())
    return _told(state, lost, outlook) if lost else (state, [])


def late(event: Event, row: str, outlook: Outlook) -> bool:
    """Whether an event waits for a channel that fails, and has done so for too long."""
    limit = outlook.there.rows[row].settings.give_up_after
    old = outlook.now - event.at >= timedelta(seconds=limit)
    return bool(limit) and old and row in outlook.state.channels and not outlook.reason(event, row)


def _late(state: State, row: str, there: Destination, outlook: Outlook) -> list[str]:
    """The messages that hang, and the events that wait, by their ids."""
    limit = timedelta(seconds=there.settings.give_up_after)
    hang = [
        message.key
        for message in state.messages.values()
        if message.channel == row
        and message.state != "attempting"
        and outlook.now - state.events[message.events[0]].at >= limit
    ]
    wait = [
        event.id
        for event in state.events.values()
        if row in event.to and not event.to[row].key and late(event, row, outlook)
    ]
    return hang + wait


def _told(state: State, lost: Mapping[str, int], outlook: Outlook) -> tuple[State, list[Event]]:
    draft = Draft(state, outlook.now)
    for row, count in lost.items():
        after = Duration(outlook.there.rows[row].settings.give_up_after)
        events = "an event was" if count == 1 else f"{count:,} events were"
        text = f"{events} given up: {row} did not take what it was to be told within {after}"
        draft.say("summary", "given up", f"notifier/channel/{row}", "warning", text=text)
    return draft.done(), draft.events
