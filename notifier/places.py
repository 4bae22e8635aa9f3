"""Where the configuration is found, and where its state lives. Files follow it, not the user."""

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from notifier.errors import ConfigError

SYSTEM = Path("/etc/notifier/config.toml")


def find(given: str | None, environ: Mapping[str, str]) -> Path:
    """The configuration file: --config, $NOTIFIER_CONFIG, /etc, then the user's own.

    Raises ConfigError when there is none, naming every place that was looked at.
    """
    if given or environ.get("NOTIFIER_CONFIG"):
        path = Path(given or environ["NOTIFIER_CONFIG"]).absolute()
        if not there(path):
            how = "" if given else " ($NOTIFIER_CONFIG names it)"
            raise ConfigError(f"{path}: no such configuration file{how}")
        return path
    places = [SYSTEM, _user(environ, "XDG_CONFIG_HOME", ".config")]
    for path in places:
        if there(path):
            return path
    raise ConfigError(
        f"no configuration: neither {places[0]} nor {places[1]} exists, "
        "and neither --config nor $NOTIFIER_CONFIG names one; `notifier config init` writes one"
    )


def fresh(given: str | None, environ: Mapping[str, str]) -> Path:
    """Where a new configuration belongs: where one is named, in /etc for root, else at home."""
    if given or environ.get("NOTIFIER_CONFIG"):
        return Path(given or environ["NOTIFIER_CONFIG"]).absolute()
    return SYSTEM if os.geteuid() == 0 else _user(environ, "XDG_CONFIG_HOME", ".config")


def there(path: Path) -> bool:
    """Whether it exists. Raises ConfigError where that cannot be seen, or it is a folder."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if stat.S_ISDIR(found.st_mode):
        raise ConfigError(f"{path}: is a folder; name the file in it")
    return True


def read(path: Path) -> dict[str, Any]:
    """The file as TOML, with or without an editor's byte order mark. Raises ConfigError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text") from None
    except ValueError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path}: not valid TOML: nested too deeply") from None


def state_path(path: Path, given: str, environ: Mapping[str, str]) -> Path:
    """Where the state of the configuration at `path` lives: it follows the file, not the user.

    `given` is `state.path`. Raises RuntimeError for the home (`~name`) of nobody.
    """
    if given:
        return path.parent / Path(given).expanduser()
    if path == SYSTEM:
        return Path("/var/lib/notifier/state.json")
    if path == _user(environ, "XDG_CONFIG_HOME", ".config"):
        return _user(environ, "XDG_STATE_HOME", ".local/state").parent / "state.json"
    return path.parent / "state.json"


def _user(environ: Mapping[str, str], variable: str, default: str) -> Path:
    base = environ.get(variable) or str(Path(environ.get("HOME") or "/") / default)
    return Path(base) / "notifier" / "config.toml"
