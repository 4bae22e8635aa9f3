"""`notifier outbox`: what waits to be sent, and what to do about it."""

import argparse
from collections.abc import Callable, Sequence
from datetime import datetime

from notifier import outbox, record, route
from notifier.cli import Context
from notifier.commands import _shared
from notifier.commands._progress import progress
from notifier.config import Config
from notifier.errors import ConfigError
from notifier.memory import State
from notifier.outbox import Waiting
from notifier.poll import Wish
from notifier.run import check
from notifier.state import Store
from notifier.tables import nearest

Changed = Callable[[argparse.Namespace, Config, State, Sequence[Waiting]], State]


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
    drop.add_argument("ids", nargs="*", metavar="ID", help="as `outbox list` shows it")
    drop.add_argument(
        "--channel", default="", metavar="NAME", help="only for this one; without ID all of it"
    )
    move = what.add_parser("move", parents=[common], help="send to another channel what waits")
    move.add_argument("old", metavar="FROM", help="the channel that it waits for")
    move.add_argument("new", metavar="TO", help="the channel that gets it")


def main(context: Context) -> int:
    """Lists or changes the outbox. Returns 1 from `list` when something waits."""
    config = _shared.configuration(context)
    store = Store(config.state_path)
    if context.args.action == "list":
        return _list(context, config, store)
    if context.args.action == "retry":
        return _retry(context, config, store)
    return _change(context, config, store, _dropped if context.args.action == "drop" else _moved)


def _waiting(context: Context, config: Config, store: Store, state: State) -> list[Waiting]:
    why = _shared.outlook(config, store, state, context.clock()).why
    return outbox.waiting(state, config.destinations(), why)


def _list(context: Context, config: Config, store: Store) -> int:
    """With --json a list of what `outbox.Waiting` holds."""
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


def _change(context: Context, config: Config, store: Store, changed: Changed) -> int:
    """Commits what a person decided about the outbox, and says what it came to."""
    with store.lock(config.state.lock_wait):
        state = _shared.loaded(context, store)
        before = _waiting(context, config, store, state)
        now = context.clock()
        new = route.swept(changed(context.args, config, state, before), now)
        _shared.noted(context, config, state, new, _did(context.args, now))
        store.commit(new)
    after = _waiting(context, config, store, new)
    gone = {(one.id, one.row) for one in before} - {(one.id, one.row) for one in after}
    done = "dropped" if context.args.action == "drop" else "moved"
    if context.args.json:
        context.print_json({"version": 1, done: len(gone), "waiting": len(after)})
    else:
        context.print(f"{len(gone)} {done}; {len(after)} waiting")
    return 0


def _did(args: argparse.Namespace, now: datetime) -> record.Person:
    """What the journal says of it."""
    if args.action == "drop":
        return record.Person(at=now, did="drop", of=args.channel, ids=args.ids)
    return record.Person(at=now, did="move", of=args.old, to=args.new)


def _dropped(
    args: argparse.Namespace, config: Config, state: State, found: Sequence[Waiting]
) -> State:
    if not args.ids and not args.channel:
        raise ConfigError("outbox drop: name what to drop, or --channel NAME")
    _check_name(args.channel, config, found)
    there = {one.id for one in found if not args.channel or outbox.belongs(one.row, args.channel)}
    for name in args.ids:
        if name not in there:
            whose = f" for {args.channel}" if args.channel else ""
            raise ConfigError(f"nothing in the outbox{whose} is called '{name}'")
    new = outbox.drop(state, ids=args.ids, row=args.channel)
    return outbox.tidied(new, args.channel, config.destinations())


def _moved(
    args: argparse.Namespace, config: Config, state: State, found: Sequence[Waiting]
) -> State:
    _check_name(args.old, config, found)
    rows = config.destinations()
    if args.new not in rows and args.new not in config.channels:
        near = nearest(args.new, [*rows, *config.channels])
        raise ConfigError(f"no channel is named '{args.new}'{near}")
    new = config.rows_of(args.new)
    if any(outbox.belongs(row, args.old) for row in new):
        raise ConfigError(f"'{args.old}' and '{args.new}' are the same channel")
    return outbox.tidied(outbox.move(state, args.old, new), args.old, rows)


def _check_name(name: str, config: Config, found: Sequence[Waiting]) -> None:
    """Raises ConfigError for what is no channel of today and nothing waits for."""
    rows = {*config.destinations(), *(one.row for one in found)}
    names = rows | {row.split("/", 1)[0] for row in rows}
    if name and name not in names:
        near = nearest(name, sorted(names))
        raise ConfigError(f"no channel is named '{name}', and nothing waits for one{near}")


def _retry(context: Context, config: Config, store: Store) -> int:
    with store.lock(config.state.lock_wait):
        state = _shared.loaded(context, store)
        found = _waiting(context, config, store, state)
        _check_name(context.args.channel, config, found)
        did = record.Person(at=context.clock(), did="retry", of=context.args.channel)
        new = outbox.retry(state, context.args.channel)
        _shared.noted(context, config, state, new, did)
        store.commit(new)
    wish = Wish(families=frozenset())
    with progress(context, "sending what waits"):
        outcome = check(config, wish, clock=context.clock, environ=context.environ)
    for line in outcome.warnings:
        context.log.warning("%s", line)
    state, _ = store.load()
    left = _waiting(context, config, store, state)
    if context.args.json:
        context.print_json({"version": 1, "delivered": outcome.letters, "waiting": left})
        return outcome.code
    context.print(f"{outcome.letters} delivered; {len(left)} waiting")
    for one in left:
        context.print(f"  {one.id} for {one.row}: {one.reason or one.state}")
    return outcome.code
