"""`notifier demo`: a day of a cluster, played through the real commands in a few seconds."""

import argparse
import io
import logging
import os
import shlex
import signal
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from notifier import cli
from notifier.cli import Context
from notifier.commands import _shared, check, outbox, status
from notifier.demo.cluster import Cluster
from notifier.demo.ledger import Ledger
from notifier.demo.receivers import Hook, MailServer
from notifier.demo.screen import BOLD, Screen
from notifier.demo.script import Scene, day
from notifier.demo.serve import LOOPBACK
from notifier.errors import StateError

COMMANDS = {"check": check, "status": status, "outbox": outbox}
MEANINGS = {
    ("check", 0): "nothing new",
    ("check", 1): "something is new",
    ("check", 4): "something could not be delivered yet",
    ("status", 0): "all is well",
    ("status", 1): "something is open or waits",
    ("outbox", 1): "something waits",
}
CONFIG = """\
[sources.river]
type = "hakuriver"
url = "{url}"

[channels.ops]
email = "ops@example.org"
smtp = "{smtp}"

[channels.hook]
webhook = "http://{hook}/"
"""


class StageContext(Context, kw_only=True):
    """A command's context whose clock is the story's, and whose lines are kept."""

    now: datetime
    out: io.StringIO

    def clock(self) -> datetime:
        """The time of the story."""
        return self.now

    def print(self, text: str) -> None:
        """Keeps the line."""
        self.out.write(text + "\n")


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`demo` has no arguments of its own."""


def main(context: Context) -> int:
    """Plays the day and removes everything it made, also when it is stopped half-way."""
    # a proxy has no business between us and ourselves
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = LOOPBACK
    _on_signals(signal.default_int_handler)
    screen = Screen(colour=_shared.coloured(context))
    noon = datetime.now().astimezone().replace(hour=12, minute=0, second=0, microsecond=0)
    with ExitStack() as stack:
        try:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="notifier-demo-")))
            cluster = stack.enter_context(Cluster(noon.astimezone(UTC)))
            mail = stack.enter_context(MailServer())
            hook = stack.enter_context(Hook())
        except OSError as error:
            raise StateError(f"the demo needs a temporary folder and loopback: {error}") from None
        # the first to be called at the end: nothing may stop the tidying up
        stack.callback(_on_signals, signal.SIG_IGN)
        Stage(folder, cluster, mail, hook, screen).play()
    screen.text("The folder with that configuration and its state is removed; nothing is left.")
    return 0


def _on_signals(handler: Callable[[int, FrameType | None], Any] | signal.Handlers) -> None:
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, handler)


class Stage:
    """Runs the command lines of each scene and shows what came of them."""

    def __init__(
        self, folder: Path, cluster: Cluster, mail: MailServer, hook: Hook, screen: Screen
    ) -> None:
        self.cluster, self.mail, self.hook = cluster, mail, hook
        self.screen = screen
        self.ledger = Ledger()
        self.config = folder / "config.toml"
        self.looks = 0

    def play(self) -> None:
        """The whole day, from the configuration to the sum."""
        text = CONFIG.format(url=self.cluster.url, smtp=self.mail.address, hook=self.hook.address)
        self.config.touch(mode=0o600)
        self.config.write_text(text, encoding="utf-8")
        self.screen.text("A day of a cluster", BOLD)
        self.screen.text(
            "Everything below is real but the cluster, the mail server and the clock: a host on "
            "this machine answers as HakuRiver does, and every command is run. The configuration:"
        )
        self.screen.gap()
        self.screen.lines(text, edge="  ")
        for scene in day(self.cluster, self.mail):
            self.screen.gap()
            self._show(scene)
        self.screen.gap()
        self._sum()

    def _show(self, scene: Scene) -> None:
        """One scene: what happened, the commands, the messages, what was not repeated."""
        time = f"{self.cluster.now.astimezone():%H:%M}"
        self.screen.text(scene.happened, BOLD, first=time)
        mails, posts = len(self.mail.mails), len(self.hook.posts)
        for line in scene.commands:
            self._command(line)
        new_mails, new_posts = self.mail.mails[mails:], self.hook.posts[posts:]
        for mail in new_mails:
            self.screen.mail(mail)
        for key, body in new_posts:
            self.screen.post(key, body)
        old = self.ledger.note(new_mails, new_posts, time)
        self.screen.listed("not repeated: ", old)
        if scene.notice:
            self.screen.text(scene.notice)

    def _command(self, line: str) -> None:
        """Runs one command line, as the real command line is run but for its clock."""
        argv = shlex.split(line)
        given = argparse.Namespace(
            config=str(self.config), quiet=False, verbose=0, json=False, color="never"
        )
        out = io.StringIO()
        log = logging.Logger("notifier")
        log.addHandler(logging.StreamHandler(out))
        context = StageContext(
            args=cli.parser(argv).parse_args(argv, given),
            environ={},
            log=log,
            now=self.cluster.now,
            out=out,
        )
        code = int(COMMANDS[argv[0]].main(context))
        self.looks += argv[0] == "check"
        self.screen.command(line, out.getvalue(), code, MEANINGS.get((argv[0], code), "?"))

    def _sum(self) -> None:
        """What it came to, counted at the other ends."""
        counts = self.ledger.counts
        self.screen.text(f"{self.looks} looks, {self.ledger.events} things to tell", BOLD)
        self.screen.text(
            f"ops got {len(counts['ops'])} of them in {len(self.mail.mails)} mails, "
            f"hook {len(counts['hook'])} in {len(self.hook.posts)} requests; "
            f"{self.ledger.repeated or 'nothing'} was told twice."
        )
