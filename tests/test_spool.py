"""What is pushed is taken in once, in order, whatever kills the run; what is odd blocks nothing."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from world import NOON, World, listing, thing
from world import config as configured

from notifier import intake, pushed, spool
from notifier.config import Config
from notifier.errors import StateError
from notifier.memory import State
from notifier.model import Observation, Unreadable
from notifier.pushed import Batch, Parcel
from notifier.settings import Route

STAMP = 1_700_000_000_000_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A spool that is not there yet, in a state's folder."""
    home = tmp_path / "state"
    home.mkdir(mode=0o700)
    return home / "spool"


def seen(kind: str, ident: str, status: str, **more: object) -> Observation:
    return thing(kind, ident, status, **more)


def parcel(*changes: Observation, source: str = "backup", **more: object) -> Parcel:
    batches = tuple(Batch(kind=one.kind, changes=(one,)) for one in changes)
    return Parcel(**{"at": NOON, "source": source, "batches": batches, **more})


class Desk(World):
    """A world whose runs take in a spool, with the real files."""

    def __init__(self, folder: Path, setting: Config | None = None) -> None:
        super().__init__(setting)
        self.folder = folder
        self.said: list[str] = []
        self.unread = False

    def check(self, *, clear: bool = True) -> list[str]:
        """One run over the spool alone; with `clear=False` it is killed after its commit."""
        taken = intake.take(self.folder, self.state, self.config, self.now)
        self.said, self.unread, self.aside = taken.said, taken.unread, taken.aside
        self.state = msgspec.structs.replace(self.state, spool=taken.names)
        self.pushed = taken.looks
        self.run()
        self.pushed, self.aside = [], {}
        if clear:
            self.state = intake.clear(self.folder, self.state, self.now, self.said)
        return [f"{event.type}:{event.thing}" for event in self.news]


@pytest.fixture
def desk(folder: Path) -> Desk:
    return Desk(folder)


@pytest.fixture
def put(folder: Path) -> Callable[..., list[Path]]:
    def done(*parcels: Parcel, stamp: int = STAMP) -> list[Path]:
        return spool.put(folder, parcels, stamp)

    return done


Put = Callable[..., list[Path]]


