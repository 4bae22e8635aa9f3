"""docs/sources/lucifer.md says what the code does: `python tests/sources/test_lucifer_docs.py`."""

import re
from pathlib import Path

from notifier.sources._lucifer_events import EVENTS, OWN, PHASES, SILENT, Meaning

PAGE = Path(__file__).parents[2] / "docs" / "sources" / "lucifer.md"
BETWEEN = re.compile(r"(?<=<!-- events: begin -->\n).*(?=<!-- events: end -->)", re.DOTALL)


def row(event: str, one: Meaning) -> str:
    severity = one.severity if one.health not in ("ok", "active") else ""
    return f"| {one.kind} | {event} | {one.health} | {severity} | {one.does} |"


def table() -> str:
    rows = [row(f"`{name}`", one) for name, one in EVENTS.items()]
    silent = OWN[f"{PHASES[0]}{SILENT}"]
    rows += [row(f"*{name}*", one) for name, one in OWN.items() if SILENT not in name]
    rows.append(row(f"*a phase*`{SILENT}`", silent))
    head = "| kind | event, or *our word* | health | severity | what it does |"
    return "\n".join([head, "| --- " * 5 + "|", *rows, ""])


def test_the_table_of_events_is_what_the_code_does() -> None:
    (found,) = BETWEEN.findall(PAGE.read_text(encoding="utf-8"))
    assert found == table(), "run: python tests/sources/test_lucifer_docs.py"


def test_every_event_has_its_row() -> None:
    assert table().count("\n") == 2 + 20 + 4 + 1


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(BETWEEN.sub(lambda _: table(), page), encoding="utf-8")
