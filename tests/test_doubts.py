"""What looks wrong and is no fault: routes that never decide, words that nothing has, secrets."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from notifier import sources
from notifier.config import load
from notifier.doubts import doubts

LEAST = """
[sources.river]
type = "hakuriver"
url = "http://river.example:8000"
[channels.ops]
email = ["ops@example.org"]
[channels.chat]
slack = "env:SLACK"
[channels.hook]
webhook = "https://hooks.example.org/n"
"""

Doubted = Callable[..., list[str]]


@pytest.fixture
def doubted(tmp_path: Path) -> Doubted:
    def done(more: str, *, mode: int = 0o600, least: str = LEAST) -> list[str]:
        path = tmp_path / "config.toml"
        path.write_text(least + more)
        path.chmod(mode)
        config = load(path, sources.settings_of, {})
        found = doubts(config, sources.module("hakuriver").KINDS)
        assert all(line.startswith("config.toml: ") for line in found)
        return [line.removeprefix("config.toml: ") for line in found]

    return done


def route(name: str, keys: str = "") -> str:
    return f"[[routes]]\nname = '{name}'\nchannels = ['ops']\n{keys}\n"


def test_the_smallest_configuration_leaves_no_doubt(doubted: Doubted) -> None:
    assert doubted("") == []


# ---- routes that never decide ---------------------------------------------------------------

SHADOWED = ["routes 'b': never decides: route 'a' above takes all of it"]


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("", ""),
        ("", "match = { kind = 'task' }"),
        ("match = { kind = 'task' }", "match = { kind = 'task', node = 'gpu-*' }"),
        ("", "not_match = { kind = 'task' }"),
        ("", "events = ['problem', 'recovery']"),
        ("events = ['problem', 'change']", "events = ['change']"),
        ("channels = ['ops', 'chat']", "channels = ['chat']"),
    ],
)
def test_a_route_whose_events_and_channels_are_all_taken_above_is_doubted(
    above: str, below: str, doubted: Doubted
) -> None:
    text = route("a", above) + route("b", below)
    for keys in (above, below):
        if keys.startswith("channels"):
            text = text.replace(f"channels = ['ops']\n{keys}", keys)
    assert doubted(text) == SHADOWED


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("match = { kind = 'task' }", ""),
        ("match = { kind = 'task' }", "match = { kind = 'node' }"),
        ("not_match = { owner = 'ci' }", "match = { kind = 'task' }"),
        ("events = ['problem']", ""),
        ("", "events = ['problem', 'reminder']"),
        ("", "events = ['change']"),
        ("match = { kind = ['task', 'node'] }", "match = { kind = 'task' }"),
    ],
)
def test_a_route_that_something_is_left_for_is_not(
    above: str, below: str, doubted: Doubted
) -> None:
    assert doubted(route("a", above) + route("b", below)) == []


def test_a_route_that_discards_takes_nothing_from_those_below(doubted: Doubted) -> None:
    nothing = "[[routes]]\nname = 'a'\nchannels = []\n"
    assert doubted(nothing + route("b")) == []
    assert doubted(route("a") + nothing.replace("'a'", "'b'")) == []


# ---- words that nothing has -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (
            "match = { kind = 'tsak' }",
            "key 'match.kind': 'tsak' fits nothing that is configured (did you mean 'task'?)",
        ),
        (
            "match = { kind = 'build' }",
            "key 'match.kind': 'build' fits nothing that is configured",
        ),
        (
            "match = { kind = ['task', 'nodes'] }",
            "key 'match.kind': 'nodes' fits nothing that is configured (did you mean 'node'?)",
        ),
        (
            "not_match = { source = 'rivr' }",
            "key 'not_match.source': 'rivr' fits nothing that is configured "
            "(did you mean 'river'?)",
        ),
        ("match = { family = 'task' }", "key 'match.family': 'task' fits nothing"),
        ("match = { severity = 'crit' }", "key 'match.severity': 'crit' fits nothing"),
        ("match = { health = 'dead' }", "key 'match.health': 'dead' fits nothing"),
        ("match = { type = 'problems' }", "key 'match.type': 'problems' fits nothing"),
        ("match = { node = [] }", "key 'match.node': an empty list fits nothing"),
    ],
)
def test_a_pattern_that_can_fit_nothing_is_doubted(keys: str, line: str, doubted: Doubted) -> None:
    (found,) = doubted(route("gpu", keys))
    assert found.startswith(f"routes 'gpu': {line}")


@pytest.mark.parametrize(
    "keys",
    [
        "match = { kind = ['task', 'node', 'vps', 'source', 'channel'] }",
        "match = { kind = 'n*' }",
        "match = { source = ['river', 'notifier'] }",
        "match = { severity = 'critical', health = 'down', family = 'nodes', type = 'problem' }",
        "match = { status = 'whatever', node = 'x', 'labels.any' = 'y', owner = '' }",
    ],
)
def test_a_pattern_that_may_fit_is_not(keys: str, doubted: Doubted) -> None:
    assert doubted(route("gpu", keys)) == []


# ---- keys without a meaning -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            'slack = "env:SLACK"', 'slack = "env:SLACK"\nsmtp = "mail"',
            "channels.chat: key 'smtp': means nothing to slack",
        ),
        (
            'slack = "env:SLACK"', 'slack = "env:SLACK"\nfrom = "a@b"',
            "channels.chat: key 'from': means nothing to slack",
        ),
        (
            'email = ["ops@example.org"]', 'email = ["ops@example.org"]\nsecret = "env:X"',
            "channels.ops: key 'secret': means nothing to email",
        ),
    ],
)  # fmt: skip
def test_a_key_that_means_nothing_to_this_kind_of_channel_is_doubted(
    old: str, new: str, line: str, doubted: Doubted
) -> None:
    assert doubted("", least=LEAST.replace(old, new)) == [line]


# ---- secrets that others can read -----------------------------------------------------------

SECRETS = [
    ("channels.ops", 'email = ["ops@example.org"]', 'smtp_user = "n"\nsmtp_password = "hunter2"'),
    ("channels.hook", 'webhook = "https://hooks.example.org/n"', 'secret = ["env:X", "hunter2"]'),
    ("sources.river", 'type = "hakuriver"', 'token = "hunter2"'),
    ("channels.pager", "", '[channels.pager]\nurl = "tgram://hunter2/x"'),
    ("channels.new", "", '[channels.new]\nslack = "https://hooks.slack.com/hunter2"'),
    ("channels.new", "", '[channels.new]\nwebhook = "https://u:hunter2@h/"'),
    ("sources.new", "", '[sources.new]\ntype = "hakuriver"\nurl = "https://u:hunter2@h/"'),
    (
        "sources.ci",
        "",
        '[sources.ci]\ntype = "hydra"\nurl = "https://h/"\nheaders = { X-A = "hunter2" }',
    ),
]


@pytest.mark.parametrize(("where", "after", "text"), SECRETS)
def test_a_literal_secret_in_a_file_that_everybody_can_read_is_doubted_and_not_shown(
    where: str, after: str, text: str, doubted: Doubted
) -> None:
    least = LEAST.replace(after, f"{after}\n{text}") if after else LEAST + text
    (line,) = doubted("", mode=0o644, least=least)
    assert line.startswith(f"{where}: key '")
    assert line.endswith("use file:, env: or credential:, or chmod 600")
    assert "hunter2" not in line
    assert doubted("", mode=0o600, least=least) == []


def test_a_reference_may_be_read_by_everybody(doubted: Doubted) -> None:
    more = 'secret = ["env:A", "file:/b", "credential:c"]\n'
    assert doubted(more, mode=0o644) == []


@pytest.mark.parametrize(
    ("owner", "mode", "found"),
    [(0, 0o640, 0), (0, 0o644, 1), (1000, 0o640, 1), (1000, 0o600, 0), (1000, 0o604, 1)],
)
def test_the_group_that_root_gave_the_file_to_may_read_it(
    owner: int, mode: int, found: int, doubted: Doubted, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Path.stat

    def stat(path: Path, **more: bool) -> os.stat_result:
        seen = usual(path, **more)
        return os.stat_result((*seen[:4], owner, *seen[5:]))

    monkeypatch.setattr(Path, "stat", stat)
    more = '[channels.pager]\nurl = "tgram://hunter2/x"'
    assert len(doubted(more, mode=mode)) == found


def test_what_can_be_pushed_is_no_doubt(doubted: Doubted) -> None:
    assert doubted(route("gpu", "match = { source = 'backup', kind = 'unit' }")) == []


def test_what_watches_the_watcher_is_doubted_where_it_cannot_work(doubted: Doubted) -> None:
    every = LEAST.replace("[channels.ops]", 'every = { tasks = "1h" }\n[channels.ops]')
    assert doubted("", least=every) == []
    assert doubted('[run]\nping_url = "env:PING"', least=every) == [
        "sources.river: key 'every.tasks': not less than run.max_age (1h): "
        "overdue between two looks"
    ]
    assert doubted('[run]\nping_url = "env:PING"\nmax_age = "2h"', least=every) == []
    assert doubted('[run]\nmetrics_file = "n.txt"') == [
        "run: key 'metrics_file': the collector reads only what ends in .prom"
    ]
    assert doubted('[run]\nping_url = "https://hc/uuid"', mode=0o644) == [
        "run: key 'ping_url': a secret in a file that others can read; "
        "use file:, env: or credential:, or chmod 600"
    ]
