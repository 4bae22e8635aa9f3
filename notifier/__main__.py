"""`python -m notifier`, and the command `notifier`."""

import sys

from notifier.cli import run


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    run(sys.argv[1:])


if __name__ == "__main__":
    main()
