"""For every source a small world in which it sees something, the page's example among them."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from sources import hosts
from sources.hosts import Reply, Stub
from sources.hydra_server import Server
from sources.streams import NOON

from notifier import sources

PAGE = Path(__file__).parents[2] / "docs" / "sources" / "writing-one.md"
SERVICES = b'[{"name": "mail", "state": "up"}, {"name": "web", "state": "down", "note": "502"}]'


def example(name: str) -> str:
    """A file that stands on the page, by its name."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"<!-- example: {re.escape(name)} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    assert found, f"{name} is not on {PAGE.name}"
    return found[1]


@dataclass(frozen=True)
class Place:
    """A source and its settings; `change` makes something happen there."""

    module: Any
    settings: Any
    change: Callable[[], object]


World = Callable[[Stub, Path], Place]


def _hakuriver(stub: Stub, folder: Path) -> Place:
    hosts.dialect_a(stub)
    module: Any = sources.module("hakuriver")
    settings = module.Settings(type="hakuriver", url=stub.url)
    return Place(module, settings, lambda: hosts.dialect_a(stub, "m06"))


def _hydra(stub: Stub, folder: Path) -> Place:
    module: Any = sources.module("hydra")
    settings = module.Settings(type="hydra", url=stub.url, kinds=list(module.KINDS))
    server = Server(stub, NOON)
    server.add("demo:main")
    jobs = {name: f"{name}-1" for name in ("hello", "world", "a.x86_64-linux", "\x1b[31mevil")}
    server.evaluate("demo:main", jobs)
    server.end(*jobs)
    server.end("world", status=1)
    server.add("demo:broken", enabled=3)
    server.checked("demo:broken", "error: \x1b]0;title\x07undefined variable")

    def change() -> None:
        server.later()
        server.evaluate("demo:main", {**jobs, "hello": "hello-2", "world": "world-2"})
        server.end("hello", status=1)
        server.end("world")
        server.checked("demo:broken")
        server.machines.pop("builder-1", None)

    return Place(module, settings, change)


def _lucifer(stub: Stub, folder: Path) -> Place:
    module: Any = sources.module("lucifer")
    settings = module.Settings(
        type="lucifer", paths=[f"{folder}/*.events"], kinds=["task", "test", "host"]
    )
    file = folder / "12345.events"
    file.write_text("starting\nhost_needs_repair host-17\ntest_failed a\n")

    def change() -> None:
        with file.open("a") as more:
            more.write("test_failed b\x1b[31m\nhost_ready host-17\ncompleted\n")

    return Place(module, settings, change)


def _board(stub: Stub, folder: Path) -> Place:
    name = "notifier_board_of_the_page"
    module: Any = sys.modules.get(name)
    if module is None:
        module = sys.modules[name] = ModuleType(name)
        exec(example("notifier_board.py"), module.__dict__)
    stub.routes["/services.json"] = Reply(SERVICES)
    settings = module.Settings(type="board", url=stub.url)
    return Place(
        module, settings, lambda: stub.routes.update({"/services.json": Reply(SERVICES[:-1])})
    )


def _bare(kind: str) -> World:
    def place(stub: Stub, folder: Path) -> Place:
        module: Any = sources.module(kind)
        return Place(module, module.Settings(type=kind, url=stub.url), lambda: None)

    return place


WORLDS: dict[str, World] = {
    "board": _board,
    "hakuriver": _hakuriver,
    "hydra": _hydra,
    "lucifer": _lucifer,
}
ALL = {
    **WORLDS,
    **{kind: _bare(kind) for kind in set(sources.BUILT_IN.values()) - WORLDS.keys()},
}


@contextmanager
def world(kind: str, folder: Path) -> Iterator[Place]:
    """A source with something to see."""
    stub = Stub()
    try:
        yield ALL[kind](stub, folder)
    finally:
        stub.stop()
