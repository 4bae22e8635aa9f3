"""Files that are renamed, cut, copied, replaced and removed between looks, and odd ones."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from sources.streams import Lab, lucifer

from notifier.model import Unreadable
from notifier.sources import _lucifer_find, _lucifer_same


def counts(lab: Lab, name: str = "1") -> tuple[int, int]:
    task = lab.cursor.get("tasks", {}).get(name, {})
    return task.get("passed", 0), task.get("failed", 0)


def remade(lab: Lab, **settings: Any) -> Lab:
    lab.settings = lucifer.Settings(**{"type": "lucifer", "paths": lab.settings.paths} | settings)
    return lab


def begun(lab: Lab) -> Lab:
    """A lab with a task of which something was read."""
    lab.look()
    lab.lines("1.events", "starting", "running", "test_passed a", "test_failed b")
    lab.later().look()
    return lab


# ---- rotation ---------------------------------------------------------------------------------


def test_nothing_new_is_nothing_said_and_the_same_cursor(lab: Lab) -> None:
    begun(lab)
    before = lab.cursor
    lab.later().look()
    assert lab.seen() == []
    assert lab.cursor == before


def test_a_renamed_file_is_read_to_its_end_and_its_successor_from_its_beginning(lab: Lab) -> None:
    path = begun(lab).folder / "1.events"
    lab.lines("1.events", "test_failed c")
    path.rename(lab.folder / "1.events.1")
    lab.later().lines("1.events", "test_failed d", "completed")
    lab.look()
    assert lab.said() == ["1 ended: 3 of 4 tests failed: b, c, d"]
    assert lab.remarks() == []


def test_who_still_writes_to_the_renamed_file_is_heard(lab: Lab) -> None:
    path = begun(lab).folder / "1.events"
    with path.open("ab", buffering=0) as writer:
        path.rename(lab.folder / "1.events.1")
        lab.later().look()
        writer.write(b"test_failed c\n")
        lab.later().look()
        (lab.folder / "1.events.1").rename(lab.folder / "1.events.2")
        writer.write(b"completed\n")
        lab.later().look()
    assert lab.said() == ["1 ended: 2 of 3 tests failed: b, c"]


def test_rotated_files_that_a_pattern_fits_are_one_task(lab: Lab) -> None:
    remade(lab, paths=[f"{lab.folder}/*.events*"])
    begun(lab)
    lab.lines("1.events", "test_failed c")
    (lab.folder / "1.events").rename(lab.folder / "1.events.1")
    lab.later().lines("1.events", "test_failed d", "completed")
    lab.look()
    assert lab.said() == ["1 ended: 3 of 4 tests failed: b, c, d"]
    (lab.folder / "1.events.1").rename(lab.folder / "1.events.2")
    (lab.folder / "1.events").rename(lab.folder / "1.events.1")
    lab.later().look()
    assert lab.seen() == []
    assert counts(lab) == (1, 3)


def test_rotated_files_that_are_first_seen_together_are_read_oldest_first(lab: Lab) -> None:
    remade(lab, paths=[f"{lab.folder}/*.events*"])
    lab.look()
    lab.lines("1.events.2", "starting", "running")
    lab.lines("1.events.1", "test_failed a")
    lab.lines("1.events", "completed")
    lab.later().look()
    assert lab.said() == ["1 ended: 1 of 1 test failed: a"]


def test_a_copy_before_a_cut_is_read_on_and_the_file_anew(lab: Lab) -> None:
    path = begun(lab).folder / "1.events"
    lab.lines("1.events", "test_failed c")
    lab.write("1.events.1", path.read_bytes())
    os.truncate(path, 0)
    lab.later().lines("1.events", "test_failed d", "completed")
    lab.look()
    assert lab.said() == ["1 ended: at least 3 of 4 tests failed: b, c, d"]
    assert lab.remarks() == [
        "a file of running tasks was cut or replaced: what was written between the last look "
        f"and that cannot be known ({path})"
    ]


@pytest.mark.parametrize("glob", ["*.events", "*.events*"])
def test_a_copy_is_not_counted_again_whether_a_pattern_fits_it_or_not(glob: str, lab: Lab) -> None:
    remade(lab, paths=[f"{lab.folder}/{glob}"])
    path = begun(lab).folder / "1.events"
    lab.write("1.events.1", path.read_bytes())
    lab.later().look()
    assert lab.seen() == lab.remarks() == []
    assert counts(lab) == (1, 1)
    os.truncate(path, 0)
    lab.later().lines("1.events", "test_failed d")
    lab.look()
    assert counts(lab) == (1, 2)
    for number in (1, 2):
        (lab.folder / f"1.events.{number}").rename(lab.folder / f"1.events.{number + 1}")
        lab.later().look()
        assert lab.seen() == []
    assert counts(lab) == (1, 2)


@pytest.mark.parametrize("glob", ["*.events", "*.events*"])
def test_several_rotations_between_two_looks_lose_nothing(glob: str, lab: Lab) -> None:
    remade(lab, paths=[f"{lab.folder}/{glob}"])
    path = begun(lab).folder / "1.events"
    for name in "cde":
        lab.later(seconds=1).lines("1.events", f"test_failed {name}")
        for number in (3, 2, 1):
            if (old := lab.folder / f"1.events.{number}").exists():
                old.rename(lab.folder / f"1.events.{number + 1}")
        path.rename(lab.folder / "1.events.1")
    lab.later(seconds=1).lines("1.events", "completed")
    lab.later().look()
    assert lab.said() == ["1 ended: 4 of 5 tests failed: b, c, d, e"]
    assert lab.remarks() == []


def test_a_copy_in_the_place_of_the_oldest_of_a_rotation_is_read(lab: Lab, tmp_path: Path) -> None:
    path = begun(lab).folder / "1.events"
    path.rename(lab.folder / "1.events.1")
    lab.later().lines("1.events", "test_failed c")
    lab.look()
    # moved, so that its inode is not given out again
    (lab.folder / "1.events.1").rename(tmp_path / "gone")
    lab.later().lines("1.events", "test_failed d")
    lab.write("1.events.1", path.read_bytes())
    os.truncate(path, 0)
    lab.lines("1.events", "completed")
    lab.later().look()
    assert lab.said() == ["1 ended: at least 3 of 4 tests failed: b, c, d"]


def test_what_was_packed_before_it_was_read_is_told(lab: Lab) -> None:
    path = begun(lab).folder / "1.events"
    path.rename(lab.folder / "1.events.2")
    lab.later(seconds=1).write("1.events.1.gz", b"\x1f\x8b")
    lab.lines("1.events", "completed")
    lab.later().look()
    assert len(lab.remarks()) == 1
    assert lab.said() == ["1 ended: at least 1 of 2 tests failed: b"]


def test_a_cut_without_a_copy_is_told(lab: Lab) -> None:
    path = begun(lab).folder / "1.events"
    os.truncate(path, 0)
    lab.later().look()
    assert len(lab.remarks()) == 1
    lab.lines("1.events", "completed")
    lab.later().look()
    assert lab.remarks() == []
    assert lab.said() == ["1 ended: at least 1 of 2 tests failed: b"]
    assert lab.seen("task")[0].labels["events"] == "some are missing: its file was cut"


def test_a_file_cut_and_grown_past_the_old_place_is_known_as_cut(lab: Lab) -> None:
    path = begun(lab).folder / "1.events"
    os.truncate(path, 0)
    lab.later().lines("1.events", *(f"test_failed new-{n}" for n in range(20)))
    lab.look()
    assert counts(lab) == (1, 21)
    assert len(lab.remarks()) == 1


def test_a_finished_file_that_is_cut_is_not_worth_a_word(lab: Lab) -> None:
    begun(lab).lines("1.events", "completed")
    lab.later().look()
    os.truncate(lab.folder / "1.events", 0)
    lab.later().look()
    assert lab.remarks() == lab.seen() == []


# ---- replaced, moved to another device --------------------------------------------------------


def test_a_file_replaced_by_another_is_read_anew_and_that_is_told(lab: Lab) -> None:
    path = begun(lab).folder / "1.events"
    path.unlink()
    lab.later().write("2.other", "keeps the inode from being given out again")
    longer = "".join(f"test_passed {number}\n" for number in range(50))
    lab.write("new", f"{longer}test_failed z\ncompleted\n").rename(path)
    lab.look()
    assert lab.said() == ["1 ended: at least 2 of 53 tests failed: b, z"]
    assert len(lab.remarks()) == 1


def test_a_file_replaced_by_its_own_copy_is_read_on(lab: Lab) -> None:
    path = begun(lab).folder / "1.events"
    copy = lab.write("copy", path.read_bytes() + b"test_failed c\n")
    copy.rename(path)
    lab.later().look()
    assert counts(lab) == (1, 2)
    assert lab.remarks() == []


def test_a_file_system_that_is_mounted_under_another_number_is_no_news(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(lab)
    for names in lab.cursor["files"].values():
        for file in names.values():
            file[2] += 1
    lab.lines("1.events", "test_failed c")
    lab.later().look()
    assert counts(lab) == (1, 2)
    assert lab.remarks() == []


def test_an_inode_that_is_given_out_again_is_another_task(lab: Lab) -> None:
    path = begun(lab).folder / "1.events"
    path.unlink()
    (file,) = lab.cursor["files"][str(lab.folder)].values()
    lab.lines("2.events", "starting", "running", "test_passed a", "test_failed b", "completed")
    file[3] = (lab.folder / "2.events").stat().st_ino
    lab.later().look()
    assert lab.said() == ["2 ended: 1 of 2 tests failed: b"]
    lab.later().look()
    (seen,) = lab.seen("task")
    assert seen.says.startswith("vanished in running: its file is gone and never said completed")


def test_a_second_name_of_a_file_counts_nothing_twice(lab: Lab) -> None:
    path = begun(lab).folder / "1.events"
    os.link(path, lab.folder / "again.events")
    for _ in range(3):
        lab.lines("1.events", "test_failed c")
        lab.later().look()
    assert counts(lab) == (1, 4)
    assert counts(lab, "again") == (0, 0)


# ---- gone -------------------------------------------------------------------------------------


def test_a_file_that_vanished_before_completed_is_told_at_the_second_look(lab: Lab) -> None:
    (begun(lab).folder / "1.events").unlink()
    lab.later().look()
    assert lab.seen() == []
    lab.later().look()
    (seen,) = lab.seen("task")
    assert seen.says.startswith("vanished in running: its file is gone and never said completed")
    assert lab.seen("task")[0].severity == "critical"
    lab.later().look()
    assert lab.cursor.get("tasks", {}) == lab.cursor.get("files", {}) == {}


def test_two_looks_of_one_run_are_one_look(lab: Lab) -> None:
    (begun(lab).folder / "1.events").unlink()
    lab.later().look("host")
    lab.look("task", "test")
    assert lab.seen() == []


def test_a_finished_file_that_vanishes_is_forgotten(lab: Lab) -> None:
    begun(lab).lines("1.events", "completed")
    lab.later().look()
    (lab.folder / "1.events").unlink()
    for _ in range(3):
        lab.later().look()
        assert lab.seen() == lab.remarks() == []
    assert lab.cursor.get("tasks", {}) == lab.cursor.get("files", {}) == {}


def test_an_aborted_task_may_vanish(lab: Lab) -> None:
    begun(lab).lines("1.events", "aborted")
    lab.later().look()
    (lab.folder / "1.events").unlink()
    for _ in range(3):
        lab.later().look()
        assert lab.seen() == []


def test_a_file_that_is_away_for_a_moment_is_read_on(lab: Lab, tmp_path: Path) -> None:
    path = begun(lab).folder / "1.events"
    path.rename(tmp_path / "away")
    lab.later().look()
    (tmp_path / "away").rename(path)
    lab.lines("1.events", "test_failed c")
    lab.later().look()
    assert counts(lab) == (1, 2)


def test_a_folder_that_is_gone_is_unreachable_and_nothing_in_it_vanished(
    lab: Lab, tmp_path: Path
) -> None:
    begun(lab)
    lab.folder.rename(tmp_path / "away")
    for _ in range(3):
        (result,) = lab.later().look("task", "test")
        assert isinstance(result, Unreadable)
        assert (result.why, result.reason) == ("unreachable", f"{lab.folder}: no such folder")
    (tmp_path / "away").rename(lab.folder)
    lab.lines("1.events", "completed")
    lab.later().look()
    assert lab.said() == ["1 ended: 1 of 2 tests failed: b"]


def test_one_folder_that_is_gone_ends_nothing_in_it_while_the_other_is_read(
    lab: Lab, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    remade(lab, paths=[*lab.settings.paths, f"{other}/*.events"])
    begun(lab)
    lab.folder.rename(tmp_path / "away")
    for number in range(3):
        (other / f"{number + 5}.events").write_text("starting\n")
        lab.touch(other / f"{number + 5}.events")
        lab.later().look()
        assert lab.said() == [f"{number + 5} starting"]
    (tmp_path / "away").rename(lab.folder)
    lab.lines("1.events", "completed")
    lab.later().look()
    assert lab.said() == ["1 ended: 1 of 2 tests failed: b"]


def test_an_empty_folder_on_another_device_is_not_mounted(lab: Lab) -> None:
    (begun(lab).folder / "1.events").unlink()
    for names in lab.cursor["files"].values():
        for file in names.values():
            file[2] += 1
    for _ in range(3):
        lab.later().look()
        assert lab.seen() == []
        assert list(lab.unreadable().values()) == [
            f"{lab.folder}: is empty and on another device; is it mounted?"
        ]


def test_a_folder_of_a_task_that_is_removed_with_it_is_no_fault(lab: Lab) -> None:
    remade(lab, paths=[f"{lab.folder}/*/status.events"])
    lab.look()
    (lab.folder / "77").mkdir()
    lab.lines("77/status.events", "starting", "completed")
    lab.later().look()
    assert lab.said() == ["77 completed"]
    (lab.folder / "77/status.events").unlink()
    (lab.folder / "77").rmdir()
    for _ in range(3):
        lab.later().look()
        assert lab.unreadable() == {}
        assert lab.seen() == []


# ---- silent -----------------------------------------------------------------------------------


def test_a_task_that_no_longer_grows_is_stuck_until_it_does(lab: Lab) -> None:
    begun(lab).later(hours=3).look()
    assert lab.seen() == []
    lab.later(hours=1).look()
    (seen,) = lab.seen("task")
    assert (seen.status, seen.health) == ("running, silent", "degraded")
    lab.later(hours=9).look()
    assert lab.seen() == []
    lab.lines("1.events", "test_passed c")
    lab.later().look()
    assert lab.said() == ["1 running"]


def test_half_a_line_is_growth_too(lab: Lab) -> None:
    begun(lab)
    for _ in range(5):
        lab.later(hours=3).write("1.events", "x")
        lab.look()
        assert lab.seen() == []


def test_what_has_ended_is_never_silent_and_nothing_is_where_that_is_off(lab: Lab) -> None:
    begun(lab).lines("1.events", "completed")
    lab.later().look()
    lab.later(hours=30).look()
    assert lab.seen() == []
    remade(lab, silent_after=0.0)
    lab.lines("2.events", "starting")
    lab.look()
    lab.later(hours=300).look()
    assert lab.seen() == []


# ---- what had been there before ---------------------------------------------------------------


def test_what_was_there_at_a_first_look_is_past_and_what_comes_is_not(lab: Lab) -> None:
    lab.lines("1.events", "starting", "test_failed a", "completed")
    lab.lines("2.events", "starting", "host_needs_repair h")
    lab.later().look()
    assert {one.id for one in lab.seen("task", past=True)} == {"1", "2"}
    assert [one.id for one in lab.seen("host", past=True)] == ["h"]
    assert lab.seen() == []
    lab.lines("2.events", "test_failed a", "completed")
    lab.lines("3.events", "starting", "test_failed a", "completed")
    lab.later().look()
    assert {one.id for one in lab.seen("task")} == {"2", "3"}
    assert lab.seen(past=True) == []


def test_an_empty_folder_is_a_first_look_too(lab: Lab) -> None:
    lab.look()
    assert [(one.kind, one.past) for one in lab.snapshots() if one.past] == [
        ("task", True),
        ("host", True),
    ]
    lab.lines("1.events", "starting", "aborted")
    lab.later().look()
    assert lab.said() == ["1 was aborted"]


def test_a_folder_that_is_added_has_its_own_first_look(lab: Lab, tmp_path: Path) -> None:
    begun(lab)
    other = tmp_path / "other"
    other.mkdir()
    (other / "9.events").write_text("starting\naborted\n")
    lab.touch(other / "9.events")
    remade(lab, paths=[*lab.settings.paths, f"{other}/*.events"])
    lab.lines("1.events", "completed")
    lab.later().look()
    assert [one.id for one in lab.seen("task", past=True)] == ["9"]
    assert [one.id for one in lab.seen("task")] == ["1"]


def test_a_past_too_long_for_one_look_stays_past(lab: Lab) -> None:
    remade(lab, max_bytes=1024 * 1024)
    for number in range(3):
        lab.write(f"{number}.events", "test_passed a\n" * 200_000 + "aborted\n")
    past = []
    for _ in range(20):
        lab.later().look()
        past += [one.id for one in lab.seen("task", past=True) if one.status == "aborted"]
        assert [one.id for one in lab.seen("task") if one.health == "failed"] == []
    assert sorted(past) == ["0", "1", "2"]


def test_files_written_long_ago_are_left_alone_and_what_ended_long_ago_is_forgotten(
    lab: Lab,
) -> None:
    old = lab.lines("old.events", "starting", "aborted")
    lab.later(days=31).lines("1.events", "starting", "completed")
    lab.look()
    assert [one.id for one in lab.seen("task", past=True)] == ["1"]
    lab.later(days=31).look()
    lab.later().look()
    assert lab.cursor.get("tasks", {}) == lab.cursor.get("files", {}) == {}
    assert old.exists()
    assert lab.seen() == []


# ---- asked for by family ----------------------------------------------------------------------


def test_what_was_read_for_one_family_waits_for_the_other(lab: Lab) -> None:
    lab.look()
    lab.lines("1.events", "starting", "host_needs_repair h", "test_failed a", "completed")
    lab.later().look("host")
    assert lab.said("host") == ["h host_needs_repair"]
    assert lab.said() == []
    lab.later().look("task", "test")
    assert lab.said() == ["1 ended: 1 of 1 test failed: a"]
    assert lab.said("host") == []


def test_what_nobody_asks_for_does_not_pile_up(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifier.sources._lucifer_lines.OWED", 100)
    lab.look()
    for number in range(30):
        words = ("host_needs_repair", "host_ready")
        lab.lines("1.events", *(f"{words[n % 2]} h{n % 7}" for n in range(number, number + 50)))
        lab.later().look("task", "test")
        assert len(lab.cursor.get("owed", [])) <= 100
    lab.look("host")
    final = {one.id: one.status for one in lab.seen("host")}
    assert final == {name: status for name, (status, _) in lab.cursor["hosts"].items()}


def test_only_the_kinds_that_were_chosen_are_shown(lab: Lab) -> None:
    remade(lab, kinds=["host"])
    lab.look()
    lab.lines("1.events", "starting", "host_needs_repair h", "test_failed a", "completed")
    lab.later().look()
    assert [one.kind for one in lab.seen()] == ["host"]


# ---- what cannot be read ----------------------------------------------------------------------


def test_what_is_no_file_is_told_each_as_a_scope_and_the_rest_is_read(lab: Lab) -> None:
    lab.look()
    (lab.folder / "link.events").symlink_to("/etc/passwd")
    (lab.folder / "folder.events").mkdir()
    os.mkfifo(lab.folder / "fifo.events")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(lab.folder / "s.events"))
    lab.lines("1.events", "starting", "completed")
    lab.later().look()
    assert lab.said() == ["1 completed"]
    root = lab.folder
    assert lab.unreadable() == {
        "lab/fifo.events": f"{root}/fifo.events: is a FIFO, not a file",
        "lab/folder.events": f"{root}/folder.events: is a folder, not a file",
        "lab/link.events": f"{root}/link.events: is a symbolic link, which is not followed",
        "lab/s.events": f"{root}/s.events: is a socket, not a file",
    }
    (lab.folder / "link.events").unlink()
    lab.later().look()
    well = [one.scope for one in lab.snapshots() if one.scope]
    assert well == ["lab/link.events"]
    lab.later().look()
    assert [one.scope for one in lab.snapshots() if one.scope] == []


def test_a_device_is_not_opened(lab: Lab) -> None:
    remade(lab, paths=["/dev/nul?"])
    lab.look()
    assert lab.unreadable() == {"dev/null": "/dev/null: is a device, not a file"}


def test_a_file_that_may_not_be_read_is_told_and_read_when_it_may(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(lab)
    lab.lines("1.events", "test_failed c")
    refused = _refusing(monkeypatch)
    for _ in range(2):
        lab.later().look()
        assert list(lab.unreadable().values()) == [f"{lab.folder}/1.events: permission denied"]
        assert lab.seen() == lab.remarks() == []
    refused.clear()
    lab.later().look()
    assert counts(lab) == (1, 2)
    assert [one.scope for one in lab.snapshots() if one.scope] != []


def _refusing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a file without permission answers, also to root. Refuses while it is not empty."""
    refused = ["all"]
    real = os.open

    def refuse(path: Any, *more: Any, **keys: Any) -> int:
        if refused and str(path).endswith(".events"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *more, **keys)

    monkeypatch.setattr("notifier.sources._lucifer_tail.os.open", refuse)
    return refused


