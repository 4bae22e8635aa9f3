"""`notifier state`: look at what is remembered, or begin anew."""

import argparse

from notifier import outbox, record, route
from notifier.cli import Context
from notifier.commands import _shared
from notifier.config import Config
from notifier.errors import ConfigError
from notifier.escape import one_line
from notifier.memory import State
from notifier.state import Store


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `state`."""
    what = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    what.add_parser("show", parents=[common], help="what is remembered, in numbers (--json: all)")
    forget = what.add_parser(
        "forget", parents=[common], help="watch a thing no longer; who was told of it is told that"
    )
    forget.add_argument("thing", metavar="THING", help="river/node/gpu-7, or a tail only it has")
    reset = what.add_parser(
        "reset", parents=[common], help="put the state aside and begin with a first look"
    )
    reset.add_argument("--yes", action="store_true", help="do it without being asked again")


def main(context: Context) -> int:
    """Shows, forgets a part of, or resets the state. Raises StateError, LockedError."""
    config = _shared.configuration(context)
    store = Store(config.state_path)
    if context.args.action == "show":
        return _show(context, config, store)
    if context.args.action == "forget":
        return _forget(context, config, store)
    return _reset(context, config, store)


def _show(context: Context, config: Config, store: Store) -> int:
    state, origin = store.load()
    if context.args.json:
        context.print_json(state)
        return 0
    context.print(f"{config.state_path} ({origin}, version {state.version}, id {state.id})")
    for name, things in sorted(state.things.items()):
        counts = ", ".join(
            f"{len(ids):,} {status}"
            for scope in things.scopes.values()
            for status, ids in sorted(scope.statuses.items())
        )
        context.print(f"  {one_line(f'{name}: {counts}' if counts else f'{name}: nothing')}")
    context.print(
        f"  {len(state.incidents):,} incidents, {len(state.events):,} events waiting, "
        f"{len(state.messages):,} messages under way, {len(state.watched):,} things watched"
    )
    return 0


def _reset(context: Context, config: Config, store: Store) -> int:
    if not context.args.yes:
        raise ConfigError(
            "this forgets what was told: open problems get no ending. To do it: "
            "notifier state reset --yes"
        )
    with store.lock(config.state.lock_wait):
        now = context.clock()
        aside = store.reset(now)
        did = record.Person(at=now, did="reset")
        _shared.noted(context, config, State(), State(), did)
    if context.args.json:
        context.print_json({"version": 1, "aside": [str(path) for path in aside]})
        return 0
    for path in aside:
        context.print(f"put aside: {path}")
    context.print("the next check takes a first look")
    return 0


def _forget(context: Context, config: Config, store: Store) -> int:
    now = context.clock()
    with store.lock(config.state.lock_wait):
        state = _shared.loaded(context, store)
        known = {one.thing for one in state.incidents.values()} | {
            f"{key}/{name}"
            for key, things in state.things.items()
            for scope in things.scopes.values()
            for names in scope.statuses.values()
            for name in names
        }
        thing = _shared.the_thing(context.args.thing, known)
        new = outbox.forgotten(state, thing, config, now)
        did = record.Person(at=now, did="forget", of=thing)
        _shared.noted(context, config, state, new, did)
        waits = sum(len(event.to) for event in new.events.values() if event.thing == thing)
        store.commit(route.swept(new, now))
    if context.args.json:
        context.print_json({"version": 1, "thing": thing, "waiting": waits})
        return 0
    context.print(f"{thing} is forgotten; {waits} to be told so at the next check")
    context.print("if its source still lists it, it is new there: see `ignore` to leave it out")
    return 0
