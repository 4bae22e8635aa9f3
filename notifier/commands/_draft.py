"""The text of a first configuration: what was asked for is switched on, the rest explained."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime

from notifier.model import Frozen


class Wanted(Frozen, frozen=True, kw_only=True):
    """What a first configuration is made of.

    `where` and `channels` (name -> keys) are as they are to stand in the file. `about` is what the
    host said of itself, `token` empty or a reference; `kind` a kind for the example of a route.
    """

    name: str
    type: str
    where: dict[str, str | list[str]]
    about: str
    token: str
    token_known: bool
    channels: dict[str, dict[str, str | list[str]]]
    kind: str


def text(wanted: Wanted, *, folder: str, schema: str, now: datetime) -> str:
    """The whole file. `folder` is where it will lie, `schema` where an editor finds the schema."""
    parts = [
        [f"#:schema {schema}"] if schema else [],
        _head(wanted, now),
        _source(wanted),
        *(_channel(name, keys, folder) for name, keys in wanted.channels.items()),
        _rest(wanted),
    ]
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(wanted: Wanted, now: datetime) -> Iterator[str]:
    first = next(iter(wanted.channels))
    yield f"# Notifier: written by `notifier config init` on {now:%Y-%m-%d}. It works as it stands;"
    yield '# every line that begins with "#" and a key can be switched on. All keys, for an editor:'
    yield "# notifier config schema."
    yield "#"
    yield "# Is all in place?       notifier doctor"
    yield f"# Does a channel work?   notifier channel test {first}"
    yield "# What would be told?    notifier check --dry-run"
    yield ""


def _source(wanted: Wanted) -> Iterator[str]:
    yield "# ---- what is watched: one table per cluster manager"
    if wanted.about:
        yield f"# {wanted.about}"
    yield f"[sources.{wanted.name}]"
    yield f'type = "{wanted.type}"'
    for key, value in wanted.where.items():
        yield f"{key} = {_quoted(value)}"
    if wanted.token_known:
        yield "# Where the host asks for a token:"
        yield f"{'' if wanted.token else '#'}token = {_quoted(wanted.token or 'env:RIVER_TOKEN')}"
    yield "# How far apart the looks are, when that is not every run:"
    yield '#every = { tasks = "15m", nodes = "5m" }'
    yield "# What is never a problem:"
    yield '#ignore = [{ name = "probe-*" }]'
    yield ""


def _channel(name: str, keys: Mapping[str, str | list[str]], folder: str) -> Iterator[str]:
    yield "# ---- who is told"
    yield f"[channels.{name}]"
    for key, value in keys.items():
        yield f"{key} = {_quoted(value)}"
    if "email" in keys:
        yield "# Where the mail server asks for a login (587 is STARTTLS, 465 TLS from the start):"
        yield '#smtp_user = "notifier"'
        yield f"#smtp_password = {_quoted(f'file:{folder}/smtp-password')}"
    if "webhook" in keys:
        yield "# What requests are signed with (Standard Webhooks):"
        yield f"#secret = {_quoted(f'file:{folder}/webhook-secret')}"
    yield ""


def _rest(wanted: Wanted) -> Iterator[str]:
    names = json.dumps(list(wanted.channels), ensure_ascii=False)
    yield "# ---- who hears of what: without routes everybody hears of everything"
    yield "#[[routes]]"
    yield '#name = "nights"'
    yield f'#match = {{ kind = "{wanted.kind}" }}'
    yield f"#channels = {names}"
    yield '#hold = ["night"]'
    yield ""
    yield "#[windows.night]"
    yield '#from = "22:00"'
    yield '#to = "07:00"'
    yield ""
    yield "#[run]"
    yield "# The zone of times in messages and of windows; without it the machine's:"
    yield '#timezone = "Europe/Berlin"'


def _quoted(value: str | list[str]) -> str:
    """As TOML writes it; the same as JSON for text without control characters."""
    return json.dumps(value, ensure_ascii=False)
