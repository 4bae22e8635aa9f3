"""The command line: help, options, exit codes, and that nothing ever ends in a raw traceback."""

import argparse
import importlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from peers import Command, Ran

from notifier import __version__, cli, log
from notifier.commands import _shared
from notifier.errors import ConfigError, Exit, LockedError, NotifierError, StateError
from notifier.memory import Scope, State, Things
from notifier.state import Store

SECRET = "hunter2-Zr7x"
CONFIG = """
[sources.river]
type = "hakuriver"
url = "http://127.0.0.1:9"
[channels.ops]
email = ["ops@example.org"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "desk" / "config.toml"
    path.parent.mkdir(mode=0o700)
    path.write_text(CONFIG)
    path.chmod(0o600)
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """The command line in this process; keywords are the environment."""

    def done(*args: str, **environ: str) -> Ran:
        code = cli.main(args, environ)
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return done


Run = Callable[..., Ran]

# ---- help -----------------------------------------------------------------------------------


def actions(name: str) -> Iterator[list[str]]:
    """A command, and each of its actions."""
    yield [name]
    parser = argparse.ArgumentParser()
    sub = cli.parser([name])._subparsers
    assert sub is not None
    parser = sub._group_actions[0].choices[name]  # type: ignore[index]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices:
                yield [name, inner]


EVERY = [words for name in cli.COMMANDS for words in actions(name)]


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_every_help_says_what_it_does_and_what_its_exit_codes_mean(
    words: list[str], run: Run
) -> None:
    ran = run(*words, "--help", COLUMNS="80")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"usage: notifier {' '.join(words)} [-h] [-c FILE]")
    description = ran.out.split("\n\n")[1]
    assert len(description) > 8
    assert not description.startswith(("positional", "options"))
    text = " ".join(ran.out.split())
    assert "Exit codes: 0 " in text
    assert (
        "2 usage or configuration, 70 a bug, 74 the state, 75 another run holds the lock." in text
    )


def test_the_help_of_all_names_every_command_and_its_exit_codes(run: Run) -> None:
    ran = run("--help")
    assert ran.code == 0
    text = " ".join(ran.out.split())
    for name, what in cli.COMMANDS.items():
        assert f" {name} {what}" in text
    for code in ("0 nothing new", "1 news", "3 something could not be read", "4 not all"):
        assert code in text


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_is_a_module_of_its_name(name: str) -> None:
    module = importlib.import_module(f"notifier.commands.{name}")
    assert callable(module.arguments)
    assert callable(module.main)


def test_only_the_command_that_is_asked_for_is_loaded() -> None:
    program = (
        "import sys; from notifier import cli; cli.main(['status', '--help'], {});"
        "print(*sorted(n for n in sys.modules if n.startswith('notifier.commands.')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "notifier.commands._shared notifier.commands.status"


# ---- usage ----------------------------------------------------------------------------------


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version") == Ran(0, f"notifier {__version__}\n", "")


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["chek"], "invalid choice: 'chek' (choose from"),
        ([], "the following arguments are required: COMMAND"),
        (["outbox"], "the following arguments are required: ACTION"),
        (["outbox", "clear"], "invalid choice: 'clear' (choose from"),
        (["status", "--max"], "argument --max-age: expected one argument|unrecognized"),
        (["--colour", "never", "status"], "unrecognized arguments|invalid choice"),
        (["config", "check", "--frob"], "unrecognized arguments: --frob"),
        (["-c"], "argument -c/--config: expected one argument"),
        (["--color", "pink", "status"], "argument --color: invalid choice: 'pink'"),
    ],
)
def test_a_mistake_on_the_line_is_2_and_shows_the_usage(
    args: list[str], why: str, run: Run
) -> None:
    ran = run(*args)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("usage: notifier")
    assert any(part in ran.err for part in why.split("|"))


def test_options_are_not_guessed_from_their_beginnings(run: Run, config: Path) -> None:
    assert run("--conf", str(config), "config", "check").code == 2
    assert run("config", "check", "--conf", str(config)).code == 2


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_configuration_may_be_named_anywhere(place: int, run: Run, config: Path) -> None:
    words = ["config", "check"]
    assert run(*words[:place], "-c", str(config), *words[place:]).out == f"{config}: ok\n"
    assert run(*words[:place], f"--config={config}", *words[place:]).code == 0
    assert run(*words[:place], "-q", *words[place:], NOTIFIER_CONFIG=str(config)) == Ran(0, "", "")


def test_the_last_configuration_that_is_named_counts(run: Run, config: Path) -> None:
    assert run("-c", "/nowhere", "config", "-c", "/no", "check", "-c", str(config)).code == 0


# ---- errors ---------------------------------------------------------------------------------


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes `notifier status` raise."""

    def patch(error: BaseException) -> None:
        from notifier.commands import status

        def main(context: cli.Context) -> int:
            raise error

        monkeypatch.setattr(status, "main", main)

    return patch


