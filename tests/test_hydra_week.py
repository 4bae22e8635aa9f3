"""A week of a Hydra server, through `notifier check`: what is told, once and rightly."""

import json
from collections.abc import Iterator
from pathlib import Path

import hydra_samples
import pytest
from hydra_week import JOBS, Week, settled
from peers import Ran, Sink
from sources.hosts import Reply, Stub
from sources.hydra_server import ABORTED, DEPENDENCY, FAILED, TIMED_OUT, Server, body

from notifier import cli
from notifier.sources import _hydra_tell


@pytest.fixture
def week(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Week]:
    stub, sink = Stub(), Sink()
    sink.start()

    def run(*args: str) -> Ran:
        code = cli.main(args, {})
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    made = Week(tmp_path, stub, sink, run)
    monkeypatch.setattr(cli.Context, "clock", lambda _: made.now)
    yield made
    stub.stop()
    sink.stop()


HELLO, WORLD, TESTED = (f"demo:main:{job} on x86_64-linux" for job in JOBS)
HELLO_ID, WORLD_ID, TESTED_ID = (f"(ci/job/demo:main:{job}:x86_64-linux)" for job in JOBS)
MAIN = "(ci/jobset/demo:main)"


# ---- beginnings -------------------------------------------------------------------------------


def test_a_first_look_is_one_summary(week: Week) -> None:
    server = week.server
    server.add("demo:main")
    server.evaluate("demo:main", JOBS)
    server.end("hello")
    server.end("world", status=FAILED)
    server.end("tested", status=DEPENDENCY)
    assert week.told() == [
        f"watching 1 jobset, 3 jobs, 2 machines and 3 queues on ci; failing now: {TESTED}, {WORLD}"
    ]
    assert week.told() == []


def test_the_first_evaluation_of_a_big_jobset_is_one_summary_when_it_is_complete(
    week: Week,
) -> None:
    server = settled(week)
    server.add("demo:big")
    assert week.told() == ["watching 1 jobset on ci"]
    jobs = [f"j{number:03}" for number in range(300)]
    server.evaluate("demo:big", {job: job for job in jobs})
    assert week.told() == []
    server.end(*jobs[:100], status=FAILED)
    server.end(*jobs[100:200], status=DEPENDENCY)
    assert week.told() == []
    server.end(*jobs[200:])
    (told,) = week.told()
    assert told.startswith("watching 300 jobs on ci; failing now: demo:big:j000 on x86_64-linux, ")
    assert told.endswith(" and 180 more")
    assert week.told() == []
    server.restart("j000")
    server.end("j000")
    (told,) = week.told()
    assert "demo:big:j000 on x86_64-linux is fixed after" in told


def test_the_second_evaluation_is_news_job_by_job(week: Week) -> None:
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2", "fresh": "fresh-1"})
    assert week.told() == []
    server.end("hello", "fresh", status=FAILED)
    told = week.told(minutes=40)
    assert [line.partition(" is ")[0] for line in told] == [
        "demo:main:hello on x86_64-linux", "demo:main:fresh on x86_64-linux",
    ]  # fmt: skip
    first = next(one for one in week.events() if "fresh" in one["thing"])
    assert first["labels"]["previous"] == "none, this is its first build"


# ---- jobs -------------------------------------------------------------------------------------


def test_a_job_that_broke_is_told_once_and_its_fix_once(week: Week) -> None:
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"}, revision="b" * 40)
    server.end("hello", status=FAILED)
    assert week.told() == [f"{HELLO} is failing since 12:10 UTC {HELLO_ID}"]
    (event,) = week.events()
    assert event["message"] == (
        "evaluation 2: 1 newly broken; "
        "src: aaaaaaaaaaaa \N{RIGHTWARDS ARROW} bbbbbbbbbbbb (https://example.org/demo.git)"
    )
    assert event["link"] == f"{server.url}/build/4"
    assert event["labels"] == {
        "job": "hello",
        "system": "x86_64-linux",
        "build": "4",
        "previous": "succeeded (build 1)",
        "log": f"{server.url}/build/4/log",
        "evaluation": f"{server.url}/eval/2",
    }
    assert week.told() == []
    server.evaluate("demo:main", {**JOBS, "hello": "hello-3"}, revision="c" * 40)
    server.end("hello", status=TIMED_OUT)
    assert week.told() == []
    server.evaluate("demo:main", {**JOBS, "hello": "hello-4"}, revision="d" * 40)
    server.end("hello")
    assert week.told() == [
        f"{HELLO} is fixed after 15 min (failing (timed out) 12:10\N{EN DASH}12:25 UTC) {HELLO_ID}"
    ]
    (event,) = week.events()
    assert event["labels"]["previous"] == "timed out (build 5)"
    assert event["message"].startswith("evaluation 4: 1 fixed; src: cccccccccccc")
    assert week.told() == []


def test_the_inputs_are_compared_with_the_evaluation_that_had_the_last_real_outcome(
    week: Week,
) -> None:
    server = settled(week)
    for number, sign in ((2, "b"), (3, "c")):
        server.evaluate("demo:main", {**JOBS, "hello": f"hello-{number}"}, revision=sign * 40)
        server.end("hello", status=ABORTED)
    assert week.told() == []
    server.evaluate("demo:main", {**JOBS, "hello": "hello-4"}, revision="d" * 40)
    server.end("hello", status=FAILED)
    assert len(week.told()) == 1
    (event,) = week.events()
    assert event["labels"]["previous"] == "succeeded (build 1)"
    assert "src: aaaaaaaaaaaa \N{RIGHTWARDS ARROW} dddddddddddd" in event["message"]


