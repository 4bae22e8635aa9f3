"""Pure: what scripts and units push: which kinds there are, and what their words mean."""

from notifier.memory import State
from notifier.model import BAD, Family, Frozen, Health, Kind, Moment, Observation, Severity

# the scope of what was pushed; of a stream with scopes of its own, the beginning of it
SCOPE = "emit"
# what can be pushed under any source's name. What is finite ends, and a failure of it is a fact;
# what stands is a problem until it is said to be well.
KINDS: dict[str, Kind] = {
    "task": Kind("task", "tasks", finite=True, attempts=True),
    "job": Kind("job", "tasks", finite=False),
    "unit": Kind("unit", "tasks", finite=False),
    "service": Kind("service", "tasks", finite=False),
    "host": Kind("host", "nodes", finite=False),
    "node": Kind("node", "nodes", finite=False),
}
# what a word means; what runs is well where it stands
WORDS: dict[Health, tuple[str, ...]] = {
    "ok": (
        "ok", "completed", "complete", "success", "succeeded", "passed", "done", "finished",
        "exited", "up", "online", "healthy", "ready", "recovered", "well",
    ),
    "active": ("running", "active", "started", "starting", "pending", "queued", "activating"),
    "failed": (
        "failed", "failure", "error", "crashed", "lost", "killed", "aborted", "timeout",
        "timed_out", "oom", "oom-kill", "broken",
    ),
    "down": ("down", "offline", "unreachable", "dead", "stopped", "critical"),
    "degraded": ("degraded", "warning", "slow", "unstable"),
    "cancelled": ("cancelled", "canceled", "skipped"),
}  # fmt: skip
# how a thing is, and how bad that is
Meaning = tuple[Health, Severity]
_HEALTHS: dict[str, Health] = {word: health for health, words in WORDS.items() for word in words}


class Batch(Frozen, frozen=True, kw_only=True):
    """Observations of one (kind, scope), in order."""

    kind: str
    scope: str = ""
    changes: tuple[Observation, ...]


class Parcel(Frozen, frozen=True, kw_only=True, omit_defaults=False):
    """One file of the spool: what one source showed at `at`."""

    version: int = 1
    at: Moment
    source: str
    batches: tuple[Batch, ...]


def health_of(kind: Kind, word: str) -> Health:
    """What a word says of a thing of this kind; `unknown` for a word that says nothing here."""
    return fitting(kind, _HEALTHS.get(word.strip().lower(), "unknown"))


def fitting(kind: Kind, health: Health) -> Health:
    """A health as this kind can have it: what ends is not down, what stands and runs is well."""
    if kind.finite:
        return "failed" if health in BAD else health
    return "ok" if health == "active" else health


def severity_of(health: Health, word: str = "") -> Severity:
    """How bad that is, unless somebody says otherwise."""
    if health == "degraded" or _HEALTHS.get(word.strip().lower()) == "degraded":
        return "warning"
    return "critical" if health in BAD else "info"


def meaning(kind: Kind, word: str) -> Meaning:
    """Both of a word that stands alone."""
    health = health_of(kind, word)
    return health, severity_of(health, word)


def is_pushed(scope: str) -> bool:
    """Whether what is known in this scope came through the spool."""
    return scope == SCOPE or scope.startswith(f"{SCOPE}:")


def scopes_of(state: State) -> dict[str, list[str]]:
    """SOURCE/KIND -> the scopes of what was pushed there and is still known."""
    found = {
        key: [scope for scope in things.scopes if is_pushed(scope)]
        for key, things in state.things.items()
    }
    return {key: scopes for key, scopes in found.items() if scopes}


def families(state: State) -> dict[str, Family]:
    """SOURCE/KIND -> family, for every kind that was pushed."""
    return {
        key: KINDS[kind].family
        for key in scopes_of(state)
        if (kind := key.partition("/")[2]) in KINDS
    }
