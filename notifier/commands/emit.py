"""`notifier emit`: one event from a script or unit, put into the spool for the next check."""

import argparse
import sys
import textwrap
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import get_args

from msgspec.structs import replace

from notifier import intake, places, pushed, sources, spool
from notifier.cli import Context
from notifier.commands import _stdin
from notifier.config import Config, load
from notifier.errors import ConfigError
from notifier.model import BAD, ENDED, Health, Kind, Observation, Severity
from notifier.pushed import Batch
from notifier.sources import _fit, _redact, _text
from notifier.state import Store
from notifier.tables import nearest

# what a flag says, and the status where no --status names one
FLAGS: dict[Health, str] = {
    "ok": "it is well, or ended well; ends an open problem",
    "active": "it runs, and nothing is known yet",
    "failed": "it failed",
    "degraded": "it works badly (a warning)",
    "down": "it is down",
    "cancelled": "somebody ended it on purpose",
}
# minutes within which failures of one thing that ends are one, unless --attempt tells them apart
STEP = 20
EXAMPLES = """\
examples:
  notifier emit --source backup --kind job --id nightly --failed -m "disk is full"
  backup.sh; notifier emit --source backup --kind job --id nightly --exit-code $?
  journalctl -u web -n 20 | notifier emit --source srv1 --kind service --id web --down -m -
  run-tests | notifier emit --stdin --source dut-lab --task 12345
"""
KINDS = (
    "A {finite} ends: its failure is told, and told again when it fails once more (those of "
    "{step} minutes are one, unless --attempt differs). A {standing} stands: its problem is open "
    "until --ok says that it is well again."
)
WORDS = "--status may be any word beside --ok, --failed and the like. Alone it is one of {words}."


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `emit`."""
    finite = " or ".join(name for name, kind in pushed.KINDS.items() if kind.finite)
    *most, last = [name for name, kind in pushed.KINDS.items() if not kind.finite]
    words = ", ".join(word for words in pushed.WORDS.values() for word in words)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parts = (
        KINDS.format(finite=finite, standing=f"{', '.join(most)} or {last}", step=STEP),
        WORDS.format(words=words),
        parser.epilog or "",
    )
    parser.epilog = "\n\n".join([EXAMPLES.rstrip(), *(textwrap.fill(part, 79) for part in parts)])
    parser.add_argument(
        "--source", required=True, metavar="NAME",
        help="who says it: any name, or that of a [sources.NAME] table",
    )  # fmt: skip
    parser.add_argument("--kind", default="", help="what it is about (default: task)")
    parser.add_argument("--id", default="", help="which one; always the same for the same thing")
    how = parser.add_argument_group("how it is (one of these)").add_mutually_exclusive_group()
    for health, text in FLAGS.items():
        how.add_argument(
            f"--{health}", dest="health", action="store_const", const=health, help=text
        )
    how.add_argument("--exit-code", metavar="N", help="0 is ok, anything else failed")
    more = parser.add_argument_group("more about it")
    more.add_argument("--status", default="", metavar="WORD", help="its status in a word")
    more.add_argument(
        "-m", "--message", default="", metavar="TEXT", help="what happened; - reads it from stdin"
    )
    more.add_argument("--severity", choices=get_args(Severity), help="how bad it is")
    for name, text in (
        ("name", "what people call it (default: its id)"),
        ("node", "where it is; a problem there is told together with it"),
        ("owner", "whose it is"),
        ("group", "what it is told together with"),
        ("attempt", "which try it was: another one that fails is told again"),
    ):
        more.add_argument(f"--{name}", default="", metavar="TEXT", help=text)
    more.add_argument("--link", default="", metavar="URL", help="a page about it")
    more.add_argument(
        "--label", action="append", default=[], metavar="KEY=VALUE", help="can be repeated"
    )
    stream = parser.add_argument_group("a stream of events")
    stream.add_argument(
        "--stdin", action="store_true", help="read events to the end, as the source's type does"
    )
    stream.add_argument("--task", default="", metavar="ID", help="the task that the stream is of")
    parser.add_argument(
        "--spool", metavar="FOLDER", help="where to put it, without reading a configuration"
    )


def main(context: Context) -> int:
    """Puts it into the spool. Raises ConfigError (nothing was written), StateError."""
    args, now = context.args, context.clock()
    config, folder = _where(context)
    if not spool.SOURCE.fullmatch(args.source) or args.source == "notifier":
        raise ConfigError("--source: letters, digits, _ and -, at most 64, and not 'notifier'")
    redact = _redact.Redactor(config.run.redact if config else ())
    if args.stdin:
        _alone(args)
        batches = _stdin.streamed(args.source, config, args.task, now)
    else:
        batches = [_one(args, config, redact, now)]
    fitted = [
        replace(one, changes=tuple(_fit.fit(one.kind, seen, redact) for seen in one.changes))
        for one in batches
    ]
    parcels = list(spool.parcels(args.source, fitted, now))
    written = spool.put(folder, parcels, int(now.timestamp() * 1e9)) if parcels else []
    _tell(context, args, fitted, written)
    return 0


def _where(context: Context) -> tuple[Config | None, Path]:
    """The configuration and its spool; with --spool that folder alone."""
    if context.args.spool:
        return None, Path(context.args.spool).absolute()
    path = places.find(context.args.config, context.environ)
    config = load(path, sources.settings_of, context.environ)
    return config, Store(config.state_path).spool


def _alone(args: argparse.Namespace) -> None:
    """Raises ConfigError where more is said than a stream needs: it would be lost."""
    said = [args.health, args.exit_code, args.status, args.kind, args.id, args.message]
    if any(said):
        raise ConfigError(
            "--stdin: the stream says itself what it is about and how that is; "
            "only --source and --task go with it"
        )


def _one(
    args: argparse.Namespace, config: Config | None, redact: _redact.Redactor, now: datetime
) -> Batch:
    if args.task:
        raise ConfigError("--task: names the task of a stream, and needs --stdin")
    known, wanted = intake.kinds_for(config, args.source), args.kind or "task"
    if wanted not in known:
        near = nearest(wanted, known) or f" (there are: {', '.join(known)})"
        raise ConfigError(f"--kind: unknown kind '{wanted[:60]}'{near}")
    kind = known[wanted]
    health, severity, status = _state(args, config, kind)
    ident = _text.clean(args.id, 10 * _fit.ID, line=True)
    if not 0 < len(ident) <= _fit.ID:
        raise ConfigError(f"--id: which {wanted} it is, in at most {_fit.ID} characters")
    seen = Observation(
        kind=wanted,
        id=ident,
        name=args.name,
        status=status,
        health=health,
        severity=(args.severity if health in BAD else None) or severity,
        attempt=args.attempt or (_attempt(now) if kind.finite else ""),
        node=args.node,
        owner=args.owner,
        group=args.group,
        part_of=f"node/{args.node}" if args.node and wanted != "node" else "",
        message=_stdin.message(redact) if args.message == "-" else args.message,
        ended=now if kind.finite and health in ENDED else None,
        link=_link(args.link),
        labels=_labels(args),
    )
    return Batch(kind=wanted, changes=(seen,))


def _attempt(now: datetime) -> str:
    """What fails once more is told again, but what fails every minute not every minute.

    Of such steps no hour touches more than four: as often may a thing be spoken of.
    """
    return f"{now.replace(minute=now.minute // STEP * STEP):%Y-%m-%dT%H:%MZ}"


def _state(
    args: argparse.Namespace, config: Config | None, kind: Kind
) -> tuple[Health, Severity, str]:
    """What the flags and words of the command line come to."""
    health, word = args.health, args.status.strip()
    if args.exit_code is not None:
        health = "ok" if args.exit_code.strip() == "0" else "failed"
    if health is None and not word:
        raise ConfigError("how is it? Say --ok, --failed, --exit-code N or --status WORD")
    if health is None:
        health, severity = _classified(args.source, config, kind, word)
        if health == "unknown":
            near = nearest(word, [one for words in pushed.WORDS.values() for one in words])
            raise ConfigError(
                f"--status: '{word[:60]}' says nothing by itself{near}; add --ok, --failed, "
                "--down, --degraded, --active or --cancelled"
            )
        return health, severity, word
    default = {"ok": "completed" if kind.finite else "ok", "active": "running"}
    shown = pushed.fitting(kind, health)
    return shown, pushed.severity_of(health), word or default.get(health, health)


def _classified(
    source: str, config: Config | None, kind: Kind, word: str
) -> tuple[Health, Severity]:
    """What the source's own type says of the word, and else what it means to everybody."""
    settings = config.sources.get(source) if config else None
    if settings:
        module = sources.module(settings.type)
        if kind.name in module.KINDS:
            found = module.classify(settings, kind.name, word)
            if found[0] != "unknown":
                return found
    return pushed.meaning(kind, word)