def test_of_very_large_evaluations_only_the_two_that_matter_are_read(
    week: Week, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_hydra_tell, "LARGE", 2)
    server = settled(week)
    for number, sign in ((2, "b"), (3, "c")):
        server.evaluate("demo:main", {**JOBS, "hello": f"hello-{number}"}, revision=sign * 40)
    assert week.told() == []
    server.end("hello", status=FAILED)
    assert len(week.told()) == 1
    (event,) = week.events()
    assert "src: bbbbbbbbbbbb \N{RIGHTWARDS ARROW} cccccccccccc" in event["message"]
    assert [one for one in week.asked if "eval" in one] == ["/eval/3", "/eval/2"]


def test_what_could_not_start_is_counted_under_the_build_that_failed(week: Week) -> None:
    server = settled(week)
    server.evaluate("demo:main", {job: f"{job}-2" for job in JOBS})
    server.end("hello", status=FAILED)
    server.end("world", "tested", status=DEPENDENCY)
    assert week.told() == [
        f"{HELLO} is failing since 12:10 UTC {HELLO_ID}",
        f"{WORLD} is failing (dependency failed) since 12:10 UTC {WORLD_ID}",
        f"{TESTED} is failing (dependency failed) since 12:10 UTC {TESTED_ID}",
    ]
    (letter,) = week.sink.requests
    assert letter.json()["title"] == f"[ci] {HELLO} is failing, 2 jobs failing (dependency failed)"
    assert {one["part_of"] for one in week.events()} == {"", HELLO_ID[1:-1]}


def test_more_dependants_than_are_asked_for_ride_under_the_only_cause(week: Week) -> None:
    server = settled(week)
    jobs = {f"d{number:03}": f"d{number}-1" for number in range(200)}
    server.evaluate("demo:main", {**JOBS, **jobs})
    server.end(*jobs)
    week.check()
    server.evaluate("demo:main", {"hello": "h-2", **{job: f"{job}-2" for job in jobs}})
    server.end("hello", status=FAILED)
    server.end(*jobs, status=DEPENDENCY)
    ran = week.check()
    assert len(ran.out.splitlines()) == 201
    above = {one["part_of"] for one in week.events() if one["status"] == "dependency_failed"}
    assert above == {HELLO_ID[1:-1]}
    assert len(week.asked) < 75


def test_a_restart_between_two_looks_is_seen(week: Week) -> None:
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2", "world": "world-2"})
    server.end("hello", status=FAILED)
    server.end("world", status=FAILED, stop=server.time - 60)
    assert len(week.told()) == 2
    server.later(1)
    # the counts are as they were: one was fixed, another one is broken by its restart
    server.restart("hello")
    server.end("hello")
    server.restart("tested")
    server.end("tested", status=FAILED)
    (told,) = week.told()
    assert told.startswith(f"{HELLO} is fixed after")


def test_a_restart_that_fails_again_is_no_news_of_a_job(week: Week) -> None:
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    server.end("hello", status=FAILED)
    assert len(week.told()) == 1
    server.restart("hello")
    assert week.told() == []
    server.end("hello", status=FAILED)
    assert week.told() == []
    assert week.told() == []


def test_restarts_of_many_at_once_are_seen_by_the_counts(week: Week) -> None:
    server = settled(week)
    jobs = {f"d{number:03}": f"d{number}-1" for number in range(60)}
    server.evaluate("demo:main", {**JOBS, **jobs})
    server.end(*jobs, status=FAILED)
    assert len(week.told()) == 60
    for job in jobs:
        server.restart(job)
    server.end(*jobs)
    told = week.told(minutes=90)
    assert len(told) == 60
    assert all(" is fixed after " in one for one in told)


def test_a_cancel_and_an_abort_change_no_job_and_a_retry_does(week: Week) -> None:
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    assert week.told() == []
    server.cancel("hello")
    assert week.told() == []
    server.restart("hello")
    server.end("hello", status=ABORTED)
    assert week.told() == []
    # Hydra's own retry, begun and over between two looks: the counts do not move
    server.restart("hello")
    server.end("hello", status=FAILED)
    assert week.told() == [f"{HELLO} is failing since 12:25 UTC {HELLO_ID}"]
    server.evaluate("demo:main", {**JOBS, "hello": "hello-3"})
    server.cancel("hello")
    assert week.told() == []
    server.restart("hello")
    server.end("hello")
    assert len(week.told()) == 1


def test_a_revert_to_a_build_of_before_fixes_the_job(week: Week) -> None:
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    server.end("hello", status=FAILED)
    assert len(week.told()) == 1
    server.evaluate("demo:main", JOBS)
    (told,) = week.told()
    assert told.startswith(f"{HELLO} is fixed after")


def test_a_job_that_left_its_jobset_is_no_longer_there(week: Week) -> None:
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    server.end("hello", status=FAILED)
    assert len(week.told()) == 1
    server.evaluate("demo:main", {"world": "world-1", "tested": "tested-1"})
    assert week.told() == [f"{HELLO} is no longer there (failing since 12:10 UTC) {HELLO_ID}"]


def test_of_evaluations_out_of_order_the_newer_decides(week: Week) -> None:
    server = settled(week)
    late = server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    server.end("hello", status=FAILED)
    server.hidden.add(late)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-3"})
    server.end("hello")
    assert week.told() == []
    # its transaction took long: it appears below the newer one
    server.hidden.clear()
    server.later(1)
    server.checked("demo:main")
    assert week.told() == []
    assert week.told() == []


