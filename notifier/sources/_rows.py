"""A JSON list of rows, read without building what nobody asks for; row by row where one is odd."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar, cast

import msgspec

from notifier.model import Observation
from notifier.sources._failed import LookFailed
from notifier.sources._text import clean

ROWS = 1_000_000
ID_CHARS = 200
WORD_CHARS = 64
NOTES = 5
_SPACE = re.compile(r"[ \t\r\n]*")
# takes what is no JSON but written by some: NaN and Infinity (as null), lone surrogates
_BEARING = json.JSONDecoder(parse_constant=lambda _: None)

Row = TypeVar("Row", bound=msgspec.Struct)


class Lean(Protocol):
    """What is decoded of every row: a Struct whose first fields are these, under their own names.

    It costs least with `gc=False` and nothing that is not needed.
    """

    id: str | int
    status: str


class Listing(msgspec.Struct, Generic[Row]):
    """The rows of one answer: `statuses` is id -> status word in the answer's order.

    `row(id)` decodes one whole row, or gives None where that fails. `count` includes odd rows;
    `odd` says in one line each what was left out. `first` is a row, lean or whole.
    """

    statuses: dict[str, str]
    row: Callable[[str], Row | None]
    count: int
    first: Any = None
    odd: tuple[str, ...] = ()


def read(body: bytearray, lean: type[Lean], whole: type[Row]) -> Listing[Row]:
    """Reads a list of objects. Raises LookFailed (sick) when it is none, or too long.

    Rows without a usable id or status, and second rows of one id, are left out and noted.
    """
    # rows far smaller than any real one would take many times the memory of the answer
    if len(body) > 100 * ROWS and body.count(b"{") > 4 * ROWS:
        raise LookFailed("sick", _MANY)
    wanted: Any = list[lean]  # type: ignore[valid-type]
    try:
        rows: list[Lean] = msgspec.json.Decoder(wanted).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _one_by_one(body, lean, whole)
    except RecursionError:
        raise LookFailed("sick", _DEEP) from None
    if len(rows) > ROWS:
        raise LookFailed("sick", _MANY)
    # a few words for very many rows: each is kept once
    words: dict[str, str] = {}
    statuses = {str(row.id): words.setdefault(row.status, row.status) for row in rows}
    if len(statuses) < len(rows) or not _usable(statuses, words):
        return _one_by_one(body, lean, whole)
    first = rows[0] if rows else None
    return Listing(statuses, _Whole(body, statuses, whole), len(rows), first)


def merge(listings: list[Listing[Row]]) -> Listing[Row]:
    """Several answers as one listing; of an id that is in several, the last answer counts."""
    where: dict[str, Listing[Row]] = {}
    statuses: dict[str, str] = {}
    for listing in listings:
        statuses.update(listing.statuses)
        where.update(dict.fromkeys(listing.statuses, listing))
    return Listing(
        statuses,
        lambda name: where[name].row(name),
        len(statuses),
        listings[0].first,
        tuple(note for listing in listings for note in listing.odd),
    )


class Observations(Mapping[str, Observation]):
    """Observations of a listing, each built when it is first asked for."""

    def __init__(
        self, listing: Listing[Row], build: Callable[[str, str, Row | None], Observation]
    ) -> None:
        self._listing = listing
        self._build: Callable[[str, str, Any], Observation] = build
        # what is news is asked for by those who judge it and by the journal
        self._built: dict[str, Observation] = {}

    def __getitem__(self, name: str) -> Observation:
        found = self._built.get(name)
        if found is None:
            listing = self._listing
            found = self._built[name] = self._build(name, listing.statuses[name], listing.row(name))
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._listing.statuses

    def __iter__(self) -> Iterator[str]:
        return iter(self._listing.statuses)

    def __len__(self) -> int:
        return len(self._listing.statuses)


_NO_JSON = "the answer is not JSON"
_DEEP = "the answer is nested too deeply"
_MANY = f"the answer has more than {ROWS:,} rows"


class _Whole(Generic[Row]):
    """Decodes whole rows of an answer: where each stands is found out at the first question."""

    def __init__(self, body: bytearray, statuses: dict[str, str], whole: type[Row]) -> None:
        self._body = body
        self._statuses = statuses
        self._decoder = msgspec.json.Decoder(whole)
        self._raws: dict[str, msgspec.Raw] | None = None

    def __call__(self, name: str) -> Row | None:
        try:
            if self._raws is None:
                raws = msgspec.json.Decoder(list[msgspec.Raw]).decode(self._body)
                self._raws = dict(zip(self._statuses, raws, strict=True))
            return self._decoder.decode(self._raws[name])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None


class _Spans(Generic[Row]):
    """Decodes whole rows of a text, whose places are known."""

    def __init__(self, text: str, whole: type[Row]) -> None:
        self.text = text
        self.spans: dict[str, slice] = {}
        self._whole = whole

    def __call__(self, name: str) -> Row | None:
        try:
            return msgspec.convert(_BEARING.decode(self.text[self.spans[name]]), self._whole)
        except RecursionError:  # the caller may stand deeper than the reader did
            return None


def _usable(statuses: dict[str, str], words: dict[str, str]) -> bool:
    """Whether all ids and words can be kept as they are. One pass in C over all of them."""
    joined = "".join(statuses)
    return (
        joined.isprintable()
        and " " not in joined
        and "" not in statuses
        and max(map(len, statuses), default=0) <= ID_CHARS
        and all(word == clean(word, WORD_CHARS, line=True) != "" for word in words)
    )


def _one_by_one(body: bytearray, lean: type[Lean], whole: type[Row]) -> Listing[Row]:
    """The slow way, for what the fast one refused. It bears what only looks like JSON (NaN)."""
    key, word = (
        field.encode_name for field in msgspec.structs.fields(cast(type[msgspec.Struct], lean))[:2]
    )
    statuses: dict[str, str] = {}
    words: dict[str, str] = {}
    rows = _Spans(body.decode("utf-8", "replace"), whole)
    odd = _Odd()
    count = 0
    for count, (item, span) in enumerate(_items(rows.text), 1):
        if count > ROWS:
            raise LookFailed("sick", _MANY)
        if not isinstance(item, dict):
            odd.note(f"row {count} is not an object")
            continue
        name = _name(item.get(key))
        status = item.get(word)
        if not name or not isinstance(status, str):
            odd.note(f"row {count} has no usable {word if name else key}")
        elif name in statuses:
            odd.note(f"row {count} repeats {key} {clean(name, 40)}")
        else:
            if status not in words:
                words[status] = clean(status, WORD_CHARS, line=True) or "(none)"
            statuses[name] = words[status]
            rows.spans[name] = span
    first = rows(next(iter(statuses))) if statuses else None
    return Listing(statuses, rows, count, first, odd.notes())


def _name(value: object) -> str:
    """An id as text; nothing when it cannot be one."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    name = str(value)
    return name if name == clean(name, ID_CHARS, line=True) else ""


