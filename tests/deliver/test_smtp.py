"""What a mail server's answers mean: honest servers, and some that no one should meet."""

import email
import ssl
from collections.abc import Callable, Iterator
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from deliver.conftest import Authority
from deliver.ends import PLENTY, STEP, MailEnd, letter, patience, settings
from deliver.outcomes import SMTP, Case
from peers import free_port

from notifier.deliver import DeliverError, check, send
from notifier.deliver.smtp import place
from notifier.model import Receipt
from notifier.tables import Duration


class Keeper:
    """Accepts mail and keeps the envelopes, and whether each came over TLS."""

    def __init__(self) -> None:
        self.mails: list[tuple[Envelope, bool]] = []

    async def handle_DATA(self, _: Any, session: Any, envelope: Envelope) -> str:
        self.mails.append((envelope, session.ssl is not None))
        return "250 OK"


Start = Callable[..., tuple[Keeper, str]]


def password_is_right(_: Any, __: Any, ___: Any, ____: Any, given: LoginPassword) -> AuthResult:
    return AuthResult(success=given == LoginPassword(b"ann", b"right"), handled=False)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a real mail server; gives what it keeps, and its address."""
    running: list[Controller] = []

    def begin(implicit: ssl.SSLContext | None = None, **options: Any) -> tuple[Keeper, str]:
        keeper = Keeper()
        server = Controller(keeper, "127.0.0.1", free_port(), ssl_context=implicit, **options)
        server.start()
        running.append(server)
        return keeper, f"127.0.0.1:{server.port}"

    yield begin
    for server in running:
        server.stop()


def mail_to(address: str, **keys: Any) -> Any:
    return letter(settings(email="ops@example.org", smtp=address, **keys))


@pytest.mark.parametrize("case", SMTP, ids=lambda case: case.situation)
def test_an_email_earns_the_receipt_that_each_step_means(case: Case) -> None:
    with MailEnd(case.answer) as end:
        step = patience(case.answer)
        receipt = send(mail_to(end.address, timeout=Duration(step)), 5 * step)
    assert receipt == Receipt(
        key="s1-7",
        outcome=case.outcome,  # type: ignore[arg-type]
        reason=case.reason,
        blame=case.blame,  # type: ignore[arg-type]
    )


def test_all_steps_together_end_within_the_attempt() -> None:
    class Slow(MailEnd):
        def say(self, connection: Any, step: str, usual: str) -> None:
            self.over.wait(STEP / 2)
            super().say(connection, step, usual)

    with Slow() as end:
        receipt = send(mail_to(end.address), STEP)
    assert receipt.outcome == "retry" and receipt.reason.startswith("no answer (")


def test_a_message_of_any_size_and_shape_arrives_whole(start: Start) -> None:
    keeper, address = start()
    text = ".\n..two\nFrom me\n" + "é" * 3000 + "\n" + "x" * 100_000 + "\n."
    assert (
        send(
            letter(settings(email="o@x.org", smtp=address, sender="n@x.org"), text=text), 9
        ).outcome
        == "delivered"
    )

    ((envelope, _),) = keeper.mails
    message = email.message_from_bytes(envelope.original_content or b"", policy=default)
    assert message.get_content().replace("\r\n", "\n") == text + "\n"
    assert (envelope.mail_from, envelope.rcpt_tos) == ("n@x.org", ["o@x.org"])


def test_a_recipient_that_is_greylisted_is_taken_the_next_time() -> None:
    class Grey(MailEnd):
        def say(self, connection: Any, step: str, usual: str) -> None:
            super().say(connection, step, usual)
            if step == "ehlo" and self.connections > 1:
                self.script = {}

    with Grey("rcpt=451 greylisted") as end:
        assert send(mail_to(end.address), PLENTY).reason == "smtp 451"
        assert send(mail_to(end.address), PLENTY).outcome == "delivered"


def test_a_refused_content_is_mailed_once_more_in_plainest_form() -> None:
    class Strict(MailEnd):
        def say(self, connection: Any, step: str, usual: str) -> None:
            strange = step == "end" and b"multipart" in self.seen[-1]
            super().say(connection, step, "554 no HTML please" if strange else usual)

    with Strict() as end:
        sent = letter(
            settings(email="ops@example.org", smtp=end.address), html="<b>x</b>", title="Zürich"
        )
        receipt = send(sent, PLENTY)
    assert receipt == Receipt(key="s1-7", outcome="delivered", reason="sent in plainest form")
    last = next(one for one in reversed(end.seen) if b"Subject" in one)
    assert b"Subject: Zurich" in last and b"<b>" not in last


def test_starttls_is_used_where_it_is_offered(start: Start, authority: Authority) -> None:
    keeper, address = start(tls_context=authority.contexts["good"])
    assert send(mail_to(address, ca_file=authority.ca_file), PLENTY).outcome == "delivered"
    assert keeper.mails[0][1]


def test_on_this_machine_a_self_made_certificate_will_do(
    start: Start, authority: Authority
) -> None:
    keeper, address = start(tls_context=authority.contexts["expired"])
    assert send(mail_to(address), PLENTY).outcome == "delivered"
    assert keeper.mails[0][1]


def test_implicit_tls_needs_no_starttls(start: Start, authority: Authority) -> None:
    keeper, address = start(implicit=authority.contexts["good"])
    settled = {"ca_file": authority.ca_file, "smtp_tls": "implicit"}
    assert send(mail_to(address, **settled), PLENTY).outcome == "delivered"
    assert len(keeper.mails) == 1


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        ("expired", "tls: certificate has expired"),
        ("elsewhere", "tls: hostname mismatch"),
        ("stranger", "tls: certificate is not trusted"),
    ],
)
def test_a_certificate_that_is_not_right_parks_the_channel(
    authority: Authority, tls: str, shown: str, reason: str
) -> None:
    context = authority.contexts[shown]
    with MailEnd(offers="STARTTLS", tls=context if tls == "implicit" else None) as end:
        end.upgrade = context
        receipt = send(mail_to(end.address, ca_file=authority.ca_file, smtp_tls=tls), PLENTY)
    assert receipt == Receipt(key="s1-7", outcome="parked", reason=reason, blame="channel")
    assert not any(line.upper().startswith(b"MAIL") for line in end.seen)


def test_starttls_that_is_wanted_and_not_offered_parks_the_channel() -> None:
    with MailEnd() as end:
        receipt = send(mail_to(end.address, smtp_tls="starttls"), PLENTY)
    assert (receipt.blame, receipt.reason) == ("channel", "tls: starttls is not offered")


def test_a_handshake_that_is_dropped_is_certain(authority: Authority) -> None:
    class Dropper(MailEnd):
        def say(self, connection: Any, step: str, usual: str) -> None:
            super().say(connection, step, usual)
            if step == "starttls":
                raise EOFError

    with Dropper(offers="STARTTLS") as end:
        end.upgrade = authority.contexts["good"]
        receipt = send(mail_to(end.address, smtp_tls="starttls"), PLENTY)
    assert receipt == Receipt(key="s1-7", outcome="retry", reason="disconnected before data")


@pytest.mark.parametrize(("password", "reason"), [("right", ""), ("wrong", "auth 535")])
def test_a_password_is_right_or_parks_the_channel(
    start: Start, authority: Authority, password: str, reason: str
) -> None:
    keeper, address = start(
        tls_context=authority.contexts["good"], authenticator=password_is_right, auth_required=True
    )
    keys = {"smtp_user": "ann", "smtp_password": password, "ca_file": authority.ca_file}
    receipt = send(mail_to(address, **keys), PLENTY)
    assert (receipt.reason, receipt.blame) == (reason, "channel" if reason else "")
    assert len(keeper.mails) == (0 if reason else 1)


def test_a_password_may_go_over_clear_text_on_this_machine_alone() -> None:
    keys = {"smtp_user": "ann", "smtp_password": "right"}
    with MailEnd(offers="AUTH PLAIN", script="auth=235 welcome") as end:
        assert send(mail_to(end.address, **keys), PLENTY).outcome == "delivered"


def test_a_password_never_goes_over_clear_text_to_another_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("notifier.deliver.smtp.loopback", lambda host: False)
    keys = {"smtp_user": "ann", "smtp_password": "right"}
    with MailEnd(offers="AUTH PLAIN", script="auth=235 welcome") as end:
        auto = send(mail_to(end.address, **keys), PLENTY)
        none = send(mail_to(end.address, smtp_tls="none", **keys), PLENTY)
    assert auto.reason == "tls: starttls is not offered"
    assert none.reason == "auth: not over clear text"
    assert not any(line.upper().startswith(b"AUTH") for line in end.seen)


@pytest.mark.parametrize(
    ("offers", "script", "reason", "outcome"),
    [
        ("", "", "auth: not offered", "parked"),
        ("AUTH NTLM", "", "auth: not offered", "parked"),
        ("AUTH PLAIN", "auth=454 not now", "auth 454", "retry"),
        ("AUTH PLAIN", "auth=534 too weak", "auth 534", "parked"),
    ],
)
def test_a_login_that_fails_says_how(offers: str, script: str, reason: str, outcome: str) -> None:
    with MailEnd(script, offers) as end:
        receipt = send(mail_to(end.address, smtp_user="ann", smtp_password="x"), PLENTY)
    assert (receipt.outcome, receipt.reason) == (outcome, reason)


def test_an_address_that_is_not_ascii_needs_a_server_that_takes_it(start: Start) -> None:
    keeper, address = start(enable_SMTPUTF8=True)
    to = letter(settings(email="jürgen@example.org", smtp=address))
    assert send(to, PLENTY).outcome == "delivered"
    assert keeper.mails[0][0].rcpt_tos == ["jürgen@example.org"]
    with MailEnd() as end:
        to = letter(settings(email="jürgen@example.org", smtp=end.address))
        assert send(to, PLENTY).reason == "smtp: the server takes only ASCII addresses"


def test_a_domain_that_is_not_ascii_is_written_in_idna(start: Start) -> None:
    keeper, address = start()
    send(letter(settings(email="ops@bücher.example", smtp=address)), PLENTY)
    assert keeper.mails[0][0].rcpt_tos == ["ops@xn--bcher-kva.example"]


@pytest.mark.parametrize(
    ("text", "tls", "found"),
    [
        ("mail", "auto", ("mail", 25, "auto")),
        ("mail:587", "auto", ("mail", 587, "starttls")),
        ("mail:465", "auto", ("mail", 465, "implicit")),
        ("mail:465", "none", ("mail", 465, "none")),
        ("mail", "implicit", ("mail", 465, "implicit")),
        ("mail", "starttls", ("mail", 587, "starttls")),
        ("[::1]:2525", "auto", ("::1", 2525, "auto")),
    ],
)
def test_the_port_tells_how_tls_begins(text: str, tls: Any, found: object) -> None:
    assert place(text, tls) == found


@pytest.mark.parametrize("smtp", ["mail:x", "mail:99999", "a b", "", "smtp://mail", "::1"])
def test_a_server_that_is_no_host_and_port_is_an_error(smtp: str) -> None:
    with pytest.raises(DeliverError, match="host or host:port"):
        check(settings(email="ops@example.org", smtp=smtp))


def test_the_network_is_never_asked_for_our_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getfqdn", lambda *_: pytest.fail("asked"))
    with MailEnd() as end:
        assert send(mail_to(end.address), PLENTY).outcome == "delivered"
