"""Who runs `notifier check`: crontabs and timers of systemd, as far as this user can see them."""

import contextlib
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from notifier.doctor.finding import Finding, odd, well

_CHECK = re.compile(r"\bnotifier\b(?!-failure)[^#]*\bcheck\b")
UNITS = ("etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system",
         "usr/lib/systemd/system", "lib/systemd/system")  # fmt: skip
# bytes of a crontab or unit that are read
MOST = 256 * 1024
DAEMONS = ("cron", "crond", "anacron", "fcron", "bcron-start", "busybox", "systemd")


class Job(NamedTuple):
    """One line that runs a check. `user` is empty where the file says none."""

    where: str
    line: str
    user: str = ""
    path: str = ""


def schedule(root: Path, owner: str, environ: Mapping[str, str]) -> Iterator[Finding]:
    """What runs a check, and what is wrong with it. `owner` owns the state's folder, if anybody.

    `root` is / but in tests.
    """
    jobs = [*_system(root), *_own(root)]
    timers = list(_timers(root, environ))
    for job in jobs:
        yield _judged(job, owner)
    for name, enabled in timers:
        if enabled:
            yield well("schedule", "systemd", f"{name} is enabled")
        else:
            fix = f"systemctl enable --now {name}"
            yield odd("schedule", "systemd", f"{name} is there and not enabled", fix)
    if not jobs and not any(enabled for _, enabled in timers):
        said = "no crontab and no timer that this user can see runs `notifier check`"
        fix = "install contrib/cron/notifier as /etc/cron.d/notifier, or a systemd timer"
        yield odd("schedule", "cron", said, fix)
    elif jobs and not timers and not _runs(root):
        said = "a crontab is there, and no cron runs"
        yield odd("schedule", "cron", said, "start cron: systemctl start cron")


def _judged(job: Job, owner: str) -> Finding:
    said = f"{job.where}: {job.line}"
    if owner and job.user and job.user != owner:
        fix = f"let {owner} run it: that is who the state belongs to"
        return odd("schedule", "cron", f"{said} (as {job.user})", fix)
    if job.path and not shutil.which("notifier", path=job.path) and "/notifier" not in job.line:
        fix = "ln -s the command into one of its folders, or write its whole path"
        return odd("schedule", "cron", f"{said}: its PATH has no notifier", fix)
    return well("schedule", "cron", said)


def _system(root: Path) -> Iterator[Job]:
    """/etc/crontab and /etc/cron.d, whose lines name a user."""
    places = [root / "etc/crontab", *_listed(root / "etc/cron.d")]
    for path in places:
        # cron passes over such names
        if path.parent.name == "cron.d" and not re.fullmatch(r"[A-Za-z0-9_-]+", path.name):
            continue
        text = _text(path)
        found = re.findall(r"(?m)^PATH\s*=\s*(.*?)\s*$", text)
        for line in _lines(text):
            fields = line.split()
            at = 1 if line.startswith("@") else 5
            user = fields[at] if len(fields) > at + 1 else ""
            yield Job(
                f"/{path.relative_to(root)}", line, user, found[-1].strip("\"'") if found else ""
            )


def _own(root: Path) -> Iterator[Job]:
    """The crontabs of people: their own by `crontab -l`, all of them for root."""
    for folder in ("var/spool/cron/crontabs", "var/spool/cron"):
        for path in _listed(root / folder):
            for line in _lines(_text(path)):
                yield Job(f"crontab of {path.name}", line, path.name)
    command = shutil.which("crontab")
    if root == Path("/") and command and os.geteuid() != 0:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(  # noqa: S603
                [command, "-l"], capture_output=True, timeout=3, check=False,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
            me = pwd.getpwuid(os.geteuid()).pw_name
            for line in _lines(done.stdout.decode("utf-8", "replace")):
                yield Job(f"crontab of {me}", line, me)


def _timers(root: Path, environ: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    """(name, enabled) of each timer whose service runs a check."""
    folders = [root / one for one in UNITS]
    home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME") or "/") / ".config")
    if root == Path("/"):
        folders.append(Path(home) / "systemd" / "user")
    units = {path.name: path for one in reversed(folders) for path in _listed(one)}
    for name in sorted(units):
        if not name.endswith(".timer"):
            continue
        named = re.findall(r"(?m)^\s*Unit\s*=\s*(\S+)", _text(units[name]))
        service = units.get(named[-1] if named else f"{name.removesuffix('.timer')}.service")
        runs = re.findall(r"(?m)^\s*ExecStart\s*=(.*)$", _text(service)) if service else []
        if any(_CHECK.search(line) for line in runs):
            wants = (one / "timers.target.wants" / name for one in folders)
            yield name, any(one.is_symlink() or one.exists() for one in wants)


def _runs(root: Path) -> bool:
    """Whether something that may read crontabs runs; true where that cannot be seen."""
    names = {_text(path / "comm").strip() for path in _listed(root / "proc") if path.name.isdigit()}
    return not names or bool(names.intersection(DAEMONS))


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MOST).decode("utf-8", "replace")
    except OSError:
        return ""


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if not line.lstrip().startswith("#") and _CHECK.search(line):
            yield " ".join(line.split())
