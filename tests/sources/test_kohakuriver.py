"""The paging dialects, 0.4.0 (B) and 1.0 (C): no task is missed, and only all is called all."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sources import hosts
from sources.hosts import FIXTURES, Pages, Reply, Stub, recorded

from notifier.model import Snapshot
from notifier.sources import _hakuriver_host as host

Look = Callable[..., tuple[dict[str, Any], Any]]
TASKS = frozenset({"task"})
NEWEST = 1795320477034


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of 10 that overlap by 2, at most 5 of them, 3 single tasks, no margin."""
    for name, value in {"LIMIT": 10, "OVERLAP": 2, "PAGES": 5, "FOLLOW": 3, "MARGIN": 0}.items():
        monkeypatch.setattr(host, name, value)


def ident(age: int) -> str:
    """The id of a task that was submitted `age` seconds before the newest."""
    return str((NEWEST - age * 1000) << 22)


def rows(*statuses: str) -> list[dict[str, Any]]:
    """One task a second, the newest first."""
    one = json.loads(recorded("m04_status_completed", "kohakuriver"))
    return [{**one, "task_id": ident(i), "status": word} for i, word in enumerate(statuses)]


def tasks(stub: Stub) -> list[str]:
    """What was asked of the task table."""
    return [path for path in stub.asked if "/tasks" in path or "/status/" in path]


@pytest.mark.parametrize("moment", ["m00", "m01", "m02", "m03", "m04", "m05"])
def test_every_recorded_moment_of_c_is_read_whole(
    look: Look, stub: Stub, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "LIMIT", 1000)
    for path in ("tasks", "nodes", "vps"):
        stub.routes[f"/api/{path}"] = Reply(recorded(f"{moment}_{path}", "kohakuriver"))
    found, cursor = look(stub.url)
    assert cursor["base"] == "/api"
    assert cursor.get("dialect") == (None if moment in ("m00", "m01") else "C")
    for kind, path, key in (
        ("task", "tasks", "task_id"),
        ("node", "nodes", "hostname"),
        ("vps", "vps", "task_id"),
    ):
        expected = json.loads(recorded(f"{moment}_{path}", "kohakuriver"))
        assert found[kind].statuses == {row[key]: row["status"] for row in expected}
        assert found[kind].complete
        for name in found[kind].statuses:
            assert found[kind].rows[name].health != "unknown"


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in (FIXTURES / "kohakuriver").glob("[mq]*_status_*.json"))
)
def test_every_recorded_task_of_c_is_read(look: Look, stub: Stub, name: str) -> None:
    row = json.loads(recorded(name, "kohakuriver"))
    Pages([row]).serve(stub, "/api")
    found, _ = look(stub.url, want=TASKS)
    seen = found["task"].rows[row["task_id"]]
    assert (seen.status, seen.message) == (row["status"], row["error_message"] or "")
    assert seen.labels["container"] == row["container_name"]


def test_c_names_the_task_and_its_owner(look: Look, stub: Stub) -> None:
    (row,) = rows("failed")
    Pages([{**row, "name": "train", "owner_username": "anna"}]).serve(stub, "/api")
    seen = look(stub.url)[0]["task"].rows[ident(0)]
    assert (seen.name, seen.owner) == ("train", "anna")


@pytest.mark.parametrize(("numbers", "base", "dialect"), [(True, "", "B"), (False, "/api", "C")])
def test_the_dialects_are_told_apart_and_give_the_same_tasks(
    look: Look, stub: Stub, numbers: bool, base: str, dialect: str
) -> None:
    Pages(rows("failed", "completed"), numbers=numbers).serve(stub, base)
    found, cursor = look(stub.url)
    assert cursor["dialect"] == dialect
    assert found["task"].statuses == {ident(0): "failed", ident(1): "completed"}
    assert found["task"].rows[ident(0)].order == NEWEST / 1000


def test_a_short_list_is_one_request_and_complete(look: Look, stub: Stub) -> None:
    Pages(rows(*["completed"] * 9)).serve(stub, "/api")
    found, cursor = look(stub.url)
    assert found["task"].complete
    assert tasks(stub) == ["/api/tasks?limit=10&offset=0"]
    assert "newest" not in cursor


