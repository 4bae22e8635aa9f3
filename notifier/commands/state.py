"""`notifier state`: look at what is remembered, or begin anew."""

import argparse

from notifier.cli import Context
from notifier.commands import _shared
from notifier.errors import StateError
from notifier.state import Store


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `state`."""
    what = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    what.add_parser("show", parents=[common], help="what is remembered, in numbers (--json: all)")
    reset = what.add_parser(
        "reset", parents=[common], help="put the state aside and begin with a first look"
    )
    reset.add_argument("--yes", action="store_true", help="do it without being asked again")


def main(context: Context) -> int:
    """Shows or resets the state. Raises StateError, LockedError."""
    config = _shared.configuration(context)
    store = Store(config.state_path)
    if context.args.action == "show":
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
            context.print(f"  {name}: {counts or 'nothing'}")
        context.print(
            f"  {len(state.incidents):,} incidents, {len(state.events):,} events waiting, "
            f"{len(state.messages):,} messages under way, {len(state.watched):,} things watched"
        )
        return 0
    if not context.args.yes:
        raise StateError(
            "this forgets what was told: open problems get no ending. To do it: "
            "notifier state reset --yes"
        )
    with store.lock(config.state.lock_wait):
        for path in store.reset(context.clock()):
            context.print(f"put aside: {path}")
    context.print("the next check takes a first look")
    return 0
