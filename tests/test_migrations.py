"""A state of an older version is carried over whole, and the old one is kept."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from chaos import tomorrow

from notifier import migrations, state
from notifier.errors import StateError
from notifier.memory import State
from notifier.model import Incident, Observation
from notifier.state import Store

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def version_two() -> Iterator[None]:
    """The program is one version further than the state."""
    with tomorrow.here():
        yield


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A state of the version before, with one incident in it."""
    there = Store(tmp_path / "state.json")
    seen = Observation(kind="node", id="a", name="a", status="offline", health="down")
    incident = Incident(
        handle="i-1", thing="river/node/a", observation=seen, finite=False, severity="critical",
        opened=NOW, changed=NOW,
    )  # fmt: skip
    known = State(id="n1", counter=7, incidents={"i-1": incident})
    there.commit(known)
    document = tomorrow.older(json.loads(there.path.read_bytes()))
    there.path.write_text(json.dumps(document))
    return Store(tmp_path / "state.json")


def test_an_older_state_is_carried_over_whole(store: Store) -> None:
    known, origin = store.load()
    assert (origin, known.version, known.counter) == ("current", 2, 7)
    assert known.incidents["i-1"].thing == "river/node/a"


def test_reading_an_older_state_writes_nothing(store: Store) -> None:
    before = store.path.read_bytes()
    store.load()
    assert store.path.read_bytes() == before
    assert [path.name for path in store.folder.iterdir()] == ["state.json"]


def test_the_state_of_the_older_version_is_kept_for_good(store: Store) -> None:
    before = store.path.read_bytes()
    known, _ = store.load()
    for counter in (8, 9, 10):
        store.commit(State(version=2, id=known.id, counter=counter))
    assert store.path.with_name("state.json.v1").read_bytes() == before
    assert json.loads(store.path.read_bytes())["version"] == 2
    assert json.loads(store.former.read_bytes())["counter"] == 9


def test_an_older_former_generation_is_taken_where_the_current_one_is_damaged(
    store: Store,
) -> None:
    store.path.rename(store.former)
    store.path.write_bytes(b"{half")
    known, origin = store.load()
    assert (origin, known.counter) == ("former", 7)
    store.commit(known)
    # what was damaged is not kept as if it were somebody's older state
    assert not store.path.with_name("state.json.v1").exists()


@pytest.mark.parametrize(
    "document",
    ['{"version": 1}', '{"version": 1, "problems": []}', '{"version": 1, "problems": 7}'],
)
def test_an_older_state_that_makes_no_sense_is_damaged_and_not_touched(
    document: str, store: Store
) -> None:
    store.path.write_text(document)
    with pytest.raises(StateError, match=r"state\.json is damaged"):
        store.load()
    assert store.path.read_text() == document


def test_an_older_state_that_cannot_be_kept_is_no_reason_to_lose_it(store: Store) -> None:
    known, _ = store.load()
    store.path.with_name("state.json.v1.new").mkdir()
    before = store.path.read_bytes()
    with pytest.raises(StateError, match=r"state\.json\.v1: cannot be written"):
        store.commit(known)
    assert store.path.read_bytes() == before


def test_what_a_newer_version_decided_is_refused_and_not_touched(store: Store) -> None:
    store.people_path.write_text('{"version": 2, "silences": {}, "votes": [1]}')
    with pytest.raises(StateError, match=r"operator\.json: written by a newer Notifier"):
        store.people()
    with store.deciding(0), pytest.raises(StateError, match="newer"):
        store.people()
    assert "votes" in store.people_path.read_text()


def test_every_version_there_was_leads_to_todays() -> None:
    assert set(range(1, tomorrow.TODAY)) <= migrations.STEPS.keys()
    assert state.DECIDED == 1
