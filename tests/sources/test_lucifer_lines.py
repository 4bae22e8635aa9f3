"""Lines as they come: every oddity of bytes and line ends, long ones, and half of one."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources.streams import NOON, Lab, last, lucifer, story

from notifier.sources._lucifer_lines import Stream, Taker
from notifier.sources._lucifer_memory import Memory
from notifier.sources._lucifer_task import Task

ODDITIES: dict[str, tuple[bytes, int, int]] = {
    # what is written: the passed and the failed tests in it
    "a plain line": (b"test_passed a\n", 1, 0),
    "CRLF": (b"test_passed a\r\ntest_failed b\r\n", 1, 1),
    "a bare CR is part of the message": (b"test_passed a\rtest_failed b\n", 1, 0),
    "no final newline": (b"test_passed a\ntest_failed b", 1, 0),
    "empty lines": (b"\n\n\r\ntest_passed a\n\n", 1, 0),
    "blanks alone": (b"   \n\t\ntest_passed a\n", 1, 0),
    "a leading blank is no event": (b" test_passed a\ntest_failed b\n", 0, 1),
    "a leading tab is no event": (b"\ttest_passed a\ntest_failed b\n", 0, 1),
    "two spaces": (b"test_passed  a\ntest_failed  b\n", 1, 1),
    "a trailing blank": (b"test_passed a \ntest_failed \n", 1, 1),
    "a tab is no separator": (b"test_passed\ta\ntest_failed b\n", 0, 1),
    "no message": (b"test_passed\ntest_failed\n", 1, 1),
    "NUL": (b"test_failed a\0b\n\0\0\0\ntest_passed a\n", 1, 1),
    "NUL in the event": (b"test_\0failed a\ntest_passed a\n", 1, 0),
    "Latin-1": (b"test_failed gr\xfcn\ntest_passed \xff\xfe\n", 1, 1),
    "UTF-8": ("test_failed grün\ntest_passed \u2028x\n".encode(), 1, 1),
    "a line end of Unicode is none": ("test_passed a\x85test_failed b\n".encode(), 1, 0),
    "form feed and others are none": (b"test_passed a\x0ctest_failed b\x1c\x0b\n", 1, 0),
    "an event in capitals": (b"TEST_PASSED a\ntest_failed b\n", 0, 1),
    "a byte order mark": (b"\xef\xbb\xbftest_passed a\ntest_failed b\n", 0, 1),
    "64 KiB": (b"test_failed " + b"x" * (65536 - 13) + b"\ntest_passed a\n", 1, 1),
    "a byte more": (b"test_failed " + b"x" * (65536 - 12) + b"\ntest_passed a\n", 1, 1),
    "10 MB": (b"test_failed " + b"x" * 10_000_000 + b"\ntest_passed a\n", 1, 1),
    "10 MB of no event": (b"x" * 10_000_000 + b"\ntest_passed a\n", 1, 0),
    "10 MB and no end": (b"test_passed a\ntest_failed " + b"x" * 10_000_000, 1, 1),
    "escapes of a terminal": (b"test_failed \x1b[31mred\x1b[0m\n\x1b]0;x\x07\n", 0, 1),
}


def counts(lab: Lab) -> tuple[int, int]:
    task = lab.cursor.get("tasks", {}).get("1", {})
    return task.get("passed", 0), task.get("failed", 0)


@pytest.mark.parametrize("what", ODDITIES)
def test_a_file_is_read_by_lines_whatever_is_in_them(what: str, lab: Lab) -> None:
    data, passed, failed = ODDITIES[what]
    lab.look()
    lab.write("1.events", data)
    lab.later().look()
    assert counts(lab) == (passed, failed)
    lab.later().look()
    assert counts(lab) == (passed, failed)


@pytest.mark.parametrize("what", ODDITIES)
def test_cut_anywhere_it_comes_to_the_same(what: str, lab: Lab) -> None:
    data, passed, failed = ODDITIES[what]
    lab.look()
    size = max(1, len(data) // 7)
    for start in range(0, len(data), size):
        lab.write("1.events", data[start : start + size])
        lab.later().look()
    assert counts(lab) == (passed, failed)


@pytest.mark.parametrize("what", ODDITIES)
def test_a_pipe_is_read_by_the_same_lines(what: str) -> None:
    data, passed, failed = ODDITIES[what]
    lines = data.splitlines(keepends=True) if b"\r" not in data else data.split(b"\n")
    if b"\x0c" in data:
        lines = data.split(b"\n")
    (shown, *_) = lucifer.stream(lucifer.Settings(type="lucifer"), lines, "1", NOON)
    seen = shown.changes[-1]
    # at the end of a pipe the last line is whole
    failed += what == "no final newline"
    total = f"{passed:,} passed, {failed:,} failed"
    assert seen.labels.get("tests", "0 passed, 0 failed") == total


@pytest.mark.parametrize("what", ODDITIES)
def test_what_is_shown_of_it_is_fit_to_be_shown(what: str) -> None:
    data, _, _ = ODDITIES[what]
    found = lucifer.stream(lucifer.Settings(type="lucifer"), data.split(b"\n"), "1", NOON)
    seen = last(found, "task")
    assert seen.says.isprintable()
    assert len(seen.says) < 800
    for shown in found:
        assert all(text.isprintable() for text in shown.remarks)


def test_names_are_cleaned_and_cut() -> None:
    lines = ["starting", f"test_failed a\0\x1b[31m{'x' * 5000}", "completed"]
    says = last(story(lines), "task").says
    assert says.startswith("ended: 1 of 1 test failed: a\ufffdxxx")
    assert says.endswith("…")
    assert len(says) < 200


def test_half_a_line_waits_for_its_end(lab: Lab) -> None:
    lab.look()
    lab.write("1.events", "starting\ntest_fai")
    lab.later().look()
    assert lab.said() == ["1 starting"]
    lab.write("1.events", "led a\ncomple")
    lab.later().look()
    assert counts(lab) == (0, 1)
    lab.write("1.events", "ted\n")
    lab.later().look()
    assert lab.said() == ["1 ended: 1 of 1 test failed: a"]


def test_a_line_too_long_is_taken_by_its_beginning_and_only_once(lab: Lab) -> None:
    lab.look()
    lab.write("1.events", b"starting\ntest_failed a" + b"x" * 100_000)
    for _ in range(3):
        lab.later().look()
        assert counts(lab) == (0, 1)
        lab.write("1.events", b"y" * 100_000)
    lab.later().look()
    lab.write("1.events", b"test_failed no\ntest_failed b\n")
    lab.later().look()
    assert counts(lab) == (0, 2)
    assert lab.cursor.get("odd", {}) == {}


def test_a_million_lines_are_read_in_pieces_and_that_is_said(lab: Lab) -> None:
    lab.settings = lucifer.Settings(
        type="lucifer", paths=lab.settings.paths, max_bytes=4 * 1024 * 1024
    )
    lab.look()
    lab.write("1.events", b"starting\n" + b"test_passed graphics\n" * 1_000_000 + b"completed\n")
    looks = 0
    while counts(lab) != (1_000_000, 0):
        before = counts(lab)[0]
        lab.later().look("task")
        looks += 1
        assert counts(lab)[0] - before <= 4 * 1024 * 1024 / 21 + 1
        if counts(lab)[0] < 1_000_000:
            assert lab.notes() == [
                f"{lab.folder}/1.events: read on at the next look (max_bytes, or the deadline)"
            ]
    assert looks == 6
    assert lab.said() == ["1 completed"]


def test_a_disk_that_fails_half_way_loses_and_repeats_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.look()
    lab.write("1.events", b"test_passed graphics\n" * 200_000 + b"completed\n")
    real, reads = os.pread, []

    def fail(handle: int, size: int, place: int) -> bytes:
        reads.append(place)
        if len(reads) == 4:
            raise OSError(5, "Input/output error")
        return real(handle, size, place)

    with monkeypatch.context() as patched:
        patched.setattr("notifier.sources._lucifer_tail.os.pread", fail)
        lab.later().look()
    assert list(lab.unreadable().values()) == [f"{lab.folder}/1.events: input/output error"]
    assert 0 < counts(lab)[0] < 200_000
    lab.later().look()
    assert lab.said() == ["1 completed"]
    assert counts(lab) == (200_000, 0)
    assert lab.remarks() == []


def test_one_long_file_does_not_keep_the_others_from_being_read(lab: Lab) -> None:
    lab.settings = lucifer.Settings(
        type="lucifer", paths=lab.settings.paths, max_bytes=4 * 1024 * 1024
    )
    lab.look()
    lab.write("1.events", b"test_passed graphics\n" * 1_000_000)
    lab.later().lines("2.events", "starting", "completed")
    lab.look()
    assert "2 completed" in lab.said()


def test_the_deadline_ends_a_look_and_the_rest_is_read_at_the_next(lab: Lab) -> None:
    lab.look()
    for number in range(20):
        lab.write(f"{number}.events", b"starting\n" + b"test_passed a\n" * 200_000)
    began = time.monotonic()
    lab.later().look(seconds=0.05)
    assert time.monotonic() - began < 2
    assert lab.notes()
    for _ in range(100):
        lab.later().look()
        if not lab.notes():
            break
    passed = [task["passed"] for task in lab.cursor["tasks"].values()]
    assert passed == [200_000] * 20


@given(data=st.lists(st.binary(max_size=40), max_size=30), cuts=st.lists(st.integers(0, 50)))
def test_any_bytes_in_any_pieces_are_taken_as_the_whole_would_be(
    data: list[bytes], cuts: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    words = [b"test_failed ", b"host_ready ", b"starting", b"completed", b"\n", b"aborted\n"]
    whole = b"".join(one + words[len(one) % len(words)] for one in data)
    lab = Lab(tmp_path_factory.mktemp("lab"))
    lab.look()
    start = 0
    for cut in cuts:
        lab.write("1.events", whole[start : start + cut])
        start += cut
        lab.later().look()
    lab.write("1.events", whole[start:])
    lab.later().look()
    memory = Memory()
    task = Task(at=0)
    Taker(memory, ["task", "host"], str).take(whole.split(b"\n")[:-1], Stream("1", task, 0))
    known = lab.cursor.get("tasks", {}).get("1", {})
    for field in ("phase", "end", "attempt", "passed", "failed", "harness"):
        assert known.get(field, getattr(Task(), field)) == getattr(task, field)
    assert lab.cursor.get("odd", {}) == memory.odd


def test_a_file_that_grows_while_it_is_read_is_read_once(tmp_path: Path, lab: Lab) -> None:
    import threading

    lab.look()
    path = lab.folder / "1.events"
    done = threading.Event()

    def grow() -> None:
        with path.open("ab", buffering=0) as file:
            for _ in range(300):
                file.write(b"test_passed a\n" * 50 + b"test_pas")
                file.write(b"sed b\n")
        done.set()

    thread = threading.Thread(target=grow)
    thread.start()
    while not done.is_set():
        lab.later().look()
    thread.join()
    lab.later().look()
    assert counts(lab) == (300 * 51, 0)
