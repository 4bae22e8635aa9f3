"""Hydra against the recorded answers of a real server, and what its numbers and texts mean."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from sources.hosts import Reply, Stub
from sources.hydra_server import RECORDED, Server, body

from notifier import sources
from notifier.model import BAD, Snapshot, Unreadable
from notifier.sources import _hydra_answers as answers
from notifier.sources import _hydra_evals as evals
from notifier.sources import _hydra_server as server
from notifier.sources import _hydra_tasks as tasks
from notifier.sources import _hydra_words as words
from notifier.sources import hydra
from notifier.sources._failed import LookFailed
from notifier.sources._hydra_memory import Memory, Record
from notifier.sources._hydra_seen import Case, Seer, inputs, resolved

NOW = datetime(2026, 11, 22, 4, 8, 1, tzinfo=UTC)
Look = Callable[..., tuple[list[Any], Any]]


def index() -> list[tuple[str, str, int]]:
    """(name, target, status) of every recording that was asked for as JSON."""
    rows = [line.split("\t") for line in (RECORDED / "INDEX.tsv").read_text().splitlines()]
    return [(row[0], row[1], int(row[3])) for row in rows if row[2].endswith("application/json")]


def record(name: str) -> bytes:
    path = RECORDED / f"{name}.json"
    return path.read_bytes() if path.exists() else b"<!DOCTYPE html><html></html>"


@pytest.fixture
def real(stub: Stub) -> Stub:
    """The recorded server: every path as it answered, with its query where that mattered."""
    answers: dict[str, list[tuple[dict[str, str], Reply]]] = {}
    for name, target, status in index():
        path, _, asked = target.partition("?")
        query = {key: value[-1] for key, value in parse_qs(asked).items()}
        answers.setdefault(path, []).append((query, Reply(record(name), status)))

    def route(known: list[tuple[dict[str, str], Reply]]) -> Callable[[dict[str, str]], Reply]:
        def answer(query: dict[str, str]) -> Reply:
            exact = [reply for asked, reply in known if asked == query]
            return exact[0] if exact else known[0][1]

        return answer

    for path, known in answers.items():
        stub.routes[path] = route(known)
    # what was not recorded, out of what was
    stub.routes["/api/jobsets"] = lambda query: Reply(
        record("api_jobsets" if query["project"] == "demo" else "build_constituents_none")
    )
    for name in ("main", "fetchfail", "flake", "broken_errors"):
        jobset = {"flake": "flk", "broken_errors": "broken"}.get(name, name)
        stub.routes[f"/jobset/demo/{jobset}/errors"] = Reply(record(f"jobset_{name}"))
    stub.routes["/jobset/demo/many/errors"] = Reply(
        json.dumps(body("jobset_main") | {"name": "many", "lastcheckedtime": None}).encode()
    )
    stub.routes["/jobset/demo/broken/evals"] = Reply(record("jobset_evals_empty"))
    flake = {"evals": [body("eval_4_flake")], "first": "?page=1", "last": "?page=1"}
    stub.routes["/jobset/demo/flk/evals"] = Reply(json.dumps(flake).encode())
    stub.routes["/api/queue"] = Reply(record("api_queue"))
    stub.routes["/api/latestbuilds"] = Reply(record("api_latestbuilds_all"))
    stub.routes["/machines"] = Reply(record("machines"))
    stub.routes["/queue-runner-status"] = Reply(record("queue_runner_status"))
    return stub


@pytest.fixture
def look() -> Look:
    def once(url: str, cursor: Any = None, **more: Any) -> tuple[list[Any], Any]:
        chosen = hydra.Settings(type="hydra", url=url, **more)
        with sources.connect(chosen) as http:
            want, deadline = frozenset(hydra.KINDS), time.monotonic() + 30
            return hydra.poll(chosen, http, cursor, want, {}, deadline, NOW)

    return once


def by(found: list[Any], kind: str, scope: str) -> Snapshot:
    return next(
        one
        for one in found
        if isinstance(one, Snapshot) and (one.kind, one.scope) == (kind, scope) and one.statuses
    )


def test_the_recorded_server_is_understood(real: Stub, look: Look) -> None:
    found, cursor = look(real.url)
    assert not [one for one in found if isinstance(one, Unreadable)]
    jobs = by(found, "job", "demo:main")
    assert {ident.split(":")[2]: word for ident, word in jobs.statuses.items()} == {
        "hello": "failed", "world": "dependency_failed", "fwo": "failed_with_output",
        "slow": "timed_out", "exotic.riscv64-linux": "unsupported_system", "chatty": "log_limit",
        "huge": "output_limit", "flaky": "not_deterministic", "hello2": "failed",
        "part": "succeeded", "tested": "dependency_failed", "ca-job": "succeeded",
        "ca-bad": "failed", "subst": "succeeded",
    }  # fmt: skip
    for name, status in (
        ("broken", "evaluation_failed"), ("fetchfail", "fetch_failed"), ("flk", "evaluated"),
        ("main", "evaluated"), ("many", "never_evaluated"),
    ):  # fmt: skip
        assert dict(by(found, "jobset", f"demo:{name}").statuses) == {f"demo:{name}": status}
    broken = by(found, "jobset", "demo:broken").rows["demo:broken"]
    assert broken.message == ("error: undefined variable 'foo'\nat /nix/store/x/release.nix:4:1")
    fetching = by(found, "jobset", "demo:fetchfail").rows["demo:fetchfail"]
    assert fetching.message.endswith("fatal: repository not found")
    assert dict(by(found, "machine", "").statuses) == {
        "builder-1": "online", "builder-2": "online",
    }  # fmt: skip
    # 12, 13, 14 (restarted, with its old status) and 20 wait; 4 and 5 came to nothing
    assert cursor["jobsets"]["demo:main"]["pending"] == {"3": [12, 13, 14, 20]}
    assert set(cursor["jobsets"]["demo:main"]["void"]) == {"abrt:x86_64-linux", "cncl:x86_64-linux"}


def test_the_recorded_server_is_cheap_when_nothing_changed(real: Stub, look: Look) -> None:
    cursor = look(real.url)[1]
    real.asked.clear()
    look(real.url, cursor)
    assert [one for one in real.asked if not one.startswith("/build/")] == [
        "/queue-runner-status", "/machines",
        "/api/jobsets?project=decl", "/api/jobsets?project=demo",
    ]  # fmt: skip
    assert len(real.asked) == 4 + 5


SHAPES: dict[str, Any] = {
    "root_projects": list[answers.Project], "api_jobsets": list[answers.JobsetRow],
    "jobset_evals": answers.Evaluations, "jobset_evals_empty": answers.Evaluations,
    "jobset_evals_many_p1": answers.Evaluations, "jobset_evals_many_p2": answers.Evaluations,
    "jobset_evals_many_p3": answers.Evaluations, "jobset_evals_many_p99": answers.Evaluations,
    "jobset_broken_errors": answers.Jobset, "eval_3_builds": list[answers.Build],
    "api_latestbuilds_all": list[answers.Over], "api_latestbuilds_nr5": list[answers.Over],
    "api_latestbuilds_filter": list[answers.Over], "api_latestbuilds_noproject": list[answers.Over],
    "api_queue": list[answers.Row], "queue": list[answers.Row], "status": list[answers.Row],
    "build_constituents": list[answers.Build], "build_constituents_none": list[answers.Build],
    "build_get_info": answers.Info, "build_get_info_resolved": answers.Info,
    "build_get_info_resolved_failed": answers.Info, "build_get_info_resolved_running": answers.Info,
}  # fmt: skip
for _name in ("eval_1", "eval_2_nonew", "eval_3", "eval_3_errors", "eval_4_flake"):
    SHAPES[_name] = answers.Evaluation
for _name in ("main", "flake", "broken", "fetchfail"):
    SHAPES[f"jobset_{_name}"] = answers.Jobset
ANSWERED = [name for name, _, status in index() if status == 200]
BUILDS = [name for name in ANSWERED if name.startswith("build_") and name not in SHAPES]
FAILED = [(name, status) for name, _, status in index() if status >= 300]


@pytest.mark.parametrize(
    "name", [*SHAPES, *(one for one in BUILDS if (RECORDED / f"{one}.json").exists())]
)
def test_every_recorded_answer_has_the_shape_that_is_read(name: str) -> None:
    wanted = SHAPES.get(name, answers.Build)
    found = server._decoded(bytearray(record(name)), wanted)
    rows = found if isinstance(found, list) else [found]
    assert len(rows) == (len(body(name)) if isinstance(body(name), list) else 1)


@pytest.mark.parametrize(("name", "status"), FAILED)
def test_every_recorded_refusal_is_a_failure_in_our_own_words(
    stub: Stub, name: str, status: int
) -> None:
    said = json.loads(record(name)).get("error", "") if record(name)[:1] == b"{" else "<html>"
    stub.routes["/x"] = Reply(record(name), status, {"Location": "http://127.0.0.1:3000/y"})
    chosen = hydra.Settings(type="hydra", url=stub.url)
    with sources.connect(chosen) as http, pytest.raises(LookFailed) as found:
        server.Server(http, time.monotonic() + 10).any("/x")
    assert found.value.status == status
    assert found.value.reason.isprintable()
    for part in ("SELECT", "DBI", "Pg", "dbname", "tmp", said[:30]):
        assert part not in found.value.reason


@pytest.mark.parametrize("name", ["error_db_down", "eval_bad"])
def test_what_a_database_said_goes_nowhere(stub: Stub, look: Look, name: str) -> None:
    stub.routes = {"/": Reply(record("root_projects")), "/api/jobsets": Reply(record(name), 500)}
    found, cursor = look(stub.url, kinds=["job", "jobset"])
    assert {one.reason for one in found if isinstance(one, Unreadable)} == {
        "http 500: the server failed"
    }
    assert "SELECT" not in json.dumps(cursor)


def test_the_played_server_answers_in_the_shapes_of_the_recorded_one(stub: Stub) -> None:
    played = Server(stub, NOW)
    played.add("demo:main")
    played.evaluate("demo:main", {"hello": "hello-1"})
    played.end("hello")

    def keys(path: str, **query: str) -> Any:
        found = json.loads(played.answer(path, query).body)
        return set(found[0] if isinstance(found, list) else found)

    assert keys("/api/jobsets", project="demo") == set(body("api_jobsets")[0])
    assert keys("/api/latestbuilds", nr="5") == set(body("api_latestbuilds_all")[0])
    assert keys("/jobset/demo/main/errors") == set(body("jobset_broken_errors"))
    assert keys("/jobset/demo/main/evals") == set(body("jobset_evals"))
    assert keys("/build/1") == set(body("build_failed"))
    assert keys("/build/1/api/get-info") == set(body("build_get_info"))
    assert keys("/") == set(body("project"))
    played.restart("hello")
    assert keys("/api/queue", nr="5") == set(body("api_queue")[0])


# ---- numbers and texts ------------------------------------------------------------------------


def test_a_resolved_step_is_no_failure_and_is_followed_to_what_it_became() -> None:
    for name in ("build_get_info_resolved", "build_get_info_resolved_running", "build_get_info"):
        assert resolved(18, server._decoded(bytearray(record(name)), answers.Info)) == ("", "")
    # two of them, as a restart of the queue runner leaves them, are one
    info = server._decoded(bytearray(record("build_get_info_resolved_failed")), answers.Info)
    assert resolved(19, info) == (
        "ca-bresolved failed (step 4, resolved)",
        "/build/19/nixlog/4",
    )
    for kind in ("job", "build"):
        assert words.meaning(kind, words.outcome(13))[0] not in BAD


@pytest.mark.parametrize("minutes", [1, 2, 3, 5, 7, 10, 12, 15, 20, 30, 60, 120, 360, 720, 1440])
def test_every_open_failure_has_its_turn_at_whatever_interval_the_looks_come(minutes: int) -> None:
    for count in (1, 5, 6, 8, 12, 20, 50, 100):
        seen: set[int] = set()
        for look in range(5 * -(-count // tasks.ROTATE)):
            start = tasks.turn(NOW + timedelta(minutes=look * minutes), count)
            assert 0 <= start < count
            seen |= {(start + one) % count for one in range(tasks.ROTATE)}
        assert len(seen) == count
    assert tasks.turn(NOW, 0) == 0


# ---- the end of a log -------------------------------------------------------------------------

HELLO = "/log/qdy8d46qxh5zxqr9kw5cm35gasyxsrka-hello-2.drv"


def log(url: str, build: int, kind: str = "build", status: int = 1, lines: int = 2) -> str:
    """The end of the log of a build as it is seen."""
    chosen = hydra.Settings(type="hydra", url=url)
    seer = Seer(url=url, links={}, redact=str)
    case = Case(jobset="d:m", job="j", system="s", build=build, status=status, evaluation=1)
    seen = seer.job(case) if kind == "job" else seer.build(case, words.outcome(status))
    with sources.connect(chosen) as http:
        return hydra.log_tail(chosen, http, seen, lines, time.monotonic() + 30)


@pytest.mark.parametrize("kind", ["job", "build"])
def test_the_end_of_a_failed_builds_log_costs_two_requests(real: Stub, kind: str) -> None:
    # a server that takes no account of how many lines are asked for
    real.routes[HELLO] = Reply(b"one\ntwo\nthree\n")
    assert log(real.url, 2, kind) == "two\nthree"
    assert real.asked == ["/build/2/api/get-info", f"{HELLO}?tail=2"]


def test_of_a_resolved_step_it_is_the_log_of_what_it_became(real: Stub) -> None:
    real.routes["/log/i81vqdw1wjzl5mxqzmq4gd1yx86nh1i4-ca-bresolved.drv"] = Reply(b"its own\n")
    assert log(real.url, 19) == "its own"


@pytest.mark.parametrize("status", [2, 3, 9])
def test_what_never_ran_is_asked_for_no_log(real: Stub, status: int) -> None:
    assert log(real.url, 2, status=status) == ""
    assert real.asked == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b'{"error": "not available"}', 404),
        # a store that has it: its address is the server's word, and nobody follows it
        Reply(b"", 302, {"Location": "https://cache.example.org/log/x.drv"}),
        Reply(record("error_db_down"), 500),
    ],
)
def test_a_log_that_is_not_there_or_elsewhere_is_none(real: Stub, reply: Reply) -> None:
    real.routes[HELLO] = reply
    with pytest.raises(LookFailed) as failed:
        log(real.url, 2)
    assert failed.value.status == reply.status
    assert len(real.asked) == 2


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><p>sign in", b"\n <HTML><p>sign in"])
def test_a_page_is_no_log(real: Stub, page: bytes) -> None:
    real.routes[HELLO] = Reply(page)
    assert log(real.url, 2) == ""


@pytest.mark.parametrize("path", ["", "/nix/store/", "a.drv?x=/../../login", "a b.drv", 7, None])
def test_a_derivation_that_is_none_is_not_asked_for(stub: Stub, path: Any) -> None:
    stub.routes["/build/2/api/get-info"] = Reply(json.dumps({"drvPath": path}).encode())
    try:
        assert log(stub.url, 2) == ""
    except LookFailed as failed:
        assert failed.why == "sick"
    assert len(stub.asked) == 1


@pytest.mark.parametrize("number", [-7, 14, 42, 100, 10**12, None])
def test_a_number_that_nobody_knows_is_said_and_counts_as_a_failure(number: int | None) -> None:
    word = words.outcome(number)
    assert word == ("status_unknown" if number is None else f"status_{str(number)[:10]}")
    assert words.meaning("job", word) == ("failed", "critical")


@pytest.mark.parametrize(
    ("fetching", "evaluating", "status"),
    [
        ("", "", "evaluated"),
        ("", " \n", "evaluated"),
        ("fatal: no such repository", "error: old", "fetch_failed"),
        ("", "error: undefined variable", "evaluation_failed"),
        ("", "evaluation failed due to signal 9 (Killed)", "evaluator_killed"),
        ("", "evaluation failed with exit code 99", "evaluator_killed"),
        ("", "in job ‘hello’:\nerror: x\n\nin job ‘world’:\nerror: y", "some_jobs_failed"),
        ("", "in job 'hello':\nerror: x", "some_jobs_failed"),
        ("", "error: while calling in job 'x'", "evaluation_failed"),
    ],
)
def test_the_texts_of_a_jobset_say_what_is_wrong(
    fetching: str, evaluating: str, status: str
) -> None:
    assert words.trouble(fetching, evaluating)[0] == status


def test_the_same_error_has_the_same_fingerprint_whatever_its_store_paths() -> None:
    one = f"error: x\n at /nix/store/{'a' * 32}-source/release.nix:4:1\n"
    other = f"error: x\r\n  at /nix/store/{'b' * 32}-source/release.nix:4:1"
    assert words.fingerprint(one) == words.fingerprint(other) != words.fingerprint("error: y")
    assert words.fingerprint(" \n") == ""


def test_inputs_are_compared_by_name_address_and_revision() -> None:
    def one(flake: str | None = None, **given: Any) -> answers.Evaluation:
        none = msgspec.Raw(b"[]")
        return answers.Evaluation(
            id=1, timestamp=1, builds=none, flake=flake, jobsetevalinputs=given
        )

    def git(uri: str, revision: str) -> dict[str, Any]:
        return {"uri": uri, "type": "git", "revision": revision, "value": None, "dependency": None}

    old = one(src=git("https://e/a", "1" * 40), lib=git("https://e/l", "7"), gone=git("u", "1"))
    new = one(src=git("https://e/b", "2" * 40), lib=git("https://e/l", "7"), more=git("v", "3"))
    assert inputs(old, new) == [
        "src: 111111111111 → 222222222222 (https://e/b, before at https://e/a)",
        "more: new, 3 (v)",
        "gone: no longer an input",
    ]
    flakes = [one(f"github:example/demo/{sign * 40}?narHash=sha256-x") for sign in "ab"]
    assert inputs(*flakes) == ["flake: aaaaaaaaaaaa → bbbbbbbbbbbb (github:example/demo)"]
    git_flakes = [one(f"git+https://e/r?ref=main&rev={sign * 40}") for sign in "ab"]
    assert inputs(*git_flakes) == ["flake: aaaaaaaaaaaa → bbbbbbbbbbbb (git+https://e/r)"]
    hostile = one(src=git("\x1b[31mevil\n", "\u202e1"), odd="text", none=None)
    assert all(line.isprintable() for line in inputs(old, hostile))
    assert inputs(None, new) == inputs(old, None) == []


# ---- machines, old and new --------------------------------------------------------------------


def machines(stub: Stub, look: Look, status: Any, shown: Any) -> dict[str, Any]:
    stub.routes = {
        "/queue-runner-status": Reply(json.dumps(status).encode()),
        "/machines": Reply(json.dumps(shown).encode()),
    }
    found, _ = look(stub.url, kinds=["machine", "queue"])
    return {one.kind: one for one in found if one.scope == ""}


def test_the_flat_shape_of_older_queue_runners_is_read_as_well(stub: Stub, look: Look) -> None:
    one = {"currentJobs": 1, "consecutiveFailures": 2, "disabledUntil": 0, "lastFailure": 0}
    flat = {
        "status": "up", "uptime": 90000, "time": 1700000000, "nrRunnableSteps": 4,
        "nrActiveSteps": 0, "nrUnsupportedSteps": 0,
        "machines": {
            "ssh://nix@builder-1?compress=1": {
                "enabled": True, **one, "systemTypes": ["i686-linux"],
            },
            "ssh-ng://builder-2": {"enabled": False, **one},
        },
    }  # fmt: skip
    found = machines(stub, look, flat, {})
    assert dict(found["machine"].statuses) == {"builder-1": "online", "builder-2": "disabled"}
    seen = found["machine"].rows["builder-1"]
    assert seen.labels == {"systems": "i686-linux", "failures in a row": "2"}
    assert found["queue"].statuses["queue"] == "stuck"


def test_a_machine_that_is_silent_or_full_is_told_and_one_that_is_busy_is_not(
    stub: Stub, look: Look
) -> None:
    status = body("queue_runner_status")
    sick = json.loads(
        (RECORDED / "queue-runner" / "status_machines_one_gone_one_sick.json").read_bytes()
    )["machines"]["builder-1"]
    full = {**sick, "stats": {**sick["stats"], "sinceLastPing": 3}}
    new = {**full, "stats": {**full["stats"], "lastPing": 0, "sinceLastPing": 1_790_000_000}}
    busy = {**status["machines"]["builder-1"], "hasCapacity": False}
    status["machines"] = {"sick": sick, "full": full, "new": new, "busy": busy}
    found = machines(stub, look, status, status["machines"])["machine"]
    assert dict(found.statuses) == {
        "sick": "silent", "full": "full", "new": "full", "busy": "online",
    }  # fmt: skip
    assert found.rows["sick"].message == "no sign of life for 200 s"
    assert found.rows["full"].message == (
        "3.5 % of the Nix store free, 10.0 % needed: it gets no work"
    )


@pytest.mark.parametrize(
    "status",
    [
        {}, [], None, {"status": "up"}, {"status": "up", "machines": []}, {"queueRunner": []},
        {"queueRunner": {"status": "up"}, "machines": {"a": None, "b": {"stats": []}}},
        {"queueRunner": {"status": "up", "uptime": "x", "nrStepsRunnable": True}, "machines": {}},
        {"queueRunner": {"status": "up", "queueStats": {"x": {"nrRunnableDisabled": "y"}}}},
    ],
)  # fmt: skip
def test_odd_answers_of_a_queue_runner_are_borne(stub: Stub, look: Look, status: Any) -> None:
    for shown in ({}, [], None, {"b": {}}, {"b": {"stats": {"lastPing": 1e300}}}):
        machines(stub, look, status, shown)


# ---- bounds -----------------------------------------------------------------------------------


def big(stub: Stub, count: int, *, ended: int) -> Server:
    """One evaluation of very many builds, the first `ended` of which have ended."""
    played = Server(stub, NOW)
    played.add("demo:big")
    ids = list(range(1, count + 1))
    answer = body("eval_3") | {"id": 7, "builds": ids, "timestamp": 1789996000}
    older = {**answer, "id": 6, "builds": []}
    row, queued = body("api_latestbuilds_all")[0], body("api_queue")[0]
    rows = [
        {**row, "id": n, "job": f"j{n}", "jobset": "big", "buildstatus": int(n % 10 == 0)}
        for n in reversed(ids[:ended])
    ]
    waiting = [{**queued, "id": n, "job": f"j{n}", "jobset": "big"} for n in ids[ended:]]
    dump = {ended: json.dumps(rows).encode()}
    stub.routes["/jobset/demo/big/evals"] = Reply(json.dumps({"evals": [answer, older]}).encode())
    stub.routes["/api/queue"] = Reply(json.dumps(waiting[:50_000]).encode())

    def latest(query: dict[str, str]) -> Reply:
        asked = int(query["nr"])
        return Reply(dump.get(asked) or json.dumps(rows[:asked]).encode())

    stub.routes["/api/latestbuilds"] = latest
    failed = sum(row["buildstatus"] for row in rows)
    jobset = played._row("demo:big") | {
        "nrtotal": count, "nrscheduled": count - ended, "nrfailed": failed,
        "nrsucceeded": ended - failed, "lastcheckedtime": 1, "errortime": 1,
    }  # fmt: skip
    stub.routes["/api/jobsets"] = Reply(json.dumps([jobset]).encode())
    return played


def test_a_hundred_thousand_builds_are_a_few_requests_and_a_small_record(
    stub: Stub, look: Look
) -> None:
    big(stub, 100_000, ended=100_000)
    found, cursor = look(stub.url, kinds=["job", "jobset"], projects=["demo"])
    assert stub.asked == [
        "/api/jobsets?project=demo", "/jobset/demo/big/errors", "/jobset/demo/big/evals",
        "/api/queue?nr=50000", "/api/latestbuilds?nr=100000&project=demo&jobset=big",
    ]  # fmt: skip
    jobs = by(found, "job", "demo:big")
    assert len(jobs.statuses) == 100_000
    assert sum(word == "failed" for word in jobs.statuses.values()) == 10_000
    # what is well is not remembered, what fails takes some forty bytes
    assert len(json.dumps(cursor)) < 10_000 * 60
    for number in range(10, 100_001, 10):
        build = body("build_failed") | {"id": number, "job": f"j{number}", "jobset": "big"}
        stub.routes[f"/build/{number}"] = Reply(json.dumps(build).encode())
    stub.asked.clear()
    look(stub.url, cursor, kinds=["job", "jobset"], projects=["demo"])
    assert len(stub.asked) == 1 + 5


def test_of_a_hundred_thousand_that_wait_the_few_that_ended_are_found_with_few_requests(
    stub: Stub, look: Look
) -> None:
    big(stub, 100_000, ended=0)
    cursor = look(stub.url, kinds=["job", "jobset"], projects=["demo"])[1]
    stub.asked.clear()
    big(stub, 100_000, ended=20)
    found, cursor = look(stub.url, cursor, kinds=["job", "jobset"], projects=["demo"])
    assert len(stub.asked) < 60
    assert not [one for one in found if isinstance(one, Unreadable)]
    assert len(cursor["jobsets"]["demo:big"]["pending"]["7"]) >= 99_900


def test_pages_of_evaluations_are_followed_to_a_known_one_and_no_further(
    real: Stub, connect: Any
) -> None:
    real.routes["/jobset/demo/many/evals"] = lambda query: Reply(
        record(f"jobset_evals_many_p{query.get('page', '1')}")
    )
    asker = server.Server(connect(real.url), time.monotonic() + 10)
    known = Record(evals={20: 1789963400})
    pages = evals.read(asker, "demo:many", known)
    assert (real.asked, pages.whole) == (
        ["/jobset/demo/many/evals", "/jobset/demo/many/evals?page=2"], True,
    )  # fmt: skip
    numbers = [one.id for one in pages.evals]
    assert numbers == list(range(50, 10, -1))
    real.asked.clear()
    known = Record(evals={3: 1})
    evals.read(asker, "demo:many", known)
    assert len(real.asked) == 3


def test_a_cursor_of_any_shape_is_borne(stub: Stub, look: Look) -> None:
    Server(stub, NOW).add("demo:main")
    for cursor in (
        [], "x", 7, {"jobsets": 1}, {"jobsets": {"demo:main": 3}}, {"projects": [1], "listed": "x"},
        {"jobsets": {"demo:main": {"failing": {"a:b": 1}, "pending": {"x": [1]}}}, "turn": 9},
        {"jobsets": {"demo:main": {"failing": [], "evals": {"x": 1}}}},
    ):  # fmt: skip
        found, new = look(stub.url, cursor, kinds=["job", "jobset"])
        assert found
        assert Memory(new).cursor() is new


# ---- what a host is ---------------------------------------------------------------------------


def test_a_server_says_what_it_is(real: Stub, look: Look) -> None:
    chosen = hydra.Settings(type="hydra", url=real.url)
    cursor = look(real.url)[1]
    with sources.connect(chosen) as http:
        until = time.monotonic() + 10
        assert hydra.about(chosen, http, None, until) == "Hydra, queue runner up: 2 projects"
        assert hydra.about(chosen, http, cursor, until) == (
            "Hydra, queue runner up: 2 projects; 11 jobs failing in 5 jobsets"
        )
        real.routes["/"] = Reply(b'{"message": "HakuRiver"}')
        with pytest.raises(LookFailed, match="not a list"):
            hydra.about(chosen, http, None, until)


# ---- what a hostile server may say ------------------------------------------------------------


def test_an_odd_row_costs_no_other_and_ends_nothing(stub: Stub, look: Look) -> None:
    played = Server(stub, NOW)
    for name in ("demo:main", "demo:more"):
        played.add(name)
        played.evaluate(name, {"hello": "hello-1"})
        played.end("hello", jobset=name, status=1)
    cursor = look(stub.url, kinds=["job", "jobset"])[1]
    rows = [played._row(name) for name in ("demo:main", "demo:more")]
    for odd in ({"name": 7}, {"name": "e\x1b[31mvil"}, {"nrfailed": 10**30}, {"name": ""}):
        answer = json.dumps([rows[0], rows[1] | odd]).encode()
        stub.routes["/api/jobsets"] = Reply(answer)
        found, new = look(stub.url, cursor, kinds=["job", "jobset"])
        snapshots = [one for one in found if isinstance(one, Snapshot)]
        assert not [one for one in snapshots if one.gone]
        assert [one.notes for one in snapshots if one.notes] == [("1 odd rows were left out",)]
        assert new["jobsets"].keys() == cursor["jobsets"].keys()


@pytest.mark.parametrize("number", [0, -5, 2**31, 2**53, 10**30, True, "x", None, 1.5])
def test_numbers_of_any_kind_are_borne(stub: Stub, look: Look, number: Any) -> None:
    played = Server(stub, NOW)
    played.add("demo:main")
    played.evaluate("demo:main", {"hello": "hello-1", "world": "world-1"})
    played.end("hello", status=1)
    cursor = look(stub.url)[1]
    for key in ("id", "buildstatus", "stoptime", "timestamp", "finished", "jobsetevals"):
        played.builds[1][key] = number
        _, after = look(stub.url, cursor, kinds=list(hydra.KINDS))
        assert json.loads(json.dumps(after)) == after
    played.evals[1]["answer"]["builds"] = [number]
    played.jobsets["demo:main"] |= {"errortime": number, "lastcheckedtime": number}
    found, _ = look(stub.url, cursor, kinds=list(hydra.KINDS))
    assert found
