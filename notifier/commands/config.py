"""`notifier config`: is it right, and what does it come to."""

import argparse

import msgspec

from notifier.cli import Context
from notifier.commands import _shared
from notifier.tables import Duration

HIDDEN = ("smtp_password", "slack", "webhook", "secret", "url", "token")


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The arguments of `config`."""
    what = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    what.add_parser("check", parents=[common], help="name everything that is wrong with it")
    what.add_parser("show", parents=[common], help="what it comes to, defaults included")


def main(context: Context) -> int:
    """Checks or shows the configuration. Raises ConfigError with all its faults."""
    config = _shared.configuration(context)
    if context.args.action == "check":
        for warning in config.warnings:
            context.log.warning("%s: %s", config.path.name, warning)
        if not context.args.quiet:
            context.print(f"{config.path}: ok")
        return 0
    shown = {
        "config": str(config.path),
        "state": str(config.state_path),
        **{
            key: _plain(getattr(config, key))
            for key in ("default_channels", "run", "sources", "channels", "routes")
        },
    }
    if context.args.json:
        context.print_json(shown)
    else:
        _print(context, shown)
    return 0


def _plain(value: object, key: str = "") -> object:
    """A settings value as plain data, with secrets hidden and durations as they are written."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.fields(value)
        return {f.encode_name: _plain(getattr(value, f.name), f.name) for f in fields}
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, key) for inner in value]
    if isinstance(value, Duration):
        return str(value)
    if key in HIDDEN and isinstance(value, str) and value:
        reference = value.startswith(("env:", "file:", "credential:"))
        source_url = key == "url" and value.startswith(("http://", "https://")) and "@" not in value
        return value if reference or source_url else "(hidden)"
    return value


def _print(context: Context, value: object, path: str = "") -> None:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            _print(context, inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for number, inner in enumerate(value, 1):
            _print(context, inner, f"{path}.{number}")
    else:
        context.print(f"{path} = {msgspec.json.encode(value).decode()}")
