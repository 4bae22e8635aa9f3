"""Pure: whether the clock on the wall stands in a window, and when it will not any more."""

from datetime import UTC, datetime, time, timedelta

from notifier.settings import DAYS, Window


def inside(window: Window, now: datetime, default_zone: str = "") -> bool:
    """Whether local time is in the window. It belongs to the day on which it starts.

    What counts is what the clock on the wall shows: a window of 02:15-02:45 is there twice in
    the night in which that hour is, and from 03:00 on where the night jumps over its beginning.
    """
    # slow to import, and not every configuration has windows
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(window.timezone or default_zone or "UTC")
    wall = now.astimezone(zone).replace(tzinfo=None)
    begin, end = clock(window.begin), clock(window.to)
    for day in (wall.date(), wall.date() - timedelta(days=1)):
        if DAYS[day.weekday()] not in (window.days or DAYS):
            continue
        last = day if end > begin else day + timedelta(days=1)
        if datetime.combine(day, begin) <= wall < datetime.combine(last, end):
            return True
    return False


def ends(window: Window, now: datetime, default_zone: str = "") -> datetime:
    """The first whole minute from `now` on that is not in the window, at most eight days ahead."""
    moment = now.astimezone(UTC).replace(second=0, microsecond=0)
    for _ in range(8 * 24 * 60):
        moment += timedelta(minutes=1)
        if not inside(window, moment, default_zone):
            break
    return moment


def clock(text: str) -> time:
    """`"22:00"` as a time of day. Raises ValueError."""
    return time.fromisoformat(text) if len(text) == 5 else time.fromisoformat("x")
