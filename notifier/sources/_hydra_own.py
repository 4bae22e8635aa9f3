"""A jobset's own state: whether it can be evaluated, is switched off, is being evaluated now."""

from datetime import datetime

import msgspec

from notifier.model import Observation, Snapshot
from notifier.sources._hydra_answers import JobsetRow
from notifier.sources._hydra_memory import Record
from notifier.sources._hydra_seen import Seer
from notifier.sources._hydra_server import Server
from notifier.sources._hydra_words import fingerprint, trouble

OFF = ("disabled", "switched_off")
# a jobset that was not checked for so many of its intervals, and seconds, may be switched off;
# it is asked once in as many seconds
INTERVALS, SILENT = 3, 3600


class Own(msgspec.Struct, kw_only=True):
    """One jobset in the list of its project; `name` is PROJECT:JOBSET."""

    name: str
    row: JobsetRow
    kinds: frozenset[str]
    server: Server
    seer: Seer
    now: datetime
    found: list[Snapshot] = []

    def clocks(self) -> list[object]:
        """What moves when the jobset is looked at: checks, evaluations, errors at the inputs."""
        row = self.row
        clocks: list[object] = [
            row.lastcheckedtime, row.errortime, fingerprint(row.fetcherrormsg or "")
        ]  # fmt: skip
        return [*clocks, row.starttime, row.triggertime] if "eval" in self.kinds else clocks

    def silent(self, record: Record) -> bool:
        """Whether it was not checked for long, and it is time to ask why."""
        row, checked = self.row, self.row.lastcheckedtime
        if not (checked and row.checkinterval) or row.starttime or record.status in OFF:
            return False
        late = max(INTERVALS * row.checkinterval, SILENT)
        return self._time() - checked > late and self._time() - record.asked > SILENT

    def _time(self) -> int:
        """The server's clock, or ours where it does not tell it."""
        return int((self.server.date or self.now).timestamp())

    def errors(self, record: Record) -> None:
        """The jobset's own state, with the text of its error. Asked only when it can be another."""
        row, silent, first = self.row, self.silent(record), not record.status
        old = record.clocks[1:3]
        new = [row.errortime, fingerprint(row.fetcherrormsg or "")]
        woke = record.status in (*OFF, "never_evaluated") and record.clocks[:1] != [
            row.lastcheckedtime
        ]
        if not (first or silent or woke or old != new):
            if "jobset" in self.kinds:
                self.found.append(Snapshot(kind="jobset", scope=self.name, changes=()))
            return
        page = self.server.jobset(self.name)
        fetching = page.fetcherrormsg or row.fetcherrormsg or ""
        status, text = trouble(fetching, page.errormsg or "")
        error = fingerprint(f"{status} {text}") if text else ""
        if off := "" if page.enabled else self._off(record, first=first):
            # what it failed at before stays the matter until it is evaluated again
            status, text, error = off, "", record.error
        elif status == "evaluated" and row.lastcheckedtime is None:
            status = "never_evaluated"
        if silent:
            record.asked = self._time()
        news = (status, error) != (record.status, record.error)
        record.status, record.error, record.enabled = status, error, int(page.enabled)
        if "jobset" not in self.kinds:
            return
        at = row.lastcheckedtime if status == "fetch_failed" else row.errortime
        seen = self.seer.jobset(self.name, status, text, error, at or row.lastcheckedtime or 0)
        if first:
            self.found.append(
                Snapshot(
                    kind="jobset", scope=self.name,
                    statuses={seen.id: status}, rows={seen.id: seen}, complete=False,
                )
            )  # fmt: skip
        else:
            changes = (seen,) if news else ()
            self.found.append(Snapshot(kind="jobset", scope=self.name, changes=changes))

    def _off(self, record: Record, *, first: bool) -> str:
        """How it came to be off: before our time or by a person; a single shot that is over is
        neither."""
        if record.status in OFF:
            return record.status
        if first:
            return "switched_off"
        return "disabled" if record.enabled in (1, 3) else ""

    def progress(self, record: Record, clocks: list[object], *, first: bool) -> None:
        """Evaluations that have no number: asked for, begun, without a change, failed."""
        if "eval" not in self.kinds:
            return
        row, old = self.row, record.begun
        failed = record.status in ("evaluation_failed", "evaluator_killed", "fetch_failed")
        if row.starttime:
            record.begun = "started"
        elif row.triggertime:
            record.begun = "asked_for"
        elif first or record.clocks[:3] == clocks[:3]:
            record.begun = old if old in ("failed", "cached") else ""
        elif failed:
            record.begun = "failed"
        elif record.clocks[1:3] == clocks[1:3]:
            record.begun = "cached"
        else:
            record.begun = "completed" if old == "failed" else ""
        changes: tuple[Observation, ...] = ()
        again = record.begun in ("failed", "cached") and record.clocks[:3] != clocks[:3]
        if record.begun and not first and (record.begun != old or again):
            at = row.lastcheckedtime or 0
            seen = self.seer.evaluation(self.name, None, record.begun, at=at, error=record.error)
            changes = (seen,)
        gone = (self.seer.evaluation(self.name, None, "started").id,)
        # a check without a change is news each time, so it is not remembered
        ended = record.begun == "cached" or (old in ("started", "asked_for") and not record.begun)
        self.found.append(
            Snapshot(kind="eval", scope=self.name, changes=changes, gone=gone if ended else ())
        )