def _link(url: str) -> str:
    if url and not url.startswith(("https://", "http://")):
        raise ConfigError("--link: expected an http(s) URL")
    return url


def _labels(args: argparse.Namespace) -> dict[str, str]:
    labels = {}
    for pair in args.label:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--label {pair[:60]}: expected KEY=VALUE")
        labels[key.strip()] = value
    if args.exit_code is not None:
        labels["exit_code"] = args.exit_code
    return labels


def _tell(
    context: Context, args: argparse.Namespace, batches: Sequence[Batch], written: Sequence[Path]
) -> None:
    """For programs; for a person on a terminal. The log of a script or unit stays empty."""
    seen = [
        {"thing": f"{args.source}/{one.kind}/{change.id}", "status": change.status,
         "health": change.health, "severity": change.severity}
        for one in batches for change in one.changes
    ]  # fmt: skip
    if args.json:
        files = [str(path) for path in written]
        context.print_json({"version": 1, "spooled": files, "events": seen})
    elif _on_terminal() and not args.quiet:
        what = (
            f"{len(seen):,} events" if len(seen) != 1 else "{thing} is {status}".format(**seen[0])
        )
        context.print(f"spooled: {what}; the next check takes it in")


def _on_terminal() -> bool:
    return sys.stdout.isatty()
