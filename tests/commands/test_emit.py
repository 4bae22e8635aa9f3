"""`notifier emit`: on disk before it answers, without a lock, and fit to be shown."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from peers import Command, Ran

from notifier.commands._stdin import LINE, lines
from notifier.state import Store

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Run = Callable[..., Ran]
JOB = ("--source", "backup", "--kind", "job", "--id", "nightly")


@pytest.fixture
def folder(config: Path) -> Path:
    return config.with_name("spool")


@pytest.fixture
def spooled(folder: Path) -> Callable[[], list[dict[str, Any]]]:
    """Every observation in the spool, in order, with its source and time."""

    def read() -> list[dict[str, Any]]:
        return [
            {"source": parcel["source"], "at": parcel["at"], **seen}
            for path in sorted(folder.iterdir())
            for parcel in [json.loads(path.read_bytes())]
            for batch in parcel["batches"]
            for seen in batch["changes"]
        ]

    return read


Spooled = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    def give(raw: bytes) -> None:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(raw)))

    return give


def test_one_event_is_in_the_spool_and_a_script_hears_nothing(run: Run, spooled: Spooled) -> None:
    with time_machine.travel(NOON, tick=False):
        ran = run("emit", *JOB, "--failed", "-m", "disk is full", "--owner", "eve")
    assert ran == Ran(0, "", "")
    assert spooled() == [
        {
            "source": "backup", "at": "2026-11-22T12:00:00Z", "kind": "job", "id": "nightly",
            "name": "nightly", "status": "failed", "health": "failed", "severity": "critical",
            "owner": "eve", "message": "disk is full",
        }
    ]  # fmt: skip


def test_it_waits_for_no_run(run: Run, store: Store, spooled: Spooled) -> None:
    with store.lock(0):
        assert run("emit", *JOB, "--failed").code == 0
    assert len(spooled()) == 1


def test_a_person_at_a_terminal_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifier.commands.emit._on_terminal", lambda: True)
    ran = run("emit", *JOB, "--failed")
    assert ran.out == "spooled: backup/job/nightly is failed; the next check takes it in\n"
    assert run("emit", *JOB, "--failed", "-q").out == ""


def test_the_json_has_the_documented_shape(run: Run, folder: Path) -> None:
    ran = run("emit", *JOB, "--down", "--severity", "warning", "--json")
    (path,) = folder.iterdir()
    assert json.loads(ran.out) == {
        "version": 1, "spooled": [str(path)],
        "events": [
            {"thing": "backup/job/nightly", "status": "down", "health": "down",
             "severity": "warning"}
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "how", "found"),
    [
        ("job", ["--ok"], ("ok", "ok", "info")),
        ("task", ["--ok"], ("completed", "ok", "info")),
        ("task", ["--down"], ("down", "failed", "critical")),
        ("host", ["--degraded"], ("degraded", "degraded", "warning")),
        ("task", ["--degraded"], ("degraded", "failed", "warning")),
        ("service", ["--active"], ("running", "ok", "info")),
        ("task", ["--active"], ("running", "active", "info")),
        ("task", ["--cancelled"], ("cancelled", "cancelled", "info")),
        ("job", ["--exit-code", "0"], ("ok", "ok", "info")),
        ("job", ["--exit-code", "137"], ("failed", "failed", "critical")),
        ("job", ["--exit-code", "TERM"], ("failed", "failed", "critical")),
        ("job", ["--status", "crashed"], ("crashed", "failed", "critical")),
        ("job", ["--status", "slow"], ("slow", "degraded", "warning")),
        ("job", ["--failed", "--status", "out of tape"], ("out of tape", "failed", "critical")),
        ("job", ["--ok", "--severity", "critical"], ("ok", "ok", "info")),
        ("job", ["--failed", "--severity", "info"], ("failed", "failed", "info")),
    ],
)
def test_what_a_flag_or_a_word_comes_to(
    kind: str, how: list[str], found: tuple[str, str, str], run: Run, spooled: Spooled
) -> None:
    assert run("emit", "--source", "s", "--kind", kind, "--id", "x", *how).code == 0
    (one,) = spooled()
    assert (one["status"], one["health"], one.get("severity", "info")) == found


def test_a_word_of_a_configured_source_means_what_it_means_there(
    run: Run, spooled: Spooled
) -> None:
    for word in ("killed", "completed", "lost"):
        ran = run("emit", "--source", "river", "--kind", "task", "--id", "1", "--status", word)
        assert ran.code == 0
    assert [(one["health"], one.get("severity", "info")) for one in spooled()] == [
        ("failed", "warning"), ("ok", "info"), ("failed", "critical"),
    ]  # fmt: skip


def test_what_fails_every_minute_is_not_told_every_minute(run: Run, spooled: Spooled) -> None:
    for minute in range(0, 120, 5):
        with time_machine.travel(NOON + timedelta(minutes=minute), tick=False):
            run("emit", "--source", "s", "--id", "x", "--failed")
    attempts = [one["attempt"] for one in spooled()]
    new = [5 * at for at in range(1, 24) if attempts[at] != attempts[at - 1]]
    assert new == [20, 40, 60, 80, 100]


def test_what_stands_is_the_same_attempt_unless_somebody_says_so(
    run: Run, spooled: Spooled
) -> None:
    run("emit", *JOB, "--failed")
    run("emit", *JOB, "--failed", "--attempt", "7")
    assert [one.get("attempt", "") for one in spooled()] == ["", "7"]


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ([], "how is it? Say --ok, --failed, --exit-code N or --status WORD"),
        (["--status", "fialed"], "'fialed' says nothing by itself (did you mean 'failed'?); add"),
        (["--failed", "--kind", "jbo"], "--kind: unknown kind 'jbo' (did you mean 'job'?)"),
        (["--failed", "--kind", "x"], "(there are: task, job, unit, service, host, node)"),
        (["--failed", "--id", " \n"], "--id: which job it is"),
        (["--failed", "--id", "x" * 201], "in at most 200 characters"),
        (["--failed", "--link", "javascript:1"], "--link: expected an http(s) URL"),
        (["--failed", "--label", "novalue"], "--label novalue: expected KEY=VALUE"),
        (["--failed", "--source", "a b"], "--source: letters, digits, _ and -"),
        (["--failed", "--source", "notifier"], "and not 'notifier'"),
        (["--failed", "--task", "1"], "--task: names the task of a stream, and needs --stdin"),
        (["--failed", "--ok"], "not allowed with argument"),
        (["--failed", "--exit-code", "1"], "not allowed with argument"),
        (["--stdin", "--task", "1"], "--stdin: the stream says itself what it is about"),
    ],
)
def test_a_wrong_command_line_is_one_clear_line_and_writes_nothing(
    args: list[str], why: str, run: Run, folder: Path
) -> None:
    ran = run("emit", *JOB, *args)
    assert (ran.code, ran.out) == (2, "")
    assert why in ran.err.splitlines()[-1]
    assert not folder.exists()


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["--source", "backup"], "[sources.backup] says by its type how to read the stream"),
        (["--source", "rivr"], "there is no such table (did you mean 'river'?)"),
        (["--source", "river"], "a source of type hakuriver reads no stream"),
        (["--source", "river", "--failed"], "only --source and --task go with it"),
    ],
)
def test_a_stream_needs_a_source_whose_type_reads_streams(
    args: list[str], why: str, run: Run, folder: Path
) -> None:
    ran = run("emit", "--stdin", *args)
    assert (ran.code, ran.out) == (2, "")
    assert why in ran.err
    assert not folder.exists()


def test_a_secret_in_a_log_is_hidden_before_the_log_is_cut(
    run: Run, folder: Path, stdin: Callable[[bytes], None]
) -> None:
    key = b"\n".join(b"MIIEowIBAAKCAQEAsecret%04d" % number for number in range(200))
    pem = b"-----BEGIN RSA PRIVATE KEY-----\n" + key + b"\n-----END RSA PRIVATE KEY-----\n"
    stdin(b"before\n" + pem + b"after\n")
    assert run("emit", *JOB, "--failed", "-m", "-").code == 0
    (path,) = folder.iterdir()
    assert b"AKCAQEA" not in path.read_bytes()
    assert b"after" in path.read_bytes()


def test_secrets_never_reach_the_disk_and_text_is_clean_and_cut(
    run: Run, folder: Path, spooled: Spooled
) -> None:
    run(
        "emit", *JOB, "--failed", "-m", "curl --token hunter2secret\x1b[31m " + "x" * 9000,
        "--name", "password=hunter2secret", "--label", "url=https://a:hunter2secret@h/",
    )  # fmt: skip
    (path,) = folder.iterdir()
    assert b"hunter2secret" not in path.read_bytes()
    assert b"\x1b" not in path.read_bytes()
    assert len(spooled()[0]["message"]) == 2000


def test_a_message_on_stdin_keeps_its_end(
    run: Run, spooled: Spooled, stdin: Callable[[bytes], None]
) -> None:
    stdin(b"\n".join(b"line %d" % number for number in range(100_000)) + b"\n")
    assert run("emit", *JOB, "--failed", "-m", "-").code == 0
    message = spooled()[0]["message"]
    assert message.startswith("…\nline 99")
    assert message.endswith("\nline 99999")


def test_a_folder_can_be_named_where_the_configuration_cannot_be_read(
    run: Run, tmp_path: Path
) -> None:
    there = tmp_path / "spool"
    there.mkdir(mode=0o700)
    ran = run("-c", "/no/such/file", "emit", *JOB, "--failed", "--spool", str(there))
    assert (ran.code, ran.err) == (0, "")
    assert len(list(there.iterdir())) == 1


def test_a_spool_that_is_read_only_is_one_line(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    monkeypatch.setattr(os, "access", lambda *_: False)
    ran = run("emit", *JOB, "--failed")
    assert (ran.code, ran.out) == (74, "")
    assert ran.err == f"notifier: {folder}: is read-only\n"


def test_a_spool_that_cannot_be_is_one_line(run: Run, folder: Path) -> None:
    folder.write_text("")
    ran = run("emit", *JOB, "--failed")
    assert (ran.code, ran.err) == (74, f"notifier: {folder}: cannot be written: Not a directory\n")


# ---- the whole way --------------------------------------------------------------------------

BENCH = """
from notifier.model import Kind, Observation, Snapshot
from notifier.settings import SourceSettings as Settings

