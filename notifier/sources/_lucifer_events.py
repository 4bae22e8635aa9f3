"""The status events of Lucifer: which there are, and what each of them means here."""

from collections.abc import Mapping

from notifier.model import Frozen, Health, Severity

# a message that stands for the harness itself and for no test
HARNESS = "autoserv"
# behind a phase: nothing was written for too long
SILENT = ", silent"


class Meaning(Frozen, frozen=True):
    """What an event (or a word of ours) says of a thing of its kind; `does` is for people."""

    kind: str
    health: Health
    severity: Severity
    does: str


_Sort = tuple[str, Health, Severity]
_PHASE: _Sort = ("task", "active", "info")
_BROKEN: _Sort = ("task", "failed", "critical")
_FIX: _Sort = ("host", "degraded", "warning")
_DOWN: _Sort = ("host", "down", "warning")
_GONE: _Sort = ("host", "down", "critical")
EVENTS: Mapping[str, Meaning] = {
    "starting": Meaning(*_PHASE, "the task begins; after an end it is a new attempt"),
    "provisioning": Meaning(*_PHASE, "its phase, shown as its status"),
    "running": Meaning(*_PHASE, "its phase, shown as its status"),
    "gathering": Meaning(*_PHASE, "its phase, shown as its status"),
    "parsing": Meaning(*_PHASE, "its phase, shown as its status"),
    "aborted": Meaning(*_BROKEN, "a problem at once; a later `completed` changes nothing"),
    "completed": Meaning("task", "ok", "info", "its end: well only if no test failed before it"),
    "test_passed": Meaning("test", "ok", "info", "counted; a test that had failed is well again"),
    "test_failed": Meaning(
        "test", "failed", "critical", f"counted, named at the end; `{HARNESS}` is the harness"
    ),
    "host_clean": Meaning("host", "ok", "info", "well: ready, and clean"),
    "host_ready": Meaning("host", "ok", "info", "well"),
    "host_ready_to_run": Meaning("host", "active", "info", "neither alerts nor recovers"),
    "host_running": Meaning("host", "active", "info", "neither alerts nor recovers"),
    "host_needs_cleanup": Meaning(*_FIX, "a problem"),
    "host_needs_reset": Meaning(*_FIX, "a problem"),
    "host_needs_repair": Meaning(*_DOWN, "a problem"),
    "host_failed_repair": Meaning(*_DOWN, "a problem"),
    "host_needs_deploy": Meaning(*_DOWN, "a problem"),
    "host_needs_manual_repair": Meaning(*_GONE, "a problem; a person must act"),
    "host_needs_replacement": Meaning(*_GONE, "a problem; its hardware is done for"),
}
PHASES = tuple(
    name for name, one in EVENTS.items() if one.kind == "task" and one.health == "active"
)
# statuses of a task that no event names, but the stream as a whole
OWN: Mapping[str, Meaning] = {
    "tests_failed": Meaning(*_BROKEN, "it completed, and tests had failed"),
    "harness_failed": Meaning(*_BROKEN, f"it completed, and only `test_failed {HARNESS}` came"),
    "crashed": Meaning(*_BROKEN, "its stream ended, or began anew, without `completed`"),
    "vanished": Meaning(*_BROKEN, "its file is gone, and `completed` never came"),
    **{
        f"{phase}{SILENT}": Meaning(
            "task", "degraded", "warning", "nothing was written for `silent_after`: stuck"
        )
        for phase in PHASES
    },
}
_ALL = {**EVENTS, **OWN}


def classify(kind: str, status: str) -> tuple[Health, Severity]:
    """What a status means. A word that is not of this kind is unknown."""
    found = _ALL.get(status)
    if found is None or found.kind != kind:
        return "unknown", "warning"
    return found.health, found.severity
