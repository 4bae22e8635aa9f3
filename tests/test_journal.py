"""The journal: what it holds, how it grows and makes way, and that nothing depends on it."""

import json
import os
import re
import stat
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from msgspec.structs import replace
from peers import Command, Mailbox, Sink
from sources.hosts import Reply, Stub, dialect_a
from world import KINDS, NOON, World, classify, config, doubtful, listing, refuses, thing

from notifier import chronicle, journal, outbox, record
from notifier.decision import Decision
from notifier.journal import Journal
from notifier.look import Look
from notifier.memory import State
from notifier.people import People, Silence
from notifier.run import decide
from notifier.settings import Route, Window

DOCS = Path(__file__).parents[1] / "docs" / "journal.md"
SHAPES = {shape.__struct_config__.tag: shape for shape in get_args(record.Anything)}


def whats(world: World) -> list[str]:
    found = [str(line.__struct_config__.tag) for line in world.lines]
    world.lines.clear()
    return found


def lines(world: World, shape: type[record.Entry]) -> list[Any]:
    return [line for line in world.lines if isinstance(line, shape)]


# ---- what it says -------------------------------------------------------------------------


def test_the_page_has_every_line_and_every_key_and_no_other() -> None:
    rows = re.findall(r"(?m)^\| `(\w+)` \| (.*?) \| ", DOCS.read_text(encoding="utf-8"))
    told = {what: re.findall(r"`(\w+)`", keys) for what, keys in rows[1:]}
    assert told == {what: list(shape.__struct_fields__) for what, shape in SHAPES.items()}


def test_a_failure_is_seen_decided_routed_composed_and_accepted() -> None:
    world = World()
    world.run(listing("task", {"1": "running"}))
    assert whats(world) == ["run", "first", "event", "composed", "attempt", "done"]
    world.later(minutes=5).run(listing("task", {"1": "failed"}))
    (event,), (seen,) = lines(world, record.Event), lines(world, record.Seen)
    assert (event.type, event.before, event.to) == ("problem", "running", {"ops": ""})
    assert (seen.thing.status, seen.before, seen.but) == ("failed", "running", "")
    assert whats(world) == ["run", "event", "composed", "seen", "attempt", "settled", "done"]


def test_a_quiet_run_adds_nothing() -> None:
    world = World()
    for _ in range(3):
        world.later(minutes=5).run(listing("task", {"1": "running"}), listing("node", {}))
    assert whats(world).count("run") == 1


def test_what_is_well_is_a_number_and_what_is_bad_is_kept_whole() -> None:
    world = World()
    well = {str(number): "running" for number in range(500)}
    world.run(listing("task", well))
    world.later(minutes=5).run(listing("task", {**dict.fromkeys(well, "completed"), "7": "failed"}))
    (moved,) = lines(world, record.Moved)
    assert moved.before == {"running": list(moved.now["completed"])}
    assert len(moved.now["completed"]) == 499
    assert [line.thing.id for line in lines(world, record.Seen)] == ["7"]


def test_why_a_bad_thing_is_no_news_is_said() -> None:
    world = World()
    world.ignore = [{"name": "probe-*"}]
    world.run(listing("task", {"1": "running"}), listing("job", {"a": "online"}))
    world.lines.clear()
    late = thing("task", "2", "failed", order=5.0)
    state = world.state
    floor = replace(state.things["river/task"], floor=10.0)
    world.state = replace(state, things={**state.things, "river/task": floor})
    probe = thing("task", "probe-1", "failed")
    rows = {"1": "running", "2": late, "probe-1": probe, "3": "odd"}
    world.later(minutes=5).run(listing("task", rows), listing("job", {"a": "offline"}))
    assert {line.thing.id: line.but for line in lines(world, record.Seen)} == {
        "2": "below the floor",
        "probe-1": "ignored",
        "3": "an unknown status is taken for active",
        "a": "bad for 1 look, not yet a problem",
    }


