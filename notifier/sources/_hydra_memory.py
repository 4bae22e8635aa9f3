"""What one look at a Hydra server leaves for the next: a small record for each jobset."""

from typing import Any

import msgspec

# evaluations of a jobset that are remembered
KNOWN = 60


class Failing(msgspec.Struct, array_like=True):
    """A job by a build that did not succeed: its status, in which evaluation, since when.

    `stop` is when the build ended, 0 where that was not asked. `since` is when the job broke, and
    `broke` by which evaluation.
    """

    build: int
    status: int
    evaluation: int
    stop: int = 0
    since: int = 0
    broke: int = 0


class Record(msgspec.Struct, omit_defaults=True):
    """What is remembered of one jobset.

    `clocks` and `counts`: as the project's list had them. `evals`: known evaluations and when each
    was made. `pending`: evaluation -> builds that had not ended. `recent`: job -> the evaluation of
    its newest outcome, while an older one can still come. `failing`: jobs that fail. `void`: jobs
    whose newest build was aborted or cancelled, and may be restarted. `tally`: evaluation -> how
    many jobs were newly broken, are still broken, were fixed by it. `broken`, `fixed`: evaluation
    -> the first few jobs of those. `open`: evaluations whose end is to be told -> the newer one
    that lists builds which they waited for, or 0. `late`: evaluations that appeared below a newer
    one; `unsure`: those with builds that were not read. `top`: the highest known build; `turn`: the
    last one that was asked for singly. `status`, `error` (a fingerprint), `enabled`: the jobset's
    own state; `asked`: when it was last asked whether it is off. `based`: its builds were looked at
    before. `young`: its first evaluation is not complete. `begun`: the last word on an evaluation
    that has no number yet. `building`: builds that were told to be. `behind`: builds that ended are
    still to be asked for.
    """

    clocks: list[Any] = []
    counts: list[int] = []
    evals: dict[int, int] = {}
    pending: dict[str, list[int]] = {}
    recent: dict[str, int] = {}
    failing: dict[str, Failing] = {}
    void: dict[str, Failing] = {}
    tally: dict[str, list[int]] = {}
    broken: dict[str, list[str]] = {}
    fixed: dict[str, list[str]] = {}
    open: dict[int, int] = {}
    late: list[int] = []
    unsure: list[int] = []
    top: int = 0
    turn: int = 0
    status: str = ""
    error: str = ""
    enabled: int = 1
    based: bool = False
    young: bool = False
    asked: int = 0
    begun: str = ""
    building: list[int] = []
    behind: bool = False

    def followed(self) -> dict[int, Failing]:
        """The builds that failed or came to nothing, by number: each can be restarted."""
        found = (*self.void.values(), *self.failing.values())
        return {one.build: one for one in found}

    def waiting(self) -> dict[int, int]:
        """build -> evaluation, of all that had not ended; the newest evaluation counts."""
        found = sorted((int(one), ids) for one, ids in self.pending.items() if one.isdigit())
        return {number: one for one, ids in found for number in ids}

    def wait(self, builds: dict[int, int]) -> None:
        """Replaces what is pending by build -> evaluation."""
        self.pending = {}
        for number in sorted(builds):
            self.pending.setdefault(str(builds[number]), []).append(number)

    def tidy(self) -> None:
        """Forgets what can no longer matter."""
        self.evals = dict(sorted(self.evals.items(), reverse=True)[:KNOWN])
        oldest = min(map(int, self.pending), default=None)
        if oldest is None:
            self.recent = {}
        elif not self.young:
            self.recent = {job: one for job, one in self.recent.items() if one > oldest}
        self.late = [one for one in self.late if str(one) in self.pending]
        newest = list(self.evals)[:1]
        self.unsure = [one for one in self.unsure if one in newest]
        kept = {*self.pending, *map(str, newest)}
        self.tally = {one: counts for one, counts in self.tally.items() if one in kept}
        self.broken = {one: names for one, names in self.broken.items() if one in kept}
        self.fixed = {one: names for one, names in self.fixed.items() if one in kept}


class Memory:
    """The cursor, whose jobsets are read when they are asked for."""

    def __init__(self, cursor: Any) -> None:
        self._old = cursor if isinstance(cursor, dict) else None
        old = self._old or {}
        jobsets, projects = old.get("jobsets"), old.get("projects")
        self._jobsets: dict[str, Any] = dict(jobsets) if isinstance(jobsets, dict) else {}
        self.projects = [p for p in projects if type(p) is str] if type(projects) is list else []
        self.listed: float = _number(old.get("listed"))

    def record(self, name: str) -> Record | None:
        """What is known of a jobset; None before the first look, or when it cannot be read."""
        try:
            return msgspec.convert(self._jobsets.get(name), Record, str_keys=True)
        except msgspec.ValidationError:
            return None

    def keep(self, name: str, record: Record) -> None:
        """Remembers a jobset."""
        self._jobsets[name] = msgspec.to_builtins(record, str_keys=True)

    def drop(self, name: str) -> None:
        """Forgets a jobset."""
        self._jobsets.pop(name, None)

    def names(self) -> tuple[str, ...]:
        """The jobsets that are known."""
        return tuple(self._jobsets)

    def open(self, *which: str) -> list[tuple[str, str, str]]:
        """Every failing (and void) job as (jobset, job, which it is), in a lasting order."""
        return sorted(
            (name, job, each)
            for name, raw in self._jobsets.items()
            for each in which
            if isinstance(raw, dict) and isinstance(raw.get(each), dict)
            for job in raw[each]
        )

    def cursor(self) -> Any:
        """The document for the next look: the very same one when nothing changed."""
        new: dict[str, Any] = {"jobsets": self._jobsets}
        for key, value in (("projects", self.projects), ("listed", self.listed)):
            if value:
                new[key] = value
        return self._old if new == self._old else new


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
