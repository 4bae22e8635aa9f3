"""What is made from the parser: the man page, the completions, the help in the README."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from notifier import cli, manual
from notifier.errors import Exit

ROOT = Path(__file__).parents[1]
HINT = "run: python -m notifier.manual (CONTRIBUTING.md lists all that is generated)"
MAN = ROOT / "contrib" / "man" / "notifier.1"


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def plainly(help_text: str) -> str:
    """Help as every version of Python writes it: 3.13 names the value of an option only once."""
    return re.sub(r"(-\w) ([A-Z]+|\{\S+\}), (--\w+)", r"\1, \3", " ".join(help_text.split()))


def test_the_help_in_the_readme_is_the_help() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first, last = manual.MARKS
    kept = readme.partition(first)[2].partition(last)[0]
    shown = re.sub(r"^```\w*\n|^```$", "", kept.strip(), flags=re.MULTILINE)
    assert plainly(shown) == plainly(manual.parser().format_help()), HINT


def test_the_man_page_is_what_the_parser_says() -> None:
    assert MAN.read_text(encoding="utf-8") == manual.man(), HINT


@pytest.mark.parametrize("shell", manual.SHELLS)
def test_a_completion_is_what_the_parser_says(shell: str) -> None:
    kept = ROOT / "contrib" / "completion" / manual.SHELLS[shell]
    assert kept.read_text(encoding="utf-8") == manual.completion(shell), HINT


def test_the_man_page_has_every_command_option_and_exit_code() -> None:
    text = MAN.read_text(encoding="utf-8").replace("\\-", "-")
    for name, what in cli.COMMANDS.items():
        assert re.search(rf"^\.SS notifier {name}\b", text, re.MULTILINE), name
        assert what in text or f"notifier {name} " in text
    for option in ("--dry-run", "--until-resolved", "--max-age", "--offline", "--channel"):
        assert option in text
    codes = re.findall(r"^\.B (\d+)$", text.partition(".SH EXIT STATUS")[2], re.MULTILINE)
    assert [int(code) for code in codes] == sorted(Exit)


def test_every_argument_of_every_command_says_what_it_is() -> None:
    commands = manual._commands(manual.parser(), [])
    without = [
        (" ".join(words), action.metavar or action.dest)
        for words, one in commands
        for action in one._actions
        if not action.help
    ]
    assert without == []


def test_no_line_of_the_man_page_is_taken_for_a_macro_that_is_none() -> None:
    macros = {".TH", ".SH", ".SS", ".TP", ".B", ".I", ".PP", ".ad", ".nh"}
    for line in MAN.read_text(encoding="utf-8").splitlines():
        assert not line.startswith("'")
        assert not line.startswith(".") or line.split()[0] in macros, line


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
def test_groff_has_nothing_to_say_of_the_man_page() -> None:
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", str(MAN)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


COMPLETION = ROOT / "contrib" / "completion"
# a line -> what every shell offers at its end, and nothing else
OFFERED = {
    "notifier ch": {"check", "channel"},
    "notifier silence ": {"add", "list", "expire"},
    "notifier check ": {"tasks", "nodes"},
    "notifier check tasks --dr": {"--dry-run"},
    "notifier -q check --color ": {"auto", "always", "never"},
    "notifier -c here/config.toml outbox mo": {"move"},
    "notifier --config h": {"here", "here.toml"},
    "notifier check -c h": {"here", "here.toml"},
    "notifier replay --answers h": {"here"},
    "notifier render h": {"here", "here.toml"},
    "notifier channel test ": set(),
}


def by_bash(line: str) -> list[str]:
    words = line.split(" ")
    return [
        "bash",
        "-c",
        f'source "{COMPLETION}/notifier"; COMP_WORDS=({" ".join(words[:-1])} "{words[-1]}"); '
        f"COMP_CWORD={len(words) - 1}; $(complete -p notifier | sed 's/.*-F \\([^ ]*\\).*/\\1/'); "
        'printf "%s\\n" "${COMPREPLY[@]}"',
    ]


def by_zsh(line: str) -> list[str]:
    return ["zsh", "-f", str(ROOT / "tests" / "complete.zsh"), str(COMPLETION), line]


def by_fish(line: str) -> list[str]:
    return ["fish", "--no-config", "-c", f"source {COMPLETION}/notifier.fish; complete -C '{line}'"]


@pytest.mark.parametrize("line", OFFERED)
@pytest.mark.parametrize("shell", [by_bash, by_zsh, by_fish], ids=lambda one: one.__name__)
def test_each_shell_completes_commands_actions_options_words_and_files(
    shell: Callable[[str], list[str]], line: str, tmp_path: Path
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here.toml").touch()
    (tmp_path / "other").touch()
    program = shell(line)
    if not shutil.which(program[0]):
        pytest.skip(f"{program[0]} is not installed")
    done = subprocess.run(
        program, capture_output=True, text=True, timeout=20, cwd=tmp_path, errors="replace"
    )
    # behind a tab fish says what it is
    offered = {one.split("\t")[0].rstrip("/") for one in done.stdout.splitlines()}
    assert offered - {""} == OFFERED[line], done.stderr
    # zsh shows its terminal there, and a slip in what we give it as well
    complaint = re.search(r"_\w+:|error|not found", done.stderr)
    assert not complaint, done.stderr
