"""What a host is, asked once with a few small answers."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from sources import hosts
from sources.hosts import Pages, Reply, Stub, recorded

from notifier import sources
from notifier.sources import hakuriver
from notifier.sources._failed import LookFailed
from notifier.sources._hakuriver_about import FIRST
from notifier.sources._http import Http

About = Callable[..., str]


@pytest.fixture
def about() -> About:
    def ask(url: str, cursor: Any = None) -> str:
        chosen = hakuriver.Settings(type="hakuriver", url=url)
        with sources.connect(chosen) as http:
            return hakuriver.about(chosen, http, cursor, time.monotonic() + 10)

    return ask


def described(title: str, *paths: str) -> Reply:
    """The description of its API that every one of them has at the root."""
    known = {path: {} for path in paths}
    document = {"info": {"title": title, "version": "0.1.0"}, "paths": known}
    return Reply(json.dumps(document).encode())


def rows(count: int) -> list[dict[str, Any]]:
    one = json.loads(recorded("m04_status_completed", "kohakuriver"))
    return [{**one, "task_id": str(int(one["task_id"]) + i)} for i in range(count)]


def test_the_first_one_is_known_by_its_name_and_not_asked_for_all_its_tasks(
    about: About, stub: Stub
) -> None:
    hosts.dialect_a(stub, "m05")
    stub.routes["/openapi.json"] = described(FIRST, "/tasks", "/nodes")
    assert about(stub.url) == "HakuRiver 0.3 (dialect A) at /: 3 nodes, 2 offline"
    assert not [path for path in stub.asked if "tasks" in path]


@pytest.mark.parametrize("tasks", [0, 3])
@pytest.mark.parametrize(
    ("numbers", "base", "said"),
    [
        (True, "", "KohakuRiver 0.4 (dialect B) at /: "),
        (False, "/api", "KohakuRiver 1.0 (dialect C) at /api: "),
    ],
)
def test_the_others_are_told_apart_with_and_without_tasks(
    numbers: bool, base: str, said: str, tasks: int, about: About, stub: Stub
) -> None:
    Pages(rows(tasks), numbers=numbers).serve(stub, base)
    stub.routes["/openapi.json"] = described("HakuRiver Host", f"{base}/tasks")
    assert about(stub.url).startswith(said)
    assert [path for path in stub.asked if "/tasks" in path] == [f"{base}/tasks?limit=1"]


@pytest.mark.parametrize("status", [401, 403])
def test_tasks_that_are_refused_while_nodes_are_not_ask_for_a_token(
    status: int, about: About, stub: Stub
) -> None:
    Pages([]).serve(stub, "/api")
    stub.routes["/openapi.json"] = described("HakuRiver Host", "/api/tasks")
    body = recorded("e_auth_anonymous_tasks", "kohakuriver")
    stub.routes["/api/tasks"] = Reply(body, status)
    with pytest.raises(LookFailed) as failed:
        about(stub.url)
    assert (failed.value.why, failed.value.status) == ("refused", status)
    assert failed.value.reason.startswith("its nodes can be read and its tasks cannot: http 40")
    assert failed.value.reason.endswith("set `token`")


@pytest.mark.parametrize(
    "odd",
    [Reply(b"{}", 404), Reply(b"<html>"), Reply(b"[]"), Reply(b'{"info": 3}'), Reply(b"\xff")],
)
def test_where_it_does_not_say_what_was_seen_before_counts(
    odd: Reply, about: About, stub: Stub
) -> None:
    hosts.dialect_a(stub, "m05")
    stub.routes["/openapi.json"] = odd
    assert about(stub.url).startswith("HakuRiver or KohakuRiver (it does not say which) at /: ")
    assert about(stub.url, {"base": "", "dialect": "A"}).startswith("HakuRiver 0.3 (dialect A)")
    assert not [path for path in stub.asked if "tasks" in path]


@pytest.mark.parametrize("odd", [Reply(b"{}"), Reply(b"", 500), Reply(b"[{]"), Reply(b"\xff")])
def test_a_sick_list_of_tasks_is_said(odd: Reply, about: About, stub: Stub) -> None:
    Pages([]).serve(stub, "/api")
    stub.routes["/openapi.json"] = described("HakuRiver Host", "/api/tasks")
    stub.routes["/api/tasks"] = odd
    with pytest.raises(LookFailed) as failed:
        about(stub.url)
    assert failed.value.why == "sick"


def test_another_server_is_none_of_ours(about: About, stub: Stub) -> None:
    with pytest.raises(LookFailed, match="is the url right"):
        about(stub.url)


def test_how_far_a_servers_clock_is_from_ours_is_known(
    stub: Stub, connect: Callable[..., Http]
) -> None:
    stub.routes["/x"] = Reply(headers={"Date": "Mon, 01 Jan 2001 00:00:00 GMT"})
    stub.routes["/y"] = Reply(headers={"Date": "soon"})
    http = connect(stub.url)
    assert http.ahead is None
    http.get("/x", time.monotonic() + 5)
    assert http.ahead is not None
    assert http.ahead < -86400
    http.get("/y", time.monotonic() + 5)
    assert http.ahead is None
