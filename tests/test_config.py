"""What a configuration may say, and how a person is told of everything that is wrong with it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier import sources
from notifier.config import Config, load
from notifier.errors import ConfigError, Exit
from notifier.settings import ChannelSettings, Route, RunSettings, StateSettings, Window
from notifier.sources.hakuriver import Settings

HYDRA = '[sources.ci]\ntype = "hydra"\nurl = "http://h"\n'
RIVER = '[sources.river]\ntype = "hakuriver"\nurl = "http://river.example:8000"\n'
OPS = '[channels.ops]\nemail = ["ops@example.org"]\nsmtp = "mail.example.org"\n'
LEAST = RIVER + OPS

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def done(text: str) -> Path:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    return done


@pytest.fixture
def told(write: Write) -> Callable[[str], list[str]]:
    """The faults of a configuration, without the file's name."""

    def done(text: str) -> list[str]:
        try:
            read(write(text))
        except ConfigError as error:
            assert error.code == Exit.USAGE == 2
            assert str(error).splitlines() == list(error.problems)
            assert all(line.startswith("config.toml: ") for line in error.problems)
            return [line.removeprefix("config.toml: ") for line in error.problems]
        return []

    return done


def read(path: Path) -> Config:
    return load(path, sources.settings_of, {})


def test_the_smallest_configuration_works(write: Write) -> None:
    config = read(write(LEAST))
    assert list(config.sources) == ["river"]
    assert isinstance(config.sources["river"], Settings)
    assert list(config.destinations()) == ["ops"]
    assert config.state_path == config.path.with_name("state.json")


def test_an_address_of_several_is_a_row_of_its_own(write: Write) -> None:
    text = LEAST.replace('["ops@example.org"]', '["ops@example.org", "anna@example.org"]')
    rows = read(write(text)).destinations()
    assert list(rows) == ["ops/ops@example.org", "ops/anna@example.org"]
    assert rows["ops/anna@example.org"].address == "anna@example.org"


def test_the_name_of_a_former_list_stands_for_the_rows_of_today(write: Write) -> None:
    config = read(write(LEAST))
    assert config.rows_of("ops") == ["ops"]
    assert config.rows_of("ops/anna@example.org") == ["ops"]
    assert config.rows_of("chat") == []


