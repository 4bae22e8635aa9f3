"""Pure: the words for states, times and spans of time, and the sentence for one thing."""

from datetime import datetime, tzinfo

from notifier.model import EventType, Frozen, Health

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# raw statuses of a finite thing that are all told as completed
COMPLETED = "completed"
DONE = (COMPLETED, "succeeded", "finished", "passed", "ok")
# reasons of endings that are no recovery
UNWATCHED, LEFT = "no longer watched", "no longer there"
GONE = (UNWATCHED, LEFT)
# of endings of what was stuck, and of nothing else
UNSTUCK = ("moving again", "cancelled", COMPLETED)

# raw status of a finite thing -> what happened to it, and the same in a count
VERBS = {
    "lost": "was lost",
    "killed": "was killed",
    "killed oom": "ran out of memory and was killed",
    "stopped": "was stopped",
    "cancelled": "was cancelled",
    "aborted": "was aborted",
    "timed out": "timed out",
    "crashed": "crashed",
    "vanished": "vanished",
    "test failed": "failed",
    "tests failed": "ended with failed tests",
    "harness failed": "ended with a failed harness",
}
# raw status of a standing thing -> what it is
STATES = {
    "failed": "failing",
    "unreachable": "unreachable",
    "slow": "too slow to read",
    "tls": "not to be trusted (TLS)",
    "refused": "refusing access",
    "sick": "giving broken answers",
    "host clean": "ready and clean",
    "host ready": "ready",
    "host needs cleanup": "in need of a cleanup",
    "host needs reset": "in need of a reset",
    "host needs repair": "in need of repair",
    "host failed repair": "not repaired: its repair failed",
    "host needs deploy": "in need of a new deployment",
    "host needs manual repair": "in need of repair by a person",
    "host needs replacement": "in need of replacement",
    "dependency failed": "failing (dependency failed)",
    "failed with output": "failing (failed with output)",
    "timed out": "failing (timed out)",
    "cached failure": "failing (cached failure)",
    "unsupported system": "failing (unsupported system)",
    "log limit": "failing (log limit exceeded)",
    "output limit": "failing (output limit exceeded)",
    "not deterministic": "failing (not deterministic)",
    "evaluation failed": "failing to evaluate",
    "evaluator killed": "failing to evaluate (evaluator killed)",
    "fetch failed": "failing to fetch its inputs",
    "some jobs failed": "failing to evaluate some jobs",
}
# raw status of a standing thing that is well again -> what it is then
BACKS = {"succeeded": "fixed", "evaluated": "evaluating again"}


class Facts(Frozen, frozen=True, kw_only=True):
    """All that a sentence about one thing needs.

    `since` is when it went bad, `at` when it was as it is now. `untold`: nobody heard of the
    problem before its end. `stuck`: what was wrong was that it stayed in `before`. `changes`
    counts the events that this one sentence stands for. `says`: what became of it, in the words
    of its source.
    """

    type: EventType
    reason: str
    name: str
    status: str
    before: str
    told: str
    health: Health
    finite: bool
    node: str
    since: datetime
    at: datetime
    untold: bool = False
    stuck: bool = False
    changes: int = 1
    says: str = ""


class Clock(Frozen, frozen=True):
    """Writes times in one zone as of `now`."""

    zone: tzinfo
    now: datetime

    def time(self, at: datetime | None) -> str:
        """`14:02 UTC`; with the date when it is not today in that zone, with the year too."""
        if at is None:
            return ""
        return f"{self._bare(at)} {self._zone(at)}"

    def span(self, start: datetime, end: datetime) -> str:
        """`14:02–14:31 UTC`; the zone is written twice only where the two differ."""
        first, last = self._zone(start), self._zone(end)
        zone = "" if first == last else f" {first}"
        return f"{self._bare(start)}{zone}–{self._bare(end)} {last}"

    def _bare(self, at: datetime) -> str:
        local, today = at.astimezone(self.zone), self.now.astimezone(self.zone)
        if local.date() == today.date():
            return f"{local:%H:%M}"
        year = f" {local.year}" if local.year != today.year else ""
        return f"{MONTHS[local.month - 1]} {local.day}{year} {local:%H:%M}"

    def _zone(self, at: datetime) -> str:
        name = at.astimezone(self.zone).tzname() or "UTC"
        return f"UTC{name}" if name[0] in "+-" else name


