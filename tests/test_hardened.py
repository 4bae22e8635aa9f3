"""Every command there is, in places where things are wrong: a line that says so, the right code.

The commands come from the parser: a new one is tried here without being named.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from every import lines
from peers import Command

from notifier.errors import Exit

CONFIG = """
[run]
timezone = "UTC"
deadline = "20s"
[sources.river]
type = "hakuriver"
url = "http://127.0.0.1:9"
[channels.ops]
email = "ops@example.org"
smtp = "127.0.0.1:9"
[channels.hook]
webhook = "http://127.0.0.1:9/"
[state]
lock_wait = "0s"
"""
EVERY = lines()
# they need no configuration, or say themselves what is wrong with it
FREE = ("config schema", "config init", "doctor")
USUAL = {Exit.OK, Exit.FOUND, Exit.USAGE, Exit.UNREADABLE, Exit.UNDELIVERED}


class Ran(dict[str, tuple[int, str, str]]):
    """`check` -> (code, stdout, stderr), of every command."""

    def codes(self) -> dict[str, int]:
        return {name: code for name, (code, _, _) in self.items()}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "desk" / "config.toml"
    path.parent.mkdir(mode=0o700)
    path.write_text(CONFIG)
    path.chmod(0o600)
    return path


def run_all(
    config: Path, environ: Mapping[str, str], *options: str, closed: bool = False,
    bare: bool = False,
) -> Ran:  # fmt: skip
    """Runs all of them; `bare`: without the powers of root, to whom no mode is a hindrance."""
    setpriv = shutil.which("setpriv")
    drop = [str(setpriv), "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"]
    powers = drop if bare and os.geteuid() == 0 else []
    asked = {
        "lines": [["-c", str(config), *options, *words] for words in EVERY],
        "environ": dict(environ), "closed": closed,
    }  # fmt: skip
    done = subprocess.run(
        [*powers, sys.executable, "-m", "every"], input=json.dumps(asked), capture_output=True,
        text=True, timeout=120, check=False, cwd=Path(__file__).parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    head = 2 + len(options)
    found = Ran()
    for words, one in zip(EVERY, json.loads(done.stdout), strict=True):
        assert one["line"][head:] == words
        found[named(words)] = (one["code"], one["out"], one["err"])
    for name, (code, out, err) in found.items():
        assert code not in (Exit.BUG, 99), f"{name}: {err}"
        assert "Traceback" not in out + err, name
        assert all(line.startswith(("notifier: ", "  ")) for line in err.splitlines()), err
    return found


def named(words: list[str]) -> str:
    """`outbox list`: the words before the first argument."""
    from notifier import cli

    action = getattr(cli.parser(words).parse_args(words), "action", None)
    return f"{words[0]} {action}" if action else words[0]


def test_there_are_many_commands_and_none_is_forgotten() -> None:
    from notifier import cli

    assert {words[0] for words in EVERY} == set(cli.COMMANDS) - {"demo"}
    assert len(EVERY) > 20


def test_a_broken_configuration_is_2_and_names_its_place(config: Path, notifier: Command) -> None:
    config.write_text("[sources.river]\ntype = 'hakuriver'\nurll = 3\n")
    for name, (code, out, err) in run_all(config, notifier.clean()).items():
        if name not in FREE:
            assert (code, out) == (Exit.USAGE, ""), name
            assert "config.toml: sources.river: unknown key 'urll' (did you mean 'url'?)" in err


def test_no_file_is_2(config: Path, notifier: Command) -> None:
    config.unlink()
    for name, code in run_all(config, notifier.clean()).codes().items():
        assert code == Exit.USAGE or name in FREE, name


def test_a_configuration_that_may_not_be_read_is_2(config: Path, notifier: Command) -> None:
    config.chmod(0)
    for name, (code, _, err) in run_all(config, notifier.clean(), bare=True).items():
        if name not in FREE:
            assert code == Exit.USAGE, name
            assert "Permission denied" in err


def test_without_a_state_every_command_ends_well_and_its_json_is_json(
    config: Path, notifier: Command
) -> None:
    for name, (code, out, _) in run_all(config, notifier.clean(), "--json", "-vv").items():
        assert code in USUAL, name
        if out:
            json.loads(out)


def test_without_a_home_and_any_variable_and_with_a_reader_that_has_seen_enough(
    config: Path, tmp_path: Path
) -> None:
    whole = run_all(config, {}).codes()
    assert set(whole.values()) <= USUAL
    again = tmp_path / "again" / "config.toml"
    again.parent.mkdir(mode=0o700)
    again.write_text(CONFIG)
    for name, (code, _, err) in run_all(again, {}, closed=True).items():
        assert code in {whole[name], 0}, name
        assert "Broken pipe" not in err


@contextmanager
def held(*paths: Path) -> Iterator[None]:
    """Locks as a run has them, held by somebody else."""
    handles = [os.open(path, os.O_RDWR | os.O_CREAT, 0o600) for path in paths]
    try:
        for handle in handles:
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        for handle in handles:
            os.close(handle)


def test_a_locked_state_is_75_for_who_must_wait_and_nothing_for_who_reads(
    config: Path, notifier: Command
) -> None:
    with held(config.with_name("state.json.lock"), config.with_name("operator.lock")):
        codes = run_all(config, notifier.clean()).codes()
    locked = {name for name, code in codes.items() if code == Exit.LOCKED}
    assert locked >= {
        "check", "ack", "silence add", "silence expire", "outbox retry", "outbox drop",
        "outbox move", "state forget", "state reset",
    }  # fmt: skip
    assert {code for name, code in codes.items() if name not in locked} <= USUAL
    assert not locked & {"status", "doctor", "state show", "outbox list", "channel list"}


def test_a_folder_that_cannot_be_written_is_74_for_who_writes(
    config: Path, notifier: Command
) -> None:
    config.parent.chmod(0o500)
    try:
        ran = run_all(config, notifier.clean(), bare=True)
    finally:
        config.parent.chmod(0o700)
    refused = {name for name, code in ran.codes().items() if code == Exit.STATE}
    assert refused >= {
        "check", "ack", "silence add", "silence expire", "outbox retry", "outbox drop",
        "state forget", "state reset",
    }  # fmt: skip
    for name in refused:
        assert "is read-only" in ran[name][2], name
    assert os.listdir(config.parent) == ["config.toml"]


def test_a_folder_that_cannot_be_made_is_74_for_who_writes(config: Path, notifier: Command) -> None:
    config.write_text(CONFIG + 'path = "/proc/notifier/state.json"\n')
    codes = run_all(config, notifier.clean()).codes()
    assert set(codes.values()) <= USUAL | {Exit.STATE}
    assert codes["check"] == codes["ack"] == codes["state reset"] == Exit.STATE
    assert codes["doctor"] == 1
