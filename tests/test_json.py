"""docs/json.md, held to what every command really prints with --json."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from every import lines
from peers import Mailbox, Ran
from sources import hosts
from sources.hosts import Reply, Stub

from notifier.cli import main

PAGE = (Path(__file__).parents[1] / "docs" / "json.md").read_text(encoding="utf-8")
SHAPES: dict[str, Any] = {
    name: json.loads(block)
    for name, block in re.findall(
        r"^### ([^\n]*)\n\n```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE
    )
}
HINT = "write it into docs/json.md (CONTRIBUTING.md lists all that a command needs)"
# what is asked here, in an order in which each finds something to show
ASKED = [
    "check", "status", "status node-b", "doctor", "route test kind=node --at 23:30", "render",
    "channel list", "channel test ops", "outbox list", "silence add node-b --for 1h -m why",
    "silence list",
    "emit --source backup --kind job --id nightly --failed", "status",
    "ack I -m why", "outbox retry", "outbox move hook ops",
    "outbox drop --channel hook", "silence expire s-1", "config check", "config show",
    "state forget node-gone", "state reset --yes",
]  # fmt: skip
CONFIG = """
[run]
timezone = "UTC"
[sources.river]
type = "hakuriver"
url = "{url}"
[channels.ops]
email = "ops@example.org"
smtp = "{mail}"
[channels.hook]
webhook = "http://127.0.0.1:9/"
[[routes]]
channels = ["ops", "hook"]
match = {{ kind = "node" }}
hold = ["night"]
[windows.night]
from = "22:00"
to = "07:00"
"""


def fits(shape: Any, value: Any, at: str = "") -> None:
    """AssertionError where a value has another shape; see the head of the page."""
    if isinstance(shape, str) and shape in SHAPES:
        if value is not None or shape != "LOOK":
            fits(SHAPES[shape], value, at)
    elif isinstance(shape, str) and shape.isupper():
        return
    elif isinstance(shape, dict):
        assert isinstance(value, dict), at
        _keys(shape, value, at)
    elif isinstance(shape, list):
        assert isinstance(value, list), at
        for one in value:
            fits(shape[0], one, f"{at}[]")
    elif shape == "time":
        assert datetime.fromisoformat(value).tzinfo is not None, at
    elif shape == "text":
        assert isinstance(value, str), at
    elif isinstance(shape, bool):
        assert isinstance(value, bool), at
    else:
        assert isinstance(value, int | float), at
        assert not isinstance(value, bool), at


def _keys(shape: dict[str, Any], value: dict[str, Any], at: str) -> None:
    known = {name.removesuffix("?"): inner for name, inner in shape.items()}
    if len(known) == 1 and next(iter(known)).isupper():
        for name, one in value.items():
            fits(next(iter(known.values())), one, f"{at}.{name}")
        return
    needed = {name for name in shape if not name.endswith("?")}
    assert needed <= value.keys() <= known.keys(), f"{at}: {value.keys() ^ known.keys()}"
    for name, one in value.items():
        fits(known[name], one, f"{at}.{name}")


@pytest.fixture
def river() -> Iterator[Stub]:
    server = Stub()
    hosts.dialect_a(server, "m04")
    about = {"info": {"title": "HakuRiver Cluster Manager"}, "paths": {}}
    server.routes["/openapi.json"] = Reply(json.dumps(about).encode())
    yield server
    server.stop()


@pytest.fixture
def run(
    river: Stub, mailbox: Mailbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    path = tmp_path / "desk" / "config.toml"
    path.parent.mkdir(mode=0o700)
    path.write_text(CONFIG.format(url=river.url, mail=mailbox.address))
    path.chmod(0o600)

    def done(*words: str) -> Ran:
        code = main(["-c", str(path), *words, "--json"], {})
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return done


def test_every_result_has_the_documented_shape(run: Callable[..., Ran], river: Stub) -> None:
    shown: dict[str, Any] = {}
    for number, line in enumerate(ASKED):
        if number == 1:
            hosts.dialect_a(river, "m05")
            run("check")
        words = [_handle(shown) if word == "I" else word for word in line.split()]
        ran = run(*words)
        name = next(name for name in SHAPES if f"notifier {line} ".startswith(f"{name} "))
        shown[name] = json.loads(ran.out)
        fits(SHAPES[name], shown[name], name)
    assert len(shown) > 18


def _handle(shown: dict[str, Any]) -> str:
    return str(shown["notifier status"]["open"][0]["handle"])


@pytest.mark.parametrize("words", lines(), ids=" ".join)
def test_every_command_has_its_section(words: list[str]) -> None:
    sections = re.findall(r"^### notifier (.*)$", PAGE, re.MULTILINE)
    line = " ".join(words)
    assert any(f"{line} ".startswith(f"{name} ") for name in sections), HINT


def test_the_shapes_that_are_shared_are_there() -> None:
    # a key in capitals stands for any name, a value for a shape below
    used = set(re.findall(r'(?:: |\[)"([A-Z]+)"', PAGE)) - {"ANY", "PAYLOAD"}
    assert used <= SHAPES.keys()
    assert {"EVENT", "INCIDENT"} <= used
