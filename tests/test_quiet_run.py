"""What a run costs that finds nothing new: what it imports, asks, writes and says. Counts only."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from peers import Command
from sources.hosts import Stub, dialect_a

from notifier import sources
from notifier.diff import diff
from notifier.look import Look
from notifier.memory import State
from notifier.model import Kind, Observation, Snapshot

# what a poller with these libraries imports in any case
LIBRARIES = "import argparse, filelock, msgspec, requests, tomllib"
# small ones: owners of files, an editor's byte order mark, the quotes of commands
BESIDES = {"gc", "pwd", "encodings.utf_8_sig", "shlex"}
# 55 today. Each costs about half a millisecond; whoever adds one should know
OWN = 58
# `email` itself comes with http.client
NEVER = (
    "apprise", "difflib", "email.mime", "getpass", "html", "jinja2", "notifier.deliver.attempt",
    "notifier.digest", "notifier.escape", "notifier.metrics", "notifier.render", "notifier.watch",
    "prometheus_client", "rich",
    "smtplib", "sysconfig", "zoneinfo",
)  # fmt: skip

CHANNEL = '[channels.hook]\nwebhook = "http://127.0.0.1:9/"'
# the command itself, which writes its modules down in the moment in which it ends
QUIET = """
import os
def end(code, end=os._exit):
    import sys
    with open(MODULES, "w") as file:
        print(*sys.modules, file=file)
    end(code)
os._exit = end
from notifier.__main__ import main
main()
"""


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A host with twelve tasks and three nodes."""
    server = Stub()
    dialect_a(server)
    yield server
    server.stop()


@pytest.fixture
def config(stub: Stub, workplace: Callable[..., Path], notifier: Command) -> Path:
    """A workplace in which the first look is over; its only channel can never be reached."""
    path = workplace(stub.url, top='[run]\nfirst_run = "silent"', more=CHANNEL)
    ran = notifier(path, "check")
    assert (ran.code, ran.err) == (0, "")
    stub.asked.clear()
    return path


def imported(program: str, *args: str, command: Command) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", program, *args],
        cwd="/", env=command.clean(), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return set(done.stdout.split())


@pytest.fixture
def modules(config: Path, notifier: Command, tmp_path: Path) -> set[str]:
    """The modules of a quiet run."""
    found = tmp_path / "modules"
    imported(f"MODULES = {str(found)!r}\n{QUIET}", "-c", str(config), "check", command=notifier)
    return set(found.read_text().split())


def test_a_quiet_run_imports_neither_senders_nor_templates(modules: set[str]) -> None:
    assert "notifier.run" in modules
    assert [name for name in NEVER if name in modules] == []


def test_a_quiet_run_imports_no_library_beyond_those_of_any_poller(
    modules: set[str], notifier: Command
) -> None:
    usual = imported(f"{LIBRARIES}\nimport sys\nprint(*sys.modules)", command=notifier)
    others = {name for name in modules - usual if name.partition(".")[0] != "notifier"}
    assert others - BESIDES == set()


def test_a_quiet_run_imports_few_modules_of_its_own(modules: set[str]) -> None:
    assert len([name for name in modules if name.partition(".")[0] == "notifier"]) <= OWN


def test_a_quiet_run_says_nothing_and_leaves_the_state_as_it_is(
    config: Path, notifier: Command
) -> None:
    state, looks = config.with_name("state.json"), config.with_name("looks.json")
    before, looked = state.stat(), json.loads(looks.read_text())
    ran = notifier(config, "check")
    after = state.stat()
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
    assert json.loads(looks.read_text()).keys() == looked.keys()
    assert json.loads(looks.read_text()) != looked


def test_a_quiet_run_asks_once_for_each_kind(config: Path, stub: Stub, notifier: Command) -> None:
    notifier(config, "check")
    assert sorted(asked.partition("?")[0] for asked in stub.asked) == ["/nodes", "/tasks", "/vps"]


class _NoRows(Mapping[str, Observation]):
    """Rows that must not be asked for."""

    def __getitem__(self, name: str) -> Observation:
        raise AssertionError(f"the row of {name} was built")

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@pytest.mark.parametrize("looks", [1, 2])
def test_a_look_without_news_builds_no_row_of_a_task(looks: int) -> None:
    snapshot = Snapshot(
        kind="task", statuses={"7": "completed", "8": "failed"}, rows=_NoRows(), order=float
    )
    look = Look(
        source="river", kinds={"task": Kind("task", "tasks", finite=True)},
        classify=lambda kind, word: ("ok" if word == "completed" else "failed", "info"),
        families=frozenset({"tasks"}), results=(snapshot,),
    )  # fmt: skip
    state = State()
    for _ in range(looks):
        state, _ = diff(state, [look], datetime(2026, 11, 22, tzinfo=UTC), "silent", 3600.0)
    assert state.things["river/task"].scopes[""].newest == 8.0


def test_the_order_that_an_id_tells_is_that_of_its_row(stub: Stub) -> None:
    module = sources.module("hakuriver")
    settings = module.Settings(type="hakuriver", url=stub.url)
    with sources.connect(settings) as http:
        now, late = datetime(2026, 11, 22, tzinfo=UTC), time.monotonic() + 60
        results, _ = module.poll(settings, http, None, frozenset(module.KINDS), {}, late, now)
    told = {one.kind: one for one in results if isinstance(one, Snapshot) and one.order}
    assert told.keys() == {"task", "vps"}
    for one in told.values():
        assert one.statuses
        assert {name: one.order(name) for name in one.statuses} == {
            name: row.order for name, row in one.rows.items()
        }
