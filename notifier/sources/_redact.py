"""Finds secrets in commands and messages from a cluster, and hides them."""

import re
import shlex
from collections.abc import Sequence

HIDDEN = "[redacted]"

# what a key, variable or flag is called whose value is a secret; the end of its name decides
_NAME = (
    r"(?:password|passwd|passphrase|passcode|pwd|secret|token|credentials?|(?<=[-_.])pass"
    r"|(?:api|access|secret|private|auth|account|signing|encryption)[-_.]?key)"
    r"(?:[-_](?:base|base64|b64|hash|hex|id|text|value))?(?![A-Za-z0-9])"
)
# From here on patterns are text: they are compiled (slowly) when something first needs them, and
# kept by `re`. In machine learning `pad_token` and `max-token` are no secrets.
_HARMLESS = (
    r"(?i)(?:pad|eos|bos|unk|cls|sep|mask|max|min|num|per|stop|image|special|next|last)[-_.]?$"
)
_QUOTED = r"""(?:\\"[^"]*"|"(?:[^"\\]|\\.)*"|'[^']*')"""
_VALUE = rf"""(?:{_QUOTED}+[^\s"'&,;)}}\]]*|[^\s"'&]*[^\s"'&,;)}}]|["'][^\s"']+)"""
# name=value, name: value, "name": "value"
_KEYED = rf"""(?i)(?P<name>{_NAME}\\?["']?\s{{0,3}}(?:=>|:=|[:=])\s{{0,3}})(?P<value>{_VALUE})"""
# --name value
_FLAG = (
    rf"(?i)(?P<name>(?<!\S)--?(?:[a-z0-9]{{1,20}}[-_.]){{0,4}}{_NAME}\s+)(?P<value>(?!-){_VALUE})"
)
# one word of a command, whatever it holds: the whole rest is the value
_WORD = rf"(?is)\A(?P<name>[\w.-]{{0,80}}?{_NAME}=)(?P<value>.+)"
_BARE_FLAG = rf"(?i)--?(?P<name>(?:[a-z0-9]{{1,20}}[-_.]){{0,4}}{_NAME})"

# group "keep" stays, the rest is hidden
_SHAPES = (
    r"(?s)-----BEGIN [A-Z ]{0,40}PRIVATE KEY.*?(?:-----END [A-Z ]{0,40}-----|\Z)",
    # user and password in a URL; for http also a lone token
    r"(?i)(?P<keep>\bhttps?://)[^/?#\s'\"]+(?=@)",
    r"(?i)(?P<keep>\b[a-z][a-z0-9+.-]{0,20}://)[^/?#\s:@'\"]*:[^/?#\s'\"]+(?=@)",
    r"(?i)(?P<keep>authorization\\?[\"']?\s{0,3}[:=]\s{0,3}[\"']?)(?:[a-z]{3,12}\s+)?[^\s\"']+",
    r"(?i)(?P<keep>\bbearer\s+)(?=\S{0,80}\d)[\w.~+/=-]{8,}",
    r"(?P<keep>(?:(?<!\S)-u|--user|--proxy-user)[ =]['\"]?[^\s:'\"/]{1,80}:)(?!\d+\b)[^\s'\"]+",
    r"(?P<keep>hooks\.slack\.com/(?:services|workflows|triggers)/)[\w/-]+",
    r"(?P<keep>/api/webhooks/\d{1,30}/)[\w-]+",
    r"(?<![A-Za-z0-9])(?:gh[oprsu]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|gl[a-z]{2,6}-[\w-]{20,}"
    r"|xox[a-z]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,}|(?:AKIA|ASIA)[A-Z0-9]{12,}"
    r"|sk-(?:[a-z0-9]{1,12}-){0,3}[A-Za-z0-9_]{20,}[\w-]*|hf_[A-Za-z0-9]{16,}"
    r"|npm_[A-Za-z0-9]{30,}|pypi-AgE[\w-]{16,}|AIza[\w-]{30,}|dckr_pat_[\w-]{16,}"
    r"|eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?)",
)
# a text that holds none of these, in lower case, holds nothing that is known here
_HINTS = (
    "pass", "pwd", "secret", "token", "credential", "key", "bearer", "authorization", "://",
    "-u", "--user", "--proxy-user", "webhooks/", "slack", "gh", "github_", "gl", "xox", "xapp",
    "akia", "asia", "sk-", "hf_", "npm_", "pypi-", "aiza", "dckr_", "eyj",
)  # fmt: skip


