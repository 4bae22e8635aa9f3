"""Each of Lucifer's events, and what a task comes to by them."""

from typing import Any

import pytest
from sources.streams import Lab, last, lucifer, story

from notifier.sources._lucifer_events import EVENTS, OWN

SETTINGS = lucifer.Settings(type="lucifer")
# the protocol's reference, written out once more: (kind, health, severity)
MEANINGS = {
    "starting": ("task", "active", "info"),
    "provisioning": ("task", "active", "info"),
    "running": ("task", "active", "info"),
    "gathering": ("task", "active", "info"),
    "parsing": ("task", "active", "info"),
    "aborted": ("task", "failed", "critical"),
    "completed": ("task", "ok", "info"),
    "test_passed": ("test", "ok", "info"),
    "test_failed": ("test", "failed", "critical"),
    "host_clean": ("host", "ok", "info"),
    "host_ready": ("host", "ok", "info"),
    "host_ready_to_run": ("host", "active", "info"),
    "host_running": ("host", "active", "info"),
    "host_needs_cleanup": ("host", "degraded", "warning"),
    "host_needs_reset": ("host", "degraded", "warning"),
    "host_needs_repair": ("host", "down", "warning"),
    "host_failed_repair": ("host", "down", "warning"),
    "host_needs_deploy": ("host", "down", "warning"),
    "host_needs_manual_repair": ("host", "down", "critical"),
    "host_needs_replacement": ("host", "down", "critical"),
}


def test_all_twenty_events_are_known() -> None:
    assert EVENTS.keys() == MEANINGS.keys()
    assert len(EVENTS) == 20


@pytest.mark.parametrize("event", MEANINGS)
def test_an_event_means_what_the_protocol_says(event: str) -> None:
    kind, health, severity = MEANINGS[event]
    assert lucifer.classify(SETTINGS, kind, event) == (health, severity)
    for other in {"task", "test", "host"} - {kind}:
        assert lucifer.classify(SETTINGS, other, event) == ("unknown", "warning")


@pytest.mark.parametrize("event", MEANINGS)
def test_an_event_in_a_stream_is_seen_with_its_meaning(event: str, lab: Lab) -> None:
    kind, health, severity = MEANINGS[event]
    lab.settings = lucifer.Settings(
        type="lucifer", paths=lab.settings.paths, kinds=["task", "test", "host"]
    )
    lab.look()
    # a test that passes is of interest only where it had failed
    before = ["test_failed x"] if event == "test_passed" else []
    lab.lines("1.events", *before, event if kind == "task" else f"{event} x")
    lab.later().look()
    seen = lab.seen(kind)[-1]
    assert (seen.status, seen.health, seen.severity) == (event, health, severity)
    assert seen.id == {"task": "1", "test": "1/x", "host": "x"}[kind]


@pytest.mark.parametrize("status", OWN)
def test_a_word_of_ours_is_a_failure_or_a_task_that_is_stuck(status: str) -> None:
    health, severity = lucifer.classify(SETTINGS, "task", status)
    expected = ("degraded", "warning") if status.endswith(", silent") else ("failed", "critical")
    assert (health, severity) == expected


JOB = ["starting", "provisioning", "running", "host_running host-17"]


