"""Is everything in place? Each thing with its mark, and with the fix where one is needed."""

import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from peers import Command, Mailbox, Ran, Sink
from sources import hosts
from sources.hosts import Reply, Stub

from notifier.commands import doctor
from notifier.doctor import machine, remote
from notifier.doctor.finding import Finding
from notifier.memory import Scope, State, Things
from notifier.model import Due, Event, Incident, Observation
from notifier.state import LookTime, Store

NOON = datetime(2025, 11, 22, 12, 0, tzinfo=UTC)
Run = Callable[..., Ran]
Remembered = Callable[[State], Store]


@pytest.fixture(autouse=True)
def no_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs on this machine is nobody's business here."""
    monkeypatch.setattr(doctor, "schedule", lambda *_: iter(()))


@pytest.fixture
def river() -> Iterator[Stub]:
    server = Stub()
    hosts.dialect_a(server, "m05")
    about = {"info": {"title": "HakuRiver Cluster Manager"}, "paths": {}}
    server.routes["/openapi.json"] = Reply(json.dumps(about).encode())
    yield server
    server.stop()


@pytest.fixture
def sound(config: Path, river: Stub, mailbox: Mailbox, sink: Sink) -> Path:
    """A configuration whose servers all answer."""
    text = config.read_text().replace('"http://127.0.0.1:9"', f'"{river.url}"')
    text = text.replace("http://127.0.0.1:9/", sink.url).replace("127.0.0.1:9", mailbox.address)
    config.write_text(text)
    return config


@pytest.fixture
def found(run: Run) -> Callable[..., dict[str, Finding]]:
    """`found("--offline")` gives GROUP/NAME -> finding."""

    def ask(*args: str, **environ: str) -> dict[str, Finding]:
        shown = json.loads(run("doctor", "--json", *args, **environ).out)
        marks = [one["mark"] for one in shown["findings"]]
        assert shown["exit"] == (1 if "fail" in marks else 0)
        return {f"{one['group']}/{one['name']}": Finding(**one) for one in shown["findings"]}

    return ask


Found = Callable[..., dict[str, Finding]]


@pytest.mark.usefixtures("sound")
def test_a_sound_place_has_no_failure_and_nothing_was_sent_or_written(
    run: Run, store: Store, mailbox: Mailbox, sink: Sink, config: Path
) -> None:
    before = sorted(os.listdir(config.parent))
    ran = run("doctor")
    assert (ran.code, ran.err) == (0, ""), ran.out
    assert "  ok    river: HakuRiver 0.3 (dialect A) at /: 3 nodes, 2 offline" in ran.out
    assert f"  ok    chat: 127.0.0.1:{sink.port} answers" in ran.out
    assert f"  ok    ops/anna@example.org: {mailbox.address}: answers, without TLS" in ran.out
    assert ran.out.splitlines()[-1].endswith(" 0 failed")
    assert (mailbox.mails, sink.requests) == ([], [])
    assert sorted(os.listdir(config.parent)) == before


@pytest.mark.usefixtures("sound")
def test_a_source_is_asked_a_few_small_questions_and_never_for_its_list(
    run: Run, river: Stub
) -> None:
    run("doctor")
    assert len(river.asked) <= 4
    assert not [path for path in river.asked if "tasks" in path]


def test_servers_that_are_gone_are_failures_with_a_fix(run: Run) -> None:
    ran = run("doctor")
    assert (ran.code, ran.err) == (1, "")
    lines = ran.out.splitlines()
    at = lines.index("  fail  river: connection refused")
    assert lines[at + 1] == "        fix: is the host up, and can this machine reach it? See url"
    assert "  fail  chat: 127.0.0.1:9: connection refused" in lines
    quiet = run("doctor", "-q").out.splitlines()
    assert [line for line in quiet if line.startswith("  ")] == [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if line.startswith("  fail") or before.startswith("  fail")
    ]


def test_offline_asks_nobody(found: Found) -> None:
    groups = {name.split("/")[0] for name in found("--offline")}
    assert not groups & {"sources", "channels", "clock"}


