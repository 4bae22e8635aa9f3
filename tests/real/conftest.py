"""Fixtures of the tests against a real HakuRiver host; every test below is marked `real`."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from real.lab import Lab

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache"
# current fastapi lacks what 0.3.0 calls when it is imported
PACKAGES = ("hakuriver==0.3.0", "fastapi==0.115.12")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what lies in this folder, and only that: the hook sees every test of the run."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.real)


@pytest.fixture(scope="session")
def hakuriver_python() -> Path:
    """An interpreter that has HakuRiver, in a virtual environment that is made on first use."""
    cache = Path(os.environ.get("NOTIFIER_TEST_CACHE") or CACHE)
    return install(cache.absolute() / "hakuriver-0.3.0")


@pytest.fixture
def make_host(hakuriver_python: Path) -> Iterator[Callable[..., Lab]]:
    """Starts a host: `make_host(timezone="Asia/Tokyo")`, as many as a test needs."""
    with ExitStack() as stack:

        def make(**options: Any) -> Lab:
            lab = stack.enter_context(closing(Lab(hakuriver_python, **options)))
            lab.start()
            return lab

        yield make


@pytest.fixture
def host(make_host: Callable[..., Lab]) -> Lab:
    """A running host without nodes and tasks."""
    return make_host()


def install(folder: Path) -> Path:
    """The interpreter of a virtual environment at `folder` that has HakuRiver; made when absent.

    Any number of processes may ask at once: one builds, the others wait. What was left half
    done by a killed process is built anew.
    """
    python, ready = folder / "bin" / "python", folder / "ready"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(folder.name + ".lock"), timeout=600):
        if not (ready.exists() and python.exists()):
            _run(sys.executable, "-m", "venv", "--clear", str(folder))
            _run(str(python), "-m", "pip", "install", "--quiet", *PACKAGES)
            ready.touch()
    return python


def _run(*command: str) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} gave {done.returncode}:\n{done.stdout}")
