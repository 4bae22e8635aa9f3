"""Fixtures for every folder of tests: real peers on loopback, and the command itself."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from peers import Command, Mailbox, Sink


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A running mail server."""
    server = Mailbox()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A running receiver of webhooks."""
    server = Sink()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def notifier(tmp_path: Path) -> Command:
    """Runs the installed command: `notifier(config, "check", "-q")` gives `.code .out .err`."""
    home = tmp_path / "home"
    home.mkdir()
    return Command(home)


@pytest.fixture
def workplace(tmp_path: Path) -> Callable[..., Path]:
    """Writes a configuration: `workplace(url, mail=mailbox, sink=sink)` gives its path."""

    def write(
        url: str,
        *,
        mail: Mailbox | None = None,
        sink: Sink | None = None,
        top: str = "",
        more: str = "",
    ) -> Path:
        """The path of `config.toml` in a folder of its own, where the state will be too.

        Source `river` at `url`; channel `ops` is the mailbox, channel `hook` the sink. `top` is
        TOML for the head of the file (`default_channels = [...]`), `more` for its end.
        """
        parts = [top, "[sources.river]", 'type = "hakuriver"', f"url = {json.dumps(url)}"]
        if mail is not None:
            parts += ["[channels.ops]", 'email = ["ops@example.org"]', f'smtp = "{mail.address}"']
        if sink is not None:
            parts += ["[channels.hook]", f'webhook = "{sink.url}"']
        folder = tmp_path / "workplace"
        folder.mkdir(mode=0o700, exist_ok=True)
        config = folder / "config.toml"
        config.write_text("\n".join([*parts, more, ""]), encoding="utf-8")
        config.chmod(0o600)
        return config

    return write
