"""HakuRiver 0.3.0: every recorded answer, every odd one, and never a failure for an empty list."""

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sources import hosts
from sources.hosts import FIXTURES, Reply, Stub, dialect_a, recorded

from notifier import sources
from notifier.model import Observation, Snapshot, Unreadable
from notifier.sources.hakuriver import KINDS, Settings, classify
from notifier.tables import Duration

Look = Callable[..., tuple[dict[str, Any], Any]]
MOMENTS = ("m00", "m01", "m02", "m03", "m04", "m05", "m06")
ROOT = {"base": "", "dialect": "A", "offset": 0}
TASK = {"task_id": "7530119858105614336", "status": "failed"}


def settings(**more: Any) -> Settings:
    return Settings(type="hakuriver", url="http://river.example", **more)


def seen(look: Look, stub: Stub, **row: object) -> Observation:
    """The one task of a host, as it is observed."""
    stub.routes["/nodes"] = Reply()
    stub.routes["/tasks"] = Reply(json.dumps([{**TASK, **row}]).encode())
    found, _ = look(stub.url, want=frozenset({"task"}))
    snapshot: Snapshot = found["task"]
    assert snapshot.complete
    return snapshot.rows[str(row.get("task_id", TASK["task_id"]))]


# ---- what is recorded -----------------------------------------------------------------------


@pytest.mark.parametrize("moment", MOMENTS)
def test_every_recorded_moment_is_read_whole(look: Look, stub: Stub, moment: str) -> None:
    dialect_a(stub, moment)
    found, cursor = look(stub.url)
    assert cursor["base"] == ""
    for kind, path, key in (
        ("task", "/tasks", "task_id"),
        ("node", "/nodes", "hostname"),
        ("vps", "/vps", "task_id"),
    ):
        rows = json.loads(stub.routes[path].body)
        snapshot = found[kind]
        assert isinstance(snapshot, Snapshot)
        assert snapshot.statuses == {str(row[key]): row["status"] for row in rows}
        assert (snapshot.complete, snapshot.notes) == (True, ())
        for name in snapshot.statuses:
            assert snapshot.rows[name].id == name
            assert snapshot.rows[name].health != "unknown"


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in (FIXTURES / "hakuriver").glob("[mq]*_status_*.json"))
)
def test_every_recorded_task_is_read_as_a_row(look: Look, stub: Stub, name: str) -> None:
    row = json.loads(recorded(name))
    found = seen(look, stub, **row)
    assert (found.id, found.status, found.message) == (
        row["task_id"],
        row["status"],
        row["error_message"] or "",
    )
    assert found.submitted is not None


@pytest.mark.parametrize("moment", ["m05", "m06", "m08", "m09", "q_nodes_after_offline", "r01"])
def test_nodes_are_read_from_nodes_and_never_from_health(
    look: Look, stub: Stub, moment: str
) -> None:
    name = {"q_nodes_after_offline": moment, "r01": "r01_nodes_real_runner"}.get(
        moment, f"{moment}_nodes"
    )
    stub.routes["/nodes"] = Reply(recorded(name))
    found, _ = look(stub.url, want=frozenset({"node"}))
    expected = {row["hostname"]: row["status"] for row in json.loads(recorded(name))}
    assert found["node"].statuses == expected
    assert not any("health" in path for path in stub.asked)


def test_a_lost_task_is_observed_with_all_that_is_known_of_it(look: Look, stub: Stub) -> None:
    dialect_a(stub, "m05")
    found, _ = look(stub.url, link={"task": "https://river.example/tasks/{id}?n={name}&at={node}"})
    assert found["task"].rows["7530119854674673664"] == Observation(
        kind="task",
        id="7530119854674673664",
        name="echo 'hi; \"quoted\" $x 你好'",
        status="lost",
        health="failed",
        severity="critical",
        node="node-b",
        group="7530119854628536320",
        part_of="node/node-b",
        message="Node node-b went offline (heartbeat timeout).",
        command="echo 'hi; \"quoted\" $x 你好'",
        submitted=datetime(2026, 11, 22, 4, 7, 56, 216000, tzinfo=UTC),
        started=datetime(2026, 11, 22, 4, 7, 56, 385849, tzinfo=UTC),
        ended=datetime(2026, 11, 22, 4, 8, 0, 507913, tzinfo=UTC),
        order=1795320476.216,
        link="https://river.example/tasks/7530119854674673664"
        "?n=echo%20%27hi%3B%20%22quoted%22%20%24x%20%E4%BD%A0%E5%A5%BD%27&at=node-b",
        labels={"exit_code": "-1", "cores": "1"},
    )