def test_an_older_build_that_ends_after_a_newer_one_breaks_nothing(week: Week) -> None:
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    assert week.told() == []
    old = server.newest("hello")
    server.evaluate("demo:main", {**JOBS, "hello": "hello-3"})
    server.end("hello")
    assert week.told() == []
    old |= {"finished": 1, "buildstatus": FAILED, "stoptime": server.time}
    assert week.told() == []
    assert week.told() == []


def test_another_database_is_one_summary_and_ends_what_was_open(week: Week) -> None:
    server = settled(week)
    for number in range(5):
        server.evaluate("demo:main", {**JOBS, "hello": f"hello-{number}-x"})
        server.end("hello", status=FAILED)
        week.check()
    server.clear()
    server.add("demo:main")
    server.evaluate("demo:main", {"other": "other-1"})
    server.end("other", status=FAILED)
    assert week.told() == [
        f"{HELLO} is no longer watched (failing since 12:10 UTC) {HELLO_ID}",
        "ci has another database now: none of its former jobs is left. "
        "Watching 1 job; failing now: demo:main:other on x86_64-linux",
    ]
    assert week.told() == []
    server.evaluate("demo:main", {"other": "other-2"})
    server.end("other")
    (told,) = week.told()
    assert told.startswith("demo:main:other on x86_64-linux is fixed after")


def test_a_restored_backup_is_no_other_database(week: Week) -> None:
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    server.end("hello")
    assert week.told() == []
    del server.evals[2], server.builds[4]
    server.evaluate("demo:main", {**JOBS, "hello": "hello-3"})
    server.end("hello", status=FAILED)
    told = week.told()
    assert [line for line in told if "another database" in line or "is failing" in line]
    assert week.told() == []


@pytest.mark.parametrize("booleans", [False, True])
def test_flags_may_be_numbers_or_true_and_false(week: Week, booleans: bool) -> None:
    week.server.booleans = booleans
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    assert week.told() == []
    server.end("hello", status=FAILED)
    assert len(week.told()) == 1
    server.restart("hello")
    assert week.told() == []
    server.end("hello")
    assert len(week.told()) == 1


# ---- jobsets ----------------------------------------------------------------------------------


def error(text: str, sign: str = "a") -> str:
    return f"error: {text}\nat /nix/store/{sign * 32}-source/release.nix:4:1\n"


def test_the_same_error_is_told_once_another_one_again_and_then_its_end(week: Week) -> None:
    server = settled(week)
    server.checked("demo:main", error("undefined variable 'foo'"))
    assert week.told() == [f"jobset demo:main is failing to evaluate since 12:10 UTC {MAIN}"]
    (event,) = week.events()
    assert event["message"].startswith("error: undefined variable 'foo'\nat /nix/store/")
    assert event["link"] == f"{server.url}/jobset/demo/main"
    server.checked("demo:main", error("undefined variable 'foo'", "b"))
    assert week.told() == []
    server.checked("demo:main", error("undefined variable 'bar'"))
    (told,) = week.told(minutes=65)
    assert told.startswith("jobset demo:main is failing to evaluate again since")
    server.checked("demo:main")
    (told,) = week.told(minutes=65)
    assert told.startswith("jobset demo:main is evaluating again after")
    assert week.told() == []


def test_errors_of_single_jobs_are_told_beside_what_they_left(week: Week) -> None:
    server = settled(week)
    server.evaluate("demo:main", {"hello": "hello-2"}, error="in job 'world':\nerror: no such file")
    server.end("hello", status=FAILED)
    assert week.told() == [
        f"jobset demo:main is failing to evaluate some jobs since 12:10 UTC {MAIN}",
        f"{HELLO} is failing since 12:10 UTC {HELLO_ID}",
    ]


def test_a_killed_evaluator_is_told(week: Week) -> None:
    server = settled(week)
    server.checked("demo:main", "evaluation failed due to signal 9 (Killed)")
    assert week.told() == [
        f"jobset demo:main is failing to evaluate (evaluator killed) since 12:10 UTC {MAIN}"
    ]


def test_an_input_that_cannot_be_fetched_is_told_although_no_error_time_moves(week: Week) -> None:
    server = settled(week)
    server.unfetched("demo:main", "error fetching latest change from git repo")
    assert week.told() == [
        f"jobset demo:main is failing to fetch its inputs since 12:10 UTC {MAIN}"
    ]
    server.unfetched("demo:main", "error fetching latest change from git repo")
    assert week.told() == []
    server.same("demo:main")
    assert len(week.told()) == 1


def test_a_jobset_that_somebody_switched_off_is_told(week: Week) -> None:
    server = settled(week)
    server.jobsets["demo:main"]["enabled"] = 0
    assert week.told() == []
    assert week.told(minutes=90) == [f"jobset demo:main is disabled since 12:00 UTC {MAIN}"]
    assert week.told(minutes=90) == []
    server.jobsets["demo:main"]["enabled"] = 1
    server.same("demo:main")
    assert len(week.told()) == 1


def test_a_single_shot_that_is_over_is_nothing(week: Week) -> None:
    week.server.add("demo:once", enabled=2)
    server = settled(week)
    server.evaluate("demo:once", {"shot": "shot-1"})
    server.jobsets["demo:once"]["enabled"] = 0
    server.end("shot")
    assert week.told() == ["watching 1 job on ci"]
    assert week.told(minutes=120) == []


