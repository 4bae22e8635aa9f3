"""`notifier doctor`: whether everything is in place, and what to do where it is not."""

import argparse
import pwd
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from notifier.cli import Context
from notifier.commands import _shared
from notifier.commands._progress import progress
from notifier.config import Config
from notifier.doctor import machine, memory, remote
from notifier.doctor.finding import Finding, bad
from notifier.doctor.schedule import schedule
from notifier.errors import ConfigError, StateError
from notifier.escape import one_line
from notifier.state import Store
from notifier.words import plural

COLOURS = {"ok": "info", "warn": "warning", "fail": "critical"}


class Report(msgspec.Struct, kw_only=True):
    """The shape of `doctor --json`. `mark` of a finding is ok, warn or fail; `fix` is one line."""

    version: int = 1
    exit: int
    findings: list[Finding]


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `doctor`."""
    parser.add_argument(
        "--offline", action="store_true", help="ask no server: neither sources nor channels"
    )


def main(context: Context) -> int:
    """Prints what is well and what is not, with the fix; 1 when something does not work, else 0."""
    findings = list(_findings(context))
    failed = sum(one.mark == "fail" for one in findings)
    code = 1 if failed else 0
    if context.args.json:
        context.print_json(Report(exit=code, findings=findings))
        return code
    _print(context, findings)
    doubts = sum(one.mark == "warn" for one in findings)
    if not context.args.quiet:
        told = (
            f"{len(findings) - failed - doubts} well, {plural(doubts, 'warning')}, {failed} failed"
        )
        context.print(told)
    return code


def _findings(context: Context) -> Iterator[Finding]:
    """Everything, from what is near to what is far. Without a configuration there is no more."""
    try:
        config = _shared.configuration(context)
    except ConfigError as error:
        none = "no configuration" in str(error) or "no such configuration" in str(error)
        fix = "notifier config init URL" if none else "mend the file"
        for problem in error.problems:
            yield bad("configuration", "file", one_line(problem), fix)
        return
    now = context.clock()
    store = Store(config.state_path)
    yield from machine.configuration(config, context.args.config, context.environ)
    yield from machine.state(store, now)
    yield from machine.secret(config, context.environ)
    yield from machine.watching(config)
    if not context.args.offline:
        with progress(context, "asking the sources, greeting the channels"):
            cursors = _cursors(store)
            found = remote.servers(config, store.looks(), cursors, context.environ, now)
        yield from sorted(found, key=lambda one: ("sources", "clock", "channels").index(one.group))
    yield from _remembered(context, config, store)
    yield from schedule(Path("/"), _owner(store), context.environ)


def _cursors(store: Store) -> dict[str, Any]:
    try:
        return store.load()[0].cursors
    except StateError:
        # said elsewhere
        return {}


def _remembered(context: Context, config: Config, store: Store) -> Iterator[Finding]:
    now = context.clock()
    clock = _shared.times(config, now)
    yield from memory.looks(config, store.looks(), clock)
    try:
        state = store.load()[0]
        why = _shared.outlook(config, store, state, now).why
    except StateError:
        # said above
        return
    yield from memory.waiting(state, config, why, clock)
    yield from memory.sleeping(state, config)
    yield from memory.files(store, now)


def _owner(store: Store) -> str:
    """Who the state belongs to; empty when there is none yet."""
    try:
        return pwd.getpwuid(store.folder.stat().st_uid).pw_name
    except (OSError, KeyError):
        return ""


def _print(context: Context, findings: list[Finding]) -> None:
    """With -q only what does not work."""
    on = _shared.coloured(context)
    quiet = context.args.quiet
    shown = [one for one in findings if one.mark == "fail" or not quiet]
    for group, some in groupby(shown, key=lambda one: one.group):
        context.print(group)
        for one in some:
            mark = _shared.paint(one.mark.ljust(4), COLOURS[one.mark], on)
            context.print(f"  {mark}  {one_line(one.name)}: {one_line(one.said)}")
            if one.fix:
                context.print(f"        fix: {one_line(one.fix)}")
