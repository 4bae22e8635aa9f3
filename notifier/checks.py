"""What a configuration must hold together: names that exist, one destination per channel, zones.

All of it is decided from the parsed tables: no secret is resolved and nothing is asked.
"""

from __future__ import annotations

import ipaddress
import re
import zoneinfo
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from notifier.tables import Faults, nearest

if TYPE_CHECKING:
    from notifier.config import ChannelSettings, Config, Route

# what a route can match: fields of the event and of the thing it is about
FIELDS = (
    "source", "kind", "family", "type", "status", "health", "severity",
    "id", "name", "node", "owner", "group", "labels",
)  # fmt: skip
REFERENCES = ("env:", "file:", "credential:")
SECRETS = ("slack", "smtp_password", "url")


def check(config: Config, faults: Faults) -> None:
    """Notes every error and warning of the whole configuration."""
    if not config.sources and not any(line.startswith("sources") for line in faults.errors):
        faults.error("sources", "no source is configured: add a [sources.NAME] table")
    if not config.channels and not any(line.startswith("channels") for line in faults.errors):
        faults.error("channels", "no channel is configured: add a [channels.NAME] table")
    for name, channel in config.channels.items():
        _channel(f"channels.{name}", channel, faults)
    _known("default_channels", list(config.default_channels), config, faults)
    _routes(config, faults)
    _zone("run", config.run.timezone, faults)
    for name, window in config.windows.items():
        _zone(f"windows.{name}", window.timezone, faults)
        for key, value in (("from", window.begin), ("to", window.to)):
            if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
                faults.error(f"windows.{name}", f"key '{key}': expected a time such as \"22:00\"")
        if window.begin == window.to:
            faults.error(f"windows.{name}", "'from' and 'to' are the same time")


def _zone(where: str, name: str, faults: Faults) -> None:
    if not name:
        return
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = nearest(name, zoneinfo.available_timezones())
        faults.error(where, f"key 'timezone': no such zone{near}")


def _known(where: str, names: list[str], config: Config, faults: Faults) -> None:
    for name in names:
        if name not in config.channels:
            near = nearest(name, config.channels)
            faults.error(where, f"channel '{name}' is not defined{near}")


def _channel(where: str, channel: ChannelSettings, faults: Faults) -> None:
    kinds = [k for k in ("email", "slack", "webhook", "url") if getattr(channel, k)]
    if len(kinds) != 1:
        found = " and ".join(kinds) if kinds else "none of them"
        faults.error(where, f"needs exactly one of email, slack, webhook, url; it has {found}")
        return
    for address in channel.addresses if kinds == ["email"] else []:
        local, at, domain = address.rpartition("@")
        if not (local and at and domain) or any(c.isspace() or c in "<>," for c in address):
            faults.error(where, f"key 'email': '{address[:60]}' is not an address")
    if channel.smtp_password and channel.smtp_tls == "none" and not loopback(channel.smtp):
        faults.error(where, "a password over clear text to another host: set smtp_tls")
    _urls(where, channel, faults)


def _urls(where: str, channel: ChannelSettings, faults: Faults) -> None:
    for key in ("slack", "webhook"):
        value = str(getattr(channel, key))
        if not value or value.startswith(REFERENCES):
            continue
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            faults.error(where, f"key '{key}': expected an http(s) URL")
        elif parts.password and parts.scheme == "http" and not loopback(parts.hostname):
            faults.error(where, f"key '{key}': a password over clear text to another host")
    if channel.url and not channel.url.startswith(REFERENCES) and "://" not in channel.url:
        faults.error(where, "key 'url': expected an Apprise URL (service://...)")


def loopback(host: str) -> bool:
    """Whether `host` (with or without a port) is this machine."""
    name = urlsplit(f"//{host}").hostname or host
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def literal_secrets(config: Config, faults: Faults) -> None:
    """Warns of secrets that stand in a file which others can read."""
    for name, channel in config.channels.items():
        for key in SECRETS:
            value = str(getattr(channel, key))
            if value and not value.startswith(REFERENCES):
                faults.warn(
                    f"channels.{name}",
                    f"key '{key}': a secret in a file that others can read; "
                    "use file:, env: or credential:, or chmod 600",
                )


def _routes(config: Config, faults: Faults) -> None:
    seen: list[Route] = []
    names: set[str] = set()
    for route in config.routes:
        where = f"routes '{route.name}'"
        if route.name in names:
            faults.error(where, "another route has this name")
        names.add(route.name)
        if route.channels is None:
            faults.error(where, "key 'channels' is missing (an empty list discards)")
        if route.max_items < 1:
            faults.error(where, "key 'max_items' must be at least 1")
        _known(where, list(route.channels or ()), config, faults)
        for name in route.hold:
            if name not in config.windows:
                near = nearest(name, config.windows)
                faults.error(where, f"window '{name}' is not defined{near}")
        for field in (*route.match, *route.not_match):
            if field.split(".", 1)[0] not in FIELDS or field == "labels":
                faults.error(where, f"cannot match on '{field}'{nearest(field, FIELDS)}")
        for former in seen:
            if _shadows(former, route):
                faults.warn(where, f"never decides: route '{former.name}' above takes all of it")
                break
        seen.append(route)


def _shadows(former: Route, route: Route) -> bool:
    """Whether every event and channel of `route` is already decided by `former`."""
    covered = all(route.match.get(field) == want for field, want in former.match.items())
    events = not former.events or set(route.events or ()) <= set(former.events) != set()
    if former.events and not route.events:
        events = False
    channels = set(route.channels or ()) <= set(former.channels or ()) and bool(route.channels)
    return covered and not former.not_match and events and channels
