"""One table into one Struct: every fault at once, each with its place and the nearest good name."""

from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.tables import Duration, Faults, nearest, read_table, read_tables


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    size: int = 1
    every: dict[Literal["tasks", "nodes"], Duration] = {}
    words: list[str] = []
    address: str | list[str] = ""
    rules: list[dict[str, str | list[str]]] = []
    mode: Literal["run", "group"] = "run"
    on: bool = True
    sender: str = msgspec.field(default="", name="from")


def read(table: object) -> tuple[Sample | None, list[str]]:
    faults = Faults(top=("default_channels",))
    return read_table(Sample, table, "box", faults), faults.errors


def errors(**table: object) -> list[str]:
    return read({"name": "x", **table})[1]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("90s", 90), ("5m", 300), ("4h", 14400), ("7d", 604800), ("3650d", 315360000)],
)
def test_a_duration_is_a_whole_number_and_a_unit(text: str, seconds: int) -> None:
    assert Duration.parse(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "5", "m", "5 m", "5M", "1.5h", "-5m", "+5m", "5m ", "1h30m", "5w", "٥m", "5m\n", 5, True],
)
def test_everything_else_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="expected a duration such as"):
        Duration.parse(text)


@pytest.mark.parametrize("text", ["3651d", "999999999d", "999999999h"])
def test_a_duration_that_no_date_could_bear_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="at most"):
        Duration.parse(text)


@given(st.integers(0, 3650 * 86400))
def test_a_duration_is_written_as_it_can_be_read(seconds: int) -> None:
    assert Duration.parse(str(Duration(seconds))) == seconds


def test_a_good_table_becomes_the_struct() -> None:
    table = {
        "name": "x", "every": {"tasks": "15m"}, "address": ["a", "b"], "from": "me",
        "rules": [{"name": "p-*"}, {"owner": ["a", "b"]}],
    }  # fmt: skip
    done, found = read(table)
    assert found == []
    assert done is not None
    assert (done.size, done.every, done.sender) == (1, {"tasks": Duration(900)}, "me")
    assert done.rules[1] == {"owner": ["a", "b"]}


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"sise": 3}, "box: unknown key 'sise' (did you mean 'size'?)"),
        ({"zzzz": 3}, "box: unknown key 'zzzz'"),
        ({"sender": "x"}, "box: unknown key 'sender'"),
        (
            {"default_channels": []},
            "box: unknown key 'default_channels' (it belongs above the first [table])",
        ),
        ({"size": "3"}, "box: key 'size': expected a whole number, found text"),
        ({"size": 3.5}, "box: key 'size': expected a whole number, found a number"),
        ({"size": True}, "box: key 'size': expected a whole number, found true or false"),
        ({"on": 1}, "box: key 'on': expected true or false, found a number"),
        ({"words": "a"}, "box: key 'words': expected a list, found text"),
        ({"words": ["a", 3]}, "box: key 'words.2': expected text, found a number"),
        ({"address": 3}, "box: key 'address': expected text or a list, found a number"),
        ({"every": "5m"}, "box: key 'every': expected a table, found text"),
        (
            {"every": {"task": "5m"}},
            "box: key 'every.task': expected one of tasks, nodes (did you mean 'tasks'?)",
        ),
        (
            {"every": {"tasks": 5}},
            'box: key \'every.tasks\': expected a duration such as "90s", "5m", "4h" or "7d"',
        ),
        ({"every": {"tasks": "9999d"}}, "box: key 'every.tasks': expected a duration of at most"),
        ({"mode": "grp"}, "box: key 'mode': expected one of run, group (did you mean 'group'?)"),
        ({"mode": 3}, "box: key 'mode': expected text, found a number"),
        ({"rules": [{"a": "x"}, {"b": 3}]}, "box: key 'rules.2.b': expected text or a list"),
        ({"rules": {"a": "x"}}, "box: key 'rules': expected a list, found a table"),
        ({"from": "a\nb"}, "box: key 'from': holds a line end or another control character"),
        ({"address": ["a", "b\x1b[2J"]}, "box: key 'address.2': holds a line end or another"),
        ({"a\x1b[2J\nb": 1}, "box: unknown key 'a?[2J?b'"),
    ],
)
def test_a_fault_names_table_and_key_and_what_was_expected(
    wrong: dict[str, object], line: str
) -> None:
    (found,) = errors(**wrong)
    assert found.startswith(line)


def test_a_value_is_in_no_fault() -> None:
    secret = "hunter2-hunter2"
    wrong: dict[str, Any] = {
        "size": secret, "every": {"tasks": secret}, "words": [secret, {secret: secret}],
        "rules": [[secret]], "on": secret, "from": f"{secret}\n", "mode": secret,
    }  # fmt: skip
    found = errors(**wrong)
    assert len(found) == 7
    assert secret not in "\n".join(found)


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    done, found = read({"zoo": 1, "size": "x", "words": [1, "a", 2], "yes": 2})
    assert done is None
    assert [line.split("'")[1] for line in found] == [
        "zoo", "yes", "name", "size", "words.1", "words.3",
    ]  # fmt: skip


def test_a_key_that_is_wrong_has_its_default_so_that_the_rest_can_be_judged() -> None:
    done, found = read({"name": "x", "size": "many", "words": ["a"]})
    assert len(found) == 1
    assert done == Sample(name="x", words=["a"])


@pytest.mark.parametrize(("value", "kind"), [("x", "text"), ([], "a list"), (3, "a number")])
def test_what_is_no_table_is_told_as_such(value: object, kind: str) -> None:
    assert read(value) == (None, [f"box: expected a table, found {kind}"])


def test_names_of_tables_are_plain_words() -> None:
    faults = Faults()
    tables = {
        "good-1": {"name": "x"},
        "": {},
        "a b": {},
        "a/b": {},
        "ä": {},
        "a\n": {},
        "x" * 65: {},
    }
    done = read_tables(
        tables, "boxes", faults, lambda table, where: read_table(Sample, table, where, faults)
    )
    assert list(done) == ["good-1"]
    assert len(faults.errors) == 6
    assert all("the name may hold only" in line and len(line) < 150 for line in faults.errors)


def test_a_fault_marks_its_place_as_broken() -> None:
    faults = Faults()
    read_tables(
        {"a": 3, "b": {"name": "x"}}, "boxes", faults,
        lambda table, where: read_table(Sample, table, where, faults),
    )  # fmt: skip
    assert faults.broken == {"boxes.a"}


def test_a_name_that_is_near_nothing_gets_no_hint() -> None:
    assert nearest("pager", ["ops", "chat"]) == ""
    assert nearest("", ["ops"]) == ""


VALUES = st.recursive(
    st.text(max_size=5) | st.integers() | st.floats() | st.booleans() | st.dates() | st.times()
    | st.datetimes() | st.sampled_from(["5m", "tasks", "run", "99999999999d"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
KEYS = st.sampled_from([*Sample.__struct_fields__, "from"]) | st.text(max_size=5)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_every_table_is_a_struct_or_faults_on_one_printable_line_each(table: object) -> None:
    done, found = read(table)
    assert done is not None or found
    assert all(line.isprintable() and len(line) < 400 for line in found)
