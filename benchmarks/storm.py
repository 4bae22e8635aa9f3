"""The other rows: twenty sources at once, ten thousand tasks lost, and what the state grows to."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from benchmarks.ends import Ends
from benchmarks.host import Host
from benchmarks.measure import Row, Took, command, configured, median, pairs, run, table
from notifier.diff import diff
from notifier.look import Look
from notifier.memory import State
from notifier.model import Health, Kind, Observation, Severity, Snapshot
from notifier.route import swept

SLOWEST = 1.0
CHANNELS = """
[channels.hook]
webhook = "http://{web}/hook"
[channels.chat]
url = "json://{web}/chat"
[channels.ops]
email = "ops@example.org"
smtp = "{mail}"
[[routes]]
name = "gpu"
match = {{ node = "gpu-*" }}
channels = ["hook", "ops"]
[[routes]]
name = "all"
channels = ["chat"]
"""


def twenty(count: int) -> list[Row]:
    """Twenty sources, each a little slower than the one before, against the slowest alone."""
    delays = tuple(SLOWEST * (number + 1) / 20 for number in range(20))
    with Host(200, 20, delays) as host, tempfile.TemporaryDirectory() as folder:
        config = configured(Path(folder), host.urls)
        slowest = command(config, "--source", f"river{len(host.urls) - 1}")
        one, all_of_them = pairs(lambda: run(slowest), lambda: run(command(config)), count)
    more = sorted(b.wall - a.wall for a, b in zip(one, all_of_them, strict=True))
    return [
        Row(
            what="20 sources, beyond the slowest alone",
            found=f"{median(more):.2f} s",
            bound="0.30 s",
            kept=median(more) <= 0.3,
            more=f"{median([took.wall for took in one]):.2f} s alone; "
            f"pairs {more[0]:.2f} to {more[-1]:.2f} s",
        )
    ]


def lost(count: int) -> list[Row]:
    """Ten thousand of 20,000 tasks lost with their node, then back; three channels, two routes."""
    rows = []
    with Host(20_000, 10_000) as host, Ends() as ends, tempfile.TemporaryDirectory() as folder:
        day = Path(folder, "0")
        day.mkdir(mode=0o700)
        config = configured(day, host.urls, CHANNELS.format(web=ends.web, mail=ends.mail))
        run(command(config))
        for turn, what in (("lost", "lost with their node"), ("back", "and the node back")):
            host.turn(turn)
            before, took, arrived = day, [], []
            for number in range(count):
                day = Path(folder, f"{turn}{number}")
                shutil.copytree(before, day)
                # as the crontab has it
                took.append(_beyond(run(command(day / config.name, "-q")), day))
                arrived.append(ends.arrived())
            rows += _storm(f"10,000 tasks {what}", took, arrived)
    return rows


def _storm(what: str, took: Sequence[Took], arrived: Sequence[Mapping[str, int]]) -> list[Row]:
    once = all(one == {"/hook": 1, "/chat": 1, "mail": 1} for one in arrived)
    walls = sorted(one.wall for one in took)
    return [
        Row(
            what=f"{what}: messages for each route and channel",
            found="1" if once else f"{arrived}",
            bound="1",
            kept=once,
        ),
        Row(
            what="the same, the run beyond its poll",
            found=f"{median(walls):.2f} s",
            bound="2.00 s",
            kept=median(walls) <= 2.0,
            more=f"{len(walls)} runs, {walls[0]:.2f} to {walls[-1]:.2f} s; CPU of a whole run "
            f"{min(one.cpu for one in took):.2f} s; peak "
            f"{max(one.peak for one in took) / 1e6:.0f} MB",
        ),
    ]


def _beyond(took: Took, folder: Path) -> Took:
    """Without the seconds that the looks themselves took."""
    looks = json.loads((folder / "looks.json").read_text())
    polling = sum(look["took"] for look in looks.values())
    return msgspec.structs.replace(took, wall=took.wall - polling)


def size() -> list[Row]:
    """The state after a million tasks that ended and left the listing, a thousand an hour."""
    state, now = State(id="n0"), datetime(2026, 11, 22, tzinfo=UTC)
    last = 1000
    # what has left is remembered for two looks: the last listing stays for as long
    for hour in (*range(last), last, last, last):
        snapshot = _listing(range(1000 * hour, 1000 * hour + 1000))
        now += timedelta(hours=1)
        state = swept(diff(state, [_look(snapshot)], now, "summary", 3600.0)[0], now)
    fresh = diff(State(id="n0"), [_look(snapshot)], now, "silent", 3600.0)[0]
    listed = len(msgspec.json.encode(msgspec.structs.replace(fresh, counter=state.counter)))
    bound = listed + len(msgspec.json.encode(state.incidents))
    found = len(msgspec.json.encode(state))
    return [
        Row(
            what="state after 1,000,000 tasks that ended and left, bytes",
            found=f"{found:,}",
            bound=f"{bound:,}",
            kept=found <= bound,
            more=f"{listed:,} for the 1,000 that are listed, the rest for {len(state.incidents)} "
            "failures of the last 30 days",
        )
    ]


def _look(snapshot: Snapshot) -> Look:
    return Look(
        source="river", kinds={"task": Kind("task", "tasks", finite=True)}, classify=_health,
        families=frozenset({"tasks"}), results=(snapshot,),
    )  # fmt: skip


def _listing(numbers: range) -> Snapshot:
    """A thousand tasks that are over; every thousandth has failed."""
    statuses = {f"{number}": "failed" if number % 1000 == 7 else "completed" for number in numbers}
    return Snapshot(kind="task", statuses=statuses, rows=_Rows(statuses))


class _Rows(dict[str, Observation]):
    def __init__(self, statuses: Mapping[str, str]) -> None:
        super().__init__()
        self.statuses = statuses

    def __missing__(self, name: str) -> Observation:
        status = self.statuses[name]
        health, severity = _health("task", status)
        return Observation(
            kind="task", id=name, name=f"train-{name}.py", status=status,
            health=health, severity=severity, node="gpu-07", order=float(name),
        )  # fmt: skip


def _health(kind: str, status: str) -> tuple[Health, Severity]:
    return ("failed", "critical") if status == "failed" else ("ok", "info")


if __name__ == "__main__":
    print(table([*twenty(7), *lost(7), *size()]))
