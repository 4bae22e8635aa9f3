"""What README.md and docs/ tell people to write, run and read is there."""

import re
import shlex
from pathlib import Path

import pytest

from notifier import cli, sources
from notifier.config import load
from notifier.doubts import doubts
from notifier.errors import Exit

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Every `notifier ...` in the blocks and tables, without its comment."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    lines += re.findall(r"^\| `(.*?)`", README, re.MULTILINE)
    lines += re.findall(r"^\$ (notifier .*)$", README, re.MULTILINE)
    found = [re.match(r"(?:.*[ /])?notifier ([a-z].*?) *(?:#.*)?$", line) for line in lines]
    return [one[1] for one in found if one]


def test_the_configuration_of_the_readme_works_and_leaves_no_doubt(tmp_path: Path) -> None:
    (example,) = blocks("toml")
    file = tmp_path / "config.toml"
    file.write_text(example, encoding="utf-8")
    config = load(file, sources.settings_of, {})
    assert doubts(config, {"task", "node", "vps"}) == ()


@pytest.mark.parametrize("line", commands())
def test_every_command_of_the_readme_is_one(line: str) -> None:
    words = shlex.split(line)
    assert cli.parser(words).parse_args(words).command == words[0]


def test_the_readme_shows_commands() -> None:
    shown = {line.split()[0] for line in commands()}
    assert {"demo", "config", "channel", "check", "status", "ack", "silence", "outbox"} <= shown


def test_the_readme_has_every_exit_code() -> None:
    table = re.findall(r"^\| (\d+) \|", README, re.MULTILINE)
    assert [int(code) for code in table] == sorted(Exit)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
