"""`notifier silence`: do not speak of these things for a while."""

import argparse
from datetime import datetime, timedelta

from msgspec.structs import replace

from notifier import pushed
from notifier.checks import FIELDS
from notifier.cli import Context
from notifier.commands import _shared
from notifier.config import Config
from notifier.errors import ConfigError
from notifier.memory import State
from notifier.model import Event
from notifier.people import People, Silence, author, covers, holds
from notifier.poll import kinds_of
from notifier.route import fields
from notifier.state import Store
from notifier.tables import Duration, nearest

LONGEST = timedelta(days=30)


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `silence`."""
    what = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = what.add_parser(
        "add", parents=[common], help="begin one: evaluated and remembered, only not told"
    )
    add.add_argument(
        "things", nargs="*", metavar="THING", help="river/node/gpu-7, a glob, or a tail"
    )
    add.add_argument(
        "--match", action="append", default=[], metavar="FIELD=PATTERN",
        help="things by a field, such as node=gpu-*; several must all fit",
    )  # fmt: skip
    add.add_argument("--for", dest="span", metavar="TIME", help="how long, such as 2h")
    add.add_argument(
        "--until-resolved", action="store_true", help="until what is open there now has ended"
    )
    add.add_argument(
        "--max", dest="most", default="7d", metavar="TIME",
        help="with --until-resolved: so long at most (7d)",
    )  # fmt: skip
    add.add_argument("-m", "--comment", required=True, metavar="TEXT", help="why")
    lister = what.add_parser("list", parents=[common], help="those in force (--all: all)")
    lister.add_argument("--all", action="store_true", help="those that are over as well")
    expire = what.add_parser("expire", parents=[common], help="end one now")
    expire.add_argument("ids", nargs="+", metavar="ID", help="s-1, as `silence list` shows it")


def main(context: Context) -> int:
    """Adds, lists or ends silences. Raises ConfigError, StateError, LockedError."""
    config = _shared.configuration(context)
    store = Store(config.state_path)
    if context.args.action == "list":
        return _list(context, config, store)
    now = context.clock()
    with store.deciding(config.state.lock_wait) as commit:
        people = _kept(store.people(), now)
        if context.args.action == "add":
            silence = _new(context, config, store.load()[0], people, now)
            commit(
                replace(
                    people,
                    counter=people.counter + 1,
                    silences={**people.silences, silence.id: silence},
                )
            )
            if context.args.json:
                context.print_json({"version": 1, "silence": silence})
                return 0
            clock = _shared.times(config, now)
            until = clock.time(silence.end)
            context.print(f"{silence.id}: silent until {until}{_early(silence)}")
            return 0
        for name in context.args.ids:
            if name not in people.silences:
                raise ConfigError(f"no silence is called '{name}'{nearest(name, people.silences)}")
            ended = replace(people.silences[name], end=now)
            people = replace(people, silences={**people.silences, name: ended})
        commit(people)
    if context.args.json:
        context.print_json({"version": 1, "ended": context.args.ids})
        return 0
    context.print(
        f"ended: {', '.join(context.args.ids)}; what is still bad is told at the next check"
    )
    return 0


def _kept(people: People, now: datetime) -> People:
    """Without the silences that have been over for thirty days."""
    kept = {name: one for name, one in people.silences.items() if now - one.end < LONGEST}
    return replace(people, silences=kept)


def _early(silence: Silence) -> str:
    return ", or until what is open has ended" if silence.handles else ""


def _span(text: str, what: str) -> timedelta:
    try:
        span = timedelta(seconds=Duration.parse(text))
    except ValueError as error:
        raise ConfigError(f"{what}: {error}") from None
    if not timedelta() < span <= LONGEST:
        raise ConfigError(f"{what}: a silence lasts from 1s to {LONGEST.days}d")
    return span


def _new(context: Context, config: Config, state: State, people: People, now: datetime) -> Silence:
    args = context.args
    match = _match(args.match)
    if not args.things and not match:
        raise ConfigError("silence add: name a thing (river/node/gpu-7), or --match FIELD=PATTERN")
    if bool(args.span) == bool(args.until_resolved):
        raise ConfigError("silence add: say either --for TIME or --until-resolved")
    span = _span(args.span, "--for") if args.span else _span(args.most, "--max")
    silence = Silence(
        id=f"s-{people.counter + 1}", begin=now, end=now + span, author=author(),
        comment=args.comment, things=tuple(args.things), match=match,
    )  # fmt: skip
    if args.until_resolved:
        handles = _open_there(silence, state, {**pushed.families(state), **kinds_of(config)})
        if not handles:
            raise ConfigError("nothing that fits is open; say --for TIME")
        silence = replace(silence, handles=handles)
    return silence


def _match(pairs: list[str]) -> dict[str, str | list[str]]:
    match: dict[str, str | list[str]] = {}
    for pair in pairs:
        field, equals, pattern = pair.partition("=")
        if not equals or (field not in FIELDS and not field.startswith("labels.")):
            raise ConfigError(f"--match {pair}: expected FIELD=PATTERN{nearest(field, FIELDS)}")
        match[field] = pattern
    return match


def _open_there(silence: Silence, state: State, families: dict[str, str]) -> tuple[str, ...]:
    found = []
    for handle, incident in state.incidents.items():
        event = Event(
            id="e0", type="problem", at=incident.opened, reason="", thing=incident.thing,
            severity=incident.severity, observation=incident.observation,
        )  # fmt: skip
        if incident.ended is None and covers(silence, incident.thing, fields(event, families)):
            found.append(handle)
    return tuple(found)


def _list(context: Context, config: Config, store: Store) -> int:
    now = context.clock()
    state, people = store.load()[0], store.people()
    shown = [one for one in people.silences.values() if context.args.all or holds(one, state, now)]
    if context.args.json:
        context.print_json(shown)
        return 0
    clock = _shared.times(config, now)
    rows = [
        [one.id, clock.time(one.end) + _early(one), one.author, _about(one), one.comment]
        for one in shown
    ]
    for line in _shared.table(["ID", "UNTIL", "BY", "ABOUT", "WHY"], rows) if rows else []:
        context.print(line)
    return 0


def _about(silence: Silence) -> str:
    matches = [f"{field}={pattern}" for field, pattern in silence.match.items()]
    return " ".join([*silence.things, *matches])
