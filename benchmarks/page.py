"""Puts what was measured between its marks in docs/performance.md."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def put(name: str, text: str) -> None:
    """The block `name` of the page, anew. Raises ValueError when the page has no such block."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    page = PAGE.read_text(encoding="utf-8")
    between = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    if not between.search(page):
        raise ValueError(f"{PAGE.name} has no {begin}")
    page = between.sub(lambda _: f"{begin}\n{text.rstrip()}\n{end}", page)
    PAGE.write_text(page, encoding="utf-8")
