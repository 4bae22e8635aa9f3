"""What the configuration comes to, and that no secret of it is ever shown."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from peers import Ran

Run = Callable[..., Ran]
# as long as the last part of a webhook of Slack
SECRET = "hunter2Zr7xhunter2Zr7xab"
SECRETS = f"""
[sources.river]
type = "hakuriver"
url = "https://anna:{SECRET}@river.example/base?key={SECRET}"
token = "{SECRET}"
[sources.lake]
type = "hakuriver"
url = "http://lake.example:8000/api"
token = "env:LAKE"
[channels.ops]
email = ["ops@example.org"]
smtp = "mail.example.org:587"
smtp_user = "notifier"
smtp_password = "{SECRET}"
[channels.chat]
slack = "https://hooks.slack.com/services/T00000000/B00000000/{SECRET}"
[channels.hook]
webhook = "https://hooks.example.org/{SECRET}?x={SECRET}"
secret = ["{SECRET}", "file:/etc/notifier/hook"]
[channels.native]
url = "https://discord.com/api/webhooks/4174216298/{SECRET}"
[channels.pager]
url = "pagerduty://{SECRET}@{SECRET}key"
"""


@pytest.fixture
def secrets(config: Path) -> Path:
    config.write_text(SECRETS)
    config.chmod(0o644)
    return config


def test_what_it_comes_to_has_the_defaults_and_the_durations_as_they_are_written(
    run: Run, config: Path
) -> None:
    shown = json.loads(run("config", "show", "--json").out)
    assert shown["version"] == 1
    assert shown["config"] == str(config)
    assert shown["state"] == {"path": str(config.with_name("state.json")), "lock_wait": "30s"}
    assert shown["run"]["deadline"] == "2m"
    assert shown["default_channels"] == ["ops", "chat"]
    assert shown["sources"]["river"]["timeout"] == "1m"
    assert shown["channels"]["ops"]["smtp_tls"] == "auto"
    assert shown["routes"] == []


def test_a_person_sees_a_line_for_each_key_that_says_something(run: Run, config: Path) -> None:
    config.write_text(config.read_text() + "[[routes]]\nchannels = ['ops']\nremind = ['90m']\n")
    lines = run("config", "show").out.splitlines()
    assert 'run.deadline = "2m"' in lines
    assert 'channels.ops.email = ["ops@example.org","anna@example.org"]' in lines
    assert 'routes.1.remind = ["90m"]' in lines
    assert not any(line.endswith(('= ""', "= []", "= {}")) for line in lines)


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("action", ["show", "check"])
@pytest.mark.parametrize("options", [[], ["--json"], ["-v"], ["-vv"], ["-q"]])
def test_no_secret_is_shown(action: str, options: list[str], run: Run) -> None:
    ran = run("config", action, *options)
    assert ran.code == 0
    assert SECRET not in ran.out + ran.err


@pytest.mark.usefixtures("secrets")
def test_references_and_plain_addresses_are_shown(run: Run) -> None:
    shown = json.loads(run("config", "show", "--json").out)
    assert shown["sources"]["lake"]["url"] == "http://lake.example:8000/api"
    assert shown["sources"]["lake"]["token"] == "env:LAKE"
    assert shown["sources"]["river"]["url"] == "https://(hidden)@river.example/base?(hidden)"
    assert shown["channels"]["hook"]["secret"] == ["(hidden)", "file:/etc/notifier/hook"]
    assert shown["channels"]["ops"]["smtp_user"] == "notifier"


MISTAKES = [
    ('token = "{}"', "token = [{!r}]"), ('token = "{}"', "tokn = {!r}"),
    ('smtp_password = "{}"', "smtp_password = {{ a = {!r} }}"),
    ('slack = "https', 'slack = "htps'), ('webhook = "https', 'webhook = "'),
    ('url = "pagerduty://', 'url = "'), ('secret = ["{}"', 'secret = [3, "{}"'),
    ('email = ["ops@example.org"]', 'email = ["mailto://ops:{}@example.org"]'),
    ('smtp = "mail.example.org:587"', 'smtp = "ops:{}@mail"'),
    ('url = "https://anna', 'url = "http://anna'), ('url = "https://anna', 'url = "https://['),
    ('smtp_user = "notifier"', 'smtp_user = "{}'), ("[channels.chat]", '[channels."{}'),
    ("[channels.chat]", "[channels.chat]\nemail = 'a@b'"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), MISTAKES)
def test_no_fault_shows_a_secret(old: str, new: str, run: Run, secrets: Path) -> None:
    text = secrets.read_text()
    assert old.format(SECRET) in text
    secrets.write_text(text.replace(old.format(SECRET), new.format(SECRET), 1))
    for options in ([], ["-vv"]):
        ran = run("config", "check", *options)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("notifier: ")
        assert SECRET not in ran.err


@pytest.mark.usefixtures("secrets")
def test_doubts_are_warnings_and_the_file_is_ok(run: Run, secrets: Path) -> None:
    ran = run("config", "check")
    assert (ran.code, ran.out) == (0, f"{secrets}: ok\n")
    assert ran.err.count("a secret in a file that others can read") == 7
    shown = json.loads(run("config", "check", "--json").out)
    assert (shown["version"], shown["config"], len(shown["warnings"])) == (1, str(secrets), 7)
    assert run("config", "check", "-q") == Ran(0, "", "")


def test_every_fault_is_a_line_of_its_own(run: Run, config: Path) -> None:
    config.write_text(f"defualt_channels = []\n{config.read_text()}smpt = 1\n")
    ran = run("config", "check")
    assert ran.code == 2
    lines = ran.err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("notifier: config.toml: ") for line in lines)


def test_a_channel_that_apprise_does_not_know_is_a_fault(run: Run, config: Path) -> None:
    config.write_text(config.read_text() + f'[channels.odd]\nurl = "nosuch://{SECRET}"\n')
    ran = run("config", "check")
    assert ran.code == 2
    assert ran.err.startswith("notifier: config.toml: channels.odd: ")
    assert SECRET not in ran.err


def test_a_route_of_a_kind_that_nothing_shows_is_a_warning(run: Run, config: Path) -> None:
    config.write_text(
        config.read_text() + "[[routes]]\nchannels = ['ops']\nmatch = { kind = 'tsak' }\n"
    )
    ran = run("config", "check")
    assert (ran.code, ran.err) == (
        0,
        "notifier: config.toml: routes '1': key 'match.kind': 'tsak' fits nothing that is "
        "configured (did you mean 'task'?)\n",
    )


def test_an_address_that_is_no_password_is_no_doubt(run: Run, config: Path) -> None:
    config.chmod(0o644)
    assert run("config", "check").err == ""
