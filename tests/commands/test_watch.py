"""Who watches the watcher: pinged only when all is read and told, last of all, and briefly."""

import json
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from peers import Answer, Ran, Sink
from sources.hosts import Reply, Stub, dialect_a

from notifier.deliver.ping import place
from notifier.health import unread_why
from notifier.state import LookTime, Store

SECRET = "a-secret-uuid"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Run = Callable[..., Ran]


@pytest.fixture
def host() -> Iterator[Stub]:
    server = Stub()
    dialect_a(server)
    yield server
    server.stop()


@pytest.fixture
def switch() -> Iterator[Sink]:
    """The dead man's switch."""
    server = Sink()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def watched(config: Path, host: Stub, sink: Sink, switch: Sink) -> Callable[..., None]:
    """Writes the configuration; keywords are more keys of [run]."""

    def write(**keys: object) -> None:
        keys = {"ping_url": f"{switch.url}{SECRET}", "first_run": "silent", **keys}
        lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        config.write_text(
            "\n".join(["[run]", *lines, "[sources.river]", 'type = "hakuriver"'])
            + f'\nurl = "{host.url}"\n[channels.hook]\nwebhook = "{sink.url}"\n'
        )

    write()
    return write


Watched = Callable[..., None]


def told(switch: Sink) -> list[str]:
    """`METHOD PATH` of what the switch was asked since the last call."""
    asked = [f"{one.method} {one.path.removeprefix(f'/{SECRET}')}" for one in switch.requests]
    assert all(one.path.startswith(f"/{SECRET}") for one in switch.requests)
    switch.requests.clear()
    return asked


@pytest.mark.usefixtures("watched")
def test_a_run_by_which_all_is_read_and_told_is_a_success(run: Run, switch: Sink) -> None:
    assert run("check") == Ran(0, "", "")
    assert told(switch) == ["GET "]


@pytest.mark.usefixtures("watched")
def test_a_part_that_was_never_read_is_a_failure_with_the_reason(run: Run, switch: Sink) -> None:
    assert run("check", "nodes").code == 0
    (ping,) = switch.requests
    assert (ping.method, ping.path) == ("POST", f"/{SECRET}/fail")
    assert ping.body.decode() == "river/tasks: never looked at\nexit code 0"
    switch.requests.clear()
    assert run("check").code == 0
    assert told(switch) == ["GET "]


def test_a_look_that_fails_is_a_failure_only_when_it_has_for_max_age(
    run: Run, host: Stub, switch: Sink, store: Store, watched: Watched
) -> None:
    watched(max_age="10m")
    run("check")
    host.routes["/tasks"] = Reply(b"oops", 500)
    assert run("check").code == 3
    assert told(switch) == ["GET ", "GET "]
    looks = store.looks()
    early = looks["river/tasks"].read - timedelta(minutes=11)
    looks["river/tasks"] = LookTime(started=early, took=0.1, trouble="http 500", read=early)
    store.write_looks(looks)
    assert run("check").code == 3
    (ping,) = switch.requests
    assert ping.path.endswith("/fail")
    assert b"river/tasks: not read since" in ping.body
    assert b"(http 500: oops)" in ping.body


def test_what_could_not_be_told_for_max_age_is_a_failure(
    run: Run, host: Stub, sink: Sink, switch: Sink, watched: Watched
) -> None:
    watched(first_run="alert")
    sink.stop()
    assert run("check").code == 4
    assert told(switch) == ["GET "], "it has only just failed"
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=2)):
        assert run("check").code == 4
    (ping,) = switch.requests
    assert ping.body.startswith(b"hook: ")
    assert b"undelivered since" in ping.body
    assert ping.body.endswith(b"(connection refused)\nexit code 4")


@pytest.mark.usefixtures("watched")
def test_a_state_that_is_damaged_is_a_failure_that_says_so(
    run: Run, switch: Sink, store: Store
) -> None:
    run("check")
    switch.requests.clear()
    for path in (store.path, store.former):
        path.write_bytes(b"{")
    assert run("check").code == 74
    (ping,) = switch.requests
    assert ping.path.endswith("/fail")
    assert b"is damaged" in ping.body
    assert ping.body.endswith(b"exit code 74")


@pytest.mark.usefixtures("watched")
def test_a_run_that_had_to_give_way_says_nothing(
    run: Run, switch: Sink, store: Store, watched: Watched, config: Path
) -> None:
    config.write_text(config.read_text() + '[state]\nlock_wait = "0s"\n')
    with store.lock(0):
        assert run("check").code == 75
    assert told(switch) == []


