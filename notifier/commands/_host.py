"""Asks a host what it is: the part of `config init` that speaks to the cluster."""

import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from notifier import secrets, sources
from notifier.cli import Context
from notifier.commands._progress import progress
from notifier.errors import ConfigError, SecretError
from notifier.escape import one_line
from notifier.model import SOURCE_WIDE
from notifier.schema import NAME
from notifier.settings import SourceSettings
from notifier.sources import LookFailed
from notifier.tables import Duration, nearest

# seconds for all questions to the host together, and for each
PATIENCE, EACH = 20.0, 8.0


def address(text: str) -> str:
    """A URL, or the whole path of files; what lacks its scheme is taken for HakuRiver's usual one.

    Raises ConfigError.
    """
    text = text.strip()
    if text.startswith("/") and text.isprintable():
        return text
    if "://" not in text:
        text = f"http://{text}"
        if ":" not in text.removeprefix("http://").partition("/")[0]:
            host, slash, path = text.removeprefix("http://").partition("/")
            text = f"http://{host}:8000{slash}{path}"
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or not text.isprintable() or " " in text:
        raise ConfigError("config init: URL: expected an http(s) address")
    if parts.password:
        raise ConfigError("config init: URL: a password does not belong into it; see --token")
    return text


def shown(url: str) -> str:
    """HOST:PORT, or the path of files."""
    return urlsplit(url).netloc.rpartition("@")[2] or url


def who(context: Context, url: str) -> tuple[str, str]:
    """(type, what the host says of itself). Raises LookFailed; with --type that is a warning."""
    given = context.args.type
    known = list(dict.fromkeys(sources.BUILT_IN.values()))
    if given:
        try:
            sources.settings_of(given)
        except KeyError as error:
            near = nearest(given, error.args[0]) or f" (there are: {', '.join(error.args[0])})"
            raise ConfigError(f"--type: unknown type '{given}'{near}") from None
    token = _resolved(context.args.token, context.environ)
    with progress(context, f"asking {shown(url)}"):
        try:
            return _probed([given] if given else known, url, token)
        except LookFailed as failed:
            if not given:
                raise
            context.log.warning("%s: %s; written all the same", shown(url), failed.reason)
    return given, ""


def _resolved(reference: str, environ: Mapping[str, str]) -> str:
    try:
        return secrets.resolve(reference, environ) if reference else ""
    except SecretError as error:
        raise ConfigError(f"--token: {error}") from None


def _probed(types: list[str], url: str, token: str) -> tuple[str, str]:
    """Asks in turn as each type would, until one knows the answer. Raises LookFailed."""
    deadline = time.monotonic() + PATIENCE
    told: list[tuple[str, LookFailed]] = []
    for name in types:
        about: Any = getattr(sources.module(name), "about", None)
        settings = _settings(name, url, token)
        if about is None or settings is None:
            continue
        with sources.connect(settings) as http:
            try:
                return name, one_line(about(settings, http, None, deadline))[:200]
            except LookFailed as failed:
                # it is the same for every type
                if failed.why in (*SOURCE_WIDE, "slow"):
                    raise
                told.append((name, failed))
    for _, one in told:
        if len(told) == 1 or one.status in (401, 403):
            raise one
    tried = "; ".join(f"{name}: {one.reason}" for name, one in told)
    raise LookFailed("refused", f"it is none of those that can be watched ({tried or 'none'})")


def keys(kind: str, url: str) -> dict[str, str | list[str]] | None:
    """Where it is, as this type's table says it; None where it is not found by such an address."""
    fields = _fields(kind)
    if url.startswith("/"):
        return {"paths": [url]} if "paths" in fields else None
    return {"url": url} if "url" in fields else None


def _fields(kind: str) -> set[str]:
    return {field.name for field in msgspec.structs.fields(sources.settings_of(kind))}


def takes(kind: str, key: str) -> bool:
    """Whether a source of this type has such a key."""
    return key in _fields(kind)


def _settings(kind: str, url: str, token: str) -> SourceSettings | None:
    """A source of this type with nothing but an address; None where that is not enough."""
    wanted: Any = sources.settings_of(kind)
    where = keys(kind, url)
    more = {"token": token, "timeout": Duration(EACH)}
    try:
        settings: SourceSettings = wanted(
            type=kind, **(where or {}), **{key: more[key] for key in more if takes(kind, key)}
        )
    except TypeError:
        return None
    return settings if where else None


def kind(kind: str) -> str:
    """A kind of thing that this type shows if nothing is said, for the example of a route."""
    known = sources.module(kind).KINDS
    usual: list[str] = getattr(_settings(kind, "http://localhost", ""), "kinds", None) or list(
        known
    )
    return next((name for name in usual if known[name].finite), usual[0])


def name(given: str | None, url: str, kind: str) -> str:
    """The name of the source: the first word of the host's name, where it has one."""
    if given is not None:
        if not re.fullmatch(NAME["pattern"], given) or given == "notifier":
            raise ConfigError(
                f"--name: '{given[:64]}': only letters, digits, _ and -; not notifier"
            )
        return given
    first, _, rest = (urlsplit(url).hostname or "").partition(".")
    good = re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", first) and first not in ("localhost", "notifier")
    return first if good and not re.fullmatch(r"[0-9.]*", rest or "x") else kind
