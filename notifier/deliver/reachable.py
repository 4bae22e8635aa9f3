"""Whether a channel's server answers: as far as that can be known while nothing is sent."""

import socket
import ssl
import sys
import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests.utils

from notifier.deliver import engine, services, smtp
from notifier.deliver.email import Mail
from notifier.deliver.letter import DeliverError
from notifier.deliver.outcome import of_tls, unconnected
from notifier.deliver.probe import watching
from notifier.deliver.webhook import Webhook
from notifier.settings import Destination


class Reached(NamedTuple):
    """`well` is None where only a message could tell. `said` names no secret and no path."""

    well: bool | None
    said: str


def reach(there: Destination, timeout: float) -> Reached:
    """Speaks to the server of a row, whose secrets are resolved, within about `timeout` seconds.

    A mail server is greeted and logged in to; to all others a connection is made, with TLS where
    they speak it. Name look-ups are not bounded: call it in a thread. Never raises.
    """
    deadline = time.monotonic() + timeout
    try:
        plugin = engine.build(there.settings, there.address, min(timeout, there.settings.timeout))
    except DeliverError as error:
        return Reached(False, str(error))
    except Exception as error:
        return Reached(False, f"its settings: {type(error).__name__}")
    if isinstance(plugin, Mail):
        return _mail(plugin, deadline)
    url = _address(plugin, services.schema(there.settings))
    if not url:
        return Reached(None, "only a message can tell: notifier channel test")
    return _connected(url, plugin, deadline)


def _mail(plugin: Mail, deadline: float) -> Reached:
    server = plugin.server
    verdict = smtp.greet(server, deadline)
    where = f"{server.host}:{server.port}"
    return Reached(verdict.outcome == "delivered", f"{where}: {verdict.reason}")


def _address(plugin: Any, schema: str) -> str:
    """The first address that this plug-in would ask; it is stopped before it does."""
    if isinstance(plugin, Webhook):
        return plugin.target
    module = sys.modules[type(plugin).__module__]
    if schema in services.UNSEEN or not hasattr(module, "requests"):
        # it speaks past requests, where nothing could stop it
        return ""
    with watching(time.monotonic() + 1.0, dry=True) as watch:
        try:
            plugin.notify(title="-", body="-")
        except Exception:
            return watch.asked[0] if watch.asked else ""
    return watch.asked[0] if watch.asked else ""


def _connected(url: str, plugin: Any, deadline: float) -> Reached:
    parts = urlsplit(url)
    secure, name = parts.scheme == "https", parts.hostname or ""
    port = parts.port or (443 if secure else 80)
    proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    via = ""
    if proxy:
        # who stands between is all that can be seen from here
        between = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        via = f" (the proxy {between.hostname}; {name} lies behind it)"
        secure, name, port = False, between.hostname or "", between.port or 80
    where = f"{name}:{port}"
    try:
        wait = max(0.05, deadline - time.monotonic())
        with socket.create_connection((name, port), timeout=wait) as plain:
            if secure:
                with _context(plugin).wrap_socket(plain, server_hostname=name):
                    return Reached(True, f"{where} answers, and its certificate is good")
    except ssl.SSLError as error:
        return Reached(False, f"{where}: {of_tls(error).reason}")
    except (OSError, ValueError) as error:
        return Reached(False, f"{where}: {unconnected(error).reason}{via}")
    return Reached(True, f"{where} answers{via}")


def _context(plugin: Any) -> ssl.SSLContext:
    verify = plugin.verify_certificate
    context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
