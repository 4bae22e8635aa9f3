"""Reads one TOML table into one Struct and collects every fault in it, each with its place.

msgspec stops at the first error; a person wants all of them at once, with the nearest good name.
"""

import difflib
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(float):
    """Seconds, written `"90s"`, `"5m"`, `"4h"` or `"7d"`."""

    @classmethod
    def parse(cls, text: object) -> "Duration":
        """Raises ValueError for anything but a whole number and one of s, m, h, d."""
        found = re.fullmatch(r"(\d{1,9})([smhd])", text) if isinstance(text, str) else None
        if not found:
            raise ValueError('Expected a duration such as "90s", "5m", "4h" or "7d"')
        return cls(int(found[1]) * _UNITS[found[2]])

    def __str__(self) -> str:
        seconds = int(self)
        for unit in "dhm":
            if seconds and seconds % _UNITS[unit] == 0:
                return f"{seconds // _UNITS[unit]}{unit}"
        return f"{seconds}s"


def decode_hook(wanted: type, value: object) -> object:
    """msgspec's hook for the types of ours that TOML lacks."""
    if wanted is Duration:
        return Duration.parse(value)
    raise NotImplementedError(f"no reader for {wanted!r}")


def nearest(name: str, good: Iterable[str]) -> str:
    """`" (did you mean 'x'?)"`, or nothing when no good name is near."""
    found = difflib.get_close_matches(name, list(good), n=1, cutoff=0.6)
    return f" (did you mean '{found[0]}'?)" if found else ""


class Faults:
    """Everything that is wrong with a configuration, and everything that merely looks wrong."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.warnings: list[str] = []

    def error(self, where: str, what: str) -> None:
        """Notes what is wrong, and where."""
        self.errors.append(f"{where}: {what}")

    def warn(self, where: str, what: str) -> None:
        """Notes what merely looks wrong, and where."""
        self.warnings.append(f"{where}: {what}")


def read_table(wanted: type[T], table: object, where: str, faults: Faults) -> T | None:
    """One table into one `wanted`, or None when it has faults (each is noted)."""
    if not isinstance(table, dict):
        faults.error(where, f"expected a table, found {_shown(table)}")
        return None
    before = len(faults.errors)
    fields = {field.encode_name: field for field in msgspec.structs.fields(wanted)}
    for key in table.keys() - fields.keys():
        faults.error(where, f"unknown key '{key}'{nearest(key, fields)}")
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in table:
            try:
                values[field.name] = msgspec.convert(
                    table[name], field.type, dec_hook=decode_hook, strict=True
                )
            except (msgspec.ValidationError, ValueError) as error:
                faults.error(where, f"key '{name}': {_plain(str(error), table[name])}")
        elif field.required:
            faults.error(where, f"key '{name}' is missing")
    return wanted(**values) if len(faults.errors) == before else None


def read_tables(
    table: object, where: str, faults: Faults, read: Callable[[str, object, str], T | None]
) -> dict[str, T]:
    """A table of named tables (`[channels.NAME]`): each through `read(name, table, where)`."""
    if not isinstance(table, dict):
        faults.error(where, f"expected a table of tables, found {_shown(table)}")
        return {}
    done: dict[str, T] = {}
    for name, inner in table.items():
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
            faults.error(where, f"the name '{name[:40]}' may hold only letters, digits, _ and -")
            continue
        value = read(name, inner, f"{where}.{name}")
        if value is not None:
            done[name] = value
    return done


def _shown(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list"}
    return names.get(type(value), type(value).__name__)


def _plain(text: str, value: object) -> str:
    """msgspec's sentence in the words of a person who writes TOML. Never shows the value."""
    text = text.replace(" - at `$`", "").replace("`", "'")
    text = text.replace("'str'", "text").replace("'array'", "a list").replace("'int'", "a number")
    text = text.replace("'object'", "a table").replace("'bool'", "true or false")
    return re.sub(r" - at '\$", " at '", text)
