"""What explain, history and replay share: the journal read, and how today's words read it."""

import argparse
from collections.abc import Sequence
from datetime import datetime, timedelta

from notifier import intake, journal, record
from notifier.cli import Context
from notifier.config import Config
from notifier.errors import ConfigError
from notifier.look import Look
from notifier.poll import look_of
from notifier.rebuilt import Reader
from notifier.tables import Duration
from notifier.zone import zone_of


def runs(context: Context, config: Config) -> list[list[record.Entry]]:
    """The journal by run; what is wrong with it is said."""
    found = journal.read(config.state_path)
    for line in found.trouble:
        context.log.warning("%s", line)
    return list(journal.runs(found.lines, journal.generation(config.state_path)))


def reader(config: Config) -> Reader:
    """How the things of a source are read by this configuration."""
    known: dict[tuple[str, bool], Look | None] = {}

    def look(source: str, pushed: bool) -> Look | None:
        if (source, pushed) not in known:
            settings = config.sources.get(source)
            found = look_of(source, settings, (), ()) if settings else None
            known[source, pushed] = intake.look(config, source, ()) if pushed else found
        return known[source, pushed]

    return look


def span(parser: argparse.ArgumentParser, default: str) -> None:
    """The options --since and --until."""
    parser.add_argument(
        "--since", default=default, metavar="TIME",
        help=f"from when on: 7d, or 2026-12-01, or 2026-12-01T23:30 ({default})",
    )  # fmt: skip
    parser.add_argument("--until", metavar="TIME", help="up to when (now)")


def spanned(context: Context, config: Config) -> tuple[datetime, datetime]:
    """From when until when. Raises ConfigError."""
    now, args = context.clock(), context.args
    until = moment("--until", args.until, config, now) if args.until else now
    return moment("--since", args.since, config, now), until


def moment(option: str, text: str, config: Config, now: datetime) -> datetime:
    """A time as people write it, in the zone of the configuration. Raises ConfigError."""
    try:
        return now - timedelta(seconds=Duration.parse(text))
    except (ValueError, OverflowError):
        pass
    try:
        found = datetime.fromisoformat(text)
        zone = zone_of(config.run.timezone)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(now.tzinfo)
    except (ValueError, OverflowError):
        raise ConfigError(f"{option}: expected a time such as 7d or 2026-12-01T23:30") from None


def within(
    groups: Sequence[Sequence[record.Entry]], since: datetime, until: datetime
) -> list[Sequence[record.Entry]]:
    """The runs of a span of time."""
    return [group for group in groups if since <= getattr(group[0], "at", since) <= until]
