"""The state's folder: locked, committed whole or not at all, and never taken for what it is not."""

import json
import os
import resource
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier import files
from notifier.errors import Exit, LockedError, StateError
from notifier.memory import ChannelState, Origin, State
from notifier.people import Ack, People
from notifier.state import LookTime, Store

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "notifier" / "state.json")


def committed(store: Store, *counters: int) -> Store:
    """A store in which these generations were committed, one after the other."""
    with store.lock(0):
        for counter in counters:
            store.load()
            store.commit(State(id="n1", counter=counter))
    return store


def again(store: Store) -> Store:
    """The same store as the next run sees it."""
    return Store(store.path)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# ---- generations ----------------------------------------------------------------------------


def test_a_first_run_begins_with_a_state_of_a_name_of_its_own(store: Store) -> None:
    (one, origin), (other, _) = store.load(), store.load()
    assert origin == "fresh"
    assert one.id != other.id
    assert msgspec.structs.replace(one, id="") == State()


def test_what_was_committed_is_loaded(store: Store) -> None:
    committed(store, 7)
    assert again(store).load() == (State(id="n1", counter=7), "current")


def test_the_document_is_readable_and_has_a_version(store: Store) -> None:
    committed(store, 7)
    text = store.path.read_text()
    assert json.loads(text)["version"] == 1
    assert '\n "counter": 7,\n' in text


def test_the_generation_before_is_kept(store: Store) -> None:
    committed(store, 1, 2, 3)
    assert json.loads(store.path.read_bytes())["counter"] == 3
    assert json.loads(store.former.read_bytes())["counter"] == 2


DAMAGES: list[bytes] = [
    b"", b"{", b"null", b"[]", b"{}", b'{"version":"1"}', b'{"version":0}', b'{"version":-1}',
    b'{"version":1,"counter":"x"}', b'{"version":1,"things":{"a":[]}}', b"\x00" * 4096,
    b"\xff\xfe", b'{"version":1,"id":"\xff"}', b"[" * 100_000, b'{"version":1} {"version":1}',
    b'{"version":1,"watched":{"a":{"since":"2026-11-22T12:00:00"}}}'[:-1],
]  # fmt: skip


@pytest.mark.parametrize("damage", [*DAMAGES, None], ids=lambda raw: repr(raw)[:40])
def test_a_bad_file_gives_the_generation_before(damage: bytes | None, store: Store) -> None:
    committed(store, 1, 2)
    if damage is None:
        store.path.unlink()
    else:
        store.path.write_bytes(damage)
    assert again(store).load() == (State(id="n1", counter=1), "former")


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda raw: repr(raw)[:40])
def test_where_no_generation_is_sound_nothing_is_touched(damage: bytes, store: Store) -> None:
    committed(store, 1, 2)
    store.path.write_bytes(damage)
    store.former.write_bytes(damage[:-1])
    before = content(store.folder)
    with again(store).lock(0), pytest.raises(StateError) as found:
        again(store).load()
    assert found.value.code == Exit.STATE == 74
    assert str(found.value) == (
        f"{store.path} is damaged and {store.former} is damaged, and there is no other generation; "
        "nothing was touched. To begin anew: notifier state reset --yes"
    )
    assert content(store.folder) == before


def test_a_bad_file_alone_is_no_first_run(store: Store) -> None:
    committed(store, 1)
    store.path.write_bytes(b"{")
    with pytest.raises(StateError, match=r"state.json is damaged, and there is no other"):
        again(store).load()


def test_a_bad_former_generation_alone_is_no_first_run(store: Store) -> None:
    committed(store, 1, 2)
    store.path.unlink()
    store.former.write_bytes(b"{")
    with pytest.raises(StateError, match=r"state.json.prev is damaged, and there is no other"):
        again(store).load()


