"""How the story looks in a terminal: plain lines, at most 80 columns wide, with little colour."""

import shutil
import sys
import textwrap
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any

BOLD, DIM, RED, GREEN, YELLOW, CYAN = "1", "2", "31", "32", "33", "36"
CODES = {0: GREEN, 1: YELLOW}
# a time and two spaces: everything else stands to the right of it
MARGIN = " " * 7


class Screen:
    """Writes to stdout at once, so that a reader who leaves (`| head`) is noticed."""

    def __init__(self, *, colour: bool) -> None:
        self.colour = colour
        # a frame that every terminal can show, where it cannot show a fine one
        fine = (sys.stdout.encoding or "").lower().startswith("utf")
        self.top, self.side, self.foot = ("┌─ ", "│ ", "└─") if fine else ("+- ", "| ", "+-")
        self.width = max(40, min(80, shutil.get_terminal_size().columns))

    def text(self, text: str, code: str = "", first: str = "") -> None:
        """A paragraph beside the margin; `first` stands in the margin of its first line."""
        for number, line in enumerate(textwrap.wrap(text, self.width - len(MARGIN))):
            head = (
                MARGIN if number else self._paint(first.ljust(len(MARGIN)), BOLD if first else "")
            )
            self._write(f"{head}{self._paint(line, code)}")

    def lines(self, text: str, *, edge: str = "", code: str = "") -> None:
        """Lines as a program wrote them, each wrapped below its own indent."""
        room = self.width - len(MARGIN) - len(edge)
        left = MARGIN + (self._paint(edge, CYAN) if edge.strip() else edge)
        for line in text.splitlines():
            indent = line[: len(line) - len(line.lstrip())] + "  "
            parts = textwrap.wrap(
                line, room, subsequent_indent=indent, replace_whitespace=False,
                break_on_hyphens=False,
            )  # fmt: skip
            for part in parts or [""]:
                self._write((left + self._paint(part, code)).rstrip())

    def command(self, line: str, output: str, ended: int, meaning: str) -> None:
        """A command line, what it printed, and its exit code in words."""
        self._write(f"{MARGIN}{self._paint(f'$ notifier {line}', BOLD)}")
        self.lines(output)
        self.text(f"(exit code {ended}: {meaning})", CODES.get(ended, RED))

    def mail(self, mail: EmailMessage) -> None:
        """A mail as its reader sees it: to whom, what about, the text."""
        part = mail.get_body(("plain",))
        body = str(part.get_content()).replace("\r\n", "\n").strip() if part else ""
        self.text(f"{self.top}mail to {mail['to']}", CYAN)
        self.lines(str(mail["subject"]).strip(), edge=self.side, code=BOLD)
        self.lines(f"\n{body}", edge=self.side)
        self.text(self.foot, CYAN)

    def post(self, key: str, body: dict[str, Any]) -> None:
        """A webhook request as a program reads it: its key, and a line for each event."""
        self.text(f"{self.top}webhook request, webhook-id: {key}", CYAN)
        for event in body["events"]:
            about = event["text"] or f"{event['thing']} {event['status']}"
            self.lines(f"{event['type']}: {about}", edge=self.side)
        self.text(self.foot, CYAN)

    def listed(self, head: str, entries: Sequence[str]) -> None:
        """`head entry`, further entries below the first one."""
        for number, entry in enumerate(entries):
            lead = " " * len(head) if number else head
            self.lines(f"{lead}{entry}", code=GREEN)

    def gap(self) -> None:
        """An empty line."""
        self._write("")

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code and text else text

    def _write(self, line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
