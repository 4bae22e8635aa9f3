"""The machines of a Hydra server and its queue, as its queue runner tells: the old and the new."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from notifier.model import Observation, Snapshot
from notifier.sources._hydra_seen import SHORT, Lazy, Seer, moment
from notifier.sources._hydra_server import Server
from notifier.sources._hydra_words import meaning
from notifier.sources._links import linked
from notifier.sources._text import clean

# a queue runner that was just started has no machines yet; a machine pings every ten seconds
GRACE, SILENT = 300.0, 120.0
# machines that are looked at
MOST = 5000

RUNNER, QUEUE, BLOCKED = "runner", "queue", "unsupported"
_NAMES = {
    RUNNER: "queue runner", QUEUE: "build queue", BLOCKED: "queue of unsupported steps",
}  # fmt: skip


def look(server: Server, seer: Seer, kinds: frozenset[str]) -> list[Snapshot]:
    """Two requests. Without a queue runner there is no list of machines, not an empty one.

    Raises LookFailed.
    """
    told = server.any("/queue-runner-status")
    told = told if isinstance(told, dict) else {}
    shown = server.any("/machines")
    runner = told["queueRunner"] if isinstance(told.get("queueRunner"), dict) else told
    up = runner.get("status") == "up"
    found = []
    if "queue" in kinds and runner.get("status") in ("up", "unreachable"):
        found.append(_queue(runner, seer))
    if "machine" in kinds:
        machines = _both(told.get("machines"), shown, old=runner is told)
        if up and machines is not None:
            settled = not 0 < _number(runner.get("uptime")) < GRACE
            found.append(_machines(machines, seer, complete=settled))
    # that the server answered is said in any case, apart from what may still have its first look
    return [*found, Snapshot(kind=min(kinds), scope="status", changes=())]


def _both(inside: Any, shown: Any, *, old: bool) -> Mapping[str, Any] | None:
    """The machines of the runner's own answer, which tells more of them, and of the short list.

    On newer servers the two are one, asked for twice: a machine is there when both show it.
    """
    if not isinstance(inside, dict):
        return shown if isinstance(shown, dict) else None
    if old or not isinstance(shown, dict):
        return inside
    return {name: one for name, one in inside.items() if name in shown}


def _queue(runner: Mapping[str, Any], seer: Seer) -> Snapshot:
    """The runner, what waits in it, and what no machine can take.

    A server that does not know where its runner is says `unknown`: nothing is known then.
    """
    states: dict[str, tuple[str, str]] = {}
    status = runner.get("status")
    if status == "unreachable":
        states[RUNNER] = "down", "the web server cannot reach the queue runner: nothing is built"
    elif status == "up":
        runnable = _first(runner, "nrStepsRunnable", "runnableCount", "nrRunnableSteps")
        building = _first(runner, "nrStepsBuilding", "nrActiveSteps")
        unsupported = _first(runner, "nrUnsupportedSteps")
        states[RUNNER] = "up", ""
        if runnable is not None and building is not None:
            stuck = runnable > 0 and building == 0
            word = "stuck" if stuck else "moving" if building else "idle"
            states[QUEUE] = word, f"{_plural(runnable)} could run and none does" if stuck else ""
        if unsupported is not None:
            wanting = f"no machine can take {_plural(unsupported)}{_systems(runner)}"
            states[BLOCKED] = ("blocked", wanting) if unsupported > 0 else ("clear", "")
    rows = {
        name: Observation(
            kind="queue",
            id=name,
            name=_NAMES[name],
            status=word,
            health=meaning("queue", word)[0],
            severity=meaning("queue", word)[1],
            message=text,
            link=_page(seer, "queue", "/queue-summary", name),
        )
        for name, (word, text) in states.items()
    }
    statuses = {name: one.status for name, one in rows.items()}
    return Snapshot(kind="queue", statuses=statuses, rows=rows, complete=False)


def _systems(runner: Mapping[str, Any]) -> str:
    """For which systems steps wait, where the runner tells."""
    stats = runner.get("queueStats")
    waiting = [
        clean(str(name), SHORT, line=True)
        for name, each in (stats.items() if isinstance(stats, dict) else ())
        if isinstance(each, dict) and _number(each.get("nrRunnableDisabled")) > 0
    ]
    return f" ({', '.join(waiting[:10])})" if waiting else ""


def _machines(machines: Mapping[str, Any], seer: Seer, *, complete: bool) -> Snapshot:
    shown: dict[str, Mapping[str, Any]] = {}
    for host, each in list(machines.items())[:MOST]:
        name = _host(host)
        if name and isinstance(each, dict):
            shown[name] = each
    states = {name: _state(each) for name, each in shown.items()}
    statuses = {name: word for name, (word, _) in states.items()}

    def build(name: str, status: str) -> Observation:
        one = shown[name]
        return Observation(
            kind="machine",
            id=name,
            name=name,
            status=status,
            health=meaning("machine", status)[0],
            severity=meaning("machine", status)[1],
            node=name,
            message=states[name][1],
            last_seen=_seen(one),
            link=_page(seer, "machine", "/machines", name),
            labels=dict(_labels(one)),
        )

    return Snapshot(
        kind="machine", statuses=statuses, rows=Lazy(statuses, build),
        complete=complete and len(shown) == len(machines),
    )  # fmt: skip


def _page(seer: Seer, kind: str, usual: str, name: str) -> str:
    own = seer.links.get(kind, f"{seer.url}{usual}")
    return linked(own, ident=name, name=name, node=name)


def _host(name: str) -> str:
    """The host of `builder-1` or, as older servers have it, `ssh://nix@builder-1?compress=1`."""
    bare = name.rpartition("://")[2].partition("?")[0].rpartition("@")[2].strip("/")
    return clean(bare, SHORT, line=True).replace(" ", "_")


def _state(machine: Mapping[str, Any]) -> tuple[str, str]:
    """The word for a machine, and what is the matter.

    That it is full of work is normal; that its disk is full, or that it no longer pings, is not.
    """
    stats = _stats(machine)
    if machine.get("enabled") in (False, 0):
        return "disabled", ""
    pinged, since = _number(stats.get("lastPing")), _number(stats.get("sinceLastPing"))
    if pinged > 0 and since > SILENT:
        return "silent", f"no sign of life for {since:.0f} s"
    for what, place in (("store", "Nix store"), ("buildDir", "build folder")):
        free, least = stats.get(f"{what}FreePercent"), machine.get(f"{what}AvailThreshold")
        if _is(free) and _is(least) and _number(free) < _number(least):
            words = f"{_number(free):.1f} % of the {place} free, {_number(least):.1f} % needed"
            return "full", f"{words}: it gets no work"
    return "online", ""


def _stats(machine: Mapping[str, Any]) -> Mapping[str, Any]:
    """The numbers of a machine: apart on newer servers, among the rest on older ones."""
    stats = machine.get("stats")
    return stats if isinstance(stats, dict) else machine


def _seen(machine: Mapping[str, Any]) -> datetime | None:
    return moment(int(_number(_stats(machine).get("lastPing"))))


def _labels(machine: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    systems = machine.get("systems", machine.get("systemTypes"))
    if isinstance(systems, list):
        yield "systems", clean(", ".join(map(str, systems[:20])), SHORT, line=True)
    failures = _number(_stats(machine).get("consecutiveFailures"))
    if failures > 0:
        yield "failures in a row", f"{failures:.0f}"


def _first(runner: Mapping[str, Any], *names: str) -> int | None:
    """The first number under several names: runners have renamed their counters."""
    return next((int(runner[name]) for name in names if _is(runner.get(name))), None)


def _number(value: object) -> float:
    return float(value) if _is(value) else 0.0  # type: ignore[arg-type]


def _is(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15


def _plural(count: int) -> str:
    return f"{count:,} step{'' if count == 1 else 's'}"
