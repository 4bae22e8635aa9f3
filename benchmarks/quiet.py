"""The first rows: a run that finds nothing new, against the least that it could do."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.host import Host
from benchmarks.measure import Row, Took, command, configured, median, pairs, ratio, run, table

PLAIN = str(Path(__file__).with_name("plain.py"))


def small(count: int) -> list[Row]:
    """200 tasks."""
    with Host(200, 20) as host, tempfile.TemporaryDirectory() as folder:
        one, other = _against_plain(host, Path(folder), count)
    return [_ratio("quiet run, 200 tasks, against the plain script", one, other, 1.15)]


def large(count: int) -> list[Row]:
    """100,000 tasks in an answer of 78 MB."""
    with Host(100_000, 200) as host, tempfile.TemporaryDirectory() as folder:
        one, other = _against_plain(host, Path(folder), count)
    peak, least = (max(took.peak for took in each) / host.size for each in (other, one))
    return [
        _ratio("quiet run, 100,000 tasks, against the plain script", one, other, 1.5),
        Row(
            what="the same, peak memory against the size of the answer",
            found=f"{peak:.2f}",
            bound="2.50",
            kept=peak <= 2.5,
            more=f"answer {host.size / 1e6:.0f} MB; the plain script {least:.2f}",
        ),
    ]


def _against_plain(host: Host, folder: Path, count: int) -> tuple[list[Took], ...]:
    config = configured(folder, host.urls)
    plain = [sys.executable, PLAIN, str(config)]
    return pairs(lambda: run(plain), lambda: run(command(config)), count)


def _ratio(what: str, one: Sequence[Took], other: Sequence[Took], bound: float) -> Row:
    found = ratio(one, other)
    quarter = len(found) // 4
    plain, ours = (median([took.wall for took in each]) * 1e3 for each in (one, other))
    cpu = median([b.cpu / a.cpu for a, b in zip(one, other, strict=True)])
    return Row(
        what=what,
        found=f"{median(found):.2f}",
        bound=f"{bound:.2f}",
        kept=median(found) <= bound,
        more=f"{ours:.0f} ms and {plain:.0f} ms; {len(found)} pairs, half of them between "
        f"{found[quarter]:.2f} and {found[-1 - quarter]:.2f}; CPU {cpu:.2f}",
    )


if __name__ == "__main__":
    print(table([*small(31), *large(9)]))
