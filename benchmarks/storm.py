"""The last rows: twenty sources at once, ten thousand tasks lost, and what the state grows to."""

import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from benchmarks.ends import Ends
from benchmarks.host import Host
from benchmarks.measure import Row, Took, command, configured, median, pairs, run
from notifier.diff import diff
from notifier.look import Look
from notifier.model import Health, Kind, Observation, Scope, Severity, Snapshot, State, Things
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
    """Ten thousand of 20,000 tasks lost with their node; three channels on two routes."""
    with Host(20_000, 10_000) as host, Ends() as ends, tempfile.TemporaryDirectory() as folder:
        before, day = Path(folder, "before"), Path(folder, "day")
        before.mkdir(mode=0o700)
        config = configured(before, host.urls, CHANNELS.format(web=ends.web, mail=ends.mail))
        run(command(config))
        host.lose_the_node()
        took, arrived = [], []
        for _ in range(count):
            shutil.rmtree(day, ignore_errors=True)
            shutil.copytree(before, day)
            took.append(_beyond(run(command(day / config.name), quiet=False), day))
            arrived.append(ends.arrived())
    once = all(one == {"/hook": 1, "/chat": 1, "mail": 1} for one in arrived)
    walls = sorted(one.wall for one in took)
    return [
        Row(
            what="10,000 tasks lost with their node: messages for each route and channel",
            found="1" if once else f"{arrived}",
            bound="1",
            kept=once,
        ),
        Row(
            what="the same, the run beyond its poll",
            found=f"{median(walls):.2f} s",
            bound="2.00 s",
            kept=median(walls) <= 2.0,
            more=f"{walls[0]:.2f} to {walls[-1]:.2f} s; CPU of the whole run "
            f"{min(one.cpu for one in took):.2f} s at least; peak "
            f"{max(one.peak for one in took) / 1e6:.0f} MB",
        ),
    ]


def _beyond(took: Took, folder: Path) -> Took:
    """Without the seconds that the looks themselves took."""
    looks = json.loads((folder / "looks.json").read_text())
    polling = sum(look["took"] for look in looks.values())
    return msgspec.structs.replace(took, wall=took.wall - polling)


def size() -> list[Row]:
    """The state after a million tasks that ended and left the listing, a thousand a minute."""
    kind = Kind("task", "tasks", finite=True)
    state, now = State(id="n0"), datetime(2026, 11, 22, tzinfo=UTC)
    for minute in range(1001):
        snapshot = _listing(range(1000 * minute, 1000 * minute + 1000))
        look = Look(
            source="river", kinds={"task": kind}, classify=_health,
            families=frozenset({"tasks"}), results=(snapshot,),
        )  # fmt: skip
        now += timedelta(minutes=1)
        state, _ = diff(state, [look], now)
        state = swept(state, now)
    scope = Scope(since=now, statuses={"completed": list(snapshot.statuses)})
    listed = State(id="n0", things={"river/task": Things({"": scope})})
    bound = len(msgspec.json.encode(listed)) + len(msgspec.json.encode(state.incidents))
    found = len(msgspec.json.encode(state))
    return [
        Row(
            what="state after 1,000,000 tasks that ended and left",
            found=f"{found / 1e3:.0f} kB",
            bound=f"{bound / 1e3:.0f} kB + what has just left",
            kept=found <= bound,
            more=f"1,000 tasks listed, {len(state.incidents):,} incidents",
        )
    ]


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
    from benchmarks.measure import table

    print(table([*twenty(5), *lost(int(sys.argv[1]) if sys.argv[1:] else 5), *size()]))