def test_what_waits_is_noted_once_with_its_reason_and_again_when_that_changes() -> None:
    night = {"night": Window(begin="11:00", to="14:00", timezone="UTC")}
    world = World(config(routes=[Route(name="a", channels=["ops"], hold=["night"])], windows=night))
    world.run(listing("node", {"1": "online"}))
    world.lines.clear()
    world.later(minutes=5).run(listing("node", {"1": "offline"}))
    (waits,) = lines(world, record.Waits)
    assert (waits.row, waits.why) == ("ops", "window night")
    world.lines.clear()
    world.later(minutes=5).run(listing("node", {"1": "offline"}))
    assert whats(world) == []
    silence = Silence(
        id="s-1", begin=NOON, end=NOON + timedelta(hours=9), author="eve", comment="x",
        things=("river/node/*",),
    )  # fmt: skip
    world.people = People(silences={"s-1": silence})
    world.later(hours=3).run(listing("node", {"1": "offline"}))
    (waits,) = lines(world, record.Waits)
    assert waits.why == "silence s-1"
    world.lines.clear()
    world.later(minutes=5).run(listing("node", {"1": "online"}))
    reasons = {line.why for line in lines(world, record.Unspoken)}
    assert reasons == {"over while silence s-1 was in force"}


def test_refusals_repeats_and_interruptions_are_noted() -> None:
    world = World()
    world.run(listing("node", {"1": "online"}))
    world.answers["ops"] = refuses()
    world.lines.clear()
    world.later(minutes=5).run(listing("node", {"1": "offline"}))
    (attempt,) = lines(world, record.Attempt)
    assert (attempt.outcome, attempt.reason) == ("retry", "http 503")
    world.answers["ops"] = doubtful
    world.later(hours=1).run(listing("node", {"1": "offline"}))
    world.lines.clear()
    world.later(hours=1).run(listing("node", {"1": "offline"}), kill=2)
    assert [line.tries for line in lines(world, record.Repeated)] == [2]
    world.lines.clear()
    world.later(hours=1).run(listing("node", {"1": "offline"}))
    assert len(lines(world, record.Interrupted)) == 1


def test_a_run_that_died_before_it_committed_is_recognised() -> None:
    world = World()
    world.run(listing("node", {"1": "online"}))
    world.later(minutes=5).run(listing("node", {"1": "offline"}), kill=0)
    world.later(minutes=5).run(listing("node", {"1": "offline"}))
    found = list(journal.runs(world.lines))
    assert len([line for line in world.lines if isinstance(line, record.Run)]) == 3
    assert len(found) == 2
    assert all(group[0].at != NOON + timedelta(minutes=5) for group in found)


def test_a_run_that_died_before_somebody_acted_is_recognised_and_so_is_an_act_that_did() -> None:
    world = World()
    world.run(listing("node", {"1": "online"}))
    world.later(minutes=5).run(listing("node", {"1": "offline"}), kill=0)
    retry = record.Person(at=world.now, did="retry", of="ops")
    # written, and killed before the commit; then once more, and done
    world.lines.append(replace(retry, base=str(world.generation)))
    world.acted(world.state, retry)
    world.later(minutes=5).run(listing("node", {"1": "offline"}))
    heads = [group[0] for group in journal.runs(world.lines)]
    assert [type(head) for head in heads] == [record.Run, record.Person, record.Run]


def test_what_is_told_because_of_what_somebody_did_is_noted_with_that(tmp_path: Path) -> None:
    world = World()
    world.run(listing("node", {"1": "offline"}))
    path = tmp_path / "state.json"
    path.write_text("{}")
    after = outbox.forgotten(world.state, "river/node/1", world.config, world.now)
    did = record.Person(at=world.now, did="forget", of="river/node/1")
    Journal(path).person(world.state, after, did)
    begun, person, event = journal.read(path).lines
    assert isinstance(begun, record.Begun) and isinstance(person, record.Person)
    assert person.base == journal.generation(path)
    assert (event.type, event.reason, event.thing) == (
        "recovery", "no longer watched", "river/node/1",
    )  # fmt: skip


# ---- sizes --------------------------------------------------------------------------------


