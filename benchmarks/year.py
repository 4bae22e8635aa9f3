"""A year in minutes: tasks come and go, nodes fail, and the state must not grow with it.

`python -m benchmarks.year [DAYS]` drives the pure line and the real commit, hour by hour, with a
clock of its own: 100,000 tasks a day, 500 nodes, ten incidents an hour. It prints size and time
per run by month and writes docs/year.svg.
"""

import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from benchmarks import page
from notifier.config import Config
from notifier.look import Look
from notifier.memory import State
from notifier.model import Health, Kind, Observation, Receipt, Severity, Snapshot
from notifier.people import People
from notifier.route import swept
from notifier.run import decide
from notifier.settings import ChannelSettings, SourceSettings
from notifier.settle import settled
from notifier.state import Store

A_DAY, NODES, INCIDENTS = 100_000, 500, 10
KINDS = {
    "task": Kind("task", "tasks", finite=True),
    "node": Kind("node", "nodes", finite=False, absence="reset"),
}
HEALTHS: dict[str, tuple[Health, Severity]] = {
    "failed": ("failed", "critical"),
    "offline": ("down", "critical"),
    "completed": ("ok", "info"),
    "online": ("ok", "info"),
    "running": ("active", "info"),
}
PICTURE = Path(__file__).parent.parent / "docs" / "year.svg"


class Point(msgspec.Struct, frozen=True):
    """One sampled run: the day, bytes of state.json, CPU seconds of deciding and committing."""

    day: float
    size: int
    took: float


def classify(kind: str, status: str) -> tuple[Health, Severity]:
    """The health of the few words that this cluster knows."""
    return HEALTHS[status]


class Rows(dict[str, Observation]):
    """Builds an observation when it is asked for, as a real source does."""

    def __init__(self, kind: str, statuses: Mapping[str, str], at: datetime) -> None:
        self.kind, self.statuses, self.at = kind, statuses, at

    def __missing__(self, ident: str) -> Observation:
        status = self.statuses[ident]
        health, severity = classify(self.kind, status)
        return Observation(
            kind=self.kind, id=ident, name=ident, status=status, health=health,
            severity=severity, order=self.at.timestamp(),
        )  # fmt: skip


def cluster(hours: int, seed: int) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Hour by hour, what the lists show: the tasks of this hour and the last, and all nodes."""
    chance = random.Random(seed)
    hourly, former = A_DAY // 24, dict[str, str]()
    down: set[int] = set()
    for hour in range(hours):
        running = {f"{hour:05}-{number:05}": "running" for number in range(hourly)}
        ended = dict.fromkeys(former, "completed")
        for name in chance.sample(sorted(ended), min(INCIDENTS - 2, len(ended))):
            ended[name] = "failed"
        down = {chance.randrange(NODES) for _ in range(2)}
        nodes = {
            f"node-{number:03}": "offline" if number in down else "online"
            for number in range(NODES)
        }
        yield {**ended, **running}, nodes
        former = running


def simulate(days: int, folder: Path, every: int = 12) -> Iterator[Point]:
    """Runs the whole pure line and the real commit for every hour of these days."""
    config = Config(
        path=folder / "config.toml",
        state_path=folder / "state.json",
        sources={"river": SourceSettings(type="hakuriver")},
        channels={"ops": ChannelSettings(webhook="http://h/")},
    )
    store, state = Store(config.state_path), State(id="n0")
    families = {f"river/{name}": kind.family for name, kind in KINDS.items()}
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for hour, (tasks, nodes) in enumerate(cluster(days * 24, seed=7)):
        now += timedelta(hours=1)
        shown = {"task": tasks, "node": nodes}
        results = tuple(
            Snapshot(kind=kind, statuses=rows, rows=Rows(kind, rows, now))
            for kind, rows in shown.items()
        )
        look = Look(
            source="river", kinds=KINDS, classify=classify,
            families=frozenset(("tasks", "nodes")), results=results,
        )  # fmt: skip
        began = time.process_time()
        state, due, _ = decide(
            config, state, [look], people=People(), origin="current",
            families=families, keyed=frozenset(), now=now,
        )  # fmt: skip
        store.commit(state)
        for message in due:
            receipt = Receipt(key=message.key, outcome="delivered")
            state = swept(settled(state, receipt, now), now)
        store.commit(state)
        if hour % every == every - 1:
            took = time.process_time() - began
            yield Point((hour + 1) / 24, config.state_path.stat().st_size, took)


def drawn(points: list[Point]) -> str:
    """Size and time over the year as an SVG picture."""
    wide, high, edge = 640, 150, 46
    days = max(point.day for point in points)
    parts = []
    for place, (title, values) in enumerate(
        (
            ("size of state.json, MB", [point.size / 1e6 for point in points]),
            ("deciding and two commits, ms of CPU", [point.took * 1e3 for point in points]),
        )
    ):
        top, most = 24 + place * (high + 50), max(values) * 1.1
        line = " ".join(
            f"{edge + point.day / days * wide:.1f},{top + high - value / most * high:.1f}"
            for point, value in zip(points, values, strict=True)
        )
        parts.append(
            f'<text x="{edge}" y="{top - 8}">{title}</text>'
            f'<rect x="{edge}" y="{top}" width="{wide}" height="{high}" fill="none" stroke="#999"/>'
            f'<text x="{edge - 6}" y="{top + 10}" text-anchor="end">{most:.1f}</text>'
            f'<text x="{edge - 6}" y="{top + high}" text-anchor="end">0</text>'
            f'<text x="{edge + wide}" y="{top + high + 16}" text-anchor="end">day {days:.0f}</text>'
            f'<polyline points="{line}" fill="none" stroke="#2b6cb0" stroke-width="1.5"/>'
        )
    size = f'width="{wide + edge + 20}" height="{2 * (high + 50) + 20}"'
    style = "<style>text{font:12px sans-serif;fill:#666}</style>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{style}{"".join(parts)}</svg>\n'


def main(days: int) -> None:
    """Prints a line a month; of a whole year it draws the picture and writes the table."""
    points = []
    lines = ["| day | state.json | CPU of a run |", "| --- | --- | --- |"]
    with tempfile.TemporaryDirectory() as folder:
        for point in simulate(days, Path(folder)):
            points.append(point)
            if point.day % 30 == 0:
                month = points[-60:]
                took = sorted(one.took for one in month)[len(month) // 2]
                size = f"{point.size / 1e6:.2f} MB"
                lines.append(f"| {point.day:.0f} | {size} | {took * 1e3:.0f} ms |")
                sys.stdout.write(f"{lines[-1]}\n")
                sys.stdout.flush()
    if days >= 365:
        PICTURE.write_text(drawn(points))
        page.put("year", "\n".join(lines))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 365)
