"""`notifier status`: what is broken now? Answered from the state, without asking anyone."""

import argparse
from datetime import datetime, timedelta

import msgspec

from notifier import intake, outbox, pushed
from notifier.cli import Context
from notifier.commands import _shared
from notifier.config import Config
from notifier.errors import ConfigError, NotifierError
from notifier.escape import one_line
from notifier.health import failing, health
from notifier.memory import Origin, State
from notifier.model import RANK, Incident
from notifier.outbox import Waiting
from notifier.people import Ack, Silence, holds
from notifier.poll import families_of
from notifier.state import LookTime, Store
from notifier.tables import Duration
from notifier.words import Clock, lasting, plural

ORIGINS: dict[Origin, str] = {
    "fresh": "no check has run yet",
    "lost": "the state was lost; the next check looks as for the first time",
    "former": "the state is damaged; this is the generation before it",
}


class Pushed(msgspec.Struct, kw_only=True):
    """How many things are known of what was pushed, and when the last of them was."""

    things: int
    last: datetime


class Found(msgspec.Struct, kw_only=True):
    """The shape of `status --json`.

    `open` are incidents, worst and oldest first; `looks` has an entry for each SOURCE/FAMILY of
    the configuration, null where nobody looked yet, with `trouble` where it cannot be read;
    `overdue` are those older than --max-age. `thing` and `known` answer `status THING`: the whole
    name, and the status in which it was last seen. `acks` (incident -> who has it in hand) and
    `silences` are what people decided and what holds now. `pushed` has an entry for each
    SOURCE/KIND that came through the spool, and `spool` counts the files in it.
    """

    version: int = 1
    at: datetime
    origin: Origin
    thing: str = ""
    known: str = ""
    open: list[Incident]
    waiting: list[Waiting]
    acks: dict[str, Ack] = {}
    silences: list[Silence] = []
    looks: dict[str, LookTime | None]
    overdue: list[str]
    pushed: dict[str, Pushed] = {}
    spool: intake.Waiting = intake.Waiting()

    @property
    def trouble(self) -> bool:
        """Whether anything here needs a person. What waits for its time does not."""
        unread = any(look and look.trouble for look in self.looks.values())
        stuck = any(failing(one) for one in self.waiting)
        return bool(self.open or self.overdue or unread or stuck or self.origin == "former")


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `status`."""
    parser.add_argument(
        "thing",
        nargs="?",
        metavar="THING",
        help="only this thing: river/node/gpu-7, or a tail only it has",
    )
    parser.add_argument(
        "--max-age", metavar="TIME", help="a look older than this (such as 30m) is overdue"
    )
    parser.add_argument(
        "--nagios", action="store_true",
        help="one line and 0, 1, 2 or 3, as a monitoring plugin; without --max-age, run.max_age",
    )  # fmt: skip


def main(context: Context) -> int:
    """Prints what is open, waiting, unreadable and overdue; 1 when there is any, else 0."""
    if context.args.nagios:
        return _plugin(context)
    config = _shared.configuration(context)
    found = _found(context, config)
    if context.args.json:
        context.print_json(found)
    elif context.args.thing:
        _print_thing(context, config, found)
    else:
        _print(context, config, found)
    return 1 if found.trouble else 0


def _plugin(context: Context) -> int:
    """As a monitoring plugin: whatever goes wrong is said on stdout, and is UNKNOWN."""
    from notifier.commands import _nagios

    try:
        config = _shared.configuration(context)
        asked = _max_age(context.args.max_age)
        found = _found(context, config)
        if found.thing:
            code, line = _nagios.of_thing(found.thing, found.known, found.open)
        elif found.origin in ("fresh", "lost"):
            code, line = _nagios.UNKNOWN, _nagios.unknown(ORIGINS[found.origin])
        else:
            age = asked.total_seconds() if asked else config.run.max_age
            looks = {name: look for name, look in found.looks.items() if look}
            shown = health(found.looks, looks, None, found.waiting, age, found.at)
            damaged = "" if found.origin == "current" else ORIGINS[found.origin]
            code, line = _nagios.answer(shown, found.open, age, damaged)
    except ConfigError as error:
        code, line = _nagios.UNKNOWN, _nagios.unknown("; ".join(error.problems))
    except NotifierError as error:
        code, line = _nagios.UNKNOWN, _nagios.unknown(str(error))
    except Exception as error:
        code, line = _nagios.UNKNOWN, _nagios.unknown(f"a bug: {type(error).__name__}")
    context.print(line)
    return code


def _found(context: Context, config: Config) -> Found:
    store = Store(config.state_path)
    state, origin = store.load()
    now, max_age, looks = context.clock(), _max_age(context.args.max_age), store.looks()
    families = families_of(config)
    if context.args.thing:
        known = statuses(state)
        thing = _shared.the_thing(context.args.thing, known)
        mine = [one for one in open_incidents(state) if one.thing == thing]
        return Found(
            at=now, origin=origin, thing=thing, known=known[thing], open=mine, waiting=[],
            looks={}, overdue=[],
        )  # fmt: skip
    people = store.people()
    return Found(
        at=now,
        origin=origin,
        open=open_incidents(state),
        acks={name: one for name, one in people.acks.items() if name in state.incidents},
        silences=[one for one in people.silences.values() if holds(one, state, now)],
        waiting=outbox.waiting(
            state, config.destinations(), _shared.outlook(config, store, state, now).why
        ),
        looks={name: looks.get(name) for name in families},
        overdue=[name for name in families if _overdue(looks.get(name), max_age, now)],
        pushed=_pushed(state),
        spool=intake.waiting(store.spool, state),
    )


def _pushed(state: State) -> dict[str, Pushed]:
    found = {}
    for key, scopes in sorted(pushed.scopes_of(state).items()):
        seen = [at for scope in scopes for at in state.things[key].scopes[scope].seen.values()]
        found[key] = Pushed(things=len(seen), last=max(seen))
    return found


def _max_age(text: str | None) -> timedelta | None:
    try:
        return timedelta(seconds=Duration.parse(text)) if text is not None else None
    except ValueError as error:
        raise ConfigError(f"--max-age: {error}") from None


def statuses(state: State) -> dict[str, str]:
    """Every thing that is known, and the raw status in which it was last seen."""
    found = {one.thing: one.observation.status for one in state.incidents.values()}
    for key, things in state.things.items():
        for scope in things.scopes.values():
            found |= {
                f"{key}/{name}": status for status, ids in scope.statuses.items() for name in ids
            }
    return found


def open_incidents(state: State) -> list[Incident]:
    """The incidents that are open: not ended, and no settled facts. Worst and oldest first."""
    found = [one for one in state.incidents.values() if not one.ended and not one.settled]
    return sorted(found, key=lambda one: (-RANK[one.severity], one.opened, one.thing))


def _overdue(look: LookTime | None, max_age: timedelta | None, now: datetime) -> bool:
    if max_age is None:
        return False
    return look is None or now - look.started > max_age


def _print(context: Context, config: Config, found: Found) -> None:
    clock = _shared.times(config, context.clock())
    on = _shared.coloured(context)
    if found.origin != "current":
        context.print(ORIGINS[found.origin])
    if found.origin != "fresh":
        context.print(f"OPEN ({len(found.open)})" if found.open else "nothing is open")
    for one in found.open:
        line = _incident(one, clock, found.acks.get(one.handle))
        context.print(_shared.paint(f"  {line}", one.severity, on))
    if found.waiting:
        context.print(f"WAITING ({len(found.waiting)})")
    for each in found.waiting:
        why = each.reason or each.state
        line = f"{each.what} for {each.row} since {clock.time(each.since)}: {why}"
        context.print(f"  {one_line(line)}")
    for silence in found.silences:
        about = " ".join([*silence.things, *(f"{k}={v}" for k, v in silence.match.items())])
        until = clock.time(silence.end)
        line = f"SILENT until {until}: {about} ({silence.id}, {silence.author}: {silence.comment})"
        context.print(one_line(line))
    context.print("LAST LOOK")
    for name, look in found.looks.items():
        context.print(f"  {_look(name, look, name in found.overdue, clock)}")
    _print_pushed(context, found, clock)


def _print_pushed(context: Context, found: Found, clock: Clock) -> None:
    if found.pushed:
        context.print("PUSHED")
    for key, one in found.pushed.items():
        things = plural(one.things, key.partition("/")[2])
        context.print("  " + one_line(f"{key}: {things}, the last at {clock.time(one.last)}"))
    if found.spool.files:
        context.print(f"SPOOL: {plural(found.spool.files, 'file')} for the next check")
    if found.spool.aside:
        context.print(f"SET ASIDE: {plural(found.spool.aside, 'file')} in spool/aside")


def _print_thing(context: Context, config: Config, found: Found) -> None:
    clock = _shared.times(config, context.clock())
    on = _shared.coloured(context)
    for one in found.open:
        line = _incident(one, clock, found.acks.get(one.handle))
        context.print(_shared.paint(line, one.severity, on))
    if not found.open:
        context.print(one_line(f"{found.thing}: {found.known}; nothing is open"))


def _incident(one: Incident, clock: Clock, ack: Ack | None) -> str:
    seen = one.observation
    where = f" on {seen.node}" if seen.node and seen.node != seen.name else ""
    told = ", ".join(row for row, plan in one.plan.items() if plan.told) or "nobody yet"
    state, since = seen.status, one.opened
    if one.flapping:
        state, since = f"flapping, now {seen.status},", one.flapping
    elif one.stuck:
        state = f"stuck in {seen.status}"
    what = (
        f"{seen.name}{where}: {state} since {clock.time(since)} "
        f"({lasting(since, clock.now)}); told: {told}"
    )
    hand = f"; {ack.author} has it in hand: {ack.comment}" if ack else ""
    return f"{one.handle}  {one_line(one.thing)}  {one_line(what + hand)}"


def _look(name: str, look: LookTime | None, overdue: bool, clock: Clock) -> str:
    if look is None:
        return f"{name}: never{' (overdue)' if overdue else ''}"
    parts = [f"{name}: {clock.time(look.started)}, took {look.took:.1f} s"]
    if look.trouble:
        parts.append(f"could not be read: {one_line(look.trouble)}")
    if look.rest_until and look.rest_until > clock.now:
        parts.append(f"rests until {clock.time(look.rest_until)}")
    if overdue:
        parts.append("overdue")
    return "; ".join(parts)
