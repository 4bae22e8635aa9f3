"""Windows against an oracle that walks minute by minute over the clock changes of five zones."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from world import NOON, World, config, listing

from notifier.people import People, Silence, holds
from notifier.settings import DAYS, Route, Window
from notifier.windows import ends, inside

ZONES = (
    "Europe/Berlin", "America/New_York", "America/Santiago",  # a southern one
    "Australia/Lord_Howe",  # half an hour, and southern
    "Africa/Cairo",  # at midnight: a day that begins at one
)  # fmt: skip
WINDOWS = {
    "night": Window(begin="22:00", to="07:00", days=["mon", "tue", "wed", "thu", "fri"]),
    "the hour that is twice or never": Window(begin="02:15", to="02:45"),
    "over midnight on saturdays": Window(begin="23:30", to="00:30", days=["sat"]),
    "office": Window(begin="08:00", to="18:00", days=["mon", "tue", "wed", "thu", "fri"]),
    "early": Window(begin="00:00", to="03:00", days=["sun"]),
}


def changes(zone: ZoneInfo) -> Iterator[datetime]:
    """The moments between 2026 and 2030 at which the zone's offset changes, and two plain days."""
    yield datetime(2026, 1, 15, 12, tzinfo=UTC)
    yield datetime(2028, 2, 29, 12, tzinfo=UTC)
    moment, last = datetime(2026, 1, 1, tzinfo=UTC), None
    while moment < datetime(2031, 1, 1, tzinfo=UTC):
        offset = moment.astimezone(zone).utcoffset()
        if last is not None and offset != last:
            yield moment
        last = offset
        moment += timedelta(hours=1)


def shown_by_the_wall(window: Window, moment: datetime, zone: ZoneInfo) -> bool:
    """The oracle: names the weekday and the time that a clock on the wall shows, as text."""
    wall = moment.astimezone(zone)
    time, day = wall.strftime("%H:%M"), wall.strftime("%a").lower()
    yesterday = DAYS[(DAYS.index(day) + 6) % 7]
    days = window.days or list(DAYS)
    if window.begin < window.to:
        return day in days and window.begin <= time < window.to
    return (day in days and time >= window.begin) or (yesterday in days and time < window.to)


@pytest.mark.parametrize("zone", ZONES)
def test_a_window_is_what_the_clock_on_the_wall_shows_at_every_minute(zone: str) -> None:
    there = ZoneInfo(zone)
    for name, plain in WINDOWS.items():
        window = Window(begin=plain.begin, to=plain.to, days=plain.days, timezone=zone)
        for change in changes(there):
            start = change - timedelta(hours=13)
            for minute in range(26 * 60):
                moment = start + timedelta(minutes=minute)
                expected = shown_by_the_wall(window, moment, there)
                assert inside(window, moment) == expected, f"{name} at {moment}"


@given(
    st.sampled_from(sorted(WINDOWS)),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2026, 1, 1), datetime(2030, 12, 1)),  # noqa: DTZ001
)
def test_the_end_of_a_window_is_the_first_minute_outside(
    name: str, zone: str, naive: datetime
) -> None:
    plain, moment = WINDOWS[name], naive.replace(tzinfo=UTC)
    window = Window(begin=plain.begin, to=plain.to, days=plain.days, timezone=zone)
    if inside(window, moment):
        end = ends(window, moment)
        assert not inside(window, end)
        assert inside(window, end - timedelta(minutes=1))


def test_a_window_without_a_zone_takes_that_of_the_run() -> None:
    window = Window(begin="22:00", to="23:00")
    moment = datetime(2026, 7, 1, 20, 30, tzinfo=UTC)
    assert inside(window, moment, "Europe/Berlin")
    assert not inside(window, moment)


def test_the_zones_change_their_clocks_twice_a_year() -> None:
    for zone in ZONES:
        assert len(list(changes(ZoneInfo(zone)))) == 2 + 10, zone


@pytest.mark.parametrize("zone", ZONES)
def test_nothing_leaves_in_the_held_minutes_and_all_leaves_after_them(zone: str) -> None:
    """Through the whole pure line, every ten minutes of two days around each clock change."""
    window = Window(begin="22:00", to="07:00", timezone=zone)
    routes = [Route(name="r", channels=["ops"], hold=["night"])]
    for change in list(changes(ZoneInfo(zone)))[2:6]:
        world = World(config(routes=routes, windows={"night": window}))
        world.now = change - timedelta(hours=30)
        status = "online"
        world.run(listing("node", {"a": status}))
        for step in range(6 * 54):
            if step % 13 == 0:
                status = "offline" if status == "online" else "online"
            world.later(minutes=10).run(listing("node", {"a": status}))
        for at in world.times:
            assert not shown_by_the_wall(window, at, ZoneInfo(zone))
        assert world.sent


def silence(begin: datetime, minutes: int, zone: str = "UTC") -> Silence:
    """As a file holds it that was written by the clock on the wall there."""
    end, there = begin + timedelta(minutes=minutes), ZoneInfo(zone)
    made = Silence(
        id="s-1", begin=begin.astimezone(there), end=end.astimezone(there), author="eve",
        comment="x", things=("*",),
    )  # fmt: skip
    return msgspec.json.decode(msgspec.json.encode(made), type=Silence)


@pytest.mark.parametrize("zone", ZONES)
def test_a_silence_is_so_many_minutes_long_whatever_the_clocks_do(zone: str) -> None:
    """The oracle counts the minutes down, over every change of the clocks, and names no time."""
    state = World().state
    for change in changes(ZoneInfo(zone)):
        one, left = silence(change - timedelta(minutes=90), 180, zone), 180
        for minute in range(-60, 300):
            moment = change + timedelta(minutes=minute - 90)
            expected = minute >= 0 and left > 0
            assert holds(one, state, moment) == expected, moment
            left -= expected


@pytest.mark.parametrize("zone", ZONES)
def test_what_dies_in_a_silence_is_told_in_its_first_minute_after_it(zone: str) -> None:
    """Through the whole pure line, a run a minute, over a change of the clocks."""
    change = list(changes(ZoneInfo(zone)))[3]
    world = World(config(run=replace(config().run, timezone=zone)))
    world.now = change - timedelta(minutes=95)
    world.run(listing("node", {"a": "online", "b": "online"}))
    world.heard()
    world.people = People(silences={"s-1": silence(world.now, 150, zone)})
    for minute in range(1, 200):
        a = "offline" if minute >= 20 else "online"
        b = "offline" if 40 <= minute < 100 else "online"
        world.later(minutes=1).run(listing("node", {"a": a, "b": b}))
        told = world.heard()
        assert told == (["problem:river/node/a"] if minute == 150 else []), minute


@given(st.integers(-200, 200), st.integers(1, 180))
def test_a_silence_holds_from_its_beginning_until_just_before_its_end(at: int, span: int) -> None:
    made, state = silence(NOON, span), World().state
    assert holds(made, state, NOON + timedelta(minutes=at)) == (0 <= at < span)
