"""Lucifer the whole way: from its files and from a pipe to the mail, with the real command."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from peers import Command, Mailbox, Ran, Sink

from notifier.cli import main

JOB = [
    "starting", "provisioning", "running", "host_running host-17",
    *["test_passed good"] * 38, "test_failed graphics_Sanity", "test_failed net_Wifi",
    "test_failed audio_Loop", "gathering", "parsing", "host_needs_repair host-17", "completed",
]  # fmt: skip


class Place:
    """A folder with streams, a configuration, and a mailbox that hears of it."""

    def __init__(
        self,
        folder: Path,
        mailbox: Mailbox,
        notifier: Command,
        capsys: pytest.CaptureFixture[str],
        more: str = "",
    ) -> None:
        self.capsys = capsys
        self.events = folder / "events"
        self.events.mkdir()
        self.config = folder / "config.toml"
        self.config.write_text(
            f'[sources.dut-lab]\ntype = "lucifer"\npaths = ["{self.events}/*.events"]\n{more}\n'
            f'[channels.ops]\nemail = "ops@example.org"\nsmtp = "{mailbox.address}"\n'
            '[run]\ntimezone = "UTC"\n'
        )
        self.config.chmod(0o600)
        self.mailbox = mailbox
        self.notifier = notifier

    def write(self, task: str, *lines: str) -> None:
        with (self.events / f"{task}.events").open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def check(self, *args: str) -> Ran:
        """A check in this process, which is quicker."""
        code = main(["-c", str(self.config), "check", *args], self.notifier.clean())
        said = self.capsys.readouterr()
        return Ran(code, said.out, said.err)

    def mails(self) -> list[str]:
        """Subject and text of the mails since the last call."""
        found = [f"{mail.subject}\n{mail.text}" for mail in self.mailbox.mails]
        self.mailbox.mails.clear()
        return found

    def pipe(self, program: str, task: str = "12345", *, kill: bool = False) -> int:
        """A child process whose stdout goes to emit; its exit status."""
        child = subprocess.Popen([sys.executable, "-uc", program], stdout=subprocess.PIPE, cwd="/")
        emit = subprocess.Popen(
            [sys.executable, "-m", "notifier", "-c", str(self.config),
             "emit", "--stdin", "--source", "dut-lab", "--task", task],
            stdin=child.stdout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/",
            env=self.notifier.clean(),
        )  # fmt: skip
        assert child.stdout is not None
        child.stdout.close()
        if kill:
            ready = self.config.parent / "ready"
            for _ in range(600):
                if ready.exists():
                    break
                time.sleep(0.05)
            child.send_signal(signal.SIGKILL)
        said, _ = emit.communicate(timeout=60)
        assert (emit.returncode, said) == (0, b"")
        return child.wait(60)


@pytest.fixture
def place(
    tmp_path: Path, mailbox: Mailbox, notifier: Command, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Place]:
    def make(more: str = "") -> Place:
        folder = tmp_path / "place"
        folder.mkdir(mode=0o700)
        return Place(folder, mailbox, notifier, capsys, more)

    return make


def test_one_job_is_one_line_with_its_host_and_the_names_of_what_failed(
    place: Callable[..., Place],
) -> None:
    lab = place()
    assert lab.check().code == 0
    (mail,) = lab.mails()
    assert "watching dut-lab: it has no tasks and no hosts yet" in mail
    lab.write("12345", *JOB)
    ran = lab.notifier(lab.config, "check")
    assert ran.code == 1
    (mail,) = lab.mails()
    said = "job 12345 ended: 3 of 41 tests failed: graphics_Sanity, net_Wifi, audio_Loop"
    assert said in mail
    assert "host-17 is in need of repair since" in mail
    assert "dut-lab/task/12345" in mail
    assert said in ran.out
    assert lab.check().code == 0
    assert lab.mails() == []


def test_a_program_hears_what_became_of_a_job_too(place: Callable[..., Place], sink: Sink) -> None:
    lab = place(f'[channels.hook]\nwebhook = "{sink.url}"')
    lab.check()
    lab.write("12345", *JOB)
    lab.check()
    events = {event["thing"]: event for event in sink.requests[-1].json()["events"]}
    job = events["dut-lab/task/12345"]
    assert (job["status"], job["health"], job["node"]) == ("tests_failed", "failed", "host-17")
    assert job["message"].startswith("ended: 3 of 41 tests failed: graphics_Sanity, net_Wifi")
    assert events["dut-lab/host/host-17"]["status"] == "host_needs_repair"


def test_a_host_that_needs_repair_is_one_incident_across_jobs(place: Callable[..., Place]) -> None:
    lab = place()
    lab.check()
    lab.write("1", "starting", "host_needs_repair host-17", "completed")
    lab.check()
    lab.write("2", "starting", "host_running host-17", "host_needs_repair host-17", "completed")
    lab.check()
    lab.write("3", "starting", "host_needs_manual_repair host-17", "completed")
    lab.check()
    subjects = [mail.split("\n")[0] for mail in lab.mails()[1:]]
    assert subjects == [
        "[dut-lab] host-17 is in need of repair",
        "[dut-lab] host-17 is in need of repair by a person",
    ]


def test_a_first_look_at_a_full_folder_is_one_mail(place: Callable[..., Place]) -> None:
    lab = place()
    for number in range(40):
        lab.write(str(number), *JOB)
    lab.check()
    (mail,) = lab.mails()
    assert "watching 40 tasks and 1 host on dut-lab; 40 tasks had already failed" in mail
    assert "down now: host-17" in mail


def test_failed_tests_ride_in_the_line_of_their_job(place: Callable[..., Place]) -> None:
    lab = place('kinds = ["task", "test"]')
    lab.check()
    lab.mails()
    lab.write("12345", *JOB)
    lab.check()
    (mail,) = lab.mails()
    assert mail.count("ended: 3 of 41 tests failed") == 2  # the subject and the line
    assert "- graphics_Sanity (dut-lab/test/12345/graphics_Sanity" in mail
    assert "it took" not in mail


def test_what_cannot_be_read_is_told_and_exits_3_and_its_end_is_told(
    place: Callable[..., Place],
) -> None:
    lab = place()
    lab.check()
    (lab.events / "x.events").symlink_to("/etc/passwd")
    for _ in range(2):
        ran = lab.check()
        assert ran.code == 3
    assert "is a symbolic link, which is not followed" in ran.err
    mail = lab.mails()[-1]
    assert "(tasks/events/x.events) is refusing access" in mail
    assert "root:" not in mail
    (lab.events / "x.events").unlink()
    assert lab.check().code == 1
    assert "is back" in lab.mails()[-1]


def test_a_cut_file_and_an_unknown_event_are_told_once(place: Callable[..., Place]) -> None:
    lab = place()
    lab.write("1", "starting")
    lab.check()
    lab.mails()
    (lab.events / "1.events").write_text("defrosting\n")
    assert lab.check().code == 0
    (mail,) = lab.mails()
    assert "unknown event 'defrosting' in job 1; such lines are only counted" in mail
    assert "a file of running tasks was cut or replaced" in mail
    assert lab.check().code == 0
    assert lab.mails() == []


def test_a_look_at_one_family_loses_nothing_of_the_other(place: Callable[..., Place]) -> None:
    lab = place()
    lab.check()
    lab.write("12345", *JOB)
    assert "12345" not in lab.check("nodes").out
    assert "job 12345 ended: 3 of 41" in lab.check("tasks").out
    assert len([mail for mail in lab.mails() if "host-17 is in need of repair" in mail]) == 1


def test_what_had_failed_before_anybody_looked_and_fails_once_more_is_told(
    place: Callable[..., Place],
) -> None:
    lab = place()
    lab.write("1", "starting", "test_failed a", "completed")
    lab.check()
    assert "1 task had already failed" in lab.mails()[0]
    lab.write("1", "starting", "test_failed a", "completed")
    assert lab.check().code == 1
    (mail,) = lab.mails()
    assert "job 1 ended: 1 of 1 test failed: a" in mail


@pytest.mark.parametrize("name", [" ", "\N{IDEOGRAPHIC SPACE}", "\u2800"])
def test_a_file_whose_name_shows_no_task_is_borne(place: Callable[..., Place], name: str) -> None:
    lab = place()
    lab.check()
    lab.write(name, "starting")
    assert lab.check().code in (0, 3)
    (lab.events / f"{name}.events").unlink()
    for _ in range(3):
        assert lab.check().code in (0, 1)


# ---- from a pipe ------------------------------------------------------------------------------

STREAM = "print('starting'); print('running'); print('host_running host-3'); "


def test_a_child_that_exits_0_without_completed_crashed(place: Callable[..., Place]) -> None:
    lab = place()
    lab.check()
    assert lab.pipe(STREAM) == 0
    assert lab.check().code == 1
    said = "job 12345 crashed in running: its events end without completed (on host-3"
    assert said in lab.mails()[-1]


def test_a_child_that_exits_3_crashed(place: Callable[..., Place]) -> None:
    lab = place()
    assert lab.pipe(f"{STREAM}raise SystemExit(3)") == 3
    lab.check()
    assert any("job 12345 crashed in running" in mail for mail in lab.mails())


def test_a_child_that_is_killed_crashed_and_half_its_last_line_is_no_event(
    place: Callable[..., Place],
) -> None:
    lab = place()
    ready = lab.config.parent / "ready"
    program = (
        f"{STREAM}print('comple', end='', flush=True); import pathlib, time; "
        f"pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    )
    assert lab.pipe(program, kill=True) == -signal.SIGKILL
    lab.check()
    assert any("job 12345 crashed in running" in mail for mail in lab.mails())


def test_a_child_that_says_completed_ended_whatever_its_exit_status_is(
    place: Callable[..., Place],
) -> None:
    lab = place()
    lab.check()
    lab.mails()
    assert lab.pipe(f"{STREAM}print('completed'); raise SystemExit(3)") == 3
    assert lab.check().code == 0
    assert lab.pipe(f"{STREAM}print('test_failed a'); print('completed')") == 0
    lab.check()
    (mail,) = lab.mails()
    assert "job 12345 ended: 1 of 1 test failed: a (on host-3" in mail


def test_each_stream_of_a_job_that_fails_is_news(place: Callable[..., Place]) -> None:
    lab = place()
    lab.check()
    for _ in range(2):
        lab.pipe(f"{STREAM}print('test_failed a'); print('completed')")
        lab.check()
    assert [mail.count("ended: 1 of 1 test failed") > 0 for mail in lab.mails()[1:]] == [True] * 2


def test_a_host_in_a_pipe_is_the_host_in_the_files(place: Callable[..., Place]) -> None:
    lab = place()
    lab.check()
    lab.write("1", "starting", "host_needs_repair host-3", "completed")
    lab.check()
    lab.mails()
    lab.pipe("print('starting'); print('host_ready host-3'); print('completed')")
    lab.check()
    (mail,) = lab.mails()
    assert "host-3 is back" in mail or "back: host-3" in mail


def test_an_unknown_event_in_a_pipe_is_told_once(place: Callable[..., Place]) -> None:
    lab = place()
    lab.check()
    lab.mails()
    for _ in range(2):
        lab.pipe("print('starting'); print('defrosting'); print('completed')")
        lab.check()
    (mail,) = lab.mails()
    assert "task job 12345 has the unknown status 'defrosting'" in mail


def test_a_stream_of_no_task_is_a_mistake(place: Callable[..., Place]) -> None:
    lab = place()
    ran = lab.notifier(lab.config, "emit", "--stdin", "--source", "dut-lab", stdin="starting\n")
    assert ran.code == 2
    assert ran.err == "notifier: --task: say which task the events are of\n"
