"""Which routes would take a thing, who would be told, and when: before anything happens."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from peers import Ran

from notifier.memory import ChannelState, State
from notifier.state import Store

Run = Callable[..., Ran]
ROUTES = """
[[routes]]
name = "gpu"
match = { node = "gpu-*" }
channels = ["chat"]
hold = ["night"]
[[routes]]
name = "late"
match = { kind = "task" }
not_match = { owner = "ci-*" }
channels = ["ops", "chat"]
escalate_after = "30m"
[[routes]]
name = "quiet"
match = { "labels.queue" = "test" }
channels = []
[windows.night]
from = "22:00"
to = "07:00"
"""


@pytest.fixture
def routed(config: Path) -> Path:
    text = config.read_text().replace('url = "', 'ignore = [{ name = "probe-*" }]\nurl = "')
    config.write_text(text + ROUTES)
    return config


@pytest.mark.usefixtures("routed")
def test_the_routes_that_match_who_is_told_and_when(run: Run) -> None:
    ran = run("route", "test", "kind=task", "node=gpu-07", "--at", "2026-12-01T23:30")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "problem: river/task/any failed (critical), found Dec 1 23:30 UTC",
        "  route 'gpu' takes it: chat",
        "  route 'late' takes it: ops, chat",
        "  chat: not before Dec 2 07:00 UTC (route 'gpu')",
        "    window 'night' until Dec 2 07:00 UTC: 22:00 to 07:00; told then even if it is over",
        "  ops/ops@example.org: not before Dec 2 00:00 UTC (route 'late')",
        "    escalation 'late' until Dec 2 00:00 UTC: only if it is open then and nobody has it "
        "in hand (after 30m)",
        "  ops/anna@example.org: not before Dec 2 00:00 UTC (route 'late')",
        "    escalation 'late' until Dec 2 00:00 UTC: only if it is open then and nobody has it "
        "in hand (after 30m)",
    ]


@pytest.mark.usefixtures("routed")
def test_silences_have_their_names_and_reasons_and_sick_channels_theirs(
    run: Run, remembered: Callable[[State], Store]
) -> None:
    remembered(State(id="n1", channels={"chat": ChannelState(reason="http 503")}))
    # longer than any night: also while one holds the problem back
    run("silence", "add", "gpu-07", "--for", "10h", "-m", "new fan")
    shown = json.loads(run("route", "test", "node=gpu-07", "kind=node", "--json").out)
    (row,) = shown["rows"]
    silences = [wait for wait in row["waits"] if wait["why"] == "silence"]
    assert [(one["name"], "new fan" in one["text"]) for one in silences] == [("s-1", True)]
    assert row["trouble"] == "the channel fails at present: http 503"
    assert "the channel fails at present: http 503" in run(
        "route", "test", "node=gpu-07", "kind=node"
    ).out  # fmt: skip


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__


@pytest.mark.usefixtures("routed")
def test_the_json_has_the_documented_shape(run: Run) -> None:
    shown = json.loads(run("route", "test", "kind=task", "--at", "23:30", "--json").out)
    wait = {"why": "str", "name": "str", "until": "str", "text": "str"}
    row = {"row": "str", "route": "str", "at": "str", "waits": [wait], "trouble": "str"}
    assert shape(shown) == {
        "version": "int", "at": "str", "thing": "str", "type": "str", "status": "str",
        "health": "str", "severity": "str", "problem": "bool", "ignored": "bool",
        "routes": ["str"], "rows": [row],
    }  # fmt: skip


@pytest.mark.usefixtures("routed")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["status=completed"], "no problem: 'completed' means ok; nobody is told"),
        (["kind=node", "status=online"], "no problem: 'online' means ok; nobody is told"),
        (["name=probe-7"], "its source's `ignore` fits it; nobody is told"),
        (["kind=node", "labels.queue=test"], "route 'quiet' takes it: nobody"),
    ],
)
def test_what_is_told_to_nobody_says_why_and_is_1(words: list[str], said: str, run: Run) -> None:
    ran = run("route", "test", *words)
    assert (ran.code, ran.err) == (1, "")
    assert said in ran.out


@pytest.mark.parametrize(
    ("words", "thing", "rows"),
    [
        ([], "river/task/any", ["ops/ops@example.org", "ops/anna@example.org", "chat"]),
        (["family=nodes"], "river/node/any", 3),
        (["kind=vps", "id=7"], "river/vps/7", 3),
        (["kind=source"], "river/source/river", 3),
        (["source=notifier", "name=chat"], "notifier/channel/chat", 2),
        (["type=summary", "kind=node"], "river/node/any", 3),
        (["source=backup", "kind=job", "id=nightly"], "backup/job/nightly", 3),
        (["kind=service", "status=down"], "river/service/any", 3),
        (["type=change", "status=completed"], "river/task/any", 0),
    ],
)
def test_what_no_route_takes_goes_where_it_always_goes(
    words: list[str], thing: str, rows: int | list[str], run: Run
) -> None:
    shown = json.loads(run("route", "test", "--json", *words).out)
    assert shown["thing"] == thing
    told = [row["row"] for row in shown["rows"]]
    assert (told if isinstance(rows, list) else len(told)) == rows
    assert shown["routes"] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sttus=lost"], "'sttus=lost': expected FIELD=VALUE (did you mean 'status'?)"),
        (["gpu-07"], "'gpu-07': expected FIELD=VALUE"),
        (["severity=bad"], "severity is one of critical, warning, info"),
        (["type=recovery"], "no route is asked: it goes to whoever was told of the problem"),
        (["kind=tsak"], "river shows no 'tsak' (did you mean 'task'?)"),
        (["source=rivr"], "no source is named 'rivr' (did you mean 'river'?)"),
        (["source=la/ke"], "no source is named 'la/ke'"),
        (["source=lake", "kind=vps"], "lake shows no 'vps'"),
        (["--at", "25:00"], "--at: expected a time such as 23:30 or 2026-12-01T23:30"),
        (["--at", "0001-01-01T00:00"], "--at: expected a time"),
    ],
)
def test_a_mistake_is_named_and_is_2(words: list[str], told: str, run: Run, config: Path) -> None:
    config.write_text(config.read_text().replace('"UTC"', '"Asia/Tokyo"'))
    ran = run("route", "test", *words)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err


def test_two_mistakes_are_told_at_once(run: Run) -> None:
    assert len(run("route", "test", "a=b", "c=d").err.splitlines()) == 2


def test_hostile_words_do_nothing_to_a_terminal(run: Run) -> None:
    ran = run("route", "test", "name=\x1b[2Ja\nb")
    assert "\x1b" not in ran.out
    assert len(ran.out.splitlines()) == 5


def test_what_is_pushed_can_be_asked_for_too(run: Run, config: Path) -> None:
    more = "[[routes]]\nmatch = { source = 'backup', family = 'tasks' }\nchannels = ['chat']\n"
    config.write_text(config.read_text() + more)
    ran = run("route", "test", "source=backup", "kind=job")
    assert ran.code == 0
    assert "problem: backup/job/any failed (critical)" in ran.out
    assert "route '1' takes it: chat" in ran.out
    assert run("route", "test", "source=backup", "kind=job", "status=done").code == 1
