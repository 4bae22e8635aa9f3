"""Where the configuration is found, and where its state lives. Files follow it, not the user."""

from collections.abc import Mapping
from pathlib import Path

from notifier.errors import ConfigError


def find(given: str | None, environ: Mapping[str, str]) -> Path:
    """The configuration file: --config, $NOTIFIER_CONFIG, /etc, then the user's own.

    Raises ConfigError when there is none, naming every place that was looked at.
    """
    if given or environ.get("NOTIFIER_CONFIG"):
        path = Path(given or environ["NOTIFIER_CONFIG"]).absolute()
        if not path.is_file():
            raise ConfigError(f"{path}: no such configuration file")
        return path
    places = [Path("/etc/notifier/config.toml"), _user(environ, "XDG_CONFIG_HOME", ".config")]
    for path in places:
        if path.is_file():
            return path
    raise ConfigError(
        f"no configuration: neither {places[0]} nor {places[1]} exists, "
        "and neither --config nor $NOTIFIER_CONFIG names one"
    )


def state_path(path: Path, given: str, environ: Mapping[str, str]) -> Path:
    """Where the state of the configuration at `path` lives: it follows the file, not the user."""
    if given:
        return path.parent / Path(given).expanduser()
    if path == Path("/etc/notifier/config.toml"):
        return Path("/var/lib/notifier/state.json")
    if path == _user(environ, "XDG_CONFIG_HOME", ".config"):
        return _user(environ, "XDG_STATE_HOME", ".local/state").parent / "state.json"
    return path.parent / "state.json"


def _user(environ: Mapping[str, str], variable: str, default: str) -> Path:
    base = environ.get(variable) or str(Path(environ.get("HOME") or "/") / default)
    return Path(base) / "notifier" / "config.toml"