@pytest.mark.parametrize("name", ["state.json", "state.json.prev"])
def test_what_a_newer_version_wrote_is_refused_and_not_touched(name: str, store: Store) -> None:
    committed(store, 1, 2)
    store.path.write_bytes(b"{")
    (store.folder / name).write_bytes(b'{"version": 2, "marvels": [1]}')
    before = content(store.folder)
    with again(store).lock(0), pytest.raises(StateError, match=r"newer Notifier.*untouched"):
        again(store).load()
    assert content(store.folder) == before


@pytest.mark.parametrize("name", ["looks.json", "journal.jsonl"])
def test_our_other_files_without_a_state_are_a_loss(name: str, store: Store) -> None:
    committed(store, 1, 2)
    for path in (store.path, store.former):
        path.unlink()
    (store.folder / name).write_text("{}")
    assert again(store).load()[1] == "lost"


def test_the_generation_that_was_loaded_is_not_lost_to_the_bad_one(store: Store) -> None:
    """A kill in the next commit must find one sound generation, at every instruction."""
    committed(store, 1, 2)
    store.path.write_bytes(b"{")
    next_run = again(store)
    with next_run.lock(0):
        state, origin = next_run.load()
        assert origin == "former"
        next_run.commit(msgspec.structs.replace(state, counter=3))
    assert json.loads(store.former.read_bytes())["counter"] == 1
    assert json.loads(store.path.read_bytes())["counter"] == 3
    committed(again(store), 4)
    assert json.loads(store.former.read_bytes())["counter"] == 3


# ---- the commit -----------------------------------------------------------------------------

STEPS = ("open", "fsync", "link", "replace", "replace", "open", "fsync")


@contextmanager
def steps(monkeypatch: pytest.MonkeyPatch, broken: int = -1) -> Iterator[list[str]]:
    """Records what is asked of the system; call number `broken` of STEPS finds the disk full."""
    seen: list[str] = []

    def watched(name: str) -> Callable[..., Any]:
        usual = getattr(os, name)

        def step(*args: Any, **more: Any) -> Any:
            reading = name == "open" and not args[1] & (os.O_CREAT | os.O_DIRECTORY)
            if not reading:
                seen.append(name)
                if len(seen) == broken + 1:
                    raise OSError(28, "No space left on device", str(args[0]))
            return usual(*args, **more)

        return step

    with monkeypatch.context() as patch:
        for name in set(STEPS):
            patch.setattr(os, name, watched(name))
        yield seen


