"""Makes the Apprise plug-in of a channel, or says in a sentence why none can be made.

Importing this imports Apprise, and silences every logger that could print a secret.
"""

import logging
import re
import ssl
import threading
from typing import Any

from apprise import AppriseAsset
from apprise.plugins import N_MGR, url_to_dict

from notifier.checks import REFERENCES, loopback
from notifier.deliver import email, plugins, services
from notifier.deliver.letter import DeliverError
from notifier.deliver.probe import is_watching
from notifier.deliver.webhook import Webhook
from notifier.settings import ChannelSettings
from notifier.tables import nearest

# what a URL may say of these is for us to decide
DECIDED = services.words("cto rto format overflow emojis store retry wait optional redirect")
# parameters that plug-ins read and do not declare (held by the contract test)
UNDECLARED = services.words("app from id source tags threadkey to token v")

_SERVICES: Any = N_MGR
# building is quick, and the first one loads every plug-in of Apprise
_lock = threading.Lock()


def silence() -> None:
    """Apprise prints tokens, payloads and answers at DEBUG; urllib3 whole URLs, at WARNING too.

    Filters, because a level may be set anew by whoever opens the log.
    """
    apprise = logging.getLogger("apprise")
    apprise.propagate = False
    apprise.addHandler(logging.NullHandler())
    apprise.addFilter(lambda record: False)
    urllib3 = logging.getLogger("urllib3")
    urllib3.setLevel(max(urllib3.level, logging.WARNING))
    for name in list(logging.Logger.manager.loggerDict):
        if name.startswith("urllib3"):
            # a filter holds for its own logger alone, not for those below it
            logging.getLogger(name).addFilter(lambda record: not is_watching())


silence()
ASSET = AppriseAsset(
    app_id="Notifier",
    app_desc="Notifier",
    app_url="",
    image_url_mask="",
    image_url_logo="",
    storage_mode="memory",
    http_redirects=False,
    service_timeout=0,
)


def build(settings: ChannelSettings, address: str, step: float) -> Any:
    """The plug-in that sends one letter; `step` bounds connecting and each read, in seconds.

    `address` is the mailbox of an `email` row. Raises DeliverError.
    """
    ca_file = _authority(settings.ca_file)
    with _lock:
        plugin = _make(settings, address)
    if isinstance(plugin, email.Mail):
        email.check(plugin)
        plugin.server = plugin.server._replace(step=step, ca_file=ca_file)
    if ca_file and plugin.verify_certificate:
        plugin.verify_certificate = ca_file
    plugin.socket_connect_timeout = plugin.socket_read_timeout = step
    # Discord's would sleep for as long as its server says
    plugin.throttle = lambda *_, **__: None
    return plugin


def unresolved(settings: ChannelSettings) -> str:
    """The first reference to a secret that is still one, or nothing."""
    secrets = [settings.secret] if isinstance(settings.secret, str) else settings.secret
    for value in (settings.url, settings.slack, settings.webhook, settings.smtp_password, *secrets):
        if value.startswith(REFERENCES) and "://" not in value and not re.search(r"\s", value):
            return value
    return ""


def _make(settings: ChannelSettings, address: str) -> Any:
    if settings.kind == "email":
        return email.from_settings(settings, address, ASSET)
    if settings.kind == "slack":
        return plugins.slack(settings.slack, ASSET)
    if settings.kind == "webhook":
        return _webhook(settings, settings.webhook)
    if settings.kind == "url":
        name = services.schema(settings)
        if services.flavour_of(name) == "webhook":
            target = (Webhook.parse_url(settings.url.strip()) or {}).get("target", "")
            return _webhook(settings, target)
        return _from_url(settings.url.strip(), name)
    raise DeliverError("needs exactly one of email, slack, webhook, url")


