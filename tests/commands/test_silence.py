"""What people decide: silences and acknowledgements, said on the command line."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from peers import Ran
from world import thing

from notifier.memory import State
from notifier.model import Incident
from notifier.people import Ack, People, Silence
from notifier.state import Store

Run = Callable[..., Ran]
Remembered = Callable[[State], Store]
BEGAN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def incident(handle: str, name: str, **more: object) -> Incident:
    seen = thing("node", name, "offline")
    values = {
        "handle": handle, "thing": f"river/node/{name}", "observation": seen, "finite": False,
        "severity": "critical", "opened": BEGAN, "changed": BEGAN, **more,
    }  # fmt: skip
    return Incident(**values)


TWO = State(
    id="n1",
    incidents={
        "i-1": incident("i-1", "gpu-1"),
        "i-2": incident("i-2", "gpu-2", ended=BEGAN),
    },
)


def add(run: Run, *args: str) -> Ran:
    return run("silence", "add", *args, "-m", "disk swap")


# ---- adding ---------------------------------------------------------------------------------


def test_a_silence_has_an_end_an_author_and_a_comment(run: Run, store: Store) -> None:
    ran = add(run, "river/node/gpu-*", "--for", "2h")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("s-1: silent until ")
    (made,) = store.people().silences.values()
    assert made.end - made.begin == timedelta(hours=2)
    assert (made.things, made.comment, bool(made.author)) == (
        ("river/node/gpu-*",), "disk swap", True,
    )  # fmt: skip


def test_silences_are_numbered_and_no_number_comes_again(run: Run, store: Store) -> None:
    for _ in range(3):
        add(run, "gpu-1", "--for", "1h")
    run("silence", "expire", "s-3")
    assert add(run, "gpu-1", "--for", "1h").out.startswith("s-4:")
    assert list(store.people().silences) == ["s-1", "s-2", "s-3", "s-4"]


def test_several_fields_make_one_silence(run: Run, store: Store) -> None:
    assert add(run, "--match", "node=gpu-*", "--match", "labels.rack=r2", "--for", "1d").code == 0
    assert store.people().silences["s-1"].match == {"node": "gpu-*", "labels.rack": "r2"}


def test_a_silence_until_resolved_ends_with_what_is_open_now(
    run: Run, remembered: Remembered
) -> None:
    store = remembered(TWO)
    ran = add(run, "river/node/*", "--until-resolved", "--max", "3d")
    assert ran.out.rstrip().endswith(", or until what is open has ended")
    made = store.people().silences["s-1"]
    assert made.handles == ("i-1",)
    assert made.end - made.begin == timedelta(days=3)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--for", "1h"], "silence add: name a thing (river/node/gpu-7), or --match FIELD=PATTERN"),
        (["gpu-1"], "silence add: say either --for TIME or --until-resolved"),
        (["gpu-1", "--for", "1h", "--until-resolved"], "say either --for TIME or --until-resolved"),
        (["gpu-1", "--for", "soon"], '--for: expected a duration such as "90s", "5m"'),
        (["gpu-1", "--for", "0s"], "--for: a silence lasts from 1s to 30d"),
        (["gpu-1", "--for", "31d"], "--for: a silence lasts from 1s to 30d"),
        (["gpu-1", "--until-resolved", "--max", "99d"], "--max: a silence lasts from 1s to 30d"),
        (["gpu-9", "--until-resolved"], "nothing that fits is open; say --for TIME"),
        (["--match", "nod=x", "--for", "1h"], "--match nod=x: expected FIELD=PATTERN (did"),
        (["--match", "node", "--for", "1h"], "--match node: expected FIELD=PATTERN"),
    ],
)  # fmt: skip
def test_a_silence_that_makes_no_sense_is_one_line_and_changes_nothing(
    args: list[str], said: str, run: Run, remembered: Remembered
) -> None:
    store = remembered(TWO)
    ran = add(run, *args)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1
    assert store.people() == People()


# ---- looking and ending ---------------------------------------------------------------------


def made(name: str, begin: datetime, end: datetime) -> Silence:
    return Silence(
        id=name, begin=begin, end=end, author="eve", comment="a new\x1b[2J fan",
        things=("gpu-1",), match={"owner": "ann"},
    )  # fmt: skip


def decided(store: Store, **silences: tuple[float, float]) -> None:
    """Silences by their begin and end, in hours from now."""
    now = datetime.now(UTC)
    with store.deciding(0) as commit:
        commit(
            People(
                counter=9,
                silences={
                    name: made(name, now + timedelta(hours=begin), now + timedelta(hours=end))
                    for name, (begin, end) in silences.items()
                },
            )
        )


def test_the_silences_in_force_are_listed_and_with_all_those_that_are_over(
    run: Run, store: Store
) -> None:
    decided(store, now=(-1, 1), over=(-3, -2))
    ran = run("silence", "list")
    head, line = ran.out.splitlines()
    assert head.split() == ["ID", "UNTIL", "BY", "ABOUT", "WHY"]
    assert line.startswith("now ")
    assert "gpu-1 owner=ann" in line
    assert "\x1b" not in line
    assert len(run("silence", "list", "--all").out.splitlines()) == 3
    (shown,) = json.loads(run("silence", "list", "--json").out)
    assert (shown["id"], shown["author"]) == ("now", "eve")


def test_without_silences_the_list_is_empty(run: Run) -> None:
    assert run("silence", "list") == Ran(0, "", "")
    assert json.loads(run("silence", "list", "--json").out) == []


def test_a_silence_that_is_ended_is_over_now(run: Run, store: Store) -> None:
    decided(store, s=(-1, 1))
    ran = run("silence", "expire", "s")
    assert ran == Ran(0, "ended: s; what is still bad is told at the next check\n", "")
    assert store.people().silences["s"].end <= datetime.now(UTC)
    assert run("silence", "list").out == ""


def test_a_silence_that_is_not_there_cannot_be_ended(run: Run, store: Store) -> None:
    decided(store, night=(-1, 1))
    ran = run("silence", "expire", "nigt")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "notifier: no silence is called 'nigt' (did you mean 'night'?)\n"


def test_silences_that_were_over_a_month_ago_are_forgotten(run: Run, store: Store) -> None:
    decided(store, old=(-1000, -24 * 30 - 1), newer=(-1000, -24 * 29))
    add(run, "gpu-1", "--for", "1h")
    assert set(store.people().silences) == {"newer", "s-10"}


# ---- in hand --------------------------------------------------------------------------------


def test_an_acknowledgement_keeps_who_and_why_and_says_what_follows(
    run: Run, remembered: Remembered
) -> None:
    store = remembered(TWO)
    ran = run("ack", "i-1", "-m", "fan is ordered")
    assert ran == Ran(
        0,
        "i-1: acknowledged: no reminders, no escalation; when river/node/gpu-1 is well, that is "
        "told\n",
        "",
    )
    ack = store.people().acks["i-1"]
    assert (ack.comment, bool(ack.author)) == ("fan is ordered", True)


@pytest.mark.parametrize("handle", ["i-2", "i-11", ""])
def test_what_is_not_open_cannot_be_acknowledged(
    handle: str, run: Run, remembered: Remembered
) -> None:
    store = remembered(TWO)
    ran = run("ack", "i-1", handle, "-m", "x")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"notifier: no open incident is called '{handle}'")
    assert store.people().acks == {}


def test_acknowledgements_of_what_has_ended_are_forgotten(run: Run, remembered: Remembered) -> None:
    store = remembered(TWO)
    with store.deciding(0) as commit:
        commit(People(acks={"i-2": Ack(at=BEGAN, author="eve", comment="x")}))
    run("ack", "i-1", "-m", "x")
    assert set(store.people().acks) == {"i-1"}


@pytest.mark.parametrize(
    "args", [("silence", "add", "gpu-1", "--for", "1h", "-m", "x"), ("ack", "i-1", "-m", "x")]
)
def test_decisions_that_cannot_be_read_are_not_overwritten(
    args: tuple[str, ...], run: Run, remembered: Remembered, config: Path
) -> None:
    remembered(TWO)
    path = config.with_name("operator.json")
    path.write_text("{torn")
    ran = run(*args)
    assert (ran.code, ran.out) == (74, "")
    assert ran.err == f"notifier: {path} is damaged; mend it or move it away\n"
    assert path.read_text() == "{torn"


def test_whoever_decides_waits_for_another_who_decides(
    run: Run, store: Store, config: Path
) -> None:
    config.write_text(config.read_text() + '[state]\nlock_wait = "0s"\n')
    with store.deciding(0):
        ran = add(run, "gpu-1", "--for", "1h")
    assert (ran.code, ran.out, ran.err) == (
        75, "", "notifier: somebody else is deciding; try again\n",
    )  # fmt: skip
