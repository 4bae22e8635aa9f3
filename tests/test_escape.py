import html
import re
from collections.abc import Callable
from html.parser import HTMLParser

import hostile
import markdown
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.escape import BREAK, clean, cut, escape, link, one_line, title

FLAVOURS = (
    "plain", "email", "terminal", "json", "webhook", "html", "slack", "mattermost", "markdown",
    "discord", "telegram", "pagerduty", "opsgenie", "chat", "never heard of",
)  # fmt: skip
SHORT = [text for text in hostile.CORPUS if len(text) < 20_000]
ODD = st.text(alphabet=st.characters(codec=None), max_size=60)
TRICKY = st.text(alphabet="<>@!#&;|[]()`*_~\\-+=.1a \n\u200b\u202e\x1b\x00\ud800:/", max_size=40)

some = settings(max_examples=60, deadline=None)
each_flavour = pytest.mark.parametrize("flavour", FLAVOURS)


def backslashes(text: str) -> str:
    return re.sub(r"\\([\\`*~|\[\]_#>+=.)-])", r"\1", text)


UNDO: dict[str, Callable[[str], str]] = {
    "html": html.unescape,
    "slack": html.unescape,
    "telegram": html.unescape,
    "mattermost": lambda text: html.unescape(backslashes(text)),
    "markdown": backslashes,
    "discord": backslashes,
}


def test_the_corpus_is_large_and_has_every_class_several_times() -> None:
    classes = (hostile.MENTIONS, hostile.LINKS, hostile.MARKUP, hostile.LINES, hostile.CHARACTERS,
               hostile.TERMINAL, hostile.CODE, hostile.SPEECH, hostile.LONG)  # fmt: skip
    assert all(len(strings) >= 10 for strings in classes)
    assert len(set(hostile.CORPUS)) >= 240


@each_flavour
@some
@given(text=ODD | TRICKY | st.sampled_from(SHORT))
def test_what_comes_out_can_be_encoded_and_hides_nothing_but_our_own_breaks(
    flavour: str, text: str
) -> None:
    done = escape(text, flavour)
    done.encode("utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2060-\u206f\ufeff]", done)
    assert clean(done.replace(BREAK, "")) == done.replace(BREAK, "")


@each_flavour
@some
@given(text=TRICKY | st.sampled_from(SHORT))
def test_every_string_stays_readable(flavour: str, text: str) -> None:
    """Without its breaks and escapes it is, to the letter, what was cleaned."""
    done = escape(text, flavour).replace(BREAK, "")
    assert UNDO.get(flavour, str)(done) == clean(text)


@some
@given(text=ODD | TRICKY | st.sampled_from(SHORT))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize("flavour", ["markdown", "discord", "chat", "pagerduty", "opsgenie"])
@some
@given(text=TRICKY | st.sampled_from(SHORT))
def test_where_any_name_may_ping_no_at_sign_stands_before_anything(flavour: str, text: str) -> None:
    done = escape(text, flavour)
    assert not re.search(rf"@(?!{BREAK})", done)
    assert not re.search(r"<[^\s\u200b]", done)
    assert "](" not in done
    assert "][" not in done


@pytest.mark.parametrize("flavour", ["plain", "mattermost", "telegram"])
@some
@given(text=TRICKY | st.sampled_from(SHORT))
def test_a_name_pings_only_after_a_letter_which_is_an_address(flavour: str, text: str) -> None:
    done = escape(text, flavour)
    assert not re.search(rf"(?<![A-Za-z0-9])@(?!{BREAK})", done)
    assert not re.search(r"<[!@#]", done)


@pytest.mark.parametrize("flavour", ["slack", "mattermost", "telegram", "html"])
@some
@given(text=ODD | TRICKY | st.sampled_from(SHORT))
def test_where_entities_are_read_no_bare_sign_is_left(flavour: str, text: str) -> None:
    done = escape(text, flavour)
    assert "<" not in done
    assert ">" not in done
    assert not re.search(r"&(?!(lt|gt|amp|quot|#x27);)", done)


@pytest.mark.parametrize("text", ["@channel", "@here!", "(@Everyone)", "if (a !here> b)"])
def test_slack_words_are_broken_for_servers_that_link_bare_names(text: str) -> None:
    assert not re.search(r"[@!](channel|here|everyone)", escape(text, "slack"), re.IGNORECASE)


def test_an_address_can_still_be_copied_from_a_chat() -> None:
    assert escape("ssh root@gpu-07", "slack") == "ssh root@gpu-07"
    assert escape("ssh root@gpu-07", "mattermost") == "ssh root@gpu-07"


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data


