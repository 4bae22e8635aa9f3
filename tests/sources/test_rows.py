"""A list of rows: fast where all is well, row by row where one is odd, sick where it is no list."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.model import Observation
from notifier.sources import _rows
from notifier.sources._failed import LookFailed
from notifier.sources._rows import Listing, Observations, merge, read

BIG = 2**53 + 1
DEEP = b"[" * 100_000 + b"]" * 100_000


class Lean(msgspec.Struct, gc=False):
    id: str | int = msgspec.field(name="task_id")
    status: str


class Whole(msgspec.Struct):
    task_id: Any = None
    status: Any = None
    extra: Any = None


def listing(body: bytes) -> Listing[Whole]:
    return read(bytearray(body), Lean, Whole)


def row(name: object = "1", status: object = "ok", **more: object) -> dict[str, object]:
    return {"task_id": name, "status": status, **more}


def of(*rows: object) -> Listing[Whole]:
    return listing(json.dumps(rows).encode())


def test_ids_become_text_without_loss_whatever_their_type() -> None:
    seen = of(row(BIG), row(str(BIG + 1)), row(10**30))
    assert list(seen.statuses) == [str(BIG), str(BIG + 1), str(10**30)]
    assert seen.odd == ()
    assert [seen.row(name).task_id for name in seen.statuses if seen.row(name)] == [
        BIG,
        str(BIG + 1),
        10**30,
    ]


def test_a_row_is_decoded_when_it_is_asked_for() -> None:
    seen = of(row("1", extra="a"), row("2", extra={"b": 1}))
    found = seen.row("2")
    assert found is not None
    assert found.extra == {"b": 1}
    assert seen.count == 2


@pytest.mark.parametrize(
    ("odd", "note"),
    [
        (None, "row 2 is not an object; left out"),
        (7, "row 2 is not an object; left out"),
        ([row()], "row 2 is not an object; left out"),
        ({"status": "ok"}, "row 2 has no usable task_id; left out"),
        (row(None), "row 2 has no usable task_id; left out"),
        (row(1.5), "row 2 has no usable task_id; left out"),
        (row(True), "row 2 has no usable task_id; left out"),
        (row(""), "row 2 has no usable task_id; left out"),
        (row(" 2"), "row 2 has no usable task_id; left out"),
        (row("a\x1b[2J"), "row 2 has no usable task_id; left out"),
        (row("a\u202eb"), "row 2 has no usable task_id; left out"),
        (row("9" * 201), "row 2 has no usable task_id; left out"),
        (row("2", None), "row 2 has no usable status; left out"),
        (row("2", 5), "row 2 has no usable status; left out"),
        ({"task_id": "2"}, "row 2 has no usable status; left out"),
        (row("1", "failed"), "row 2 repeats task_id 1; left out"),
        (row(1, "failed"), "row 2 repeats task_id 1; left out"),
    ],
)
def test_an_odd_row_is_left_out_and_told_and_costs_no_other(odd: object, note: str) -> None:
    seen = of(row("1", extra="first"), odd, row("3"))
    assert seen.statuses == {"1": "ok", "3": "ok"}
    assert seen.odd == (note,)
    assert seen.count == 3
    found = seen.row("1")
    assert found is not None
    assert found.extra == "first"


def test_many_odd_rows_are_counted() -> None:
    seen = of(*[None] * 100)
    assert len(seen.odd) == 6
    assert seen.odd[-1] == "95 more odd rows; left out"


def test_an_unclean_status_is_kept_clean() -> None:
    seen = of(row("1", "fai\x00led"), row("2", "x" * 100), row("3", ""))
    assert seen.statuses == {"1": "fai\ufffdled", "2": "x" * 63 + "…", "3": "(none)"}


@pytest.mark.parametrize(
    "text",
    [
        b'[{"task_id": "1", "status": "ok", "x": NaN}]',
        b'[{"task_id": "1", "status": "ok", "extra": -Infinity}]',
        b'[{"task_id": "1", "status": "ok", "extra": "\\ud800"}]',
        b'[{"task_id": "1", "status": "ok", "extra": "\xff"}]',
        b'[{"task_id": "0", "task_id": "1", "status": "", "status": "ok"}]',
        b' [ {"task_id": "1" , "status": "ok"} , ] ',
    ],
)
def test_what_only_looks_like_json_is_borne(text: bytes) -> None:
    seen = listing(text)
    assert seen.statuses == {"1": "ok"}
    found = Observations(seen, lambda name, status, _: observation(name, status))["1"]
    assert found.status == "ok"


def test_a_row_that_cannot_be_decoded_later_is_no_row() -> None:
    seen = listing(b'[{"task_id": "1", "status": "ok", "extra": 1e400}]')
    assert seen.statuses == {"1": "ok"}
    assert seen.row("1") is None


def test_a_row_that_is_too_deep_for_who_asks_is_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    class Deep:
        def decode(self, _: str) -> object:
            raise RecursionError

    seen = of(row(), None)
    monkeypatch.setattr(_rows, "_BEARING", Deep())
    assert seen.row("1") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "the answer is empty"),
        (b" \n", "the answer is empty"),
        (b"{}", "the answer is not a list"),
        (b'{"detail":"Not Found"}', "the answer is not a list"),
        (b"<!doctype html><html></html>", "the answer is a web page, not JSON"),
        (b"null", "the answer is not JSON"),
        (b"Internal Server Error", "the answer is not JSON"),
        (b'[{"task_id": "1", "status": "ok"}', "the answer is not JSON"),
        (b'[{"task_id": "1", "status": "ok"}, {"task', "the answer is not JSON"),
        (b'[{"task_id": "1", "status": "ok"} {"task_id": "2"}]', "the answer is not JSON"),
        (b"[] []", "the answer is not JSON"),
        (b"[" + b"9" * 5000 + b"]", "the answer is not JSON"),
        (DEEP, "the answer is nested too deeply"),
        (b'[{"task_id":"1","status":"ok","x":' + DEEP + b"}]", "the answer is nested too deeply"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_what_is_no_list_is_sick_and_never_empty(text: bytes, reason: str) -> None:
    with pytest.raises(LookFailed) as found:
        listing(text)
    assert (found.value.why, found.value.reason) == ("sick", reason)


def test_an_empty_list_is_empty() -> None:
    assert listing(b"[]").statuses == {}


@pytest.mark.parametrize("odd", [[], [None]], ids=["fast", "row by row"])
def test_too_many_rows_are_sick_and_never_silence(
    monkeypatch: pytest.MonkeyPatch, odd: list[None]
) -> None:
    monkeypatch.setattr(_rows, "ROWS", 2)
    with pytest.raises(LookFailed, match="more than") as found:
        of(*[row(str(i)) for i in range(3)], *odd)
    assert found.value.why == "sick"


def test_rows_too_small_to_be_real_are_not_even_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rows, "ROWS", 2)
    monkeypatch.setattr(_rows, "_one_by_one", None)
    with pytest.raises(LookFailed, match="more than"):
        listing(b"[" + b",".join([b"{}"] * 100) + b"]")


@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["task_id", "status", "x"]), inner, max_size=3)
            ),
            max_leaves=8,
        ),
        max_size=5,
    )
)
def test_any_list_is_read_and_what_is_not_seen_is_told(rows: list[object]) -> None:
    seen = of(*rows)
    assert seen.count == len(rows)
    assert (len(seen.statuses) < len(rows)) == bool(seen.odd)
    for name in seen.statuses:
        seen.row(name)


def test_merged_answers_are_one_and_the_last_word_counts() -> None:
    whole = merge(
        [of(row("1", "running", extra="old"), None), of(row("2")), of(row("1", "failed"))]
    )
    assert whole.statuses == {"1": "failed", "2": "ok"}
    assert whole.odd == ("row 2 is not an object; left out",)
    found = whole.row("1")
    assert found is not None
    assert found.status == "failed"


def observation(name: str, status: str) -> Observation:
    return Observation(kind="task", id=name, name=name, status=status, health="ok")


def test_observations_are_built_only_for_what_is_asked() -> None:
    built: list[str] = []

    def build(name: str, status: str, _: Whole | None) -> Observation:
        built.append(name)
        return observation(name, status)

    seen = Observations(of(row("1"), row("2"), row("3")), build)
    assert (len(seen), list(seen), "2" in seen, "4" in seen) == (3, ["1", "2", "3"], True, False)
    assert built == []
    assert seen["2"].id == "2"
    assert built == ["2"]
    with pytest.raises(KeyError):
        seen["4"]
