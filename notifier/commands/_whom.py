"""Whom to tell: the part of `config init` that speaks to the person."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from notifier import deliver
from notifier.checks import REFERENCES
from notifier.cli import Context
from notifier.errors import ConfigError
from notifier.settings import ChannelSettings

# how often a question is put before it is given up
TRIES = 3


Keys = dict[str, str | list[str]]


def given(context: Context) -> dict[str, Keys]:
    """Who is to be told by the command line, as tables of the file.

    Raises ConfigError where it says nothing and there is nobody to ask.
    """
    args = context.args
    found: dict[str, Keys] = {}
    if args.email:
        address = args.email[0] if len(args.email) == 1 else list(args.email)
        found["ops"] = {"email": address, "smtp": args.smtp or "localhost"}
    elif args.smtp:
        raise ConfigError("config init: --smtp goes with --email")
    for name, key, value in (
        ("chat", "slack", args.slack),
        ("hook", "webhook", args.webhook),
        ("other", "url", args.apprise),
    ):
        if value:
            found[name] = {key: value}
    if not found:
        _somebody(context)
    return found


def _somebody(context: Context) -> None:
    """Raises ConfigError where nobody can be asked."""
    if context.args.quiet or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigError(
            "config init: without a terminal, say it all: notifier config init URL --email ADDRESS "
            "(or --slack, --webhook, --apprise)"
        )


def asked(context: Context, question: str, read: Callable[[str], Any], usual: str = "") -> Any:
    """The answer of a person at a terminal. Raises ConfigError where none is any good."""
    _somebody(context)
    for _ in range(TRIES):
        sys.stderr.write(question)
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            break
        try:
            if line.strip() or usual:
                return read(line.strip() or usual)
        except ValueError as error:
            sys.stderr.write(f"  {error}\n")
    raise ConfigError("config init: no answer; nothing was written")


def told(context: Context) -> dict[str, Keys]:
    """Whom the person at the terminal wants to be told."""
    question = "Who is told? An e-mail address, or the URL of a webhook (Slack's, or your own): "
    name, keys = asked(context, question, _told)
    if "email" in keys:
        keys["smtp"] = asked(
            context, "Mail server, HOST or HOST:PORT [localhost]: ", str, "localhost"
        )
    return {name: keys}


def _told(answer: str) -> tuple[str, Keys]:
    """What a person answered, as a channel. Raises ValueError."""
    if re.match(r"https://hooks\.slack(-gov)?\.com/", answer):
        return "chat", {"slack": answer}
    if re.match(r"https?://", answer):
        return "hook", {"webhook": answer}
    if "://" in answer:
        return "other", {"url": answer}
    if re.fullmatch(r"[^\s@]+@[^\s@]+", answer):
        return "ops", {"email": answer}
    raise ValueError("that is neither an address nor a URL")


def check(given: dict[str, Keys]) -> None:
    """Raises ConfigError for what nothing could ever be sent with."""
    for name, keys in given.items():
        settings: Any = ChannelSettings
        try:
            deliver.check(settings(**keys))
        except deliver.DeliverError as error:
            raise ConfigError(f"config init: {name}: {error}") from None


def safe(name: str, keys: Keys, folder: Path, kept: dict[Path, str]) -> Keys:
    """The keys with what is secret in them in files of their own."""
    secret = {key: value for key, value in keys.items() if key in ("slack", "url")}
    if urlsplit(str(keys.get("webhook", ""))).password:
        secret["webhook"] = keys["webhook"]
    return keys | {
        key: aside(str(value), folder / f"{name}-url", kept) for key, value in secret.items()
    }


def aside(value: str, path: Path, kept: dict[Path, str]) -> str:
    """A reference as it is; a secret goes into a file, and a reference to it is given."""
    if not value or value.startswith(REFERENCES):
        return value
    kept[path] = value
    return f"file:{path}"
