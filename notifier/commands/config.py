"""`notifier config`: write a first one; is it right, what does it come to, what may stand in it."""

import argparse
from typing import Any
from urllib.parse import urlsplit

import msgspec

from notifier import deliver
from notifier.checks import REFERENCES, SECRETS
from notifier.cli import Context
from notifier.commands import _init, _shared
from notifier.config import Config
from notifier.errors import ConfigError
from notifier.schema import schema, types

HIDDEN = "(hidden)"
# keys of a source that hold secrets
ENDINGS = ("token", "password", "secret", "key")


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `config`."""
    what = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    init = what.add_parser(
        "init", parents=[common], help="ask a host what it is, and write a configuration for it"
    )
    _init.arguments(init)
    what.add_parser("check", parents=[common], help="name everything that is wrong with it")
    what.add_parser(
        "show", parents=[common], help="what it comes to, with defaults and without secrets"
    )
    what.add_parser("schema", parents=[common], help="what may stand in it, as JSON schema")


def main(context: Context) -> int:
    """Writes, checks, shows or describes it. Raises ConfigError with all its faults."""
    if context.args.action == "init":
        return _init.main(context)
    if context.args.action == "schema":
        context.print_json(schema(types()))
        return 0
    config = _shared.configuration(context)
    if context.args.action == "check":
        return _check(context, config)
    shown = as_json(config)
    if context.args.json:
        context.print_json(shown)
    else:
        del shown["version"]
        for line in _lines(shown):
            context.print(line)
    return 0


def _check(context: Context, config: Config) -> int:
    faults = []
    for name, settings in config.channels.items():
        try:
            deliver.check(settings)
        except deliver.DeliverError as error:
            faults.append(f"{config.path.name}: channels.{name}: {error}")
    if faults:
        raise ConfigError(*faults)
    if context.args.json:
        context.print_json({"version": 1, "config": str(config.path), "warnings": config.warnings})
        return 0
    for warning in config.warnings:
        context.log.warning("%s", warning)
    if not context.args.quiet:
        context.print(f"{config.path}: ok")
    return 0


def as_json(config: Config) -> dict[str, Any]:
    """The shape of `config show --json`: the file's own tables with every default filled in.

    Durations are written as in the file; what may be a secret is `(hidden)`, a reference
    (`env:NAME`) is shown. `config` is the file's path, `state.path` the one that is in use.
    """
    return {
        "version": 1,
        "config": str(config.path),
        "default_channels": list(config.default_channels or config.channels),
        "state": {**_plain(config.state), "path": str(config.state_path)},
        "run": _plain(config.run) | {"ping_url": _hidden(config.run.ping_url)},
        "sources": {name: _source(_plain(one)) for name, one in config.sources.items()},
        "channels": {name: _channel(_plain(one)) for name, one in config.channels.items()},
        "routes": [_plain(one) for one in config.routes],
        "windows": {name: _plain(one) for name, one in config.windows.items()},
    }


def _plain(settings: msgspec.Struct) -> Any:
    return msgspec.to_builtins(settings, enc_hook=str)


def _channel(settings: dict[str, Any]) -> dict[str, Any]:
    return settings | {key: _hidden(settings[key]) for key in SECRETS}


def _source(settings: dict[str, Any]) -> dict[str, Any]:
    secret = {key: _hidden(settings[key]) for key in settings if key.lower().endswith(ENDINGS)}
    return settings | secret | ({"url": _address(settings["url"])} if "url" in settings else {})


def _hidden(value: Any) -> Any:
    if isinstance(value, list):
        return [_hidden(one) for one in value]
    return value if not value or str(value).startswith(REFERENCES) else HIDDEN


def _address(url: str) -> str:
    """A source's address without what may be secret in it: user, password and query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = HIDDEN if parts.query else ""
    who = f"{HIDDEN}@" if "@" in parts.netloc else ""
    return parts._replace(netloc=who + host, query=query, fragment="").geturl()


def _lines(value: object, path: str = "") -> list[str]:
    """`table.key = value`, a line each but for what is empty; tables in a list are numbered."""
    if isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        value = {str(number): inner for number, inner in enumerate(value, 1)}
    if not isinstance(value, dict):
        empty = value in ("", [])
        return [] if empty else [f"{path} = {msgspec.json.encode(value).decode()}"]
    return [
        line
        for name, inner in value.items()
        for line in _lines(inner, f"{path}.{name}" if path else str(name))
    ]
