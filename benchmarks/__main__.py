"""`python -m benchmarks` measures everything and writes the table into docs/performance.md.

With `--print` it only prints. It takes about two minutes on an idle machine.
"""

import platform
import re
import sys
from pathlib import Path

from benchmarks import quiet, storm
from benchmarks.measure import Row, table

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def main(argv: list[str]) -> int:
    """Returns 1 when a bound is not kept."""
    rows: list[Row] = [*quiet.small(31), *quiet.large(11)]
    rows += [*storm.twenty(7), *storm.lost(7), *storm.size()]
    text = f"{table(rows)}\n\nPython {platform.python_version()}, {platform.machine()}.\n"
    print(text)
    if "--print" not in argv:
        page = PAGE.read_text(encoding="utf-8")
        between = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
        page = between.sub(lambda _: f"{BEGIN}\n{text}{END}", page)
        PAGE.write_text(page, encoding="utf-8")
    return 0 if all(row.kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
