"""From nothing to a configuration that works: the host says what it is, a person whom to tell."""

import json
import os
import pty
import re
import select
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hostile import LINES, TERMINAL
from peers import Command, Mailbox, Ran
from sources import hosts
from sources.hosts import Pages, Reply, Stub

from notifier import sources
from notifier.cli import main
from notifier.commands import _host, _init
from notifier.config import load
from notifier.doubts import doubts
from notifier.sources import LookFailed

SECRET = "hunter2Zr7xhunter2Zr7xab"
SLACK = f"https://hooks.slack.com/services/T00000000/B00000000/{SECRET}"
Init = Callable[..., Ran]


@pytest.fixture
def river() -> Iterator[Stub]:
    """A host of 0.3.0."""
    server = Stub()
    hosts.dialect_a(server, "m05")
    about = {"info": {"title": "HakuRiver Cluster Manager"}, "paths": {}}
    server.routes["/openapi.json"] = Reply(json.dumps(about).encode())
    yield server
    server.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "desk" / "config.toml"


@pytest.fixture
def init(path: Path, capsys: pytest.CaptureFixture[str]) -> Init:
    """`init(url, "--email", ...)` in this process, into `path`."""

    def done(*args: str, **environ: str) -> Ran:
        code = main(["-c", str(path), "config", "init", *args], environ)
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return done


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):o}"


def test_what_is_written_works_at_once_and_is_for_its_owner_alone(
    init: Init, river: Stub, path: Path
) -> None:
    ran = init(river.url, "--email", "ops@example.org", "--smtp", "mail.example.org")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "hakuriver is HakuRiver 0.3 (dialect A) at /: 3 nodes, 2 offline",
        f"written: {path} (mode 0600)",
        "now:",
        f"  notifier -c {path} doctor            # is all in place?",
        f"  notifier -c {path} channel test ops  # does a message arrive?",
        f"  notifier -c {path} check             # the first look",
    ]
    assert (mode(path), mode(path.parent)) == ("600", "700")
    assert os.listdir(path.parent) == ["config.toml"]
    config = load(path, sources.settings_of, {})
    assert doubts(config, {"task", "node", "vps"}) == ()
    assert getattr(config.sources["hakuriver"], "url", "") == river.url
    assert config.channels["ops"].email == "ops@example.org"


def test_every_line_that_can_be_switched_on_is_right(init: Init, river: Stub, path: Path) -> None:
    init(river.url, "--email", "a@b.c", "--webhook", "http://127.0.0.1:9/", "--slack", SLACK)
    text = re.sub(r"(?m)^#(?=[\[a-z])", "", path.read_text())
    path.write_text(re.sub(r"(?m)^:schema.*", "", text))
    config = load(path, sources.settings_of, {})
    assert len(config.routes) == len(config.windows) == 1
    assert config.run.timezone
    assert doubts(config, {"task", "node", "vps"}) == ()
    first, *_ = text.splitlines()
    schema = Path(first.removeprefix("#:schema file://"))
    assert json.loads(schema.read_bytes())["title"] == "Configuration of Notifier"


def test_secrets_lie_in_files_of_their_own_and_references_stay_references(
    init: Init, river: Stub, path: Path
) -> None:
    ran = init(
        river.url, "--slack", SLACK, "--apprise", "env:PAGER", "--token", SECRET,
        "--webhook", f"https://u:{SECRET}@hooks.example.org/",
    )  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    assert SECRET not in ran.out
    assert SECRET not in path.read_text()
    made = {name: (path.parent / name).read_text() for name in os.listdir(path.parent)}
    assert made.keys() == {"config.toml", "chat-url", "hook-url", "token"}
    assert made["chat-url"] == f"{SLACK}\n"
    assert {mode(path.parent / name) for name in made} == {"600"}
    tables = tomllib.loads(path.read_text())
    assert tables["channels"]["chat"]["slack"] == f"file:{path.parent / 'chat-url'}"
    assert tables["channels"]["other"]["url"] == "env:PAGER"
    assert river.heads[0]["authorization"] == f"Bearer {SECRET}"


def test_several_addresses_are_a_list(init: Init, river: Stub, path: Path) -> None:
    init(river.url, "--email", "a@b.c", "--email", "d@e.f")
    assert tomllib.loads(path.read_text())["channels"]["ops"]["email"] == ["a@b.c", "d@e.f"]