def lasting(start: datetime, end: datetime) -> str:
    """How long that was, in words: `40 s`, `29 min`, `3 h 12 min`, `2 days 4 h`."""
    seconds = max(0, int((end - start).total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    whole = "1 day" if days == 1 else f"{days:,} days"
    return f"{whole} {hours} h" if hours and days < 7 else whole


def plural(count: int, kind: str) -> str:
    """`1 task`, `1,204 tasks`, `2 vps`."""
    return f"{count:,} {kind if count == 1 else plurals(kind)}"


def plurals(kind: str) -> str:
    """`tasks`, `vps`."""
    return kind if kind.endswith("s") else f"{kind}s"


def happened(status: str) -> str:
    """What a finite thing did to end so: `failed`, `was lost`, `failed (dependency failed)`."""
    word = plainly(status)
    if word in ("failed", "completed"):
        return word
    return VERBS.get(word) or f"failed ({word})"


def counted(status: str) -> str:
    """The same behind a count: `37 tasks lost`."""
    return happened(status).removeprefix("was ")


def state(status: str) -> str:
    """What a standing thing is: `offline`, `unreachable`, `failing`."""
    word = plainly(status)
    return STATES.get(word, word) or "bad"


def back(status: str) -> str:
    """What a standing thing is that is well again: `back`, `fixed`."""
    return BACKS.get(plainly(status), "back")


def done(status: str) -> str:
    """What became of a thing of which nothing is wrong: `completed`, `queued`, `cached`."""
    word = plainly(status)
    return COMPLETED if word in DONE else word


def plainly(status: str) -> str:
    """A raw status as words."""
    return status[:60].replace("_", " ").strip().lower()


def sentence(facts: Facts, clock: Clock) -> str:
    """One thing in one sentence without a full stop."""
    match facts.type:
        case "recovery":
            words = _ending(facts, clock)
        case "flapping_start":
            words = f"{facts.name} is flapping, now {state(facts.status)}"
        case "flapping_end":
            words = f"{facts.name} is steady again: {state(facts.status)}"
        case "change":
            words = _change(facts, clock)
        case _:
            words = _problem(facts, clock)
    simple = 2 if facts.untold else 1
    if facts.changes <= simple:
        return words
    told = f"; last told: {plainly(facts.told)}" if facts.told else ""
    return f"{words} ({facts.changes} changes{told})"


def _problem(facts: Facts, clock: Clock) -> str:
    again = " again" if "again" in facts.reason else ""
    if facts.says:
        on = _on(facts).strip()
        return (
            f"{facts.name}{again} {facts.says} ({on}{' ' if on else ''}at {clock.time(facts.at)})"
        )
    if facts.finite and facts.health == "failed":
        return f"{facts.name} {happened(facts.status)}{again}{_on(facts)} at {clock.time(facts.at)}"
    now = "now " if facts.reason == "worse" or facts.reason.startswith("now ") else ""
    still = "still " if facts.type == "reminder" else ""
    lasted = f" ({lasting(facts.since, clock.now)})" if still or facts.stuck else ""
    stuck = "stuck in " if facts.stuck else ""
    word = f"{still}{now}{stuck}{state(facts.status)}{again}{_on(facts)}"
    return f"{facts.name} is {word} since {clock.time(facts.since)}{lasted}"


def _ending(facts: Facts, clock: Clock) -> str:
    since, end = clock.time(facts.since), clock.time(facts.at)
    if facts.reason in GONE:
        fact = facts.finite and not facts.stuck
        was = happened(facts.before) if fact else f"{state(facts.before)} since"
        return f"{facts.name} is {facts.reason} ({was} {since})"
    if not facts.finite:
        span = clock.span(facts.since, facts.at)
        lasted = lasting(facts.since, facts.at)
        if facts.untold:
            return f"{facts.name} was {state(facts.before)} {span} ({lasted})"
        return f"{facts.name} is {back(facts.status)} after {lasted} ({state(facts.before)} {span})"
    if facts.stuck:
        stayed = f"{plainly(facts.before)} {clock.span(facts.since, facts.at)}"
        return f"{facts.name} is no longer stuck: {plainly(facts.status)} ({stayed})"
    if facts.health != "ok":
        return f"{facts.name} {happened(facts.status)} at {end}"
    if facts.untold:
        return f"{facts.name} {happened(facts.before)} {since}, then completed {end}"
    return f"{facts.name} completed after all at {end} ({counted(facts.before)} {since})"


def _change(facts: Facts, clock: Clock) -> str:
    if facts.finite and facts.health == "ok" and done(facts.status) == COMPLETED:
        return f"{facts.name} completed{_on(facts)} at {clock.time(facts.at)}"
    return f"{facts.name}: {plainly(facts.status)} at {clock.time(facts.at)}"


def _on(facts: Facts) -> str:
    """` on gpu-07`, unless the thing is that node."""
    return f" on {facts.node}" if facts.node and facts.node != facts.name else ""
