"""All kills as a table: `PYTHONPATH=tests python -m chaos [--ahead FOLDER] [SCENARIO]...`"""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from chaos.kills import Act, Result
from chaos.scenarios import SCENARIOS
from chaos.stage import Stage

HEAD = (
    "killed in",
    "points",
    "reached",
    "lost",
    "repeated",
    "worst",
    "strange",
    "unreadable",
    "unexplained",
    "s",
)
FORM = "{:<32}" + "{:>11}" * (len(HEAD) - 1)


def play(name: str, ahead: Path | None, cold: bool) -> tuple[Result, float]:
    """Kills one scenario's run at all of its points; what that did and how long it took."""
    began, total = time.monotonic(), Result()
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
    return total, time.monotonic() - began


def main() -> int:
    """Prints the table; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="SCENARIO", help=f"of {', '.join(SCENARIOS)}")
    parser.add_argument("--ahead", type=Path, help="a folder with another copy of the package")
    parser.add_argument("--cold", action="store_true", help="at all imports too; takes hours")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (2)")
    args = parser.parse_args()
    print(FORM.format(*HEAD))
    everything, seconds = Result(), 0.0
    with ProcessPoolExecutor(args.jobs) as pool:
        names = args.names or list(SCENARIOS)
        for name, (result, took) in zip(
            names, pool.map(play, names, [args.ahead] * len(names), [args.cold] * len(names)),
            strict=True,
        ):  # fmt: skip
            print(FORM.format(name, *result, f"{took:.0f}"), flush=True)
            everything, seconds = everything + result, seconds + took
    print(FORM.format("in all", *everything, f"{seconds:.0f}"))
    return 0 if everything.good else 1


if __name__ == "__main__":
    sys.exit(main())
