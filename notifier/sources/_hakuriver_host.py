"""Asks a HakuRiver host: where its API is, which dialect it speaks, all of its tasks or enough."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from notifier.sources._failed import LookFailed
from notifier.sources._hakuriver_seen import LeanNode, LeanTask, Node, Task, zone_of
from notifier.sources._rows import Listing, merge, read

if TYPE_CHECKING:
    from notifier.sources._http import Answer, Http

# 1.0 has it at /api, 0.3.0 and its successor 0.4.0 at the root
BASES = ("/api", "")
# rows of a page, rows that it shares with the one before, and how many pages at most
LIMIT, OVERLAP, PAGES = 1000, 100, 20
# single tasks that are followed in one look
FOLLOW = 200
# ids are not given out in strict order: as much of what was seen is read again (10 minutes)
MARGIN = 600_000 << 22


class Memory(msgspec.Struct, omit_defaults=True):
    """The cursor: what one look leaves for the next.

    `offset`: the host's distance from UTC in minutes. `newest`: the highest task id that was
    seen. `followed`: the last id asked for singly, where not all could be.
    """

    base: str | None = None
    dialect: str = ""
    offset: int | None = None
    newest: int | None = None
    followed: str = ""


class Host:
    """One look at one host. Every method raises LookFailed for what could not be read."""

    def __init__(self, http: Http, memory: Memory, deadline: float) -> None:
        self.http = http
        self.memory = memory
        self.deadline = deadline
        self.notes: list[str] = []
        self._probed = False
        self._nowhere: LookFailed | None = None

    def nodes(self) -> Listing[Node]:
        """All nodes. Learns the host's zone from the heartbeats of those that are online."""
        answer = self._get("/nodes")
        listing = read(answer.body, LeanNode, Node)
        rows = [listing.row(name) for name, word in listing.statuses.items() if word == "online"]
        beats = (row.last_heartbeat for row in rows if row)
        found = zone_of(beats, answer.date)
        self.memory.offset = self.memory.offset if found is None else found
        return listing

    def vps(self) -> Listing[Task]:
        """All vps tasks ever; the only list that shows a failed one."""
        self._base()
        return self._read("/vps")

    def tasks(self, words: Iterable[str], follow: frozenset[str]) -> tuple[Listing[Task], bool]:
        """The command tasks, and whether these are but a window on all.

        0.3.0 ignores every parameter and always answers with all of its tasks. Its successors
        answer in pages: these are read back to what was seen before, then every task whose
        status is one of `words`, then singly what of `follow` is still missing.
        """
        page = read(self._get(f"/tasks?limit={LIMIT}&offset=0").body, LeanTask, Task)
        if page.count:
            self.memory.dialect = _dialect(page)
        if self.memory.dialect == "A" or page.count < LIMIT:
            return page, False
        pages, complete = self._pages(page)
        newest = max(map(_number, page.statuses), default=0)
        if not complete:
            for word in words:
                pages.append(self._read(f"/tasks?status={quote(word, safe='')}&limit={LIMIT}"))
            seen = {name for one in pages for name in one.statuses}
            pages += self._single(follow - seen)
        self.memory.newest = max(newest, self.memory.newest or 0)
        whole = merge(pages)
        return whole, not complete

    def _pages(self, first: Listing[Task]) -> tuple[list[Listing[Task]], bool]:
        """Pages from the newest to what is known, and whether they are the whole list."""
        pages, gaps = [first], False
        known = (self.memory.newest or 0) - MARGIN
        while pages[-1].count >= LIMIT:
            if min(map(_number, pages[-1].statuses), default=0) <= known:
                return pages, False
            if len(pages) == PAGES:
                if self.memory.newest:
                    self.notes.append(
                        f"more than {PAGES * (LIMIT - OVERLAP):,} new tasks since the last look; "
                        "of the older ones only those that are active or failed were read"
                    )
                return pages, False
            page = self._read(f"/tasks?limit={LIMIT}&offset={len(pages) * (LIMIT - OVERLAP)}")
            # new tasks push rows down, so pages overlap; where they do not, something is odd
            gaps |= page.statuses.keys().isdisjoint(pages[-1].statuses)
            pages.append(page)
        return pages, not gaps

    def _single(self, names: Iterable[str]) -> Iterator[Listing[Task]]:
        """Tasks asked for one by one: as many as half of the time that is left allows."""
        ordered = sorted(names)
        start = next((i for i, name in enumerate(ordered) if name > self.memory.followed), 0)
        turn = ordered[start:] + ordered[:start]
        now = time.monotonic()
        until, last = now + (self.deadline - now) / 2, ""
        for name in turn[:FOLLOW]:
            if not name.isdigit() or time.monotonic() > until:
                continue
            last = name
            try:
                body = self._answer(f"/status/{name}").body
            except LookFailed as failed:
                if failed.status == 404:
                    continue
                if failed.status == 0:
                    raise
                self.notes.append(f"single tasks cannot be read: {failed.reason}")
                break
            yield read(bytearray(b"[") + body + b"]", LeanTask, Task)
        self.memory.followed = last if len(turn) > FOLLOW else ""

    def _get(self, path: str) -> Answer:
        """The answer below the base path, which is looked for once more when it is not found."""
        base = self._base()
        try:
            return self._answer(path)
        except LookFailed as failed:
            if failed.status != 404 or self._probed:
                raise
            self.memory.base = None
            if self._base() == base:
                raise
        return self._answer(path)

    def _read(self, path: str) -> Listing[Task]:
        return read(self._answer(path).body, LeanTask, Task)

    def _answer(self, path: str) -> Answer:
        answer = self.http.get(f"{self.memory.base}{path}", self.deadline)
        self.notes += answer.notes
        return answer

    def _base(self) -> str:
        """The remembered base path, or the first below which the nodes are listed."""
        if self.memory.base in BASES:
            return self.memory.base
        if self._nowhere:
            raise self._nowhere
        self._probed = True
        told: list[LookFailed] = []
        for base in BASES:
            try:
                read(self.http.get(f"{base}/nodes", self.deadline).body, LeanNode, Node)
            except LookFailed as failed:
                if failed.why not in ("refused", "sick"):
                    raise
                told.append(failed)
            else:
                self.memory.base = base
                return base
        nothing = LookFailed("refused", "http 404 for /api/nodes and /nodes: is the url right?")
        self._nowhere = next((one for one in reversed(told) if one.status != 404), nothing)
        raise self._nowhere


def _dialect(page: Listing[Task]) -> str:
    """A is 0.3.0: no task_type. B is 0.4.0, with numbers for ids. C is 1.0, with text."""
    if page.first is None or page.first.task_type is None:
        return "A"
    return "B" if isinstance(page.first.id, int) else "C"


def _number(name: str) -> int:
    return int(name) if name.isdigit() else 0
