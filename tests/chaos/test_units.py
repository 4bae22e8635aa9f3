"""The units of contrib/systemd: valid, hardened, and enough for a run that tells people."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chaos import confine
from peers import Command, Mailbox, Ran, Sink
from sources.hosts import Reply, Stub

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "contrib" / "systemd"
# what systemd-analyze may give each, in tenths
EXPOSED = {"notifier.service": 15, "notifier-failure@.service": 5, "notifier-success@.service": 5}


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Copies of the units that find the command of this environment."""
    there = tmp_path / "units"
    there.mkdir()
    for unit in [*UNITS.glob("*.service"), *UNITS.glob("*.timer")]:
        command = str(Path(sys.executable).with_name("notifier"))
        (there / unit.name).write_text(unit.read_text().replace("/usr/local/bin/notifier", command))
    return there


def call(*command: str | Path) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_systemd_finds_nothing_wrong_with_the_units(units: Path) -> None:
    for name in ("notifier-failure", "notifier-success"):
        template = (units / f"{name}@.service").read_text()
        (units / f"{name}@backup.service.service").write_text(template)
    assert call("systemd-analyze", "verify", "--man=no", *units.iterdir()) == ""


@pytest.mark.parametrize("name", EXPOSED)
def test_a_service_is_exposed_to_little(name: str, units: Path) -> None:
    most = f"--threshold={EXPOSED[name]}"
    call("systemd-analyze", "security", "--no-pager", "--offline=true", most, units / name)


def test_the_user_and_the_folder_are_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    there = tmp_path / "usr" / "lib"
    for kind in ("sysusers.d", "tmpfiles.d"):
        (there / kind).mkdir(parents=True)
        (there / kind / "notifier.conf").write_bytes((UNITS / kind / "notifier.conf").read_bytes())
    call("systemd-sysusers", f"--root={tmp_path}")
    user = (tmp_path / "etc" / "passwd").read_text()
    assert user.startswith("notifier:x:")
    assert user.endswith(":Notifier:/var/lib/notifier:/usr/sbin/nologin\n")
    call("systemd-tmpfiles", f"--root={tmp_path}", "--create")
    assert (tmp_path / "etc" / "notifier").stat().st_mode & 0o777 == 0o750


# ---- under their restrictions ---------------------------------------------------------------

PROBE = """
import ctypes, errno, json, mmap, os, socket, sys

def tried(what):
    try:
        what()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"

status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines())
inside, outside = sys.argv[1:]
print(json.dumps({
    "inside": tried(lambda: open(f"{inside}/probe", "w")),
    "outside": tried(lambda: open(f"{outside}/probe", "w")),
    "etc": tried(lambda: open("/etc/probe", "w")),
    "netlink": tried(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    "inet": tried(lambda: socket.socket(socket.AF_INET)),
    "chown": tried(lambda: os.chown(inside, 1, 1)),
    "chroot": tried(lambda: os.chroot("/")),
    "nice": tried(lambda: os.setpriority(os.PRIO_PROCESS, 0, 5)),
    "code": tried(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)),
    "capabilities": int(status["CapEff"], 16) | int(status["CapBnd"], 16),
    "no new privileges": status["NoNewPrivs"], "filter": status["Seccomp"],
    "mode": oct(os.stat(f"{inside}/probe").st_mode & 0o777),
}))
"""


def test_the_restrictions_hold_here(units: Path, tmp_path: Path) -> None:
    inside = tmp_path / "state"
    inside.mkdir(mode=0o700)
    probe = [sys.executable, "-c", PROBE, str(inside), str(tmp_path)]
    command = confine.confined(units / "notifier.service", inside, probe)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    readonly = "EROFS" if confine.mounts() else "done"
    assert found.pop("outside") == readonly
    assert found.pop("etc") == readonly or os.geteuid()
    assert found == {
        "inside": "done", "netlink": "EPERM", "inet": "done", "chown": "EPERM", "chroot": "EPERM",
        "nice": "EPERM", "code": "EACCES", "capabilities": 0, "no new privileges": "1",
        "filter": "2", "mode": "0o600",
    }  # fmt: skip


@pytest.fixture
def host() -> Iterator[Stub]:
    server = Stub()
    server.routes |= {"/nodes": Reply(), "/vps": Reply(), "/tasks": task("running")}
    yield server
    server.stop()


def task(status: str) -> Reply:
    row = {"task_id": 7, "status": status, "command": "train.py", "arguments": []}
    return Reply(json.dumps([row]).encode())


MORE = """
secret = "credential:hook"
[[routes]]
template = "mine"
channels = ["ops", "hook"]
"""


def test_a_run_under_them_looks_and_tells_with_a_template_of_ones_own(
    units: Path,
    host: Stub,
    mailbox: Mailbox,
    sink: Sink,
    notifier: Command,
    workplace: Callable[..., Path],
    tmp_path: Path,
) -> None:
    templates, secrets = tmp_path / "templates", tmp_path / "credentials"
    templates.mkdir()
    secrets.mkdir()
    (templates / "mine.txt.j2").write_text(
        "mine: {% for item in items %}{{ item.words }}{% endfor %}"
    )
    (secrets / "hook").write_text("whsec_c2VjcmV0\n")
    config = workplace(
        host.url, mail=mailbox, sink=sink, top=f'[run]\ntemplates = "{templates}"',
        more=MORE,
    )  # fmt: skip
    state = config.with_name("state")
    state.mkdir(mode=0o700)
    config.write_text(config.read_text() + f'[state]\npath = "{state}/state.json"\n')

    def run(unit: str, *args: str) -> Ran:
        command = [sys.executable, "-m", "notifier", "-c", str(config), *args]
        done = subprocess.run(
            confine.confined(units / unit, state, command),
            cwd="/", env=notifier.clean() | {"CREDENTIALS_DIRECTORY": str(secrets)},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    first = run("notifier.service", "check")
    assert (first.code, first.err) == (0, "")
    host.routes["/tasks"] = task("failed")
    emitted = run(
        "notifier-failure@.service", "emit", "--source", "systemd", "--kind", "unit",
        "--id", "backup.service", "--failed",
    )  # fmt: skip
    assert emitted == Ran(0, "", "")
    second = run("notifier.service", "check")
    assert (second.code, second.err) == (1, "")
    assert "train.py failed" in second.out
    assert "backup.service is failing" in second.out
    assert "told hook, ops" in second.out
    assert "mine: " in mailbox.mails[-1].text
    assert sink.requests[-1].headers["webhook-signature"]
    well = run(
        "notifier-success@.service", "emit", "--source", "systemd", "--kind", "unit",
        "--id", "backup.service", "--ok",
    )  # fmt: skip
    assert well == Ran(0, "", "")
    assert "backup.service is back" in run("notifier.service", "check").out
