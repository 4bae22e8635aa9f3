"""docs/promises.md names tests that exist, and at least one for each promise."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROMISES = re.findall(
    r"^- .*\n(?:  .*\n)*", (ROOT / "docs" / "promises.md").read_text(encoding="utf-8"), re.MULTILINE
)


def holders(promise: str) -> list[tuple[str, str]]:
    """(file, name) of every test that a promise names."""
    return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", promise)


def names_in(file: Path) -> set[str]:
    """The functions, classes and variables at the top of a module."""
    names = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return names


def test_there_are_promises() -> None:
    assert len(PROMISES) > 50


@pytest.mark.parametrize("promise", PROMISES, ids=lambda text: text.splitlines()[0][2:50])
def test_a_promise_is_held_by_tests_that_exist(promise: str) -> None:
    held = holders(promise)
    assert held, "no test holds it"
    missing = [
        f"{file}::{name}"
        for file, name in held
        if not (ROOT / file).is_file() or name not in names_in(ROOT / file)
    ]
    assert missing == []
