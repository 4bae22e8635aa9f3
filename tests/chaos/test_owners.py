"""Who may push: root, the state's owner, a group that was let in, and nobody else. As root only."""

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from world import NOON, config, thing

from notifier import intake, spool
from notifier.errors import StateError
from notifier.memory import State
from notifier.pushed import Batch, Parcel

OWNER, MEMBER, STRANGER = 54321, 54322, 54323

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@pytest.fixture
def folder() -> Iterator[Path]:
    """The spool of a state that is the owner's, in a folder that everybody can reach."""
    home = Path(tempfile.mkdtemp())
    home.chmod(0o755)
    state = home / "state"
    state.mkdir(mode=0o700)
    os.chown(state, OWNER, OWNER)
    yield state / "spool"
    shutil.rmtree(home)


def told_by(user: int, groups: Sequence[int], do: Callable[[], str]) -> str:
    """What `do` returns in a process of this user."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if user:
                os.setgroups(groups)
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
            os.write(writer, do().encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as told:
        return told.read()


def push(folder: Path, user: int, *groups: int) -> str:
    """What came of it when this user pushed: `done`, or the one line."""

    def put() -> str:
        batch = Batch(kind="job", changes=(thing("job", f"by-{user}", "failed"),))
        try:
            spool.put(folder, [Parcel(at=NOON, source="backup", batches=(batch,))], 1)
        except StateError as error:
            return str(error)
        return "done"

    return told_by(user, groups, put)


def taken(folder: Path) -> list[str]:
    """The things that the owner finds there, and what could not be taken in or removed."""

    def take() -> str:
        found = intake.take(folder, State(), config(), NOON)
        ids = [one.id for look in found.looks for s in look.snapshots for one in s.changes or ()]
        left = intake.clear(folder, State(spool=found.names), NOON, []).spool
        return "\n".join([*ids, *found.aside.values(), *left])

    return told_by(OWNER, [], take).splitlines()


def test_what_root_pushes_is_the_owners(folder: Path) -> None:
    assert push(folder, 0) == "done"
    assert push(folder, OWNER) == "done"
    assert folder.stat().st_uid == OWNER
    assert {path.stat().st_uid for path in folder.iterdir()} == {OWNER}
    assert taken(folder) == ["by-0", f"by-{OWNER}"]
    assert list(folder.iterdir()) == []


def test_a_stranger_is_told_how_to_be_let_in(folder: Path) -> None:
    assert "not open to user 54323: emit as root or as user 54321, or let a group in" in push(
        folder, STRANGER
    )


def test_a_group_that_was_let_in_can_push_and_not_take_away(folder: Path) -> None:
    push(folder, 0)
    folder.parent.chmod(0o710)
    folder.chmod(0o3770)
    assert push(folder, MEMBER, OWNER) == "done"
    (mine,) = (path for path in folder.iterdir() if path.stat().st_uid == MEMBER)
    assert (mine.stat().st_gid, stat.S_IMODE(mine.stat().st_mode)) == (OWNER, 0o640)
    assert "not open to" in push(folder, STRANGER)
    assert taken(folder) == ["by-0", f"by-{MEMBER}"]
    assert list(folder.iterdir()) == []