def test_an_offline_node_is_observed_with_when_it_was_last_seen(look: Look, stub: Stub) -> None:
    dialect_a(stub, "m05")
    found, _ = look(stub.url)
    assert found["node"].rows["node-b"] == Observation(
        kind="node",
        id="node-b",
        name="node-b",
        status="offline",
        health="down",
        severity="critical",
        node="node-b",
        last_seen=datetime(2026, 11, 22, 4, 7, 57, 67229, tzinfo=UTC),
    )
    assert found["node"].rows["node-a"].labels == {"gpus": "2"}


def test_a_failed_vps_is_seen_though_no_task_list_has_it(look: Look, stub: Stub) -> None:
    dialect_a(stub, "m06")
    found, _ = look(stub.url)
    assert found["vps"].scope == "vps"
    failed = found["vps"].rows["7530119874207547392"]
    assert (failed.name, failed.health, failed.message) == ("vps", "failed", "Docker image missing")
    assert found["vps"].rows["7530119855077326848"].health == "ok"
    assert "7530119874207547392" not in found["task"].statuses


def test_the_tasks_of_one_submission_are_one_group(look: Look, stub: Stub) -> None:
    dialect_a(stub, "m02")
    rows = look(stub.url)[0]["task"].rows
    groups = [row.group for row in rows.values()]
    assert groups.count("7530119854628536320") == 2
    assert all(groups)


# ---- what a status means --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("task", "completed", ("ok", "info")),
        ("task", "failed", ("failed", "critical")),
        ("task", "killed_oom", ("failed", "critical")),
        ("task", "lost", ("failed", "critical")),
        ("task", "stopped", ("failed", "critical")),
        ("task", "killed", ("failed", "warning")),
        ("task", "rejected", ("cancelled", "info")),
        ("task", "assigning", ("active", "info")),
        ("task", "pending", ("active", "info")),
        ("task", "running", ("active", "info")),
        ("task", "paused", ("active", "info")),
        ("task", "pending_approval", ("active", "info")),
        ("task", "who_knows", ("unknown", "warning")),
        ("task", "", ("unknown", "warning")),
        ("vps", "running", ("ok", "info")),
        ("vps", "completed", ("ok", "info")),
        ("vps", "assigning", ("active", "info")),
        ("vps", "failed", ("failed", "critical")),
        ("vps", "lost", ("failed", "critical")),
        ("vps", "killed_oom", ("failed", "critical")),
        ("vps", "killed", ("cancelled", "info")),
        ("vps", "stopped", ("cancelled", "info")),
        ("vps", "who_knows", ("unknown", "warning")),
        ("node", "online", ("ok", "info")),
        ("node", "offline", ("down", "critical")),
        ("node", "draining", ("unknown", "warning")),
    ],
)
def test_a_status_means_what_the_table_says(
    kind: str, status: str, expected: tuple[str, str]
) -> None:
    assert classify(settings(), kind, status) == expected


def test_the_list_of_failures_replaces_ours(look: Look, stub: Stub) -> None:
    chosen = settings(failed=["failed", "rejected", "evicted"])
    words = ("failed", "rejected", "evicted", "killed", "lost", "stopped", "killed_oom")
    assert [classify(chosen, "task", word)[0] for word in words] == ["failed"] * 3 + [
        "cancelled"
    ] * 4
    dialect_a(stub, "m05")
    found, _ = look(stub.url, failed=["failed"])
    assert found["task"].rows["7530119854674673664"].health == "cancelled"


def test_an_unknown_status_and_key_do_no_harm(look: Look, stub: Stub) -> None:
    row = json.loads(recorded("m06_status_invented"))
    found = seen(look, stub, **row, surprise={"a": [1]})
    assert (found.status, found.health) == ("who_knows", "unknown")


