"""Certificates of a private authority, and a log that hears everything."""

import datetime
import ipaddress
import logging
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Authority(NamedTuple):
    """A PEM file to trust, and what servers show: `good`, `expired`, `elsewhere`, `stranger`."""

    ca_file: str
    contexts: dict[str, ssl.SSLContext]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A private authority and servers that it vouches for, more or less."""
    folder = tmp_path_factory.mktemp("authority")
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    key, ca = _certificate("authority", None, now - 2 * day, now + day)
    stranger = _certificate("stranger", None, now - 2 * day, now + day)
    here: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    there: list[x509.GeneralName] = [x509.DNSName("mail.example.org")]
    made = {
        "good": _certificate("good", (key, ca), now - 2 * day, now + day, here),
        "expired": _certificate("expired", (key, ca), now - 2 * day, now - day, here),
        "elsewhere": _certificate("elsewhere", (key, ca), now - 2 * day, now + day, there),
        "stranger": _certificate("good", stranger, now - 2 * day, now + day, here),
    }
    contexts = {}
    for name, (own_key, certificate) in made.items():
        path = folder / f"{name}.pem"
        path.write_bytes(
            own_key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[name].load_cert_chain(path)
    ca_file = folder / "ca.pem"
    ca_file.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    return Authority(str(ca_file), contexts)


Pair = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


def _certificate(
    name: str,
    issuer: Pair | None,
    begin: datetime.datetime,
    end: datetime.datetime,
    names: list[x509.GeneralName] | None = None,
) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer_key, issuer_name = (issuer[0], issuer[1].subject) if issuer else (key, subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return key, builder.sign(issuer_key, hashes.SHA256())


class Ear(logging.Handler):
    """Keeps every record as a line, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def ear() -> Iterator[Ear]:
    """What the root logger hears at DEBUG."""
    root, ear = logging.getLogger(), Ear()
    before = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    # whatever ran before in this process may have silenced it: here nothing but deliver does
    urllib3 = logging.getLogger("urllib3")
    silenced = urllib3.propagate, urllib3.level
    urllib3.propagate = True
    urllib3.setLevel(logging.NOTSET)
    yield ear
    urllib3.propagate, level = silenced
    urllib3.setLevel(level)
    root.removeHandler(ear)
    root.setLevel(before)


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxy and no .netrc of the person who runs the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
