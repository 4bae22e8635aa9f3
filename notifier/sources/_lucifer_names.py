"""Which task, and which host, the name of a file stands for."""

import re
from collections.abc import Callable
from functools import lru_cache

from notifier.sources._lucifer_find import MAGIC, Found
from notifier.sources._text import clean

NAME = 120
_FIELDS = ("id", "host")


def wrong(pattern: str) -> str:
    """What is wrong with a pattern such as `{host}/{id}.events*`; nothing when it is fine."""
    fields = re.findall(r"\{([^{}]*)\}", pattern)
    if fields.count("id") != 1 or fields.count("host") > 1 or set(fields) - set(_FIELDS):
        return "expected {id} once, {host} at most once, and no other field"
    return "" if not pattern.startswith("/") else "is the end of a path, and begins with no /"


@lru_cache(maxsize=256)
def namer(pattern: str, glob: str) -> Callable[[Found], tuple[str, str]]:
    """Gives (task, host) of a file that `glob` fits; `pattern` is empty for the usual.

    Usually the task is what the first `*` of the file's name stands for (else of the last folder
    that has one). A name that does not fit is a task's name whole.
    """
    shape = pattern or _usual(glob)
    depth = shape.count("/")
    match = re.compile(_regex(shape)).fullmatch

    def names(found: Found) -> tuple[str, str]:
        parts = found.folder.split("/")
        tail = "/".join([*parts[len(parts) - depth :], found.name]) if depth else found.name
        fits = match(tail)
        named = fits.groupdict() if fits else {}
        return _fit(named.get("id") or "") or _fit(found.name), _fit(named.get("host") or "")

    return names


def _fit(text: str) -> str:
    return clean(text, NAME, line=True)


def _usual(glob: str) -> str:
    parts = glob.strip("/").split("/")
    for number in range(len(parts) - 1, -1, -1):
        if "*" in parts[number]:
            named = parts[number].replace("*", "{id}", 1)
            return "/".join([named, *parts[number + 1 :]])
    return "{id}" if MAGIC.search(parts[-1]) else f"{{id}}{_suffix(parts[-1])}"


def _suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return f"{dot}{suffix}" if stem else ""


def _regex(shape: str) -> str:
    """The shortest text for a field or a `*`, one character for `?` or `[...]`."""
    words = {"{id}": "(?P<id>[^/]+?)", "{host}": "(?P<host>[^/]+?)", "*": "[^/]*?", "?": "[^/]"}
    parts = re.split(r"(\{id\}|\{host\}|\*|\?|\[[^\]/]+\])", shape)
    return "".join(
        words.get(part) or ("[^/]" if part[:1] == "[" and part[1:] else re.escape(part))
        for part in parts
    )
