"""Arguments, logging, exit codes. Loads the one command that was asked for, and nothing else."""

import argparse
import contextlib
import importlib
import io
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

import msgspec

from notifier import __version__, log
from notifier.errors import ConfigError, Exit, LockedError, NotifierError

COMMANDS = {
    "check": "look at the sources and tell what is new",
    "emit": "push one event from a script or unit; the next check tells it",
    "doctor": "is everything in place: configuration, state, servers, channels, cron",
    "status": "what is open, waiting, unreadable, and when was the last look",
    "explain": "why was, or was not, anyone told of a thing, an incident, a message",
    "history": "what happened, who heard of it, and what it comes to",
    "replay": "what these routes would have told of what the journal holds; sends nothing",
    "silence": "do not speak of some things for a while: add, list, expire",
    "ack": "an incident is in somebody's hands: no reminders, no escalation",
    "outbox": "what waits to be sent: list, retry, drop, move",
    "channel": "the channels: list them, test one",
    "route": "which routes would take a thing, who is told, and when: test",
    "render": "how messages would look: what waits now, events of a file, or an example",
    "config": "the configuration: write a first one, check it, show it, its schema",
    "state": "the state: show it, forget a thing, begin anew",
    "demo": "a cluster's day in a few seconds, on this machine alone",
}


# what 0, 1, 3 and 4 mean for a command; see errors.Exit for the rest
EXITS = {
    "check": "0 nothing new, 1 news, 3 something could not be read, 4 not all was delivered",
    "status": "0 all is well, 1 something is open, unreadable, overdue or not delivered",
    "emit": "0 it is on disk, and the next check takes it in; 74 it could not be written",
    "doctor": "0 all works (warnings are no failure), 1 something does not",
    "explain": "0 told why, 1 nothing is known by that name",
    "replay": "0 done, 1 the two configurations differ (--against)",
    "outbox": "0 done, 1 something waits (list), 3 and 4 as check (retry)",
    "channel": "0 done, 4 not delivered (test)",
    "route": "0 somebody would be told, 1 nobody would be",
    "config": "0 done, 3 the host could not be read and nothing was written (init)",
    "render": "0 shown, 1 there is no message to show",
}
ALWAYS = "always: 2 usage or configuration, 70 a bug, 74 the state, 75 another run holds the lock"


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
        print(text)

    def print_json(self, value: object) -> None:
        """A result for programs."""
        raw = msgspec.json.format(msgspec.json.encode(value), indent=2)
        print(raw.decode())


def _common() -> argparse.ArgumentParser:
    """The options that may stand before or after the command."""
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = common.add_argument_group("options of every command")
    group.add_argument(
        "-c", "--config", metavar="FILE",
        help="the configuration (else $NOTIFIER_CONFIG, /etc/notifier or ~/.config/notifier)",
    )  # fmt: skip
    group.add_argument("-q", "--quiet", action="store_true", help="say only what went wrong")
    group.add_argument("-v", "--verbose", action="count", help="say more, and where a bug is")
    group.add_argument("--json", action="store_true", help="the result as JSON")
    group.add_argument(
        "--color", choices=("auto", "always", "never"), help="colour of the output (auto)"
    )
    return common


class Parser(argparse.ArgumentParser):
    """argparse's, whose actions say below their help what the command's exit codes mean."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})
        self.register("action", "parsers", _Commands)

    def add_subparsers(self, **settings: Any) -> Any:
        """As argparse's."""
        commands = super().add_subparsers(**settings)
        commands.epilog = self.epilog  # type: ignore[attr-defined]
        return commands


class _Commands(argparse._SubParsersAction):  # type: ignore[type-arg]
    epilog: str | None = None

    def add_parser(self, name: str, **settings: Any) -> Any:
        usual = {"description": settings.get("help"), "epilog": self.epilog}
        return super().add_parser(name, **{**usual, **settings})


def parser(argv: Sequence[str]) -> Parser:
    """The whole parser; only the command named in `argv` brings its own arguments along."""
    common = _common()
    top = Parser(
        prog="notifier",
        description="Tells people, once, what broke on a cluster - and when it is well again.",
        epilog=f"Every command: notifier COMMAND --help. Exit codes: {EXITS['check']}; {ALWAYS}.",
        parents=[common],
    )
    top.add_argument("--version", action="version", version=f"notifier {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        exits = f"Exit codes: {EXITS.get(name, '0 done')}; {ALWAYS}."
        sub = commands.add_parser(name, help=text, parents=[common], epilog=exits)
        if name in argv:
            importlib.import_module(f"notifier.commands.{name}").arguments(sub, common)
    return top


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs one command line and returns its exit code. Raises only what ends the output."""
    args = argparse.Namespace(verbose=0)
    logger = log.set_up(0, environ)
    try:
        args = _arguments(argv)
        logger = log.set_up(-1 if args.quiet else args.verbose, environ)
        command = importlib.import_module(f"notifier.commands.{args.command}")
        return int(command.main(Context(args=args, environ=environ, log=logger)))
    except SystemExit as done:
        # the usage was shown, or the version
        return _usage(argv, int(done.code or 0))
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
        logger.error("a bug: %s (-v shows more)", list(_trace(error))[-1])
        for line in _trace(error) if args.verbose else ():
            logger.error("%s", line)
        return Exit.BUG


def _usage(argv: Sequence[str], code: int) -> int:
    """What a wrong command line comes to; a monitoring plugin says that it knows nothing."""
    if code and "--nagios" in argv:
        print("NOTIFIER UNKNOWN: the command line is wrong; see: notifier status --help")
        return 3
    return code


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    args = parser(argv).parse_args(argv)
    for name, default in (
        ("config", None), ("quiet", False), ("verbose", 0), ("json", False), ("color", "auto"),
    ):  # fmt: skip
        vars(args).setdefault(name, default)
    return args


def _trace(error: BaseException) -> Iterator[str]:
    """Where it happened, without what the errors say: that may hold a secret."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _trace(cause)
    frames = traceback.extract_tb(error.__traceback__)
    yield from (line.rstrip() for line in traceback.format_list(frames))
    place = f" in {frames[-1].filename}, line {frames[-1].lineno}" if frames else ""
    yield f"{type(error).__name__}{place}"


def run(argv: Sequence[str]) -> NoReturn:
    """Ends the process: also when a reader of our output is gone, also when a sender hangs."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            # closed: a file of ours would take its number, and what is printed
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "r+"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a terminal that knows few characters is no reason to fail
        sys.stdout.reconfigure(errors="backslashreplace")
    code: int = Exit.OK
    try:
        code = main(argv, os.environ)
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        sys.stderr.write(f"notifier: stdout: {error.strerror}\n")
        code = code or Exit.FOUND
    except KeyboardInterrupt:
        sys.stderr.write("notifier: stopped\n")
        code = 130
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    # a hung sender's thread must not keep the process; there is nothing left to tidy up
    os._exit(code)