@pytest.mark.parametrize(
    ("numbers", "base", "said"), [(True, "", "KohakuRiver 0.4"), (False, "/api", "KohakuRiver 1.0")]
)
def test_every_dialect_is_found(
    numbers: bool, base: str, said: str, init: Init, stub_of: Callable[..., Stub], path: Path
) -> None:
    server = stub_of(numbers, base)
    assert said in init(server.url, "--email", "a@b.c", "--name", "lake").out
    assert tomllib.loads(path.read_text())["sources"]["lake"]["type"] == "hakuriver"


@pytest.fixture
def stub_of() -> Iterator[Callable[..., Stub]]:
    made: list[Stub] = []

    def make(numbers: bool, base: str) -> Stub:
        server = Stub()
        made.append(server)
        Pages([], numbers=numbers).serve(server, base)
        about = {"info": {"title": "HakuRiver Host"}, "paths": {f"{base}/tasks": {}}}
        server.routes["/openapi.json"] = Reply(json.dumps(about).encode())
        return server

    yield make
    for server in made:
        server.stop()


def test_nothing_is_replaced_without_force_and_with_it_the_old_one_is_kept(
    init: Init, river: Stub, path: Path
) -> None:
    init(river.url, "--slack", SLACK)
    before = path.read_text()
    again = init(river.url, "--email", "a@b.c")
    told = f"notifier: {path} exists; --force replaces it and keeps it as config.toml.old\n"
    assert again == Ran(2, "", told)
    assert path.read_text() == before
    assert init(river.url, "--slack", SLACK, "--force").code == 0
    assert sorted(os.listdir(path.parent)) == [
        "chat-url", "chat-url.old", "config.toml", "config.toml.old",
    ]  # fmt: skip
    assert path.with_name("config.toml.old").read_text() == before


