"""The configuration as a whole: read from its file, and whether it holds together."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from notifier import checks
from notifier.errors import ConfigError
from notifier.places import read, state_path
from notifier.settings import (
    ChannelSettings,
    Destination,
    Route,
    RunSettings,
    SourceSettings,
    StateSettings,
    Window,
)
from notifier.tables import Faults, nearest, read_table, read_tables

T = TypeVar("T", bound=msgspec.Struct)


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration that holds together."""

    path: Path
    state_path: Path
    sources: dict[str, SourceSettings]
    channels: dict[str, ChannelSettings]
    routes: tuple[Route, ...] = ()
    default_channels: tuple[str, ...] = ()
    run: RunSettings = RunSettings()
    state: StateSettings = StateSettings()
    windows: dict[str, Window] = {}
    warnings: tuple[str, ...] = ()

    def destinations(self) -> dict[str, Destination]:
        """Every row of the outbox by its name: `ops`, or `ops/anna@example.org` for a list."""
        rows = {}
        for name, settings in self.channels.items():
            several = settings.kind == "email" and len(settings.addresses) > 1
            for address in settings.addresses if settings.kind == "email" else [""]:
                row = f"{name}/{address}" if several else name
                rows[row] = Destination(row, name, settings, address)
        return rows

    def rows_of(self, name: str) -> list[str]:
        """The rows that `name` (a channel or a row, maybe of a former list) stands for today."""
        rows = self.destinations()
        if name in rows:
            return [name]
        channel = name.split("/", 1)[0]
        return [row for row, there in rows.items() if there.channel == channel]


TOP = ("sources", "channels", "routes", "default_channels", "run", "state", "windows")


def load(
    path: Path, settings_of: Callable[[str], type[SourceSettings]], environ: Mapping[str, str]
) -> Config:
    """Reads and checks the file. Raises ConfigError with all its faults at once.

    `settings_of(type)` gives a source type's settings; it raises KeyError with the known types.
    """
    document = read(path)
    faults = Faults(TOP)
    for key in document:
        if key not in TOP:
            near = nearest(key, TOP)
            faults.error("top level", f"unknown key '{key[:60]}'{near}")
            # what it was meant to be is neither missing nor empty
            faults.broken |= {name for name in TOP if f"'{name}'" in near}
    config = _assemble(document, path, settings_of, environ, faults)
    checks.check(config, faults)
    if faults.errors:
        raise ConfigError(*(f"{path.name}: {line}" for line in faults.errors))
    return config


def _assemble(
    document: dict[str, Any],
    path: Path,
    settings_of: Callable[[str], type[SourceSettings]],
    environ: Mapping[str, str],
    faults: Faults,
) -> Config:
    def table(name: str, wanted: type[T]) -> T:
        return read_table(wanted, document.get(name, {}), name, faults) or wanted()

    def tables(name: str, read: Callable[[object, str], T | None]) -> dict[str, T]:
        return read_tables(document.get(name, {}), name, faults, read)

    state = table("state", StateSettings)
    return Config(
        path=path,
        state_path=_state_path(path, state, environ, faults),
        sources=tables("sources", lambda one, where: _source(one, where, settings_of, faults)),
        channels=tables("channels", lambda one, at: read_table(ChannelSettings, one, at, faults)),
        routes=_routes(document.get("routes", []), faults),
        default_channels=_names(document.get("default_channels"), faults),
        run=table("run", RunSettings),
        state=state,
        windows=tables("windows", lambda one, where: read_table(Window, one, where, faults)),
    )


def _state_path(
    path: Path, state: StateSettings, environ: Mapping[str, str], faults: Faults
) -> Path:
    try:
        return state_path(path, state.path, environ)
    except RuntimeError:
        faults.error("state", "key 'path': no such user's home; write the whole path")
        return path


def _source(
    table: object, where: str, settings_of: Callable[[str], type[SourceSettings]], faults: Faults
) -> SourceSettings | None:
    kind = table.get("type") if isinstance(table, dict) else None
    if not isinstance(kind, str):
        # without a type nothing can be said of the other keys
        head = {"type": kind} if kind is not None else {}
        return read_table(SourceSettings, head if isinstance(table, dict) else table, where, faults)
    try:
        wanted = settings_of(kind)
    except KeyError as error:
        known = list(error.args[0])
        near = nearest(kind, known) or f" (there are: {', '.join(known)})"
        faults.error(where, f"key 'type': unknown type '{kind[:60]}'{near}")
        return None
    return read_table(wanted, table, where, faults)


def _routes(tables: object, faults: Faults) -> tuple[Route, ...]:
    if not isinstance(tables, list):
        faults.error("routes", "expected [[routes]] tables")
        return ()
    routes = []
    for number, table in enumerate(tables, 1):
        named = table.get("name") if isinstance(table, dict) else None
        name = named if isinstance(named, str) and named else f"{number}"
        route = read_table(Route, table, f"routes '{name}'", faults)
        if route is not None:
            routes.append(msgspec.structs.replace(route, name=name))
    return tuple(routes)


def _names(value: object, faults: Faults) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return tuple(value)
    faults.error("default_channels", "expected a list of channels; leave it out for all of them")
    return ()
