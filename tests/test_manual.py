"""What is made from the parser: the man page, the completions, the help in the README."""

import re
import shutil
import subprocess
from collections.abc import Iterator
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


def completed(line: str) -> Iterator[str]:
    """What bash offers at the end of a line."""
    script = ROOT / "contrib" / "completion" / "notifier"
    words = line.split(" ")
    program = (
        f'source "{script}"; COMP_WORDS=({" ".join(words[:-1])} "{words[-1]}"); '
        f"COMP_CWORD={len(words) - 1}; $(complete -p notifier | sed 's/.*-F \\([^ ]*\\).*/\\1/'); "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, timeout=20)
    assert done.stderr == ""
    yield from done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("notifier ch", {"check", "channel"}),
        ("notifier silence ", {"add", "list", "expire"}),
        ("notifier check --dr", {"--dry-run"}),
        ("notifier check ", {"tasks", "nodes"}),
        ("notifier --color ", {"auto", "always", "never"}),
    ],
)
def test_bash_completes_commands_actions_options_and_words(line: str, offered: set[str]) -> None:
    assert offered <= set(completed(line))