@pytest.mark.parametrize("step", ["_create", "_take_place"])
def test_force_that_fails_half_way_leaves_the_old_one_in_its_place(
    step: str, init: Init, river: Stub, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init(river.url, "--slack", SLACK)
    before = {name: (path.parent / name).read_text() for name in os.listdir(path.parent)}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr(_init, step, full)
    ran = init(river.url, "--slack", SLACK.replace("T0", "T1"), "--force")
    assert ran == Ran(2, "", "notifier: x: No space left on device; nothing was written\n")
    after = {name: (path.parent / name).read_text() for name in os.listdir(path.parent)}
    assert after == before


def test_a_disk_without_hard_links_is_good_enough(
    init: Init, river: Stub, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    assert init(river.url, "--email", "a@b.c").code == 0
    assert (mode(path), os.listdir(path.parent)) == ("600", ["config.toml"])


def test_a_secret_of_somebody_elses_configuration_is_not_replaced(
    init: Init, river: Stub, path: Path
) -> None:
    path.parent.mkdir()
    other = path.with_name("chat-url")
    other.write_text("precious")
    assert init(river.url, "--slack", SLACK).code == 2
    assert other.read_text() == "precious"
    assert os.listdir(path.parent) == ["chat-url"]


REFUSED = Reply(b'{"detail":"Not authenticated"}', 401)


@pytest.mark.parametrize(
    ("routes", "told"),
    [
        ({}, "http 404 for /api/nodes and /nodes: is the url right?; hydra: http 404: not there)"),
        ({"/api/nodes": hosts.babbles}, "the answer is not HTTP"),
        ({"/api/nodes": hosts.silent}, "no answer within 0.3 s|not finished before"),
        ({"/api/nodes": hosts.drips}, "not finished before|no answer"),
        ({"/api/nodes": Reply(b"[" * 100_000), "/nodes": Reply(b"<html>")}, "nothing was written"),
        ({"/api/nodes": Reply(), "/api/tasks": REFUSED}, "set `token`"),
    ],
)
def test_a_host_that_cannot_be_read_leaves_nothing_behind_and_is_3(
    routes: dict[str, object], told: str, init: Init, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_host, "PATIENCE", 0.6)
    monkeypatch.setattr(_host, "EACH", 0.3)
    server = Stub()
    about = {"info": {"title": "HakuRiver Host"}, "paths": {}}
    server.routes = {"/openapi.json": Reply(json.dumps(about).encode()), **routes}
    try:
        ran = init(server.url, "--email", "a@b.c")
    finally:
        server.stop()
    assert (ran.code, ran.out) == (3, "")
    assert any(part in ran.err for part in told.split("|"))
    assert not path.parent.exists()


def test_a_host_that_wants_a_token_or_is_unknown_is_followed_by_what_may_help(
    init: Init, river: Stub
) -> None:
    river.routes = {path: Reply(b"{}", 401) for path in ("/openapi.json", "/nodes", "/tasks")}
    types = "to write it all the same, say what it is: --type TYPE ("
    said = init(river.url, "--email", "a@b.c").err.splitlines()
    assert "http 401" in said[0]
    assert said[1] == "notifier: where it asks for a token: --token env:NAME or file:/PATH"
    assert said[2].startswith(f"notifier: {types}hakuriver, hydra, ")
    river.routes = {}
    said = init(river.url, "--email", "a@b.c").err.splitlines()
    assert len(said) == 2
    assert types in said[1]


def test_a_login_that_one_type_is_asked_for_does_not_end_the_search(
    river: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = LookFailed("refused", "http 401", status=401)
    elsewhere = LookFailed("refused", "http 404", status=404)
    answers: list[LookFailed | str] = []

    def about(*_: object) -> str:
        one = answers.pop(0)
        if isinstance(one, LookFailed):
            raise one
        return one

    usual = sources.module("hakuriver")
    fake = SimpleNamespace(about=about, Settings=usual.Settings, KINDS=usual.KINDS)
    monkeypatch.setattr(sources, "module", lambda kind: fake)

    def probe(*given: LookFailed | str) -> tuple[str, str]:
        answers[:] = given
        return _host._probed([f"type{n}" for n, _ in enumerate(given)], river.url, "")

    assert probe(refused, "well") == ("type1", "well")
    with pytest.raises(LookFailed, match="401"):
        probe(elsewhere, refused, elsewhere)
    with pytest.raises(LookFailed, match="none of those that can be watched"):
        probe(elsewhere, elsewhere)


def test_a_path_is_no_address_of_a_host(init: Init, path: Path) -> None:
    ran = init("/var/log/events", "--type", "hakuriver", "--email", "a@b.c")
    assert ran.code == 2
    assert "a source of type hakuriver is not found by '/var/log/events'" in ran.err
    assert not path.exists()


def test_a_token_for_a_type_that_takes_none_is_a_mistake(init: Init, path: Path) -> None:
    ran = init("/var/log/*.events", "--type", "lucifer", "--email", "a@b.c", "--token", SECRET)
    assert (ran.code, ran.out) == (2, "")
    assert "--token: a source of type lucifer takes none" in ran.err
    assert not path.parent.exists()


def test_a_source_may_be_found_by_the_path_of_its_files(
    init: Init, path: Path, tmp_path: Path
) -> None:
    (tmp_path / "one.events").touch()
    ran = init(f"{tmp_path}/*.events", "--email", "a@b.c")
    assert ran.code == 0
    source = tomllib.loads(path.read_text())["sources"]["lucifer"]
    assert source == {"type": "lucifer", "paths": [f"{tmp_path}/*.events"]}


def test_a_host_whose_type_is_known_need_not_answer(init: Init, path: Path) -> None:
    ran = init("http://127.0.0.1:9", "--type", "kohakuriver", "--email", "a@b.c")
    assert ran.code == 0
    assert "127.0.0.1:9: connection refused; written all the same" in ran.err
    assert tomllib.loads(path.read_text())["sources"]["kohakuriver"]["type"] == "kohakuriver"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--email", "nobody"], "config init: ops: email: not an address"),
        (["--email", "a@b.c", "--smtp", "x y"], "expected host or host:port"),
        (["--slack", "https://example.org/x"], "config init: chat: "),
        (["--webhook", "ftp://x"], "config init: hook: webhook: expected an http(s) URL"),
        (["--apprise", "nosuch://x"], "unknown service 'nosuch'"),
        (["--smtp", "mail"], "--smtp goes with --email"),
        (["--email", "a@b.c", "--name", "a b"], "--name: 'a b': only letters"),
        (["--email", "a@b.c", "--name", "notifier"], "--name: "),
        (["--email", "a@b.c", "--type", "hakuriwer"], "did you mean 'hakuriver'?"),
        (["--email", "a@b.c", "--token", "env:NOWHERE"], "--token: env:NOWHERE: the environment"),
        (["--email", "a@b.c", "--email", "a b@c"], "config init: ops: email: not an address"),
        (["--email", "a@b..c"], "channels.ops: key 'email': expected an address"),
        ([], "without a terminal, say it all"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing_behind(
    args: list[str], told: str, init: Init, river: Stub, path: Path
) -> None:
    ran = init(river.url, *args)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert len(ran.err.splitlines()) == 1
    assert not path.parent.exists()


@pytest.mark.parametrize(
    "url", ["http://", "ftp://x", "http://[::1", "http://x:0", "http://u:p@x", "a b", "http://x\n"]
)
def test_an_address_that_is_none_is_2(url: str, init: Init) -> None:
    ran = init(url, "--email", "a@b.c")
    assert ran.code in (2, 3)
    assert len(ran.err.splitlines()) <= 2


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("river.example", "http://river.example:8000"),
        ("river.example:81/x", "http://river.example:81/x"),
        ("river.example/x", "http://river.example:8000/x"),
        ("https://river.example", "https://river.example"),
        ("[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_address_may_lack_its_scheme(text: str, url: str) -> None:
    assert _host.address(text) == url


@pytest.mark.parametrize("evil", [*LINES[:6], *TERMINAL[:6], '"""\n[channels.evil]\nemail = "x@y"'])
def test_what_a_hostile_host_says_of_itself_stays_in_its_comment(
    evil: str, init: Init, river: Stub, path: Path
) -> None:
    from notifier.sources import hakuriver

    usual = hakuriver.about
    try:
        hakuriver.about = lambda *args: evil  # type: ignore[assignment]
        ran = init(river.url, "--email", "a@b.c")
    finally:
        hakuriver.about = usual
    assert ran.code == 0
    assert all(line.isprintable() for line in ran.out.split("\n"))
    assert tomllib.loads(path.read_text())["channels"].keys() == {"ops"}
    assert len(tomllib.loads(path.read_text())["sources"]) == 1


def test_the_json_has_the_documented_shape(init: Init, river: Stub, path: Path) -> None:
    shown = json.loads(init(river.url, "--email", "a@b.c", "--json").out)
    assert shown == {
        "version": 1, "config": str(path), "source": "hakuriver", "type": "hakuriver",
        "about": "HakuRiver 0.3 (dialect A) at /: 3 nodes, 2 offline", "channels": ["ops"],
        "files": [str(path)],
    }  # fmt: skip


def test_a_folder_that_is_none_or_not_ours_is_one_line(init: Init, river: Stub, path: Path) -> None:
    path.parent.write_text("a file")
    ran = init(river.url, "--email", "a@b.c")
    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1


def test_without_a_name_it_goes_where_the_other_commands_look(
    notifier: Command, river: Stub
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "notifier", "config", "init", river.url, "--email", "a@b.c"],
        env={**notifier.clean(), "NOTIFIER_CONFIG": str(notifier.home / "n.toml")},
        capture_output=True, text=True, timeout=60, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (notifier.home / "n.toml").exists()
    assert "  notifier doctor            # is all in place?" in done.stdout.splitlines()


# ---- at a terminal --------------------------------------------------------------------------


def at_a_terminal(notifier: Command, path: Path, answers: list[str], *args: str) -> tuple[int, str]:
    """Runs it at a terminal, answering each question; (exit code, all that was seen)."""
    control, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "notifier", "-c", str(path), "config", "init", *args],
        stdin=terminal, stdout=terminal, stderr=terminal, cwd="/",
        env={**notifier.clean(), "TERM": "xterm"}, start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    seen, waiting = "", list(answers)
    while True:
        ready, _, _ = select.select([control], [], [], 30)
        try:
            part = os.read(control, 4096) if ready else b""
        except OSError:
            part = b""
        if not part:
            break
        seen += part.decode()
        if waiting and seen.endswith((": ", "]: ")):
            os.write(control, f"{waiting.pop(0)}\n".encode())
    os.close(control)
    return process.wait(30), seen


def test_a_person_is_asked_for_what_is_missing(
    notifier: Command, river: Stub, path: Path, mailbox: Mailbox
) -> None:
    answers = [river.url, "nonsense", "ops@example.org", mailbox.address]
    code, seen = at_a_terminal(notifier, path, answers)
    assert code == 0, seen
    assert "Address of the cluster's host: " in seen
    assert "is HakuRiver 0.3 (dialect A) at /: 3 nodes, 2 offline" in seen
    assert "that is neither an address nor a URL" in seen
    channel = tomllib.loads(path.read_text())["channels"]["ops"]
    assert channel == {"email": "ops@example.org", "smtp": mailbox.address}


def test_a_person_may_paste_a_webhook_of_slack_and_it_is_kept_apart(
    notifier: Command, river: Stub, path: Path
) -> None:
    code, seen = at_a_terminal(notifier, path, [SLACK], river.url)
    assert code == 0, seen
    assert SECRET not in path.read_text()
    assert SECRET in path.with_name("chat-url").read_text()


def test_a_person_who_does_not_answer_leaves_nothing(
    notifier: Command, river: Stub, path: Path
) -> None:
    code, seen = at_a_terminal(notifier, path, ["x", "y", "z"], river.url)
    assert (code, "no answer; nothing was written" in seen) == (2, True)
    assert not path.parent.exists()
