"""`notifier config init`: asks the host what it is, a person whom to tell, and writes it down."""

import argparse
import contextlib
import os
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from notifier import files, places, sources
from notifier.cli import Context
from notifier.commands import _draft, _host, _whom
from notifier.config import load
from notifier.errors import ConfigError, Exit
from notifier.sources import LookFailed

TYPES = ", ".join(sources.BUILT_IN)


class Written(msgspec.Struct, kw_only=True):
    """The shape of `config init --json`: what the host said, and every file that was made."""

    version: int = 1
    config: str
    source: str
    type: str
    about: str
    channels: list[str]
    files: list[str]


def arguments(init: argparse.ArgumentParser) -> None:
    """The arguments of `config init`."""
    init.add_argument(
        "url",
        nargs="?",
        metavar="URL",
        help="the host, as a browser has it; or a path of files",
    )
    init.add_argument(
        "--type", metavar="TYPE",
        help=f"what it is ({TYPES}); then it need not answer now",
    )  # fmt: skip
    init.add_argument("--name", metavar="NAME", help="what it is called in messages")
    init.add_argument(
        "--token", default="", metavar="REF", help="env:NAME or file:/PATH of its token"
    )
    who = init.add_argument_group("who is told (a terminal is asked, when none of these is given)")
    who.add_argument(
        "--email", action="append", default=[], metavar="ADDRESS", help="by mail; may be repeated"
    )
    who.add_argument("--smtp", metavar="HOST[:PORT]", help="the mail server (localhost)")
    who.add_argument("--slack", metavar="URL", help="an incoming webhook of Slack")
    who.add_argument("--webhook", metavar="URL", help="gets the events as JSON")
    who.add_argument("--apprise", metavar="URL", help="any other service that Apprise knows")
    init.add_argument(
        "--force", action="store_true", help="replace what is there; it is kept as .old"
    )


def main(context: Context) -> int:
    """Writes a configuration that works. Raises ConfigError; 3 when the host cannot be read."""
    args = context.args
    path = places.fresh(args.config, context.environ)
    if places.there(path) and not args.force:
        raise ConfigError(_exists(path))
    given = _whom.given(context)
    url = _host.address(args.url or _whom.asked(context, "Address of the cluster's host: ", str))
    try:
        kind, about = _host.who(context, url)
    except LookFailed as failed:
        context.log.error("%s: %s; nothing was written", _host.shown(url), failed.reason)
        _advise(context, failed.reason)
        return Exit.UNREADABLE
    where = _host.keys(kind, url)
    if where is None:
        raise ConfigError(f"config init: a source of type {kind} is not found by '{url}'")
    if args.token and not _host.takes(kind, "token"):
        raise ConfigError(f"--token: a source of type {kind} takes none")
    if not given:
        if about:
            context.log.warning("%s is %s", _host.shown(url), about)
        given = _whom.told(context)
    _whom.check(given)
    kept: dict[Path, str] = {}
    wanted = _draft.Wanted(
        name=_host.name(args.name, url, kind), type=kind, where=where, about=about,
        token_known=_host.takes(kind, "token"), kind=_host.kind(kind),
        token=_whom.aside(args.token, path.parent / "token", kept),
        channels={name: _whom.safe(name, keys, path.parent, kept) for name, keys in given.items()},
    )  # fmt: skip
    text = _draft.text(wanted, folder=str(path.parent), schema=_schema(), now=context.clock())
    _write(path, text, kept, context.environ, force=args.force)
    written = Written(
        config=str(path), source=wanted.name, type=kind, about=about,
        channels=list(wanted.channels), files=[str(one) for one in (path, *kept)],
    )  # fmt: skip
    if args.json:
        context.print_json(written)
    elif not args.quiet:
        for line in _next(written, path, context.environ):
            context.print(line)
    return 0


def _advise(context: Context, why: str) -> None:
    """What may help where the host could not be read."""
    if not context.args.token and re.search("http 40[13]", why):
        context.log.error("where it asks for a token: --token env:NAME or file:/PATH")
    context.log.error("to write it all the same, say what it is: --type TYPE (%s)", TYPES)


