"""`status --nagios`: one line, four states, and performance data that nothing hostile can forge."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from peers import Ran
from world import thing

from notifier.memory import ChannelState, Scope, State, Things
from notifier.model import Due, Event, Incident
from notifier.state import LookTime, Store

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Run = Callable[..., Ran]
Remembered = Callable[[State], Store]
PERFORMANCE = r"'[^'=|]+'=(U|-?[0-9.]+)(s|%|B|c)?(;[0-9.:~@]*){0,4}"


@pytest.fixture(autouse=True)
def noon() -> None:
    with time_machine.travel(NOON, tick=False):
        yield


def incident(number: int, name: str, severity: str = "critical") -> Incident:
    return Incident(
        handle=f"i-{number}", thing=f"river/node/{name}", finite=False, severity=severity,
        observation=thing("node", name, "offline"), opened=NOON, changed=NOON,
    )  # fmt: skip


def state(*incidents: Incident, **more: object) -> State:
    return State(id="n1", incidents={one.handle: one for one in incidents}, **more)


def looked(store: Store, minutes: int = 5, **trouble: str) -> None:
    at = NOON - timedelta(minutes=minutes)
    looks = {
        f"river/{family}": LookTime(started=at, took=0.2, trouble=trouble.get(family, ""), read=at)
        for family in ("nodes", "tasks")
    }
    store.write_looks(looks)


def asked(run: Run, *args: str) -> tuple[int, str, list[str]]:
    """The code, the text and the performance data of one line that is as the guidelines say."""
    ran = run("status", "--nagios", *args)
    assert ran.out.count("\n") == 1
    assert ran.out.count("|") <= 1
    text, _, data = ran.out.rstrip("\n").partition(" | ")
    assert text.startswith("NOTIFIER " + ("OK", "WARNING", "CRITICAL", "UNKNOWN")[ran.code] + ": ")
    assert len(text) < 600
    found = data.split(" ") if data else []
    assert [one for one in found if not re.fullmatch(PERFORMANCE, one)] == []
    return ran.code, text.partition(": ")[2], found


def test_all_is_well(run: Run, remembered: Remembered) -> None:
    looked(remembered(state()))
    assert asked(run) == (
        0,
        "nothing is open, 2 families read",
        [
            "'open_critical'=0;;0;0", "'open_warning'=0;0;;0", "'waiting'=0;;;0",
            "'undelivered'=0;0;;0", "'overdue'=0;;0;0",
            "'river/nodes_age'=300s;;3600;0", "'river/tasks_age'=300s;;3600;0",
        ],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("severities", "code", "text"),
    [
        (["info"], 0, "1 open info (a0: offline)"),
        (["warning"], 1, "1 open warning (a0: offline)"),
        (
            ["warning", "critical", "critical"], 2,
            "2 open critical (a1: offline, a2: offline); 1 open warning (a0: offline)",
        ),
        (["critical"] * 5, 2, "5 open critical (a0: offline, a1: offline, a2: offline and 2 more)"),
    ],
)  # fmt: skip
def test_what_is_open_decides_by_its_severity(
    severities: list[str], code: int, text: str, run: Run, remembered: Remembered
) -> None:
    ones = [incident(number, f"a{number}", one) for number, one in enumerate(severities)]
    looked(remembered(state(*ones)))
    assert asked(run)[:2] == (code, text)


def test_what_cannot_be_read_is_a_warning_and_after_max_age_critical(
    run: Run, remembered: Remembered
) -> None:
    store = remembered(state())
    looked(store, tasks="http 500")
    assert asked(run)[:2] == (1, "river/tasks could not be read: http 500")
    looked(store, minutes=61, tasks="http 500")
    code, text, _ = asked(run)
    assert code == 2
    assert text.startswith("river/nodes not read since 2026-11-22 10:59 UTC; river/tasks not read")
    looked(store)
    assert asked(run, "--max-age", "4m")[0] == 2


def test_what_was_not_delivered_is_a_warning_and_after_max_age_critical(
    run: Run, remembered: Remembered
) -> None:
    def waits(minutes: int) -> State:
        one = Event(
            id="e1", type="problem", at=NOON - timedelta(minutes=minutes), reason="new",
            thing="river/node/a", severity="critical", incident="i-1",
            to={"ops/anna@example.org": Due("", NOON, failures=1)},
        )  # fmt: skip
        channel = ChannelState(failing_since=NOON, failures=1, reason="refused")
        return state(events={"e1": one}, channels={"ops/anna@example.org": channel})

    looked(remembered(waits(5)))
    code, text, data = asked(run)
    assert (code, text) == (1, "1 undelivered for ops")
    assert {"'waiting'=1;;;0", "'undelivered'=1;0;;0"} <= set(data)
    remembered(waits(61))
    assert asked(run)[:2] == (2, "1 overdue for ops")


def test_one_thing_can_be_asked_for(run: Run, remembered: Remembered) -> None:
    known = {"river/node": Things({"": Scope(since=NOON, statuses={"online": ["b"]})})}
    remembered(state(incident(1, "a"), things=known))
    assert asked(run, "node/a") == (
        2, "river/node/a is offline (a: offline)", ["'open'=1;0;;0"],
    )  # fmt: skip
    assert asked(run, "node/b") == (
        0, "river/node/b is online; nothing is open", ["'open'=0;0;;0"],
    )  # fmt: skip


def test_before_the_first_run_nothing_is_known(run: Run) -> None:
    assert asked(run) == (3, "no check has run yet", [])


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["--max-age", "soon"], '--max-age: expected a duration such as "90s"'),
        (["no-such-thing"], "nothing known is called 'no-such-thing'"),
        (["--nonsense"], "the command line is wrong; see: notifier status --help"),
        (["a", "b"], "the command line is wrong"),
    ],
)
def test_a_wrong_command_line_is_unknown(
    args: list[str], why: str, run: Run, remembered: Remembered
) -> None:
    remembered(state())
    code, text, data = asked(run, *args)
    assert (code, data) == (3, [])
    assert text.startswith(why)


def test_a_configuration_or_state_that_cannot_be_read_is_unknown(
    run: Run, config: Path, remembered: Remembered, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = remembered(state())
    store.path.write_bytes(b"{|")
    assert asked(run)[0] == 3
    monkeypatch.setattr("notifier.commands.status._found", lambda *_: 1 / 0)
    assert asked(run)[:2] == (3, "a bug: ZeroDivisionError")
    config.write_text("nonsense = 1\n| =")
    assert asked(run)[0] == 3
    config.unlink()
    assert asked(run)[0] == 3


HOSTILE = "x|'y'=1;2\n|z\x1b[2J\r\u202e" + "w" * 5000


def test_text_from_a_cluster_forges_no_performance_data_and_no_second_line(
    run: Run, remembered: Remembered
) -> None:
    bad = Incident(
        handle="i-1", thing=f"river/node/{HOSTILE}", finite=False, severity="critical",
        observation=thing("node", HOSTILE, HOSTILE), opened=NOON, changed=NOON,
    )  # fmt: skip
    looked(remembered(state(bad)), tasks=HOSTILE)
    code, text, data = asked(run)
    assert code == 2
    assert len(data) == 7
    assert not set(text) & set("|\x1b\r\u202e\n")
    assert asked(run, bad.thing)[0] == 2


def test_json_beside_it_changes_nothing(run: Run, remembered: Remembered) -> None:
    looked(remembered(state()))
    assert asked(run, "--json")[0] == 0