@pytest.mark.parametrize(
    ("lines", "status", "says"),
    [
        ([*JOB, "test_passed a", "gathering", "parsing", "completed"], "completed", ""),
        (["starting", "host_ready host-17", "completed"], "completed", ""),
        (
            [*JOB, "test_passed a", "test_failed b", "completed"],
            "tests_failed", "ended: 1 of 2 tests failed: b",
        ),
        ([*JOB, "test_failed b", "completed"], "tests_failed", "ended: 1 of 1 test failed: b"),
        (
            [*JOB, "test_failed autoserv", "completed"],
            "harness_failed", "ended: the harness (autoserv) failed",
        ),
        (
            [*JOB, "test_failed b", "test_failed autoserv", "completed"],
            "tests_failed", "ended: 1 of 1 test failed: b, the harness failed too",
        ),
        ([*JOB, "aborted"], "aborted", "was aborted"),
        ([*JOB, "aborted", "completed"], "aborted", "was aborted"),
        (
            [*JOB, "test_failed b", "aborted", "completed"],
            "aborted", "was aborted; 1 of 1 test failed: b",
        ),
        ([*JOB], "crashed", "crashed in running: its events end without completed"),
        (["starting"], "crashed", "crashed in starting: its events end without completed"),
        ([], "crashed", "crashed before its first event: its events end without completed"),
    ],
)  # fmt: skip
def test_a_stream_comes_to_one_end(lines: list[str], status: str, says: str) -> None:
    seen = last(story(lines), "task")
    assert (seen.id, seen.name, seen.status, seen.says) == ("12345", "job 12345", status, says)
    assert seen.health == ("ok" if status == "completed" else "failed")
    assert seen.node == ("host-17" if JOB[-1] in lines or "host_ready host-17" in lines else "")


def test_many_failed_tests_are_counted_and_the_first_are_named() -> None:
    tests = [f"test_failed t{n}" for n in range(3000)]
    seen = last(story(["starting", *tests, *["test_passed x"] * 1000, "completed"]), "task")
    assert seen.says == "ended: 3,000 of 4,000 tests failed: t0, t1, t2, t3, t4 and 2,995 more"


def test_a_test_without_a_name_counts() -> None:
    seen = last(story(["starting", "test_failed", "completed"]), "task")
    assert seen.says == "ended: 1 of 1 test failed: (no name)"


def test_phases_are_the_status_and_no_news_beyond_it(lab: Lab) -> None:
    lab.look()
    for phase in ("starting", "provisioning", "running", "gathering", "parsing"):
        lab.lines("1.events", phase)
        lab.later().look()
        assert lab.said() == [f"1 {phase}"]
        assert lab.seen("task")[0].health == "active"
    lab.lines("1.events", "test_passed a")
    lab.later().look()
    assert lab.said() == []


def test_what_is_aborted_is_told_at_once_and_completed_adds_nothing(lab: Lab) -> None:
    lab.look()
    lab.lines("1.events", "starting", "aborted")
    lab.later().look()
    assert lab.said() == ["1 was aborted"]
    lab.lines("1.events", "gathering", "parsing", "completed")
    lab.later().look()
    assert lab.said() == []
    assert lab.task()["end"] == "aborted"


def test_a_task_that_begins_anew_crashed_unless_it_had_ended(lab: Lab) -> None:
    lab.look()
    lab.lines("1.events", "starting", "running", "starting", "completed", "starting")
    lab.later().look()
    said = [(one.says or one.status, one.attempt) for one in lab.seen("task")]
    assert said == [
        ("crashed in running: its events end without completed", ""),
        ("completed", "2"),
        ("starting", "3"),
    ]


def test_a_second_attempt_counts_its_own_tests(lab: Lab) -> None:
    lab.look()
    lab.lines("1.events", "starting", "test_failed a", "completed")
    lab.later().look()
    lab.lines("1.events", "starting", "test_passed a", "test_passed b", "completed")
    lab.later().look()
    seen = [(one.status, one.attempt) for one in lab.seen("task")]
    assert seen == [("starting", "2"), ("completed", "2")]


def test_an_unknown_event_is_shown_once_and_counted(lab: Lab) -> None:
    lab.look()
    lab.lines("1.events", "starting", "defrosting slowly", "defrosting", "host_thawed h")
    lab.later().lines("2.events", "defrosting")
    lab.look()
    assert lab.remarks() == [
        "unknown event 'defrosting' in job 1; such lines are only counted",
        "unknown event 'host_thawed' in job 1; such lines are only counted",
    ]
    lab.lines("1.events", "defrosting")
    lab.later().look()
    assert lab.remarks() == []
    assert lab.cursor["odd"] == {"defrosting": 4, "host_thawed": 1}


