"""Asks a Hydra server: typed answers, whatever it sends; nothing it says of its insides goes on."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import msgspec

from notifier.sources._failed import LookFailed
from notifier.sources._hydra_answers import (
    SHAPE,
    Build,
    Evaluation,
    Evaluations,
    Info,
    Jobset,
    JobsetRow,
    Over,
    Project,
    Row,
)
from notifier.sources._text import clean

if TYPE_CHECKING:
    from notifier.sources._http import Answer, Http

T = TypeVar("T")
NAME = 100
# rows of the queue that are asked for, and of finished builds at most
QUEUE, WINDOW = 50_000, 100_000

Named = TypeVar("Named", JobsetRow, Project)


class Server:
    """One look at one server. Every method raises LookFailed for what could not be read."""

    def __init__(self, http: Http, deadline: float) -> None:
        self.http = http
        self.deadline = deadline
        self.date: datetime | None = None
        self.odd = 0
        self._building: set[int] | None = None
        self._queue: tuple[dict[int, Row], bool] | None = None

    def projects(self) -> list[str]:
        """The names of all projects."""
        return [one.name for one in self._named("/", Project)]

    def jobsets(self, project: str) -> list[JobsetRow]:
        """The jobsets of a project that anybody may see."""
        return self._named(f"/api/jobsets?project={quote(project, safe='')}", JobsetRow)

    def jobset(self, name: str) -> Jobset:
        """A jobset with its errors; only this page has the text."""
        return self._one(f"/jobset/{place(name)}/errors", Jobset)

    def evaluations(self, name: str, page: int) -> Evaluations:
        """A page of a jobset's evaluations that added builds, newest first."""
        more = f"?page={page}" if page > 1 else ""
        return self._one(f"/jobset/{place(name)}/evals{more}", Evaluations)

    def evaluation(self, number: int) -> Evaluation:
        """One evaluation."""
        return self._one(f"/eval/{number}", Evaluation)

    def members(self, evaluation: int) -> list[Build]:
        """All builds of an evaluation: dear to the server."""
        return self._many(f"/eval/{evaluation}/builds", Build)

    def latest(self, name: str, count: int, job: str = "", system: str = "") -> list[Over]:
        """The last finished builds of a jobset, or of one job of it, by descending number."""
        project, _, jobset = name.partition(":")
        asked = {"project": project, "jobset": jobset, "job": job, "system": system}
        more = "".join(f"&{key}={quote(one, safe='')}" for key, one in asked.items() if one)
        return self._many(f"/api/latestbuilds?nr={count}{more}", Over)

    def queue(self) -> tuple[dict[int, Row], bool]:
        """All builds that are not finished, by number, and whether these are all of them."""
        if self._queue is None:
            rows = self._many(f"/api/queue?nr={QUEUE}", Row)
            self._queue = {row.id: row for row in rows}, len(rows) < QUEUE
        return self._queue

    def building(self) -> set[int]:
        """The builds that are being worked on now."""
        if self._building is None:
            self._building = {row.id for row in self._many("/status", Row)}
        return self._building

    def build(self, number: int) -> Build | None:
        """One build; None when the server has it no more."""
        try:
            found = self._one(f"/build/{number}", Build)
        except LookFailed as failed:
            if failed.status == 404:
                return None
            raise
        if found.id != number:
            raise LookFailed("sick", "the answer is about another build")
        return found

    def info(self, number: int) -> Info:
        """What is known of a build's resolved steps: nothing on older servers."""
        try:
            return self._one(f"/build/{number}/api/get-info", Info)
        except LookFailed as failed:
            if failed.status == 404:
                return Info()
            raise

    def any(self, path: str) -> Any:
        """An answer of any shape."""
        return self._one(path, Any)

    def _one(self, path: str, wanted: type[T]) -> T:
        try:
            found: T = _decoded(self._get(path), wanted)
        except msgspec.ValidationError:
            raise LookFailed("sick", SHAPE) from None
        return found

    def _many(self, path: str, wanted: type[T]) -> list[T]:
        """A list; rows that are none are left out and counted."""
        body = self._get(path)
        try:
            found: list[T] = _decoded(body, list[wanted])  # type: ignore[valid-type]
        except msgspec.ValidationError:
            return self._one_by_one(body, wanted)
        return found

    def _named(self, path: str, wanted: type[Named]) -> list[Named]:
        """A list of things whose names can stand everywhere as they are; Hydra's can."""
        rows = self._many(path, wanted)
        good = [row for row in rows if row.name == clean(row.name, NAME, line=True) != ""]
        self.odd += len(rows) - len(good)
        return good

    def _one_by_one(self, body: bytearray, wanted: type[T]) -> list[T]:
        try:
            raws = _decoded(body, list[msgspec.Raw])
        except msgspec.ValidationError:
            raise LookFailed("sick", "the answer is not a list") from None
        rows = []
        for raw in raws:
            try:
                rows.append(msgspec.json.decode(raw, type=wanted))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self.odd += 1
        return rows

    def _get(self, path: str) -> bytearray:
        try:
            answer: Answer = self.http.get(path, self.deadline)
        except LookFailed as failed:
            raise _ours(failed) from None
        self.date = answer.date or self.date
        return answer.body


_MEANT = {
    401: "something in front of the server asks for a login: see headers",
    403: "the server is private, it asks for a login: see headers and cookie_jar",
    404: "not there",
    429: "asked too often",
}


def _ours(failed: LookFailed) -> LookFailed:
    """The failure in our own words: Hydra's errors hold SQL and the address of its database."""
    status = failed.status
    if status < 400:
        return failed
    meant = _MEANT.get(status, "the server failed" if status >= 500 else "refused")
    return LookFailed(failed.why, f"http {status}: {meant}", status=status, took=failed.took)


def _decoded(body: bytearray, wanted: Any) -> Any:
    """Raises msgspec.ValidationError for another shape, LookFailed for what is no JSON."""
    try:
        return msgspec.json.decode(body, type=wanted)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        page = body.lstrip()[:1] == b"<"
        said = "the answer is a web page, not JSON" if page else "the answer is not JSON"
        raise LookFailed("sick", said) from None
    except RecursionError:
        raise LookFailed("sick", "the answer is nested too deeply") from None


def place(name: str) -> str:
    """PROJECT/JOBSET of `PROJECT:JOBSET`, fit for a path."""
    project, _, jobset = name.partition(":")
    return f"{quote(project, safe='')}/{quote(jobset, safe='')}"
