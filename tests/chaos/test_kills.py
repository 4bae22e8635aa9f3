"""A run may die before any file or network call: nothing is lost, and hardly anything repeated."""

from pathlib import Path

import pytest
from chaos.kills import Act, Point, Result
from chaos.scenarios import SCENARIOS, Scenario
from chaos.stage import Stage

# the calls that make up a commit, and those that make up a conversation
WRITES = {"openat", "write", "fsync", "close", "unlink", "linkat", "rename"}
SPEAKS = {"socket", "connect", "sendto", "recvfrom", "close"}
# in these every call is tried; `python -m chaos` does so in all
WHOLE = ("one new failure", "a node dies with its tasks", "what waited is delivered")
# of so many calls that an interpreter makes to import and read things, one is tried
SPARSE = 150


def kill_at(act: Act, points: list[Point]) -> None:
    """Kills the run at all of these points; each one that breaks a promise fails the test."""
    total, broken = Result(), []
    for point in points:
        result = act.kill(point)
        total += result
        if not result.good:
            broken.append((point, result))
    assert not broken, act.stage.said()[-2000:]
    assert total.reached >= 0.9 * total.points > 0


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_a_run_killed_at_any_call_loses_nothing_and_repeats_only_what_was_in_flight(
    scenario: Scenario, tmp_path: Path
) -> None:
    with Stage(tmp_path, later_version=scenario.later_version) as stage:
        act = Act(stage, scenario)
        assert all(act.whole.values()), stage.said()
        points = act.points()
        if scenario.tells:
            assert {point.call for point in points if point.thread[0] == "main"} >= WRITES
            assert {point.call for point in points if "post" in point.thread[0]} >= SPEAKS
        if scenario.name not in WHOLE:
            points = [point for point in points if point.call in WRITES | SPEAKS]
        kill_at(act, points)


def test_a_run_killed_while_it_loads_what_it_needs_to_look_and_to_tell_loses_nothing(
    tmp_path: Path,
) -> None:
    with Stage(tmp_path) as stage:
        act = Act(stage, SCENARIOS["one new failure"])
        kill_at(act, act.cold_points()[::SPARSE])
