"""A host that lies, cuts, floods or drips: a run stays well and tells nothing that was not said.

`PYTHONPATH=tests python tests/test_hostile_hosts.py ANSWERS` plays so many random ones.
"""

import gzip
import json
import tracemalloc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import FEW, ODD, Runs, channels, long_run
from msgspec.structs import replace
from sources import hosts
from sources.hosts import Reply, Stub, recorded

from notifier.errors import Exit
from notifier.model import Event
from notifier.sources._rows import ROWS
from notifier.sources._text import clean
from notifier.tables import Duration

HEALTHY = {
    "task": recorded("m05_tasks"),
    "node": recorded("m05_nodes"),
    "vps": recorded("m06_vps_with_failed"),
}
PATHS = {"task": "/tasks", "node": "/nodes", "vps": "/vps"}
KEYS = {"task": "task_id", "node": "hostname", "vps": "task_id"}
BAD = {"failed", "killed", "killed_oom", "lost", "stopped", "offline"}
GOOD = {"task": {"completed"}, "vps": {"completed", "running"}, "node": {"online"}}
# what an answer says: kind -> id -> its status words, of doubled rows and keys all
Said = dict[str, dict[str, set[str]]]


def said(bodies: Mapping[str, bytes]) -> Said:
    """All that these answers could be taken to say, by the most generous reading there is."""
    found: Said = {}
    for kind, body in bodies.items():
        try:
            rows = json.loads(
                body.decode("utf-8", "replace"),
                object_pairs_hook=tuple, parse_int=str, parse_float=str, strict=False,
            )  # fmt: skip
        except (ValueError, RecursionError):
            continue
        if isinstance(rows, list):
            found[kind] = {}
            for row in rows:
                _row(found[kind], row, KEYS[kind])
    return found


def _row(found: dict[str, set[str]], row: object, key: str) -> None:
    pairs = [pair for pair in row if len(pair) == 2] if isinstance(row, tuple) else []
    words = {
        clean(word, 64, line=True) for name, word in pairs if (name, type(word)) == ("status", str)
    }
    for name, ident in pairs:
        if name == key and isinstance(ident, str):
            found.setdefault(ident, set()).update(words)


class Watcher(Runs):
    """Looks at a host again and again, and judges what is told of it."""

    def __init__(self, stub: Stub, folder: Path, config: str) -> None:
        super().__init__(folder, config)
        self.stub = stub
        self.answer({})
        assert self.run().code == Exit.OK
        self.keep()
        self.begin()

    def begin(self) -> None:
        """The state is the one after the first healthy look."""
        self.again()
        self.last: Said = said(HEALTHY)
        self.gone: dict[str, set[str]] = {}
        self.reset = False

    def answer(self, bodies: Mapping[str, bytes]) -> None:
        """From now on the host answers with these, and else with what is healthy."""
        for kind, path in PATHS.items():
            self.stub.routes[path] = Reply(bodies.get(kind, HEALTHY[kind]))

    def judged(self, bodies: Mapping[str, bytes]) -> list[Event]:
        """One run with these answers, after which nothing false was told; the events of things."""
        self.answer(bodies)
        events = self.news()
        shown = said({**HEALTHY, **bodies})
        for event in events:
            self.judge(event, shown)
        self.remember(shown)
        return [event for event in events if "/source/" not in event.thing]

    def remember(self, shown: Said) -> None:
        """What was said last of each thing. What two listings left out is forgotten."""
        for kind, things in shown.items():
            known = {**self.last[kind], **things}
            gone = known.keys() - things.keys()
            for ident in gone & self.gone.get(kind, set()):
                del known[ident]
            self.last[kind], self.gone[kind] = known, gone

    def judge(self, event: Event, shown: Said) -> None:
        """Whether the answers really say so."""
        kind, ident = event.thing.split("/", 2)[1:]
        if event.reason in ("reset", "no longer watched"):
            # nothing that was there is there, or now all of it is there again
            strangers = [one for one in shown if not shown[one].keys() & said(HEALTHY)[one].keys()]
            assert strangers or self.reset
            self.reset = True
            return
        if kind == "source":
            assert event.reason != "first look"
            return
        words = shown.get(kind, {}).get(ident, set())
        assert words != self.last.get(kind, {}).get(ident), f"{event} is no news"
        assert event.type in ("problem", "recovery")
        assert words & (BAD if event.type == "problem" else GOOD[kind]), f"{event} was not said"

    def play(self, bodies: Mapping[str, bytes]) -> None:
        """Twice these answers, then healthy ones, after which all is as quiet as before."""
        self.begin()
        for _ in range(2):
            self.judged(bodies)
        for _ in range(2):
            self.judged({})
        assert (self.run().code, self.judged({})) == (Exit.OK, [])


