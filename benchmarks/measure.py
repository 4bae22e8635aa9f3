"""Runs processes in pairs, A B A B, and says what each took: wall time and peak memory."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec


class Took(msgspec.Struct, frozen=True):
    """What one process took: seconds on the clock and of the CPU, peak bytes, its exit code."""

    wall: float
    cpu: float
    peak: int
    code: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table: what was measured, its bound, and whether it keeps it."""

    what: str
    found: str
    bound: str
    kept: bool
    more: str = ""


def run(command: Sequence[str], environ: Mapping[str, str] | None = None) -> Took:
    """Runs a process that must print nothing, to its end. Raises RuntimeError when it speaks."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        cwd="/", env=clean() | dict(environ or {}),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = process.stdout.read()
        # wait4 gives the peak of this one process; RUSAGE_CHILDREN only that of the largest ever
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if said:
        raise RuntimeError(f"{command}: {said.decode()}")
    cpu = usage.ru_utime + usage.ru_stime
    return Took(wall, cpu, usage.ru_maxrss * 1024, process.returncode)


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


def clean() -> dict[str, str]:
    """The environment that cron gives: no proxies, no coverage, nothing of this session."""
    return {"PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8"}


def command(config: Path, *more: str) -> list[str]:
    """`notifier check` as it is installed beside this interpreter."""
    return [str(Path(sys.executable).with_name("notifier")), "-c", str(config), "check", *more]