def test_all_tasks_of_a_are_one_answer_however_many(look: Look, stub: Stub) -> None:
    old = [{key: row[key] for key in ("task_id", "status")} for row in rows(*["lost"] * 50)]
    stub.routes["/nodes"] = Reply()
    stub.routes["/tasks"] = Reply(json.dumps(old).encode())
    found, cursor = look(stub.url, want=TASKS)
    assert (len(found["task"].statuses), found["task"].complete) == (50, True)
    assert tasks(stub) == ["/tasks?limit=10&offset=0"]
    assert cursor == {"base": "", "dialect": "A"}


def test_an_upgrade_from_a_is_noticed_and_not_taken_for_all(look: Look, stub: Stub) -> None:
    Pages(rows(*["completed"] * 100)).serve(stub, "/api")
    found, cursor = look(stub.url, cursor={"base": "/api", "dialect": "A"})
    assert cursor["dialect"] == "C"
    assert not found["task"].complete


def test_a_longer_list_is_read_by_overlapping_pages_and_complete(look: Look, stub: Stub) -> None:
    Pages(rows(*["completed"] * 25)).serve(stub, "/api")
    found, cursor = look(stub.url)
    assert len(found["task"].statuses) == 25
    assert found["task"].complete
    assert found["task"].notes == ()
    assert [path.rsplit("=", 1)[1] for path in tasks(stub)] == ["0", "8", "16"]
    assert cursor["newest"] == int(ident(0))


def test_tasks_that_come_in_between_the_pages_push_none_out(look: Look, stub: Stub) -> None:
    before, after = rows(*["completed"] * 27)[2:], rows(*["completed"] * 27)
    table = Pages(before)
    table.serve(stub, "/api")

    def grows(query: dict[str, str]) -> Reply:
        answer = table._list(query)
        table.rows = after
        return answer

    stub.routes["/api/tasks"] = grows
    found, _ = look(stub.url)
    assert {row["task_id"] for row in before} <= found["task"].statuses.keys()
    assert found["task"].complete


def test_pages_that_do_not_overlap_are_not_all(look: Look, stub: Stub) -> None:
    table = Pages(rows(*["completed"] * 25))
    table.serve(stub, "/api")
    stub.routes["/api/tasks"] = lambda query: table._list(
        {**query, "offset": str(int(query.get("offset", "0")) * 2)}
    )
    assert not look(stub.url)[0]["task"].complete


def test_later_looks_read_no_more_than_is_new(look: Look, stub: Stub) -> None:
    Pages(rows(*["completed"] * 45)).serve(stub, "/api")
    _, cursor = look(stub.url)
    stub.asked.clear()
    found, again = look(stub.url, cursor=cursor)
    assert again is cursor
    assert not found["task"].complete
    pages = [path for path in tasks(stub) if "offset" in path]
    assert pages == ["/api/tasks?limit=10&offset=0"]


def test_all_that_is_new_since_the_last_look_is_read(look: Look, stub: Stub) -> None:
    table = rows(*["completed"] * 60)
    Pages(table[25:]).serve(stub, "/api")
    _, cursor = look(stub.url)
    Pages(table).serve(stub, "/api")
    found, cursor = look(stub.url, cursor=cursor)
    assert {row["task_id"] for row in table[:25]} <= found["task"].statuses.keys()
    assert cursor["newest"] == int(ident(0))
    assert found["task"].notes == ()


def test_an_old_task_is_seen_while_it_is_active_and_when_it_fails(look: Look, stub: Stub) -> None:
    words = ["completed"] * 90
    words[80], words[81], words[82] = "running", "paused", "lost"
    Pages(rows(*words)).serve(stub, "/api")
    found, _ = look(stub.url, failed=["failed", "lost"])
    statuses = found["task"].statuses
    assert [statuses[ident(age)] for age in (80, 81, 82)] == ["running", "paused", "lost"]
    assert ident(83) not in statuses
    asked = [path for path in tasks(stub) if "status=" in path]
    assert all("limit=10" in path for path in asked)
    assert [path.split("status=")[1].split("&")[0] for path in asked] == [
        "pending_approval", "assigning", "pending", "running", "paused", "failed", "lost",
    ]  # fmt: skip


