"""The first rows: a run that finds nothing new, against the least that it could do."""

import sys
import tempfile
from pathlib import Path

from benchmarks.host import Host
from benchmarks.measure import Row, Took, command, configured, pairs, ratio_row, run, table

PLAIN = str(Path(__file__).with_name("plain.py"))


def small(count: int) -> list[Row]:
    """200 tasks."""
    with Host(200, 20) as host, tempfile.TemporaryDirectory() as folder:
        one, other = _against_plain(host, Path(folder), count)
    return [ratio_row("quiet run, 200 tasks, against the plain script", one, other, 1.15)]


def large(count: int) -> list[Row]:
    """100,000 tasks in an answer of 78 MB."""
    with Host(100_000, 200) as host, tempfile.TemporaryDirectory() as folder:
        one, other = _against_plain(host, Path(folder), count)
    peak, least = (max(took.peak for took in each) / host.size for each in (other, one))
    return [
        ratio_row("quiet run, 100,000 tasks, against the plain script", one, other, 1.5),
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


if __name__ == "__main__":
    print(table([*small(31), *large(9)]))
