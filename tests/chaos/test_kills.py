"""A run may die before any file or network call: nothing is lost, and hardly anything repeated."""

from pathlib import Path

import pytest
from chaos.kills import Act, Point, Result
from chaos.scenarios import SCENARIOS
from chaos.stage import Stage

WRITES = {"openat", "write", "fsync", "close", "unlink", "rename"}
SPEAKS = {"socket", "connect", "sendto", "recvfrom"}
# the calls that fail where a disk is full
FILLS = WRITES - {"close", "unlink"} | {"linkat"}
# of so many calls that an interpreter makes to import and read things, one is tried
SPARSE = 150


def strike_at(act: Act, points: list[Point], harm: str = "signal=SIGKILL") -> None:
    """Strikes the run at all of these points; each one that breaks a promise fails the test."""
    total, broken = Result(), []
    for point in points:
        result = act.strike(point, harm)
        total += result
        if not result.good:
            broken.append((point, result))
    assert not broken, act.stage.said()[-2000:]
    assert total.reached >= 0.9 * total.points > 0


@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_at_any_call_a_run_loses_nothing_and_repeats_only_what_was_in_flight(
    name: str, tmp_path: Path
) -> None:
    with Stage(tmp_path) as stage:
        act = Act(stage, SCENARIOS[name])
        assert all(act.whole.values()), stage.said()
        points = act.points()
        assert {point.call for point in points if point.thread[0] == "main"} >= WRITES
        if SCENARIOS[name].tells:
            assert {point.call for point in points if "post" in point.thread[0]} >= SPEAKS
        strike_at(act, points)


def test_a_run_killed_while_it_loads_what_it_needs_to_look_and_to_tell_loses_nothing(
    tmp_path: Path,
) -> None:
    with Stage(tmp_path) as stage:
        act = Act(stage, SCENARIOS["one new failure"])
        strike_at(act, act.cold_points()[::SPARSE])


@pytest.mark.parametrize("name", ["one new failure", "what waited is delivered"])
def test_a_disk_that_is_full_at_any_write_loses_nothing(name: str, tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        act = Act(stage, SCENARIOS[name])
        ours = [one for one in act.points() if one.call in FILLS and str(stage.place) in one.shown]
        assert {point.call for point in ours} == FILLS
        strike_at(act, ours, harm="error=ENOSPC")
