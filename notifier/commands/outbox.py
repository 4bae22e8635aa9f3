"""`notifier outbox`: what waits to be sent, and what to do about it."""

import argparse

from notifier import outbox, route
from notifier.cli import Context
from notifier.commands import _shared
from notifier.config import Config
from notifier.errors import ConfigError
from notifier.model import State
from notifier.poll import Wish
from notifier.run import check
from notifier.state import Store
from notifier.tables import nearest


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `outbox`."""
    what = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    what.add_parser("list", parents=[common], help="what waits, for whom, since when and why")
    retry = what.add_parser(
        "retry", parents=[common], help="try again now what failed or is parked"
    )
    retry.add_argument("--channel", default="", metavar="NAME", help="only for this channel")
    drop = what.add_parser(
        "drop", parents=[common], help="give up what waits; it is told to nobody"
    )
    drop.add_argument("ids", nargs="*", metavar="ID", help="what `outbox list` shows")
    drop.add_argument("--channel", default="", metavar="NAME", help="all that waits for this one")
    move = what.add_parser("move", parents=[common], help="send to another channel what waits")
    move.add_argument("old", metavar="FROM")
    move.add_argument("new", metavar="TO")


def main(context: Context) -> int:
    """Lists or changes the outbox. Returns 1 from `list` when something waits."""
    config = _shared.configuration(context)
    store = Store(config.state_path)
    action = context.args.action
    if action == "list":
        return _list(context, config, store)
    if action == "retry":
        return _retry(context, config, store)
    with store.lock(config.state.lock_wait):
        state, _ = store.load()
        rows = config.destinations()
        if action == "drop":
            if not context.args.ids and not context.args.channel:
                raise ConfigError("outbox drop: name what to drop, or --channel NAME")
            known = {one.id for one in _waiting(context, config, store, state)}
            for name in context.args.ids:
                if name not in known:
                    raise ConfigError(f"nothing in the outbox is called '{name}'")
            new = outbox.drop(state, ids=context.args.ids, row=context.args.channel)
        else:
            if context.args.new not in rows:
                near = nearest(context.args.new, rows)
                raise ConfigError(f"'{context.args.new}' is not a channel{near}")
            new = outbox.move(state, context.args.old, context.args.new)
        before, after = (len(_waiting(context, config, store, each)) for each in (state, new))
        store.commit(route.swept(new, context.clock()))
    done = f"{before - after} dropped" if action == "drop" else "moved"
    context.print(f"{done}; {after} waiting")
    return 0


def _waiting(context: Context, config: Config, store: Store, state: State) -> list[outbox.Waiting]:
    why = _shared.outlook(config, store, state, context.clock()).why
    return outbox.waiting(state, config.destinations(), why)


def _list(context: Context, config: Config, store: Store) -> int:
    state, _ = store.load()
    found = _waiting(context, config, store, state)
    if context.args.json:
        context.print_json(found)
        return 1 if found else 0
    clock = _shared.times(config, context.clock())
    rows = [
        [one.id, one.row, one.state, clock.time(one.since), one.what, one.reason] for one in found
    ]
    head = ["ID", "CHANNEL", "STATE", "SINCE", "WHAT", "REASON"]
    for line in _shared.table(head, rows) if rows else []:
        context.print(line)
    return 1 if found else 0


def _retry(context: Context, config: Config, store: Store) -> int:
    with store.lock(config.state.lock_wait):
        state, _ = store.load()
        store.commit(outbox.retry(state, context.args.channel))
    wish = Wish(families=frozenset())
    outcome = check(config, wish, clock=context.clock, environ=context.environ)
    state, _ = store.load()
    left = _waiting(context, config, store, state)
    context.print(f"{outcome.letters} delivered; {len(left)} waiting")
    for one in left:
        context.print(f"  {one.id} for {one.row}: {one.reason or one.state}")
    return outcome.code
