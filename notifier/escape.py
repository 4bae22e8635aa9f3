"""Pure: what each kind of destination may not receive in text that came from a cluster.

`escape` gives the form in which the service itself takes the text: with entities for Slack,
Telegram and Mattermost, with backslashes for what reads Markdown.
"""

import html
import re
from collections.abc import Callable
from urllib.parse import quote, urlsplit

TITLE = 120
# what takes `&amp;` for `&`
ENTITIES = frozenset({"html", "slack", "telegram", "mattermost"})
# zero width space: shows nothing, and what it stands in is no mention and no markup
BREAK = "\u200b"

# CSI, OSC and two-character escape sequences of terminals
_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?|\x1b[ -/]*[0-~]"
)
_NEWLINES = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
# what can hide or turn text around; joiners only where ASCII comes before (emoji need them)
_HIDDEN = re.compile(
    "[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    "|(?<![^\x00-\x7f])[\u200c\u200d\ufe00-\ufe0f]"
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_STACKED = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{3})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
)

_AT = re.compile(r"@")
_LONE_AT = re.compile(r"(?<![A-Za-z0-9])@")
_CONTROLS = re.compile(r"<(?=[!@#/]|https?:|users/|at>)", re.IGNORECASE)
_ENTITY = re.compile(r"&(?=#?\w+;)")
_SLACK_WORD = re.compile(r"(?<=[@!])(?=channel|here|everyone|subteam)", re.IGNORECASE)
_TAG = re.compile(r"<(?=\S)")
_LINK = re.compile(r"\](?=[(\[:])")
_MARKUP = re.compile(
    r"[\\`*~|>]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|^\s*[#+=-]|^\s*\d+[.)](?=\s)",
    re.MULTILINE,
)


def clean(text: str) -> str:
    """Text in which nothing is hidden: lines end with `\\n`, control characters are visible.

    Terminal sequences, bidi and zero-width characters are dropped, NUL shows as `␀`, a lone
    surrogate as `�`.
    """
    # the usual text has nothing of either, and needs no closer look
    odd, foreign = not text.isprintable(), not text.isascii()
    if odd:
        text = _NEWLINES.sub("\n", _ANSI.sub("", text))
    if foreign:
        text = _HIDDEN.sub("", text)
    if odd:
        text = _CONTROL.sub(_visible, text)
    return _STACKED.sub(r"\1", text) if foreign else text


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code == 0x7F:
        return "\u2421"
    return chr(0x2400 + code) if code < 0x20 else "\ufffd"


def one_line(text: str) -> str:
    """Clean text on one line; where a line ended stands ` ⏎ `."""
    lines = (" ".join(line.split()) for line in clean(text).split("\n"))
    return " ⏎ ".join(line for line in lines if line)


def escape(text: str, flavour: str) -> str:
    """`text` for a destination of `flavour`: it pings nobody, hides no link, and runs nowhere.

    A flavour that is not known here is taken for a chat that may understand anything.
    """
    return _FLAVOURS.get(flavour, _chat)(clean(text))


def title(text: str, flavour: str, limit: int = TITLE) -> str:
    """One line of at most `limit` characters, escaped; what was cut ends with `…`."""
    whole, room = one_line(text), limit
    while room > 0:
        done = escape(_short(whole, room), flavour)
        if len(done) <= limit:
            return done
        room = min(room - 1, room * limit // len(done))
    return ""


def cut(text: str, limit: int, how_to_see_the_rest: str) -> str:
    """At most `limit` characters; cut at the end of a line where one is near, and says so."""
    if len(text) <= limit:
        return text
    mark = f"\n… cut here: {how_to_see_the_rest}"
    if limit <= len(mark):
        return text[: max(0, limit - 1)] + "…"[: max(0, limit)]
    kept = text[: limit - len(mark)]
    head, newline, tail = kept.rpartition("\n")
    if not newline or len(tail) >= len(kept) // 2:
        # not in the middle of an entity, nor after a backslash that would take our mark
        head = re.sub(r"(&[#\w]{0,8}|\\)$", "", kept)
    return head.rstrip() + mark


def link(url: str, flavour: str = "plain") -> str:
    """`url` if it is http(s) and says plainly where it leads, quoted for `flavour`; else nothing.

    Of the signs that have a meaning in Markdown only `_` and `~` are left, so that it needs no
    backslashes, which would break it.
    """
    if not url or len(url) > 2000 or url != one_line(url) or re.search(r"[\s\\]", url):
        return ""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or "@" in parts.netloc:
        return ""
    if not re.fullmatch(r"[a-z0-9.-]+|[0-9a-f:.]+", host):
        return ""
    rest = quote(parts.path, safe="/%:=&,;+~$-._")
    rest += f"?{quote(parts.query, safe='/%:=&,;+~$-._?')}" if parts.query else ""
    rest += f"#{quote(parts.fragment, safe='/%:=&,;+~$-._?')}" if parts.fragment else ""
    whole = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{rest}"
    return html.escape(whole) if flavour in ENTITIES else whole


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def _as_it_is(text: str) -> str:
    """For what is read by one person, or by a program."""
    return text


def _plain(text: str) -> str:
    """For what shows text as it is, and for all that we do not know: mentions are broken."""
    return _CONTROLS.sub("<" + BREAK, _LONE_AT.sub("@" + BREAK, text))


def _slack(text: str) -> str:
    """Entities, as Slack asks for; the words are broken for servers that link bare names."""
    return _SLACK_WORD.sub(BREAK, html.escape(text, quote=False))


def _chat(text: str) -> str:
    """Breaks mentions, tags and links, and nothing else: it may know no way to escape."""
    for sign, after in ("@", _AT), ("<", _TAG), ("&", _ENTITY), ("]", _LINK):
        text = after.sub(sign + BREAK, text)
    return text


def _markdown(text: str) -> str:
    """For services that read raw text as Markdown."""
    return _chat(_backslashed(text))


def _mattermost(text: str) -> str:
    """Mattermost turns `<!channel>` and `<url|text>` of Slack live before it reads Markdown."""
    text = _backslashed(html.escape(text, quote=False))
    return _LINK.sub("]" + BREAK, _LONE_AT.sub("@" + BREAK, text))


def _telegram(text: str) -> str:
    """Telegram's HTML mode, in which `@name` is still a mention."""
    return _LONE_AT.sub("@" + BREAK, html.escape(text, quote=False))


def _backslashed(text: str) -> str:
    return _MARKUP.sub(lambda found: re.sub(r"(\S)$", r"\\\1", found[0]), text)


def _html(text: str) -> str:
    return html.escape(text, quote=True)


_FLAVOURS: dict[str, Callable[[str], str]] = {
    "plain": _plain,
    "email": _as_it_is,
    "terminal": _as_it_is,
    "json": _as_it_is,
    "webhook": _as_it_is,
    "html": _html,
    "slack": _slack,
    "mattermost": _mattermost,
    "markdown": _markdown,
    "discord": _markdown,
    "telegram": _telegram,
    "pagerduty": _chat,
    "opsgenie": _chat,
    "chat": _chat,
}