def _exists(path: Path) -> str:
    return f"{path} exists; --force replaces it and keeps it as {path.name}.old"


def _write(
    path: Path, text: str, kept: Mapping[Path, str], environ: Mapping[str, str], *, force: bool
) -> None:
    """Writes it all or nothing, mode 0600, when it holds together. Raises ConfigError."""
    fresh, ours = files.beside(path, ".new"), not path.parent.exists()
    made, moved = [fresh], list[Path]()
    try:
        # others may look into /etc; what is secret there is a file's own matter
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if ours and path == places.SYSTEM:
            # whatever the umask says
            path.parent.chmod(0o755)
        files.write(fresh, text.encode())
        load(fresh, sources.settings_of, environ)
        for one in (path, *kept) if force else ():
            with contextlib.suppress(FileNotFoundError):
                one.replace(files.beside(one, ".old"))
                moved.append(one)
        for one, value in kept.items():
            _create(one, f"{value}\n")
            made.append(one)
        _take_place(fresh, path, text)
        made, moved, ours = [fresh], [], False
    except FileExistsError as error:
        raise ConfigError(_exists(Path(error.filename2 or error.filename or path))) from None
    except ConfigError as error:
        lines = (line.replace(fresh.name, path.name) for line in error.problems)
        raise ConfigError(*lines) from None
    except OSError as error:
        what = f"{error.filename or path}: {error.strerror}"
        raise ConfigError(f"{what}; nothing was written") from None
    finally:
        _tidy(made, moved, path.parent if ours else None)


def _take_place(fresh: Path, path: Path, text: str) -> None:
    """What was read back becomes the configuration, if there is none. Raises OSError."""
    try:
        os.link(fresh, path)
    except FileExistsError:
        raise
    except OSError:
        # a file system without hard links
        _create(path, text)


def _tidy(made: list[Path], moved: list[Path], folder: Path | None) -> None:
    """Takes back what was made, and puts back what was moved away."""
    for one in made:
        with contextlib.suppress(OSError):
            one.unlink()
    for one in moved:
        with contextlib.suppress(OSError):
            files.beside(one, ".old").replace(one)
    if folder:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _create(path: Path, value: str) -> None:
    """A file for us alone, that was not there before. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(value)


def _schema() -> str:
    """Where an editor finds the schema that came with this installation; empty when nowhere."""
    checkout = Path(__file__).parents[2] / "docs"
    for folder in (checkout, Path(sys.prefix) / "share" / "doc" / "notifier"):
        if (folder / "config.schema.json").is_file():
            return (folder / "config.schema.json").as_uri()
    return ""


def _next(written: Written, path: Path, environ: Mapping[str, str]) -> list[str]:
    """What was made, and what to do now."""
    here = "" if _found(path, environ) else f" -c {shlex.quote(written.config)}"
    call, now = f"notifier{here}", "now:"
    first = written.channels[0]
    lines = [f"{written.source} is {written.about}"] if written.about else []
    lines += [f"written: {one} (mode 0600)" for one in written.files]
    if path == places.SYSTEM:
        names = " ".join(map(shlex.quote, written.files))
        lines.append("the user that cron uses must be able to read it, and nobody else:")
        lines.append(f"  chgrp notifier {names} && chmod 640 {names}")
        # the state is that user's alone
        call, now = f"sudo -u notifier {call}", "now, as that user:"
    commands = {
        "doctor": "is all in place?",
        f"channel test {first}": "does a message arrive?",
        "check": "the first look",
    }
    width = max(map(len, commands))
    return [*lines, now, *(f"  {call} {name:<{width}}  # {why}" for name, why in commands.items())]


def _found(path: Path, environ: Mapping[str, str]) -> bool:
    """Whether the other commands find it by themselves."""
    try:
        return places.find(None, environ) == path
    except ConfigError:
        return False
