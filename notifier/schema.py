"""The configuration as a JSON schema, for editors: from the same tables that read it.

`notifier config schema > config.schema.json`
"""

import ast
import inspect
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

import msgspec

from notifier import settings, sources
from notifier.checks import KINDS
from notifier.settings import SourceSettings, Table
from notifier.tables import Duration

DRAFT = "https://json-schema.org/draft/2020-12/schema"
DURATION = {"type": "string", "pattern": "^[0-9]{1,9}[smhd]$"}
# what a table in a table of names may be called
NAME = {"pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"}


def schema(types: Iterable[str]) -> dict[str, Any]:
    """The schema of a whole file whose sources are of these types."""
    by_type = {name: sources.settings_of(name) for name in types}
    known: list[type[Table]] = [
        *by_type.values(), settings.ChannelSettings, settings.Route, settings.Window,
        settings.RunSettings, settings.StateSettings,
    ]  # fmt: skip
    return {
        "$schema": DRAFT,
        "title": "Configuration of Notifier",
        "type": "object",
        "required": ["sources", "channels"],
        "additionalProperties": False,
        "properties": {
            "sources": _named(_source(by_type)),
            "channels": _named({"$ref": _place(settings.ChannelSettings)}),
            "routes": {"type": "array", "items": {"$ref": _place(settings.Route)}},
            "default_channels": {
                "description": "who hears of what no route matches",
                "type": "array", "items": {"type": "string"}, "minItems": 1,
            },
            "run": {"$ref": _place(settings.RunSettings)},
            "state": {"$ref": _place(settings.StateSettings)},
            "windows": _named({"$ref": _place(settings.Window)}),
        },
        "$defs": {_name(table): _table(table) for table in dict.fromkeys(known)},
    }  # fmt: skip


def types() -> list[str]:
    """Every type of source that this installation reads, with those of other packages."""
    try:
        sources.module("")
    except KeyError as error:
        return list(error.args[0])
    return []


def meanings(table: type) -> dict[str, str]:
    """The comment above each field that the class itself (and no base of it) declares."""
    lines = inspect.getsource(table).splitlines()
    found = {}
    (body,) = ast.parse("\n".join(lines)).body
    for node in body.body if isinstance(body, ast.ClassDef) else ():
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            above = []
            for line in reversed(lines[: node.lineno - 1]):
                if not line.strip().startswith("#"):
                    break
                above.append(line.strip().removeprefix("#").strip())
            found[node.target.id] = " ".join(reversed(above))
    return found


def _named(inner: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "propertyNames": NAME, "additionalProperties": inner}


def _name(table: type[msgspec.Struct]) -> str:
    """`channel`, `route`, `hakuriver source`: what an editor shows."""
    if issubclass(table, SourceSettings):
        return f"{table.__module__.rpartition('.')[2]} source"
    return table.__name__.removesuffix("Settings").lower()


def _place(table: type[msgspec.Struct]) -> str:
    return f"#/$defs/{_name(table)}"


def _source(by_type: dict[str, type[SourceSettings]]) -> dict[str, Any]:
    """Which keys a source has depends on its type."""
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": sorted(by_type)}},
        "allOf": [
            {
                "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
                "then": {"$ref": _place(table)},
            }
            for name, table in sorted(by_type.items())
        ],
    }


def _table(table: type[msgspec.Struct]) -> dict[str, Any]:
    """One table: each key with its type, its meaning and its default."""
    told: dict[str, str] = {}
    for base in reversed(table.__mro__):
        if issubclass(base, Table) and base is not Table:
            told |= meanings(base)
    properties, required = {}, []
    for field in msgspec.structs.fields(table):
        one = msgspec.json.schema(field.type, schema_hook=_hook)
        if get_origin(field.type) is dict and get_origin(get_args(field.type)[0]) is Literal:
            # which msgspec leaves out
            one["propertyNames"] = {"enum": list(get_args(get_args(field.type)[0]))}
        properties[field.encode_name] = _described(one, field, told.get(field.name, ""))
        if field.required:
            required.append(field.encode_name)
    made: dict[str, Any] = {
        "type": "object", "additionalProperties": False, "properties": properties,
    }  # fmt: skip
    if required:
        made["required"] = sorted(required)
    if table is settings.ChannelSettings:
        # a channel is one destination
        made["oneOf"] = [{"required": [kind]} for kind in KINDS]
    return made


def _described(one: dict[str, Any], field: Any, meaning: str) -> dict[str, Any]:
    default = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    if meaning:
        one["description"] = meaning
    if default is not msgspec.NODEFAULT and default not in (None, "", [], {}):
        one["default"] = str(default) if isinstance(default, Duration) else default
    return one


def _hook(wanted: type) -> dict[str, Any]:
    if wanted is Duration:
        return DURATION
    raise NotImplementedError(f"no schema for {wanted!r}")
