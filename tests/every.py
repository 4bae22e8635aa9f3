"""Every command line there is, each run in a process of its own that is forked from a warm one.

`python -m every` reads a JSON object from stdin and prints how each line ended: `lines` (lists of
words), `environ`, and `closed` (whether the reader of stdout is gone).
"""

import argparse
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from notifier import cli

# what stands for an argument, by the name that the help gives it
VALUES = {
    "INCIDENT": "i-1", "THING": "river/node/a", "ID": "s-1", "FROM": "ops", "TO": "hook",
    "NAME": "ops", "URL": "http://127.0.0.1:9", "WHAT": "river/node/a", "name": "ops",
}  # fmt: skip
# what a command needs beyond the arguments that its parser demands
MORE = {
    "silence add": ["river/node/a", "--for", "1h"],
    "state reset": ["--yes"],
    "config init": ["http://127.0.0.1:9", "--type", "hakuriver", "--email", "a@b.c"],
    "outbox drop": ["--channel", "ops"],
}
# it asks nobody and reads no configuration, and takes two seconds
SLOW = ("demo",)


def lines() -> list[list[str]]:
    """Every command and action with arguments that its parser takes."""
    found = list(_below(cli.parser(list(cli.COMMANDS)), []))
    # it makes what the others then find
    found.sort(key=lambda words: words[:2] == ["config", "init"])
    return [words for words in found if words[0] not in SLOW]


def _below(parser: argparse.ArgumentParser, words: Sequence[str]) -> Iterator[list[str]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from _below(inner, [*words, name])
            return
    needed = [word for action in parser._actions for word in _needed(action)]
    yield [*words, *(MORE.get(" ".join(words)) or needed), *_comment(parser)]


def _needed(action: argparse.Action) -> list[str]:
    if action.option_strings:
        return [action.option_strings[0], _value(action)] if action.required else []
    return [_value(action)] if action.nargs in (None, "+") else []


def _comment(parser: argparse.ArgumentParser) -> list[str]:
    """`-m TEXT`, where MORE has taken the place of what is needed."""
    wanted = any("-m" in action.option_strings and action.required for action in parser._actions)
    named = (parser.prog or "").removeprefix("notifier ") in MORE
    return ["-m", "why"] if wanted and named else []


def _value(action: argparse.Action) -> str:
    if action.choices:
        return str(next(iter(action.choices)))
    name = action.metavar if isinstance(action.metavar, str) else action.dest
    return VALUES.get(name, "x")


def _run(words: Sequence[str], environ: Mapping[str, str], closed: bool) -> dict[str, Any]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = os.fork()
        if not process:
            _child(words, environ, out.fileno(), err.fileno(), closed)
        _, status = os.waitpid(process, 0)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode("utf-8", "replace"))
    code = os.waitstatus_to_exitcode(status)
    return {"line": list(words), "code": code, "out": said[0], "err": said[1]}


def _child(
    words: Sequence[str], environ: Mapping[str, str], out: int, err: int, closed: bool
) -> None:
    if closed:
        reader, out = os.pipe()
        os.close(reader)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.environ.clear()
    os.environ.update(environ)
    try:
        cli.run(list(words))
    finally:
        os._exit(99)


def main() -> None:
    """Loads what is slow to load, then runs each line."""
    from notifier import render  # noqa: F401
    from notifier.deliver import attempt, reachable  # noqa: F401
    from notifier.sources import _http, hakuriver  # noqa: F401

    for name in cli.COMMANDS:
        importlib.import_module(f"notifier.commands.{name}")
    asked = json.load(sys.stdin)
    os.chdir("/")
    done = [_run(words, asked["environ"], asked["closed"]) for words in asked["lines"]]
    print(json.dumps(done))


if __name__ == "__main__":
    main()