@pytest.fixture(scope="module")
def watcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watcher]:
    """A watcher of a host, with mail and webhooks, that took its first look."""
    with watching(tmp_path_factory.mktemp("hostile")) as found:
        yield found


@contextmanager
def watching(folder: Path) -> Iterator[Watcher]:
    """The same in a folder of one's own."""
    stub = Stub()
    with channels() as told:
        source = f'[sources.river]\ntype = "hakuriver"\nurl = "{stub.url}"\n'
        yield Watcher(stub, folder, source + told)
    stub.stop()


# ---- answers made from the recorded ones ------------------------------------------------------

WORDS = ["failed", "lost", "completed", "running", "online", "offline", "exploded", "", "\x1b[2J"]
VALUES = st.one_of(ODD, st.sampled_from(WORDS))


@st.composite
def rows(draw: st.DrawFn) -> dict[str, bytes]:
    """The rows of one list with odd values, doubled, dropped, renamed, of the wrong type."""
    kind = draw(st.sampled_from(sorted(HEALTHY)))
    table: list[Any] = json.loads(HEALTHY[kind])
    names = sorted(table[0])
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(table) - 1)))
        row = dict(table[place]) if table and isinstance(table[place], dict) else {}
        act = draw(st.sampled_from(["set", "status", "double", "drop", "lose", "odd"]))
        if act == "set":
            row[draw(st.sampled_from([KEYS[kind], *names]))] = draw(VALUES)
        elif act in ("status", "double"):
            row["status"] = draw(st.sampled_from(WORDS))
        elif act == "lose" and row:
            del row[draw(st.sampled_from(sorted(row)))]
        new = {"drop": [], "double": [*table[place : place + 1], row], "odd": [draw(VALUES)]}
        table[place : place + 1] = new.get(act, [row])
    return {
        kind: json.dumps(table, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    }


@st.composite
def cuts(draw: st.DrawFn) -> dict[str, bytes]:
    """The bytes of one answer, cut, or with a piece that is lost, doubled or foreign."""
    kind = draw(st.sampled_from(sorted(HEALTHY)))
    body = HEALTHY[kind]
    begin, end = sorted(draw(st.tuples(*[st.integers(0, len(body))] * 2)))
    new = draw(
        st.one_of(
            st.sampled_from(
                [b"", body[begin:end] * 2, b'"', b"\xff", b"\0", b"]", b"[", b"}", b","]
            ),
            st.sampled_from([b'"status":"completed","status":', b'"task_id":"1",', b"NaN"]),
            st.binary(max_size=8),
        )
    )
    return {kind: draw(st.sampled_from([body[:begin], body[:begin] + new + body[end:]]))}


BODIES = st.one_of(rows(), cuts(), st.builds(dict.__or__, rows(), cuts()))


@given(bodies=BODIES)
@settings(derandomize=True, max_examples=15, **FEW)
def test_nothing_is_told_of_a_thing_that_its_host_did_not_say(
    watcher: Watcher, bodies: dict[str, bytes]
) -> None:
    watcher.play(bodies)


# ---- answers that are meant to hurt -----------------------------------------------------------

ROW = json.loads(HEALTHY["task"])[0]
MEGABYTE = "x" * 2**20
TEN = "x" * 10 * 2**20


def like(**more: object) -> bytes:
    """The list of tasks, whose first row is different."""
    return json.dumps([{**ROW, **more}, *json.loads(HEALTHY["task"])[1:]]).encode()


LOUD = {
    "nested": b"[" * 100_000,
    "nested and closed": b"[" * 100_000 + b"]" * 100_000,
    "nested in a row": like(command=0).replace(b'"command": 0', b'"command": ' + b"[" * 100_000),
    "nested objects": b'[{"task_id":' * 100_000,
    "a huge command": like(command=TEN, status="failed"),
    "a huge message": like(error_message=MEGABYTE, status="failed"),
    "a huge id": like(task_id=TEN, status="failed"),
    "a huge status": like(status=MEGABYTE),
    "a huge key": like(**{MEGABYTE: 1}),
    "a huge node": like(assigned_node=MEGABYTE, status="lost"),
    "a huge number": like(exit_code=0).replace(b'"exit_code": 0', b'"exit_code": ' + b"9" * 2**20),
    "a huge list": like(arguments=["x"] * 100_000, status="failed"),
    "many of one row": json.dumps([ROW] * 1000).encode(),
    "many keys of one name": like().replace(
        b'"status"', b'"status":"failed",' * 20_000 + b'"status"', 1
    ),
    "no text": b"\0" * 2**20,
    "spaces": b" " * 2**20 + b"[]",
}


@pytest.mark.parametrize("body", LOUD.values(), ids=LOUD)
def test_an_answer_that_is_meant_to_hurt_costs_little_and_is_over_with_the_next(
    watcher: Watcher, body: bytes
) -> None:
    tracemalloc.start()
    try:
        watcher.play({"task": body})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * len(body) + 4 * 2**20


HURTS: dict[str, Any] = {
    "a bomb": Reply(gzip.compress(b" " * 2**26 + b"[]"), headers={"Content-Encoding": "gzip"}),
    "a length that is a lie": Reply(b"[]", length=2**40),
    "a length that is short": Reply(HEALTHY["task"], length=100),
    "moved": Reply(b"[]", 302, {"Location": "/vps"}),
    "moved to us": Reply(b"[]", 301, {"Location": "http://169.254.169.254/"}),
    "nothing there": Reply(b"", 204, length=None),
    "a part": Reply(b"[]", 206),
    "drips": hosts.drips,
    "drips headers": hosts.drips_headers,
    "drips the size of a chunk": hosts.drips_chunk_sizes,
    "chunks without end": hosts.endless_chunks,
    "a redirect without end": hosts.endless_redirect,
    "silent": hosts.silent,
    "hangs up": hosts.hangs_up,
    "babbles": hosts.babbles,
    "cut": hosts.cut_body,
    "cut chunks": hosts.cut_chunks,
}


@pytest.mark.parametrize("route", HURTS.values(), ids=HURTS)
def test_a_server_that_is_meant_to_hurt_is_unreadable_and_no_more(
    watcher: Watcher, route: Any
) -> None:
    usual = watcher.config
    hasty = replace(usual.run, deadline=Duration(0.4))
    watcher.begin()
    tracemalloc.start()
    try:
        for _ in range(2):
            watcher.answer({})
            watcher.stub.routes["/tasks"] = route
            watcher.config = replace(usual, run=hasty)
            outcome = watcher.run()
            assert outcome.code == Exit.UNREADABLE
            assert {one.event.thing.split("/")[1] for one in outcome.news} <= {"source"}
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20
    watcher.config = usual
    assert watcher.judged({}) == watcher.judged({}) == []
    assert watcher.run().code == Exit.OK


@pytest.mark.chaos
def test_more_rows_than_any_host_has_are_unreadable_and_cost_a_bounded_memory(
    watcher: Watcher,
) -> None:
    rows = (b'{"task_id":"%d","status":"failed"}' % number for number in range(ROWS + 1))
    body = b"[" + b",".join(rows) + b"]"
    watcher.begin()
    watcher.answer({"task": body})
    tracemalloc.start()
    try:
        outcome = watcher.run()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert outcome.code == Exit.UNREADABLE
    assert outcome.news == []
    assert peak < 8 * len(body)
    assert watcher.judged({}) == []


if __name__ == "__main__":
    long_run(watching, BODIES, Watcher.play)