# ---- times ----------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-12, -3.5, 0, 5.75, 9, 14])
def test_local_times_become_true_ones_whatever_the_hosts_zone(
    look: Look, stub: Stub, hours: float
) -> None:
    def local(text: str) -> str:
        return (datetime.fromisoformat(text) + timedelta(hours=hours)).isoformat()

    found = seen(
        look,
        stub,
        submitted_at=local("2026-11-22T04:07:57.034994"),
        started_at=local("2026-11-22T04:08:00"),
        completed_at=local("2026-11-22T05:00:00.5"),
    )
    assert found.submitted == datetime(2026, 11, 22, 4, 7, 57, 34000, tzinfo=UTC)
    assert found.started == datetime(2026, 11, 22, 4, 8, tzinfo=UTC)
    assert found.ended == datetime(2026, 11, 22, 5, 0, 0, 500000, tzinfo=UTC)


def test_times_with_a_zone_are_taken_as_they_are(look: Look, stub: Stub) -> None:
    found = seen(look, stub, **json.loads(recorded("q_status_with_zone")))
    assert found.started == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert found.ended == datetime(2026, 1, 2, 1, 4, 6, 500000, tzinfo=UTC)
    assert seen(look, stub, started_at="2026-01-02 03:04:05+00:00").started == found.started


@pytest.mark.parametrize(
    "odd",
    [None, "", "soon", 5, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", ["x"],
     "2026-99-01T00:00:00", "-1"],
)  # fmt: skip
def test_an_odd_time_is_no_time(look: Look, stub: Stub, odd: object) -> None:
    found = seen(look, stub, submitted_at="2026-11-22T04:07:57", started_at=odd, completed_at=odd)
    assert (found.started, found.ended) == (None, None)


@pytest.mark.parametrize(
    "at", ["2026-11-24T04:07:57", "2026-11-23T00:07:57", "2025-11-22T04:07:57", None, "x"]
)
def test_a_submission_far_from_its_id_says_nothing_about_the_zone(
    look: Look, stub: Stub, at: str | None
) -> None:
    assert seen(look, stub, submitted_at=at, started_at="2026-11-22T04:08:00").started is None


def test_an_id_of_another_make_has_no_submit_time(look: Look, stub: Stub) -> None:
    found = seen(look, stub, task_id="42", submitted_at="2026-11-22T04:07:57")
    assert (found.submitted, found.order) == (None, None)
    assert seen(look, stub, task_id="9" * 200).order is None
    assert seen(look, stub, task_id="job-a").order is None


def test_the_hosts_zone_is_learned_from_a_heartbeat_and_remembered(look: Look, stub: Stub) -> None:
    def nodes(*rows: tuple[str, str, str]) -> Reply:
        keys = ("hostname", "status", "last_heartbeat")
        return Reply(json.dumps([dict(zip(keys, row, strict=True)) for row in rows]).encode())

    nodes_only = {"want": frozenset({"node"})}
    stub.routes["/nodes"] = nodes(("a", "offline", "2026-11-22T12:00:00"))
    found, cursor = look(stub.url, **nodes_only)
    assert found["node"].rows["a"].last_seen is None
    stub.routes["/nodes"] = nodes(
        ("a", "offline", "2026-11-22T12:00:00"), ("b", "online", "2026-11-22T13:07:40")
    )
    found, cursor = look(stub.url, cursor=cursor, **nodes_only)
    assert cursor["offset"] == 9 * 60
    stub.routes["/nodes"] = nodes(("a", "offline", "2026-11-22T12:00:00"))
    found, again = look(stub.url, cursor=cursor, **nodes_only)
    assert found["node"].rows["a"].last_seen == datetime(2026, 11, 22, 3, tzinfo=UTC)
    assert again is cursor


# ---- text -----------------------------------------------------------------------------------


def test_text_is_clean_redacted_and_bounded(look: Look, stub: Stub) -> None:
    found = seen(
        look,
        stub,
        command="python\x1b[31m",
        arguments=["--password", "hunter2", "--note", "a\nb", *["x" * 50] * 30],
        env_vars={"SECRET": "never"},
        error_message="line 1\r\nAPI_KEY=hunter2\n\u202e" + "y" * 5000,
        assigned_node="gpu\n07",
        owner_username="an\u200bna",
    )
    assert found.command.startswith("python --password [redacted] --note 'a b' xxx")
    assert len(found.command) == 500
    assert found.name == found.command[:79] + "…"
    assert found.message.startswith("line 1\nAPI_KEY=[redacted]\nyyy")
    assert len(found.message) == 2000
    assert (found.node, found.part_of, found.owner) == ("gpu 07", "node/gpu 07", "anna")
    assert "never" not in repr(found)
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize("message", [None, "", 7, ["x"], {"a": 1}])
def test_a_message_may_be_missing_or_odd(look: Look, stub: Stub, message: object) -> None:
    assert seen(look, stub, error_message=message).message == ("7" if message == 7 else "")


