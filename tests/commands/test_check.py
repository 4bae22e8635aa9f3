"""`notifier check`: what it prints, and that nothing outlives its deadline."""

import argparse
import contextlib
import logging
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from peers import Command, Sink
from scenes import event, seen

from notifier import sources
from notifier.cli import Context
from notifier.commands import check
from notifier.config import load
from notifier.errors import Exit
from notifier.run import News, Outcome

HANGS = """
import sys, threading
from notifier import watch
from notifier.commands import check
from notifier.deliver import ping
check.GRACE = -0.7  # the shortest deadline is a second
check.check = lambda *args, **more: threading.Event().wait()
{more}
from notifier.cli import run
run(sys.argv[1:])
"""
# the look comes back when the watchdog has already begun to end the run
COMES_BACK = """
begun = threading.Event()
check.check = lambda *args, **more: begun.wait() and None
watch.Watch.outlived = lambda *args: begun.set() or threading.Event().wait(1) or ["told"]
"""


def configured(folder: Path, sink: Sink, more: str = "") -> Path:
    path = folder / "config.toml"
    path.write_text(
        f'{more}[sources.river]\ntype = "hakuriver"\nurl = "http://127.0.0.1:1"\n'
        f'[channels.hook]\nwebhook = "{sink.url}"\n'
        '[run]\ndeadline = "1s"\n[state]\nlock_wait = "0s"\n'
    )
    path.chmod(0o600)
    return path


ENDED = "the run outlived its deadline of 1s; ended"