def test_a_byte_order_mark_and_the_line_ends_of_windows_are_no_faults(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf" + LEAST.replace("\n", "\r\n").encode())
    assert list(read(path).channels) == ["ops"]


# ---- one fault, one line --------------------------------------------------------------------

FAULTS = [
    (
        f"default_chanels = ['ops']\n{LEAST}",
        "top level: unknown key 'default_chanels' (did you mean 'default_channels'?)",
    ),
    (
        f"{LEAST}default_channels = ['ops']",
        "channels.ops: unknown key 'default_channels' (it belongs above the first [table])",
    ),
    (f"{LEAST}[rum]\n", "top level: unknown key 'rum' (did you mean 'run'?)"),
    (f"{LEAST}[run]\ndeadlin = '2m'", "run: unknown key 'deadlin' (did you mean 'deadline'?)"),
    (f"{LEAST}[state]\npaht = 'x'", "state: unknown key 'paht' (did you mean 'path'?)"),
    (f"{RIVER}tokn = 'x'\n{OPS}", "sources.river: unknown key 'tokn' (did you mean 'token'?)"),
    (
        f"{LEAST}smpt_user = 'x'",
        "channels.ops: unknown key 'smpt_user' (did you mean 'smtp_user'?)",
    ),
    (
        f"{LEAST}[[routes]]\nname = 'gpu'\nchanels = ['ops']",
        "routes 'gpu': unknown key 'chanels' (did you mean 'channels'?)",
    ),
    (
        f"{RIVER}every = {{ task = '5m' }}\n{OPS}",
        "sources.river: key 'every.task': expected one of tasks, nodes (did you mean 'tasks'?)",
    ),
    (
        f"{LEAST}[[routes]]\nchannels = ['ops']\nmatch = {{ nod = 'gpu-*' }}",
        "routes '1': key 'match': cannot match on 'nod' (did you mean 'node'?)",
    ),
    (
        f"{LEAST}[[routes]]\nchannels = ['ops']\nnot_match = {{ labels = 'x' }}",
        "routes '1': key 'not_match': cannot match on 'labels' (use labels.NAME)",
    ),
    (
        f"{LEAST}[[routes]]\nchannels = ['ops']\nmatch = {{ 'name.x' = 'x' }}",
        "routes '1': key 'match': cannot match on 'name.x'",
    ),
    (
        f"{RIVER}ignore = [{{ name = 'p-*' }}, {{ severity = 'info' }}]\n{OPS}",
        "sources.river: key 'ignore.2': cannot match on 'severity'",
    ),
    (
        f"{RIVER}ignore = [{{}}]\n{OPS}",
        "sources.river: key 'ignore.1': is empty, and would fit everything",
    ),
    (
        f"{RIVER}link = {{ task = 'https://x/{{idd}}' }}\n{OPS}",
        "sources.river: key 'link.task': '{idd}' is not filled in (did you mean 'id'?)",
    ),
    (
        f"{RIVER}link = {{ task = 'javascript:alert(1)' }}\n{OPS}",
        "sources.river: key 'link.task': expected an http(s) URL",
    ),
    (
        f"{RIVER}stuck_after = {{ pending = '0s' }}\n{OPS}",
        "sources.river: key 'stuck_after': must be more than 0",
    ),
    (f"{RIVER}timeout = '0s'\n{OPS}", "sources.river: key 'timeout': must be more than 0"),
    (
        f"{HYDRA}headers = {{ X-A = 'file:token' }}\n{OPS}",
        "sources.ci: key 'headers.X-A': file: needs the whole path, from / on",
    ),
    (
        f"{HYDRA}headers = {{ Accept = 'text/html' }}\n{OPS}",
        "sources.ci: key 'headers.Accept': not a header that can be set",
    ),
    (
        f"{HYDRA}headers = {{ 'X A' = 'b' }}\n{OPS}",
        "sources.ci: key 'headers.X A': not a header that can be set",
    ),
    (
        f"{HYDRA}cookie_jar = 'cookies'\n{OPS}",
        "sources.ci: key 'cookie_jar': needs the whole path, from / on",
    ),
    (
        f"{HYDRA}kinds = ['jobs']\n{OPS}",
        "sources.ci: key 'kinds.1': expected one of job, jobset, machine, queue, build, eval",
    ),
    (
        f"{RIVER}token = 'file:token'\n{OPS}",
        "sources.river: key 'token': file: needs the whole path, from / on",
    ),
    (
        LEAST.replace("hakuriver", "hakurivr"),
        "sources.river: key 'type': unknown type 'hakurivr' (did you mean 'hakuriver'?)",
    ),
    (
        LEAST.replace("hakuriver", "slurm"),
        "sources.river: key 'type': unknown type 'slurm' (there are: hakuriver, ",
    ),
    (LEAST.replace('type = "hakuriver"\n', ""), "sources.river: key 'type' is missing"),
    (
        LEAST.replace('"hakuriver"', "3"),
        "sources.river: key 'type': expected text, found a number",
    ),
    (f"sources.river = 'x'\n{OPS}", "sources.river: expected a table, found text"),
    (f"sources = 'x'\n{OPS}", "sources: expected tables [sources.NAME], found text"),
    (f"{OPS}[[sources]]\n", "sources: expected tables [sources.NAME], found a list"),
    (
        LEAST.replace("sources.river", "sources.notifier"),
        "sources.notifier: the name 'notifier' is taken: it stands for Notifier itself",
    ),
    (
        LEAST.replace("http://river.example:8000", "river.example:8000"),
        "sources.river: key 'url': expected an http(s) URL",
    ),
    (
        LEAST.replace("river.example:8000", "river.example:99999"),
        "sources.river: key 'url': expected an http(s) URL",
    ),
    (
        LEAST.replace("river.example:8000", "[::1"),
        "sources.river: key 'url': expected an http(s) URL",
    ),
    (
        LEAST.replace("river.example", "me:pw@river.example"),
        "sources.river: key 'url': a password over clear text to another host",
    ),
    (OPS, "sources: no source is configured: add a [sources.NAME] table"),
    (f"[sources]\n{OPS}", "sources: no source is configured: add a [sources.NAME] table"),
    (RIVER, "channels: no channel is configured: add a [channels.NAME] table"),
    (
        f"{LEAST}slack = 'https://hooks.slack.com/x'",
        "channels.ops: needs exactly one of email, slack, webhook, url; it has email and slack",
    ),
    (
        f"{RIVER}[channels.ops]\n",
        "channels.ops: needs exactly one of email, slack, webhook, url; it has none of them",
    ),
    (
        LEAST.replace('["ops@example.org"]', "[]"),
        "channels.ops: needs exactly one of email, slack, webhook, url; it has none of them",
    ),
    (f"{LEAST}[channels.'a b']\nurl='x://y'", "channels.a b: the name may hold only letters"),
    (
        f"{LEAST}timeout = '5 minutes'",
        'channels.ops: key \'timeout\': expected a duration such as "90s", "5m", "4h" or "7d"',
    ),
    (f"{LEAST}timeout = '0m'", "channels.ops: key 'timeout': must be more than 0"),
    (f"{LEAST}[run]\ndeadline = '0s'", "run: key 'deadline': must be more than 0"),
    (
        f"{LEAST}[run]\ndeadline = '9999d'",
        "run: key 'deadline': expected a duration of at most \"3650d\"",
    ),
    (
        f"{LEAST}[run]\ntimezone = 'Europe/Berln'",
        "run: key 'timezone': no such zone (did you mean 'Europe/Berlin'?)",
    ),
    (
        f"{LEAST}[run]\ntimezone = '../etc/passwd'",
        "run: key 'timezone': no such zone (names are like \"Europe/Berlin\")",
    ),
    (
        f"{LEAST}[run]\ntimezone = 'Europe'",
        "run: key 'timezone': no such zone",
    ),
    (
        f"{LEAST}[run]\nfirst_run = 'quiet'",
        "run: key 'first_run': expected one of summary, silent, alert",
    ),
    (
        LEAST.replace("ops@example.org", "ops"),
        "channels.ops: key 'email.1': expected an address such as \"ops@example.org\"",
    ),
    (
        f"{LEAST}from = 'Notifier'",
        'channels.ops: key \'from\': expected "notifier@example.org" or "Name <address>"',
    ),
    (
        LEAST.replace("mail.example.org", "mail.example.org:smtp"),
        "channels.ops: key 'smtp': expected HOST or HOST:PORT",
    ),
    (
        LEAST.replace("mail.example.org", "smtp://mail.example.org"),
        "channels.ops: key 'smtp': expected HOST or HOST:PORT",
    ),
    (
        LEAST.replace("mail.example.org", "mail.example.org:70000"),
        "channels.ops: key 'smtp': expected HOST or HOST:PORT",
    ),
    (LEAST.replace("mail.example.org", ""), "channels.ops: key 'smtp': expected HOST or HOST:PORT"),
    (
        f"{LEAST}smtp_user = 'n'",
        "channels.ops: smtp_user and smtp_password go together; one is missing",
    ),
    (
        f"{LEAST}smtp_user = 'n'\nsmtp_password = 'p'\nsmtp_tls = 'none'",
        "channels.ops: key 'smtp_tls': a password over clear text to another host; leave it out",
    ),
    (
        f"{LEAST}[channels.c]\nslack = 'hooks.slack.com/services/T'",
        "channels.c: key 'slack': expected an http(s) URL",
    ),
    (
        f"{LEAST}[channels.h]\nwebhook = 'http://u:p@h.example/'",
        "channels.h: key 'webhook': a password over clear text to another host",
    ),
    (
        f"{LEAST}[channels.h]\nwebhook = 'https://h/'\nsecret = ['env:X', 'file:x']",
        "channels.h: key 'secret': file: needs the whole path, from / on",
    ),
    (
        f"{LEAST}[channels.p]\nurl = 'pagerduty'",
        "channels.p: key 'url': expected an Apprise URL (service://...)",
    ),
    (
        f"default_channels = ['opps']\n{LEAST}",
        "default_channels: channel 'opps' is not defined (did you mean 'ops'?)",
    ),
    (
        f"default_channels = 'ops'\n{LEAST}",
        "default_channels: expected a list of channels; leave it out for all of them",
    ),
    (
        f"default_channels = []\n{LEAST}",
        "default_channels: expected a list of channels; leave it out for all of them",
    ),
    (
        f"{LEAST}[[routes]]\nname = 'gpu'\nchannels = ['ops', 'opps']",
        "routes 'gpu': channel 'opps' is not defined (did you mean 'ops'?)",
    ),
    (
        f"{LEAST}[[routes]]\nname = 'gpu'",
        "routes 'gpu': key 'channels' is missing (an empty list discards what matches)",
    ),
    (
        f"{LEAST}[[routes]]\nname = 'a'\nchannels = []\n[[routes]]\nname = 'a'\nchannels = []",
        "routes 'a': another route above has this name",
    ),
    (
        f"{LEAST}[[routes]]\nchannels = ['ops']\nevents = ['problems']",
        "routes '1': key 'events.1': expected one of problem, recovery, reminder, change, "
        "flapping_start, flapping_end, summary (did you mean 'problem'?)",
    ),
    (
        f"{LEAST}[[routes]]\nchannels = ['ops']\nmatch = {{ id = 7 }}",
        "routes '1': key 'match.id': expected text or a list, found a number",
    ),
    (
        f"{LEAST}[[routes]]\nchannels = ['ops']\nmax_items = 0",
        "routes '1': key 'max_items': must be at least 1",
    ),
    (
        f"{LEAST}[[routes]]\nchannels = ['ops']\nremind = ['1h', '0s']",
        "routes '1': key 'remind': must be more than 0",
    ),
    (
        f"{LEAST}[[routes]]\nchannels = ['ops']\ntemplate = '../x'",
        "routes '1': key 'template': expected a name, without folder and ending",
    ),
    (
        f"{LEAST}[[routes]]\nchannels = ['ops']\nhold = ['nite']\n"
        "[windows.night]\nfrom = '22:00'\nto = '07:00'",
        "routes '1': window 'nite' is not defined (did you mean 'night'?)",
    ),
    (f"{LEAST}[routes]\n", "routes: expected [[routes]] tables"),
    (f"routes = [3]\n{LEAST}", "routes '1': expected a table, found a number"),
    (
        f"{LEAST}[windows.night]\nfrom = '22'\nto = '07:00'",
        "windows.night: key 'from': expected a time such as \"22:00\"",
    ),
    (
        f"{LEAST}[windows.night]\nfrom = 22:00:00\nto = '07:00'",
        "windows.night: key 'from': expected text, found a time",
    ),
    (
        f"{LEAST}[windows.night]\nfrom = '07:00'\nto = '07:00'",
        "windows.night: 'from' and 'to' are the same time",
    ),
    (
        f"{LEAST}[windows.night]\nfrom = '22:00'\nto = '07:00'\ndays = ['monday']",
        "windows.night: key 'days.1': expected one of mon, tue, wed, thu, fri, sat, sun "
        "(did you mean 'mon'?)",
    ),
    (
        f"{LEAST}[windows.night]\nfrom = '22:00'\nto = '07:00'\ntimezone = 'CEST'",
        "windows.night: key 'timezone': no such zone",
    ),
    (
        f"{LEAST}[state]\npath = '~nobody-of-this-name/state.json'",
        "state: key 'path': no such user's home; write the whole path",
    ),
    (
        f'{LEAST}[state]\npath = "a\\u0000b"',
        "state: key 'path': holds a line end or another control character",
    ),
]


@pytest.mark.parametrize(("text", "line"), FAULTS, ids=[line[:60] for _, line in FAULTS])
def test_a_fault_is_one_line_with_table_key_and_the_nearest_good_name(
    text: str, line: str, told: Callable[[str], list[str]]
) -> None:
    (found,) = told(text)
    assert found.startswith(line)


@pytest.mark.parametrize("address", [
    "ops", "@example.org", "ops@", "a@b@c", "a b@c", "a@b c", "<a@b.c>", "A <a@b.c>", "a,b@c",
    "a@b..c", "a@.b", "mailto://user:hunter2@example.org", "a@" + "x" * 64 + ".org", '"a"@b.c',
])  # fmt: skip
def test_an_address_that_no_mail_could_reach_is_a_fault_and_is_not_shown(
    address: str, told: Callable[[str], list[str]]
) -> None:
    (found,) = told(f"{RIVER}[channels.ops]\nemail = {json.dumps(address)}")
    assert found == "channels.ops: key 'email': expected an address such as \"ops@example.org\""


@pytest.mark.parametrize(
    "address", ["a@b", "a+b@c.d", "ä@bücher.example", "a@[127.0.0.1]", "a/b=c@x.y"]
)
def test_an_address_that_a_mail_could_reach_is_none(
    address: str, told: Callable[[str], list[str]]
) -> None:
    assert told(f"{RIVER}[channels.ops]\nemail = {json.dumps(address)}") == []


@pytest.mark.parametrize(
    "server", ["localhost", "mail:25", "10.0.0.1:587", "[::1]", "[::1]:25", "mail_1.example.org"]
)
def test_a_mail_server_is_a_host_with_or_without_a_port(
    server: str, told: Callable[[str], list[str]]
) -> None:
    assert told(LEAST.replace("mail.example.org", server)) == []


@pytest.mark.parametrize("server", ["localhost", "127.0.0.1:2525", "[::1]:25"])
def test_a_password_may_cross_this_machine_in_clear_text(
    server: str, told: Callable[[str], list[str]]
) -> None:
    more = "smtp_user = 'n'\nsmtp_password = 'p'\nsmtp_tls = 'none'\n"
    assert told(LEAST.replace("mail.example.org", server) + more) == []


# ---- all of them at once, and each once -----------------------------------------------------


def test_all_faults_are_told_at_once(told: Callable[[str], list[str]]) -> None:
    found = told(
        """
        default_channels = ["opps"]
        windoze = 3
        [run]
        timezone = "Europe/Berln"
        frist_run = "silent"
        [sources.river]
        type = "hakuriver"
        url = "river"
        every = { task = "5m", nodes = 5 }
        [sources.second]
        type = "hakurivr"
        [channels.ops]
        email = ["ops@example.org", "anna"]
        smtp = "mail:smtp"
        [[routes]]
        name = "gpu"
        digset = "run"
        match = { nod = "x" }
        channels = ["ops", "chat"]
        [[routes]]
        name = "gpu"
        channels = ["ops"]
        """
    )
    assert [line.split(":")[0] for line in found] == [
        "top level", "sources.river", "sources.river", "sources.second", "routes 'gpu'", "run",
        "sources.river", "channels.ops", "channels.ops", "default_channels",
        "routes 'gpu'", "routes 'gpu'", "routes 'gpu'", "run",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "broken",
    [
        "[channels.ops]\nemial = 'ops@example.org'",
        "[channels.ops]\nemail = 3",
        "[channels.ops]\nemail = ['ops']",
        "[channels]\nops = 'ops@example.org'",
        "[channel.ops]\nemail = 'ops@example.org'",
        "[Channels.ops]\nemail = 'ops@example.org'",
        "[[channels]]\nname = 'ops'",
    ],
)
def test_a_broken_channel_is_not_also_missing_undefined_or_empty(
    broken: str, told: Callable[[str], list[str]]
) -> None:
    assert (
        len(told(f"default_channels = ['ops']\n{RIVER}{broken}\n[[routes]]\nchannels=['ops']")) == 1
    )


@pytest.mark.parametrize(
    "broken",
    [
        "[sources.river]\ntype = 'hakurivr'\nurl = 'x'",
        "[sources.river]\ntype = 'hakuriver'\nulr = 'http://x'\nurl = 'http://x'",
        "[source.river]\ntype = 'hakuriver'",
        "[sources]\nriver = 3",
        "[sources.'my river']\ntype = 'hakuriver'\nurl = 'http://x'",
    ],
)
def test_a_broken_source_is_not_also_missing(broken: str, told: Callable[[str], list[str]]) -> None:
    assert len(told(f"{OPS}{broken}")) == 1


def test_a_broken_window_is_not_also_undefined(told: Callable[[str], list[str]]) -> None:
    route = "[[routes]]\nchannels = ['ops']\nhold = ['night']\n"
    assert told(f"{LEAST}{route}[windows.night]\nfrom = '22:00'\n") == [
        "windows.night: key 'to' is missing"
    ]


def test_a_broken_route_does_not_lack_the_key_that_is_mistyped(
    told: Callable[[str], list[str]],
) -> None:
    assert told(f"{LEAST}[[routes]]\nchannels = 'ops'") == [
        "routes '1': key 'channels': expected a list, found text"
    ]


# ---- files that are no configuration --------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"[sources.river\n", r"not valid TOML: .*\(at line 1, column 15\)"),
        (b"a = 1\na = 2\n", r"not valid TOML: .*line 2"),
        (b"sources:\n  river: x\n", r"not valid TOML: .*line 1"),
        (b'{"sources": {}}', r"not valid TOML: .*line 1"),
        ("[channels.ops]\nfrom = 'Ü'".encode("latin-1"), "not UTF-8 text"),
        (b"\x00\x01", "not valid TOML"),
        (b"a = " + b"[" * 5000, "not valid TOML: nested too deeply"),
        (b"a = " + b"9" * 5000, "not valid TOML"),
        (b"a." * 1500 + b"b = 1", "not valid TOML|unknown key"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(raw: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError, match=why) as found:
        read(path)
    assert "Traceback" not in str(found.value)
    assert str(path) in str(found.value) or "unknown key" in str(found.value)


@pytest.mark.parametrize("text", ["", "\n# nothing but a word\n"])
def test_an_empty_file_lacks_a_source_and_a_channel(
    text: str, told: Callable[[str], list[str]]
) -> None:
    assert told(text) == [
        "sources: no source is configured: add a [sources.NAME] table",
        "channels: no channel is configured: add a [channels.NAME] table",
    ]


def test_a_file_that_may_not_be_read_is_told_in_one_line(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(LEAST)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    # root may read everything: the refusal has to be made up
    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(ConfigError) as found:
        read(path)
    assert str(found.value) == f"{path}: cannot be read: Permission denied"


def test_the_settings_of_a_source_are_loaded_when_they_are_used(write: Write) -> None:
    asked = []

    def settings_of(kind: str) -> type[Settings]:
        asked.append(kind)
        return Settings

    load(write(LEAST), settings_of, {})
    assert asked == ["hakuriver"]


# ---- whatever stands in it ------------------------------------------------------------------

KEYS = [
    *("sources", "channels", "routes", "run", "state", "windows", "default_channels"),
    *("river", "ops", "night", "gpu", "type", "from"),
    *(
        name
        for table in (Settings, ChannelSettings, Route, RunSettings, StateSettings, Window)
        for name in table.__struct_fields__
    ),
]
LEAVES = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.sampled_from(
        ["hakuriver", "ops", "river", "night", "5m", "http://[", "env:X", "~x", "a@b"]
    )
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.booleans()
    | st.datetimes().map(lambda at: at.replace(microsecond=0))
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=8,
)


def toml(value: object) -> str:
    """Any plain value as an inline TOML value."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{toml(str(key))} = {toml(one)}" for key, one in value.items()) + "}"
        )
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, str):
        odd = {c for c in value if ord(c) < 32 or ord(c) == 127 or c in '"\\'}
        return '"' + "".join(f"\\u{ord(c):04X}" if c in odd else c for c in value) + '"'
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return str(value)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(KEYS[:7]), VALUES, max_size=5),
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5),
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5),
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5),
)
def test_every_document_is_a_configuration_or_faults_on_printable_lines(
    tmp_path_factory: pytest.TempPathFactory,
    top: dict[str, object],
    source: dict[str, object],
    channel: dict[str, object],
    route: dict[str, object],
) -> None:
    document = {
        "sources": {"river": {"type": "hakuriver", "url": "http://h", **source}},
        "channels": {"ops": {"email": "a@b", **channel}},
        "routes": [{"channels": ["ops"], **route}],
        **top,
    }
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text("".join(f"{k} = {toml(v)}\n" for k, v in document.items()), encoding="utf-8")
    try:
        config = read(path)
    except ConfigError as error:
        assert error.problems
        assert all(line.isprintable() for line in error.problems)
        assert not any("not valid TOML" in line for line in error.problems)
    else:
        assert config.destinations()


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_every_file_is_a_configuration_or_a_fault(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError):
        read(path)


def test_reading_a_configuration_loads_nothing_that_sends_or_asks(write: Write) -> None:
    # in this process everything is loaded already
    program = (
        "import sys; from pathlib import Path; from notifier import sources;"
        "from notifier.config import load; load(Path(sys.argv[1]), lambda kind: "
        "__import__('notifier.settings').settings.SourceSettings, {});"
        "print(sorted(sys.modules.keys() & {'requests', 'apprise', 'jinja2', 'filelock',"
        " 'notifier.sources.hakuriver'}))"
    )
    path = write(LEAST.replace('url = "http://river.example:8000"\n', ""))
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