def test_a_jobset_that_is_gone_takes_its_problems_with_it(week: Week) -> None:
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"}, error=error("x"))
    server.end("hello", status=FAILED)
    assert len(week.told()) == 2
    server.add("demo:else")
    del server.jobsets["demo:main"]
    told = week.told()
    assert [line.partition(" (")[0] for line in told if "watching" not in line] == [
        "jobset demo:main is no longer there", f"{HELLO} is no longer there",
    ]  # fmt: skip
    assert week.told() == []


# ---- machines and the queue -------------------------------------------------------------------


def test_without_the_queue_runner_no_machine_is_gone(week: Week) -> None:
    server = settled(week)
    up, server.runner = server.runner, body("queue_runner_status_down")
    assert week.told() == []
    assert week.told() == ["queue runner is down since 12:15 UTC (ci/queue/runner)"]
    assert week.told() == []
    server.runner = up
    assert week.told() == [
        "queue runner is back after 15 min (down 12:15\N{EN DASH}12:30 UTC) (ci/queue/runner)"
    ]


def test_a_server_that_does_not_know_its_queue_runner_says_nothing_of_machines(
    week: Week,
) -> None:
    week.server.runner = {"status": "unknown"}
    server = settled(week)
    assert week.told() == []
    server.runner = body("queue_runner_status")
    assert week.told() == ["watching 2 machines and 3 queues on ci"]


def test_a_power_cut_of_all_machines_is_told_while_the_queue_runner_is_up(week: Week) -> None:
    server = settled(week)
    server.machines, server.runner["machines"] = {}, {}
    assert week.told() == []
    assert week.told() == [
        f"builder-{number} is missing since 12:15 UTC (ci/machine/builder-{number})"
        for number in (1, 2)
    ]
    assert week.told() == []
    server.machines, server.runner = body("machines"), body("queue_runner_status")
    assert len(week.told()) == 2


def test_a_queue_runner_that_just_started_has_no_machines_yet(week: Week) -> None:
    server = settled(week)
    server.machines, server.runner["machines"] = {}, {}
    server.runner["queueRunner"]["uptime"] = 30.5
    assert week.told() == []
    assert week.told() == []
    server.runner["queueRunner"]["uptime"] = 700.0
    assert week.told() == []
    assert len(week.told()) == 2


def test_a_stuck_queue_and_steps_that_no_machine_takes_are_told(week: Week) -> None:
    server = settled(week)
    runner = server.runner["queueRunner"]
    runner |= {"nrStepsRunnable": 5, "nrStepsBuilding": 0, "nrUnsupportedSteps": 3}
    assert week.told() == []
    assert week.told() == [
        "build queue is stuck since 12:15 UTC (ci/queue/queue)",
        "queue of unsupported steps is blocked since 12:15 UTC (ci/queue/unsupported)",
    ]
    assert [one["message"] for one in week.events()] == [
        "5 steps could run and none does", "no machine can take 3 steps",
    ]  # fmt: skip
    server.runner = body("queue_runner_status")
    assert len(week.told()) == 2


# ---- what cannot be read ----------------------------------------------------------------------


def test_a_private_server_is_refused_and_not_empty(week: Week) -> None:
    server = settled(week)
    server.private = True
    assert week.check().code == 3
    ran = week.check()
    assert ran.out.splitlines() == [
        f"ci ({family}) is refusing access since 12:15 UTC (ci/source/{family}) [told hook]"
        for family in ("nodes", "tasks")
    ]
    assert "http 403: the server is private, it asks for a login" in ran.err
    server.private = False
    assert len(week.told()) == 2
    assert week.told() == []


SQL = b'{"error":"DBI Exception: SELECT password FROM users at host=10.0.0.1;user=hydra"}'


def test_the_insides_of_a_sick_server_are_not_told(week: Week) -> None:
    server = settled(week)
    server.sick["/api/jobsets"] = Reply(SQL, 500)
    assert week.check().code == 3
    ran = week.check()
    assert ran.out == (
        "ci (tasks/demo) is giving broken answers since 12:15 UTC (ci/source/tasks/demo) "
        "[told hook]\n"
    )
    assert "http 500: the server failed" in ran.err
    (event,) = week.events()
    assert event["message"] == "http 500: the server failed"
    server.sick.clear()
    assert len(week.told()) == 1


def test_a_part_that_cannot_be_read_hides_no_other(week: Week) -> None:
    week.server.add("other:main")
    server = settled(week)
    server.sick["/jobset/demo/main/errors"] = Reply(SQL, 500)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    server.end("hello", status=FAILED)
    server.unfetched("other:main", "no such host")
    ran = week.check()
    assert ran.code == 3
    assert ran.out.splitlines() == [
        "jobset other:main is failing to fetch its inputs since 12:10 UTC (ci/jobset/other:main) "
        "[told hook]",
        f"{HELLO} is failing since 12:10 UTC {HELLO_ID} [told hook]",
    ]
    server.sick.clear()
    server.sick["/jobset/demo/main/evals"] = Reply(b"<html>", 200)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-3"}, error=error("x"))
    server.end("hello")
    ran = week.check()
    assert f"jobset demo:main is failing to evaluate since 12:15 UTC {MAIN}" in ran.out
    assert "is fixed" not in ran.out
    server.sick.clear()
    assert any(line.startswith(f"{HELLO} is fixed") for line in week.told())


# ---- kindness ---------------------------------------------------------------------------------