def test_a_folder_that_may_not_be_listed_hides_what_is_in_it(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(lab)

    def refuse(path: str) -> Any:
        raise PermissionError(13, "Permission denied", path)

    with monkeypatch.context() as patched:
        # root, too, may be refused: by NFS
        patched.setattr("notifier.sources._lucifer_find.os.scandir", refuse)
        for _ in range(3):
            (result,) = lab.later().look("task", "test")
            assert isinstance(result, Unreadable)
            assert result.reason == f"{lab.folder}: permission denied"
    lab.lines("1.events", "completed")
    lab.later().look()
    assert lab.said() == ["1 ended: 1 of 2 tests failed: b"]


def test_many_such_files_are_counted(lab: Lab) -> None:
    lab.look()
    for number in range(100, 130):
        (lab.folder / f"{number}.events").symlink_to("/etc/passwd")
    lab.later().look()
    told = lab.unreadable()
    assert len(told) == 11
    assert told["other files"].startswith(f"20 more cannot be read: {lab.folder}/110.events: is a")


def test_a_look_at_the_hosts_says_what_cannot_be_read_at_the_terminal(lab: Lab) -> None:
    lab.look()
    (lab.folder / "link.events").symlink_to("/etc/passwd")
    lab.later().look("host")
    assert lab.notes() == [
        f"cannot be read: {lab.folder}/link.events: is a symbolic link, which is not followed"
    ]


def test_a_name_that_cannot_be_shown_is_told_and_not_read(lab: Lab) -> None:
    lab.look()
    for name in (b"\xff.events", b"a\nb.events", b"\x1b[31m.events"):
        path = os.path.join(os.fsencode(lab.folder), name)
        with open(path, "wb") as file:
            file.write(b"starting\naborted\n")
    lab.later().look()
    assert lab.seen() == []
    assert len(lab.unreadable()) == 3
    assert all(text.isprintable() for pair in lab.unreadable().items() for text in pair)


def test_more_files_than_can_be_followed_are_told(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(lab)
    monkeypatch.setattr(_lucifer_find, "FILES", 10)
    for number in range(2, 20):
        lab.lines(f"{number}.events", "starting")
    lab.later().look("task", "test")
    assert lab.results[0].reason.endswith("*.events: more than 10 files fit")  # type: ignore[union-attr]


def test_a_listing_that_takes_too_long_is_slow_and_nothing_follows_from_it(lab: Lab) -> None:
    begun(lab)
    before = lab.cursor
    (lab.folder / "1.events").unlink()
    for number in range(300):
        (lab.folder / f"{number}.other").touch()
    for _ in range(3):
        (result,) = lab.later().look("task", "test", seconds=-1.0)
        assert isinstance(result, Unreadable)
        assert (result.why, result.reason) == ("slow", "the files could not be listed in time")
        assert lab.cursor == before


def test_one_pattern_that_leads_nowhere_leaves_the_other(lab: Lab, tmp_path: Path) -> None:
    remade(lab, paths=[*lab.settings.paths, f"{tmp_path}/none/*.events"])
    begun(lab)
    assert lab.said() == ["1 running"]
    assert lab.unreadable() == {f"{tmp_path.name}/none": f"{tmp_path}/none: no such folder"}


# ---- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("glob", "task", "file", "expected"),
    [
        ("*.events", "", "12345.events", ("12345", "")),
        ("*.events", "", "a.b.events", ("a.b", "")),
        ("*.events*", "", "12345.events.1", ("12345", "")),
        ("job-*.log", "", "job-7.log", ("7", "")),
        ("*/status", "", "88/status", ("88", "")),
        ("all.events", "", "all.events", ("all", "")),
        ("?.events", "", "7.events", ("7.events", "")),
        ("*/*.events", "{host}/{id}.events", "dut-3/5.events", ("5", "dut-3")),
        ("*.events", "{host}_{id}.events", "dut-3_5.events", ("5", "dut-3")),
        ("*.events", "{host}_{id}.events", "odd.events", ("odd.events", "")),
        ("*", "{id}.e[vw]ents", "x.events", ("x", "")),
        (".h*", "", ".hidden", ("idden", "")),
    ],
)
def test_a_file_s_name_shows_its_task(
    glob: str, task: str, file: str, expected: tuple[str, str], lab: Lab
) -> None:
    remade(lab, paths=[f"{lab.folder}/{glob}"], task=task)
    (lab.folder / file).parent.mkdir(exist_ok=True)
    lab.look()
    lab.lines(file, "starting", "completed")
    lab.later().look()
    (seen,) = lab.seen("task")
    assert (seen.id, seen.node) == expected


def test_what_is_said_of_a_look_is_said_whatever_kinds_are_chosen(lab: Lab) -> None:
    remade(lab, kinds=["host"])
    lab.look()
    lab.lines("1.events", "defrosting")
    lab.later().look("task", "test")
    assert len(lab.remarks()) == 1


def test_hidden_files_are_not_meant_by_a_star(lab: Lab) -> None:
    lab.look()
    lab.lines(".1.events", "starting")
    lab.later().look()
    assert lab.seen() == []


def test_another_pattern_for_names_reads_nothing_again(lab: Lab) -> None:
    begun(lab)
    remade(lab, task="{id}.ev*")
    lab.later().look()
    assert lab.seen() == []
    assert counts(lab) == (1, 1)


def test_a_pattern_that_is_taken_away_ends_the_following(lab: Lab) -> None:
    begun(lab)
    remade(lab, paths=[f"{lab.folder}/*.other"])
    for _ in range(3):
        lab.later().look()
        assert lab.seen() == lab.remarks() == []
    assert lab.cursor.get("files", {}) == {}


# ---- the cursor -------------------------------------------------------------------------------


@pytest.mark.parametrize("cursor", [[], "x", {"files": 3}, {"files": {"/x": {"y": [1]}}}, {"a": 1}])
def test_a_cursor_that_is_none_is_a_first_look(cursor: Any, lab: Lab) -> None:
    lab.cursor = cursor
    lab.lines("1.events", "starting", "aborted")
    lab.later().look()
    assert [one.id for one in lab.seen("task", past=True)] == ["1"]


def test_a_look_whose_cursor_was_lost_is_repeated_to_the_word(lab: Lab) -> None:
    begun(lab).lines("1.events", "test_failed c", "host_needs_repair h", "completed")
    lab.later().look(lose=True)
    before = lab.results
    lab.look()
    assert lab.results == before


def test_a_file_that_is_unchanged_is_not_opened(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        lab.lines(f"{number}.events", "starting", "completed")
    lab.look()
    opened = []
    real = _lucifer_same.opened
    for module in ("_lucifer_same", "_lucifer_look"):
        monkeypatch.setattr(
            f"notifier.sources.{module}.opened", lambda path: opened.append(path) or real(path)
        )
    lab.lines("7.events", "starting")
    lab.later().look()
    assert set(opened) == {f"{lab.folder}/7.events"}


def test_what_is_remembered_of_a_file_is_small(lab: Lab) -> None:
    import json

    for number in range(1000):
        lab.lines(f"{number}.events", "starting", *["test_passed x"] * 41, "completed")
    lab.look()
    assert len(json.dumps(lab.cursor)) < 250 * 1000


def test_a_file_whose_name_is_blank_is_told_and_not_read(lab: Lab) -> None:
    remade(lab, paths=[f"{lab.folder}/*"])
    lab.look()
    lab.lines(" ", "starting", "aborted")
    lab.later().look()
    assert lab.seen("task") == []
    assert [scope for scope in lab.unreadable() if "its name holds" in lab.unreadable()[scope]]
