"""What every source promises, built in or not, and how it is found."""

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources import hosts
from sources.hosts import Reply, Stub

from notifier import sources
from notifier.errors import ConfigError
from notifier.model import Family, Health, Kind, Severity, Snapshot, Unreadable, UnreadableWhy
from notifier.settings import SourceSettings

# other names of the same module promise nothing more
every_source = pytest.mark.parametrize("kind", sorted(set(sources.BUILT_IN.values())))
every_polled = pytest.mark.parametrize(
    "kind",
    sorted(
        kind
        for kind in set(sources.BUILT_IN.values())
        if "url" in sources.settings_of(kind).__struct_fields__
    ),
)
NOW = datetime(2026, 11, 22, 4, 8, 1, tzinfo=UTC)


def settings(kind: str, **more: Any) -> SourceSettings:
    chosen: Any = sources.settings_of(kind)
    return chosen(type=kind, **more)  # type: ignore[no-any-return]


@every_source
def test_a_source_has_settings_and_kinds(kind: str) -> None:
    assert issubclass(sources.settings_of(kind), SourceSettings)
    for name, one in sources.module(kind).KINDS.items():
        assert isinstance(one, Kind)
        assert one.name == name
        assert one.family in get_args(Family)


@every_source
@given(status=st.text(max_size=20))
def test_every_status_has_a_meaning(kind: str, status: str) -> None:
    module = sources.module(kind)
    chosen = settings(kind, **{} if kind == "lucifer" else {"url": "http://river.example"})
    for name in module.KINDS:
        health, severity = module.classify(chosen, name, status)
        assert health in get_args(Health)
        assert severity in get_args(Severity)


ANSWERS = [
    Reply(b"[]"), Reply(b"{}"), Reply(b"null"), Reply(b"[null]"), Reply(b"[[]]"), Reply(b"[{}]"),
    Reply(b""), Reply(b"<html>"), Reply(b"\xff\xfe"), Reply(b"[" * 200_000), Reply(b"x", 500),
    Reply(b"", 204), Reply(b"", 301, {"Location": "http://["}), Reply(b"{}", 401), Reply(b"x", 404),
    Reply(b"[]", headers={"Content-Encoding": "gzip"}), Reply(b"[]", headers={"Date": "x"}),
    Reply(b"[]", headers={"Content-Length": "x"}, length=None), hosts.cut_body, hosts.cut_chunks,
    hosts.hangs_up, hosts.babbles, hosts.drips,
]  # fmt: skip


def _name(answer: Any) -> str:
    """The same in every process, unlike an address."""
    return str(getattr(answer, "__name__", answer))[:60]


class Everywhere(dict[str, Any]):
    """One answer to every path."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def get(self, *_: object) -> Any:
        return self.answer


@every_polled
@pytest.mark.parametrize("answer", ANSWERS, ids=_name)
def test_whatever_a_server_does_a_poll_returns_results_and_a_document(
    stub: Stub, kind: str, answer: Any
) -> None:
    stub.routes = Everywhere(answer)
    module, chosen = sources.module(kind), settings(kind, url=stub.url)
    with sources.connect(chosen) as http:
        found, cursor = module.poll(
            chosen, http, None, frozenset(module.KINDS), {}, time.monotonic() + 0.5, NOW
        )
    assert found
    for one in found:
        if isinstance(one, Snapshot):
            assert one.kind in module.KINDS
            assert all(one.rows[name].id == name for name in one.statuses)
        else:
            assert isinstance(one, Unreadable)
            assert one.family in get_args(Family)
            assert one.why in get_args(UnreadableWhy)
            assert one.reason
            assert one.reason.isprintable()
    assert msgspec.json.decode(msgspec.json.encode(cursor)) == cursor


@every_polled
def test_what_is_asked_again_unchanged_gives_the_very_same_cursor(stub: Stub, kind: str) -> None:
    hosts.dialect_a(stub)
    module, chosen = sources.module(kind), settings(kind, url=stub.url)
    cursor: Any = None
    for _ in range(2):
        before = cursor
        with sources.connect(chosen) as http:
            _, cursor = module.poll(
                chosen, http, cursor, frozenset(module.KINDS), {}, time.monotonic() + 20, NOW
            )
    assert cursor is before


def test_an_unknown_type_names_the_known_ones() -> None:
    with pytest.raises(KeyError) as found:
        sources.settings_of("nagios")
    assert found.value.args[0] == ["hakuriver", "hydra", "kohakuriver", "lucifer"]


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two packages of a third party: one good, one broken."""
    points = [
        EntryPoint("lake", "notifier.sources.hakuriver", sources.GROUP),
        EntryPoint("pond", "no_such_package", sources.GROUP),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points)
    yield


@pytest.mark.usefixtures("plugin")
def test_a_third_party_s_source_is_found_by_its_entry_point() -> None:
    assert sources.module("lake") is sources.module("hakuriver")
    with pytest.raises(KeyError) as found:
        sources.module("nagios")
    assert found.value.args[0] == ["hakuriver", "hydra", "kohakuriver", "lake", "lucifer", "pond"]


@pytest.mark.usefixtures("plugin")
def test_a_broken_package_of_a_third_party_is_an_error_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="source type 'pond': its package cannot be loaded"):
        sources.module("pond")


def test_a_source_without_keys_of_ours_has_defaults(stub: Stub) -> None:
    with (
        sources.connect(SourceSettings(type="lake")) as http,
        pytest.raises(Exception, match="url"),
    ):
        http.get("/", time.monotonic() + 5)


def test_more_secrets_are_hidden_where_the_person_says_so(stub: Stub) -> None:
    with sources.connect(settings("hakuriver", url=stub.url), ["--magic=*"]) as http:
        assert http.redact("a --magic=b") == "a --magic=[redacted]"


def test_reading_the_settings_loads_no_heavy_library() -> None:
    program = (
        "import sys; from notifier import sources; sources.settings_of('hakuriver'); "
        "print(*sorted(sys.modules.keys() & {'requests', 'importlib.metadata'}))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("\n", "")
