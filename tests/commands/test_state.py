"""What is remembered, and beginning anew."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from peers import Ran
from world import thing

from notifier.memory import Scope, State, Things
from notifier.model import Incident, Planned
from notifier.state import LookTime, Store

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Run = Callable[..., Ran]
Remembered = Callable[[State], Store]
THINGS = {
    "river/node": Things(
        {"": Scope(since=NOON, statuses={"online": ["a", "b"], "offline": ["c"]})}
    ),
    "river/task": Things({"": Scope(since=NOON)}),
}


def test_what_is_remembered_is_shown_in_numbers(
    run: Run, remembered: Remembered, config: Path
) -> None:
    remembered(State(id="n1", things=THINGS))
    assert run("state", "show") == Ran(
        0,
        f"{config.with_name('state.json')} (current, version 1, id n1)\n"
        "  river/node: 1 offline, 2 online\n"
        "  river/task: nothing\n"
        "  0 incidents, 0 events waiting, 0 messages under way, 0 things watched\n",
        "",
    )


def test_all_that_is_remembered_is_the_json(run: Run, remembered: Remembered) -> None:
    store = remembered(State(id="n1", counter=7, things=THINGS))
    assert json.loads(run("state", "show", "--json").out) == json.loads(store.path.read_bytes())


def test_a_reset_wants_to_be_meant(run: Run, remembered: Remembered) -> None:
    store = remembered(State(id="n1", counter=7))
    before = store.path.read_bytes()
    ran = run("state", "reset")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "notifier: this forgets what was told: open problems get no ending. To do it: notifier "
        "state reset --yes\n"
    )
    assert store.path.read_bytes() == before


def test_a_reset_puts_aside_what_was_and_begins_anew(
    run: Run, remembered: Remembered, config: Path
) -> None:
    remembered(State(id="n1", counter=6))
    store = remembered(State(id="n1", counter=7))
    store.write_looks({"river/nodes": LookTime(started=NOON, took=1.0)})
    ran = run("state", "reset", "--yes")
    assert (ran.code, ran.err) == (0, "")
    first, second, last = ran.out.splitlines()
    assert first.startswith(f"put aside: {config.with_name('state.json')}.2")
    assert second.startswith(f"put aside: {config.with_name('state.json.prev')}.2")
    assert last == "the next check takes a first look"
    assert json.loads(Path(first.removeprefix("put aside: ")).read_bytes())["counter"] == 7
    state, origin = Store(store.path).load()
    assert (origin, state.counter) == ("current", 0)
    assert store.looks() == {}
    assert run("status").out.startswith("nothing is open\n")


def test_a_reset_is_the_way_out_of_two_bad_generations(
    run: Run, store: Store, config: Path
) -> None:
    config.with_name("state.json").write_bytes(b"{torn")
    config.with_name("state.json.prev").write_bytes(b"")
    assert run("state", "show").code == 74
    assert run("status").code == 74
    assert run("outbox", "list").code == 74
    assert run("channel", "list").code == 74
    assert run("state", "reset", "--yes").code == 0
    assert run("status").code == 0
    aside = [path.read_bytes() for path in config.parent.glob("state.json.*Z")]
    assert b"{torn" in aside


def test_a_reset_does_not_happen_under_a_run(
    run: Run, remembered: Remembered, config: Path
) -> None:
    store = remembered(State(id="n1", counter=7))
    config.write_text(config.read_text() + '[state]\nlock_wait = "0s"\n')
    with store.lock(0):
        assert run("state", "reset", "--yes").code == 75
    assert Store(store.path).load()[0].counter == 7


def test_a_thing_that_is_forgotten_is_owed_an_ending_to_whom_was_told(
    run: Run, remembered: Remembered
) -> None:
    told = Incident(
        handle="i-1", thing="river/node/c", finite=False, severity="critical", opened=NOON,
        changed=NOON, observation=thing("node", "c", "offline"),
        plan={"chat": Planned("", NOON, "n1-1"), "ops/anna@example.org": Planned("")},
    )  # fmt: skip
    store = remembered(State(id="n1", counter=7, things=THINGS, incidents={"i-1": told}))
    ran = run("state", "forget", "node/c")
    assert ran.code == 0
    assert ran.out.startswith("river/node/c is forgotten; 1 to be told so at the next check\n")
    state, _ = Store(store.path).load()
    (ending,) = state.events.values()
    assert (ending.reason, list(ending.to)) == ("no longer watched", ["chat"])
    assert state.things["river/node"].scopes[""].statuses == {"online": ["a", "b"]}


@pytest.mark.parametrize("asked", ["d", "nod/c", ""])
def test_a_thing_that_is_not_known_cannot_be_forgotten(
    asked: str, run: Run, remembered: Remembered
) -> None:
    remembered(State(id="n1", things=THINGS))
    ran = run("state", "forget", asked)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"notifier: nothing known is called '{asked}'")
