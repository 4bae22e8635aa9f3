"""What looks wrong in a configuration that holds together: warnings, never errors."""

import stat
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import get_args
from urllib.parse import urlsplit

from notifier import pushed
from notifier.checks import REFERENCES, SECRETS
from notifier.config import Config
from notifier.model import EventType, Family, Health, Severity
from notifier.settings import USUAL, ChannelSettings, Route
from notifier.tables import nearest

# things of our own that a route can match
OWN_SOURCE, OWN_KINDS = "notifier", ("source", "channel", "state")
# keys that mean something to one kind of channel alone
BELONGS = {
    "email": ("smtp", "smtp_user", "smtp_password", "smtp_tls", "sender"),
    "webhook": ("secret",),
}


def doubts(config: Config, kinds: Collection[str]) -> tuple[str, ...]:
    """One line for each thing that looks wrong. `kinds`: what the configured sources can show."""
    lines = [*_unused(config), *_routes(config, kinds)]
    lines += _watching(config)
    if others_can_read(config):
        lines += _literal_secrets(config)
    return tuple(f"{config.path.name}: {line}" for line in lines)


def _watching(config: Config) -> Iterator[str]:
    run = config.run
    if run.metrics_file and not run.metrics_file.endswith(".prom"):
        yield "run: key 'metrics_file': the collector reads only what ends in .prom"
    for name, source in config.sources.items():
        for family, every in source.every.items():
            if every >= run.max_age and (run.metrics_file or run.ping_url):
                yield (
                    f"sources.{name}: key 'every.{family}': not less than run.max_age "
                    f"({run.max_age}): overdue between two looks"
                )


def others_can_read(config: Config) -> bool:
    """Whether more than its owner, or more than the group that root gave it to, can read it."""
    try:
        found = config.path.stat()
    except OSError:
        return False
    others = stat.S_IROTH if found.st_uid == 0 else stat.S_IROTH | stat.S_IRGRP
    return bool(found.st_mode & others)


def _literal_secrets(config: Config) -> Iterator[str]:
    found = [
        (f"channels.{name}", key)
        for name, channel in config.channels.items()
        for key in SECRETS
        if _literal(key, getattr(channel, key))
    ]
    found += [
        (f"sources.{name}", key)
        for name, source in config.sources.items()
        for key in ("token", "url")
        if _literal(f"sources.{key}", getattr(source, key, ""))
    ]
    if _literal("ping_url", config.run.ping_url):
        found.append(("run", "ping_url"))
    found += [
        (f"sources.{name}", f"headers.{header}")
        for name, source in config.sources.items()
        for header, value in getattr(source, "headers", {}).items()
        if _literal("headers", value)
    ]
    for where, key in found:
        yield (
            f"{where}: key '{key}': a secret in a file that others can read; "
            "use file:, env: or credential:, or chmod 600"
        )


def _literal(key: str, value: str | list[str]) -> bool:
    """Whether a secret stands there itself. An address is one where it has a password."""
    if not isinstance(value, str):
        return any(_literal(key, one) for one in value)
    if key in ("webhook", "sources.url"):
        return bool(urlsplit(value).password)
    return bool(value) and not value.startswith(REFERENCES)


def _unused(config: Config) -> Iterator[str]:
    usual = ChannelSettings()
    for name, channel in config.channels.items():
        for kind, keys in BELONGS.items():
            for key in keys:
                if channel.kind != kind and getattr(channel, key) != getattr(usual, key):
                    written = "from" if key == "sender" else key
                    yield f"channels.{name}: key '{written}': means nothing to {channel.kind}"


def _routes(config: Config, kinds: Collection[str]) -> Iterator[str]:
    words: dict[str, Collection[str]] = {
        "source": (*config.sources, OWN_SOURCE),
        "kind": (*kinds, *OWN_KINDS, *pushed.KINDS),
        "family": get_args(Family),
        "type": get_args(EventType),
        "health": get_args(Health),
        "severity": get_args(Severity),
    }
    for number, route in enumerate(config.routes):
        where = f"routes '{route.name}'"
        for key in ("match", "not_match"):
            for line in _fruitless(getattr(route, key), words):
                yield f"{where}: key '{key}.{line}"
        for former in config.routes[:number]:
            if _shadows(former, route):
                yield f"{where}: never decides: route '{former.name}' above takes all of it"
                break


def _fruitless(
    match: Mapping[str, str | list[str]], words: Mapping[str, Collection[str]]
) -> Iterator[str]:
    """Patterns that fit nothing there can be."""
    for field, want in match.items():
        patterns = [want] if isinstance(want, str) else want
        if not patterns:
            yield f"{field}': an empty list fits nothing"
        for pattern in patterns if field in words else ():
            if not any(fnmatchcase(word, pattern) for word in words[field]):
                near = nearest(pattern, words[field])
                if field == "source" and not near:
                    # what `notifier emit` pushes has a name of its own
                    continue
                yield f"{field}': '{pattern[:60]}' fits nothing that is configured{near}"


def _shadows(former: Route, route: Route) -> bool:
    """Whether every event and channel of `route` is already decided by `former`."""
    covered = all(route.match.get(field) == want for field, want in former.match.items())
    events = set(route.events or USUAL) <= set(former.events or USUAL)
    channels = set(route.channels or ()) <= set(former.channels or ()) and bool(route.channels)
    return covered and not former.not_match and events and channels