def hung(path: Path, more: str = "", stderr: int = subprocess.PIPE) -> tuple[int, list[str]]:
    """The exit code and the lines of stderr of a run whose look never comes back."""
    done = subprocess.run(
        [sys.executable, "-c", HANGS.format(more=more), "-c", str(path), "check"],
        stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == ""
    return done.returncode, (done.stderr or "").splitlines()


def pinging(folder: Path, sink: Sink, url: str) -> Path:
    """A configuration with a dead man's switch at `url`."""
    path = configured(folder, sink)
    path.write_text(path.read_text().replace("[run]", f"[run]\nping_url = '{url}'"))
    return path


def test_a_run_that_outlives_its_deadline_is_ended_and_says_so(tmp_path: Path, sink: Sink) -> None:
    assert hung(configured(tmp_path, sink)) == (Exit.UNDELIVERED, [f"notifier: {ENDED}"])


def test_a_run_that_the_watchdog_ends_is_a_failure_with_the_reason(
    tmp_path: Path, sink: Sink
) -> None:
    path = pinging(tmp_path, sink, f"{sink.url}a-secret-uuid")
    code, said = hung(path)
    assert (code, said[-1]) == (Exit.UNDELIVERED, f"notifier: {ENDED}")
    (ping,) = sink.requests
    assert (ping.method, ping.path) == ("POST", "/a-secret-uuid/fail")
    assert ping.body.decode() == f"{ENDED}\nexit code 4"
    assert "a-secret-uuid" not in "\n".join(said)


def test_a_switch_that_never_answers_does_not_hold_up_the_watchdog(
    tmp_path: Path, sink: Sink
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        path = pinging(tmp_path, sink, f"http://127.0.0.1:{mute.getsockname()[1]}/a-secret-uuid")
        code, said = hung(path, "ping.LIMIT = 0.3")
    assert code == Exit.UNDELIVERED
    assert said[-2:] == [f"notifier: {ENDED}", "notifier: run.ping_url: no answer in 0 s"]
    assert "a-secret-uuid" not in "\n".join(said)


def test_a_stderr_that_nobody_reads_does_not_hold_up_the_watchdog(
    tmp_path: Path, sink: Sink
) -> None:
    near, far = os.pipe()
    os.set_blocking(far, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(far, bytes(4096))
    os.set_blocking(far, True)
    try:
        assert hung(pinging(tmp_path, sink, sink.url), stderr=far) == (Exit.UNDELIVERED, [])
    finally:
        os.close(near)
        os.close(far)
    assert [one.path for one in sink.requests] == ["/fail"]


def test_a_run_that_comes_back_while_the_watchdog_ends_it_has_one_end(
    tmp_path: Path, sink: Sink
) -> None:
    code, said = hung(pinging(tmp_path, sink, sink.url), COMES_BACK)
    assert (code, said[-2:]) == (Exit.UNDELIVERED, [f"notifier: {ENDED}", "notifier: told"])
    assert not sink.requests


def test_a_source_that_is_gone_is_one_line_and_3(
    tmp_path: Path, sink: Sink, notifier: Command
) -> None:
    done = notifier(configured(tmp_path, sink), "check")
    assert (done.code, done.out) == (Exit.UNREADABLE, "")
    assert done.err.splitlines() == ["notifier: river: nodes cannot be read: connection refused"]


def test_a_dry_run_says_whom_it_would_tell_and_writes_nothing(
    tmp_path: Path, sink: Sink, notifier: Command
) -> None:
    path = configured(tmp_path, sink)
    notifier(path, "check")
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir() if one.is_file()}
    done = notifier(path, "check", "--dry-run")
    assert "river is unreachable" in done.out
    assert done.out.rstrip().endswith("[would tell hook]")
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir() if one.is_file()} == before
    assert not sink.requests


def test_a_dry_run_says_what_would_be_told_later_and_why(
    tmp_path: Path, sink: Sink, notifier: Command
) -> None:
    path = configured(tmp_path, sink)
    path.write_text(
        path.read_text() + '[channels.chat]\nwebhook = "http://127.0.0.1:9/"\n'
        "[[routes]]\nchannels = ['chat']\nhold = ['always', 'too']\n"
        "[[routes]]\nchannels = ['hook']\n"
        "[windows.always]\nfrom = '00:00'\nto = '12:00'\n"
        "[windows.too]\nfrom = '12:00'\nto = '00:00'\n"
    )
    notifier(path, "check")
    done = notifier(path, "check", "--dry-run")
    assert "[would tell hook; chat later: window " in done.out


def test_a_secret_that_cannot_be_resolved_parks_its_channel_and_not_the_rest(
    tmp_path: Path, sink: Sink, notifier: Command
) -> None:
    path = configured(tmp_path, sink)
    path.write_text(path.read_text() + '[channels.chat]\nslack = "env:NO_SUCH_THING"\n')
    notifier(path, "check")
    done = notifier(path, "check")
    assert done.code == Exit.UNDELIVERED
    assert "told hook; chat not yet: secret env:NO_SUCH_THING" in done.out
    assert len(sink.requests) == 1


def test_what_others_are_part_of_is_printed_before_them() -> None:
    task, node, other = (
        seen("task", "1", "lost", part_of="node/b"), seen("node", "b", "offline"),
        seen("node", "a", "offline"),
    )  # fmt: skip
    news = [News(event=event(n, "problem", one)) for n, one in enumerate((other, task, node))]
    back = News(event=event(3, "recovery", seen("node", "b", "online")))
    shown = [one.event.observation.id for one in check._roots_first([back, *news])]
    assert shown == ["b", "b", "a", "1"]
    assert check._roots_first([back, *news])[0].event.type == "problem"


def test_what_is_bad_is_red_and_an_ending_green_whatever_it_ends(
    tmp_path: Path, sink: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load(configured(tmp_path, sink), sources.settings_of, {})
    args = argparse.Namespace(color="always", quiet=False, dry_run=False)
    context = Context(args=args, environ={}, log=logging.Logger("x"))
    news = [
        News(event=event(1, "problem", seen("node", "a", "offline")), told=["hook"]),
        News(event=event(2, "recovery", seen("node", "b", "online", health="ok")), told=["hook"]),
    ]
    check._tell(context, config, Outcome(code=Exit.FOUND, news=news))
    bad, well = capsys.readouterr().out.splitlines()
    assert bad.startswith("\x1b[31ma is offline since ")
    assert well.startswith("\x1b[32mb is back ")


def test_an_unknown_source_is_named_with_the_nearest_good_one(
    tmp_path: Path, sink: Sink, notifier: Command
) -> None:
    done = notifier(configured(tmp_path, sink), "check", "--source", "rivr")
    assert done.code == Exit.USAGE
    assert done.err == "notifier: no source is named 'rivr' (did you mean 'river'?)\n"


def test_quiet_is_silent_when_somebody_was_told(
    tmp_path: Path, sink: Sink, notifier: Command
) -> None:
    path = configured(tmp_path, sink)
    notifier(path, "-q", "check")
    done = notifier(path, "check", "-q")
    assert (done.code, done.out, done.err) == (Exit.UNREADABLE, "", "")
