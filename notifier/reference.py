"""Writes docs/config.md from the tables of the configuration and the comments in their code.

`python -m notifier.reference > docs/config.md`
"""

import inspect
import json
import sys
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from notifier import settings, sources
from notifier.schema import meanings
from notifier.tables import Duration

HEAD = """\
# The configuration

Every key, its type, its default and what it means, written from the code by
`python -m notifier.reference`. [config.example.toml](../config.example.toml) shows most of it at
work; `notifier config check` names everything that is wrong, `notifier config show` what a file
comes to.

The file is TOML: `--config FILE`, else `$NOTIFIER_CONFIG`, else `/etc/notifier/config.toml`, else
`~/.config/notifier/config.toml`. The state follows it: `/var/lib/notifier/state.json` for the file
in `/etc`, `~/.local/state/notifier/state.json` for the one in `~/.config`, else `state.json` beside
the file. Durations are written `"90s"`, `"5m"`, `"4h"`, `"7d"`. Patterns
are exact text, globs (`*`, `?`, `[ab]`), or lists of these. A secret need not stand in the file:
`"env:NAME"` is a variable of the environment, `"file:/PATH"` a file, `"credential:NAME"` a file in
systemd's `$CREDENTIALS_DIRECTORY`.

## Above the first table

| key | type | default | meaning |
| --- | --- | --- | --- |
| `default_channels` | list of text | all channels | who hears of what no route matches |
"""


def reference() -> str:
    """The whole page."""
    tables: list[tuple[str, type[msgspec.Struct]]] = [
        ("[sources.NAME]", settings.SourceSettings),
        *((f"[sources.NAME] of type {name}", sources.settings_of(name)) for name in _types()),
        ("[channels.NAME]", settings.ChannelSettings),
        ("[[routes]]", settings.Route),
        ("[windows.NAME]", settings.Window),
        ("[run]", settings.RunSettings),
        ("[state]", settings.StateSettings),
    ]
    return "\n".join([HEAD, *(line for title, table in tables for line in _section(title, table))])


def _types() -> list[str]:
    """The types that come with us; of those that share their settings, the first."""
    first = {sources.settings_of(name): name for name in reversed(list(sources.BUILT_IN))}
    return sorted(first.values())


def _section(title: str, table: type[msgspec.Struct]) -> Iterator[str]:
    yield f"## {title}\n"
    yield f"{inspect.getdoc(table)}\n"
    yield "| key | type | default | meaning |"
    yield "| --- | --- | --- | --- |"
    told = meanings(table)
    for field in msgspec.structs.fields(table):
        if field.name in told:
            cells = (f"`{field.encode_name}`", _type(field.type), _default(field))
            yield f"| {' | '.join(cells)} | {told[field.name]} |"
    yield ""


def _type(wanted: Any) -> str:
    """A type in the words of a person who writes TOML."""
    plain: dict[Any, str] = {
        str: "text", int: "whole number", bool: "true or false", Duration: "duration",
    }  # fmt: skip
    inner = get_args(wanted)
    origin = get_origin(wanted)
    if wanted in plain:
        return plain[wanted]
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in inner)
    if origin in (Union, UnionType):
        return " or ".join(_type(one) for one in inner if one is not NoneType)
    if origin is list:
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return f"table of {_type(inner[0])} → {_type(inner[1])}"
    raise TypeError(f"no words for {wanted}")


def _default(field: Any) -> str:
    if field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    else:
        value = field.default
    if value is msgspec.NODEFAULT or value is None:
        return "needed"
    if value in ("", [], {}):
        return ""
    return f"`{json.dumps(str(value) if isinstance(value, Duration) else value)}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