Failing = Callable[[BaseException], None]


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (ConfigError("a: one", "b: two"), 2, ["a: one", "b: two"]),
        (StateError("state.json is damaged"), 74, ["state.json is damaged"]),
        (LockedError("another run holds it"), 75, ["another run holds it"]),
        (NotifierError("something"), 70, ["something"]),
    ],
)
def test_an_error_of_ours_is_its_lines_and_its_code(
    error: NotifierError, code: int, lines: list[str], run: Run, failing: Failing
) -> None:
    failing(error)
    assert run("status") == Ran(code, "", "".join(f"notifier: {line}\n" for line in lines))
    quiet = [] if isinstance(error, LockedError) else lines
    assert run("-q", "status") == Ran(code, "", "".join(f"notifier: {line}\n" for line in quiet))


def bug() -> Exception:
    """An error with a secret in every part of it."""
    try:
        try:
            raise ValueError(f"no such token {SECRET}")
        except ValueError:
            raise KeyError(SECRET) from OSError(SECRET)
    except KeyError:
        try:
            raise RuntimeError(f"while handling\n{SECRET}")
        except RuntimeError as error:
            return error


@pytest.mark.parametrize("options", [[], ["-q"]])
def test_a_bug_is_one_line_and_70(options: list[str], run: Run, failing: Failing) -> None:
    failing(bug())
    ran = run(*options, "status")
    assert (ran.code, ran.out) == (Exit.BUG, "")
    assert ran.err.startswith("notifier: a bug: RuntimeError in ")
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err
    assert SECRET not in ran.err


def test_where_a_bug_is_shows_only_with_v_and_without_a_secret(run: Run, failing: Failing) -> None:
    failing(bug())
    ran = run("-v", "status")
    assert ran.code == Exit.BUG
    for part in ("OSError", "KeyError in", "RuntimeError in", "in bug", "in main"):
        assert part in ran.err
    assert SECRET not in ran.err
    assert all(line.startswith("notifier: ") for line in ran.err.splitlines()[:1])


def test_a_command_that_cannot_be_loaded_is_a_bug(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cli.COMMANDS, "nothing", "is not there")
    usual = importlib.import_module

    def loaded(name: str) -> object:
        if name.endswith("nothing"):
            raise ModuleNotFoundError(SECRET)
        return usual(name)

    monkeypatch.setattr(importlib, "import_module", loaded)
    ran = run("nothing")
    assert (ran.code, ran.out) == (Exit.BUG, "")
    assert ran.err.startswith("notifier: a bug: ModuleNotFoundError in ")


# ---- the process ----------------------------------------------------------------------------


def started(
    notifier: Command, config: Path, *args: str, program: str = "", **more: object
) -> subprocess.CompletedProcess[str]:
    how = ["-c", program] if program else ["-m", "notifier", "-c", str(config)]
    values = {
        "cwd": "/", "env": notifier.clean(), "stderr": subprocess.PIPE, "timeout": 60,
        "encoding": "utf-8", **more,
    }  # fmt: skip
    return subprocess.run([sys.executable, *how, *args], check=False, **values)


@pytest.fixture
def large(config: Path) -> Path:
    """A configuration with a state that fills every pipe."""
    names = [f"task-{number:07}" for number in range(50_000)]
    things = {"river/task": Things({"": Scope(since=_noon(), statuses={"completed": names})})}
    store = Store(config.with_name("state.json"))
    with store.lock(0):
        store.commit(State(id="n1", things=things))
    return config


def _noon() -> object:
    from datetime import UTC, datetime

    return datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize("args", [["config", "show"], ["state", "show", "--json"], ["--help"]])
