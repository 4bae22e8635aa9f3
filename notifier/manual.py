"""Writes what is made from the command line's parser: man page, completions, help in the README.

`python -m notifier.manual`, in a clone; needs shtab (extra `test`)
"""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from notifier import __version__, cli
from notifier.errors import Exit

ROOT = Path(__file__).parents[1]
MARKS = ("<!-- help: begin -->", "<!-- help: end -->")
# where each shell looks, below contrib/completion and in an installation
SHELLS = {"bash": "notifier", "zsh": "_notifier", "fish": "notifier.fish"}
# the values for which a shell offers what lies on the disk
PATHS = ("FILE", "FOLDER", "EVENTS.json")
FILES = """\
.TP
.I /etc/notifier/config.toml
the configuration, unless \\fB\\-c\\fR or \\fB$NOTIFIER_CONFIG\\fR names another; else \
.I ~/.config/notifier/config.toml
.TP
.I /var/lib/notifier/
the state of the one in /etc; of any other \\fI~/.local/state/notifier/\\fR, or beside that file
"""
ENVIRONMENT = """\
.TP
.B NOTIFIER_CONFIG
the configuration file
.TP
.B NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, CLICOLOR
whether to colour, in this order; \\fB\\-\\-color\\fR goes before all
.TP
.B CREDENTIALS_DIRECTORY
where \\fIcredential:NAME\\fR is looked for; systemd sets it
"""
MEANINGS = {
    Exit.OK: "nothing new; all is well", Exit.FOUND: "news, or something is not well",
    Exit.USAGE: "the command line or the configuration is wrong; nothing was asked",
    Exit.UNREADABLE: "something could not be read",
    Exit.UNDELIVERED: "something could not be delivered yet", Exit.BUG: "a bug in Notifier",
    Exit.STATE: "the state could not be read or written", Exit.LOCKED: "another run holds the lock",
}  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """The whole parser, with the arguments of every command."""
    return cli.parser(list(cli.COMMANDS))


def man() -> str:
    """The man page, in roff."""
    top = parser()
    lines = [
        f'.TH NOTIFIER 1 "" "Notifier {__version__}" "User Commands"',
        # ragged and without hyphens: option names stay whole
        ".ad l",
        ".nh",
        ".SH NAME",
        "notifier \\- tells people, once, what broke on a cluster and when it is well again",
        ".SH SYNOPSIS",
        ".B notifier",
        "[\\fIoptions\\fR] \\fICOMMAND\\fR [\\fIarguments\\fR]",
        ".SH DESCRIPTION",
        _roff(
            "Cron, a systemd timer or a person runs notifier check. It asks cluster managers for "
            "their tasks and nodes, compares the answers with a small state file, and tells people "
            "what is new: by email, Slack, webhook, or any service that Apprise knows."
        ),
        ".SH OPTIONS",
        *_options(top),
        ".SH COMMANDS",
        *(line for words, one in _commands(top, []) for line in _command(words, one)),
        ".SH EXIT STATUS",
        *(line for code in Exit for line in (".TP", f".B {code.value}", _roff(MEANINGS[code]))),
        ".SH FILES",
        FILES.rstrip(),
        ".SH ENVIRONMENT",
        ENVIRONMENT.rstrip(),
    ]
    return "\n".join(lines) + "\n"


def _commands(
    at: argparse.ArgumentParser, words: list[str]
) -> Iterator[tuple[list[str], argparse.ArgumentParser]]:
    """Every command and action that takes arguments of its own."""
    for action in at._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from _commands(inner, [*words, name])
            return
    yield words, at


def _command(words: list[str], one: argparse.ArgumentParser) -> Iterator[str]:
    usage = " ".join(_usage(action) for action in _own(one))
    yield f".SS {_roff(' '.join(['notifier', *words]))}"
    yield _roff(f"{one.description or ''}.")
    yield ".PP"
    yield f".B {_roff(' '.join(['notifier', *words, usage]).strip())}"
    yield from _options(one)


def _own(one: argparse.ArgumentParser) -> list[argparse.Action]:
    """The arguments of a parser, but for those that every command has, which the top one shows."""
    common = {"help", "config", "quiet", "verbose", "json", "color"}
    return [
        action
        for action in one._actions
        if not isinstance(action, argparse._SubParsersAction)
        and (one.prog == "notifier" or action.dest not in common)
    ]


def _usage(action: argparse.Action) -> str:
    """One argument in a line of usage: argparse's own differs between versions of Python."""
    name = _named(action)
    if action.option_strings:
        short = name.split(", ")[-1] if action.nargs != 0 else action.option_strings[-1]
        return short if action.required else f"[{short}]"
    return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} ..."}.get(str(action.nargs), name)


def _options(one: argparse.ArgumentParser) -> Iterator[str]:
    for action in _own(one):
        if action.help and action.help != argparse.SUPPRESS:
            yield ".TP"
            yield f".B {_roff(_named(action))}"
            yield _roff(action.help % {"default": action.default, "prog": one.prog})


def _named(action: argparse.Action) -> str:
    """`-c, --config FILE`, or the name of what has no dashes."""
    value = action.metavar or ("" if action.nargs == 0 else action.dest.upper())
    if action.choices and not action.metavar:
        value = "|".join(map(str, action.choices))
    if not action.option_strings:
        return str(value or action.dest)
    return f"{', '.join(action.option_strings)} {'' if action.nargs == 0 else value}".strip()


def _roff(text: str) -> str:
    """One line of text as roff takes it."""
    text = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    # a list of words may break behind each
    text = text.replace("|", "|\\:")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def completion(shell: str) -> str:
    """The completion script of a shell."""
    # only whoever writes the files needs it
    import shtab

    top = parser()
    # the options of every command are the same objects wherever they stand
    for action in (action for _, one in _commands(top, []) for action in one._actions):
        if action.metavar in PATHS:
            vars(action)["complete"] = shtab.FILE if action.metavar != "FOLDER" else shtab.DIRECTORY
    made: str = shtab.complete(top, shell=shell)
    return "\n".join(line.rstrip() for line in made.splitlines()) + "\n"


def helped(readme: str) -> str:
    """The README with the help of today between its marks."""
    block = f"{MARKS[0]}\n```text\n{parser().format_help()}```\n{MARKS[1]}"
    return re.sub(f"{MARKS[0]}.*?{MARKS[1]}", lambda _: block, readme, flags=re.DOTALL)


def main() -> None:
    """Writes them all."""
    # the width of help in a page, whatever terminal this is
    os.environ["COLUMNS"] = "80"
    contrib = ROOT / "contrib"
    for folder in ("man", "completion"):
        (contrib / folder).mkdir(exist_ok=True)
    (contrib / "man" / "notifier.1").write_text(man(), encoding="utf-8")
    for shell, name in SHELLS.items():
        (contrib / "completion" / name).write_text(completion(shell), encoding="utf-8")
    readme = ROOT / "README.md"
    readme.write_text(helped(readme.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write("contrib/man, contrib/completion and README.md are written\n")


if __name__ == "__main__":
    main()