def test_an_old_task_that_ended_well_is_followed_by_its_id(look: Look, stub: Stub) -> None:
    Pages(rows(*["completed"] * 90)).serve(stub, "/api")
    follow = {"task": frozenset({ident(80), ident(0)}), "vps": frozenset({"7"})}
    found, _ = look(stub.url, follow=follow)
    assert found["task"].statuses[ident(80)] == "completed"
    assert [path for path in tasks(stub) if "/status/" in path] == [f"/api/status/{ident(80)}"]


def test_more_than_can_be_followed_are_followed_in_turn(look: Look, stub: Stub) -> None:
    Pages(rows(*["completed"] * 90)).serve(stub, "/api")
    follow = {"task": frozenset(ident(age) for age in range(80, 87))}
    cursor, seen = None, set()
    for _ in range(3):
        found, cursor = look(stub.url, cursor=cursor, follow=follow)
        now = follow["task"] & found["task"].statuses.keys()
        assert len(now) == 3
        seen |= now
    assert seen == follow["task"]


def test_a_followed_task_that_is_gone_is_passed_over(look: Look, stub: Stub) -> None:
    Pages(rows(*["completed"] * 90)).serve(stub, "/api")
    follow = {"task": frozenset({ident(85), ident(500), "job-a"})}
    found, _ = look(stub.url, follow=follow)
    assert isinstance(found["task"], Snapshot)
    assert ident(85) in found["task"].statuses
    assert found["task"].notes == ()


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (recorded("e_auth_anonymous_status", "kohakuriver"), 403, "http 403: Anonymous users"),
        (b"Internal Server Error", 500, "http 500"),
    ],
)
def test_single_tasks_that_cannot_be_read_are_told_and_cost_nothing_else(
    look: Look, stub: Stub, body: bytes, status: int, told: str
) -> None:
    Pages(rows(*["completed"] * 90)).serve(stub, "/api")
    stub.routes[f"/api/status/{ident(85)}"] = Reply(body, status)
    found, _ = look(stub.url, follow={"task": frozenset({ident(85), ident(84)})})
    (note,) = found["task"].notes
    assert note.startswith(f"single tasks cannot be read: {told}")


@pytest.mark.parametrize("answer", [Reply(b"{}"), Reply(b"", 500), Reply(b"[{}", length=9)])
def test_a_page_that_fails_makes_tasks_unreadable_and_is_no_end(
    look: Look, stub: Stub, answer: Reply
) -> None:
    table = Pages(rows(*["completed"] * 45))
    table.serve(stub, "/api")
    stub.routes["/api/tasks"] = lambda query: (
        table._list(query) if query["offset"] == "0" else answer
    )
    found, cursor = look(stub.url)
    assert found["tasks"].why == "sick"
    assert "newest" not in cursor


def test_a_host_that_goes_away_while_tasks_are_followed_is_unreachable(
    look: Look, stub: Stub
) -> None:
    Pages(rows(*["completed"] * 90)).serve(stub, "/api")
    stub.routes[f"/api/status/{ident(85)}"] = hosts.hangs_up
    found, _ = look(stub.url, follow={"task": frozenset({ident(85)})}, want=TASKS)
    assert found["tasks"].why == "unreachable"


def test_too_many_new_tasks_for_one_look_are_told(look: Look, stub: Stub) -> None:
    table = rows(*["completed"] * 100, *["running"] * 9)
    Pages(table).serve(stub, "/api")
    found, _ = look(stub.url, cursor={"base": "/api", "newest": int(ident(108))})
    assert not found["task"].complete
    assert found["task"].notes[0].startswith("more than 40 new tasks since the last look")
    assert ident(108) in found["task"].statuses


def test_an_odd_row_on_any_page_is_told_and_all_is_not_said(look: Look, stub: Stub) -> None:
    table = rows(*["completed"] * 14)
    table[12] = {**table[12], "status": None}
    Pages(table).serve(stub, "/api")
    found, _ = look(stub.url)
    assert not found["task"].complete
    assert found["task"].notes == ("row 5 has no usable status; left out",)


