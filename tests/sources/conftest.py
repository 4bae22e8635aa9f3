"""Fixtures for the sources: a server on loopback, a session with it, a look at it."""

import datetime
import ipaddress
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import settings
from sources.hosts import Stub
from sources.streams import Lab

from notifier import sources
from notifier.sources._http import Http

# a slow machine is no failure
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
NOW = datetime.datetime(2026, 11, 22, 4, 8, 1, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine's environment says of proxies and authorities."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A server without routes."""
    server = Stub()
    yield server
    server.stop()


@pytest.fixture
def connect() -> Iterator[Callable[..., Http]]:
    """Opens sessions that are closed after the test: `connect(url, timeout=1.0)`."""
    sessions: list[Http] = []

    def open_one(url: str, **more: Any) -> Http:
        sessions.append(Http(url, **more))
        return sessions[-1]

    yield open_one
    for session in sessions:
        session.__exit__(None, None, None)


@pytest.fixture
def look() -> Callable[..., tuple[dict[str, Any], Any]]:
    """Polls a hakuriver source once: kind or scope -> result, and the cursor."""
    module = sources.module("hakuriver")

    def once(
        url: str,
        *,
        cursor: Any = None,
        want: frozenset[str] = frozenset(module.KINDS),
        follow: Mapping[str, frozenset[str]] | None = None,
        seconds: float = 30.0,
        **settings: Any,
    ) -> tuple[dict[str, Any], Any]:
        chosen = module.Settings(type="hakuriver", url=url, **settings)
        with sources.connect(chosen) as http:
            deadline = time.monotonic() + seconds
            results, cursor = module.poll(chosen, http, cursor, want, follow or {}, deadline, NOW)
        named = {
            getattr(one, "kind", None) or one.scope or one.family: one  # a snapshot, or a failure
            for one in results
        }
        assert len(named) == len(results)
        return named, cursor

    return once


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that it signed itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "river.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls_stub(certificate: Path) -> Iterator[Stub]:
    """The same server behind that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Stub(context)
    yield server
    server.stop()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """An empty folder that a lucifer source looks at."""
    folder = tmp_path / "lab"
    folder.mkdir()
    return Lab(folder)
