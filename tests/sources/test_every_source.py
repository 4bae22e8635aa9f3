"""The contract of a source (docs/sources/writing-one.md), for each of ours and the page's own."""

import inspect
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources.streams import NOON
from sources.worlds import ALL, Place, world

from notifier import sources
from notifier.model import Family, Health, Kind, Severity, Snapshot, Unreadable, UnreadableWhy
from notifier.settings import SourceSettings

every_source = pytest.mark.parametrize("kind", sorted(ALL))


@pytest.fixture
def place(kind: str, tmp_path: Path) -> Iterator[Place]:
    with world(kind, tmp_path) as made:
        yield made


def poll(
    place: Place, cursor: Any = None, *, want: frozenset[str] | None = None, seconds: float = 30.0
) -> tuple[list[Snapshot | Unreadable], Any]:
    kinds = frozenset(place.module.KINDS) if want is None else want
    with sources.connect(place.settings) as http:
        results, new = place.module.poll(
            place.settings, http, cursor, kinds, {}, time.monotonic() + seconds, NOON
        )
    return results, new


def as_stored(cursor: Any) -> Any:
    return json.loads(json.dumps(cursor))


@every_source
def test_it_has_settings_kinds_and_the_two_functions(place: Place) -> None:
    assert issubclass(place.module.Settings, SourceSettings)
    for name, kind in place.module.KINDS.items():
        assert isinstance(kind, Kind)
        assert kind.name == name
        assert kind.family in get_args(Family)
        assert "/" not in name
    for function in ("classify", "poll"):
        wanted = list(inspect.signature(getattr(sources.Source, function)).parameters)[1:]
        assert list(inspect.signature(getattr(place.module, function)).parameters) == wanted


@every_source
@given(status=st.text(max_size=20))
def test_every_text_has_a_meaning(
    status: str, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with world(kind, tmp_path_factory.mktemp("world")) as place:
        for name, one in place.module.KINDS.items():
            health, severity = place.module.classify(place.settings, name, status)
            assert health in get_args(Health)
            assert severity in get_args(Severity)
            allowed = {"active", "ok", "failed", "cancelled", "degraded", "unknown"}
            assert not one.finite or health in allowed


@every_source
def test_a_word_that_nobody_knows_is_unknown(place: Place) -> None:
    for name in place.module.KINDS:
        found = place.module.classify(place.settings, name, "frobnicated by nobody")
        assert found == ("unknown", "warning")


@every_source
def test_it_shows_only_what_was_asked_for(place: Place) -> None:
    for family in get_args(Family):
        want = frozenset(name for name, kind in place.module.KINDS.items() if kind.family == family)
        for one in poll(place, want=want)[0]:
            assert one.kind in want if isinstance(one, Snapshot) else one.family == family
    assert poll(place, want=frozenset())[0] == []


@every_source
def test_what_it_shows_is_whole_clean_and_as_its_words_mean(place: Place) -> None:
    cursor = None
    for _ in range(2):
        results, cursor = poll(place, cursor)
        assert results
        for one in results:
            if isinstance(one, Unreadable):
                assert one.why in get_args(UnreadableWhy)
                assert one.reason
                assert (one.reason + one.scope).isprintable()
                continue
            _fits(place, one)
        place.change()


def _fits(place: Place, one: Snapshot) -> None:
    if one.changes is None:
        seen = [one.rows[name] for name in one.statuses]
        assert {row.id: row.status for row in seen} == dict(one.statuses)
    else:
        seen = list(one.changes)
        assert not one.statuses
    for row in seen:
        assert row.kind == one.kind
        assert row.id
        assert (row.health, row.severity) == place.module.classify(
            place.settings, row.kind, row.status
        )
        shown = [row.id, row.name, row.status, row.node, row.owner, row.group, row.says]
        assert all(text.isprintable() for text in shown)
        assert row.name
        for at in (row.submitted, row.started, row.ended, row.last_seen):
            assert at is None or at.tzinfo is not None
    for text in (*one.notes, *one.remarks):
        assert text.isprintable()


@every_source
def test_its_cursor_is_json_and_the_very_same_when_nothing_changed(place: Place) -> None:
    _, cursor = poll(place)
    cursor = as_stored(cursor)
    _, again = poll(place, cursor)
    _, third = poll(place, again)
    assert third is again
    assert as_stored(third) == third


@every_source
def test_a_look_whose_result_was_lost_shows_the_same_again(place: Place) -> None:
    _, cursor = poll(place)
    cursor = as_stored(cursor)
    place.change()
    first, _ = poll(place, as_stored(cursor))
    again, _ = poll(place, as_stored(cursor))
    assert [_shape(one) for one in first] == [_shape(one) for one in again]


def _shape(one: Snapshot | Unreadable) -> Any:
    if isinstance(one, Unreadable):
        return (one.family, one.scope, one.why, one.reason)
    return (one.kind, one.scope, dict(one.statuses), one.changes, one.past, one.remarks)


@every_source
@pytest.mark.parametrize("cursor", [[], "x", 7, {"x": 1}, {"files": 3, "base": []}])
def test_a_cursor_that_is_none_of_its_own_harms_nothing(place: Place, cursor: Any) -> None:
    assert poll(place, cursor)[0]


@every_source
def test_a_deadline_that_is_over_ends_the_look_at_once(place: Place) -> None:
    began = time.monotonic()
    results, _ = poll(place, seconds=-1.0)
    assert time.monotonic() - began < 5
    assert results


@every_source
def test_it_says_what_it_is_about_in_one_line_or_why_it_cannot(place: Place) -> None:
    about = getattr(place.module, "about", None)
    if about is None:
        return
    with sources.connect(place.settings) as http:
        try:
            line = about(place.settings, http, None, time.monotonic() + 30)
        except sources.LookFailed as failed:
            line = failed.reason
    assert line
    assert line.isprintable()


@every_source
def test_a_stream_that_it_reads_is_of_its_kinds(place: Place) -> None:
    stream = getattr(place.module, "stream", None)
    if stream is None:
        return
    for lines in ([], [b"starting\n", b"completed"], [b"\xff\0\n", b"x" * 100_000]):
        for one in stream(place.settings, iter(lines), "12345", NOON):
            assert one.kind in place.module.KINDS
            assert one.changes is not None
            _fits(place, one)


def test_a_source_that_asks_no_server_loads_no_library_for_it(tmp_path: Path) -> None:
    import subprocess
    import sys

    program = (
        "import sys; from notifier import sources; m = sources.module('lucifer');"
        "s = m.Settings(type='lucifer', paths=[sys.argv[1]]); http = sources.connect(s);"
        "print(http.redact('--password x'), *sys.modules.keys() & {'requests', 'urllib3'})"
    )
    command = [sys.executable, "-c", program, f"{tmp_path}/*"]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("--password [redacted]\n", "")


def test_who_asks_all_the_same_is_told(tmp_path: Path) -> None:
    with (
        world("lucifer", tmp_path) as place,
        sources.connect(place.settings) as http,
        pytest.raises(sources.LookFailed, match="no url"),
    ):
        http.get("/x", time.monotonic() + 1)
