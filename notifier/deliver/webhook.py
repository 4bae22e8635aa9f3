"""Webhook: the exact JSON of the letter, POSTed and signed after Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
from apprise import NotifyBase

from notifier import __version__
from notifier.deliver.letter import DeliverError, Letter

PREFIX = "whsec_"
_NotifyBase: Any = NotifyBase


class Webhook(_NotifyBase):  # type: ignore[misc]
    """`webhook://` (http) and `webhooks://` (https): POSTs a payload that was rendered before."""

    service_name = "Webhook"
    protocol = "webhook"
    secure_protocol = "webhooks"
    title_maxlen = 120
    templates = ("{schema}://{host}", "{schema}://{host}:{port}")

    def __init__(self, target: str = "", secrets: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(**settings)
        self.target = target
        self.secrets = [signing_key(secret) for secret in secrets]
        self.letter: Letter | None = None
        self.deadline = 0.0

    def send(self, body: str, title: str = "", **_: Any) -> bool:
        """Called by `notify()`: title and body are in the payload already."""
        assert self.letter is not None  # noqa: S101
        answer = requests.post(
            self.target,
            data=self.letter.payload,
            headers=headers(self.letter.key, int(time.time()), self.letter.payload, self.secrets),
            timeout=self.request_timeout,
            verify=self.verify_certificate,
            allow_redirects=False,
        )
        return 200 <= answer.status_code < 300

    def url(self, *_: Any, **__: Any) -> str:
        """The host alone: the rest of the address may be secret."""
        parts = urlsplit(self.target)
        return f"{self.secure_protocol if parts.scheme == 'https' else self.protocol}://{parts.hostname}/"

    @staticmethod
    def parse_url(url: str) -> dict[str, Any] | None:
        """Everything after the schema is the address; its query belongs to the receiver."""
        schema, _, rest = url.partition("://")
        if not rest:
            return None
        scheme = "https" if schema.lower() == "webhooks" else "http"
        return {"schema": schema.lower(), "target": f"{scheme}://{rest}"}


def signing_key(secret: str) -> bytes:
    """The key of a secret: base64 after `whsec_`, else its bytes. Raises DeliverError."""
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise DeliverError("secret: not base64 after whsec_") from None


def headers(key: str, now: int, payload: bytes, secrets: Sequence[bytes]) -> dict[str, str]:
    """The headers of one POST; one signature per secret, so that secrets can be rotated."""
    signed = f"{key}.{now}.".encode() + payload
    signatures = [
        "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        for secret in secrets
    ]
    found = {
        "content-type": "application/json",
        "user-agent": f"notifier/{__version__}",
        "webhook-id": key,
        "webhook-timestamp": str(now),
    }
    return found | ({"webhook-signature": " ".join(signatures)} if signatures else {})
