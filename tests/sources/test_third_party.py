"""A source of somebody else's package, as the page has it: installed, configured, looked at."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from peers import Command, Mailbox
from sources.hosts import Reply, Stub
from sources.worlds import SERVICES, example

Install = Callable[[Path], None]


def by_hand(target: Path) -> None:
    """What an installer leaves: the module, and what is known of its package."""
    (target / "notifier_board.py").write_text(example("notifier_board.py"))
    info = target / "notifier_board-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: notifier-board\nVersion: 1.0\n")
    lines = example("pyproject.toml").partition('entry-points."notifier.sources"]\n')[2]
    name, _, module = lines.splitlines()[0].partition(" = ")
    (info / "entry_points.txt").write_text(f"[notifier.sources]\n{name} = {module[1:-1]}\n")


def by_pip(target: Path) -> None:
    project = target.parent / "notifier-board"
    project.mkdir()
    for name in ("notifier_board.py", "pyproject.toml"):
        (project / name).write_text(example(name))
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps",
         "--disable-pip-version-check", "--target", str(target), str(project)],
        cwd="/", capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "install",
    [pytest.param(by_hand, id="by hand"), pytest.param(by_pip, id="pip", marks=pytest.mark.wheel)],
)
def test_the_source_of_the_page_is_installed_and_tells_of_a_service(
    install: Install, tmp_path: Path, stub: Stub, mailbox: Mailbox, notifier: Command
) -> None:
    target = tmp_path / "site"
    target.mkdir()
    install(target)
    stub.routes["/services.json"] = Reply(SERVICES)
    config = tmp_path / "config.toml"
    config.write_text(
        example("config.toml")
        .replace("http://board.example", stub.url)
        .replace("mail.example.org", mailbox.address)
    )
    config.chmod(0o600)
    env = {"PYTHONPATH": str(target)}

    def run(*args: str) -> str:
        done = notifier(config, *args, env=env)
        assert done.err == ""
        return done.out

    assert "watching 2 services on intranet; down now: web" in run("check")
    stub.routes["/services.json"] = Reply(SERVICES.replace(b"down", b"up"))
    assert "web is back" in run("check")
    stub.routes["/services.json"] = Reply(b"[]")
    for _ in range(2):
        run("check")
    assert "mail" in mailbox.mails[-1].subject
    assert "missing" in mailbox.mails[-1].subject
    stub.routes["/services.json"] = Reply(b"{}")
    done = notifier(config, "check", env=env)
    assert (done.code, "no list of services" in done.err) == (3, True)


def test_its_keys_are_checked_like_ours(tmp_path: Path, notifier: Command) -> None:
    by_hand(tmp_path)
    config = tmp_path / "config.toml"
    config.write_text(example("config.toml").replace('url = "', 'ulr = "'))
    done = notifier(config, "config", "check", env={"PYTHONPATH": str(tmp_path)})
    assert done.code == 2
    assert "sources.intranet: unknown key 'ulr' (did you mean 'url'?)" in done.err
    without = notifier(config, "config", "check")
    assert "unknown type 'board'" in without.err
