"""One message to one mailbox over SMTP, with a typed outcome at each step (RFC 5321)."""

import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

from notifier.checks import loopback
from notifier.deliver.outcome import (
    CUT_AFTER,
    CUT_BEFORE,
    DELIVERED,
    NO_ANSWER,
    Verdict,
    channel,
    content,
    of_tls,
    unconnected,
)

Tls = Literal["auto", "starttls", "implicit", "none"]


class Server(NamedTuple):
    """A mail server and how to speak to it. `step` bounds one step, in seconds."""

    host: str
    port: int
    tls: Tls = "auto"
    user: str = ""
    password: str = ""
    ca_file: str = ""
    verify: bool = True
    step: float = 15.0


class Mailing(NamedTuple):
    """An envelope and the bytes in it, lines ended by CRLF."""

    sender: str
    recipient: str
    message: bytes


def place(text: str, tls: Tls) -> tuple[str, int, Tls]:
    """(host, port, tls) of a `host[:port]`: 465 is implicit TLS, 587 STARTTLS, 25 auto.

    Raises ValueError for a port that is none.
    """
    found = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::(\d+))?|([^\s:/]+)(?::(\d+))?", text.strip())
    if not found:
        raise ValueError
    host, given = found[1] or found[3], found[2] or found[4]
    port = int(given or {"implicit": 465, "starttls": 587}.get(tls, 25))
    if not 0 < port < 65536:
        raise ValueError
    if tls == "auto":
        tls = {465: "implicit", 587: "starttls"}.get(port, "auto")  # type: ignore[assignment]
    return host, port, tls


def send(server: Server, mailing: Mailing, deadline: float) -> Verdict:
    """Sends it. `deadline` (monotonic seconds) bounds all steps together. Never raises."""
    return _told(_Talk(server, deadline), lambda talk: talk.run(mailing))


def greet(server: Server, deadline: float) -> Verdict:
    """As far as a mail server can be tried without a mail: its reason says how it answered.

    `delivered` here means that it let us in. Never raises.
    """
    return _told(_Talk(server, deadline), lambda talk: talk.greet())


def _told(talk: "_Talk", work: "Callable[[_Talk], Verdict]") -> Verdict:
    try:
        return work(talk)
    except _Said as said:
        return said.verdict
    except smtplib.SMTPResponseException as error:
        # at the end smtplib raises one of its own, for an answer that is too long to read
        return _of_code(talk.step, -1 if talk.step == "end" else error.smtp_code)
    except ssl.SSLError as error:
        # TLS was being set up, or broke; unless the message was out, nothing arrived
        verdict = of_tls(error)
        return verdict if verdict.blame else talk.lost(error)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        return talk.lost(error)
    finally:
        talk.close()


class _Said(Exception):
    def __init__(self, verdict: Verdict) -> None:
        super().__init__()
        self.verdict = verdict


