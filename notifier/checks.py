"""What a configuration must hold together: names that exist, one destination per channel, zones.

All of it is decided from the parsed tables: no secret is resolved and nothing is asked. What
follows from a fault that was noted before is not a second one.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from email.utils import parseaddr
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from notifier.tables import Duration, Faults, nearest

if TYPE_CHECKING:
    from notifier.config import Config
    from notifier.settings import ChannelSettings, Route, SourceSettings

# what a route can match: fields of the event and of the thing it is about
FIELDS = (
    "source", "kind", "family", "type", "status", "health", "severity",
    "id", "name", "node", "owner", "group", "labels",
)  # fmt: skip
# what `ignore` can match: fields of the thing alone
SEEN = ("name", "id", "node", "owner", "group", "status", "kind")
PLACEHOLDERS = ("id", "name", "node")
REFERENCES = ("env:", "file:", "credential:")
KINDS = ("email", "slack", "webhook", "url")
# headers that our own client decides
OURS = ("accept", "accept-encoding", "connection", "content-length", "host", "transfer-encoding")
# keys of a channel that are or hold secrets
SECRETS = ("smtp_password", "slack", "webhook", "secret", "url")
_ADDRESS = re.compile(
    r'[^\s<>,@":]+@[^\s<>,@":.]+(\.[^\s<>,@":.]+)*|[^\s<>,@":]+@\[[0-9A-Fa-f:.]+\]'
)
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]@]+)(:(?P<port>[0-9]{1,5}))?")


def check(config: Config, faults: Faults) -> None:
    """Notes every fault that is in no table alone."""
    for tables, what in ((config.sources, "sources"), (config.channels, "channels")):
        if not tables and not any(place.split(".")[0] == what for place in faults.broken):
            faults.error(what, f"no {what[:-1]} is configured: add a [{what}.NAME] table")
    for name, source in config.sources.items():
        _source(f"sources.{name}", name, source, faults)
    for name, channel in config.channels.items():
        _channel(f"channels.{name}", channel, faults)
    _known("default_channels", config.default_channels, "channel", config.channels, faults)
    _routes(config, faults)
    _zone("run", config.run.timezone, faults)
    _positive("run", "deadline", [config.run.deadline], faults)
    _positive("run", "flap_window", [config.run.flap_window], faults)
    _positive("run", "max_age", [config.run.max_age], faults)
    _reference("run", "ping_url", config.run.ping_url, faults)
    if not config.run.ping_url.startswith(REFERENCES):
        _url("run", "ping_url", config.run.ping_url, faults)
    _windows(config, faults)


def _windows(config: Config, faults: Faults) -> None:
    for name, window in config.windows.items():
        where = f"windows.{name}"
        _zone(where, window.timezone, faults)
        for key, value in (("from", window.begin), ("to", window.to)):
            if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
                faults.error(where, f"key '{key}': expected a time such as \"22:00\"")
        if window.begin == window.to:
            faults.error(where, "'from' and 'to' are the same time")


def _zone(where: str, name: str, faults: Faults) -> None:
    if not name:
        return
    # slow to import, and not every configuration names a zone
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = nearest(name, zoneinfo.available_timezones()) or ' (names are like "Europe/Berlin")'
        faults.error(where, f"key 'timezone': no such zone{near}")


def _positive(where: str, key: str, values: Iterable[Duration], faults: Faults) -> None:
    if not all(values):
        faults.error(where, f"key '{key}': must be more than 0")


def _known(
    where: str, names: Iterable[str], what: str, there: Iterable[str], faults: Faults
) -> None:
    """Notes names that nothing has; those of a broken table are known well enough."""
    for name in names:
        if name not in there and not {f"{what}s", f"{what}s.{name}"} & faults.broken:
            near = nearest(name, there)
            faults.error(where, f"{what} '{name[:60]}' is not defined{near}")


def _source(where: str, name: str, source: SourceSettings, faults: Faults) -> None:
    if name == "notifier":
        faults.error(where, "the name 'notifier' is taken: it stands for Notifier itself")
    for number, pattern in enumerate(source.ignore, 1):
        if not pattern:
            faults.error(where, f"key 'ignore.{number}': is empty, and would fit everything")
        _fields(where, f"ignore.{number}", pattern, SEEN, faults)
    for kind, url in source.link.items():
        if not url.startswith(("https://", "http://")):
            faults.error(where, f"key 'link.{kind}': expected an http(s) URL")
        for word in re.findall(r"\{([^{}]*)\}", url):
            if word not in PLACEHOLDERS:
                near = nearest(word, PLACEHOLDERS)
                faults.error(where, f"key 'link.{kind}': '{{{word}}}' is not filled in{near}")
    for key, wrong in source.faults():
        faults.error(where, f"key '{key}': {wrong}")
    _positive(where, "stuck_after", source.stuck_after.values(), faults)
    _positive(where, "timeout", [getattr(source, "timeout", Duration(1))], faults)
    _url(where, "url", getattr(source, "url", ""), faults)
    _reference(where, "token", getattr(source, "token", ""), faults)
    _login(where, source, faults)


def _login(where: str, source: SourceSettings, faults: Faults) -> None:
    """Headers and cookies with which a proxy or a private server is passed."""
    for header, value in getattr(source, "headers", {}).items():
        _reference(where, f"headers.{header}", value, faults)
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", header) or header.lower() in OURS:
            faults.error(where, f"key 'headers.{header[:60]}': not a header that can be set")
    jar = getattr(source, "cookie_jar", "")
    if jar and not jar.startswith("/"):
        faults.error(where, "key 'cookie_jar': needs the whole path, from / on")


def _channel(where: str, channel: ChannelSettings, faults: Faults) -> None:
    kinds = [kind for kind in KINDS if getattr(channel, kind)]
    # a wrong key may have been meant for the one that is missing
    if len(kinds) > 1 or not (kinds or where in faults.broken):
        found = " and ".join(kinds) if kinds else "none of them"
        faults.error(where, f"needs exactly one of {', '.join(KINDS)}; it has {found}")
    if channel.email:
        _mail(where, channel, faults)
    for key in SECRETS:
        value = getattr(channel, key)
        for one in [value] if isinstance(value, str) else value:
            _reference(where, key, one, faults)
    for key in ("slack", "webhook"):
        if not getattr(channel, key).startswith(REFERENCES):
            _url(where, key, getattr(channel, key), faults)
    if channel.url and not channel.url.startswith(REFERENCES) and "://" not in channel.url:
        faults.error(where, "key 'url': expected an Apprise URL (service://...)")
    _positive(where, "timeout", [channel.timeout], faults)


def _mail(where: str, channel: ChannelSettings, faults: Faults) -> None:
    for number, address in enumerate(channel.addresses, 1):
        key = "email" if isinstance(channel.email, str) else f"email.{number}"
        if not _is_address(address):
            faults.error(where, f"key '{key}': expected an address such as \"ops@example.org\"")
    if channel.sender and not _is_address(parseaddr(channel.sender)[1]):
        faults.error(where, 'key \'from\': expected "notifier@example.org" or "Name <address>"')
    server = _SERVER.fullmatch(channel.smtp)
    if not server or not 0 < int(server["port"] or 25) < 65536:
        faults.error(where, "key 'smtp': expected HOST or HOST:PORT")
    elif channel.smtp_password and channel.smtp_tls == "none" and not loopback(channel.smtp):
        faults.error(
            where, "key 'smtp_tls': a password over clear text to another host; leave it out"
        )
    if bool(channel.smtp_user) != bool(channel.smtp_password) and where not in faults.broken:
        faults.error(where, "smtp_user and smtp_password go together; one is missing")


def _is_address(text: str) -> bool:
    """Whether it is one bare address whose domain can be written on the wire."""
    try:
        text.rpartition("@")[2].encode("idna")
    except UnicodeError:
        return False
    return bool(_ADDRESS.fullmatch(text))


def _url(where: str, key: str, value: str, faults: Faults) -> None:
    if not value:
        return
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = None
    if not good:
        faults.error(where, f"key '{key}': expected an http(s) URL")
    elif parts.password and parts.scheme == "http" and not loopback(parts.hostname or ""):
        faults.error(where, f"key '{key}': a password over clear text to another host")


def _reference(where: str, key: str, value: str, faults: Faults) -> None:
    if value.startswith("file:") and not value.startswith("file:/"):
        # a run of cron's starts in another folder than a person's
        faults.error(where, f"key '{key}': file: needs the whole path, from / on")


def loopback(host: str) -> bool:
    """Whether `host` (with or without a port) is this machine."""
    try:
        name = urlsplit(f"//{host}").hostname or host
    except ValueError:
        return False
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _routes(config: Config, faults: Faults) -> None:
    names: set[str] = set()
    for route in config.routes:
        where = f"routes '{route.name}'"
        if route.name in names:
            faults.error(where, "another route above has this name")
        names.add(route.name)
        _route(where, route, config, faults)


def _route(where: str, route: Route, config: Config, faults: Faults) -> None:
    if route.channels is None and where not in faults.broken:
        faults.error(where, "key 'channels' is missing (an empty list discards what matches)")
    if route.max_items < 1:
        faults.error(where, "key 'max_items': must be at least 1")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", route.template):
        faults.error(where, "key 'template': expected a name, without folder and ending")
    _positive(where, "remind", route.remind, faults)
    _known(where, route.channels or (), "channel", config.channels, faults)
    _known(where, route.hold, "window", config.windows, faults)
    _fields(where, "match", route.match, FIELDS, faults)
    _fields(where, "not_match", route.not_match, FIELDS, faults)


def _fields(
    where: str, key: str, found: Iterable[str], known: tuple[str, ...], faults: Faults
) -> None:
    for field in found:
        label = "labels" in known and field.startswith("labels.") and len(field) > len("labels.")
        if not label and (field not in known or field == "labels"):
            near = " (use labels.NAME)" if field == "labels" else nearest(field, known)
            faults.error(where, f"key '{key}': cannot match on '{field[:60]}'{near}")
