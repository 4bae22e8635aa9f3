"""Runs processes in pairs, A B A B, and says what each took: wall time and peak memory."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

# a channel to which nothing is ever said
HOOK = '[channels.hook]\nwebhook = "http://127.0.0.1:9/"\n'


class Took(msgspec.Struct, frozen=True):
    """What one process took: seconds on the clock and of the CPU, peak bytes, exit code, output."""

    wall: float
    cpu: float
    peak: int
    code: int
    said: bytes = b""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table: what was measured, its bound, and whether it keeps it."""

    what: str
    found: str
    bound: str
    kept: bool
    more: str = ""


def run(command: Sequence[str], *, quiet: bool = True) -> Took:
    """Runs a process to its end. Raises RuntimeError when it is to be `quiet` and prints."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        cwd="/", env=clean(),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = process.stdout.read()
        # wait4 gives the peak of this one process; RUSAGE_CHILDREN only that of the largest ever
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if said and quiet:
        raise RuntimeError(f"{command}: {said.decode()}")
    cpu = usage.ru_utime + usage.ru_stime
    return Took(wall, cpu, usage.ru_maxrss * 1024, process.returncode, said)


def pairs(one: Callable[[], Took], other: Callable[[], Took], count: int) -> tuple[list[Took], ...]:
    """Both in turn, `count` times; a first pair warms caches and is not counted."""
    one(), other()
    found = [(one(), other()) for _ in range(count)]
    return [a for a, _ in found], [b for _, b in found]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def ratio(one: Sequence[Took], other: Sequence[Took]) -> list[float]:
    """How much longer `other` took than `one`, pair by pair, in order of size."""
    return sorted(b.wall / a.wall for a, b in zip(one, other, strict=True))


def ratio_row(what: str, one: Sequence[Took], other: Sequence[Took], bound: float) -> Row:
    """A row that says how much longer `other` took than `one`."""
    found = ratio(one, other)
    quarter = len(found) // 4
    plain, ours = (median([took.wall for took in each]) * 1e3 for each in (one, other))
    cpu = median([b.cpu / a.cpu for a, b in zip(one, other, strict=True)])
    return Row(
        what=what,
        found=f"{median(found):.2f}",
        bound=f"{bound:.2f}",
        kept=median(found) <= bound,
        more=f"{ours:.0f} ms and {plain:.0f} ms; {len(found)} pairs, half of them between "
        f"{found[quarter]:.2f} and {found[-1 - quarter]:.2f}; CPU {cpu:.2f}",
    )


def clean() -> dict[str, str]:
    """The environment that cron gives: no proxies, no coverage, nothing of this session."""
    return {"PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8"}


def configured(folder: Path, urls: Sequence[str], channels: str = HOOK) -> Path:
    """Writes a configuration with sources `river0`, `river1`, ... and gives its path."""
    lines = ["[run]", 'first_run = "silent"']
    for number, url in enumerate(urls):
        lines += [f"[sources.river{number}]", 'type = "hakuriver"', f'url = "{url}"']
    path = folder / "config.toml"
    path.write_text("\n".join([*lines, channels]))
    path.chmod(0o600)
    return path


def command(config: Path, *more: str) -> list[str]:
    """`notifier check` as it is installed beside this interpreter."""
    return [str(Path(sys.executable).with_name("notifier")), "-c", str(config), "check", *more]


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | measured | bound | kept | more |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        kept = "yes" if row.kept else "**no**"
        lines.append(f"| {row.what} | {row.found} | {row.bound} | {kept} | {row.more} |")
    return "\n".join(lines)
