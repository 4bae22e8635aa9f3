"""Pure: who would hear of a made-up event, through which routes, and when at the earliest."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from notifier.config import Config
from notifier.memory import State
from notifier.model import Event, Frozen, Moment
from notifier.people import People, silenced
from notifier.route import OPENING, Directory, fields, matching, rows_for
from notifier.settings import Route
from notifier.windows import ends, inside

# reasons that follow on one another, at most: windows can take turns for ever
TURNS = 20


class Wait(Frozen, frozen=True, kw_only=True, omit_defaults=False):
    """A reason for which it is not told before `until`: a window, a silence or an escalation."""

    why: str
    name: str
    until: Moment
    text: str


class Heard(Frozen, frozen=True, kw_only=True, omit_defaults=False):
    """One row that would be told, `at` the earliest, and what it waits for until then, in order.

    `route` is empty where no route decides it. `trouble` is what else keeps it from being told.
    """

    row: str
    route: str
    at: Moment
    waits: tuple[Wait, ...]
    trouble: str


class Forecast(Frozen, frozen=True, kw_only=True, omit_defaults=False):
    """`routes` are the names of all that match, in the order of the file."""

    routes: tuple[str, ...]
    rows: tuple[Heard, ...]


def forecast(
    event: Event,
    config: Config,
    people: People,
    state: State,
    families: Mapping[str, str],
    at: datetime,
) -> Forecast:
    """What would become of `event` if it were found at `at`, by today's configuration.

    An ending is addressed from its problem's plan, so here it is matched as that problem.
    """
    there = Directory(config)
    known = fields(event, families)
    return Forecast(
        routes=tuple(route.name for route in matching(event, config, families)),
        rows=tuple(
            _heard(row, there.route(name), name, event, known, config, people, state, at)
            for row, name in rows_for(event, there, families).items()
        ),
    )


def _heard(
    row: str,
    route: Route,
    name: str,
    event: Event,
    known: Mapping[str, str],
    config: Config,
    people: People,
    state: State,
    at: datetime,
) -> Heard:
    waits: list[Wait] = []
    moment = at
    if route.escalate_after and event.type in OPENING - {"summary", "change"}:
        moment += timedelta(seconds=route.escalate_after)
        text = f"only if it is open then and nobody has it in hand (after {route.escalate_after})"
        waits.append(Wait(why="escalation", name=name, until=moment, text=text))
    channel = state.channels.get(row)
    trouble = f"the channel fails at present: {channel.reason}" if channel else ""
    for _ in range(TURNS):
        wait = _window(route, config, moment) or _silence(event, known, people, state, moment)
        if wait is None:
            break
        waits.append(wait)
        moment = wait.until
    else:
        trouble = "its windows and silences leave no time"
    return Heard(row=row, route=name, at=moment, waits=tuple(waits), trouble=trouble)


def _window(route: Route, config: Config, moment: datetime) -> Wait | None:
    for name in route.hold:
        window, zone = config.windows[name], config.run.timezone
        if inside(window, moment, zone):
            text = f"{window.begin} to {window.to}; told then even if it is over"
            return Wait(why="window", name=name, until=ends(window, moment, zone), text=text)
    return None


def _silence(
    event: Event, known: Mapping[str, str], people: People, state: State, moment: datetime
) -> Wait | None:
    silence = silenced(event, known, people, state, moment)
    if silence is None:
        return None
    text = f"{silence.author}: {silence.comment}; told then if it is still bad"
    return Wait(why="silence", name=silence.id, until=silence.end, text=text)