def test_an_unchanged_server_costs_one_request_per_project_and_two_for_its_machines(
    week: Week,
) -> None:
    week.server.add("other:main")
    settled(week)
    week.check()
    assert week.asked == [
        "/queue-runner-status", "/machines",
        "/api/jobsets?project=other", "/api/jobsets?project=demo",
    ]  # fmt: skip
    before = (week.folder / "state.json").read_bytes()
    week.check()
    assert (week.folder / "state.json").read_bytes() == before


def test_open_failures_are_asked_for_a_few_at_a_look_and_each_in_its_turn(week: Week) -> None:
    server = settled(week)
    jobs = {f"d{number:02}": f"d{number}" for number in range(12)}
    server.evaluate("demo:main", {**JOBS, **jobs})
    server.end(*jobs, status=FAILED)
    week.check()
    seen: set[str] = set()
    week.check(minutes=120)
    before = (week.folder / "state.json").read_bytes()
    for _ in range(6):
        week.check()
        asked = [one for one in week.asked if one.startswith("/build/")]
        assert len(asked) == 5
        seen.update(asked)
    assert len(seen) == 12
    # whose turn it is is told by the clock: nothing has to be remembered
    assert (week.folder / "state.json").read_bytes() == before


def test_only_the_projects_and_jobsets_that_are_named_are_looked_at(week: Week) -> None:
    week.configure('projects = ["demo"]\njobsets = ["m*", "demo:extra"]')
    for name in ("demo:extra", "demo:other", "secret:main"):
        week.server.add(name)
    settled(week)
    week.server.checked("demo:other", error("x"))
    week.server.checked("secret:main", error("x"))
    week.server.checked("demo:extra", error("x"))
    (told,) = week.told()
    assert told.startswith("jobset demo:extra is failing to evaluate")
    assert "/" not in week.asked


# ---- the end of a log -------------------------------------------------------------------------


def test_a_job_that_broke_brings_the_end_of_its_log(week: Week) -> None:
    week.configure("log_lines = 20")
    server = settled(week)
    server.evaluate("demo:main", {job: f"{job}-2" for job in JOBS})
    server.end("world", status=FAILED)
    server.end("hello", "tested", status=DEPENDENCY)
    lines = [f"line {number}" for number in range(40)]
    lines[30] = "export TOKEN=very-secret-0123456789"
    server.stub.routes["/log/world-2.drv"] = lambda query: Reply(
        "\n".join([*lines[-int(query["tail"]) :], "\x1b[31merror: <b>oops"]).encode()
    )
    assert len(week.told()) == 3
    assert [one for one in week.asked if "log" in one] == ["/log/world-2.drv?tail=20"]
    logs = {one["name"]: one["log"] for one in week.events()}
    assert logs[HELLO] == logs[TESTED] == ""
    assert logs[WORLD].splitlines()[0] == "line 21"
    assert logs[WORLD].splitlines()[-1] == "error: <b>oops"
    assert "export TOKEN=[redacted]" in logs[WORLD] and "very-secret" not in logs[WORLD]
    assert week.told() == []


@pytest.mark.parametrize("reply", [Reply(b"no", 404), Reply(b"<html>"), Reply(SQL, 500)])
def test_without_the_log_the_message_is_the_same(week: Week, reply: Reply) -> None:
    week.configure("log_lines = 20")
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    server.end("hello", status=FAILED)
    server.stub.routes["/log/hello-2.drv"] = reply
    assert week.told() == [f"{HELLO} is failing since 12:10 UTC {HELLO_ID}"]
    (event,) = week.events()
    assert (event["log"], event["labels"]["log"]) == ("", f"{server.url}/build/4/log")


def test_a_log_is_asked_for_with_the_headers_that_the_looks_have(week: Week) -> None:
    week.folder.joinpath("key").write_text("s3cr3t")
    week.folder.joinpath("key").chmod(0o600)
    week.configure(f'log_lines = 20\nheaders = {{ X-Key = "file:{week.folder}/key" }}')
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    server.end("hello", status=FAILED)
    server.stub.routes["/log/hello-2.drv"] = Reply(b"oops")
    assert len(week.told()) == 1
    assert week.events()[0]["log"] == "oops"
    week.doctor()
    assert {head["x-key"] for head in server.stub.heads} == {"s3cr3t"}


def test_a_failure_with_many_dependants_leaves_the_logs_to_those_that_have_one(week: Week) -> None:
    week.configure("log_lines = 20")
    server = settled(week)
    server.add("demo:apart")
    server.evaluate("demo:apart", {"lone": "lone-1"})
    server.end("lone")
    week.check()
    jobs = ("root", *(f"d{number}" for number in range(8)))
    server.evaluate("demo:main", {**JOBS, **dict.fromkeys(jobs, "x")})
    server.end("root", status=FAILED)
    server.end(*jobs[1:], status=DEPENDENCY)
    server.evaluate("demo:apart", {"lone": "lone-2"})
    server.end("lone", status=FAILED, stop=server.time - 60)
    for drv in ("x", "lone-2"):
        server.stub.routes[f"/log/{drv}.drv"] = Reply(drv.encode())
    assert len(week.told()) == 10
    assert sorted(one["log"] for one in week.events() if one["log"]) == ["lone-2", "x"]


# ---- builds and evaluations, for routes that name them ----------------------------------------

KINDS = 'kinds = ["job", "jobset", "machine", "queue", "build", "eval"]'


