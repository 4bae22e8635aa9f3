"""Text from a cluster, made fit to be kept and shown: no control characters, no flood.

Everything that a source hands on goes through here, and through `_redact`. The order is tidy,
redact, cut: a secret that is cut in half is no longer recognised.
"""

import re
from collections.abc import Callable

LIMIT = 2000
MARK = "…"

# patterns as text: they are compiled (slowly) when a text first needs them, and kept by `re`
_ANSI = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,500}(?:\x07|\x1b\\)|[@-Z\\^_])"
_NEWLINE = "\r\n?|[\x85\u2028\u2029]"
# invisible on purpose: soft hyphens, direction marks and overrides, zero-width, tags
_INVISIBLE = (
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_CONTROL = "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"


def clean(
    text: str | None,
    limit: int = LIMIT,
    *,
    line: bool = False,
    redact: Callable[[str], str] | None = None,
) -> str:
    """`text` fit to be shown, of at most `limit` characters; None gives "".

    Newlines and tabs stay, unless `line`: then all white space becomes single spaces. Direction
    and invisible characters go, controls and lone surrogates become U+FFFD, and what is cut ends
    in `…`. `redact` is applied before the cut. Never raises; calling it twice changes nothing.
    """
    if not text:
        return ""
    # the slack is for what vanishes (colours, secrets) before the last cut
    long = len(text) > 4 * limit
    if long:
        text = text[: 4 * limit]
    # every character that is replaced here is unprintable: the usual text needs no closer look
    if not text.isprintable():
        text = re.sub(_ANSI, "", text)
        text = re.sub(_NEWLINE, "\n", text)
        text = re.sub(_INVISIBLE, "", text)
        text = re.sub(_CONTROL, "\ufffd", text)
    if redact is not None:
        text = redact(text)
    text = " ".join(text.split()) if line else text.strip()
    return cut(text, limit, long=long) if long or len(text) > limit else text


def cut(text: str, limit: int, *, long: bool = False) -> str:
    """At most `limit` characters, the last of them `…` where something is missing (or `long`)."""
    return text[: limit - 1].rstrip() + MARK if long or len(text) > limit else text
