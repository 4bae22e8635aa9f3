"""`notifier check`: look, compare, tell. The main job."""

import argparse
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from notifier.cli import Context
from notifier.commands import _shared
from notifier.commands._progress import progress
from notifier.config import Config
from notifier.errors import ConfigError, Exit
from notifier.model import Event
from notifier.poll import FAMILIES, Wish
from notifier.run import DUE, News, Outcome, check
from notifier.tables import nearest
from notifier.words import Clock, sentence

if TYPE_CHECKING:
    from notifier.watch import Watch

# seconds beyond its deadline that a run gets before the watchdog ends it
GRACE = 15.0
# seconds that a line to stderr may take then, and a failure told where there is no run
SAYING, TELLING = 1.0, 6.0


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `check`."""
    parser.add_argument(
        "family", nargs="?", choices=("tasks", "nodes"), help="look only at these (default: both)"
    )
    parser.add_argument(
        "--source", action="append", default=[], metavar="NAME", help="look only at this source"
    )
    parser.add_argument("--now", action="store_true", help="look although `every` says not yet")
    parser.add_argument(
        "-n", "--dry-run", action="store_true",
        help="look, say what would be told to whom, send and write nothing",
    )  # fmt: skip
    parser.add_argument("--exit-zero", action="store_true", help="exit 0 in place of 1")


def main(context: Context) -> int:
    """Runs one check and prints a line for each event. Returns the exit code."""
    args = context.args
    config = _configuration(context)
    for name in args.source:
        if name not in config.sources:
            raise ConfigError(f"no source is named '{name}'{nearest(name, config.sources)}")
    families = frozenset([args.family] if args.family else FAMILIES)
    wish = Wish(families=families, sources=tuple(args.source), force=args.now)
    watch: Watch | None = None
    watchdog = _watchdog(config, context, lambda: watch)
    try:
        watch = _watch(config, context)
        with progress(context, "looking and telling"):
            outcome = check(
                config, wish, clock=context.clock, environ=context.environ, dry_run=args.dry_run
            )
    except Exception as error:
        _note(context, watch.failed(error, context.clock()) if watch else [])
        raise
    finally:
        watchdog.cancel()
        # one that has begun to end this run is not overtaken: a run has one end
        watchdog.join()
    _note(context, outcome.warnings)
    if args.json:
        context.print_json(as_json(outcome))
    else:
        _tell(context, config, outcome)
    _note(context, watch.ended(outcome, context.clock()) if watch else [])
    if args.exit_zero and outcome.code == Exit.FOUND:
        return Exit.OK
    return outcome.code


def _note(context: Context, lines: Iterable[str]) -> None:
    for line in lines:
        context.log.warning("%s", line)


def _watch(config: Config, context: Context) -> "Watch | None":
    """Who tells others that the run ended, and how; nobody where nobody is to be told."""
    wanted = config.run.ping_url or config.run.metrics_file
    if context.args.dry_run or not wanted:
        return None
    # only needed where it is configured
    from notifier.watch import Watch

    return Watch(config, context.environ)


def _configuration(context: Context) -> Config:
    """The configuration. When it is wrong, the dead man's switch in it is told, if there is one."""
    try:
        return _shared.configuration(context)
    except Exception as error:
        if not context.args.dry_run:
            _note(context, _unready(context, error))
        raise


def _unready(context: Context, error: Exception) -> list[str]:
    # only needed where there is no run
    from notifier.watch import unready

    lines: list[str] = []
    given, environ = context.args.config, context.environ
    # no watchdog is there yet, and a secret may lie where nobody answers
    _within(TELLING, lambda: lines.extend(unready(given, environ, error)))
    return lines


def _watchdog(
    config: Config, context: Context, watch: Callable[[], "Watch | None"]
) -> threading.Timer:
    """Ends a run that outlives its deadline. What is committed stays; the next run goes on.

    Who watches is told before, and neither that nor a stderr that nobody reads holds up the end.
    """

    def end() -> None:
        why = f"the run outlived its deadline of {config.run.deadline}; ended"
        try:
            _within(SAYING, lambda: context.log.error("%s", why))
            watching = watch()
            lines = watching.outlived(why) if watching else []
            _within(SAYING, lambda: _note(context, lines))
        finally:
            os._exit(Exit.UNDELIVERED)

    timer = threading.Timer(config.run.deadline + config.state.lock_wait + GRACE, end)
    timer.daemon = True
    timer.start()
    return timer


def _within(seconds: float, do: Callable[[], None]) -> None:
    """Does it, and waits so long for that at most."""
    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    thread.join(seconds)


def _tell(context: Context, config: Config, outcome: Outcome) -> None:
    """With -q only what could be told to no channel, on stderr; else a line per event."""
    on = _shared.coloured(context)
    for line in outcome.said:
        if not context.args.quiet:
            context.log.warning("%s", line)
    for line in outcome.waits.values():
        if not context.args.quiet:
            context.log.warning("%s; see: notifier outbox list", line)
    if outcome.letters and not outcome.news and not context.args.quiet:
        context.print(f"delivered what had waited ({outcome.letters})")
    if not outcome.news:
        return
    clock = _shared.times(config, context.clock())
    for one in _roots_first(outcome.news):
        if context.args.quiet and (one.told or not one.waits):
            continue
        thing = "" if one.event.type == "summary" else f" ({one.event.thing})"
        line = f"{_words(one.event, clock)}{thing} [{_heard(one, context.args.dry_run)}]"
        if context.args.quiet:
            context.log.error("%s", line)
        else:
            # an ending has the severity of what it ends, but is good news
            severity = "info" if one.event.over else one.event.severity
            context.print(_shared.paint(line, severity, on))


def _roots_first(news: Sequence[News]) -> list[News]:
    """Problems that others here are part of, then the rest: a node before the tasks it took."""
    roots = {one.event.part_of for one in news}
    return sorted(news, key=lambda one: one.event.type != "problem" or one.event.thing not in roots)


def _words(event: Event, clock: Clock) -> str:
    """The sentence that a message with this one event would say, fit for a terminal."""
    # slow to import, and a quiet run has nothing to say
    from notifier.escape import escape
    from notifier.folds import lines_of

    lines = lines_of([event], {})
    return escape(sentence(lines[0].facts, clock) if lines else event.text, "terminal")


def _heard(one: News, dry: bool) -> str:
    """Who was told, and who was not and why."""
    if dry:
        now = sorted(row for row, why in one.waits.items() if why == DUE)
        parts = [f"would tell {', '.join(now)}"] if now else []
        parts += [f"{row} later: {why}" for row, why in one.waits.items() if why != DUE]
        return "; ".join(parts) or "would tell nobody"
    parts = []
    if one.told:
        parts.append(f"told {', '.join(one.told)}")
    parts += [f"{row} not yet: {why}" for row, why in one.waits.items()]
    return "; ".join(parts) or "told nobody"


def as_json(outcome: Outcome) -> dict[str, object]:
    """The documented shape of `check --json`."""
    return {
        "version": 1,
        "exit": int(outcome.code),
        "events": [
            {"event": one.event, "told": one.told, "waits": one.waits} for one in outcome.news
        ],
        "said": outcome.said,
        "warnings": outcome.warnings,
        "messages_delivered": outcome.letters,
    }
