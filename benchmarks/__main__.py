"""`python -m benchmarks` measures everything and writes the table into docs/performance.md.

With `--print` it only prints. It takes about two minutes on an idle machine.
"""

import platform
import sys

from benchmarks import page, quiet, storm, streams
from benchmarks.measure import Row, table


def main(argv: list[str]) -> int:
    """Returns 1 when a bound is not kept."""
    rows: list[Row] = [*quiet.small(31), *quiet.large(11)]
    rows += [*storm.twenty(7), *storm.lost(7), *storm.size()]
    rows += [*streams.many(11), *streams.long(5)]
    text = f"{table(rows)}\n\nPython {platform.python_version()}, {platform.machine()}.\n"
    print(text)
    if "--print" not in argv:
        page.put("measured", text)
    return 0 if all(row.kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