def _webhook(settings: ChannelSettings, target: str) -> Webhook:
    if not re.match(r"https?://[^\s/]", target, re.IGNORECASE):
        raise DeliverError("webhook: expected an http(s) URL")
    secrets = [settings.secret] if isinstance(settings.secret, str) else settings.secret
    plugin = Webhook(target, [one for one in secrets if one], asset=ASSET)
    _clear_text(target)
    return plugin


def _from_url(url: str, name: str) -> Any:
    if not name:
        raise DeliverError("url: not an Apprise URL (service://...)")
    if name in services.LOCAL:
        raise DeliverError(f"url: {name}:// acts on this machine, it tells nobody")
    if re.search(r"[\s,]\s*[a-z0-9]{2,32}://", url, re.IGNORECASE):
        raise DeliverError("url: more than one URL; make each a channel")
    native = url.lower().startswith(("http://", "https://"))
    if not native and name not in _SERVICES:
        raise DeliverError(f"url: unknown service '{name}'{nearest(name, _SERVICES.schemas())}")
    parsed = _quietly(url_to_dict, url)
    if not parsed:
        known = "no service of Apprise takes this address; a receiver of JSON is a `webhook`"
        raise DeliverError(f"url: {known}" if native else _incomplete(name))
    schema = str(parsed["schema"])
    if services.flavour_of(schema) != services.flavour_of(name):
        raise DeliverError(f"url: write it as {schema}://")
    kind = (
        email.Mail if schema.startswith("mailto") else plugins.OURS.get(schema, _SERVICES[schema])
    )
    if not native:
        _parameters(parsed["qsd"], kind)
    for key in DECIDED:
        parsed.pop(key, None)
    plugin = _quietly(kind, **parsed | {"asset": ASSET})
    if plugin is None:
        raise DeliverError(_incomplete(schema))
    _one_target(plugin, parsed, schema)
    _password(plugin)
    return plugin


def _incomplete(schema: str) -> str:
    return f"url: {schema}://: a part of it is missing or not valid"


def _quietly(make: Any, *args: Any, **settings: Any) -> Any:
    """What `make` gives, or None: Apprise's own errors quote tokens."""
    try:
        return make(*args, **settings)
    except Exception:
        return None


def _parameters(given: dict[str, str], kind: Any) -> None:
    declared = {name.lower() for name in (*kind.template_args, *kind.template_tokens)}
    prefixes = tuple(spec["prefix"] for spec in kind.template_kwargs.values())
    for name in filter(None, given):
        if name not in declared | UNDECLARED and not (prefixes and name.startswith(prefixes)):
            # without a value it may be the rest of a secret that holds an `&`
            shown = f" '{name[:40]}'{nearest(name, declared)}" if given[name] else ""
            raise DeliverError(f"url: unknown parameter{shown}")


def _one_target(plugin: Any, parsed: dict[str, Any], schema: str) -> None:
    if not plugin.enabled:
        raise DeliverError(f"url: {schema}:// needs a package that is not installed")
    targets = getattr(plugin, "targets", None)
    if targets is not None and not len(targets) and (parsed.get("targets") or schema == "tgram"):
        raise DeliverError(f"url: {schema}:// names no target that is valid")
    if len(plugin) > 1:
        raise DeliverError(f"url: {len(plugin)} targets; make each a channel")


def _password(plugin: Any) -> None:
    # our mail never logs in over clear text, whatever the URL says
    if plugin.password and not plugin.secure and not isinstance(plugin, email.Mail):
        secure = getattr(plugin, "protocol", None) is None
        if not secure and not loopback(plugin.host or ""):
            raise DeliverError("url: a password over clear text to another host")


def _clear_text(target: str) -> None:
    found = re.match(r"http://[^/?#]*:[^/?#]*@(?P<host>[^/?#]*)", target, re.IGNORECASE)
    if found and not loopback(found["host"]):
        raise DeliverError("webhook: a password over clear text to another host")


def _authority(path: str) -> str:
    if path:
        try:
            ssl.create_default_context(cafile=path)
        except (OSError, ssl.SSLError):
            raise DeliverError("ca_file: cannot be read, or holds no certificate") from None
    return path
