"""`notifier ack`: somebody has it in hand. No reminders and no escalation until it ends."""

import argparse

from msgspec.structs import replace

from notifier.cli import Context
from notifier.commands import _shared
from notifier.errors import ConfigError
from notifier.people import Ack, author
from notifier.state import Store
from notifier.tables import nearest


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `ack`."""
    parser.add_argument(
        "incidents", nargs="+", metavar="INCIDENT", help="i-1042, as every message shows it"
    )
    parser.add_argument("-m", "--comment", required=True, metavar="TEXT", help="who does what")


def main(context: Context) -> int:
    """Acknowledges incidents. Raises ConfigError for one that is not there."""
    config = _shared.configuration(context)
    store = Store(config.state_path)
    now = context.clock()
    with store.deciding(config.state.lock_wait) as commit:
        people, state = store.people(), store.load()[0]
        living = {name for name, one in state.incidents.items() if one.ended is None}
        acks = {name: one for name, one in people.acks.items() if name in living}
        for name in context.args.incidents:
            if name not in living:
                raise ConfigError(f"no open incident is called '{name}'{nearest(name, living)}")
            acks[name] = Ack(at=now, author=author(), comment=context.args.comment)
        commit(replace(people, acks=acks))
    if context.args.json:
        named = {name: acks[name] for name in context.args.incidents}
        context.print_json({"version": 1, "acks": named})
        return 0
    for name in context.args.incidents:
        incident = state.incidents[name]
        context.print(
            f"{name}: acknowledged: no reminders, no escalation; "
            f"when {incident.thing} is well, that is told"
        )
    return 0
