"""`notifier render`: how messages would look, sent to nobody."""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from notifier import deliver, route, sources
from notifier.cli import Context
from notifier.commands import _made_up, _shared
from notifier.compose import Outlook, compose
from notifier.config import Config
from notifier.deliver.services import FLAVOURS
from notifier.dispatch import Post
from notifier.errors import ConfigError
from notifier.memory import State
from notifier.model import Due, Event, Incident, Message, Planned
from notifier.people import People
from notifier.poll import kinds_of
from notifier.settings import ChannelSettings, Destination
from notifier.state import Store
from notifier.tables import Duration, nearest
from notifier.words import plural

# bytes of a file of events that are read
MOST = 32 * 1024 * 1024


class Shown(msgspec.Struct, kw_only=True):
    """One message of `render --json`. `html` is the mail's other part, `payload` a webhook's body.

    `flavour` is how text is written for that service.
    """

    channel: str
    kind: str
    flavour: str
    route: str
    events: tuple[str, ...]
    title: str
    text: str
    html: str
    payload: Any


class Rendered(msgspec.Struct, kw_only=True):
    """The shape of `render --json`. `origin`: `waiting`, `example`, or the file's name."""

    version: int = 1
    origin: str
    messages: list[Shown]
    warnings: list[str]


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `render`."""
    parser.add_argument(
        "file", nargs="?", metavar="EVENTS.json",
        help="events as `check --json` or `state show --json` print them; - is stdin "
        "(default: what waits to be sent, or an example)",
    )  # fmt: skip
    parser.add_argument("--channel", metavar="NAME", help="only what this channel would get")
    parser.add_argument(
        "--example", action="store_true", help="an example, although something waits"
    )
    parser.add_argument(
        "--flavour", choices=(*FLAVOURS, "plain"), help="as a channel of that kind would get it"
    )
    parser.add_argument("--html", action="store_true", help="the HTML of the first mail, alone")


def main(context: Context) -> int:
    """Prints each message as its channel would get it; 1 when there is none. Sends nothing."""
    config = _eager(_shared.configuration(context))
    rows = _rows(context.args.channel, config)
    now = context.clock()
    origin, state = _state(context, config, now)
    post = Post(config, context.environ, context.clock, 0.0)
    state, due = compose(state, Outlook(state, config, People(), kinds_of(config), now))
    shown = [
        _shown(post, state, message, context.args.flavour)
        for message in due
        if message.channel in rows
    ]
    for line in post.warnings:
        context.log.warning("%s", line)
    if context.args.html:
        found = next((one.html for one in shown if one.html), "")
        context.print(found.rstrip("\n"))
        return 0 if found else 1
    if context.args.json:
        done = Rendered(origin=origin, messages=shown, warnings=post.warnings)
        context.print_json(done)
    else:
        _print(context, shown, origin)
    return 0 if shown else 1


def _rows(name: str | None, config: Config) -> set[str]:
    """The rows to show: of a channel's addresses one, for they all get the same."""
    there = config.destinations()
    if name is None:
        firsts = {one.channel: row for row, one in reversed(there.items())}
        return set(firsts.values())
    if name not in there and name not in config.channels:
        near = nearest(name, [*config.channels, *there])
        raise ConfigError(f"no channel is named '{name}'{near}")
    return {config.rows_of(name)[0]}


def _state(context: Context, config: Config, now: datetime) -> tuple[str, State]:
    """Where the events come from, and a state in which they wait."""
    if context.args.file:
        return context.args.file, _addressed(_read(context.args.file), config, now)
    if not context.args.example:
        state = Store(config.state_path).load()[0]
        if any(event.to for event in state.events.values()):
            # channels that rest, and messages that are parked, hide nothing here
            return "waiting", replace(state, channels={}, messages={}, events=_free(state))
    return "example", _addressed(_made_up.example(config, now), config, now)


def _free(state: State) -> dict[str, Event]:
    """The waiting events, due now and out of the messages that carry them."""
    return {
        name: replace(event, to={row: Due(due.route, event.at) for row, due in event.to.items()})
        for name, event in state.events.items()
    }


