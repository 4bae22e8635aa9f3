"""Runs one command line in this process, over a state that a test made up."""

from collections.abc import Callable
from pathlib import Path

import pytest
from peers import Ran

from notifier.cli import main
from notifier.memory import State
from notifier.state import Store

CONFIG = """
[run]
timezone = "UTC"
[sources.river]
type = "hakuriver"
url = "http://127.0.0.1:9"
[channels.ops]
email = ["ops@example.org", "anna@example.org"]
smtp = "127.0.0.1:9"
[channels.chat]
webhook = "http://127.0.0.1:9/"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose source and channels nobody answers for."""
    path = tmp_path / "desk" / "config.toml"
    path.parent.mkdir(mode=0o700)
    path.write_text(CONFIG)
    path.chmod(0o600)
    return path


@pytest.fixture
def store(config: Path) -> Store:
    """The store beside it."""
    return Store(config.with_name("state.json"))


@pytest.fixture
def remembered(store: Store) -> Callable[[State], Store]:
    """Commits a state: `remembered(State(...))`."""

    def done(state: State) -> Store:
        with store.lock(0):
            store.load()
            store.commit(state)
        return store

    return done


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """`run("outbox", "list")` gives `.code .out .err`; keywords are the environment."""

    def done(*args: str, **environ: str) -> Ran:
        code = main(["-c", str(config), *args], environ)
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return done