def test_a_commit_writes_syncs_links_renames_and_syncs_the_folder(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(store, 1, 2)
    with steps(monkeypatch) as seen:
        store.commit(State(id="n1", counter=3))
    assert tuple(seen) == STEPS


@pytest.mark.parametrize("broken", range(len(STEPS) - 2))
def test_a_full_disk_leaves_the_state_as_it_was_and_the_next_run_goes_on(
    broken: int, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(store, 1, 2)
    before = store.path.read_bytes()
    with steps(monkeypatch, broken), pytest.raises(StateError) as found:
        store.commit(State(id="n1", counter=3))
    assert str(found.value) == f"{store.path}: cannot be written: No space left on device"
    assert store.path.read_bytes() == before
    assert json.loads(store.former.read_bytes())["counter"] in (1, 2)
    assert not files.beside(store.path, ".new").exists()
    committed(again(store), 3, 4)
    assert json.loads(store.path.read_bytes())["counter"] == 4
    assert json.loads(store.former.read_bytes())["counter"] == 3


@pytest.mark.parametrize("broken", [len(STEPS) - 2, len(STEPS) - 1])
def test_a_folder_that_cannot_be_synced_is_an_error(
    broken: int, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(store, 1, 2)
    with steps(monkeypatch, broken), pytest.raises(StateError, match="No space left"):
        store.commit(State(id="n1", counter=3))
    assert again(store).load()[0].counter == 3


def test_a_write_that_the_system_cuts_short_leaves_the_state_as_it_was(store: Store) -> None:
    committed(store, 1, 2)
    before = content(store.folder)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, old[1]))
    try:
        with pytest.raises(StateError, match="cannot be written: File too large"):
            store.commit(State(id="n1", counter=3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert content(store.folder) == before


def test_what_a_killed_run_left_behind_does_not_disturb(store: Store) -> None:
    committed(store, 1, 2)
    for name in ("state.json.new", "state.json.prev.new", "looks.json.new", "operator.json.new"):
        (store.folder / name).write_bytes(b"{half")
    committed(again(store), 3)
    store.write_looks({})
    with store.deciding(0) as decide:
        decide(People())
    assert again(store).load()[0].counter == 3
    assert json.loads(store.former.read_bytes())["counter"] == 2


def test_a_file_system_without_hard_links_keeps_a_copy(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", unknown)
    committed(store, 1, 2)
    assert json.loads(store.former.read_bytes())["counter"] == 1
    assert mode(store.former) == 0o600


def test_a_file_system_that_cannot_sync_a_folder_is_none_the_worse(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = os.fsync

    def sync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(22, "Invalid argument")
        usual(handle)

    monkeypatch.setattr(os, "fsync", sync)
    assert again(committed(store, 1)).load()[0].counter == 1


KILLS = """
import os, sys
from pathlib import Path
from notifier.memory import State
from notifier.state import Store

def dying(usual):
    def call(*args, **more):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return usual(*args, **more)
    return call

path = Path(sys.argv[1])
for torn in (False, True):
    for kill in range(9):
        if torn:
            path.write_bytes(b"{torn")
        child = os.fork()
        if not child:
            left, store = kill, Store(path)
            state, _ = store.load()
            for name in ("fsync", "link", "replace", "unlink"):
                setattr(os, name, dying(getattr(os, name)))
            store.commit(State(id="n1", counter=state.counter + 1))
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(torn, kill, code, Store(path).load()[0].counter)
"""


def test_killed_at_any_step_of_a_commit_a_sound_generation_is_left(store: Store) -> None:
    committed(store, 1, 2)
    done = subprocess.run(
        [sys.executable, "-c", KILLS, str(store.path)], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == "", "a state could not be loaded"
    rows = [line.split() for line in done.stdout.splitlines()]
    assert len(rows) == 18
    for torn in ("False", "True"):
        codes = [row[2] for row in rows if row[0] == torn]
        assert codes[0] == "9"
        assert codes[-1] == "0", "the last of them must have come through"
        assert codes.count("9") >= 4
    whole = [int(row[3]) for row in rows if row[0] == "False"]
    assert whole == sorted(whole), "a commit that was seen is never lost again"


# ---- whose folder it is ---------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o277, 0o777])
def test_folder_and_files_are_ours_alone_whatever_the_umask(umask: int, store: Store) -> None:
    before = os.umask(umask)
    try:
        committed(store, 1, 2)
        store.write_looks({"river/tasks": LookTime(started=NOON, took=1.0)})
        with store.deciding(0) as decide:
            decide(People())
    finally:
        os.umask(before)
    assert mode(store.folder) == 0o700
    found = {path.name: mode(path) for path in store.folder.iterdir()}
    assert found == dict.fromkeys(
        ("state.json", "state.json.prev", "state.json.lock", "looks.json", "operator.json",
         "operator.lock"), 0o600,
    )  # fmt: skip


def test_a_folder_that_is_there_keeps_its_mode(store: Store) -> None:
    store.folder.mkdir(mode=0o755)
    committed(store, 1)
    assert mode(store.folder) == 0o755


def refused(store: Store) -> str:
    with pytest.raises(StateError) as found, store.lock(0):
        pass
    assert "\n" not in str(found.value)
    return str(found.value)


def test_a_folder_in_which_everybody_may_write_is_refused(store: Store) -> None:
    store.folder.mkdir()
    store.folder.chmod(0o1777)
    assert refused(store) == f"{store.folder}: everybody may write here; chmod o-w it first"
    assert list(store.folder.iterdir()) == []


@pytest.mark.parametrize("name", ["state.json", "state.json.prev", "state.json.lock"])
def test_a_symbolic_link_is_refused_and_its_target_untouched(name: str, store: Store) -> None:
    target = store.folder.parent / "precious"
    target.write_text("precious")
    store.folder.mkdir(mode=0o700)
    (store.folder / name).symlink_to(target)
    path = store.folder / name
    assert refused(store) == f"{path}: is a symbolic link, and the state never follows one"
    if name != "state.json.lock":
        with pytest.raises(StateError, match="is a symbolic link"):
            store.load()
    assert target.read_text() == "precious"


def test_a_link_that_stands_where_we_write_is_replaced_not_followed(store: Store) -> None:
    target = store.folder.parent / "precious"
    target.write_text("precious")
    committed(store, 1)
    for name in ("state.json.new", "state.json.prev.new"):
        (store.folder / name).symlink_to(target)
    committed(again(store), 2)
    assert target.read_text() == "precious"
    assert again(store).load()[0].counter == 2


@pytest.mark.parametrize("name", ["", "state.json", "state.json.lock"])
def test_what_belongs_to_somebody_else_is_refused_by_the_owners_name(
    name: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(store, 1)
    theirs = store.folder / name if name else store.folder
    usual, uid = Path.stat, os.geteuid()

    def seen(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = usual(path, follow_symlinks=follow_symlinks)
        if path != theirs:
            return found
        return os.stat_result((*found[:4], 4_000_000_123, *found[5:]))

    monkeypatch.setattr(Path, "stat", seen)
    # root may write everywhere, anybody else has to be kept out
    monkeypatch.setattr(os, "access", lambda *_: bool(name))
    line = refused(store)
    assert line.startswith(f"{theirs} belongs to user 4000000123, and this is ")
    assert line.endswith("run as that user (sudo -u #4000000123 notifier ...)")
    assert uid == os.geteuid()


def test_root_does_not_take_over_the_folder_of_a_user(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of root in it would lock its owner out."""
    store.folder.mkdir(mode=0o700)
    usual = Path.stat

    def seen(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = usual(path, follow_symlinks=follow_symlinks)
        return os.stat_result((*found[:4], 4_000_000_123, *found[5:]))

    monkeypatch.setattr(Path, "stat", seen)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "belongs to user 4000000123, and this is root" in refused(store)
    assert list(store.folder.iterdir()) == []


def test_a_folder_of_ours_that_is_read_only_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(store, 1)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert refused(store) == f"{store.folder}: is read-only"


def test_a_state_that_may_not_be_read_is_told_with_its_owner(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(store, 1)

    def denied(path: Path, *_: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(StateError) as ours:
        store.load()
    assert str(ours.value) == f"{store.path}: cannot be read: Permission denied"
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_123)
    with pytest.raises(StateError, match=r"state.json belongs to .*, and this is user 4000000123"):
        store.load()


def test_a_file_where_the_folder_should_be_is_one_line(store: Store) -> None:
    store.folder.write_text("")
    assert refused(store) == f"{store.folder}: is no folder"


def test_a_folder_where_the_state_should_be_is_one_line(store: Store) -> None:
    store.path.mkdir(parents=True)
    with pytest.raises(StateError, match=r"state.json: cannot be read: Is a directory"):
        store.load()


# ---- the lock -------------------------------------------------------------------------------


def test_a_second_run_is_told_that_the_lock_is_held(store: Store) -> None:
    with store.lock(0) as waited, pytest.raises(LockedError) as found, again(store).lock(0):
        pass
    assert not waited
    assert found.value.code == Exit.LOCKED == 75
    assert str(found.value) == f"another run holds {store.path}.lock"


def test_a_run_that_had_to_wait_knows_it(store: Store) -> None:
    held, free = threading.Event(), threading.Event()

    def first() -> None:
        with store.lock(0):
            held.set()
            free.wait(20)

    thread = threading.Thread(target=first)
    thread.start()
    assert held.wait(20)
    threading.Timer(0.05, free.set).start()
    with again(store).lock(20) as waited:
        assert waited
    thread.join(20)


def test_the_lock_of_a_run_that_failed_is_free(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.lock(0):
        raise ZeroDivisionError
    with again(store).lock(0) as waited:
        assert not waited


def test_deciding_does_not_wait_for_a_run(store: Store) -> None:
    with store.lock(0), again(store).deciding(0) as decide:
        decide(People(acks={"i-1": Ack(at=NOON, author="anna", comment="on it")}))
    assert store.people().acks["i-1"].author == "anna"


def test_two_do_not_decide_at_once(store: Store) -> None:
    with store.deciding(0), pytest.raises(LockedError), again(store).deciding(0):
        pass


# ---- what else lies there -------------------------------------------------------------------


def test_what_people_decided_is_never_taken_for_nothing(store: Store) -> None:
    assert store.people() == People()
    store.folder.mkdir(mode=0o700)
    store.people_path.write_bytes(b"{")
    with pytest.raises(StateError, match=r"operator.json is damaged; mend it or move it away"):
        store.people()
    assert store.people_path.read_bytes() == b"{"


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b'{"a":{"started":3}}', b"[" * 100_000, b"\xff",
     b'{"river/tasks":{"started":"2026-11-22T12:00:00","took":1}}'],
)  # fmt: skip
def test_bad_looks_mean_never_looked(raw: bytes, store: Store) -> None:
    committed(store, 1)
    store.looks_path.write_bytes(raw)
    assert store.looks() == {}


def test_looks_come_back_as_they_were_written(store: Store) -> None:
    committed(store, 1)
    looks = {
        "river/tasks": LookTime(
            started=NOON, took=2.5, rest_until=NOON + timedelta(minutes=1), trouble="no answer"
        )
    }
    store.write_looks(looks)
    assert again(store).looks() == looks


def test_a_failure_to_write_looks_is_an_oserror_that_a_run_can_ignore(store: Store) -> None:
    with pytest.raises(OSError, match="No such file"):
        store.write_looks({})


# ---- reset ----------------------------------------------------------------------------------


def test_a_reset_puts_both_generations_aside_and_begins_anew(store: Store) -> None:
    committed(store, 1, 2)
    store.write_looks({})
    before = content(store.folder)
    with store.lock(0):
        moved = store.reset(NOON)
    assert [path.name for path in moved] == [
        "state.json.20261122T120000Z", "state.json.prev.20261122T120000Z",
    ]  # fmt: skip
    assert moved[0].read_bytes() == before["state.json"]
    assert moved[1].read_bytes() == before["state.json.prev"]
    assert not store.looks_path.exists()
    state, origin = again(store).load()
    assert (origin, state.counter, state.incidents) == ("current", 0, {})
    assert state.id != "n1"


def test_a_reset_frees_what_was_bad_and_keeps_it(store: Store) -> None:
    committed(store, 1, 2)
    store.path.write_bytes(b"{torn")
    store.former.write_bytes(b'{"version": 9}')
    with store.lock(0):
        moved = store.reset(NOON)
    assert [path.read_bytes() for path in moved] == [b"{torn", b'{"version": 9}']
    assert again(store).load()[1] == "current"


def test_a_second_reset_in_the_same_second_overwrites_nothing(store: Store) -> None:
    committed(store, 1)
    with store.lock(0):
        first, second = store.reset(NOON), store.reset(NOON)
    assert not {*first} & {*second}
    assert json.loads(first[0].read_bytes())["counter"] == 1


def test_a_reset_of_nothing_is_a_beginning(store: Store) -> None:
    with store.lock(0):
        assert store.reset(NOON) == []
    assert again(store).load()[1] == "current"


# ---- properties -----------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT, bool: st.booleans(), int: st.integers(0, 2**40), Any: JSON,
    float: st.floats(allow_nan=False, allow_infinity=False),
    datetime: st.integers(0, 2**33).map(lambda at: datetime.fromtimestamp(at, UTC)),
    type(None): st.none(),
}  # fmt: skip


def of(wanted: Any) -> st.SearchStrategy[Any]:
    """Values of a type as the state's structs use it."""
    if wanted in PLAIN:
        return PLAIN[wanted]
    inner, origin = get_args(wanted), get_origin(wanted)
    if origin is Annotated:
        return of(inner[0])
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is dict:
        return st.dictionaries(of(inner[0]), of(inner[1]), max_size=2)
    if origin is list:
        return st.lists(of(inner[0]), max_size=2)
    if origin is tuple:
        return st.lists(of(inner[0]), max_size=2).map(tuple)
    if origin is Union or origin is type(int | str):
        return st.one_of([of(one) for one in inner])
    fields = {field.name: of(field.type) for field in msgspec.structs.fields(wanted)}
    return st.builds(wanted, **fields)


STATES = st.deferred(lambda: of(State)).map(lambda state: msgspec.structs.replace(state, version=1))
FAST = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("shared") / "notifier" / "state.json")
    return committed(store, 1)


@FAST
@given(state=STATES)
def test_every_state_comes_back_as_it_was_committed(shared: Store, state: State) -> None:
    store = again(shared)
    store.load()
    store.commit(state)
    assert again(shared).load() == (state, "current")


def loaded(store: Store, raw: bytes) -> Origin | None:
    store.path.write_bytes(raw)
    try:
        return again(store).load()[1]
    except StateError as error:
        assert "newer" in str(error)
        return None


@FAST
@given(raw=st.binary(max_size=80))
def test_any_bytes_give_the_former_generation(shared: Store, raw: bytes) -> None:
    committed(again(shared), 1, 2)
    assert loaded(shared, raw) == "former"


@FAST
@given(state=STATES, where=st.floats(0, 1), patch=st.binary(max_size=6), cut=st.booleans())
def test_a_torn_or_overwritten_state_is_never_another_error(
    shared: Store, state: State, where: float, patch: bytes, cut: bool
) -> None:
    committed(again(shared), 1, 2)
    raw = msgspec.json.encode(state)
    at = int(where * len(raw))
    torn = raw[:at] + patch + (b"" if cut else raw[at + len(patch) :])
    assert loaded(shared, torn) in ("current", "former", None)


def test_a_channels_whole_state_survives(store: Store) -> None:
    one = ChannelState(failing_since=NOON, failures=3, failed_at=NOON, hold=90.5, reason="smtp 421")
    with store.lock(0):
        store.commit(State(id="n1", channels={"ops": one}))
    assert again(store).load()[0].channels == {"ops": one}


# ---- what stands in the way -----------------------------------------------------------------


def test_a_lock_that_cannot_be_taken_is_one_line(store: Store) -> None:
    committed(store, 1)
    store.path.with_name("state.json.lock").unlink()
    store.path.with_name("state.json.lock").mkdir()
    with (
        pytest.raises(StateError, match=r"state\.json\.lock: cannot be locked: Is a directory"),
        store.lock(0),
    ):
        pass


def test_decisions_that_cannot_be_locked_are_one_line(store: Store) -> None:
    committed(store, 1)
    store.path.with_name("operator.lock").mkdir()
    with (
        pytest.raises(StateError, match=r"operator\.lock: cannot be locked: Is a directory"),
        store.deciding(0),
    ):
        pass


def test_a_file_system_that_knows_no_locks_is_one_line(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def acquire(*args: object, **more: object) -> None:
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr("filelock.FileLock.acquire", acquire)
    with pytest.raises(StateError, match="cannot be locked: FileSystem does not"), store.lock(0):
        pass


def test_a_reset_that_cannot_put_everything_aside_says_what(store: Store) -> None:
    committed(store, 1)
    store.looks_path.mkdir()
    with store.lock(0), pytest.raises(StateError, match=r"looks\.json: cannot be put aside: Is a"):
        store.reset(NOON)
