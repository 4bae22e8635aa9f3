"""`python -m notifier`, and the command `notifier`."""

import gc
import sys


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    # A short life that makes many values and next to no circles: looking for these at every 700
    # new values takes a tenth of a run. Set before the imports, which make most of them.
    gc.set_threshold(100_000)
    from notifier.cli import run

    run(sys.argv[1:])


if __name__ == "__main__":
    main()
