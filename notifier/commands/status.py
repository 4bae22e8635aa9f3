"""`notifier status`: what is broken now? Answered from the state, without asking anyone."""

import argparse
from datetime import datetime, timedelta
from typing import Any

from notifier import outbox
from notifier.cli import Context
from notifier.commands import _shared
from notifier.config import Config
from notifier.errors import ConfigError
from notifier.escape import escape
from notifier.model import Incident, State
from notifier.poll import kinds_of
from notifier.state import LookTime, Store
from notifier.tables import Duration
from notifier.words import Clock, lasting


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `status`."""
    parser.add_argument("thing", nargs="?", help="only this thing, or things that end like this")
    parser.add_argument(
        "--max-age", metavar="TIME", help="a look older than this (such as 30m) is overdue"
    )


def main(context: Context) -> int:
    """Prints what is open, waiting, unreadable and overdue; 1 when there is any, else 0."""
    config = _shared.configuration(context)
    store = Store(config.state_path)
    state, origin = store.load()
    now = context.clock()
    max_age = None
    if context.args.max_age:
        try:
            max_age = timedelta(seconds=Duration.parse(context.args.max_age))
        except ValueError as error:
            raise ConfigError(f"--max-age: {error}") from None
    looks = store.looks()
    families = sorted({f"{k.split('/')[0]}/{family}" for k, family in kinds_of(config).items()})
    found: dict[str, Any] = {
        "open": [one for one in open_incidents(state) if _wanted(one.thing, context.args.thing)],
        "waiting": outbox.waiting(
            state, config.destinations(), _shared.outlook(config, store, state, now).why
        ),
        "looks": {name: looks.get(name) for name in families},
        "overdue": [name for name in families if _overdue(looks.get(name), max_age, now)],
    }
    if context.args.json:
        context.print_json({"version": 1, "at": now, **found})
    else:
        _print(context, config, state, found, origin == "fresh")
    trouble = found["open"] or found["overdue"] or any(one.failures for one in found["waiting"])
    unread = any(look and look.trouble for look in found["looks"].values())
    return 1 if trouble or unread else 0


def open_incidents(state: State) -> list[Incident]:
    """The incidents that are open: not ended, and no settled facts. Worst and oldest first."""
    found = [one for one in state.incidents.values() if not one.ended and not one.settled]
    return sorted(found, key=lambda one: (one.severity != "critical", one.opened, one.thing))


def _wanted(thing: str, asked: str | None) -> bool:
    return not asked or thing == asked or thing.endswith(f"/{asked}")


def _overdue(look: LookTime | None, max_age: timedelta | None, now: datetime) -> bool:
    if max_age is None:
        return False
    return look is None or now - look.started > max_age


def _print(
    context: Context, config: Config, state: State, found: dict[str, Any], first: bool
) -> None:
    clock = _shared.times(config, context.clock())
    on = _shared.coloured(context)
    if first:
        context.print("no check has run yet")
        return
    opened = found["open"]
    context.print(f"OPEN ({len(opened)})" if opened else "nothing is open")
    for one in opened:
        context.print(_shared.paint(_incident(one, clock), one.severity, on))
    if found["waiting"]:
        context.print(f"WAITING ({len(found['waiting'])})")
    for one in found["waiting"]:
        why = one.reason or one.state
        context.print(f"  {one.what} for {one.row} since {clock.time(one.since)}: {why}")
    context.print("LAST LOOK")
    for name, look in found["looks"].items():
        context.print(f"  {_look(name, look, name in found['overdue'], clock)}")


def _incident(one: Incident, clock: Clock) -> str:
    seen = one.observation
    where = f" on {seen.node}" if seen.node and seen.node != seen.name else ""
    told = ", ".join(row for row, plan in one.plan.items() if plan.told) or "nobody yet"
    text = (
        f"  {one.handle}  {one.thing}  {seen.name}{where}: {seen.status} "
        f"since {clock.time(one.opened)} ({lasting(one.opened, clock.now)}); told: {told}"
    )
    return escape(text, "terminal")


def _look(name: str, look: LookTime | None, overdue: bool, clock: Clock) -> str:
    if look is None:
        return f"{name}: never{' (overdue)' if overdue else ''}"
    parts = [f"{name}: {clock.time(look.started)}, took {look.took:.1f} s"]
    if look.trouble:
        parts.append(f"could not be read: {escape(look.trouble, 'terminal')}")
    if look.rest_until and look.rest_until > clock.now:
        parts.append(f"rests until {clock.time(look.rest_until)}")
    if overdue:
        parts.append("overdue")
    return "; ".join(parts)