class _Talk:
    """The conversation; `step` is what is under way."""

    def __init__(self, server: Server, deadline: float) -> None:
        self.server = server
        self.deadline = deadline
        self.step = "connect"
        self.smtp: smtplib.SMTP | None = None

    def greet(self) -> Verdict:
        """Connects, greets, asks for TLS and logs in, and no more."""
        smtp = self._enter()
        how = "over TLS" if isinstance(smtp.sock, ssl.SSLSocket) else "without TLS"
        who = f", logged in as {self.server.user}" if self.server.password else ""
        return Verdict("delivered", f"answers, {how}{who}")

    def _enter(self) -> smtplib.SMTP:
        smtp = self._connect()
        self._secure(smtp)
        self._login(smtp)
        return smtp

    def run(self, mailing: Mailing) -> Verdict:
        smtp = self._enter()
        options = self._options(smtp, mailing)
        self._expect(smtp, "mail", lambda: smtp.mail(mailing.sender, options))
        self._expect(smtp, "rcpt", lambda: smtp.rcpt(mailing.recipient))
        self._expect(smtp, "data", lambda: smtp.docmd("DATA"), 354)
        self._next(smtp, "body")
        # a line that is a single dot ends the message (RFC 5321, 4.5.2)
        smtp.send(re.sub(rb"(?m)^\.", b"..", mailing.message) + b".\r\n")
        self._expect(smtp, "end", smtp.getreply)
        return DELIVERED

    def _connect(self) -> smtplib.SMTP:
        server, wait = self.server, self._wait()
        # a name given here keeps smtplib from asking the network for one
        if server.tls == "implicit":
            self.smtp = smtplib.SMTP_SSL(
                server.host, server.port, "localhost", timeout=wait, context=_context(server)
            )
        else:
            self.smtp = smtplib.SMTP(server.host, server.port, "localhost", timeout=wait)
        self.smtp.local_hostname = _own_name(self.smtp)
        return self.smtp

    def _secure(self, smtp: smtplib.SMTP) -> None:
        server = self.server
        self._next(smtp, "ehlo")
        smtp.ehlo_or_helo_if_needed()
        if server.tls in ("implicit", "none"):
            return
        if smtp.has_extn("starttls"):
            self._next(smtp, "starttls")
            smtp.starttls(context=_context(server))
            self._next(smtp, "ehlo")
            smtp.ehlo_or_helo_if_needed()
        elif server.tls == "starttls" or (server.password and not loopback(server.host)):
            raise _Said(channel("tls: starttls is not offered"))

    def _login(self, smtp: smtplib.SMTP) -> None:
        server = self.server
        if not server.password:
            return
        if not isinstance(smtp.sock, ssl.SSLSocket) and not loopback(server.host):
            raise _Said(channel("auth: not over clear text"))
        self._next(smtp, "auth")
        try:
            smtp.login(server.user, server.password)
        except UnicodeError:
            raise _Said(channel("auth: not ASCII")) from None
        except (smtplib.SMTPResponseException, smtplib.SMTPServerDisconnected):
            raise
        except smtplib.SMTPException:
            raise _Said(channel("auth: not offered")) from None

    def _options(self, smtp: smtplib.SMTP, mailing: Mailing) -> list[str]:
        options = []
        if smtp.has_extn("size"):
            options.append(f"SIZE={len(mailing.message)}")
        if not (mailing.sender + mailing.recipient).isascii():
            if not smtp.has_extn("smtputf8"):
                raise _Said(channel("smtp: the server takes only ASCII addresses"))
            options.append("SMTPUTF8")
        return options

    def _expect(self, smtp: smtplib.SMTP, step: str, command: object, good: int = 250) -> None:
        self._next(smtp, step)
        code, _ = command()  # type: ignore[operator]
        if code != good and not (step == "rcpt" and code == 251):
            raise _Said(_of_code(step, code))

    def _next(self, smtp: smtplib.SMTP, step: str) -> None:
        self.step = step
        if smtp.sock:
            smtp.sock.settimeout(self._wait())

    def _wait(self) -> float:
        return max(0.05, min(self.server.step, self.deadline - time.monotonic()))

    def lost(self, error: BaseException) -> Verdict:
        """What it means that no answer came to the present step."""
        timed_out = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
        if self.step == "end":
            return Verdict("unknown", NO_ANSWER if timed_out else CUT_AFTER)
        if self.smtp is None and not isinstance(error, smtplib.SMTPException):
            return unconnected(error)
        if isinstance(error, ValueError):
            return channel("smtp: not an address")
        return Verdict("retry", f"no answer ({self.step})" if timed_out else CUT_BEFORE)

    def close(self) -> None:
        """Says goodbye without waiting for an answer: the outcome is known."""
        if self.smtp is not None:
            try:
                self.smtp.putcmd("QUIT")
            except (smtplib.SMTPException, OSError):
                pass
            finally:
                self.smtp.close()


def _of_code(step: str, code: int) -> Verdict:
    """What a reply means at a step; 4xx passes, whatever it was said to."""
    if 400 <= code < 500:
        return Verdict("retry", f"{'auth' if step == 'auth' else 'smtp'} {code}")
    if step == "end":
        # anything but yes and no: it may have been taken
        return content(f"data {code}") if code >= 500 else Verdict("unknown", "smtp: no plain yes")
    if code < 500:
        return Verdict("retry", "smtp: out of turn")
    if step == "mail" and code == 552:
        return content("mail 552")
    said = step if step in ("mail", "rcpt", "data", "auth") else "smtp"
    return channel(f"{said} {code}")


def _context(server: Server) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=server.ca_file or None)
    # nobody stands between us and this machine, where self-made certificates are the rule
    unchecked = server.tls == "auto" and not server.ca_file and loopback(server.host)
    if unchecked or not server.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _own_name(smtp: smtplib.SMTP) -> str:
    """What we call ourselves in EHLO: a full name, or our address; the network is not asked."""
    name = socket.gethostname()
    if "." in name and name.isascii():
        return name
    own = smtp.sock.getsockname()[0] if smtp.sock else "127.0.0.1"
    return f"[IPv6:{own}]" if ":" in own else f"[{own}]"