def test_a_reader_that_has_seen_enough_is_no_error(
    args: list[str], notifier: Command, large: Path
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = started(notifier, large, *args, stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_has_seen_enough_does_not_change_the_code(
    notifier: Command, config: Path
) -> None:
    config.with_name("state.json").write_bytes(b"{torn")
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = started(notifier, config, "status", stdout=writer)
    finally:
        os.close(writer)
    assert done.returncode == 74


def test_head_gets_its_lines(notifier: Command, large: Path) -> None:
    command = f"{sys.executable} -m notifier -c {large} state show --json | head -n 2"
    done = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, encoding="utf-8", timeout=60, cwd="/",
        env=notifier.clean(), check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ('{\n  "version": 1,\n', "")


def test_an_output_that_is_full_is_one_line_and_not_0(notifier: Command, config: Path) -> None:
    with open("/dev/full", "w") as full:
        done = started(notifier, config, "config", "show", stdout=full)
    assert done.returncode == 1
    assert done.stderr == "notifier: stdout: No space left on device\n"


def test_without_any_output_nothing_breaks(notifier: Command, config: Path) -> None:
    command = f"{sys.executable} -m notifier -c {config} config show >&- 2>&-"
    done = subprocess.run(
        ["/bin/sh", "-c", command], timeout=60, cwd="/", env=notifier.clean(), check=False
    )
    assert done.returncode == 0


def test_a_terminal_that_knows_few_characters_gets_the_rest_written_out(
    notifier: Command, config: Path
) -> None:
    config.write_text(config.read_text() + 'from = "Wächter <a@b>"\n')
    environ = {**notifier.clean(), "PYTHONIOENCODING": "ascii"}
    done = started(notifier, config, "config", "show", stdout=subprocess.PIPE, env=environ)
    assert (done.returncode, done.stderr) == (0, "")
    assert 'channels.ops.from = "W\\xe4chter <a@b>"' in done.stdout


def test_without_a_home_everything_works(notifier: Command, config: Path) -> None:
    environ = {"PATH": notifier.clean()["PATH"]}
    for args in (["config", "check"], ["status"], ["silence", "list"]):
        done = started(notifier, config, *args, stdout=subprocess.PIPE, env=environ)
        assert (done.returncode, done.stderr) == (0, ""), args


def test_a_thread_that_hangs_does_not_keep_the_process(notifier: Command, config: Path) -> None:
    program = (
        "import sys, threading; threading.Thread(target=threading.Event().wait).start();"
        "from notifier.cli import run; run(sys.argv[1:])"
    )
    done = started(
        notifier, config, "-c", str(config), "config", "check", program=program,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, f"{config}: ok\n")


def test_a_run_that_is_stopped_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Ended(Exception):
        pass

    def main(*_: object) -> int:
        raise KeyboardInterrupt

    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(cli, "main", main)
    monkeypatch.setattr(os, "_exit", end)
    with pytest.raises(Ended) as ended:
        cli.run(["status"])
    assert ended.value.args == (130,)
    assert capsys.readouterr().err == "notifier: stopped\n"


# ---- diagnostics ----------------------------------------------------------------------------


def journal(path: Path) -> dict[str, str]:
    found = path.stat()
    return {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}


def test_under_the_journal_every_line_has_its_priority(
    notifier: Command, config: Path, tmp_path: Path
) -> None:
    config.write_text("nothing = 1\n" + config.read_text() + "smpt = 1\n")
    path = tmp_path / "stderr"
    with path.open("w") as stderr:
        environ = {**notifier.clean(), **journal(path)}
        done = started(
            notifier, config, "config", "check", stdout=subprocess.PIPE, stderr=stderr, env=environ
        )
    assert done.returncode == 2
    lines = path.read_text().splitlines()
    assert len(lines) == 2
    assert all(line.startswith("<3>notifier: config.toml: ") for line in lines)


def test_a_variable_of_another_stream_is_not_ours(
    notifier: Command, config: Path, tmp_path: Path
) -> None:
    path = tmp_path / "stderr"
    path.touch()
    ran = notifier(config, "status", "no-such-thing", env=journal(path))
    assert ran.err == "notifier: nothing known is called 'no-such-thing'\n"


@pytest.mark.parametrize(
    ("verbosity", "heard"),
    [
        (-1, ["error"]), (0, ["warning", "error"]), (1, ["info", "warning", "error"]),
        (2, ["debug", "info", "warning", "error"]), (9, ["debug", "info", "warning", "error"]),
    ],
)  # fmt: skip
def test_q_and_v_choose_how_much_is_said(
    verbosity: int, heard: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    logger = log.set_up(verbosity, {})
    for level in ("debug", "info", "warning", "error"):
        getattr(logger, level)(level)
    assert capsys.readouterr().err == "".join(f"notifier: {level}\n" for level in heard)


def test_the_priorities_are_those_of_syslog(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "under_journal", lambda environ: True)
    logger = log.set_up(2, {})
    for level in ("debug", "info", "warning", "error"):
        getattr(logger, level)("a\nb")
    said = capsys.readouterr().err.splitlines()
    assert said == [f"<{number}>{text}" for number in (7, 6, 4, 3) for text in ("notifier: a", "b")]


@pytest.mark.parametrize("name", [*log.LOUD, "urllib3.connectionpool", "apprise.plugins"])
def test_what_the_libraries_say_is_heard_at_no_level(
    name: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    log.set_up(9, {})
    logger = logging.getLogger(name)
    for level in (logging.DEBUG, logging.ERROR, logging.CRITICAL):
        logger.log(level, "POST %s", SECRET)
    assert capsys.readouterr() == ("", "")
    assert caplog.records == [], "the root logger may have a handler"


def test_a_diagnostic_cannot_act_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up(0, {}).warning("a\x1b[2Jb\r\u202ec\x07 ü 漢")
    assert capsys.readouterr().err == "notifier: a\\x1b[2Jb\n\\u202ec\\x07 ü 漢\n"


# ---- colours --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "environ", "terminal", "coloured"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("auto", {"CLICOLOR_FORCE": "1"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "0"}, False, False),
        ("auto", {"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, True, False),
        ("auto", {"CLICOLOR": "0"}, True, False),
        ("auto", {"CLICOLOR": "1"}, False, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_the_option_then_the_environment_then_the_terminal_decide_on_colours(
    option: str, environ: dict[str, str], terminal: bool, coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    context = cli.Context(args=argparse.Namespace(color=option), environ=environ, log=None)
    assert _shared.coloured(context) is coloured
