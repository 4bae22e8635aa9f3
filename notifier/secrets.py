"""Resolves references to secrets: `env:NAME`, `file:PATH`, `credential:NAME`, or a literal."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from notifier.errors import SecretError
from notifier.settings import SourceSettings

LIMIT = 64 * 1024


def resolve(reference: str, environ: Mapping[str, str]) -> str:
    """The secret behind `reference`; text without a known prefix is itself.

    Raises SecretError, whose text names the reference and never a value.
    """
    how, _, name = reference.partition(":")
    if how == "env":
        value = environ.get(name, "")
        if not value:
            raise SecretError(f"{reference}: the environment has no such variable, or it is empty")
        return value
    if how == "file":
        return _read(Path(name), reference)
    if how == "credential":
        folder = environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise SecretError(f"{reference}: $CREDENTIALS_DIRECTORY is not set (LoadCredential=)")
        if not re.fullmatch(r"[\w.-]+", name) or name in (".", ".."):
            raise SecretError(f"{reference}: not a credential's name")
        return _read(Path(folder) / name, reference)
    return reference


def revealed(settings: SourceSettings, environ: Mapping[str, str]) -> SourceSettings:
    """A source's settings with the secrets themselves in them. Raises SecretError."""
    found: dict[str, Any] = {}
    if token := getattr(settings, "token", ""):
        found["token"] = resolve(token, environ)
    if headers := getattr(settings, "headers", {}):
        found["headers"] = {name: resolve(one, environ) for name, one in headers.items()}
    return replace(settings, **found) if found else settings


def _read(path: Path, reference: str) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LIMIT + 1)
    except OSError as error:
        raise SecretError(f"{reference}: {error.strerror}") from None
    if len(raw) > LIMIT:
        raise SecretError(f"{reference}: larger than {LIMIT // 1024} kB")
    try:
        value = raw.decode("utf-8").strip("\r\n")
    except UnicodeDecodeError:
        raise SecretError(f"{reference}: not UTF-8 text") from None
    if not value:
        raise SecretError(f"{reference}: is empty")
    return value