def decision(count: int, status: str, state: State | None = None, part: str = "") -> Decision:
    """A look at `count` tasks in this status, from scratch or from `state`."""
    rows = {str(n): thing("task", str(n), status, part_of=part) for n in range(count)}
    look = Look(
        source="river", kinds=KINDS, classify=classify, families=frozenset({"tasks"}),
        results=(listing("task", rows),),
    )  # fmt: skip
    before, setting = state or State(id="n0"), config()
    after, due, told = decide(
        setting, before, [look], people=People(), origin="current",
        families={"river/task": "tasks"}, keyed=frozenset(), now=NOON,
    )  # fmt: skip
    return Decision(
        before=before, after=after, looks=[look], told=told, due=due, people=People(),
        config=setting, families={"river/task": "tasks"}, origin="current", previous=None, now=NOON,
    )  # fmt: skip


def size(found: list[record.Entry]) -> int:
    return sum(len(msgspec.json.encode(line)) + 1 for line in found)


def test_a_first_look_at_many_tasks_is_a_few_lines() -> None:
    found = chronicle.entries(decision(100_000, "failed"), "1")
    assert len(found) < 6
    assert size(found) < 2000


def test_ten_thousand_tasks_lost_are_many_short_lines_and_bounded_in_all() -> None:
    first = decision(10_000, "running")
    found = chronicle.entries(decision(10_000, "lost", first.after, "node/1"), "2")
    assert len(found) > 20_000
    assert size(found) < 6_000_000


def test_what_one_run_may_add_is_bounded_and_the_rest_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MOST", 10_000)
    (tmp_path / "state.json").write_text("{}")
    first = decision(200, "running")
    book = Journal(tmp_path / "state.json")
    book.decided(decision(200, "lost", first.after))
    found = journal.read(tmp_path / "state.json").lines
    assert isinstance(found[-1], record.Cut)
    assert found[-1].left_out > 200
    assert (tmp_path / "journal.jsonl").stat().st_size < 20_000


def test_a_large_file_makes_way_and_the_new_one_carries_what_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state.json"
    state.write_text("{}")
    first = decision(3, "running")
    Journal(state).decided(first)
    monkeypatch.setattr(journal, "PART", 1)
    second = decision(3, "lost", first.after)
    Journal(state).decided(second)
    Journal(state).decided(decision(3, "completed", second.after))
    former, current = (
        [json.loads(line) for line in (tmp_path / name).read_bytes().splitlines()]
        for name in ("journal.jsonl.1", "journal.jsonl")
    )
    assert [former[0]["what"], current[0]["what"]] == ["begun", "begun"]
    assert len(current[0]["carried"]["incidents"]) == 3
    tasks = current[0]["carried"]["things"]["river/task"]["scopes"][""]
    assert tasks["statuses"] == {"lost": ["0", "1", "2"]}, "what an incident names"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "journal.jsonl", "journal.jsonl.1", "state.json",
    ]  # fmt: skip