@some
@given(text=TRICKY | st.sampled_from(SHORT))
def test_a_browser_reads_the_same_words_and_no_tag(text: str) -> None:
    read = _Tags(f"<p>{escape(text, 'html')}</p>")
    assert read.tags == ["p"]
    assert read.words == clean(text)


@pytest.mark.parametrize("flavour", ["markdown", "discord", "mattermost"])
def test_a_reader_of_markdown_finds_no_markup(flavour: str) -> None:
    for text in (*hostile.LINKS, *hostile.MARKUP, *hostile.MENTIONS):
        page = markdown.markdown("• " + escape(text, flavour))
        assert set(_Tags(page).tags) <= {"p"}, text


@each_flavour
def test_a_title_is_one_short_line_in_every_flavour(flavour: str) -> None:
    long = [text[:20_000] for text in hostile.LONG]
    for text in (*long, *hostile.LINES, *hostile.MENTIONS):
        done = title(text, flavour)
        assert len(done) <= 120
        assert "\n" not in done
        assert bool(done) == bool(one_line(text))


def test_a_title_that_was_cut_says_so() -> None:
    assert title("x" * 200, "email") == "x" * 119 + "…"
    assert title("a\r\nBcc: b", "email") == "a ⏎ Bcc: b"
    assert title("<" * 200, "slack").endswith("&lt;…")
    assert title("<b", "slack", 3) == "…"
    assert title("<", "slack", 2) == ""


def test_one_line_keeps_what_was_on_the_others() -> None:
    assert one_line(" a\tb \r\n\n c\u2028d ") == "a b ⏎ c ⏎ d"


def test_a_cut_is_marked_and_falls_on_the_end_of_a_line() -> None:
    text = "\n".join(f"line {number}" for number in range(100))
    done = cut(text, 100, "notifier status")
    assert len(done) <= 100
    head, mark = done.rsplit("\n", 1)
    assert mark == "… cut here: notifier status"
    assert text.startswith(head + "\n")


@some
@given(text=ODD | st.sampled_from(SHORT), limit=st.integers(0, 200))
def test_a_cut_is_never_too_long_and_whole_text_stays_whole(text: str, limit: int) -> None:
    done = cut(text, limit, "notifier status")
    assert len(done) <= limit
    assert (done == text) == (len(text) <= limit)


def test_a_cut_splits_no_entity_and_leaves_no_backslash() -> None:
    mark = "\n… cut here: x"
    assert cut("&amp;" * 20, 12 + len(mark), "x") == "&amp;&amp;" + mark
    assert cut("ab\\*" * 20, 7 + len(mark), "x") == "ab\\*ab" + mark


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://river.example/tasks/1", "https://river.example/tasks/1"),
        ("http://gpu-07:8001/a?b=1&c=2#d", "http://gpu-07:8001/a?b=1&c=2#d"),
        ("https://x.example/(a)*b*'", "https://x.example/%28a%29%2Ab%2A%27"),
        ("https://x.example/a%20b/@here", "https://x.example/a%20b/%40here"),
        ("https://x.example/?q=<b>", "https://x.example/?q=%3Cb%3E"),
        ("https://bänk.example/", "https://xn--bnk-qla.example/"),
        ("https://[::1]:80/", "https://[::1]:80/"),
        ("https://bank.example@evil.example/", ""),
        ("https://u:p@evil.example/", ""),
        ("javascript:alert(1)", ""),
        ("JAVASCRIPT://x/%0aalert(1)", ""),
        ("data:text/html,x", ""),
        ("file:///etc/passwd", ""),
        ("//evil.example/", ""),
        ("https:evil.example", ""),
        ("https://", ""),
        ("https://a b/", ""),
        ("https://evil.example\\@bank.example/", ""),
        ("https://x.example/\nSet-Cookie: a", ""),
        ("https://x.example/\u202egpj", ""),
        ("https://x:99999999/", ""),
        ("https://[::1", ""),
        ("https://x.example/" + "a" * 3000, ""),
        ("", ""),
    ],
)
def test_a_link_is_plain_http_and_leads_where_it_says(url: str, shown: str) -> None:
    assert link(url) == shown


@each_flavour
def test_no_hostile_string_makes_a_link_that_breaks_out(flavour: str) -> None:
    for url in hostile.CORPUS:
        assert re.fullmatch(r"(https?://[A-Za-z0-9%:/?#=&,;+~$._\[\]-]+)?", link(url, flavour))
