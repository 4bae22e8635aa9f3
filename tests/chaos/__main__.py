"""All kills as a table: `PYTHONPATH=tests python -m chaos [--ahead FOLDER] [SCENARIO]...`"""

import argparse
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from chaos.kills import Act, Result
from chaos.scenarios import SCENARIOS
from chaos.stage import Stage

HEAD = (
    "killed in", "points", "reached", "lost", "repeated", "most for one channel and kill",
    "under another key", "state unreadable", "not in the journal",
)  # fmt: skip


def play(name: str, ahead: Path | None, cold: bool) -> Result:
    """Kills one scenario's run at all of its points; what that did."""
    total = Result()
    scenario = SCENARIOS[name]
    with (
        tempfile.TemporaryDirectory() as folder,
        Stage(Path(folder), ahead, later_version=scenario.later_version) as stage,
    ):
        act = Act(stage, scenario)
        for point in act.cold_points() if cold else act.points():
            result = act.kill(point)
            total += result
            if not result.good:
                sys.stderr.write(f"{name}: {point}: {result}\n")
    return total


def _row(name: str, result: Result) -> str:
    return f"| {name} | {' | '.join(f'{number:,}' for number in result)} |"


def main() -> int:
    """Prints the table; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="SCENARIO", help=f"of {', '.join(SCENARIOS)}")
    parser.add_argument("--ahead", type=Path, help="a folder with another copy of the package")
    parser.add_argument("--cold", action="store_true", help="at all imports too; takes hours")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (2)")
    args = parser.parse_args()
    print(f"| {' | '.join(HEAD)} |", f"| {' | '.join('---' for _ in HEAD)} |", sep="\n")
    everything = Result()
    with ProcessPoolExecutor(args.jobs) as pool:
        names = args.names or list(SCENARIOS)
        for name, result in zip(
            names, pool.map(play, names, [args.ahead] * len(names), [args.cold] * len(names)),
            strict=True,
        ):  # fmt: skip
            print(_row(name, result), flush=True)
            everything += result
    print(_row("in all", everything))
    return 0 if everything.good else 1


if __name__ == "__main__":
    sys.exit(main())
