"""What is shipped: the cron file, the units, the wheel on a machine without a checkout."""

import re
import shlex
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest
from peers import Command, Mailbox

from notifier.cli import parser
from notifier.commands.check import GRACE, SAYING
from notifier.deliver.ping import LIMIT
from notifier.errors import Exit
from notifier.settings import RunSettings, StateSettings

ROOT = Path(__file__).parents[1]
CRON = ROOT / "contrib" / "cron" / "notifier"
SYSTEMD = ROOT / "contrib" / "systemd"


# what is made from the parser -> where man and the shells look for it
SHIPPED = {
    "man/notifier.1": "man/man1/notifier.1",
    "completion/notifier": "bash-completion/completions/notifier",
    "completion/_notifier": "zsh/site-functions/_notifier",
    "completion/notifier.fish": "fish/vendor_completions.d/notifier.fish",
}


def cron_lines() -> list[str]:
    return [line for line in CRON.read_text().splitlines() if line and not line.startswith("#")]


def test_cron_accepts_the_name_and_the_end_of_its_file() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]+", CRON.name)
    raw = CRON.read_bytes()
    assert raw.endswith(b"\n")
    assert b"\r" not in raw
    assert raw.isascii()


def test_the_cron_file_sets_a_path_that_needs_no_expansion_and_an_address() -> None:
    pairs = [line.split("=", 1) for line in cron_lines() if re.match(r"[A-Z]+=", line)]
    settings = dict(pairs)
    assert settings == {
        "SHELL": "/bin/sh",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "MAILTO": "root",
    }


def test_the_cron_file_has_one_job_with_a_user_and_without_percent_signs() -> None:
    (job,) = (line for line in cron_lines() if not re.match(r"[A-Z]+=", line))
    minute, hour, day, month, weekday, user, command = job.split(maxsplit=6)
    assert re.fullmatch(r"\*(/[12])?", minute)
    assert (hour, day, month, weekday) == ("*", "*", "*", "*")
    assert user == "notifier"
    assert command == "notifier check -q"


def units(pattern: str) -> list[Path]:
    return sorted(SYSTEMD.glob(pattern))


def settings(unit: Path) -> dict[str, str]:
    """Key -> value of a unit, the last where there are several."""
    lines = unit.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]\w+=", line))


def test_the_service_outlives_the_longest_run_and_takes_its_news_for_success() -> None:
    service = settings(SYSTEMD / "notifier.service")
    minutes = int(service["TimeoutStartSec"].removesuffix("min"))
    # the watchdog takes as long as a ping and two lines to stderr
    longest = StateSettings().lock_wait + RunSettings().deadline + GRACE + LIMIT + 2 * SAYING
    assert minutes * 60 > longest
    told = (Exit.FOUND, Exit.UNREADABLE, Exit.UNDELIVERED, Exit.LOCKED)
    assert service["SuccessExitStatus"] == " ".join(str(int(code)) for code in told)
    assert service["Type"] == "oneshot"


def test_all_services_run_as_the_same_static_user_and_write_to_the_same_folder() -> None:
    user = (SYSTEMD / "sysusers.d" / "notifier.conf").read_text().splitlines()[-1]
    assert user.startswith("u notifier ")
    assert len(units("*.service")) == 3
    for unit in units("*.service"):
        found = settings(unit)
        assert found["User"] == found["Group"] == found["StateDirectory"] == "notifier"
        assert "DynamicUser" not in found
        assert found["CapabilityBoundingSet"] == ""
        assert found["NoNewPrivileges"] == "yes"
        assert found["ExecStart"].startswith("/usr/local/bin/notifier ")


def test_what_the_units_call_is_a_command_line_that_we_take() -> None:
    for unit in units("*.service"):
        line = settings(unit)["ExecStart"].replace("%i", "backup.service").replace("%l", "srv1")
        words = shlex.split(line.replace("${MONITOR_SERVICE_RESULT}", ""))[1:]
        args = parser(words).parse_args(words)
        assert args.command in ("check", "emit")
    assert settings(SYSTEMD / "notifier.timer")["OnCalendar"] == "*:0/2"


def call(*command: str | Path) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(
        list(map(str, command)), cwd="/", capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.wheel
def test_the_wheel_made_from_the_sdist_sends_a_rendered_mail_from_anywhere(
    tmp_path: Path, notifier: Command, mailbox: Mailbox, workplace: Callable[..., Path]
) -> None:
    call(sys.executable, "-m", "build", "--outdir", tmp_path / "dist", ROOT)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert len(list((tmp_path / "dist").glob("*.tar.gz"))) == 1
    bare = tmp_path / "bare"
    venv.create(bare, with_pip=True)
    call(bare / "bin" / "python", "-m", "pip", "install", "--quiet", wheel)

    shared = bare / "share" / "doc" / "notifier"
    assert (shared / "cron" / "notifier").read_bytes() == CRON.read_bytes()
    assert (shared / "config.example.toml").is_file()
    assert (shared / "config.schema.json").is_file()
    for name in ("prometheus", "systemd"):
        for one in filter(Path.is_file, (ROOT / "contrib" / name).rglob("*")):
            shipped = shared / one.relative_to(ROOT / "contrib")
            assert shipped.read_bytes() == one.read_bytes()
    for kept, name in SHIPPED.items():
        assert (bare / "share" / name).read_bytes() == (ROOT / "contrib" / kept).read_bytes()

    installed = bare / "bin" / "notifier"
    assert call(installed, "--version").startswith("notifier ")
    config = workplace("http://127.0.0.1:1", mail=mailbox)
    done = subprocess.run(
        [installed, "-c", config, "channel", "test", "ops"],
        cwd="/",
        env=notifier.clean(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    problem, _ending = mailbox.mails
    assert "TEST" in problem.text
    assert problem.message.get_body(("html",)) is not None
