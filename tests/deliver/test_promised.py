"""The tables of outcomes and destinations in docs/promises.md are what the tests hold.

`python tests/deliver/test_promised.py` writes them anew.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "promises.md"
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"

# what a hostile name becomes where it is told, and what could have gone wrong there
SAMPLE = "<!channel> @everyone [x](http://e) <b>"


def outcomes() -> list[str]:
    from deliver.outcomes import HTTP, SLACK, SMTP

    lines = []
    for title, cases in (("Webhook and other HTTP", HTTP), ("Slack", SLACK), ("Email", SMTP)):
        lines += [f"### {title}", "", "| what happens | outcome | reason | at fault |"]
        lines.append("| --- | --- | --- | --- |")
        for case in cases:
            pause = f", again in {case.retry_after:g} s" if case.retry_after is not None else ""
            cells = (case.situation, case.outcome, f"{case.reason}{pause}", case.blame)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return lines


def destinations() -> list[str]:
    from notifier.deliver.services import FLAVOURS, limits
    from notifier.escape import escape
    from notifier.settings import ChannelSettings

    lines = ["| written for | services | title, text (characters) | a hostile name becomes |"]
    lines.append("| --- | --- | --- | --- |")
    for flavour, names in {**FLAVOURS, "plain": "json and all others"}.items():
        first = "json" if flavour == "plain" else names.split()[0]
        settings = ChannelSettings(url=f"{first}://")
        if flavour in ("email", "webhook"):
            settings = ChannelSettings(**{flavour: "x"})
        title, text = limits(settings)
        shown = "".join(
            one if one.isprintable() else f"\\u{ord(one):04x}" for one in escape(SAMPLE, flavour)
        ).replace("|", "\\|")
        lines.append(f"| {flavour} | {names} | {title}, {text:,} | `{shown}` |")
    return lines


def tables() -> str:
    return "\n".join(
        [BEGIN, "", "## What becomes of a message", "", *outcomes(), "## How text is written where",
         "", f"The name is `{SAMPLE}`.", "", *destinations(), "", END]
    )  # fmt: skip


def test_the_tables_of_outcomes_and_destinations_are_what_the_tests_hold() -> None:
    page = PAGE.read_text()
    found = page[page.index(BEGIN) : page.index(END) + len(END)]
    assert found == tables(), "run: python tests/deliver/test_promised.py"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tests"))
    text = PAGE.read_text()
    if BEGIN in text:
        text = re.sub(f"{BEGIN}.*{END}", lambda _: tables(), text, flags=re.DOTALL)
    else:
        text = f"{text.rstrip()}\n\n{tables()}\n"
    PAGE.write_text(text)
