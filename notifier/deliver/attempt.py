"""One attempt to send one letter, and the receipt that it earns."""

import json
import re
import time
import unicodedata
from typing import Any

import msgspec
from apprise import NotifyFormat, NotifyType

from notifier.deliver import engine, services
from notifier.deliver.email import Mail
from notifier.deliver.letter import DeliverError, Letter
from notifier.deliver.outcome import DELIVERED, Verdict, channel, content, of_error, of_status
from notifier.deliver.plugins import Opsgenie, PagerDuty
from notifier.deliver.probe import Exchange, watching
from notifier.deliver.webhook import Webhook
from notifier.deliver.words import of_words
from notifier.model import Receipt
from notifier.settings import ChannelSettings

PLAINEST = "sent in plainest form"
# characters of a plainest text
SHORT = 500
_TYPES = {"critical": NotifyType.FAILURE, "warning": NotifyType.WARNING, "info": NotifyType.INFO}
_FORMATS = {"telegram": NotifyFormat.HTML, "markdown": NotifyFormat.MARKDOWN}


def send(letter: Letter, timeout: float) -> Receipt:
    """Sends `letter`, once more in plainest form if its content is refused. Never raises.

    `timeout` bounds all steps together and `settings.timeout` each one, in seconds. A server that
    drips its headers can outlast both.
    """
    deadline = time.monotonic() + timeout
    verdict = _once(letter, deadline)
    if verdict.blame == "content":
        again = _once(plainest(letter), deadline)
        if again.outcome == "delivered":
            verdict = again._replace(reason=PLAINEST)
        elif again.blame != "content":
            verdict = again
    return verdict.receipt(letter.key)


def check(settings: ChannelSettings) -> None:
    """Raises DeliverError when nothing could ever be sent with these settings."""
    if settings.kind != "email" and engine.unresolved(settings):
        return
    for address in settings.addresses if settings.kind == "email" else [""]:
        engine.build(settings, address, 1.0)


def _once(letter: Letter, deadline: float) -> Verdict:
    settings = letter.destination.settings
    missing = engine.unresolved(settings)
    if missing:
        return channel(f"secret: {missing} not set")
    step = max(0.05, min(settings.timeout, deadline - time.monotonic()))
    try:
        plugin = engine.build(settings, letter.destination.address, step)
    except DeliverError as error:
        return channel(f"settings: {error}")
    except Exception as error:
        return channel(f"settings: {type(error).__name__}")
    schema = services.schema(settings)
    failure: Exception | None = None
    accepted = False
    with watching(deadline) as watch:
        try:
            accepted = _notify(plugin, letter, services.flavour_of(schema), deadline)
        except Exception as error:
            failure = error
    if isinstance(plugin, Mail) and plugin.verdict:
        return plugin.verdict
    return judge(accepted, watch.exchanges, failure, schema)


def _notify(plugin: Any, letter: Letter, flavour: str, deadline: float) -> bool:
    """Hands the letter to the plug-in: what is escaped already is not converted again."""
    if isinstance(plugin, (Mail, Webhook)):
        plugin.letter, plugin.deadline = letter, deadline
    if isinstance(plugin, (PagerDuty, Opsgenie)):
        plugin.address(letter)
    kind = NotifyType.SUCCESS if letter.recovery else _TYPES[letter.severity]
    # a plug-in that has a single format takes text in no other; its text is escaped already
    way = _FORMATS.get(flavour, NotifyFormat.TEXT)
    if flavour in ("mattermost", "discord"):
        way = plugin.resolve_format(way)
    title, body = _whole(letter.title), _whole(letter.text) or _whole(letter.title) or "-"
    return bool(plugin.notify(title=title, body=body, notify_type=kind, body_format=way))


def judge(
    accepted: bool, exchanges: list[Exchange], failure: Exception | None, schema: str
) -> Verdict:
    """The verdict from what the plug-in said and what was seen on the wire."""
    if not exchanges:
        if accepted:
            return DELIVERED
        if schema in services.UNSEEN:
            return Verdict("unknown", "the service gave no details")
        if failure is not None:
            return content(f"could not be built: {type(failure).__name__}")
        return channel("refused by the service's plug-in before it was sent")
    last = exchanges[-1]
    said = of_words(schema, last.body)
    if said is not None:
        return said._replace(retry_after=last.retry_after) if said.outcome == "retry" else said
    if last.error is not None:
        return of_error(last.error)
    verdict = of_status(last.status, last.retry_after)
    if verdict.outcome == "delivered" and not (accepted and _surely(schema, last.body)):
        return Verdict("unknown", f"http {last.status} without acceptance")
    return verdict


def _surely(schema: str, body: bytes) -> bool:
    """Whether an accepted answer is Slack's own; Apprise takes any page with an OK in it."""
    if schema != "slack" or body == b"ok":
        return True
    try:
        return json.loads(body).get("ok") is True
    except (ValueError, AttributeError):
        return False


def plainest(letter: Letter) -> Letter:
    """The letter in words that nothing can dislike: short ASCII without any markup."""
    settings = letter.destination.settings
    most_title, most_text = services.limits(settings)
    tags = services.flavour(settings) in ("slack", "telegram")
    title = _cut(_ascii(letter.title, tags), most_title)
    text = _cut(_ascii(letter.text, tags), min(SHORT, most_text)) or title or "-"
    payload = b""
    if letter.payload:
        document = {
            "version": 1,
            "key": letter.key,
            "at": letter.at,
            "repeat": letter.repeat,
            "plain": True,
            "title": title,
            "text": text,
            "events": [{"id": event} for event in letter.events],
        }
        payload = msgspec.json.encode(document)
    return msgspec.structs.replace(letter, title=title, text=text, html="", payload=payload)


def _ascii(text: str, tags: bool) -> str:
    text = re.sub(r"<[^<>]*>", "", text) if tags else text
    text = unicodedata.normalize("NFKD", text)
    text = "".join(sign for sign in text if not unicodedata.combining(sign))
    return re.sub(r"[^\n\x20-\x7e]", "?", text)


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    mark = " [cut]"
    # not in the middle of an entity or after a backslash that would escape our mark
    return re.sub(r"(&[#\w]*|\\)$", "", text[: most - len(mark)]) + mark


def _whole(text: str) -> str:
    """The text without lone surrogates, which no encoding takes."""
    return text.encode("utf-8", "replace").decode()
