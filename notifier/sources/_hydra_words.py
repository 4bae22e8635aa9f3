"""What Hydra's numbers and states are called, and what each of them means for whom it concerns."""

import hashlib
import re
from collections.abc import Mapping

from notifier.model import Health, Severity

Meaning = tuple[Health, Severity]

# numbers of a build's status; what is not here is a failure that nobody knows
OUTCOMES: Mapping[int, str] = {
    0: "succeeded", 1: "failed", 2: "dependency_failed", 3: "aborted", 4: "cancelled",
    5: "obsolete", 6: "failed_with_output", 7: "timed_out", 8: "cached_failure",
    9: "unsupported_system", 10: "log_limit", 11: "output_limit", 12: "not_deterministic",
    13: "resolved",
}  # fmt: skip
SUCCEEDED, DEPENDENCY, ABORTED, CANCELLED, RESOLVED = 0, 2, 3, 4, 13
# no outcome of a job: Hydra gave up, a person did, or the step became another one
NONE = frozenset({ABORTED, CANCELLED, RESOLVED})
# these numbers are handed on to whatever depends on the build that earned them
HANDED_ON = frozenset({DEPENDENCY, 7, 9, 10, 11})

_OK: Meaning = ("ok", "info")
_ACTIVE: Meaning = ("active", "info")
_CANCELLED: Meaning = ("cancelled", "info")
_FAILED: Meaning = ("failed", "critical")
_LESS: Meaning = ("failed", "warning")
_DEGRADED: Meaning = ("degraded", "warning")
_DOWN: Meaning = ("down", "critical")
_UNKNOWN: Meaning = ("unknown", "warning")

_BUILDS: dict[str, Meaning] = {
    **dict.fromkeys(OUTCOMES.values(), _FAILED),
    "succeeded": _OK, "dependency_failed": _LESS, "aborted": _LESS, "cancelled": _CANCELLED,
    "resolved": _ACTIVE, "queued": _ACTIVE, "building": _ACTIVE,
    "cached": _OK, "queued_before": _ACTIVE,
}  # fmt: skip
MEANINGS: Mapping[str, Mapping[str, Meaning]] = {
    "job": {**_BUILDS, "aborted": _ACTIVE, "cancelled": _ACTIVE},
    "build": _BUILDS,
    "eval": {
        "asked_for": _ACTIVE, "started": _ACTIVE, "building": _ACTIVE,
        "completed": _OK, "superseded": _OK, "cached": _OK, "failed": _FAILED,
    },
    "jobset": {
        "evaluated": _OK, "never_evaluated": _ACTIVE, "switched_off": _CANCELLED,
        "disabled": _DEGRADED, "some_jobs_failed": _DEGRADED,
        "evaluation_failed": _FAILED, "evaluator_killed": _FAILED, "fetch_failed": _FAILED,
    },
    "machine": {
        "online": _OK, "silent": _DOWN, "missing": _DOWN, "full": _DEGRADED, "disabled": _CANCELLED,
    },
    "queue": {
        "up": _OK, "down": _DOWN, "moving": _OK, "idle": _OK, "stuck": _DEGRADED,
        "clear": _OK, "blocked": _DEGRADED,
    },
}  # fmt: skip

_HASH = re.compile(r"(/nix/store/)[0-9a-z]{32}-")
_KILLED = re.compile(r"\s*evaluation (?:failed|died|was killed)\b")
_IN_JOB = re.compile(r"^\s*in job ['‘`]", re.MULTILINE)


def meaning(kind: str, status: str) -> Meaning:
    """Health and severity of a status of ours; a build's number that nobody knows is a failure."""
    found = MEANINGS.get(kind, {}).get(status)
    if found is None and kind in ("job", "build") and re.fullmatch(r"status_-?\w{1,20}", status):
        return _FAILED
    return found or _UNKNOWN


def outcome(number: int | None) -> str:
    """The word for a build's status: `timed_out`; `status_42` for one that nobody knows."""
    if number is None:
        return "status_unknown"
    return OUTCOMES.get(number) or f"status_{str(number)[:10]}"


def titled(job: str, system: str) -> str:
    """`hello on x86_64-linux`; the system is said once."""
    return job if not system or job.endswith(f".{system}") else f"{job} on {system}"


def said(status: str) -> str:
    """A status as people read it: `dependency failed`."""
    return status.replace("_", " ")


def trouble(fetching: str, evaluating: str) -> tuple[str, str]:
    """The status of a jobset from its two error texts, and the text that says why."""
    if fetching.strip():
        return "fetch_failed", fetching
    if not evaluating.strip():
        return "evaluated", ""
    if _KILLED.match(evaluating):
        return "evaluator_killed", evaluating
    # blocks of single jobs stand in the text of an evaluation that went on without them
    return ("some_jobs_failed" if _IN_JOB.search(evaluating) else "evaluation_failed"), evaluating


def fingerprint(text: str) -> str:
    """The same for the same error, whatever its line ends and the hashes of its store paths."""
    told = " ".join(_HASH.sub(r"\1", text).split())
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:16] if told else ""