def test_a_flood_of_unknown_events_is_shown_in_few_lines(lab: Lab) -> None:
    lab.look()
    lab.lines("1.events", *(f"event_{n}" for n in range(1000)), "Not An Event", "\x1b[31m")
    lab.later().look()
    assert len(lab.remarks()) == 21
    assert lab.remarks()[-1] == "text that is no event in job 1; such lines are only counted"
    assert sum(lab.cursor["odd"].values()) == 1002


# ---- hosts ------------------------------------------------------------------------------------


def test_a_host_is_what_its_newest_event_says_over_all_streams(lab: Lab) -> None:
    lab.look()
    lab.lines("2.events", "starting", "host_needs_repair host-17")
    lab.later().lines("1.events", "starting", "host_ready host-17")
    lab.later().look()
    assert lab.said("host") == ["host-17 host_needs_repair", "host-17 host_ready"]


def test_what_a_file_that_was_read_late_says_of_a_host_is_not_the_newest(lab: Lab) -> None:
    lab.look()
    lab.later().lines("2.events", "host_ready host-17")
    lab.look()
    late = lab.lines("1.events", "host_needs_repair host-17")
    import os

    os.utime(late, (lab.now.timestamp() - 60, lab.now.timestamp() - 60))
    lab.later().look()
    assert lab.said("host") == []


def test_an_event_without_a_host_is_of_the_stream_s_or_of_the_configured_one(lab: Lab) -> None:
    lab.look()
    lab.lines("1.events", "host_running host-3", "host_needs_repair")
    lab.later().look()
    assert lab.said("host") == ["host-3 host_running", "host-3 host_needs_repair"]
    found = story(["starting", "host_ready", "completed"], host="host-9")
    assert last(found, "host").id == "host-9"


def test_an_event_of_no_host_at_all_is_counted_and_shown(lab: Lab) -> None:
    lab.look()
    lab.lines("1.events", "host_ready")
    lab.later().look()
    assert lab.said("host") == []
    assert lab.remarks() == ["host_ready without a host in job 1; such lines are only counted"]


def test_a_host_that_changes_several_times_between_two_looks_is_told_in_order(lab: Lab) -> None:
    lab.look()
    words = ["host_needs_repair", "host_running", "host_failed_repair", "host_ready"]
    lab.lines("1.events", *(f"{word} h" for word in words), "host_ready h")
    lab.later().look()
    assert lab.said("host") == [f"h {word}" for word in words]


# ---- tests as things of their own -------------------------------------------------------------


def test_failed_tests_are_things_where_they_are_asked_for() -> None:
    lines = ["starting", "host_running h", "test_failed a", "test_failed b", "test_passed b"]
    found = story([*lines, "completed"], kinds=["task", "test"])
    tests = [one for shown in found if shown.kind == "test" for one in shown.changes or ()]
    assert [(one.id, one.status, one.part_of, one.node) for one in tests] == [
        ("12345/a", "test_failed", "task/12345", "h"),
        ("12345/b", "test_failed", "task/12345", "h"),
        ("12345/b", "test_passed", "task/12345", "h"),
    ]
    assert [one.kind for one in story(lines)] == ["task", "host"]


# ---- what else a task shows -------------------------------------------------------------------


def test_a_task_rides_on_its_host_and_links_to_its_page() -> None:
    link: Any = {"task": "https://lab.example/jobs/{id}?dut={node}"}
    seen = last(story(["starting", "host_running host 17", "completed"], link=link), "task")
    assert seen.part_of == "host/host 17"
    assert seen.link == "https://lab.example/jobs/12345?dut=host%2017"
    assert seen.name == "job 12345"


def test_secrets_in_names_are_not_shown() -> None:
    seen = last(story(["starting", "test_failed --password hunter2", "completed"]), "task")
    assert "hunter2" not in seen.says