@pytest.mark.usefixtures("watched")
def test_a_dry_run_says_nothing_and_writes_nothing(
    run: Run, switch: Sink, watched: Watched, config: Path
) -> None:
    watched(metrics_file="n.prom", ping_start=True)
    assert run("check", "--dry-run").code == 0
    assert told(switch) == []
    assert not config.with_name("n.prom").exists()


def test_the_beginning_is_told_where_that_is_wanted(
    run: Run, switch: Sink, watched: Watched
) -> None:
    watched(ping_start=True)
    run("check")
    assert sorted(told(switch)) == ["GET ", "GET /start"]


@pytest.mark.parametrize("address", ["{switch}", "env:PING"])
def test_a_configuration_that_is_wrong_is_a_failure_that_says_where(
    address: str, run: Run, switch: Sink, watched: Watched
) -> None:
    url = f"{switch.url}{SECRET}"
    watched(ping_url=address.format(switch=url), max_aeg="1h")
    ran = run("check", PING=url)
    assert ran.code == 2
    why = "config.toml: run: unknown key 'max_aeg' (did you mean 'max_age'?)"
    assert ran.err == f"notifier: {why}\n"
    (ping,) = switch.requests
    assert (ping.method, ping.path) == ("POST", f"/{SECRET}/fail")
    assert ping.body.decode() == f"{why}\nexit code 2"