def _items(text: str) -> Iterator[tuple[object, slice]]:
    """The items of a JSON list and where each stands. Raises LookFailed when it is none."""
    at = _after(text, 0)
    if text[at : at + 1] != "[":
        raise LookFailed("sick", _not_a_list(text[at : at + 1]))
    at = _after(text, at + 1)
    try:
        while text[at : at + 1] != "]":
            item, end = _BEARING.raw_decode(text, at)
            yield item, slice(at, end)
            at = _after(text, end)
            if text[at : at + 1] == ",":
                at = _after(text, at + 1)
            elif text[at : at + 1] != "]":
                raise LookFailed("sick", _NO_JSON)
    except ValueError:
        raise LookFailed("sick", _NO_JSON) from None
    except RecursionError:
        raise LookFailed("sick", _DEEP) from None
    if _after(text, at + 1) < len(text):
        raise LookFailed("sick", _NO_JSON)


def _after(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _not_a_list(sign: str) -> str:
    shown = {"": "the answer is empty", "{": "the answer is not a list"}
    return shown.get(sign, "the answer is a web page, not JSON" if sign == "<" else _NO_JSON)


class _Odd:
    """Counts what was left out, and words the first few."""

    def __init__(self) -> None:
        self._first: list[str] = []
        self._count = 0

    def note(self, line: str) -> None:
        self._count += 1
        if self._count <= NOTES:
            self._first.append(f"{line}; left out")

    def notes(self) -> tuple[str, ...]:
        more = self._count - len(self._first)
        return (*self._first, *([f"{more:,} more odd rows; left out"] if more else []))
