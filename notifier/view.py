"""What a template is given: the digest with every string cut, on one line and already escaped."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from markupsafe import Markup
from msgspec.structs import asdict

from notifier.digest import Digest, Item
from notifier.escape import clean, escape, link, one_line

# characters of a field: of the only thing in a message, and of one among several
LONG, SHORT = 1500, 300
LABELS = 8
WORD = 60
# of a log, whose end tells more than its beginning
LOG, LOG_END = 4000, 800


def writer(flavour: str) -> Callable[[str], str]:
    """How a string is written for `flavour`: escaped, and marked so that Jinja leaves it so."""
    if flavour == "html":
        return lambda text: Markup(escape(text, "html"))  # noqa: S704 - escaped right here
    return lambda text: escape(text, flavour)


def view(made: Digest, flavour: str) -> dict[str, Any]:
    """The fields of the digest; `single` when it has one line, `beyond` what no line counts."""
    write = writer(flavour)
    single = len(made.items) == 1 and not made.summaries
    return asdict(made) | {
        "items": [_item(item, flavour, whole=single) for item in made.items],
        "summaries": [_item(item, flavour, whole=True) for item in made.summaries],
        "statuses": [(write(_fit(word, WORD)), count) for word, count in made.statuses],
        "nodes": [(write(_fit(word, WORD)), count) for word, count in made.nodes],
        "sources": [write(word) for word in made.sources],
        "title": write(_fit(made.title, SHORT)),
        "headline": write(_fit(made.title.partition("] ")[2] or made.title, SHORT)),
        "single": single,
        "fenced": flavour == "slack",
        "beyond": made.beyond,
    }


def _item(item: Item, flavour: str, *, whole: bool) -> SimpleNamespace:
    """An item of which only `message` and `log` may have several lines."""
    write = writer(flavour)
    most = LONG if whole else SHORT
    fields = {
        name: write(_fit(value, most)) if isinstance(value, str) else value
        for name, value in asdict(item).items()
    }
    url = link(item.link, flavour)
    fields["message"] = write(_cut(clean(item.message[: 4 * most]).strip(), most))
    log = _last(item.log, LOG if whole else LOG_END)
    # a fence within would end the block that it stands in
    fields["log"] = write(log.replace("```", "` ` `") if flavour == "slack" else log)
    fields["link"] = Markup(url) if flavour == "html" else url  # noqa: S704 - quoted by link()
    fields["labels"] = {
        write(_fit(name, WORD)): write(_fit(value, SHORT))
        for name, value in list(item.labels.items())[:LABELS]
    }
    fields["children"] = [_item(child, flavour, whole=False) for child in item.children]
    return SimpleNamespace(**fields, child_count=item.child_count)


def _fit(text: str, most: int) -> str:
    """One line of at most `most` characters; of very long text only the beginning is cleaned."""
    return _cut(one_line(text[: 4 * most]), most)


def _last(text: str, most: int) -> str:
    """The end of a text of several lines, from the beginning of one of them."""
    text = clean(text[-4 * most :]).strip("\n")
    if len(text) <= most:
        return text
    end = text[-most:]
    return f"…\n{end.partition(chr(10))[2] or end}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
