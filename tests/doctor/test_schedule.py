"""Who runs the check: crontabs and timers, found where they lie and judged."""

from pathlib import Path

import pytest

from notifier.doctor.schedule import schedule

CRON = Path(__file__).parents[2] / "contrib" / "cron" / "notifier"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("etc/cron.d", "etc/systemd/system/timers.target.wants", "usr/bin", "proc/1"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "proc/1/comm").write_text("cron\n")
    return tmp_path


def seen(root: Path, owner: str = "notifier") -> list[tuple[str, str]]:
    return [(one.mark, one.said) for one in schedule(root, owner, {})]


def test_nothing_is_a_warning_that_says_what_to_install(root: Path) -> None:
    (found,) = schedule(root, "", {})
    assert found.mark == "warn"
    assert "no crontab and no timer" in found.said
    assert "contrib/cron/notifier" in found.fix


def test_our_own_file_is_found_with_its_user(root: Path) -> None:
    text = CRON.read_text().replace("PATH=/usr/local/bin", f"PATH={root}/usr/bin")
    (root / "etc/cron.d/notifier").write_text(text)
    command = root / "usr/bin/notifier"
    command.touch(mode=0o755)
    line = "*/2 * * * * notifier notifier check -q"
    assert seen(root) == [("ok", f"/etc/cron.d/notifier: {line}")]
    assert seen(root, "anna") == [("warn", f"/etc/cron.d/notifier: {line} (as notifier)")]


def test_a_path_that_lacks_the_command_is_a_warning(root: Path) -> None:
    job = "PATH=/nowhere\n* * * * * notifier notifier check -q\n"
    (root / "etc/cron.d/notifier").write_text(job)
    ((mark, said),) = seen(root)
    assert (mark, said.endswith("its PATH has no notifier")) == ("warn", True)
    whole = job.replace("notifier check", "/opt/notifier/bin/notifier check")
    (root / "etc/cron.d/notifier").write_text(whole)
    assert seen(root)[0][0] == "ok"


@pytest.mark.parametrize("name", ["notifier.conf", "notifier~", "notifier.dpkg-old"])
def test_a_name_that_cron_passes_over_is_none(name: str, root: Path) -> None:
    (root / "etc/cron.d" / name).write_text("* * * * * notifier notifier check\n")
    assert seen(root)[0][1].startswith("no crontab")


@pytest.mark.parametrize(
    "line", ["# * * * * * notifier check", "* * * * * root backup check", "NOTIFIER=check", ""]
)
def test_what_runs_no_check_is_none(line: str, root: Path) -> None:
    (root / "etc/crontab").write_text(f"{line}\n")
    assert seen(root)[0][1].startswith("no crontab")


def test_the_crontab_of_a_person_is_found_by_root(root: Path) -> None:
    (root / "var/spool/cron/crontabs").mkdir(parents=True)
    (root / "var/spool/cron/crontabs/anna").write_text("@hourly /opt/n/bin/notifier check -q\n")
    assert seen(root, "anna") == [
        ("ok", "crontab of anna: @hourly /opt/n/bin/notifier check -q")
    ]  # fmt: skip


def test_a_crontab_without_a_cron_is_a_warning(root: Path) -> None:
    (root / "etc/crontab").write_text("* * * * * root /x/notifier check\n")
    (root / "proc/1/comm").write_text("sh\n")
    assert seen(root, "root")[-1] == ("warn", "a crontab is there, and no cron runs")


def units(root: Path, *, enabled: bool, command: str = "/usr/bin/notifier check -q") -> None:
    folder = root / "etc/systemd/system"
    (folder / "notifier.timer").write_text("[Timer]\nOnCalendar=minutely\nUnit=look.service\n")
    (folder / "look.service").write_text(f"[Service]\nExecStart={command}\n")
    if enabled:
        (folder / "timers.target.wants/notifier.timer").symlink_to("../notifier.timer")


def test_a_timer_is_found_by_what_its_service_runs(root: Path) -> None:
    units(root, enabled=True)
    assert seen(root) == [("ok", "notifier.timer is enabled")]


def test_our_own_timer_is_found(root: Path) -> None:
    ours = CRON.parents[1] / "systemd"
    folder = root / "etc/systemd/system"
    for unit in ours.glob("notifier*"):
        (folder / unit.name).write_text(unit.read_text())
    assert [mark for mark, _ in seen(root)] == ["warn", "warn"]
    (folder / "timers.target.wants/notifier.timer").symlink_to("../notifier.timer")
    assert seen(root) == [("ok", "notifier.timer is enabled")]


def test_a_timer_that_is_not_enabled_is_a_warning(root: Path) -> None:
    units(root, enabled=False)
    assert seen(root)[0] == ("warn", "notifier.timer is there and not enabled")


def test_a_timer_of_something_else_is_none(root: Path) -> None:
    units(root, enabled=True, command="/usr/bin/backup check")
    assert seen(root)[0][1].startswith("no crontab")


def test_files_that_are_no_text_or_cannot_be_read_do_no_harm(root: Path) -> None:
    (root / "etc/crontab").write_bytes(b"\xff\x00* * * notifier\n" * 10_000)
    (root / "etc/cron.d/loop").symlink_to("loop")
    (root / "etc/cron.d/folder").mkdir()
    assert len(seen(root)) == 1
