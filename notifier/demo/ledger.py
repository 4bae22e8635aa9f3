"""Who got what, counted from what really arrived: the story claims nothing of itself."""

from collections import Counter
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any

import msgspec

Posts = Sequence[tuple[str, dict[str, Any]]]


class Told(msgspec.Struct):
    """A thing that is wrong, and when each channel heard of it."""

    words: str
    when: dict[str, str] = {}


class Ledger:
    """Knows an event by its id, which the webhook's body and a header of the mail both name."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {"ops": Counter(), "hook": Counter()}
        self._events: dict[str, dict[str, Any]] = {}
        self._wrong: dict[str, Told] = {}

    def note(self, mails: Sequence[EmailMessage], posts: Posts, time: str) -> list[str]:
        """Notes what has just arrived; returns what is still wrong and was not told once more."""
        posted = [event for _, body in posts for event in body["events"]]
        self._events.update({event["id"]: event for event in posted})
        news = {
            "ops": [name for mail in mails for name in str(mail["x-notifier-events"]).split()],
            "hook": [event["id"] for event in posted],
        }
        for row, names in news.items():
            self.counts[row].update(names)
            for event in (self._events[name] for name in names):
                self._take(event, row, time)
        return [_silence(told, time) for told in self._wrong.values() if _silence(told, time)]

    def _take(self, event: dict[str, Any], row: str, time: str) -> None:
        thing = event["thing"]
        if event["type"] == "recovery":
            self._wrong.pop(thing, None)
        elif event["type"] == "problem":
            told = self._wrong.setdefault(thing, Told(f"{event['name']}: {event['status']}"))
            told.when[row] = time

    @property
    def events(self) -> int:
        """How many different events arrived anywhere."""
        return len(set().union(*self.counts.values()))

    @property
    def repeated(self) -> int:
        """How many times an event reached a channel that had it already."""
        return sum(counts.total() - len(counts) for counts in self.counts.values())


def _silence(told: Told, time: str) -> str:
    """`gpu-02: offline (told 12:15)`; nothing where everybody who knows it was told just now."""
    before = {row: at for row, at in told.when.items() if at != time}
    if not before:
        return ""
    who = "" if len(before) == len(told.when) > 1 else f"{', '.join(before)} was "
    return f"{told.words} ({who}told {next(iter(before.values()))})"