@pytest.mark.parametrize("env", [[], {}, {"A": "b c"}, None, "x", [["a", 1]]])
def test_the_environment_may_be_anything_and_is_not_read(
    look: Look, stub: Stub, env: object
) -> None:
    assert seen(look, stub, env_vars=env).labels == {}


def test_nulls_and_odd_types_in_every_field_do_no_harm(look: Look, stub: Stub) -> None:
    keys = json.loads(recorded("m04_tasks"))[0].keys() - {"task_id", "status"}
    for odd in (None, 1.5, [1], {"a": None}, True):
        found = seen(look, stub, **dict.fromkeys(keys, odd))
        assert found.health == "failed"


def test_a_task_without_a_command_is_called_a_task(look: Look, stub: Stub) -> None:
    assert seen(look, stub, command="").name == "task"


def test_what_a_link_is_filled_with_cannot_leave_its_place(look: Look, stub: Stub) -> None:
    row = {"hostname": "../a?b#c%/{id}", "status": "offline"}
    stub.routes["/nodes"] = Reply(json.dumps([row]).encode())
    found, _ = look(stub.url, link={"node": "https://river.example/{node}/x"})
    (node,) = found["node"].rows.values()
    assert node.link == "https://river.example/..%2Fa%3Fb%23c%25%2F%7Bid%7D/x"


@pytest.mark.parametrize("link", ["javascript:alert({id})", "ftp://x/{id}", "//x/{id}", ""])
def test_a_link_is_http_or_none(look: Look, stub: Stub, link: str) -> None:
    dialect_a(stub)
    found, _ = look(stub.url, link={"task": link})
    assert {row.link for row in found["task"].rows.values()} == {""}


# ---- odd rows and odd answers ---------------------------------------------------------------


def test_one_odd_row_makes_a_listing_incomplete_and_told(look: Look, stub: Stub) -> None:
    rows = json.loads(recorded("m05_tasks"))
    dialect_a(stub)
    stub.routes["/tasks"] = Reply(json.dumps([None, *rows, {"status": "failed"}, rows[0]]).encode())
    found, _ = look(stub.url)
    snapshot = found["task"]
    assert len(snapshot.statuses) == len(rows)
    assert not snapshot.complete
    assert snapshot.notes == (
        "row 1 is not an object; left out",
        f"row {len(rows) + 2} has no usable task_id; left out",
        f"row {len(rows) + 3} repeats task_id {rows[0]['task_id']}; left out",
    )
    assert found["node"].complete


def test_null_nodes_are_left_out_and_told(look: Look, stub: Stub) -> None:
    dialect_a(stub)
    stub.routes["/nodes"] = Reply(b'[null, {"hostname": "a", "status": "online"}]')
    found, _ = look(stub.url)
    assert found["node"].statuses == {"a": "online"}
    assert not found["node"].complete


SICK = [
    (Reply(b"Internal Server Error", 500), "http 500: Internal Server Error"),
    (Reply(b'{"detail":"x"}'), "the answer is not a list"),
    (Reply(b"<html></html>"), "the answer is a web page, not JSON"),
    (Reply(b""), "the answer is empty"),
    (Reply(b'[{"task_id"'), "the answer is not JSON"),
    (Reply(b"[" * 100_000), "the answer is nested too deeply"),
    (hosts.cut_body, "the answer was cut short"),
    (hosts.cut_chunks, "the answer was cut short"),
]