KINDS = {"test": Kind("test", "tasks", finite=True), "task": Kind("task", "tasks", finite=True)}


def classify(settings, kind, status):
    return {"passed": ("ok", "info"), "failed": ("failed", "critical")}.get(
        status, ("active", "info")
    )


def poll(settings, http, cursor, want, follow, deadline, now):
    return [], cursor


def stream(settings, lines, task, now):
    seen = []
    for line in lines:
        word, _, name = line.decode("ascii", "replace").strip().partition(" ")
        if word.startswith("test_"):
            status = word.removeprefix("test_")
            health, severity = classify(settings, "test", status)
            seen.append(
                Observation(kind="test", id=f"{task}/{name}", name=name, status=status,
                            health=health, severity=severity, part_of=f"task/{task}")
            )
    return [Snapshot(kind="test", scope=task, changes=tuple(seen))]
"""


@pytest.fixture
def bench(tmp_path: Path, config: Path) -> dict[str, str]:
    """A source of a third party that reads streams, found by its entry point; its environment."""
    home = tmp_path / "packages"
    info = home / "bench-1.0.dist-info"
    info.mkdir(parents=True)
    (home / "bench_source.py").write_text(BENCH)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bench\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[notifier.sources]\nbench = bench_source\n")
    config.write_text(config.read_text() + '[sources.dut-lab]\ntype = "bench"\n')
    return {"PYTHONPATH": str(home)}


def test_a_stream_is_read_to_its_end_by_the_source_s_own_type(
    bench: dict[str, str], notifier: Command, config: Path, spooled: Spooled
) -> None:
    lines = "starting\ntest_passed a\ntest_failed b\ncompleted\n"
    args = ("emit", "--stdin", "--source", "dut-lab", "--task", "12345")
    ran = notifier(config, *args, stdin=lines, env=bench)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert [(one["id"], one["status"]) for one in spooled()] == [
        ("12345/a", "passed"), ("12345/b", "failed"),
    ]  # fmt: skip
    ran = notifier(config, "check", env=bench)
    assert "b failed at" in ran.out
    assert "(dut-lab/test/12345/b)" in ran.out


def test_the_lock_is_free_while_a_stream_is_read(
    bench: dict[str, str], notifier: Command, config: Path, store: Store, spooled: Spooled
) -> None:
    command = [
        sys.executable, "-m", "notifier", "-c", str(config),
        "emit", "--stdin", "--source", "dut-lab", "--task", "7",
    ]  # fmt: skip
    with subprocess.Popen(
        command, cwd="/", env={**notifier.clean(), **bench}, stdin=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.write(b"test_failed x\n")
        process.stdin.flush()
        with store.lock(0):
            process.stdin.close()
            assert process.wait(60) == 0
    assert [one["id"] for one in spooled()] == ["7/x"]


def test_a_line_without_end_costs_no_memory() -> None:
    raw = b"a\n" + b"x" * (3 * LINE) + b"\nb\n" + b"y" * LINE + b"\nlast"
    found = list(lines(io.BytesIO(raw)))
    assert [line[:1] for line in found] == [b"a", b"x", b"b", b"y", b"l"]
    assert max(map(len, found)) == LINE


def test_an_emitted_failure_is_told_by_the_next_check_and_its_end_too(
    run: Run, config: Path
) -> None:
    run("emit", *JOB, "--failed")
    ran = run("check")
    assert "nightly is failing since" in ran.out
    assert "(backup/job/nightly)" in ran.out
    assert "backup/job/nightly" in run("status").out
    run("emit", *JOB, "--ok")
    assert "nightly is back after" in run("check").out
    assert run("status", "backup/job/nightly").out == "backup/job/nightly: ok; nothing is open\n"


def test_a_dry_run_takes_nothing_in(run: Run, folder: Path) -> None:
    run("emit", *JOB, "--failed")
    before = sorted(folder.iterdir())
    assert "would tell" in run("check", "--dry-run").out
    assert sorted(folder.iterdir()) == before
    assert not folder.with_name("state.json").exists()
