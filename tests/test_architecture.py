"""The house rules that need no judgement: import directions, sizes, first lines, light imports."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "notifier").rglob("*.py"))
# the modules (and what lies below them) that may import a library themselves
ROOMS = {
    "apprise": ("notifier.deliver",),
    "filelock": ("notifier.state",),
    "jinja2": ("notifier.render",),
    "prometheus_client": ("notifier.metrics",),
    "requests": ("notifier.deliver", "notifier.sources._http"),
}
HEAVY = ("apprise", "filelock", "jinja2", "prometheus_client", "requests", "rich")

every_module = pytest.mark.parametrize(
    "module", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix()
)


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("notifier", include_external_packages=True, cache_dir=None)


def rooms(library: str) -> tuple[str, ...]:
    return tuple(f"{room}." for room in ROOMS[library])


def functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_imports_go_one_way() -> None:
    # in a process of its own: it switches off every logger that exists
    code = (
        "from importlinter.cli import lint_imports as lint;"
        "raise SystemExit(lint(config_filename='pyproject.toml', no_cache=True, no_logo=True))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("library", ROOMS)
def test_a_heavy_library_has_its_own_room(library: str, imports: grimp.ImportGraph) -> None:
    importers = imports.find_modules_that_directly_import(library)
    assert [name for name in importers if not f"{name}.".startswith(rooms(library))] == []


def test_importing_the_command_line_loads_no_heavy_library() -> None:
    program = f"import sys, notifier.cli; print(*sorted(sys.modules.keys() & set({HEAVY})))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("\n", "")


@every_module
def test_a_module_has_at_most_300_lines(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 300


@every_module
def test_a_module_opens_with_one_line_that_says_its_job(module: Path) -> None:
    text = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    first, *more = text.splitlines() or [""]
    assert first.endswith("."), "no first line, or it is no sentence"
    assert not (more and more[0]), "the sentence does not end on the first line"


@every_module
def test_no_function_has_more_than_50_lines(module: Path) -> None:
    sizes = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions(module)}
    assert {name: size for name, size in sizes.items() if size > 50} == {}