def test_a_bug_in_reading_the_configuration_is_a_failure_without_its_words(
    run: Run, switch: Sink, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched()
    monkeypatch.setattr("notifier.commands._shared.doubts", lambda *_: {}["words"])
    assert run("check").code == 70
    (ping,) = switch.requests
    assert ping.body.decode() == "a bug: KeyError\nexit code 70"


def test_a_bug_in_a_run_is_a_failure_without_its_words(
    run: Run, switch: Sink, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched(max_age="1h")
    run("check")
    switch.requests.clear()
    monkeypatch.setattr("notifier.commands.check.check", lambda *_, **__: {}["words"])
    assert run("check").code == 70
    (ping,) = switch.requests
    assert ping.body.decode() == "a bug: KeyError\nexit code 70"


def test_a_wrong_configuration_that_names_no_switch_is_only_said(
    run: Run, switch: Sink, watched: Watched, config: Path
) -> None:
    wrong = "[channels.x]\n"
    watched(ping_url="env:PING")
    config.write_text(config.read_text() + wrong)
    ran = run("check")
    assert ran.code == 2
    why = "secret env:PING: the environment has no such variable, or it is empty"
    assert ran.err.startswith(f"notifier: run.ping_url: {why}\nnotifier: config.toml: ")
    for text in ("run = 3", "[run]\nping_url = 3", "[run]\nping_url = ''", "", "[run"):
        config.write_text(f"{text}\n{wrong}")
        ran = run("check")
        assert ran.code == 2
        assert "notifier: run.ping_url" not in ran.err
    config.unlink()
    assert run("check").code == 2
    assert told(switch) == []


def test_a_switch_whose_address_nobody_gives_does_not_hold_up_a_wrong_configuration(
    run: Run, switch: Sink, watched: Watched, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.commands.check.TELLING", 0.2)
    pipe = config.with_name("pipe")
    os.mkfifo(pipe)
    watched(ping_url=f"file:{pipe}", max_aeg="1h")
    assert run("check").code == 2
    assert told(switch) == []
    with pipe.open("w"):
        """The reader is let go."""


def test_a_dry_run_or_another_command_with_a_wrong_configuration_says_nothing(
    run: Run, switch: Sink, watched: Watched
) -> None:
    watched(max_aeg="1h")
    assert [run(*words).code for words in (("check", "-n"), ("status",), ("config", "check"))] == [
        2, 2, 2,
    ]  # fmt: skip
    assert told(switch) == []


@contextmanager
def mute() -> Iterator[str]:
    """The address of a server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/{SECRET}"


def test_a_switch_that_is_not_well_changes_nothing_and_its_address_is_in_no_log(
    run: Run, switch: Sink, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.deliver.ping.LIMIT", 0.3)
    switch.answers.append(Answer(503, body=b"no"))
    ran = run("check", "-vv")
    assert (ran.code, ran.err) == (0, "notifier: run.ping_url: http 503\n")
    switch.answers.append(Answer(302, {"location": "http://127.0.0.1:1/"}))
    assert run("check").err == "notifier: run.ping_url: http 302\n"
    switch.stop()
    ran = run("check", "-vv")
    assert (ran.code, ran.err) == (0, "notifier: run.ping_url: it cannot be reached\n")
    with mute() as url:
        watched(ping_url=url)
        began = time.monotonic()
        ran = run("check", "-vv")
        assert time.monotonic() - began < 5
    assert (ran.code, ran.err) == (0, "notifier: run.ping_url: no answer in 0 s\n")
    watched(ping_url="https://127.0.0.1:1/x")
    assert "run.ping_url: it cannot be reached" in run("check").err


def test_delivery_comes_before_the_ping(
    run: Run, host: Stub, sink: Sink, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.deliver.ping.LIMIT", 0.3)
    with mute() as url:
        watched(ping_url=url, first_run="summary", ping_start=True)
        assert run("check").code == 0
    assert len(sink.requests) == 1


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("env:PING", "secret env:PING: the environment has no such variable, or it is empty"),
        ("file:/no/such", "secret file:/no/such: No such file or directory"),
    ],
)
def test_a_secret_that_cannot_be_read_is_said_and_stops_nothing(
    url: str, why: str, run: Run, watched: Watched
) -> None:
    watched(ping_url=url)
    ran = run("check")
    assert (ran.code, ran.err) == (0, f"notifier: run.ping_url: {why}\n")


def test_the_address_can_be_a_secret(run: Run, switch: Sink, watched: Watched) -> None:
    watched(ping_url="env:PING")
    assert run("check", PING=f"{switch.url}{SECRET}") == Ran(0, "", "")
    assert told(switch) == ["GET "]
    ran = run("check", PING=f"gopher://{SECRET}")
    assert (ran.code, ran.err) == (0, "notifier: run.ping_url: no http(s) address\n")


@pytest.mark.parametrize(
    ("url", "how", "found"),
    [
        ("https://hc/u", "", "https://hc/u"), ("https://hc/u", "fail", "https://hc/u/fail"),
        ("https://hc/u/", "start", "https://hc/u/start"),
        ("https://hc/u?rid=1", "fail", "https://hc/u/fail?rid=1"),
    ],
)  # fmt: skip
def test_what_is_told_has_its_place_below_the_address(url: str, how: str, found: str) -> None:
    assert place(url, how) == found


@pytest.mark.parametrize(
    ("look", "why"),
    [
        (None, "never looked at"),
        (LookTime(started=NOON, took=1.0), ""),
        (LookTime(started=NOON - timedelta(hours=1), took=1.0), ""),
        (
            LookTime(started=NOON - timedelta(hours=1, seconds=1), took=1.0),
            "not read since 2026-11-22 10:59 UTC",
        ),
        (LookTime(started=NOON, took=1.0, trouble="http 500"), "never read (http 500)"),
        (LookTime(started=NOON, took=1.0, trouble="http 500", read=NOON), ""),
        (
            LookTime(started=NOON + timedelta(days=1), took=1.0),
            "not read since 2026-11-23 12:00 UTC",
        ),
    ],
)
def test_a_family_counts_as_read_for_so_long(look: LookTime | None, why: str) -> None:
    assert unread_why(look, timedelta(hours=1), NOON) == why


# ---- the file of metrics, by the same runs --------------------------------------------------


def test_every_run_leaves_its_metrics_also_one_that_failed(
    run: Run, watched: Watched, config: Path, store: Store
) -> None:
    watched(metrics_file="n.prom", ping_url="")
    path = config.with_name("n.prom")
    assert run("check") == Ran(0, "", "")
    first = path.read_text()
    assert "notifier_run_exit_code 0.0\n" in first
    assert "notifier_healthy 1.0\n" in first
    assert 'notifier_things{health="ok",kind="node",source="river"}' in first
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    for one in (store.path, store.former):
        one.write_bytes(b"{")
    assert run("check").code == 74
    second = path.read_text()
    assert "notifier_run_exit_code 74.0\n" in second
    assert 'notifier_runs_total{exit_code="0"} 1.0\n' in second
    assert 'notifier_look_timestamp_seconds{family="nodes",source="river"}' in second
    assert "notifier_things" not in second


def test_metrics_that_cannot_be_written_are_said_and_stop_nothing(
    run: Run, watched: Watched, config: Path, switch: Sink
) -> None:
    watched(metrics_file="no/n.prom")
    ran = run("check")
    path = config.parent / "no" / "n.prom"
    why = f"run.metrics_file: {path}: cannot be written: No such file or directory"
    assert (ran.code, ran.err) == (0, f"notifier: {why}\n")
    assert told(switch) == ["GET "]


def test_a_fault_of_ours_in_telling_changes_no_exit_code(
    run: Run, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.watch.poll.families_of", lambda _: 1 / 0)
    ran = run("check")
    assert ran.code == 0
    assert ran.err == ("notifier: how the run ended could not be told: a bug: ZeroDivisionError\n")