def _addressed(events: Sequence[Event], config: Config, now: datetime) -> State:
    """A state in which these events wait for whom the routes say; endings for every row."""
    incidents: dict[str, Incident] = {}
    rows = config.destinations()
    finite = {
        f"{name}/{kind.name}"
        for name, settings in config.sources.items()
        for kind in sources.module(settings.type).KINDS.values()
        if kind.finite
    }
    for event in events:
        seen = event.observation
        if event.incident and event.incident not in incidents and seen:
            told = {} if event.type in route.OPENING else {row: Planned("", now) for row in rows}
            incidents[event.incident] = Incident(
                handle=event.incident, thing=event.thing, observation=seen,
                finite=event.thing.rpartition("/")[0] in finite, severity=event.severity,
                opened=event.opened or event.at, changed=event.at, plan=told,
            )  # fmt: skip
    covers = {handle for event in events for handle in event.covers} - incidents.keys()
    fresh = [
        replace(event, to={}, covers=tuple(one for one in event.covers if one not in covers))
        for event in events
        if event.incident in incidents or event.type in route.OPENING
    ]
    state = State(id="preview", incidents=incidents)
    return route.address(state, fresh, config, kinds_of(config))


def _eager(config: Config) -> Config:
    """The configuration without what would make a message wait."""
    routes = [replace(one, hold=[], escalate_after=Duration(0)) for one in config.routes]
    return replace(config, routes=tuple(routes))


def _read(name: str) -> list[Event]:
    """The events of a file. Raises ConfigError in one line for everything that it can be."""
    try:
        with sys.stdin.buffer if name == "-" else Path(name).open("rb") as file:
            raw = file.read(MOST + 1)
        if len(raw) > MOST:
            raise ConfigError(f"{name}: larger than {MOST // 1024 // 1024} MB")
        document = msgspec.json.decode(raw)
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ConfigError(f"{name}: not valid JSON") from None
    found = document.get("events") if isinstance(document, dict) else document
    listed = list(found.values()) if isinstance(found, dict) else found
    try:
        events = [
            msgspec.convert(one.get("event", one) if isinstance(one, dict) else one, Event)
            for one in listed or []
        ]
    except (msgspec.ValidationError, TypeError, RecursionError) as error:
        raise ConfigError(f"{name}: these are no events: {str(error)[:200]}") from None
    if any(event.thing.count("/") < 2 for event in events):
        raise ConfigError(f"{name}: these are no events: a thing is SOURCE/KIND/ID")
    numbered = enumerate(events, 1)
    return [replace(event, id=f"e{number}") for number, event in numbered]


def _shown(post: Post, state: State, message: Message, flavour: str | None) -> Shown:
    there: Destination = post.rows[message.channel]
    if flavour:
        schema = FLAVOURS.get(flavour, "json").split()[0]
        there = replace(there, settings=ChannelSettings(url=f"{schema}://example.org"))
    drawn = post.shown(state, message, there)
    return Shown(
        channel=message.channel, kind=there.settings.kind,
        flavour=deliver.flavour(there.settings), route=message.route, events=message.events,
        title=drawn.title, text=drawn.text, html=drawn.html,
        payload=msgspec.Raw(drawn.payload) if drawn.payload else None,
    )  # fmt: skip


def _print(context: Context, shown: Sequence[Shown], origin: str) -> None:
    say = context.print
    on = _shared.coloured(context)
    if not shown:
        context.log.warning("no message: no route leads these events there; see: notifier route")
        return
    words = {"waiting": "what waits now", "example": "an example; nothing of it is real"}
    say(f"{words.get(origin, origin)}; {plural(len(shown), 'message')}, sent to nobody")
    for one in shown:
        through = f", route '{one.route}'" if one.route else ""
        say("")
        say(_shared.paint(f"--- {one.channel} ({one.kind}, {one.flavour}{through})", "info", on))
        body = [f"{'Subject: ' if one.flavour == 'email' else ''}{one.title}", ""]
        body += one.text.splitlines()
        if one.payload is not None:
            # of a webhook that is all there is
            body = msgspec.json.format(bytes(one.payload), indent=2).decode().splitlines()
        for line in body:
            say(_visible(line))


def _visible(line: str) -> str:
    """A line that no terminal obeys; a message's own invisible characters are written out."""
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in line)
