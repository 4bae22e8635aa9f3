"""The keys of a lucifer source, what `doctor` says of it, and one look for both families."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from sources.streams import Lab, lucifer

from notifier import sources
from notifier.config import load
from notifier.errors import ConfigError

CHANNEL = '[channels.ops]\nemail = "ops@example.org"\n'


def told(keys: str, tmp_path: Path) -> list[str]:
    path = tmp_path / "config.toml"
    path.write_text(f'[sources.lab]\ntype = "lucifer"\n{keys}\n{CHANNEL}')
    with pytest.raises(ConfigError) as found:
        load(path, sources.settings_of, {})
    return str(found.value).replace("config.toml: sources.lab: ", "").split("\n")


PATHS = "expected a whole path, from / on, that names files"
FIELDS = "expected {id} once, {host} at most once, and no other field"
KINDS = "expected one of task, test, host (did you mean 'test'?)"


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ('paths = ["events/*"]', f"key 'paths.1': {PATHS}"),
        ('paths = ["/a/*", "/b/"]', f"key 'paths.2': {PATHS}"),
        ('paths = ["/a/**/x"]', "key 'paths.1': '**' is not known; write one '*' for each folder"),
        ('task = "*.events"', f"key 'task': {FIELDS}"),
        ('task = "{id}{id}"', f"key 'task': {FIELDS}"),
        ('task = "{id}.{name}"', f"key 'task': {FIELDS}"),
        ('task = "/a/{id}"', "key 'task': is the end of a path, and begins with no /"),
        ("max_bytes = 1000", "key 'max_bytes': must be at least 1048576"),
        ('max_age = "0s"', "key 'max_age': must be more than 0"),
        ('kinds = ["tests"]', f"key 'kinds.1': {KINDS}"),
        ('path = "/a/*"', "unknown key 'path' (did you mean 'paths'?)"),
        ('url = "http://x"', "unknown key 'url'"),
    ],
)
def test_a_wrong_key_is_told_in_one_line(keys: str, fault: str, tmp_path: Path) -> None:
    (line,) = told(keys, tmp_path)
    assert line.startswith(fault)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    assert len(told('paths = ["a", "b"]\ntask = "x"\nmax_bytes = 1', tmp_path)) == 4


def about(lab: Lab) -> str:
    with sources.connect(lab.settings) as http:
        line: str = lucifer.about(lab.settings, http, lab.cursor, time.monotonic() + 10)
    return line


def test_doctor_hears_how_many_files_there_are_and_what_is_known(lab: Lab) -> None:
    assert about(lab) == "Lucifer: 0 files; 0 tasks going on, 0 ended, 0 hosts"
    lab.lines("1.events", "starting", "host_ready h", "defrosting")
    lab.lines("2.events", "starting", "completed")
    lab.look()
    assert about(lab) == (
        "Lucifer: 2 files; 1 task going on, 1 ended, 1 host, 1 line of no known event"
    )
    (lab.folder / "x.events").symlink_to("/etc/passwd")
    with pytest.raises(sources.LookFailed, match=r"x\.events: is a symbolic link") as found:
        about(lab)
    assert found.value.why == "refused"
    lab.settings = lucifer.Settings(type="lucifer", paths=["/nowhere/*"])
    with pytest.raises(sources.LookFailed, match="no such folder"):
        about(lab)


def test_a_source_without_paths_has_what_is_emitted(lab: Lab) -> None:
    lab.settings = lucifer.Settings(type="lucifer")
    assert "notifier emit" in about(lab)
    lab.look()
    assert [(one.kind, one.changes) for one in lab.snapshots()] == [("task", ()), ("host", ())]


def test_both_families_of_a_run_share_one_look(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.lines("1.events", "starting", "host_needs_repair h", "aborted")
    lab.look()
    lab.lines("1.events", "starting")
    listed: list[Any] = []
    real = os.scandir
    monkeypatch.setattr(
        "notifier.sources._lucifer_find.os.scandir", lambda path: listed.append(path) or real(path)
    )
    cursor = lab.cursor
    with sources.connect(lab.settings) as http:
        for kinds in (("host",), ("task", "test")):
            results, cursor = lucifer.poll(
                lab.settings, http, cursor, frozenset(kinds), {}, time.monotonic() + 10, lab.now
            )
            assert [one.kind for one in results] == [kinds[0]]
        assert [one.status for one in results[0].changes] == ["starting"]
        assert listed == [str(lab.folder)]
        # another cursor is another past
        lucifer.poll(
            lab.settings, http, None, frozenset(["host"]), {}, time.monotonic() + 10, lab.now
        )
    assert len(listed) == 2


def test_a_host_that_is_well_and_that_nobody_speaks_of_is_forgotten(lab: Lab) -> None:
    lab.lines("1.events", "host_ready well", "host_needs_repair ill")
    lab.look()
    lab.later(days=31).look()
    assert list(lab.cursor["hosts"]) == ["ill"]