class Redactor:
    """Replaces secrets in text by `[redacted]`; a second call changes nothing more.

    It knows keyed secrets (`--password X`, `token=X`, `AWS_NAME_ACCESS_KEY=X`,
    `Authorization: ...`), passwords in URLs, and the shapes of well-known tokens. `patterns` are
    further globs (`*`, `?`), each over one word (`--api-key=*`) or, with spaces, over several in
    a row (`--pin *`); what stands before their first wildcard stays readable.
    """

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        self._own = [_globs(pattern) for pattern in patterns if pattern.strip()]

    def __call__(self, text: str) -> str:
        """`text` without its secrets. Never raises."""
        # what one pass hides may bare the next (a secret within a secret); few passes suffice
        for _ in range(8):
            before = text
            if self._own:
                parts = re.split(r"(\s+)", text)
                parts[::2] = self._hide_own(parts[::2])
                text = "".join(parts)
            if _hinted(text.lower()):
                for shape in _SHAPES:
                    text = re.sub(shape, _keep, text)
                text = re.sub(_KEYED, _keyed, re.sub(_FLAG, _keyed, text))
            if text == before:
                break
        return text

    def command(self, words: Sequence[str]) -> str:
        """A command line without its secrets, quoted as a shell would need it."""
        line = " ".join(words)
        if not self._own and line.isascii() and not _hinted(line.lower()):
            return _quoted(words)
        shown, flag = [], False
        for word in self._hide_own(words):
            if flag and not word.startswith("-"):
                shown.append(HIDDEN)
            else:
                shown.append(re.sub(_WORD, _keyed, word) if "=" in word else word)
            bare = re.fullmatch(_BARE_FLAG, word) if word.startswith("-") else None
            flag = bare is not None and not _harmless(bare["name"], "")
        return self(_quoted(shown))

    def _hide_own(self, words: Sequence[str]) -> list[str]:
        hidden = list(words)
        for globs in self._own:
            for start in range(len(hidden) - len(globs) + 1):
                there = hidden[start : start + len(globs)]
                if all(glob.matches(word) for glob, word in zip(globs, there, strict=True)):
                    hidden[start : start + len(globs)] = [
                        glob.hide(word) for glob, word in zip(globs, there, strict=True)
                    ]
        return hidden


def _quoted(words: Sequence[str]) -> str:
    # most commands need no quotes: one look at all words is cheaper than one at each
    if "" in words or not re.fullmatch(r"(?a)[\w@%+=:,./-]*", "".join(words)):
        words = [word if HIDDEN in word else shlex.quote(word) for word in words]
    return " ".join(words)


def _hinted(lower: str) -> bool:
    # a loop: `any` over a generator takes three times as long, for every text of every row
    for hint in _HINTS:  # noqa: SIM110
        if hint in lower:
            return True
    return False


class _Glob:
    """One word of a pattern. What stands before its first wildcard stays readable."""

    def __init__(self, word: str, *, named: bool) -> None:
        self.keep = re.split(r"[*?]", word)[0]
        # a plain word beside one with wildcards is a flag's name
        self.stays = named and self.keep == word
        self.matches = re.compile(
            "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in word), re.DOTALL
        ).fullmatch
        self.plain = self.keep == word

    def hide(self, word: str) -> str:
        if self.stays:
            return word
        return HIDDEN if self.plain else self.keep + HIDDEN


def _globs(pattern: str) -> list[_Glob]:
    named = "*" in pattern or "?" in pattern
    return [_Glob(word, named=named) for word in pattern.split()]


def _keep(found: re.Match[str]) -> str:
    return (found.groupdict().get("keep") or "") + HIDDEN


def _keyed(found: re.Match[str]) -> str:
    before = found.string[max(0, found.start() - 8) : found.start()]
    return found[0] if _harmless(found["name"], before) else found["name"] + HIDDEN


def _harmless(name: str, before: str) -> bool:
    """Whether a name that ends in `token` is one of machine learning's."""
    at = name.lower().rfind("token")
    return at >= 0 and re.search(_HARMLESS, before + name[:at]) is not None