def test_no_configuration_is_a_failure_that_says_how_to_begin(
    run: Run, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from notifier.cli import main

    monkeypatch.setattr("notifier.places.SYSTEM", Path("/nowhere/config.toml"))
    assert main(["doctor"], {"HOME": "/nowhere"}) == 1
    out = capsys.readouterr().out
    assert "fix: notifier config init URL" in out
    config.unlink()
    assert "fix: notifier config init URL" in run("doctor").out
    config.write_text("nothing = 1\n")
    ran = run("doctor")
    assert ran.code == 1
    assert ran.out.count("  fail  ") == 3


@pytest.mark.usefixtures("sound")
def test_a_clock_that_is_off_is_a_warning(found: Found, river: Stub) -> None:
    clock = found()["clock/river"]
    assert clock.mark == "warn", "the stub answers with the date of a recording"
    assert "its clock is" in clock.said
    good = machine_date()
    for path in ("/nodes", "/openapi.json"):
        reply = river.routes[path]
        river.routes[path] = Reply(reply.body, headers={"Date": good})
    assert found()["clock/river"].mark == "ok"


def machine_date() -> str:
    from email.utils import format_datetime

    return format_datetime(datetime.now(UTC), usegmt=True)


def test_a_source_that_rests_is_not_asked(
    found: Found, sound: Path, store: Store, river: Stub
) -> None:
    later = datetime.now(UTC) + timedelta(minutes=5)
    look = LookTime(started=datetime.now(UTC), took=30.0, rest_until=later)
    store.write_looks({"river/tasks": look})
    shown = found()
    assert shown["sources/river"].mark == "warn"
    assert "rests after a slow answer" in shown["sources/river"].said
    assert river.asked == []


def test_a_host_without_an_answer_costs_no_more_than_its_time(
    found: Found, sound: Path, river: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "PATIENCE", 8.0)
    monkeypatch.setattr(remote, "EACH", 1.5)
    river.routes["/api/nodes"] = hosts.silent
    began = time.monotonic()
    shown = found()
    assert time.monotonic() - began < 25
    assert (shown["sources/river"].mark, shown["channels/chat"].mark) == ("fail", "ok")


def test_a_fault_in_one_reader_hides_no_other(
    found: Found, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from notifier.sources import hakuriver

    def about(*_: object) -> str:
        raise KeyError("hunter2")

    monkeypatch.setattr(hakuriver, "about", about)
    shown = found()
    (river,) = [one for name, one in shown.items() if name.startswith("sources/")]
    assert (river.mark, river.said.startswith("a bug: KeyError in ")) == ("fail", True)
    assert "hunter2" not in river.said
    assert shown["channels/chat"].mark == "ok"


def test_a_process_that_has_loaded_nothing_yet_finds_the_same(
    notifier: Command, sound: Path, mailbox: Mailbox
) -> None:
    ran = notifier(sound, "doctor", "--json")
    marks = {one["name"]: one["mark"] for one in json.loads(ran.out)["findings"]}
    rows = ["river", "chat", "ops/ops@example.org", "ops/anna@example.org"]
    assert {marks[row] for row in rows} <= {"ok", "warn"}, ran.out
    assert mailbox.mails == []


# ---- this machine ---------------------------------------------------------------------------


def test_the_configuration_is_named_with_why_it_was_taken(found: Found, config: Path) -> None:
    said = found("--offline")["configuration/file"].said
    assert said.startswith(f"{config} (--config), mode 600, owner ")


def test_what_looks_wrong_in_it_is_a_warning(found: Found, config: Path) -> None:
    config.write_text(config.read_text() + "secret = 'x'\n[[routes]]\nchannels = ['chat']\n"
                      "template = 'mine'\nmatch = { kind = 'tsak' }\n")  # fmt: skip
    shown = found("--offline")
    assert shown["configuration/doubt"].mark == "warn"
    assert shown["configuration/template"].mark == "fail"
    config.with_name("mine.txt.j2").touch()
    config.write_text(config.read_text().replace("[run]", '[run]\ntemplates = "."'))
    assert "configuration/template" not in found("--offline")


def test_a_folder_that_others_can_look_into_is_a_warning(found: Found, config: Path) -> None:
    config.parent.chmod(0o755)
    folder = found("--offline")["state/folder"]
    assert (folder.mark, folder.fix) == ("warn", f"chmod 700 {config.parent}")
    config.parent.chmod(0o777)
    assert found("--offline")["state/folder"].mark == "fail"


def test_a_folder_that_is_not_there_is_made_later(found: Found, config: Path) -> None:
    config.write_text(config.read_text() + '[state]\npath = "new/state.json"\n')
    assert "is made by the first check" in found("--offline")["state/folder"].said
    assert not config.with_name("new").exists()


def test_a_damaged_state_is_a_failure_and_its_generation_a_warning(
    found: Found, remembered: Remembered
) -> None:
    store = remembered(State(id="n1"))
    remembered(State(id="n1", counter=1))
    assert found("--offline")["state/document"].mark == "ok"
    store.path.write_bytes(b"{torn")
    assert found("--offline")["state/document"].mark == "warn"
    store.former.write_bytes(b"{torn")
    document = found("--offline")["state/document"]
    assert (document.mark, "reset --yes" in document.fix) == ("fail", True)


def test_a_run_that_is_under_way_is_seen_and_not_disturbed(found: Found, store: Store) -> None:
    with store.lock(0):
        assert found("--offline")["state/lock"].said == "a run is under way"
    assert "state/lock" not in found("--offline")


MOUNTS = """\
22 1 0:21 / / rw - overlay overlay rw
30 22 0:30 / /home rw - nfs4 srv:/home rw
31 30 0:31 / /home/my\\040disk rw - ext4 /dev/sda rw
32 22 0:32 / /var/lib rw,relatime shared:1 - tmpfs tmpfs rw
odd
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/anna", "nfs4"),
        ("/home/my disk/x", "ext4"),
        ("/var/lib/n", "tmpfs"),
        ("/x", "overlay"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount(
    folder: str, kind: str, tmp_path: Path
) -> None:
    (tmp_path / "mounts").write_text(MOUNTS)
    assert machine.file_system(Path(folder), tmp_path / "mounts") == kind
    assert machine.file_system(Path(folder), tmp_path / "nowhere") == ""


@pytest.mark.parametrize(("kind", "mark"), [("nfs4", "warn"), ("tmpfs", "warn"), ("ext4", "ok")])
def test_a_disk_where_locks_are_in_doubt_is_a_warning(
    kind: str, mark: str, found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "file_system", lambda *_: kind)
    assert found("--offline")["state/file system"].mark == mark


def test_secrets_are_looked_up_and_never_shown(found: Found, run: Run, config: Path) -> None:
    path = config.with_name("token")
    path.write_text("hunter2")
    path.chmod(0o644)
    text = config.read_text().replace('url = "http', f'token = "file:{path}"\nurl = "http')
    config.write_text(text + 'secret = ["env:HOOK", "env:GONE"]\n')
    shown = json.loads(run("doctor", "--json", "--offline", HOOK="hunter2").out)["findings"]
    secrets = [(one["mark"], one["said"]) for one in shown if one["group"] == "secrets"]
    assert secrets == [
        ("warn", f"token: others can read {path}"),
        ("ok", "secret: env:HOOK is there"),
        ("fail", "secret: env:GONE: the environment has no such variable, or it is empty"),
    ]
    assert "hunter2" not in run("doctor", "-vv", HOOK="hunter2").out


@pytest.mark.usefixtures("sound")
def test_a_secret_that_only_the_unit_has_is_no_failure(
    run: Run, config: Path, tmp_path: Path
) -> None:
    config.write_text(config.read_text() + 'secret = "credential:hook"\n')
    ran = run("doctor")
    assert ran.code == 0, ran.out
    assert ran.out.count("fix: nothing, if the unit has it (LoadCredential=): not seen here") == 2
    assert run("doctor", CREDENTIALS_DIRECTORY=str(tmp_path)).code == 1


# ---- what is remembered ---------------------------------------------------------------------


def test_looks_that_failed_are_failures_and_old_ones_warnings(found: Found, store: Store) -> None:
    assert found("--offline")["last look/river/tasks"].fix == "notifier check"
    now = datetime.now(UTC)
    old, fresh = now - timedelta(hours=3), now - timedelta(minutes=3)
    store.write_looks(
        {
            "river/tasks": LookTime(started=old, took=0.1),
            "river/nodes": LookTime(started=fresh, took=0.1, trouble="http 500"),
        }
    )
    shown = found("--offline")
    assert (shown["last look/river/tasks"].mark, shown["last look/river/nodes"].mark) == (
        "warn", "fail",
    )  # fmt: skip
    store.write_looks(
        {f"river/{one}": LookTime(started=fresh, took=0.1) for one in ("tasks", "nodes")}
    )
    assert found("--offline")["last look/river/tasks"].mark == "ok"


def seen(kind: str, name: str) -> Observation:
    return Observation(
        kind=kind, id=name, name=name, status="offline", health="down", severity="critical"
    )  # fmt: skip


def test_what_waits_too_long_and_what_sleeps_is_named(found: Found, remembered: Remembered) -> None:
    event = Event(
        id="e1", type="problem", at=NOON, reason="x", thing="river/node/a", severity="critical",
        observation=seen("node", "a"),
        to={"chat": Due("", NOON, failures=2), "gone": Due("", NOON)},
    )  # fmt: skip
    old = Incident(
        handle="i-7", thing="lake/node/b", observation=seen("node", "b"), finite=False,
        severity="critical", opened=NOON, changed=NOON,
    )  # fmt: skip
    new = replace(old, handle="i-8", thing="backup/job/x")
    things = {"backup/job": Things({"emit": Scope(since=NOON, statuses={"failed": ["x"]})})}
    remembered(
        State(id="n1", events={"e1": event}, incidents={"i-7": old, "i-8": new}, things=things)
    )
    shown = found("--offline")
    assert "incidents/i-8" not in shown, "what is pushed needs no source"
    assert (shown["outbox/chat"].mark, shown["outbox/chat"].fix) == (
        "fail", "notifier outbox retry --channel chat",
    )  # fmt: skip
    assert shown["outbox/gone"].fix == "notifier outbox move gone OTHER"
    assert shown["incidents/i-7"].fix.endswith("notifier state forget lake/node/b")


def test_a_journal_is_looked_at_when_there_is_one(found: Found, store: Store) -> None:
    assert "journal/journal.jsonl" not in found("--offline")
    journal = store.folder / "journal.jsonl"
    journal.write_bytes(b'{"a": 1}\n{"b": 2}\n')
    assert found("--offline")["journal/journal.jsonl"].mark == "ok"
    journal.write_bytes(b'{"a": 1}\n{"b"')
    assert found("--offline")["journal/journal.jsonl"].mark == "warn"


def test_events_that_nobody_takes_in_are_a_warning(found: Found, store: Store) -> None:
    spool = store.folder / "spool"
    spool.mkdir()
    (spool / "e").touch()
    assert "spool/events" not in found("--offline")
    os.utime(spool / "e", (0, 0))
    assert found("--offline")["spool/events"].mark == "warn"
    (spool / "aside").mkdir()
    (spool / "e").rename(spool / "aside" / "e")
    shown = found("--offline")
    assert "spool/events" not in shown
    assert shown["spool/set aside"].mark == "warn"


def test_what_watches_the_watcher_is_checked_as_far_as_it_is_there(
    found: Found, config: Path
) -> None:
    assert not any(name.startswith("watching") for name in found("--offline"))
    text = config.read_text()
    extra = '[run]\nmetrics_file = "{}/n.prom"\nping_url = "env:NO_SUCH_PING"\n'
    config.write_text(text.replace("[run]\n", extra.format(".")))
    shown = found("--offline")
    assert shown["watching/metrics"].mark == "ok"
    assert shown["secrets/run"].mark == "fail"
    config.write_text(text.replace("[run]\n", extra.format("no")))
    assert found("--offline")["watching/metrics"].mark == "fail"


def test_hostile_names_do_nothing_to_a_terminal(run: Run, remembered: Remembered) -> None:
    evil = Incident(
        handle="i-7", thing="lake/node/\x1b[2J\nb", observation=seen("node", "b"), finite=False,
        severity="critical", opened=NOON, changed=NOON,
    )  # fmt: skip
    remembered(State(id="n1", incidents={"i-7": evil}))
    assert all(line.isprintable() for line in run("doctor", "--offline").out.split("\n"))


def test_a_folder_without_permission_is_the_owners(found: Found, config: Path) -> None:
    if os.geteuid() == 0:
        os.chown(config.parent, 65534, -1)
        folder = found("--offline")["state/folder"]
        os.chown(config.parent, 0, -1)
    else:
        config.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
        folder = found("--offline")["state/folder"]
        config.parent.chmod(0o700)
    assert (folder.mark, folder.fix) == ("fail", "run as its owner; or state.path, or chown")