def test_a_route_for_a_kind_that_is_not_looked_at_is_doubted(week: Week) -> None:
    warned = "key 'match.kind': '{}' fits nothing that is configured"
    ran = week.check()
    assert [warned.format(kind) in ran.err for kind in ("build", "eval")] == [True, True]
    week.configure(KINDS)
    assert "fits nothing" not in week.check().err


def test_builds_and_evaluations_are_changes_where_nothing_is_wrong(week: Week) -> None:
    week.configure(KINDS)
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"}, revision="b" * 40)
    assert week.told() == [
        "build 2 of demo:main:world on x86_64-linux: cached at 12:15 UTC (ci/build/2)",
        "build 3 of demo:main:tested on x86_64-linux: cached at 12:15 UTC (ci/build/3)",
        "build 4 of demo:main:hello on x86_64-linux: queued at 12:15 UTC (ci/build/4)",
        "evaluation 2 of demo:main: building at 12:15 UTC (ci/eval/2)",
    ]
    message = [one["message"] for one in week.events() if one["kind"] == "eval"]
    assert message == ["1 new build, 2 as before; src: aaaaaaaaaaaa \N{RIGHTWARDS ARROW} "
                       "bbbbbbbbbbbb (https://example.org/demo.git)"]  # fmt: skip
    server.busy = [4, 4]
    assert week.told() == [
        "build 4 of demo:main:hello on x86_64-linux: building at 12:20 UTC (ci/build/4)"
    ]
    assert week.told() == []
    server.busy = []
    server.end("hello")
    assert week.told() == [
        "build 4 of demo:main:hello on x86_64-linux completed at 12:25 UTC (ci/build/4)",
        "evaluation 2 of demo:main completed at 12:25 UTC (ci/eval/2)",
    ]
    server.same("demo:main")
    assert week.told() == ["evaluation of demo:main: cached at 12:30 UTC (ci/eval/demo:main)"]
    server.same("demo:main")
    assert week.told() == ["evaluation of demo:main: cached at 12:35 UTC (ci/eval/demo:main)"]


EVALS = 'kinds = ["job", "eval"]'


def digests(week: Week) -> dict[str, str]:
    """Each evaluation that the next run tells of, with the first line of what it says."""
    week.check()
    found = [one for one in week.events() if one["kind"] == "eval"]
    assert {one["type"] for one in found} <= {"change"}
    lines = {one["name"]: one["message"].partition("; src:")[0] for one in found}
    assert len(lines) == len(found)
    return {f"{name}: {one['status']}": lines[name] for one in found for name in [one["name"]]}


def test_the_end_of_an_evaluation_is_one_digest(week: Week) -> None:
    week.configure(EVALS)
    server = settled(week)
    server.evaluate("demo:main", {job: f"{job}-2" for job in JOBS})
    assert digests(week) == {"evaluation 2 of demo:main: building": "3 new builds"}
    server.end("hello", "world", status=FAILED)
    assert digests(week) == {}
    server.end("tested")
    assert digests(week) == {
        "evaluation 2 of demo:main: completed": (
            "2 newly broken (hello on x86_64-linux, world on x86_64-linux)"
        )
    }
    server.evaluate("demo:main", {"hello": "hello-3", "world": "world-2", "tested": "tested-3"})
    server.end("hello")
    assert digests(week) == {"evaluation 3 of demo:main: building": "2 new builds, 1 as before"}
    server.end("tested", status=FAILED)
    assert digests(week) == {
        "evaluation 3 of demo:main: completed": (
            "1 newly broken (tested on x86_64-linux), 1 still broken, "
            "1 fixed (hello on x86_64-linux)"
        )
    }
    assert digests(week) == {}
    assert sorted(week.asked) == ["/api/jobsets?project=demo", "/build/5", "/build/8"]


def test_evaluations_that_are_over_when_they_are_first_seen_have_one_digest_each(
    week: Week,
) -> None:
    week.configure(EVALS)
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    server.end("hello", status=FAILED)
    server.later(1)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-3"})
    server.end("hello")
    assert digests(week) == {
        "evaluation 2 of demo:main: completed": (
            "1 newly broken (hello on x86_64-linux); 1 new build, 2 as before"
        ),
        "evaluation 3 of demo:main: completed": (
            "1 fixed (hello on x86_64-linux); 1 new build, 2 as before"
        ),
    }
    assert digests(week) == {}


def test_an_evaluation_whose_builds_a_newer_one_took_over_is_superseded(week: Week) -> None:
    week.configure(EVALS)
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2", "world": "world-2"})
    server.end("hello", status=FAILED)
    assert list(digests(week)) == ["evaluation 2 of demo:main: building"]
    server.evaluate("demo:main", {**JOBS, "hello": "hello-3", "world": "world-2"})
    assert digests(week) == {
        "evaluation 3 of demo:main: building": "1 new build, 2 as before",
        "evaluation 2 of demo:main: superseded": (
            "evaluation 3 took over builds of it, until then 1 newly broken (hello on x86_64-linux)"
        ),
    }
    server.end("hello", "world")
    assert digests(week) == {
        "evaluation 3 of demo:main: completed": "1 fixed (hello on x86_64-linux)"
    }
    assert digests(week) == {}


def test_an_evaluation_of_before_the_first_look_has_no_digest(week: Week) -> None:
    week.configure(EVALS)
    server = week.server
    server.add("demo:main")
    server.evaluate("demo:main", JOBS)
    server.end(*JOBS)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    assert digests(week) == {}
    server.end("hello", status=FAILED)
    assert digests(week) == {}
    assert digests(week) == {}


