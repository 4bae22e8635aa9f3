"""Rows about event streams in files, against a plain script that remembers, reads on and counts."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import HOOK, Row, Took, command, pairs, ratio_row, run, table

PLAIN = str(Path(__file__).with_name("lines.py"))
JOB = "starting\nrunning\nhost_running host-{0}\n" + "test_passed graphics_Sanity\n" * 41


def many(count: int) -> list[Row]:
    """10,000 files, of which three grew."""
    with tempfile.TemporaryDirectory() as place:
        folders = [Path(place, name) for name in ("plain", "ours")]
        for folder in folders:
            folder.mkdir()
            for number in range(10_000):
                end = "" if number < 3 else "completed\n"
                (folder / f"{number}.events").write_text(JOB.format(number % 200) + end)

        def grow(folder: Path) -> None:
            for number in range(3):
                with (folder / f"{number}.events").open("a") as file:
                    file.write("test_passed net_Wifi\n")

        one, other = _pairs(folders, grow, count)
        state = Path(place, "state.json").stat().st_size
    return [
        ratio_row("10,000 event files, three grew, against a plain script", one, other, 2.0),
        Row(
            what="the same, bytes of the state for each file",
            found=f"{state / 10_000:.0f}",
            bound="300",
            kept=state <= 3_000_000,
        ),
    ]


def long(count: int) -> list[Row]:
    """A million lines in one file since the last look."""
    data = JOB.format(1) + "test_passed graphics_Sanity\n" * 1_000_000 + "completed\n"
    with tempfile.TemporaryDirectory() as place:
        folders = [Path(place, name) for name in ("plain", "ours")]
        for folder in folders:
            folder.mkdir()

        def grow(folder: Path) -> None:
            for former in folder.iterdir():
                former.write_text("completed\n")
                former.unlink()
            (folder / f"{len(data) + grow.runs}.events").write_text(data)  # type: ignore[attr-defined]
            grow.runs += 1  # type: ignore[attr-defined]

        grow.runs = 0  # type: ignore[attr-defined]
        one, other = _pairs(folders, grow, count)
    return [
        ratio_row("a million event lines at once, against a plain script", one, other, 1.5),
        Row(
            what="the same, peak memory",
            found=f"{max(took.peak for took in other) / 1e6:.0f} MB",
            bound="120 MB",
            kept=max(took.peak for took in other) <= 120e6,
            more=f"{len(data) / 1e6:.0f} MB of lines; the plain script "
            f"{max(took.peak for took in one) / 1e6:.0f} MB",
        ),
    ]


def _pairs(folders: list[Path], grow: Callable[[Path], None], count: int) -> tuple[list[Took], ...]:
    plain, ours = folders
    config = plain.with_name("config.toml")
    config.write_text(
        f'[run]\nfirst_run = "silent"\n[sources.lab]\ntype = "lucifer"\n'
        f'paths = ["{ours}/*.events"]\n{HOOK}'
    )
    config.chmod(0o600)
    run(command(config))
    run([sys.executable, PLAIN, str(plain)])

    def after(folder: Path, what: list[str]) -> Callable[[], Took]:
        def once() -> Took:
            grow(folder)
            return run(what)

        return once

    return pairs(
        after(plain, [sys.executable, PLAIN, str(plain)]), after(ours, command(config)), count
    )


if __name__ == "__main__":
    print(table([*many(11), *long(5)]))
