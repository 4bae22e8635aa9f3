"""Pure: whether Notifier itself does its work: every family read lately, nothing overdue."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from notifier import outbox
from notifier.memory import State
from notifier.model import Frozen
from notifier.outbox import Waiting
from notifier.state import LookTime


class Health(Frozen, frozen=True, kw_only=True):
    """What a run, or the state alone, shows of Notifier's own work.

    `looks` has every SOURCE/FAMILY of the configuration. `unread` are those not read for
    `max_age`, with the reason; `overdue` is what has failed to be delivered for so long, of all
    that is `waiting`. `state` is None where it cannot be read.
    """

    now: datetime
    looks: Mapping[str, LookTime | None]
    unread: Mapping[str, str]
    state: State | None
    waiting: tuple[Waiting, ...] = ()
    overdue: tuple[Waiting, ...] = ()

    @property
    def reasons(self) -> list[str]:
        """Why all is not well, a line each; empty when it is."""
        lines = [f"{name}: {why}" for name, why in self.unread.items()]
        rows: dict[str, list[Waiting]] = {}
        for one in self.overdue:
            rows.setdefault(one.row.split("/", 1)[0], []).append(one)
        for channel, waits in rows.items():
            since = min(one.since for one in waits)
            lines.append(
                f"{channel}: {len(waits):,} undelivered since {since:%Y-%m-%d %H:%M} UTC "
                f"({waits[0].reason or waits[0].state})"
            )
        return lines


def health(
    families: Collection[str],
    looks: Mapping[str, LookTime],
    state: State | None,
    waiting: Collection[Waiting],
    max_age: float,
    now: datetime,
) -> Health:
    """What these show. `families` are all SOURCE/FAMILY of the configuration, in order."""
    shown = {name: looks.get(name) for name in families}
    patience = timedelta(seconds=max_age)
    unread = {name: why for name, look in shown.items() if (why := unread_why(look, patience, now))}
    return Health(
        now=now, looks=shown, unread=unread, state=state, waiting=tuple(waiting),
        overdue=tuple(one for one in waiting if failing(one) and now - one.since > patience),
    )  # fmt: skip


def unread_why(look: LookTime | None, patience: timedelta, now: datetime) -> str:
    """Why a family counts as not read; nothing where it was, not longer than `patience` ago."""
    if look is None:
        return "never looked at"
    read = look.read_at
    # a look from the far future (the clock went back) is none that anybody can rely on
    if read is not None and abs(now - read) <= patience:
        return ""
    why = f" ({look.trouble})" if look.trouble else ""
    return f"not read since {read:%Y-%m-%d %H:%M} UTC{why}" if read else f"never read{why}"


def failing(one: Waiting) -> bool:
    """Whether it waits because something is wrong, and not for its time."""
    return bool(one.failures or one.reason == outbox.GONE)