def test_a_restart_within_an_evaluation_is_counted_as_it_ended(week: Week) -> None:
    week.configure(EVALS)
    server = settled(week)
    server.evaluate("demo:main", {job: f"{job}-2" for job in JOBS})
    server.end("hello", "world", status=FAILED)
    digests(week)
    server.restart("hello")
    server.end("hello")
    server.cancel("tested")
    assert digests(week) == {
        "evaluation 2 of demo:main: completed": (
            "1 newly broken (world on x86_64-linux), 1 aborted or cancelled"
        )
    }
    # what is restarted after the end changes jobs, and is told as such; the digest stands
    server.restart("world")
    assert digests(week) == {}
    assert '"open":' not in (week.folder / "state.json").read_text()
    server.end("world")
    assert digests(week) == {}
    # a job that is broken stays so when its build is aborted, and is counted once when that is over
    server.evaluate("demo:main", {job: f"{job}-3" for job in JOBS})
    server.end("hello", status=FAILED)
    server.end("world", "tested")
    digests(week)
    server.evaluate("demo:main", {job: f"{job}-4" for job in JOBS})
    server.end("hello", status=ABORTED)
    digests(week)
    server.restart("hello")
    server.end("hello", status=FAILED)
    server.end("world", "tested")
    assert digests(week) == {"evaluation 4 of demo:main: completed": "1 still broken"}


def test_a_digest_names_a_few_jobs_and_counts_all(week: Week) -> None:
    week.configure(EVALS)
    server = settled(week)
    jobs = [f"j{number}.x86_64-linux" for number in range(8)]
    server.evaluate("demo:main", {**JOBS, **{job: f"{job}-1" for job in jobs}})
    server.end(*jobs, status=FAILED)
    few = ", ".join(jobs[:5])
    digest = f"8 newly broken ({few} and 3 more); 8 new builds, 3 as before"
    assert digests(week) == {"evaluation 2 of demo:main: completed": digest}
    server.evaluate("demo:main", {**JOBS, **{job: f"{job}-2" for job in jobs}})
    server.end(*jobs)
    digest = f"8 fixed ({few} and 3 more); 8 new builds, 3 as before"
    assert digests(week) == {"evaluation 3 of demo:main: completed": digest}


def test_an_evaluation_that_appears_late_decides_nothing_and_says_so(week: Week) -> None:
    week.configure(EVALS)
    server = settled(week)
    late = server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    server.end("hello", status=FAILED)
    server.hidden.add(late)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-3"})
    server.end("hello")
    assert list(digests(week)) == ["evaluation 3 of demo:main: completed"]
    server.hidden.clear()
    server.later(1)
    server.checked("demo:main")
    assert digests(week) == {
        "evaluation 2 of demo:main: completed": (
            "a newer evaluation decides on its jobs; 1 new build, 2 as before"
        )
    }
    assert digests(week) == {}


def test_a_build_that_fails_is_restarted_and_fails_again_is_told_each_time(week: Week) -> None:
    week.configure(KINDS)
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    server.end("hello", status=FAILED)
    name = "build 4 of demo:main:hello on x86_64-linux"
    assert f"{name} failed at 12:10 UTC (ci/build/4)" in week.told()
    server.restart("hello")
    server.end("hello", status=FAILED)
    assert f"{name} failed again at 12:15 UTC (ci/build/4)" in week.told()
    server.restart("hello")
    assert week.told() == [f"{name}: queued at 12:25 UTC (ci/build/4)"]
    server.end("hello")
    assert any(line.startswith(f"{name} completed after all at 12:25 UTC") for line in week.told())
    assert week.told() == []


def test_an_evaluation_that_runs_is_told_and_its_failure(week: Week) -> None:
    week.configure(KINDS)
    server = settled(week)
    server.jobsets["demo:main"]["triggertime"] = server.time
    assert week.told() == ["evaluation of demo:main: asked for at 12:15 UTC (ci/eval/demo:main)"]
    server.jobsets["demo:main"] |= {"triggertime": None, "starttime": server.time}
    assert week.told() == ["evaluation of demo:main: started at 12:20 UTC (ci/eval/demo:main)"]
    server.checked("demo:main", error("x"))
    told = week.told()
    assert told[0].startswith("jobset demo:main is failing to evaluate")
    assert told[1].startswith("evaluation of demo:main failed at 12:20 UTC")
    server.checked("demo:main", error("x"))
    assert week.told() == []


def test_a_window_that_does_not_reach_back_is_told(week: Week) -> None:
    server = settled(week)
    old = {f"o{number:03}": f"o{number}" for number in range(60)}
    server.evaluate("demo:main", {**JOBS, **old})
    assert week.told() == []
    server.end(*old)
    new = {f"n{number:03}": f"n{number}" for number in range(10)}
    server.evaluate("demo:main", {**JOBS, **old, **new})
    server.end(*new)
    # a server that lists no more than the ten newest, whatever is asked for
    listed = server._latest
    server._latest = lambda query: listed({**query, "nr": "10"})
    assert week.told() == [
        "ci: demo:main: 20 ended builds are older than those listed in one answer; "
        "they are asked for one by one, 40 at a look"
    ]
    assert len([one for one in week.asked if one.startswith("/build/")]) == 40
    assert week.told() == []
    assert len([one for one in week.asked if one.startswith("/build/")]) == 20


