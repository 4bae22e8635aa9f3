"""Runs a command under the restrictions of a unit, as far as this machine allows without systemd.

`confined(unit, writable, command)` gives the command line. It becomes, one after the other: a
read-only system with one writable folder (bubblewrap), no capabilities and no new privileges
(setpriv), and then (this module as a program) the unit's system calls and families of sockets, no
memory that is writable and executable, its umask.
"""

import ctypes
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

ALLOW, EPERM = 0x7FFF0000, 0x00050001
EQUAL = 4
SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}


class Argument(ctypes.Structure):
    """One condition on an argument of a call, as libseccomp has it."""

    _fields_ = [
        ("arg", ctypes.c_uint), ("op", ctypes.c_int),
        ("a", ctypes.c_uint64), ("b", ctypes.c_uint64),
    ]  # fmt: skip


def service(unit: Path) -> dict[str, list[str]]:
    """Key -> values of the [Service] section, in order."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in unit.read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@cache
def mounts() -> bool:
    """Whether bubblewrap may mount here: not in every container."""
    command = ["bwrap", "--ro-bind", "/", "/", "true"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def confined(unit: Path, writable: Path, command: Sequence[str]) -> list[str]:
    """The command line that runs `command` as the unit would."""
    drop = ["--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    inner = ["setpriv", "--no-new-privs", *drop, sys.executable, __file__, str(unit), *command]
    if not mounts():
        return inner
    return [
        "bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
        "--bind", str(writable), str(writable), "--cap-add", "ALL", "--", *inner,
    ]  # fmt: skip


def calls(words: Sequence[str]) -> set[str]:
    """The system calls that `SystemCallFilter=` allows; a line that begins with ~ takes away."""
    allowed: set[str] = set()
    for value in words:
        taken = {call for word in value.lstrip("~").split() for call in members(word)}
        allowed = allowed - taken if value.startswith("~") else allowed | taken
    return allowed


@cache
def members(word: str) -> frozenset[str]:
    """What a @set stands for."""
    if not word.startswith("@"):
        return frozenset({word})
    command = ["systemd-analyze", "--no-pager", "syscall-filter", word]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line.strip() for line in shown.splitlines()[1:]]
    inside = [line for line in lines if line and not line.startswith("#")]
    return frozenset().union(*map(members, inside))


def filtered(allowed: set[str], families: Sequence[str]) -> None:
    """From here on this process may make these calls and no others."""
    lib: Any = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    lib.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(lib.seccomp_init(ctypes.c_uint32(EPERM)))
    for name in sorted(allowed):
        number = lib.seccomp_syscall_resolve_name(name.encode())
        if number == -1:
            continue
        for family in families if name == "socket" else [""]:
            known = [Argument(0, EQUAL, FAMILIES[family], 0)] if family else []
            rule = (Argument * len(known))(*known)
            lib.seccomp_rule_add_array(context, ctypes.c_uint32(ALLOW), number, len(known), rule)
    if lib.seccomp_load(context):
        raise OSError("seccomp_load")


def main(unit: Path, command: Sequence[str]) -> None:
    """Becomes the command."""
    keys = service(unit)
    os.umask(int(keys["UMask"][-1], 8))
    allowed = calls(keys["SystemCallFilter"])
    if keys["MemoryDenyWriteExecute"] == ["yes"]:
        ctypes.CDLL(None).prctl(SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0)
    filtered(allowed, keys["RestrictAddressFamilies"][-1].split())
    os.execv(command[0], list(command))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
