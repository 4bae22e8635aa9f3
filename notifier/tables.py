"""Reads one TOML table into one Struct and collects every fault in it, each with its place.

msgspec stops at the first error; a person wants all of them at once, with the nearest good name.
"""

import datetime
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

T = TypeVar("T", bound=msgspec.Struct)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# ten years; what is longer cannot be added to every date
_LONGEST = 3650 * 86400
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Duration(float):
    """Seconds, written `"90s"`, `"5m"`, `"4h"` or `"7d"`."""

    @classmethod
    def parse(cls, text: object) -> "Duration":
        """Raises ValueError for anything but a whole number and one of s, m, h, d."""
        found = re.fullmatch(r"([0-9]{1,9})([smhd])", text) if isinstance(text, str) else None
        if not found:
            raise ValueError('expected a duration such as "90s", "5m", "4h" or "7d"')
        seconds = int(found[1]) * _UNITS[found[2]]
        if seconds > _LONGEST:
            raise ValueError('expected a duration of at most "3650d"')
        return cls(seconds)

    def __str__(self) -> str:
        seconds = int(self)
        for unit in "dhm":
            if seconds and seconds % _UNITS[unit] == 0:
                return f"{seconds // _UNITS[unit]}{unit}"
        return f"{seconds}s"


def nearest(name: str, good: Iterable[str]) -> str:
    """`" (did you mean 'x'?)"`, or nothing when no good name is near."""
    # only a mistake needs it
    import difflib

    found = difflib.get_close_matches(name[:100], list(good), n=1, cutoff=0.6)
    return f" (did you mean '{found[0]}'?)" if found else ""


class Faults:
    """Everything that is wrong with a configuration, and the places where it is.

    What depends on a broken place is not judged: one mistake is told once. `top` are the names at
    the head of the file.
    """

    def __init__(self, top: Collection[str] = ()) -> None:
        self.errors: list[str] = []
        self.broken: set[str] = set()
        self.top = top

    def error(self, where: str, what: str) -> None:
        """Notes what is wrong, and where, on one line that is harmless in a terminal."""
        self.broken.add(where)
        self.errors.append("".join(c if c.isprintable() else "?" for c in f"{where}: {what}"))


def read_table(wanted: type[T], table: object, where: str, faults: Faults) -> T | None:
    """One table into one `wanted`; None when a key that it needs is missing or wrong.

    Each fault is noted. A key that is wrong has its default in what is returned.
    """
    if not isinstance(table, dict):
        faults.error(where, f"expected a table, found {_shown(table)}")
        return None
    fields = {field.encode_name: field for field in msgspec.structs.fields(wanted)}
    for key in table:
        if key not in fields:
            near = " (it belongs above the first [table])" if key in faults.top else ""
            faults.error(where, f"unknown key '{key[:60]}'{near or nearest(key, fields)}")
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in table:
            if field.required:
                faults.error(where, f"key '{name}' is missing")
            continue
        wrong = list(_wrong(field.type, table[name], name))
        for key, what in wrong:
            faults.error(where, f"key '{key[:60]}': {what}")
        if not wrong:
            values[field.name] = _read(field.type, table[name])
    if any(field.required and field.name not in values for field in fields.values()):
        return None
    return wanted(**values)


def read_tables(
    table: object, where: str, faults: Faults, read: Callable[[object, str], T | None]
) -> dict[str, T]:
    """A table of named tables (`[channels.NAME]`): each through `read(table, where)`."""
    if not isinstance(table, dict):
        faults.error(where, f"expected tables [{where}.NAME], found {_shown(table)}")
        return {}
    done: dict[str, T] = {}
    for name, inner in table.items():
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
            faults.error(f"{where}.{name[:64]}", "the name may hold only letters, digits, _ and -")
            continue
        value = read(inner, f"{where}.{name}")
        if value is not None:
            done[name] = value
    return done


def _wrong(
    wanted: Any, value: object, name: str, whole: Callable[[object], object] = lambda part: part
) -> Iterator[tuple[str, str]]:
    """(key, what is wrong with it) for each innermost part that does not fit.

    `whole` puts a part back where it came from: only there it can be judged.
    """
    if isinstance(value, dict) and not _fault(wanted, whole({})):
        for key, part in value.items():
            yield from _wrong(wanted, part, f"{name}.{key}", lambda it, key=key: whole({key: it}))  # type: ignore[misc]
    elif isinstance(value, list) and not _fault(wanted, whole([])):
        for number, part in enumerate(value, 1):
            yield from _wrong(wanted, part, f"{name}.{number}", lambda it: whole([it]))
    elif fault := _fault(wanted, whole(value), value):
        yield name, fault
    elif isinstance(value, str) and _CONTROL.search(value):
        yield name, "holds a line end or another control character"


def _read(wanted: Any, value: object) -> Any:
    return msgspec.convert(value, wanted, dec_hook=_decode, strict=True)


def _decode(wanted: type, value: object) -> object:
    """msgspec's hook for the types of ours that TOML lacks."""
    if wanted is Duration:
        return Duration.parse(value)
    raise NotImplementedError(f"no reader for {wanted!r}")


def _fault(wanted: Any, value: object, part: object = None) -> str:
    """What is wrong with `part` of `value`, in the words of TOML. Never shows a value."""
    try:
        _read(wanted, value)
    except (msgspec.ValidationError, ValueError) as error:
        text = re.sub(r" - at `.*", "", str(error))
    else:
        return ""
    if found := re.fullmatch(r"Invalid enum value '(.*)'", text, re.DOTALL):
        choices = _choices(wanted)
        near = nearest(found[1], choices)
        return f"expected one of {', '.join(choices)}{near}"
    if found := re.fullmatch(r"Expected `(.*)`, got .*", text, re.DOTALL):
        # TOML has no null
        kinds = [name for name in found[1].split(" | ") if name != "null"]
        names = " or ".join(_NAMES.get(name, name) for name in kinds)
        return f"expected {names}, found {_shown(part)}"
    return text


def _choices(wanted: Any) -> list[str]:
    if get_origin(wanted) is Literal:
        return [str(choice) for choice in get_args(wanted)]
    return [choice for inner in get_args(wanted) for choice in _choices(inner)]


_NAMES = {
    "str": "text", "int": "a whole number", "float": "a number", "bool": "true or false",
    "array": "a list", "object": "a table",
}  # fmt: skip


def _shown(value: object) -> str:
    kinds: dict[type, str] = {
        bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list",
        dict: "a table",
        datetime.datetime: "a date", datetime.date: "a date", datetime.time: "a time",
    }  # fmt: skip
    return kinds.get(type(value), "something else")