def test_more_new_evaluations_than_pages_is_told(week: Week) -> None:
    server = settled(week)
    for number in range(205):
        server.evaluate("demo:main", {**JOBS, "hello": f"hello-{number}"})
    server.end("hello")
    (told,) = week.told()
    assert told == "ci: demo:main: more new evaluations than the 10 pages that are read"


# ---- what an answer lacks is not said by it ---------------------------------------------------


def failing(week: Week) -> Server:
    """A job of the jobset fails, and that was told."""
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    server.end("hello", status=FAILED)
    assert f"{HELLO} is failing" in week.check().out
    return server


def test_a_build_that_ended_without_a_status_did_not_fail(week: Week) -> None:
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    server.end("hello")
    server.newest("hello")["buildstatus"] = None
    assert HELLO not in week.check().out
    server.end("hello", status=FAILED)
    assert f"{HELLO} is failing" in week.check().out


def test_an_answer_about_another_build_is_none(week: Week) -> None:
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    server.end("hello", status=FAILED)
    other = {**server.newest("hello"), "id": 3, "job": "world"}
    server.sick["/build/4"] = Reply(json.dumps(other).encode())
    assert WORLD not in week.check().out
    server.sick.clear()
    assert f"{HELLO} is failing" in week.check().out


@pytest.mark.parametrize("builds", [None, "x", ["x"], {}])
def test_an_evaluation_whose_builds_cannot_be_read_has_lost_no_job(
    week: Week, builds: object
) -> None:
    server = failing(week)
    number = server.evaluate("demo:main", {"world": "world-2", "hello": "hello-2"})
    server.end("world", "hello", status=FAILED)
    page = {"evals": [{**server.evals[number]["answer"], "builds": builds}]}
    server.sick["/jobset/demo/main/evals"] = Reply(json.dumps(page).encode())
    assert "no longer there" not in week.check().out
    server.sick.clear()
    assert "no longer there" not in week.check().out


def test_an_evaluation_without_its_time_is_not_of_another_database(week: Week) -> None:
    server = failing(week)
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"})
    first = server.evals[1]["answer"]
    server.evals[1]["answer"] = {**first, "timestamp": None}
    assert "another database" not in week.check().out
    server.evals[1]["answer"] = first
    assert "another database" not in week.check().out


def test_a_page_without_the_text_of_an_error_says_not_that_there_is_none(week: Week) -> None:
    server = settled(week)
    server.checked("demo:main", "error: undefined variable")
    assert "is failing to evaluate" in week.check().out
    server.later()
    server.checked("demo:main", "error: undefined variable")
    server.sick["/jobset/demo/main/errors"] = Reply(b'{"enabled": 1}')
    for _ in range(2):
        assert "evaluating again" not in week.check().out
    server.sick.clear()
    server.checked("demo:main")
    assert "evaluating again" in week.check().out


def test_counters_that_the_runner_does_not_show_are_not_zero(week: Week) -> None:
    server = settled(week)
    server.runner["queueRunner"] |= {"nrStepsRunnable": 5, "nrStepsBuilding": None}
    for _ in range(3):
        assert week.told() == []
    server.runner["queueRunner"]["nrStepsBuilding"] = 0
    week.check()
    assert "build queue is stuck" in week.check().out
    server.runner["queueRunner"]["nrStepsRunnable"] = "x"
    for _ in range(3):
        assert week.told() == []


def test_a_list_of_projects_with_an_odd_row_is_asked_for_again(week: Week) -> None:
    server = failing(week)
    server.sick["/"] = Reply(b'[{"name": 13}]')
    week.check(minutes=65)
    server.sick.clear()
    server.end("hello")
    assert f"{HELLO} is fixed" in week.check().out


def test_a_project_that_is_gone_takes_along_what_failed_in_it(week: Week) -> None:
    server = failing(week)
    server.add("other:main")
    server.sick["/api/jobsets"] = Reply(b"{")
    week.check(minutes=65)
    assert "(tasks/demo) is giving broken answers" in week.check().out
    server.sick.clear()
    del server.jobsets["demo:main"]
    ran = week.check(minutes=65)
    assert f"{HELLO} is no longer there" in ran.out
    assert "ci (tasks/demo) is back" in ran.out
    assert week.told() == []


def test_a_name_longer_than_any_job_has_is_not_remembered(week: Week) -> None:
    server = settled(week)
    server.evaluate("demo:main", {**JOBS, "x" * 2**20: "x-1", "hello": "hello-2"})
    server.end("x" * 2**20, status=FAILED)
    assert week.check().code == 3
    assert (week.folder / "state.json").stat().st_size < 50_000


def test_a_row_that_is_no_text_costs_no_other(week: Week) -> None:
    server = settled(week)
    jobs = [f"j{number}" for number in range(10)]
    server.evaluate("demo:main", {**JOBS, **{job: job for job in jobs}})
    server.end(*jobs, status=FAILED)
    rows = json.dumps(server._latest({"project": "demo", "jobset": "main", "nr": "99"})).encode()
    odd = b'[{"id": "x"}, {"id": 1, "job": "\xff", "system": "", "buildstatus": 1}, ' + rows[1:]
    server.sick["/api/latestbuilds"] = Reply(odd)
    assert "j9 on x86_64-linux is failing" in week.check().out


# ---- the page ---------------------------------------------------------------------------------


def test_the_samples_in_the_page_are_what_is_sent() -> None:
    kept = hydra_samples.written(hydra_samples.PAGE.read_text(encoding="utf-8"))
    assert kept == hydra_samples.section(), "PYTHONPATH=tests python -m hydra_samples writes them"