# ---- putting in -----------------------------------------------------------------------------


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is asked of the system, in order."""
    made: list[str] = []

    def watched(name: str) -> Callable[..., object]:
        usual = getattr(os, name)

        def call(*args: object, **more: object) -> object:
            creates = name != "open" or args[1] & os.O_CREAT
            made.extend([name] if creates else [])
            return usual(*args, **more)

        return call

    with monkeypatch.context() as patch:
        for name in ("open", "fsync", "rename"):
            patch.setattr(os, name, watched(name))
        yield made


def test_a_file_is_synced_before_it_has_its_name_and_the_folder_after(
    folder: Path, put: Put, calls: list[str]
) -> None:
    folder.mkdir(mode=0o700)
    (path,) = put(parcel(seen("job", "nightly", "failed")))
    assert calls == ["open", "fsync", "rename", "fsync"]
    assert [one.name for one in folder.iterdir()] == [path.name]


def test_the_spool_is_the_owners_alone(folder: Path, put: Put) -> None:
    (path,) = put(parcel(seen("job", "nightly", "failed")))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("step", ["open", "fsync", "rename"])
def test_what_could_not_be_written_leaves_nothing_behind(
    step: str, folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir(mode=0o700)
    usual = getattr(os, step)

    def full(*args: object, **more: object) -> object:
        if step == "open" and not args[1] & os.O_CREAT:
            return usual(*args, **more)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, full)
        with pytest.raises(StateError) as found:
            put(parcel(seen("job", "nightly", "failed")))
    assert str(found.value) == f"{folder}: cannot be written: No space left on device"
    assert list(folder.iterdir()) == []


def test_with_a_clock_that_went_back_a_later_file_still_comes_later(put: Put) -> None:
    (first,) = put(parcel(seen("job", "a", "failed")))
    (second,) = put(parcel(seen("job", "a", "ok")), stamp=STAMP - 10**12)
    assert first.name < second.name


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        (0o777, "everybody may write here; chmod o-w it first"),
        (0o1777, "everybody may write here; chmod o-w it first"),
    ],
)
def test_a_spool_that_everybody_may_write_to_is_refused_at_both_ends(
    mode: int, why: str, folder: Path, put: Put, desk: Desk
) -> None:
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(StateError, match=why):
        put(parcel(seen("job", "a", "failed")))
    assert desk.check() == []
    assert desk.unread
    assert desk.said == [f"{folder}: cannot be read: {why}"]


def test_a_spool_that_is_a_symbolic_link_is_not_followed(
    folder: Path, put: Put, desk: Desk, tmp_path: Path
) -> None:
    folder.symlink_to(tmp_path)
    with pytest.raises(StateError, match="cannot be written: Not a directory"):
        put(parcel(seen("job", "a", "failed")))
    desk.check()
    assert desk.unread


def test_root_gives_what_it_writes_to_the_owner_of_the_state(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, owners = os.fstat, {folder.parent.stat().st_ino: (1234, 5678)}

    def fstat(handle: int) -> os.stat_result:
        values = list(usual(handle))
        values[4:6] = owners.get(values[1], (0, 0))
        return os.stat_result(values)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fstat", fstat)
    monkeypatch.setattr(
        os, "fchown", lambda handle, *owner: owners.update({usual(handle).st_ino: owner})
    )
    (path,) = put(parcel(seen("job", "a", "failed")))
    assert owners[folder.stat().st_ino] == (1234, 5678)
    assert owners[path.stat().st_ino] == (1234, 5678)


def test_root_does_not_make_the_folder_of_the_state(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.parent.rmdir()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(StateError, match="no such folder; whoever runs `notifier check` makes it"):
        put(parcel(seen("job", "a", "failed")))


def test_a_stranger_writes_only_where_the_owner_can_read_it(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir(mode=0o770)
    folder.chmod(0o770)
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(StateError, match=r"could not read what is written here; chmod g\+s it"):
        put(parcel(seen("job", "a", "failed")))
    folder.chmod(0o3770)
    (path,) = put(parcel(seen("job", "a", "failed")))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_what_is_too_much_for_one_file_is_several_in_order() -> None:
    changes = tuple(seen("job", f"j{i:04}", "failed", message="x" * 1900) for i in range(1000))
    found = list(spool.parcels("lab", [Batch(kind="job", changes=changes)], NOON))
    assert len(found) > 1
    assert all(len(msgspec.json.encode(one)) <= spool.LARGEST for one in found)
    assert [one for each in found for batch in each.batches for one in batch.changes] == [*changes]


# ---- taking in ------------------------------------------------------------------------------


def test_the_first_thing_a_source_ever_says_is_news_and_no_baseline(desk: Desk, put: Put) -> None:
    put(parcel(seen("task", "42", "failed"), seen("job", "nightly", "failed")))
    assert desk.check() == ["problem:backup/task/42", "problem:backup/job/nightly"]
    assert desk.heard() == ["problem:backup/task/42", "problem:backup/job/nightly"]
    assert list(desk.folder.iterdir()) == []


def test_what_was_pushed_applies_in_order(desk: Desk, put: Put) -> None:
    put(parcel(seen("host", "h", "offline")), parcel(seen("host", "h", "online")))
    put(parcel(seen("task", "1", "failed"), seen("task", "1", "completed")))
    assert desk.check() == [
        "problem:backup/task/1", "recovery:backup/task/1",
        "problem:backup/host/h", "recovery:backup/host/h",
    ]  # fmt: skip


def test_it_is_told_as_of_when_it_was_pushed(desk: Desk, put: Put) -> None:
    early = NOON - timedelta(minutes=90)
    put(parcel(seen("host", "h", "offline"), at=early))
    put(parcel(seen("host", "h", "online"), at=NOON - timedelta(minutes=30)))
    desk.check()
    problem, recovery = desk.news
    assert (problem.at, problem.opened) == (early, early)
    assert (recovery.at, recovery.opened) == (NOON - timedelta(minutes=30), early)


def test_what_comes_from_the_future_is_of_now(desk: Desk, put: Put) -> None:
    put(parcel(seen("host", "h", "offline"), at=NOON + timedelta(days=1)))
    desk.check()
    assert desk.news[0].at == NOON


def test_killed_between_the_commit_and_the_removal_nothing_applies_twice(
    desk: Desk, put: Put
) -> None:
    (path,) = put(parcel(seen("task", "42", "failed", attempt="1")))
    assert desk.check(clear=False) == ["problem:backup/task/42"]
    assert path.exists()
    assert desk.state.spool == {path.name: "taken"}
    put(parcel(seen("task", "42", "failed", attempt="2")))
    assert desk.check() == ["problem:backup/task/42"], "the second file, and only that"
    assert list(desk.folder.iterdir()) == []
    assert desk.check() == []
    assert desk.state.spool == {}


def test_killed_before_the_commit_nothing_is_lost(desk: Desk, put: Put) -> None:
    put(parcel(seen("task", "42", "failed")))
    before = desk.state
    desk.check(clear=False)
    desk.state = before
    assert desk.check() == ["problem:backup/task/42"]


def test_a_name_is_remembered_until_its_file_is_gone_for_good(
    desk: Desk, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = put(parcel(seen("task", "42", "failed")))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(OSError(30, "no")))
        desk.check()
        assert desk.said == [f"{path}: cannot be removed: no"]
        assert desk.check() == []
    assert desk.state.spool == {path.name: "taken"}
    assert desk.check() == []
    assert desk.state.spool == {}


ODD = {
    "not JSON": b"\x00\xff{",
    "cut in half": msgspec.json.encode(parcel(seen("job", "a", "failed")))[:80],
    "empty": b"",
    "of a newer version": msgspec.json.encode(parcel(version=2)),
    "a kind that is none": msgspec.json.encode(parcel(seen("door", "a", "failed"))),
    "a name that no source has": msgspec.json.encode(parcel(source="a b")),
    "in our own name": msgspec.json.encode(parcel(source="notifier")),
    "without an id": msgspec.json.encode(parcel(seen("job", "\u200b ", "failed"))),
    "too large": b" " * (spool.LARGEST + 1),
}


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD)
def test_what_cannot_be_taken_in_is_set_aside_and_told_once_and_blocks_nothing(
    raw: bytes, desk: Desk, put: Put
) -> None:
    put(parcel(seen("job", "good", "failed")))
    odd = desk.folder / f"{STAMP - 1:020d}-00000000.json"
    odd.write_bytes(raw)
    assert desk.check() == ["summary:notifier/state/spool", "problem:backup/job/good"]
    assert desk.news[0].severity == "critical"
    assert odd.name in desk.news[0].text
    assert "spool/aside" in desk.news[0].text
    assert [one.name for one in desk.folder.iterdir()] == ["aside"]
    assert (desk.folder / "aside" / odd.name).read_bytes() == raw
    assert desk.check() == []


def test_what_the_disk_will_not_give_now_waits_and_blocks_nothing(
    desk: Desk, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, _ = put(parcel(seen("job", "bad", "failed")), parcel(seen("job", "good", "failed")))
    real_open = os.open

    def broken(path: os.PathLike[str] | str, *args: int, **more: int) -> int:
        if os.fspath(path) == os.fspath(bad):
            raise OSError(errno.EIO, "Input/output error")
        return real_open(path, *args, **more)

    monkeypatch.setattr(os, "open", broken)
    assert desk.check() == ["problem:backup/job/good"]
    assert desk.unread
    assert desk.said == [f"{bad}: cannot be read: Input/output error; it waits"]
    monkeypatch.undo()
    assert desk.check() == ["problem:backup/job/bad"]
    assert (desk.said, desk.unread) == ([], False)


def test_what_nobody_of_us_put_there_is_set_aside_unopened(desk: Desk, put: Put) -> None:
    put(parcel(seen("job", "good", "failed")))
    (desk.folder / "notes.txt").write_text("x")
    os.mkfifo(desk.folder / f"{STAMP:020d}-00000000.json")
    (desk.folder / f"{STAMP:020d}-00000001.json").symlink_to("/etc/hostname")
    (desk.folder / f"{STAMP:020d}-00000002.json").mkdir()
    (desk.folder / os.fsdecode(b"\xff\xfe")).write_text("no text for a name")
    assert desk.check() == ["summary:notifier/state/spool", "problem:backup/job/good"]
    assert desk.news[0].text.startswith("5 files were pushed that cannot be read")
    assert [one.name for one in desk.folder.iterdir()] == ["aside"]
    assert len(list((desk.folder / "aside").iterdir())) == 5
    assert desk.check() == []


def test_killed_before_it_was_set_aside_it_is_not_told_again(desk: Desk, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "notes.txt").write_text("x")
    assert desk.check(clear=False) == ["summary:notifier/state/spool"]
    assert desk.check() == []
    (folder / "notes.txt").write_text("again, and another")
    assert desk.check() == ["summary:notifier/state/spool"]
    assert sorted(one.name for one in (folder / "aside").iterdir()) == ["notes.txt", "notes.txt+"]


def test_a_run_takes_in_so_many_and_says_how_many_wait(
    desk: Desk, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST", 2)
    put(*[parcel(seen("job", f"j{i}", "failed")) for i in range(5)])
    assert len(desk.check()) == 2
    assert desk.said == [f"{desk.folder}: 3 more files wait for the next run"]
    assert len(desk.check()) == 2
    assert desk.check() == ["problem:backup/job/j4"]
    assert desk.said == []


def test_what_an_interrupted_emit_left_goes_after_a_day(desk: Desk, put: Put) -> None:
    put(parcel(seen("job", "a", "failed")))
    new, old = (desk.folder / f".{STAMP:020d}-0000000{i}.json.new" for i in (1, 2))
    for path, age in ((new, 3600), (old, 90_000)):
        path.write_text("{")
        os.utime(path, (NOON.timestamp() - age,) * 2)
    assert desk.check() == ["problem:backup/job/a"]
    assert list(desk.folder.iterdir()) == [new]


def test_text_that_was_not_cleaned_by_emit_is_cleaned_here(desk: Desk, put: Put) -> None:
    hostile = {"name": "x\x1b[2J\u202e", "message": "password=hunter2 " + "y" * 5000}
    put(parcel(seen("job", "a\nb", "failed", link="javascript:alert(1)", **hostile)))
    desk.check()
    (event,) = desk.news
    assert event.thing == "backup/job/a b"
    shown = event.observation
    assert (shown.name, shown.link) == ("x", "")
    assert "hunter2" not in shown.message
    assert len(shown.message) == 2000


# ---- what was pushed lives on ---------------------------------------------------------------


def test_a_standing_thing_is_said_once_until_it_is_well(desk: Desk, put: Put) -> None:
    said = {
        "failed": "problem",
        "failed ": "",
        "online": "recovery",
        "online ": "",
        "lost": "problem",
    }
    for status, word in said.items():
        desk.later(hours=2)
        put(parcel(seen("host", "h", status.strip()), at=desk.now))
        assert desk.check() == ([f"{word}:backup/host/h"] if word else [])


def test_a_standing_thing_that_fails_in_another_attempt_is_told_again(desk: Desk, put: Put) -> None:
    for attempt in ("a", "b"):
        desk.later(hours=2)
        put(parcel(seen("unit", "web", "failed", attempt=attempt), at=desk.now))
        assert desk.check() == ["problem:backup/unit/web"]
        assert desk.news[0].reason == ("failed again" if attempt == "b" else "failed")


def test_what_was_pushed_is_reminded_of_though_nothing_new_comes(folder: Path, put: Put) -> None:
    route = Route(name="all", channels=["ops"], remind=[3600.0])
    desk = Desk(folder, configured(routes=[route]))
    put(parcel(seen("host", "h", "offline")))
    desk.check()
    assert desk.later(minutes=61).check() == ["reminder:backup/host/h"]


def test_flapping_by_pushes_ends_though_nothing_new_comes(desk: Desk, put: Put) -> None:
    for minute, status in enumerate(("offline", "online", "offline", "online")):
        put(parcel(seen("host", "h", status), at=NOON - timedelta(minutes=10 - minute)))
    assert desk.check() == [
        "problem:backup/host/h", "recovery:backup/host/h", "flapping_start:backup/host/h",
    ]  # fmt: skip
    assert desk.later(minutes=61).check() == ["flapping_end:backup/host/h"]


def test_what_was_pushed_says_nothing_of_a_source_that_cannot_be_read(desk: Desk, put: Put) -> None:
    gone = Unreadable(family="nodes", why="unreachable", reason="refused")
    desk.run(gone)
    desk.run(gone)
    assert desk.heard() == ["problem:river/source/river"]
    put(parcel(seen("task", "1", "failed"), source="river"))
    assert desk.check() == ["problem:river/task/1"]


def test_a_pushed_thing_changes_no_baseline_of_the_polled_ones(desk: Desk, put: Put) -> None:
    put(parcel(seen("node", "extra", "failed"), source="river"))
    desk.check()
    desk.heard()
    desk.run(listing("node", {"a": "online", "b": "offline"}))
    assert desk.heard() == ["summary:river/source/river"]
    desk.run(listing("node", {"a": "online", "b": "offline"}))
    assert desk.heard() == [], "and it is not missed in the listing"


def test_routes_match_what_was_pushed(folder: Path, put: Put) -> None:
    routes = [
        Route(name="backup", match={"source": "backup", "family": "tasks"}, channels=["chat"]),
        Route(name="rest", channels=["ops"]),
    ]
    desk = Desk(folder, configured(("ops", "chat"), routes))
    put(parcel(seen("job", "nightly", "failed")))
    desk.check()
    assert desk.heard("chat") == ["problem:backup/job/nightly"]


def test_what_has_ended_is_forgotten_after_thirty_days_and_what_is_open_is_not(
    desk: Desk, put: Put
) -> None:
    put(
        parcel(
            seen("task", "1", "completed"),
            seen("task", "2", "failed"),
            seen("host", "h", "offline"),
            seen("host", "well", "online"),
        )
    )
    desk.check()
    assert pushed.scopes_of(desk.state).keys() == {"backup/task", "backup/host"}
    desk.later(days=31).check()
    assert "backup/task" not in desk.state.things
    scope = desk.state.things["backup/host"].scopes["emit"]
    assert scope.statuses == {"offline": ["h"]}
    put(parcel(seen("host", "h", "online"), at=desk.now))
    assert desk.check() == ["recovery:backup/host/h"]
    desk.later(days=31).check()
    assert desk.state.things == {}


def test_of_what_has_ended_only_the_newest_names_are_kept(
    desk: Desk, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.diff.MOST_ENDED", 10)
    for batch in range(3):
        ended = (seen("task", f"{batch}-{i}", "completed") for i in range(9))
        put(parcel(*ended, at=NOON + timedelta(minutes=batch)))
        desk.later(minutes=1).check()
    statuses = desk.state.things["backup/task"].scopes["emit"].statuses
    assert len(statuses["completed"]) == 10
    assert sum(name.startswith("2-") for name in statuses["completed"]) == 9


def test_of_what_is_pushed_also_what_runs_makes_room(
    desk: Desk, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.diff.MOST_ENDED", 2)
    for number, name in enumerate("dcba"):
        put(parcel(seen("task", name, "running"), at=NOON + timedelta(minutes=number)))
        desk.later(minutes=1).check()
    statuses = desk.state.things["backup/task"].scopes["emit"].statuses
    assert statuses == {"running": ["b", "a"]}


def test_what_was_pushed_is_forgotten_beside_what_is_polled(desk: Desk, put: Put) -> None:
    polled = listing("task", {"1": "running"})
    desk.run(polled)
    put(parcel(seen("task", "2", "completed"), source="river"))
    desk.check()
    assert desk.state.things["river/task"].scopes.keys() == {"", "emit"}
    desk.later(days=31).check()
    assert desk.state.things["river/task"].scopes.keys() == {""}


def test_a_run_without_anything_pushed_changes_nothing(desk: Desk, put: Put) -> None:
    put(parcel(seen("host", "h", "online")))
    desk.check()
    desk.check()
    before = desk.state
    desk.later(minutes=5).check()
    assert desk.state == before


# ---- words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "word", "health"),
    [
        ("task", "running", "active"), ("host", "running", "ok"), ("unit", "Active", "ok"),
        ("task", "down", "failed"), ("host", "down", "down"), ("task", "slow", "failed"),
        ("service", "slow", "degraded"), ("job", "cancelled", "cancelled"),
        ("job", "fialed", "unknown"), ("task", "TIMEOUT ", "failed"),
    ],
)  # fmt: skip
def test_a_word_means_what_the_kind_can_be(kind: str, word: str, health: str) -> None:
    assert pushed.health_of(pushed.KINDS[kind], word) == health


def test_no_word_means_two_things() -> None:
    words = [word for words in pushed.WORDS.values() for word in words]
    assert len(words) == len(set(words))


def test_the_state_keeps_the_scope_of_what_was_pushed() -> None:
    assert pushed.is_pushed("emit")
    assert pushed.is_pushed("emit:bench 1")
    assert not pushed.is_pushed("")
    assert not pushed.is_pushed("emitter")
    assert pushed.families(State()) == {}
