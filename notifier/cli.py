"""Arguments, logging, exit codes. Loads the one command that was asked for, and nothing else."""

import argparse
import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

import msgspec

from notifier import __version__, log
from notifier.errors import ConfigError, Exit, LockedError, NotifierError

COMMANDS = {
    "check": "look at the sources and tell what is new",
    "status": "what is open, waiting, unreadable, and when was the last look",
    "silence": "do not speak of some things for a while: add, list, expire",
    "ack": "an incident is in somebody's hands: no reminders, no escalation",
    "outbox": "what waits to be sent: list, retry, drop, move",
    "channel": "the channels: list them, test one",
    "config": "the configuration: check it, show it",
    "state": "the state: show it, begin anew",
    "demo": "a cluster's day in a few seconds, on this machine alone",
}


class Context(msgspec.Struct, kw_only=True):
    """What every command gets: the arguments of the line, the surroundings, the clock."""

    args: argparse.Namespace
    environ: Mapping[str, str]
    log: Any

    def clock(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)

    def print(self, text: str) -> None:
        """One line of result on stdout."""
        sys.stdout.write(text + "\n")

    def print_json(self, value: object) -> None:
        """A result for programs."""
        raw = msgspec.json.format(msgspec.json.encode(value), indent=2)
        sys.stdout.write(raw.decode() + "\n")


def _common() -> argparse.ArgumentParser:
    """The options that may stand before or after the command."""
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = common.add_argument_group("options of every command")
    group.add_argument("-c", "--config", metavar="FILE", help="the configuration file")
    group.add_argument("-q", "--quiet", action="store_true", help="say only what went wrong")
    group.add_argument("-v", "--verbose", action="count", help="say more; twice: everything")
    group.add_argument("--json", action="store_true", help="the result as JSON")
    group.add_argument(
        "--color", choices=("auto", "always", "never"), help="colour of the output (auto)"
    )
    return common


def parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The whole parser; only the command named in `argv` brings its own arguments along."""
    common = _common()
    top = argparse.ArgumentParser(
        prog="notifier",
        description="Tells people, once, what broke on a cluster - and when it is well again.",
        epilog="exit codes: 0 nothing new, 1 news, 2 usage or configuration, 3 something could "
        "not be read, 4 something could not be delivered, 70 a bug, 74 the state, 75 locked",
        parents=[common],
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"notifier {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        sub = commands.add_parser(
            name, help=text, description=text, parents=[common], allow_abbrev=False
        )
        if name in argv:
            importlib.import_module(f"notifier.commands.{name}").arguments(sub, common)
    return top


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs one command line and returns its exit code. Never raises but SystemExit from usage."""
    args = parser(argv).parse_args(argv)
    for name, default in (
        ("config", None), ("quiet", False), ("verbose", 0), ("json", False), ("color", "auto"),
    ):  # fmt: skip
        vars(args).setdefault(name, default)
    logger = log.set_up(-1 if args.quiet else args.verbose, environ)
    command = importlib.import_module(f"notifier.commands.{args.command}")
    try:
        return int(command.main(Context(args=args, environ=environ, log=logger)))
    except ConfigError as error:
        for problem in error.problems:
            logger.error("%s", problem)
        return error.code
    except LockedError as error:
        logger.warning("%s", error)
        return error.code
    except NotifierError as error:
        logger.error("%s", error)
        return error.code
    except BrokenPipeError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        logger.error("a bug: %s: %s (run with -v for the traceback)", type(error).__name__, text)
        if args.verbose:
            logger.error("%s", traceback.format_exc())
        return Exit.BUG


def run(argv: Sequence[str]) -> NoReturn:
    """Ends the process: also when a reader of our output is gone, also when a sender hangs."""
    try:
        code = main(argv, os.environ)
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader (head, less) has seen enough
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except KeyboardInterrupt:
        sys.stderr.write("notifier: stopped\n")
        code = 130
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    # a hung sender's thread must not keep the process; there is nothing left to tidy up
    os._exit(code)
