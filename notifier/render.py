"""Turns what a message says into what a person reads: templates, or a plain form if they fail.

Values reach a template already escaped for the destination; a template cannot forget to.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, Template
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifier.bounds import bounded
from notifier.config import Config
from notifier.digest import Digest, Item, digest, shorter
from notifier.errors import TemplateError
from notifier.escape import cut, escape, one_line, title
from notifier.model import Event, Frozen, Incident, Message, Severity
from notifier.payload import payload
from notifier.settings import Destination, Route
from notifier.view import view, writer

# characters of a rendering; Gmail shows about 100 kB of a mail
MOST = 90_000
# things that are named at most, whatever a route says; and in plainest form
MANY, FEW = 200, 5
CHATS = frozenset({"slack", "mattermost", "discord", "telegram", "markdown", "chat"})
PAGERS = frozenset({"pagerduty", "opsgenie"})
ALL_OF_IT = "notifier status"


class Rendered(Frozen, frozen=True, kw_only=True):
    """What a letter is made of. `title` is one line, `text` is never empty, both are escaped.

    `incident` is STATE/HANDLE when the message is about exactly one; `thread` is the key of the
    message by which this destination was told of the problem that this one ends or recalls.
    """

    title: str
    text: str
    html: str = ""
    payload: bytes = b""
    severity: Severity
    recovery: bool
    incident: str = ""
    thread: str = ""


def letter(
    message: Message,
    events: Sequence[Event],
    incidents: Mapping[str, Incident],
    destination: Destination,
    *,
    route: Route | None,
    config: Config,
    zone: tzinfo,
    flavour: str,
    limits: tuple[int, int],
    digests: dict[tuple[object, ...], Digest] | None = None,
) -> tuple[Rendered, list[str]]:
    """`message` as `destination` gets it, and warnings about templates that failed.

    `limits` are the most characters of (title, text). A digest that is too long names fewer
    things before it is cut. A message that is to be sent in plainest form gets no template.
    `digests` keeps those that were made, for other destinations of the same events and incidents.
    """
    route = route or Route()
    room = min(route.max_items, FEW if message.plain else MANY)
    page = _Page(message, events, config, "" if message.plain else route.template, flavour)
    page.again = _again(events, incidents) if message.unknowns else ""
    key, known = (message.events, room, message.at), {} if digests is None else digests
    if key not in known:
        known[key] = digest(events, incidents, max_items=room, zone=zone, now=message.at)
    made = known[key]
    text, html = page.text(made), page.html(made)
    while room > 1 and (len(text) > limits[1] or len(html) > MOST):
        room //= 2
        made = shorter(made, room)
        text, html = page.text(made), page.html(made)
    shown = Rendered(
        title=title(made.title, flavour, min(120, limits[0])),
        text=cut(text, limits[1], ALL_OF_IT),
        html=html if len(html) <= 2 * MOST else "",
        severity=made.severity,
        recovery=made.recovery,
        payload=payload(
            message, events,
            title=title(made.title, "webhook"), severity=made.severity, recovery=made.recovery,
        ) if flavour == "webhook" else b"",
        incident=_incident(message, events),
        thread=_thread(message, events, incidents),
    )  # fmt: skip
    return shown, list(dict.fromkeys(page.warnings))


def _again(events: Sequence[Event], incidents: Mapping[str, Incident]) -> str:
    """The handle under which what these events call over is bad once more."""
    over = {event.thing for event in events if event.over}
    return next((h for h, one in incidents.items() if not one.ended and one.thing in over), "")


def _incident(message: Message, events: Sequence[Event]) -> str:
    """STATE/HANDLE when there is one incident, and what it took; a key is STATE-NUMBER."""
    things = {event.thing for event in events}
    handles = {event.incident for event in events if event.part_of not in things}
    handle = handles.pop() if len(handles) == 1 else ""
    return f"{message.key.rpartition('-')[0]}/{handle}" if handle else ""


def _thread(message: Message, events: Sequence[Event], incidents: Mapping[str, Incident]) -> str:
    for event in events:
        incident = incidents.get(event.incident)
        row = incident.plan.get(message.channel) if incident else None
        if row and row.by and row.by != message.key and event.type != "problem":
            return row.by
    return ""


def plain(made: Digest, flavour: str = "terminal") -> str:
    """The digest without any template: a line for each thing, and what is counted."""
    lines = []
    for item in (*made.summaries, *made.items):
        lines.append(_plain_line(item))
        lines += [f"  {_plain_line(child)}" for child in item.children]
        lines += [f"  and {item.more:,} more"] if item.more else []
    lines += [f"and {made.beyond:,} more"] if made.beyond else []
    return "\n".join(escape(line, flavour) for line in lines) or escape(made.title, flavour)


def _plain_line(item: Item) -> str:
    names = ", ".join(name for name in (item.thing if item.own else "", item.handle) if name)
    error = f": {one_line(item.error)[:200]}" if item.error else ""
    return one_line(
        f"{item.words}{error}" + (f" [{names}]" if names and item.kind != "summary" else "")
    )


class _Page:
    """One message on its way through the templates of its route; collects their failures."""

    def __init__(
        self, message: Message, events: Sequence[Event], config: Config, name: str, flavour: str
    ) -> None:
        self.message = message
        self.name = name
        self.flavour = flavour
        # of a repeat, what has become of it meanwhile
        self.again = ""
        self.handles = list(dict.fromkeys(event.incident for event in events if event.incident))
        own = config.run.templates
        self.own = str(config.path.parent / Path(own).expanduser()) if own else ""
        self.warnings: list[str] = []

    def text(self, made: Digest) -> str:
        """The text; in plain form when there is no template, or it failed. Never empty."""
        self._missing()
        if self.name and self.flavour != "webhook":
            names = [f"{self.name}.txt.j2"] if self.name != "default" else []
            names += [f"{self.flavour}.txt.j2"]
            names += ["slack.txt.j2"] if self.flavour in CHATS else []
            names += ["pager.txt.j2"] if self.flavour in PAGERS else []
            poured = self._pour([*names, "default.txt.j2"], made, self.flavour).strip()
            if self.flavour == "markdown":
                # some take a line end for none: things stand apart, their details have two spaces
                poured = re.sub(r"\n+(?=\S)", "\n\n", poured)
                poured = re.sub(r"(?<!\n)\n(?!\n)", "  \n", poured)
            if poured:
                return poured
        foot = "\n".join(escape(line, self.flavour) for line in self._foot(made))
        return f"{plain(made, self.flavour)}\n\n{foot}"

    def html(self, made: Digest) -> str:
        """The HTML twin of a mail; nothing when its template failed, for the text says it all."""
        if not self.name or self.flavour != "email":
            return ""
        names = [f"{self.name}.html.j2"] if self.name != "default" else []
        return self._pour([*names, "default.html.j2"], made, "html")

    def _missing(self) -> None:
        """Warns of a template that the route names and nobody wrote."""
        ours = _environment(self.own).list_templates() if self.name not in ("", "default") else []
        if ours and not {f"{self.name}.txt.j2", f"{self.name}.html.j2"}.intersection(ours):
            self.warnings.append(f"template {self.name}: no such file; the usual one was taken")

    def _pour(self, names: list[str], made: Digest, flavour: str) -> str:
        where, instead = names[0], "without HTML" if flavour == "html" else "in plain form"
        values = self._values(made, flavour)
        try:
            with bounded() if self.own else nullcontext():
                template = _environment(self.own).select_template(names)
                where = template.name or where
                return _poured(template, values)
        except Exception as error:  # whatever a template does, the message goes out
            if isinstance(error, TemplateSyntaxError):
                where = f"{error.name}, line {error.lineno}"
            why = f"{type(error).__name__}: {one_line(str(error))[:200]}"
            self.warnings.append(f"template {where}: {why}; sent {instead}")
            return ""

    def _values(self, made: Digest, flavour: str) -> dict[str, Any]:
        write = writer(flavour)
        return view(made, flavour) | {
            "key": self.message.key,
            "repeat": self.message.unknowns > 0,
            "footer": [write(line) for line in self._foot(made)],
        }

    def _foot(self, made: Digest) -> list[str]:
        """Handles, how to see the rest, the key, and whether this may be a repeat."""
        lines = []
        if self.handles:
            more = len(self.handles) - 3
            known = ", ".join(self.handles[:3]) + (f" and {more:,} more" if more > 0 else "")
            first = next((item.handle for item in made.items if item.handle and not item.over), "")
            ack = f" · acknowledge: notifier ack {first} -m TEXT" if first else ""
            lines.append(f"{known}{ack}")
        repeat = " · may be a repeat of a message that arrived" if self.message.unknowns else ""
        repeat += f" · bad again since then: {self.again}" if self.again else ""
        alone = made.items[0] if len(made.items) == 1 and not made.summaries else None
        thing = alone.thing if alone and re.fullmatch(r"[\w./:-]{1,80}", alone.thing) else ""
        rest = f"{ALL_OF_IT} {thing}".strip()
        return [*lines, f"all of it: {rest} · message {self.message.key}{repeat}"]


@lru_cache(maxsize=4)
def _environment(own: str) -> ImmutableSandboxedEnvironment:
    """Templates of the folder `own` (may be empty) first, then ours."""
    ours = Path(__file__).parent / "templates"
    if not ours.is_dir():
        # a checkout, or an editable install
        ours = Path(__file__).parents[1] / "templates"
    environment = _Sandbox(
        loader=ChoiceLoader([FileSystemLoader(path) for path in (own, ours) if path]),
        autoescape=lambda name: bool(name and name.endswith(".html.j2")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # a loop that no trace can count
    del environment.globals["lipsum"]
    return environment


class _Sandbox(ImmutableSandboxedEnvironment):
    """`**` is not computed: one operation of it can take for ever."""

    intercepted_binops = frozenset({"**", "*"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "**" or not numbers:
            raise SecurityError(f"{operator} is for numbers only, and ** for nothing")
        return super().call_binop(context, operator, left, right)


def _poured(template: Template, values: Mapping[str, Any]) -> str:
    """The rendering. Raises TemplateError where it grows beyond all use."""
    pieces, size = [], 0
    for piece in template.generate(**values):
        pieces.append(piece)
        size += len(piece)
        if size > 10 * MOST:
            raise TemplateError(f"makes more than {10 * MOST:,} characters")
    return "".join(pieces)
