"""Apprise's plug-ins with what our letters need: text as it stands, and incident keys.

Each leans on something inside Apprise 2.2; tests/deliver/test_contract.py holds what.
"""

import re
from typing import Any
from urllib.parse import quote

import requests
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.opsgenie import OPSGENIE_API_LOOKUP, NotifyOpsgenie
from apprise.plugins.pagerduty import NotifyPagerDuty
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram

from notifier.deliver.letter import DeliverError, Letter

# Apprise's own annotations are partial
_NotifySlack: Any = NotifySlack
_NotifyTelegram: Any = NotifyTelegram
_NotifyDiscord: Any = NotifyDiscord
_NotifyPagerDuty: Any = NotifyPagerDuty
_NotifyOpsgenie: Any = NotifyOpsgenie

_HOOK = re.compile(
    r"(?P<base>https?://\S+/services)/(?P<token_a>[A-Z0-9]+)/(?P<token_b>[A-Z0-9]+)"
    r"/(?P<token_c>[A-Z0-9]+)/?",
    re.IGNORECASE,
)


# severity -> P1 to P5 of Opsgenie, unless the URL says `priority=`
PRIORITIES = {"critical": 1, "warning": 3, "info": 5}


class Slack(_NotifySlack):  # type: ignore[misc]
    """Text comes with its entities and goes out as it is; nothing in it is made live."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings | {"include_image": False, "include_footer": False})

    def dialect_convert(self, body: str, *_: Any, **__: Any) -> str:
        """Apprise would escape it a second time."""
        return body

    def send(self, body: str, title: str = "", **rest: Any) -> bool:
        """Apprise escapes every title, and ours is escaped already."""
        for sign, entity in ("<", "&lt;"), (">", "&gt;"), ("&", "&amp;"):
            title = title.replace(entity, sign)
        return bool(super().send(body, title, **rest))


class Telegram(_NotifyTelegram):  # type: ignore[misc]
    """Text comes in Telegram's HTML and goes out as it is, under its title in bold."""

    # so that Apprise leaves the title alone; it would end it with a tag that Telegram refuses
    title_maxlen = 120

    def dialect_convert(self, body: str, *_: Any, **__: Any) -> str:
        """Apprise would run the lines together."""
        return body

    def send(self, body: str, title: str = "", **rest: Any) -> bool:
        """Telegram has no titles."""
        return bool(super().send(f"<b>{title}</b>\n{body}" if title else body, **rest))


class Discord(_NotifyDiscord):  # type: ignore[misc]
    """Nothing in the text can mention anyone, unless the URL itself says `ping=`."""

    def dialect_convert(self, body: str, *_: Any, **__: Any) -> str:
        """The text is escaped already."""
        return body

    def _send(self, payload: dict[str, Any], *args: Any, **rest: Any) -> bool:
        if not self.ping:
            payload["allowed_mentions"] = {"parse": []}
        return bool(super()._send(payload, *args, **rest))


class PagerDuty(_NotifyPagerDuty):  # type: ignore[misc]
    """Opens and resolves by our own incident key; the title is the summary, the text a detail."""

    # so that Apprise hands over the title by itself; a summary has 1024 characters (Events API v2)
    title_maxlen = 1024
    body_maxlen = 32768
    source: str
    details: dict[str, str]

    def address(self, letter: Letter) -> None:
        """Makes this the event of the letter's incident."""
        self.dedup = _key(letter)
        self.action = "resolve" if letter.recovery else "trigger"
        if self.source == self.template_tokens["source"]["default"]:
            self.source = _source(letter)

    def send(self, body: str, title: str = "", **rest: Any) -> bool:
        """Sends the title as what is wrong, and the text beside it."""
        self.details = {"text": body, **self.details}
        return bool(super().send((title or body)[: self.title_maxlen], **rest))


class Opsgenie(_NotifyOpsgenie):  # type: ignore[misc]
    """Opens and closes by alias; Apprise closes only what its own store remembers."""

    closing = False

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.chosen = bool(settings.get("priority"))

    def address(self, letter: Letter) -> None:
        """Makes this the alert of the letter's incident."""
        self.alias = _key(letter)
        if not self.chosen:
            self.priority = PRIORITIES[letter.severity]
        self.closing = letter.recovery
        self.action = "new"

    def send(self, body: str, title: str = "", **rest: Any) -> bool:
        """Creates the alert, or closes it (Alert API, "Close Alert", identifierType=alias)."""
        if not self.closing:
            return bool(super().send(body, title, **rest))
        url = f"{OPSGENIE_API_LOOKUP[self.region_name]}/{quote(self.alias, safe='')}/close"
        note = {"source": self.app_id, "note": body}
        accepted, _ = self._fetch(requests.post, url, note, {"identifierType": "alias"})
        return bool(accepted)


def _key(letter: Letter) -> str:
    """The key of its incident; an ending without one closes what the message it answers opened."""
    return letter.incident or letter.thread or letter.key


def _source(letter: Letter) -> str:
    """The source that the title begins with, `[river]`, if it is of one."""
    found = re.match(r"\[(?P<source>[^\[\],\s]+)\] ", letter.title)
    return found["source"] if found else "notifier"


# schema -> our class in place of Apprise's
OURS = {
    "slack": Slack,
    "tgram": Telegram,
    "discord": Discord,
    "pagerduty": PagerDuty,
    "opsgenie": Opsgenie,
}


def slack(url: str, asset: Any) -> Slack:
    """The plug-in for an incoming webhook, at Slack or at any host. Raises DeliverError."""
    found = _HOOK.fullmatch(url.strip())
    if not found:
        raise DeliverError("slack: expected https://hooks.slack.com/services/T.../B.../...")
    plugin = Slack(asset=asset, **{k: v for k, v in found.groupdict().items() if k != "base"})
    plugin.webhook_url = found["base"]
    return plugin
