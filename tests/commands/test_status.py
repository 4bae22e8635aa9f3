"""What is broken now, told worst first from the state alone, harmless in a terminal."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from peers import Ran
from world import thing

from notifier.memory import ChannelState, Scope, State, Things, Watch
from notifier.model import Due, Event, Incident, Message, Planned
from notifier.people import Ack, People, Silence
from notifier.state import LookTime, Store

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Run = Callable[..., Ran]
Remembered = Callable[[State], Store]


@pytest.fixture(autouse=True)
def noon() -> None:
    with time_machine.travel(NOON, tick=False):
        yield


def incident(number: int, name: str, severity: str = "critical", **more: object) -> Incident:
    values = {
        "handle": f"i-{number}", "thing": f"river/node/{name}", "finite": False,
        "severity": severity, "observation": thing("node", name, "offline"),
        "opened": NOON - timedelta(minutes=30), "changed": NOON, **more,
    }  # fmt: skip
    return Incident(**values)


def state(*incidents: Incident, **more: object) -> State:
    return State(id="n1", incidents={one.handle: one for one in incidents}, **more)


def looks(store: Store, **trouble: str) -> None:
    store.write_looks(
        {
            f"river/{family}": LookTime(
                started=NOON - timedelta(minutes=5), took=0.25, trouble=trouble.get(family, "")
            )
            for family in ("nodes", "tasks")
        }
    )


def test_all_is_well(run: Run, remembered: Remembered) -> None:
    looks(remembered(state()))
    assert run("status") == Ran(
        0,
        "nothing is open\nLAST LOOK\n"
        "  river/nodes: 11:55 UTC, took 0.2 s\n  river/tasks: 11:55 UTC, took 0.2 s\n",
        "",
    )


def test_before_the_first_check_there_is_nothing_to_tell(run: Run) -> None:
    ran = run("status")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "no check has run yet\nLAST LOOK\n  river/nodes: never\n  river/tasks: never\n"
    )


def test_what_is_open_comes_worst_first_and_then_oldest(run: Run, remembered: Remembered) -> None:
    older = {"opened": NOON - timedelta(hours=2)}
    told = {"ops/anna@example.org": Planned("", NOON, "n1-1"), "chat": Planned("")}
    remembered(
        state(
            incident(1, "a", "info", **older), incident(2, "b", "warning", **older),
            incident(3, "c"), incident(4, "d", plan=told, **older), incident(5, "e", "warning"),
            incident(6, "f", settled=NOON), incident(7, "g", ended=NOON),
        )
    )  # fmt: skip
    ran = run("status")
    assert ran.code == 1
    assert ran.out.splitlines()[:6] == [
        "OPEN (5)",
        "  i-4  river/node/d  d: offline since 10:00 UTC (2 h); told: ops/anna@example.org",
        "  i-3  river/node/c  c: offline since 11:30 UTC (30 min); told: nobody yet",
        "  i-2  river/node/b  b: offline since 10:00 UTC (2 h); told: nobody yet",
        "  i-5  river/node/e  e: offline since 11:30 UTC (30 min); told: nobody yet",
        "  i-1  river/node/a  a: offline since 10:00 UTC (2 h); told: nobody yet",
    ]


def event(ident: str, row: str, **due: object) -> Event:
    return Event(
        id=ident, type="problem", at=NOON, reason="new", thing="river/node/a", severity="critical",
        incident="i-1", to={row: Due("", NOON, **due)},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "more", "code", "line"),
    [
        (event("e1", "chat"), {}, 0, "  problem river/node/a for chat since 12:00 UTC: waiting"),
        (
            event("e1", "chat", failures=2),
            {"channels": {"chat": ChannelState(reason="http 503", failing_since=NOON)}},
            1, "  problem river/node/a for chat since 12:00 UTC: http 503",
        ),
        (
            event("e1", "gone"), {}, 1,
            "  problem river/node/a for gone since 12:00 UTC: not in the configuration",
        ),
        (
            event("e1", "chat", key="n1-3"),
            {
                "messages": {
                    "n1-3": Message(
                        key="n1-3", channel="chat", route="", events=("e1",), at=NOON,
                        state="parked", reason="http 413",
                    )
                }
            },
            1, "  problem river/node/a for chat since 12:00 UTC: http 413",
        ),
    ],
)  # fmt: skip
def test_what_waits_is_a_trouble_only_when_it_failed_or_cannot_go(
    one: Event, more: dict[str, object], code: int, line: str, run: Run, remembered: Remembered
) -> None:
    looks(remembered(state(events={"e1": one}, **more)))
    ran = run("status")
    assert ran.code == code
    assert "WAITING (1)" in ran.out
    assert line in ran.out.splitlines()


def test_what_cannot_be_read_is_told_and_not_taken_for_well(
    run: Run, remembered: Remembered
) -> None:
    looks(remembered(state()), tasks="no answer in 60 s")
    ran = run("status")
    assert ran.code == 1
    assert "  river/tasks: 11:55 UTC, took 0.2 s; could not be read: no answer in 60 s" in ran.out


def test_a_look_that_rests_says_until_when(run: Run, remembered: Remembered) -> None:
    rests = LookTime(started=NOON, took=8.0, rest_until=NOON + timedelta(minutes=2))
    remembered(state()).write_looks({"river/nodes": rests, "old/nodes": rests})
    ran = run("status")
    assert "  river/nodes: 12:00 UTC, took 8.0 s; rests until 12:02 UTC\n" in ran.out
    assert "old/nodes" not in ran.out, "a source that is configured no longer"


@pytest.mark.parametrize(("age", "code"), [("5m", 0), ("299s", 1), ("4m", 1), ("1d", 0)])
def test_a_look_that_is_too_old_is_overdue(
    age: str, code: int, run: Run, remembered: Remembered
) -> None:
    looks(remembered(state()))
    ran = run("status", "--max-age", age)
    assert ran.code == code
    assert ran.out.count("; overdue") == 2 * code


def test_a_look_that_never_was_is_overdue(run: Run) -> None:
    ran = run("status", "--max-age", "1d")
    assert ran.code == 1
    assert "  river/nodes: never (overdue)\n" in ran.out


@pytest.mark.parametrize("age", ["", "soon", "5", "-5m"])
def test_an_age_is_a_duration(age: str, run: Run) -> None:
    ran = run("status", f"--max-age={age}")
    assert ran.code == 2
    assert ran.err.startswith("notifier: --max-age: expected a duration such as")


# ---- one thing ------------------------------------------------------------------------------

KNOWN = {
    "river/node": Things(
        {"": Scope(since=NOON, statuses={"online": ["gpu-07", "gpu-08"], "offline": ["a"]})}
    ),
    "river/task": Things({"": Scope(since=NOON, statuses={"failed": ["771"], "lost": ["a"]})}),
}


@pytest.mark.parametrize(
    ("asked", "code", "line"),
    [
        ("gpu-07", 0, "river/node/gpu-07: online; nothing is open"),
        ("node/gpu-07", 0, "river/node/gpu-07: online; nothing is open"),
        ("river/task/771", 0, "river/task/771: failed; nothing is open"),
        (
            "node/a", 1,
            "i-1  river/node/a  a: offline since 11:30 UTC (30 min); told: nobody yet",
        ),
    ],
)  # fmt: skip
def test_one_thing_is_asked_for_by_any_tail_that_only_it_has(
    asked: str, code: int, line: str, run: Run, remembered: Remembered
) -> None:
    remembered(state(incident(1, "a"), incident(2, "b"), things=KNOWN))
    assert run("status", asked) == Ran(code, f"{line}\n", "")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("gpu-7", "nothing known is called 'gpu-7'"),
        ("a", "'a' may be any of river/node/a, river/task/a: say more of it"),
        ("07", "nothing known is called '07'"),
    ],
)
def test_a_thing_that_is_not_known_is_no_good_news(
    asked: str, why: str, run: Run, remembered: Remembered
) -> None:
    remembered(state(things=KNOWN))
    ran = run("status", asked)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"notifier: {why}")


# ---- for programs, for terminals ------------------------------------------------------------


def test_the_json_has_the_documented_shape(run: Run, remembered: Remembered) -> None:
    watched = {"river/node/z": Watch(NOON)}
    looks(remembered(state(incident(1, "a"), events={"e1": event("e1", "gone")}, watched=watched)))
    ran = run("status", "--json", "--max-age", "1m")
    assert ran.code == 1
    shown = json.loads(ran.out)
    assert shown["version"] == 1
    assert shown["at"] == "2026-11-22T12:00:00Z"
    assert (shown["origin"], shown["thing"], shown["known"]) == ("current", "", "")
    assert [one["handle"] for one in shown["open"]] == ["i-1"]
    assert shown["open"][0]["observation"]["status"] == "offline"
    assert shown["waiting"] == [
        {
            "id": "e1", "row": "gone", "what": "problem river/node/a", "state": "channel gone",
            "since": "2026-11-22T12:00:00Z", "reason": "not in the configuration", "failures": 0,
        }
    ]  # fmt: skip
    assert shown["looks"]["river/nodes"] == {"started": "2026-11-22T11:55:00Z", "took": 0.25}
    assert shown["overdue"] == ["river/nodes", "river/tasks"]
    assert shown.keys() == {
        "version", "at", "origin", "thing", "known", "open", "waiting", "acks", "silences",
        "looks", "overdue", "pushed", "spool",
    }  # fmt: skip


def test_what_people_decided_is_shown_beside_what_is_open(run: Run, remembered: Remembered) -> None:
    store = remembered(state(incident(1, "a")))
    silence = Silence(
        id="s-1", begin=NOON, end=NOON + timedelta(hours=2), author="eve", comment="disk swap",
        things=("river/node/b",),
    )  # fmt: skip
    ack = Ack(at=NOON, author="eve", comment="on it")
    with store.deciding(0) as commit:
        commit(People(silences={"s-1": silence}, acks={"i-1": ack}))
    out = run("status").out
    assert "eve has it in hand: on it" in out
    assert "SILENT until 14:00 UTC: river/node/b (s-1, eve: disk swap)" in out


def test_what_was_pushed_is_shown_and_what_waits_in_the_spool(
    run: Run, remembered: Remembered
) -> None:
    early = NOON - timedelta(minutes=20)
    scope = Scope(since=early, statuses={"failed": ["a", "b"]}, seen={"a": early, "b": NOON})
    store = remembered(state(things={"backup/job": Things({"emit": scope})}))
    assert run("emit", "--source", "backup", "--id", "1", "--failed").code == 0
    (store.spool / "aside").mkdir()
    (store.spool / "aside" / "odd").touch()
    ran = run("status")
    assert ran.out.splitlines()[-4:] == [
        "PUSHED", "  backup/job: 2 jobs, the last at 12:00 UTC",
        "SPOOL: 1 file for the next check", "SET ASIDE: 1 file in spool/aside",
    ]  # fmt: skip
    shown = json.loads(run("status", "--json").out)
    assert shown["pushed"] == {"backup/job": {"things": 2, "last": "2026-11-22T12:00:00Z"}}
    assert shown["spool"] == {"files": 1, "aside": 1}


def test_what_nobody_looked_at_is_null(run: Run) -> None:
    assert json.loads(run("status", "--json").out)["looks"] == {
        "river/nodes": None, "river/tasks": None,
    }  # fmt: skip


HOSTILE = "x\x1b[2J\x1b]0;owned\x07\n\u202efake\r\x9b31m"


def test_text_from_a_cluster_cannot_act_on_the_terminal(run: Run, remembered: Remembered) -> None:
    bad = thing("node", HOSTILE, HOSTILE, node=HOSTILE + "y")
    one = incident(1, HOSTILE, observation=bad)
    hostile = Event(
        id="e1", type="problem", at=NOON, reason=HOSTILE, thing=f"river/node/{HOSTILE}",
        severity="critical", to={"chat": Due("", NOON, 1)},
    )  # fmt: skip
    store = remembered(
        state(
            one, events={"e1": hostile}, channels={"chat": ChannelState(reason=HOSTILE)},
            things={"river/node": Things({"": Scope(since=NOON, statuses={HOSTILE: [HOSTILE]})})},
        )
    )  # fmt: skip
    looks(store, tasks=HOSTILE)
    for command in (
        ["status"], ["status", one.thing], ["status", "no-such"], ["outbox", "list"],
        ["channel", "list"], ["state", "show"],
    ):  # fmt: skip
        ran = run(*command)
        said = ran.out + ran.err
        assert said
        assert not set(said) & set("\x1b\x07\r\x9b\u202e"), command
        assert said.count("\n") == len(said.splitlines())


def test_colours_are_only_ours(run: Run, remembered: Remembered) -> None:
    remembered(state(incident(1, "a"), incident(2, "b", "warning")))
    plain = run("status").out
    coloured = run("status", "--color", "always").out
    assert "\x1b" not in plain
    assert coloured.count("\x1b[31m") == coloured.count("\x1b[33m") == 1
    assert coloured.replace("\x1b[31m", "").replace("\x1b[33m", "").replace("\x1b[0m", "") == plain


def test_a_damaged_state_is_told_and_is_a_trouble(run: Run, remembered: Remembered) -> None:
    remembered(state(incident(1, "a")))
    store = remembered(state())
    store.path.write_bytes(b"{torn")
    ran = run("status")
    assert ran.code == 1
    assert ran.out.startswith("the state is damaged; this is the generation before it\nOPEN (1)\n")


def test_a_state_that_cannot_be_read_is_74(run: Run, config: Path) -> None:
    config.with_name("state.json").write_bytes(b"{torn")
    ran = run("status")
    assert (ran.code, ran.out) == (74, "")
    assert "is damaged, and there is no other generation" in ran.err
    assert ran.err.count("\n") == 1


def test_asking_writes_nothing_and_waits_for_nobody(run: Run, store: Store, config: Path) -> None:
    assert run("status").code == 0
    assert [path.name for path in config.parent.iterdir()] == ["config.toml"]
    with store.lock(0):
        assert run("status").code == 0