def test_an_old_file_makes_way_and_what_is_older_still_goes(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text("{}")
    one = decision(3, "running")
    Journal(state).decided(replace(one, now=NOON - timedelta(days=31)))
    Journal(state).decided(one)
    former = tmp_path / "journal.jsonl.1"
    assert former.exists()
    long_ago = (NOON - timedelta(days=31)).timestamp()
    os.utime(former, (long_ago, long_ago))
    Journal(state).decided(replace(one, now=NOON + timedelta(minutes=1)))
    assert not former.exists()


# ---- nothing depends on it ----------------------------------------------------------------


@pytest.fixture
def stub() -> Any:
    server = Stub()
    dialect_a(server)
    yield server
    server.stop()


def test_the_command_keeps_it_beside_the_state_for_its_owner_alone(
    stub: Stub, workplace: Callable[..., Path], notifier: Command, mailbox: Mailbox
) -> None:
    path = workplace(stub.url, mail=mailbox)
    notifier(path, "check")
    file = path.with_name("journal.jsonl")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    raw = file.read_bytes()
    found = [
        str(line.__struct_config__.tag) for line in journal.read(path.with_name("state.json")).lines
    ]
    assert found[:2] == ["begun", "run"]
    assert found[-2:] == ["attempt", "done"]
    assert notifier(path, "check").code == 0
    assert file.read_bytes() == raw, "a quiet run added to it"


def test_no_secret_of_ours_or_the_clusters_is_in_it(
    stub: Stub, workplace: Callable[..., Path], notifier: Command, sink: Sink
) -> None:
    more = '[channels.chat]\nurl = "json://user:very-secret@127.0.0.1:9/"'
    path = workplace(stub.url, sink=sink, more=more)
    notifier(path, "check")
    tasks = json.loads(stub.routes["/tasks"].body)
    row = {**tasks[0], "task_id": str(int(tasks[0]["task_id"]) + (1 << 50)), "status": "failed"}
    row |= {"arguments": ["--password", "hunter2"], "error_message": "token=abcdef0123456789"}
    stub.routes["/tasks"] = Reply(json.dumps([row, *tasks]).encode())
    notifier(path, "check")
    raw = path.with_name("journal.jsonl").read_text()
    assert "[redacted]" in raw
    for secret in ("very-secret", "hunter2", "abcdef0123456789"):
        assert secret not in raw


@pytest.mark.parametrize("how", ["folder", "link", "pipe"])
def test_a_journal_that_cannot_be_written_costs_one_line_and_no_message(
    how: str, stub: Stub, workplace: Callable[..., Path], notifier: Command, mailbox: Mailbox
) -> None:
    path = workplace(stub.url, mail=mailbox)
    file = path.with_name("journal.jsonl")
    if how == "folder":
        file.mkdir()
    elif how == "link":
        file.symlink_to(path)
    else:
        os.mkfifo(file)
    began = time.monotonic()
    ran = notifier(path, "check")
    assert ran.err.count("\n") == ran.err.count("no history is kept of this run") == 1
    # without a state, another file of ours says that it was lost
    assert ran.code in (0, 1)
    assert len(mailbox.mails) == 1
    assert time.monotonic() - began < 20


def test_a_torn_line_is_passed_over_and_said_and_the_next_one_is_whole(
    stub: Stub, workplace: Callable[..., Path], notifier: Command, mailbox: Mailbox
) -> None:
    path = workplace(stub.url, mail=mailbox)
    state, file = path.with_name("state.json"), path.with_name("journal.jsonl")
    notifier(path, "check")
    assert journal.health(state) == ""
    whole = journal.read(state).lines
    file.write_bytes(file.read_bytes()[:-9])
    assert "its last line is torn" in journal.health(state)
    assert journal.read(state).lines == whole[:-1]
    stub.routes["/nodes"] = Reply(b"[]")
    notifier(path, "check")
    stub.routes["/nodes"] = Reply(status=500)
    notifier(path, "check")
    found = journal.read(state)
    assert "1 line is torn" in journal.health(state)
    assert len(found.lines) > len(whole)


def test_without_a_state_a_run_leaves_no_journal_that_would_pass_for_a_lost_one(
    tmp_path: Path,
) -> None:
    book = Journal(tmp_path / "state.json")
    book.decided(decision(3, "running"))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "state.json").write_text("{}")
    book.committed(NOON)
    assert [it.__struct_config__.tag for it in journal.read(tmp_path / "state.json").lines][:2] == [
        "begun", "run",
    ]  # fmt: skip


def test_a_fault_in_telling_what_happened_does_not_keep_it_from_happening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chronicle, "entries", lambda *_: 1 / 0)
    (tmp_path / "state.json").write_text("{}")
    book = Journal(tmp_path / "state.json")
    book.decided(decision(3, "running"))
    book.done(NOON)
    assert [line.partition(": ")[2] for line in book.warnings] == [
        "no history is kept of this run: a bug: ZeroDivisionError('division by zero')"
    ]


def test_what_somebody_did_by_hand_is_noted(
    stub: Stub, workplace: Callable[..., Path], notifier: Command, mailbox: Mailbox
) -> None:
    path = workplace(stub.url, mail=mailbox)
    notifier(path, "check")
    mailbox.stop()
    stub.routes["/nodes"] = Reply(json.dumps([]).encode())
    notifier(path, "state", "forget", "river/node/node-b")
    notifier(path, "check")
    notifier(path, "outbox", "retry", "--channel", "ops")
    notifier(path, "outbox", "drop", "--channel", "ops")
    found = journal.read(path.with_name("state.json")).lines
    did = [(one.did, one.of) for one in found if isinstance(one, record.Person)]
    assert did == [("forget", "river/node/node-b"), ("retry", "ops"), ("drop", "ops")]