# ---- 0.4.0 (B), of which there is no recording: a stub after what was seen of it --------------


def test_numbers_beyond_what_a_double_holds_are_kept_to_the_digit(look: Look, stub: Stub) -> None:
    (one,) = rows("running")
    odd = [7530120526514094081, 7530120526514094083, 2**63 - 1]
    table = [{**one, "task_id": str(number)} for number in odd]
    Pages(table, numbers=True).serve(stub, "")
    found, cursor = look(stub.url, want=TASKS)
    assert list(found["task"].statuses) == [str(number) for number in odd]
    assert [found["task"].rows[str(number)].id for number in odd] == [str(one) for one in odd]
    assert cursor == {"base": "", "dialect": "B"}


def test_the_batch_of_a_number_is_text_too(look: Look, stub: Stub) -> None:
    (one,) = rows("running")
    Pages([{**one, "batch_id": 7530120526514094083}], numbers=True).serve(stub, "")
    assert look(stub.url)[0]["task"].rows[ident(0)].group == "7530120526514094083"


def test_a_vps_has_text_for_an_id_where_tasks_have_numbers(look: Look, stub: Stub) -> None:
    Pages(rows("running"), numbers=True).serve(stub, "")
    found, _ = look(stub.url)
    expected = {row["task_id"] for row in json.loads(recorded("m05_vps", "kohakuriver"))}
    assert expected
    assert found["vps"].statuses.keys() == expected


def test_numbers_are_paged_listed_by_status_and_followed_as_text_is(look: Look, stub: Stub) -> None:
    words = ["completed"] * 90
    words[80], words[81] = "running", "lost"
    follow = {"task": frozenset({ident(83), ident(81), ident(84)})}
    told = []
    for numbers, base in ((False, "/api"), (True, "")):
        server = Stub()
        try:
            Pages(rows(*words), numbers=numbers).serve(server, base)
            found, cursor = look(server.url, want=TASKS, follow=follow)
            again, _ = look(server.url, want=TASKS, follow=follow, cursor=cursor)
            asked = [path.removeprefix(base) for path in tasks(server)]
        finally:
            server.stop()
        told.append(
            [(one["task"].statuses, one["task"].complete) for one in (found, again)] + asked
        )
    assert told[0] == told[1]
    assert told[0][0][0][ident(83)] == "completed"


def test_no_question_for_tasks_is_left_to_the_default_page(look: Look, stub: Stub) -> None:
    Pages(rows(*["completed"] * 90)).serve(stub, "/api")
    _, cursor = look(stub.url, follow={"task": frozenset({ident(85)})})
    look(stub.url, cursor=cursor, follow={"task": frozenset({ident(85)})})
    lists = [path for path in stub.asked if "/tasks" in path]
    assert len(lists) > 20
    assert all("limit=" in path for path in lists)


def test_what_the_lists_by_status_lack_is_asked_singly_after_them(look: Look, stub: Stub) -> None:
    words = ["completed"] * 90
    words[80] = "running"
    Pages(rows(*words)).serve(stub, "/api")
    look(stub.url, follow={"task": frozenset({ident(80), ident(85)})})
    asked = tasks(stub)
    assert asked[-1] == f"/api/status/{ident(85)}", "the one that left them"
    assert sum("/status/" in path for path in asked) == 1, "and not the one that is in them"
    assert max(n for n, path in enumerate(asked) if "?status=" in path) == len(asked) - 2


def test_a_vps_that_is_restarted_is_active_and_then_well(look: Look, stub: Stub) -> None:
    row = json.loads(recorded("m06_vps_with_failed", "kohakuriver"))[0]
    Pages(rows("running"), numbers=True).serve(stub, "")
    seen = []
    for word in ("lost", "assigning", "running", "stopped"):
        stub.routes["/vps"] = Reply(json.dumps([{**row, "status": word}]).encode())
        (one,) = look(stub.url)[0]["vps"].rows.values()
        seen.append(one.health)
    assert seen == ["failed", "active", "ok", "cancelled"]
