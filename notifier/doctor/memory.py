"""What is remembered: when was the last look, what waits too long, what sleeps, the journal."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from notifier import intake, outbox, pushed
from notifier.config import Config
from notifier.doctor.finding import Finding, bad, odd, well
from notifier.escape import one_line
from notifier.health import failing
from notifier.memory import State
from notifier.model import Event
from notifier.poll import kinds_of
from notifier.state import LookTime, Store
from notifier.words import Clock, lasting, plural

# a look is old when nothing says that it should be so far apart
OLD = timedelta(hours=1)
# bytes of a journal from which on it is worth a word, and of its end that are read
LONG, END = 200 * 1024 * 1024, 64 * 1024


def looks(config: Config, known: Mapping[str, LookTime], clock: Clock) -> Iterator[Finding]:
    """Each family of each source: when it was looked at, and whether it could be read."""
    families = dict.fromkeys(
        (key.split("/")[0], family) for key, family in sorted(kinds_of(config).items())
    )
    for source, family in families:
        name, look = f"{source}/{family}", known.get(f"{source}/{family}")
        if look is None:
            yield odd("last look", name, "nobody looked yet", "notifier check")
            continue
        spaced = timedelta(seconds=2 * config.sources[source].every.get(family, 0.0))  # type: ignore[call-overload]
        ago = lasting(look.started, clock.now)
        said = f"{clock.time(look.started)}, {ago} ago, took {look.took:.1f} s"
        if look.trouble:
            fix = "see the sources above; notifier check --now asks again"
            yield bad("last look", name, f"could not be read: {one_line(look.trouble)}", fix)
        elif clock.now - look.started > max(OLD, spaced):
            yield odd("last look", name, said, "is cron running? See the schedule")
        else:
            yield well("last look", name, said)


def waiting(
    state: State, config: Config, why: Callable[[Event, str], str], clock: Clock
) -> Iterator[Finding]:
    """What has failed, or has nowhere to go, by row. What waits for its time is well."""
    found = outbox.waiting(state, config.destinations(), why)
    stuck = [one for one in found if failing(one)]
    for row, count in Counter(one.row for one in stuck).items():
        oldest = min((one for one in stuck if one.row == row), key=lambda one: one.since)
        reason = one_line(oldest.reason or oldest.state)
        waits = "waits" if count == 1 else "wait"
        said = f"{plural(count, 'message')} {waits} since {clock.time(oldest.since)}: {reason}"
        channel = row.split("/")[0]
        gone = oldest.reason == outbox.GONE
        how = f"move {channel} OTHER" if gone else f"retry --channel {channel}"
        yield bad("outbox", row, said, f"notifier outbox {how}")
    if not stuck:
        said = f"nothing is overdue; {len(found):,} wait for their time" if found else "is empty"
        yield well("outbox", "messages", said)


def sleeping(state: State, config: Config) -> Iterator[Finding]:
    """Incidents of sources that left the configuration: nobody will ever tell their end.

    What is pushed needs no source there.
    """
    awake = pushed.scopes_of(state)
    for incident in state.incidents.values():
        source, kind, _ = incident.thing.split("/", 2)
        known = source in (*config.sources, "notifier") or f"{source}/{kind}" in awake
        if incident.ended is None and not known:
            thing = one_line(incident.thing)
            said = f"{thing} sleeps: its source '{source}' is not in the configuration"
            fix = f"put it back, or: notifier state forget {thing}"
            yield odd("incidents", incident.handle, said, fix)


def files(store: Store, now: datetime) -> Iterator[Finding]:
    """The journal, and what was pushed and nobody took in."""
    journal = store.folder / "journal.jsonl"
    if journal.is_file():
        yield _journal(journal)
    spool = store.folder / "spool"
    left = [path for path in spool.glob("*") if path.is_file()] if spool.is_dir() else []
    old = [path for path in left if now.timestamp() - path.stat().st_mtime > OLD.total_seconds()]
    if old:
        said = f"{plural(len(old), 'event')} of `notifier emit` lie there for more than an hour"
        yield odd("spool", "events", said, "notifier check takes them in; is cron running?")
    aside = spool / intake.ASIDE
    if aside.is_dir() and (odd_ones := list(aside.iterdir())):
        said = f"{plural(len(odd_ones), 'file')} could not be taken in"
        yield odd("spool", "set aside", said, f"look at what lies in {aside}, then delete it")


def _journal(path: Path) -> Finding:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            file.seek(max(0, size - END))
            last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
        if last and len(last) < END:
            msgspec.json.decode(last)
    except OSError as error:
        return bad(
            "journal", path.name, f"cannot be read: {error.strerror}", "see its owner and mode"
        )
    except (msgspec.DecodeError, UnicodeDecodeError):
        return odd("journal", path.name, "its last line is torn", "nothing: the next run goes on")
    if size > LONG:
        return odd("journal", path.name, f"{size / 1024 / 1024:,.0f} MB", "rotate it, or delete it")
    return well("journal", path.name, f"{size / 1024:,.0f} kB, its last line is whole")