@pytest.mark.parametrize(("route", "reason"), SICK, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize(
    ("path", "name", "family", "scope"),
    [
        ("/tasks", "tasks", "tasks", ""),
        ("/nodes", "nodes", "nodes", ""),
        ("/vps", "vps", "tasks", "vps"),
    ],
)
def test_a_sick_answer_is_its_own_family_unreadable_and_never_an_empty_listing(
    look: Look, stub: Stub, path: str, name: str, family: str, scope: str, route: Any, reason: str
) -> None:
    dialect_a(stub)
    stub.routes[path] = route
    found, cursor = look(stub.url, cursor=ROOT)
    failed = found.pop(name)
    assert isinstance(failed, Unreadable)
    assert (failed.family, failed.scope, failed.why, failed.reason) == (
        family, scope, "sick", reason,
    )  # fmt: skip
    assert len(found) == 2
    assert all(isinstance(one, Snapshot) for one in found.values())
    assert cursor is ROOT


def test_a_list_over_the_limit_is_unreadable_and_never_a_part(look: Look, stub: Stub) -> None:
    dialect_a(stub)
    found, _ = look(stub.url, cursor=ROOT, max_bytes=5000)
    assert (found["tasks"].why, found["tasks"].reason) == (
        "sick",
        "the answer is larger than 5 kB",
    )
    assert found["node"].complete


def test_a_list_near_the_limit_is_told(look: Look, stub: Stub) -> None:
    dialect_a(stub)
    size = len(recorded("m05_tasks"))
    found, _ = look(stub.url, cursor=ROOT, max_bytes=size)
    assert found["task"].notes == (
        "the answer to /tasks is 8 kB; at most 8 kB are read (max_bytes)",
    )
    assert found["node"].notes == ()


def test_a_slow_list_of_tasks_is_that_family_s_and_nothing_more_is_asked(
    look: Look, stub: Stub
) -> None:
    dialect_a(stub)
    stub.routes["/tasks"] = hosts.drips
    found, _ = look(stub.url, cursor=ROOT, seconds=0.3)
    assert found["tasks"].why == "slow"
    assert found["tasks"].took > 0
    assert {one.why for one in found.values()} == {"slow"}
    assert len(stub.asked) == 1


def test_a_host_that_is_gone_is_unreachable_for_all_that_was_wanted(look: Look) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found, cursor = look(f"http://127.0.0.1:{port}")
    assert {name: (one.why, one.reason) for name, one in found.items()} == dict.fromkeys(
        ("tasks", "nodes", "vps"), ("unreachable", "connection refused")
    )
    assert cursor is None


def test_a_host_that_gives_no_connection_is_asked_once(look: Look, stub: Stub) -> None:
    stub.routes["/api/nodes"] = hosts.hangs_up
    found, _ = look(stub.url)
    assert {one.why for one in found.values()} == {"unreachable"}
    assert len(found) == 3
    assert stub.asked == ["/api/nodes"]


def test_the_timeout_is_the_settings(look: Look, stub: Stub) -> None:
    stub.routes["/nodes"] = hosts.silent
    found, _ = look(stub.url, cursor=ROOT, timeout=Duration(0.2), want=frozenset({"node"}))
    assert found["nodes"].reason == "no answer within 0.2 s"


def test_the_authority_is_the_settings(look: Look, tls_stub: Stub, certificate: Path) -> None:
    dialect_a(tls_stub)
    found, _ = look(tls_stub.url, cursor=ROOT, ca_file=str(certificate))
    assert isinstance(found["task"], Snapshot)
    found, _ = look(tls_stub.url, cursor=ROOT)
    assert {one.why for one in found.values()} == {"tls"}


def test_refused_tasks_leave_the_nodes_readable(look: Look, stub: Stub) -> None:
    stub.routes["/api/nodes"] = Reply(recorded("m05_nodes", "kohakuriver"))
    for path in ("/api/tasks", "/api/vps"):
        stub.routes[path] = Reply(recorded("e_auth_anonymous_tasks", "kohakuriver"), 401)
    found, _ = look(stub.url)
    assert (found["tasks"].why, found["tasks"].reason) == ("refused", "http 401: Not authenticated")
    assert len(found["node"].statuses) == 3


# ---- where the API is -----------------------------------------------------------------------


@pytest.mark.parametrize("base", ["", "/api"])
@pytest.mark.parametrize("path", ["", "/", "/river"])
def test_the_base_path_is_found_out_once(look: Look, stub: Stub, base: str, path: str) -> None:
    dialect_a(stub, base=f"{path.rstrip('/')}{base}")
    _, cursor = look(f"{stub.url}{path}")
    assert cursor == {"base": base, "dialect": "A", "offset": 0}
    asked = len(stub.asked)
    found, again = look(f"{stub.url}{path}", cursor=cursor)
    assert again is cursor
    assert len(stub.asked) == asked + 3
    assert all(isinstance(one, Snapshot) for one in found.values())


def test_a_dashboard_that_answers_every_path_with_a_page_is_no_base(look: Look, stub: Stub) -> None:
    dialect_a(stub)
    stub.routes["/api/nodes"] = Reply(b"<!doctype html>")
    _, cursor = look(stub.url)
    assert cursor["base"] == ""


def test_a_host_that_was_upgraded_is_found_again(look: Look, stub: Stub) -> None:
    dialect_a(stub, base="/api")
    found, cursor = look(stub.url, cursor=ROOT)
    assert cursor["base"] == "/api"
    assert isinstance(found["task"], Snapshot)


def test_a_missing_list_of_tasks_is_looked_for_once_and_then_refused(
    look: Look, stub: Stub
) -> None:
    dialect_a(stub)
    del stub.routes["/tasks"]
    found, cursor = look(stub.url, cursor=ROOT)
    assert (found["tasks"].why, found["tasks"].reason) == ("refused", "http 404: Not Found")
    assert stub.asked == ["/tasks?limit=1000&offset=0", "/api/nodes", "/nodes", "/nodes", "/vps"]
    assert cursor is ROOT
    stub.asked.clear()
    look(stub.url, want=frozenset({"task"}))
    assert stub.asked == ["/api/nodes", "/nodes", "/tasks?limit=1000&offset=0"]


def test_a_missing_vps_list_does_not_send_us_looking(look: Look, stub: Stub) -> None:
    dialect_a(stub)
    del stub.routes["/vps"]
    found, cursor = look(stub.url, cursor=ROOT)
    assert (found["vps"].why, found["vps"].scope) == ("refused", "vps")
    assert cursor is ROOT
    assert len(stub.asked) == 3


def test_another_server_is_refused_and_asked_no_more_than_needed(look: Look, stub: Stub) -> None:
    found, cursor = look(stub.url)
    assert {one.reason for one in found.values()} == {
        "http 404 for /api/nodes and /nodes: is the url right?"
    }
    assert {one.why for one in found.values()} == {"refused"}
    assert stub.asked == ["/api/nodes", "/nodes"]
    assert cursor is None


@pytest.mark.parametrize(
    ("status", "why", "reason"),
    [(401, "refused", "http 401: x"), (502, "sick", "http 502: x"), (302, "refused", "redirects")],
)
def test_what_the_only_answering_path_says_is_told(
    look: Look, stub: Stub, status: int, why: str, reason: str
) -> None:
    stub.routes["/api/nodes"] = Reply(b"x", status, {"Location": "https://login.example/"})
    found, _ = look(stub.url)
    assert found["nodes"].why == why
    assert reason in found["nodes"].reason


@pytest.mark.parametrize("cursor", [None, {}, {"base": 5}, {"base": "/evil"}, [], "x", {"y": 1}])
def test_an_odd_cursor_is_a_first_look(look: Look, stub: Stub, cursor: Any) -> None:
    dialect_a(stub)
    found, new = look(stub.url, cursor=cursor)
    assert new == {"base": "", "dialect": "A", "offset": 0}
    assert isinstance(found["task"], Snapshot)


def test_only_what_is_wanted_is_asked(look: Look, stub: Stub) -> None:
    dialect_a(stub)
    found, _ = look(stub.url, cursor=ROOT, want=frozenset({"node"}))
    assert (list(found), stub.asked) == (["node"], ["/nodes"])


def test_a_kind_can_be_left_out(look: Look, stub: Stub) -> None:
    dialect_a(stub)
    found, _ = look(stub.url, cursor=ROOT, kinds=["task"])
    assert list(found) == ["task"]
    assert len(stub.asked) == 1


def test_the_token_is_sent(look: Look, stub: Stub) -> None:
    dialect_a(stub)
    look(stub.url, token="s3cret")
    assert {head["authorization"] for head in stub.heads} == {"Bearer s3cret"}


def test_the_kinds_say_how_they_are_judged() -> None:
    assert {name: (kind.family, kind.finite, kind.absence) for name, kind in KINDS.items()} == {
        "task": ("tasks", True, "reset"),
        "vps": ("tasks", True, "reset"),
        "node": ("nodes", False, "reset"),
    }
    assert sources.module("kohakuriver") is sources.module("hakuriver")
