"""Email: our own words in one message to one mailbox, through Apprise's mail plug-in.

Apprise reads the settings and `mailto://` URLs; the message and the conversation are ours, because
a receipt needs the outcome of each step and a repeat needs the same Message-ID.
"""

import hashlib
import re
import socket
import warnings
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Any

from notifier.deliver import services, smtp
from notifier.deliver.letter import DeliverError, Letter
from notifier.deliver.outcome import Verdict
from notifier.settings import ChannelSettings

with warnings.catch_warnings():
    # its PGP, which we refuse, imports a module that Python 3.11 calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    from apprise.plugins.email import NotifyEmail

# events named in a header; servers take only so many kilobytes of them
NAMED = 50
# headers that are ours; a URL cannot set them
RESERVED = services.words(
    "from to cc bcc subject date message-id references in-reply-to auto-submitted "
    "mime-version content-type content-transfer-encoding"
)
# bytes of a line that every server takes (RFC 5322, 2.1.1)
LINE = 998
# the same of a line with encoded words, which leaves them 75 (RFC 2047, 2)
ENCODED = 76
_TLS: dict[str, smtp.Tls] = {"ssl": "implicit", "starttls": "starttls", "insecure": "auto"}


_NotifyEmail: Any = NotifyEmail


class Folding(EmailPolicy):
    """Folds no header of plain ASCII that fits in a line; encoded words stay short (RFC 2047).

    The usual policy moves the whole of a long subject to a second line and leaves the first empty.
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The header as it goes out."""
        length = LINE if str(value).isascii() else ENCODED
        return SMTP.clone(utf8=self.utf8, max_line_length=length).fold_binary(name, value)


class Mail(_NotifyEmail):  # type: ignore[misc]
    """Apprise's mail plug-in with our message, our conversation and a typed outcome."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.server = smtp.Server(
            host=self.smtp_host,
            port=self.port,
            tls=_TLS[self.secure_mode],
            user=self.user or "",
            password=self.password or "",
            verify=bool(self.verify_certificate),
        )
        self.letter: Letter | None = None
        self.deadline = 0.0
        self.verdict: Verdict | None = None

    def send(self, body: str, title: str = "", **_: Any) -> bool:
        """Called by `notify()`: one attempt, whose outcome is left in `verdict`."""
        assert self.letter is not None  # noqa: S101
        sender, recipient = _wire(self.from_addr[1]), _wire(self.targets[0][1])
        name = self.from_addr[0] or ""
        message = compose(self.letter, title, body, name, sender, recipient, self._extra())
        policy = Folding(linesep="\r\n", utf8=not (sender + recipient).isascii())
        mailing = smtp.Mailing(sender, recipient, message.as_bytes(policy=policy))
        self.verdict = smtp.send(self.server, mailing, self.deadline)
        return self.verdict.outcome == "delivered"

    def _extra(self) -> dict[str, str]:
        extra = {k: v for k, v in self.headers.items() if k.strip().lower() not in RESERVED}
        return extra | ({"Reply-To": ", ".join(self.reply_to)} if self.reply_to else {})


def from_settings(settings: ChannelSettings, address: str, asset: Any) -> Mail:
    """The plug-in for an `email` channel. Raises DeliverError."""
    try:
        host, port, tls = smtp.place(settings.smtp, settings.smtp_tls)
    except ValueError:
        raise DeliverError("smtp: expected host or host:port") from None
    # Apprise refuses addresses like notifier@monitor1; ours are set past its check
    mail = Mail(asset=asset, host="localhost", from_addr="a@localhost", targets="a@localhost")
    name, sender = parseaddr(settings.sender)
    mail.from_addr = [name or "Notifier", sender or f"notifier@{socket.gethostname()}"]
    mail.targets = [(False, address)]
    mail.server = mail.server._replace(
        host=host, port=port, tls=tls, user=settings.smtp_user, password=settings.smtp_password
    )
    return mail


def check(mail: Mail) -> None:
    """Raises DeliverError for what one message to one mailbox cannot be."""
    if len(mail.targets) + len(mail.cc) + len(mail.bcc) != 1:
        raise DeliverError("needs exactly one recipient, without cc and bcc")
    if mail.pgp_mode != "no":
        raise DeliverError("pgp is not supported")
    for key, address in ("from", mail.from_addr[1]), ("email", mail.targets[0][1]):
        if not re.fullmatch(r"[^\s<>,@\"]+@[^\s<>,@\"]+", address):
            raise DeliverError(f"{key}: not an address")


def compose(
    letter: Letter,
    title: str,
    text: str,
    name: str,
    sender: str,
    recipient: str,
    extra: dict[str, str],
) -> EmailMessage:
    """The message; it is the same, to the byte, whenever it is repeated."""
    domain = f"notifier.{letter.state_id}" if letter.state_id else sender.rpartition("@")[2]
    message = EmailMessage(policy=SMTPUTF8)
    message["From"] = _address(name, sender)
    message["To"] = _address("", recipient)
    message["Subject"] = _line(title)
    message["Date"] = format_datetime(letter.at)
    message["Message-ID"] = _message_id(letter.key, domain)
    if letter.thread:
        message["In-Reply-To"] = message["References"] = _message_id(letter.thread, domain)
    # no holiday answers, please (RFC 3834)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Notifier-Key"] = _line(letter.key)
    message["X-Notifier-Severity"] = letter.severity
    message["X-Notifier-Events"] = _events(letter.events)
    for name, value in extra.items():
        message[name] = _line(value)
    # quoted-printable keeps every line short, whatever stands in the text
    message.set_content(text, cte="quoted-printable")
    if letter.html:
        message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
        message.set_boundary("=_" + hashlib.sha256(letter.key.encode()).hexdigest()[:32])
    return message


def _address(name: str, address: str) -> Address:
    user, _, domain = address.rpartition("@")
    return Address(display_name=_line(name), username=user, domain=domain)


def _wire(address: str) -> str:
    """The address with its domain in ASCII (IDNA), as mail servers want it."""
    user, _, domain = address.rpartition("@")
    return f"{user}@{domain if domain.isascii() else domain.encode('idna').decode()}"


def _line(text: str) -> str:
    """One line without control characters: nothing in it can begin a header."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).strip()[:500]


def _message_id(key: str, domain: str) -> str:
    left, right = (re.sub(r"[^A-Za-z0-9._-]", "_", part) for part in (key, domain))
    return f"<{left}@{right}>"


def _events(events: tuple[str, ...]) -> str:
    rest = len(events) - NAMED
    return " ".join(events[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
