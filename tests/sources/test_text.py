"""Text from a cluster is fit to be shown: clean, bounded, and the same when cleaned again."""

import unicodedata

import hostile
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.sources._text import MARK, clean, cut

# more of the characters that matter than chance would give
TEXTS = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\x00\x1b\x07\r\n\t\x85\u2028\u202e\u2066\u200b\ufeff\ud800\U000e0041[]; "),
    ),
    max_size=300,
)
HOSTILE = [text for name in ("LINES", "CHARACTERS", "TERMINAL") for text in getattr(hostile, name)]


def bad(text: str, *, line: bool = False) -> list[str]:
    """The characters that no clean text may hold."""
    kept = "" if line else "\n\t"
    bidi = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    return [
        c for c in text if c in bidi or (unicodedata.category(c) in ("Cc", "Cs") and c not in kept)
    ]


@given(TEXTS, st.integers(1, 50), st.booleans())
def test_any_text_becomes_clean_bounded_and_encodable(text: str, limit: int, line: bool) -> None:
    cleaned = clean(text, limit, line=line)
    assert bad(cleaned, line=line) == []
    assert len(cleaned) <= limit
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert clean(cleaned, limit, line=line) == cleaned


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_text_becomes_clean(text: str) -> None:
    assert bad(clean(text)) == []
    assert bad(clean(text, line=True), line=True) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ""),
        ("", ""),
        ("你好 – gpu-07", "你好 – gpu-07"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;https://evil.example\x1b\\x", "x"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a\0b\x9bc", "a\ufffdb\ufffdc"),
        ("gpu\u200b-07\u202egpj.exe", "gpu-07gpj.exe"),
        ("a\ud800b", "a\ufffdb"),
        ("\n a\tb \n", "a\tb"),
    ],
)
def test_what_misleads_is_removed_or_made_visible(text: str | None, expected: str) -> None:
    assert clean(text) == expected


def test_one_line_has_single_spaces() -> None:
    assert clean(" a\n\n b\t\u00a0c\u2029 d ", line=True) == "a b c d"


def test_what_is_cut_shows_it() -> None:
    assert clean("x" * 10, 10) == "x" * 10
    assert clean("x" * 11, 10) == "x" * 9 + MARK
    assert clean("x" * 11 + "\n" * 100, 100) == "x" * 11
    assert cut("ab cd", 4) == f"ab{MARK}"


def test_a_flood_is_cut_before_it_is_looked_at_and_shows_it() -> None:
    flood = "\x1b[31m" * 1_000_000
    assert clean(flood, 100) == MARK


def test_a_secret_is_redacted_before_the_cut() -> None:
    def redact(text: str) -> str:
        return text.replace("hunter2", "*")

    assert clean("12345hunter2", 8, redact=redact) == "12345*"
