from collections import Counter
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from scenes import AGO, NOON, event, incident, lost, mixed, node_death, offline, scene, seen, storm

from notifier.digest import Digest, Item, digest, shorter
from notifier.model import Event, Incident, Observation
from notifier.words import Clock, lasting, plural

BERLIN = ZoneInfo("Europe/Berlin")


def say(
    *events: Event,
    incidents: dict[str, Incident] | None = None,
    room: int = 20,
    zone: tzinfo = UTC,
    now: datetime = NOON,
) -> Digest:
    known = scene(list(events)).incidents if incidents is None else incidents
    return digest(events, known, max_items=room, zone=zone, now=now)


def words(*events: Event, **more: object) -> str:
    (item,) = say(*events, **more).items  # type: ignore[arg-type]
    return item.words


def back(of: Event, minutes: int = 29, **more: object) -> Event:
    """The recovery of a standing thing, that many minutes after its problem began."""
    assert of.observation
    values = {"reason": "back", "before": of.observation.status, "opened": of.opened, **more}
    well = replace(of.observation, status="online", health="ok", message="")
    return event(
        900, "recovery", well, of.incident, thing=of.thing, at=AGO + timedelta(minutes=minutes),
        **values,
    )  # fmt: skip


def completed(of: Event, **more: object) -> Event:
    """The late success of a failed task."""
    assert of.observation
    end = AGO + timedelta(minutes=29)
    well = replace(of.observation, status="completed", health="ok", ended=end, message="")
    return event(
        901, "recovery", well, of.incident, thing=of.thing, at=end, before=of.observation.status,
        **{"reason": "completed after all", **more},
    )  # fmt: skip


def failed(number: int, status: str = "failed", **more: object) -> Event:
    what = seen("task", str(number), status, name=f"run-{number}.py", ended=AGO, **more)
    return event(number, "problem", replace(what, health="failed"), before="running")


# --- one thing


def test_a_failure_says_what_where_and_when() -> None:
    assert words(failed(1, node="gpu-03")) == "run-1.py failed on gpu-03 at 11:58 UTC"
    assert words(failed(1, "killed_oom")) == (
        "run-1.py ran out of memory and was killed at 11:58 UTC"
    )
    assert words(failed(1, "dependency failed")) == (
        "run-1.py failed (dependency failed) at 11:58 UTC"
    )


def test_a_thing_without_a_name_is_called_by_its_id() -> None:
    what = Observation(kind="task", id="77", name="", status="failed", health="failed")
    assert words(event(1, "problem", what)).startswith("77 failed")
    unseen = replace(what, name="\u200b\u202e")
    assert words(event(1, "problem", unseen)).startswith("77 failed")


def test_a_sentence_is_one_line_whatever_the_names() -> None:
    odd = failed(1, node="a\nb\tc" + "x" * 300)
    assert words(odd).startswith("run-1.py failed on a ⏎ b cxxx")
    assert len(words(odd)) < 150


def test_a_standing_problem_says_since_when() -> None:
    assert words(offline()) == "gpu-07 is offline since 11:58 UTC"
    worse = replace(offline(), reason="worse")
    assert words(worse) == "gpu-07 is now offline since 11:58 UTC"


def test_what_failed_again_says_so_in_line_and_title() -> None:
    again = replace(failed(1), reason="failed again")
    assert words(again) == "run-1.py failed again at 11:58 UTC"
    assert say(again).title == "[river] run-1.py failed again"


def test_a_reminder_says_how_long_it_has_been() -> None:
    later = replace(offline(), type="reminder", reason="still down")
    now = AGO + timedelta(hours=3, minutes=12)
    assert words(later, now=now) == "gpu-07 is still offline since 11:58 UTC (3 h 12 min)"
    assert say(later, now=now).title == "[river] gpu-07 is still offline"


def test_a_stuck_task_is_called_stuck_and_its_end_too() -> None:
    waits = seen("task", "5", "pending", name="sweep")
    stuck = event(5, "problem", waits, reason="stuck", severity="warning")
    assert words(stuck) == "sweep is stuck in pending since 11:58 UTC (2 min)"
    assert say(stuck).title == "[river] sweep is stuck in pending"
    moved = event(6, "recovery", replace(waits, status="running"), stuck.incident, before="pending")
    known = {stuck.incident: incident(stuck)}
    assert words(moved, incidents=known) == (
        "sweep is no longer stuck: running (pending 11:58–12:00 UTC)"
    )


def test_a_recovery_says_how_long_it_was_down() -> None:
    down = offline()
    said = say(back(down), incidents={down.incident: incident(down)})
    assert said.items[0].words == "gpu-07 is back after 29 min (offline 11:58–12:27 UTC)"
    assert said.title == "[river] back: gpu-07 (29 min)"
    assert said.recovery


def test_a_recovery_needs_no_incident_to_be_told() -> None:
    assert words(back(offline()), incidents={}) == (
        "gpu-07 is back after 29 min (offline 11:58–12:27 UTC)"
    )


def test_a_problem_that_was_over_before_it_was_told_is_one_line() -> None:
    down = offline()
    said = say(down, back(down))
    assert [item.words for item in said.items] == ["gpu-07 was offline 11:58–12:27 UTC (29 min)"]
    assert said.title == "[river] was offline: gpu-07 (29 min)"
    assert said.recovery


def test_a_task_that_was_lost_and_completed_untold_is_one_line() -> None:
    gone = lost(1)
    said = say(gone, completed(gone))
    assert [item.words for item in said.items] == [
        "train-1.py was lost 11:58 UTC, then completed 12:27 UTC"
    ]
    assert said.title == "[river] train-1.py was lost, then completed"


def test_a_late_success_says_what_it_had_been_taken_for() -> None:
    gone = lost(1)
    known = {gone.incident: incident(gone)}
    assert words(completed(gone), incidents=known) == (
        "train-1.py completed after all at 12:27 UTC (lost 11:58 UTC)"
    )


def test_a_late_report_that_keeps_the_old_time_is_told_by_when_it_was_seen() -> None:
    gone = lost(1)
    done = completed(gone)
    assert done.observation
    done = replace(done, observation=replace(done.observation, ended=AGO))
    known = {gone.incident: incident(gone)}
    assert "completed after all at 12:27 UTC" in words(done, incidents=known)


def test_what_is_no_longer_watched_is_no_recovery_of_its_health() -> None:
    down = offline()
    gone = back(down, reason="no longer watched", observation=down.observation)
    said = say(gone, incidents={down.incident: incident(down)})
    assert said.items[0].words == "gpu-07 is no longer watched (offline since 11:58 UTC)"
    task = lost(1)
    gone = replace(completed(task), reason="no longer watched", observation=task.observation)
    said = say(gone, incidents={task.incident: incident(task)})
    assert said.items[0].words == "train-1.py is no longer watched (was lost 11:58 UTC)"


def test_flapping_and_its_end_are_told_with_the_present_state() -> None:
    node = offline()
    flaps = replace(node, type="flapping_start", reason="flapping")
    assert words(flaps) == "gpu-07 is flapping, now offline"
    assert say(flaps).title == "[river] gpu-07 is flapping, now offline"
    steady = replace(back(node), type="flapping_end", reason="steady")
    said = say(steady, incidents={node.incident: incident(node)})
    assert said.items[0].words == "gpu-07 is steady again: online"
    assert said.recovery


def test_an_opted_in_change_is_neither_problem_nor_recovery() -> None:
    done = replace(completed(lost(1)), type="change", reason="completed", incident="")
    said = say(done, incidents={})
    assert said.items[0].words == "train-1.py completed on gpu-07 at 12:27 UTC"
    assert not said.recovery


def test_several_changes_of_one_thing_are_one_line_with_their_number() -> None:
    first, again = failed(1), replace(failed(1), id="e2", reason="failed again")
    third = replace(again, id="e3", before="failed")
    said = say(first, again, third)
    assert [item.words for item in said.items] == [
        "run-1.py failed again at 11:58 UTC (3 changes; last told: running)"
    ]
    assert said.things == 1


# --- several things


def test_what_a_node_took_with_it_rides_in_its_line() -> None:
    said = say(*node_death().events)
    (item,) = said.items
    assert item.words == "gpu-07 is offline since 11:58 UTC; it took 30 tasks with it"
    assert said.title == "[river] gpu-07 is offline, 30 tasks lost"
    assert (item.child_count, len(item.children), item.more) == (30, 19, 11)
    assert (said.things, said.hidden, said.beyond) == (31, 11, 0)


def test_what_a_node_took_stays_a_problem_when_the_node_is_back() -> None:
    node = offline()
    said = say(node, lost(2), lost(3), back(node))
    assert [item.words for item in said.items] == [
        "gpu-07 was offline 11:58–12:27 UTC (29 min); with it: 2 tasks lost"
    ]
    assert not said.recovery
    assert said.title == "[river] 2 tasks lost, was offline: gpu-07 (29 min)"


def test_without_their_node_two_or_more_alike_are_counted_with_its_incident() -> None:
    node = replace(offline(), opened=NOON - timedelta(days=1))
    known = {"i-7": replace(incident(node), opened=NOON - timedelta(days=1))}
    said = say(*(lost(number) for number in range(37)), incidents=known, zone=BERLIN)
    (item,) = said.items
    assert item.words == "37 tasks lost on gpu-07 (offline since Nov 21 13:00 CET)"
    assert not item.own
    assert item.child_count == 37
    assert said.title == "[river] 37 tasks lost on gpu-07"
    assert said.things == 37


def test_without_an_open_incident_of_the_node_nothing_is_said_about_it() -> None:
    over = replace(incident(offline()), ended=NOON)
    assert words(lost(1), lost(2), incidents={"i-7": over}) == "2 tasks lost on gpu-07"


def test_one_alone_stays_itself() -> None:
    assert words(lost(1)) == "train-1.py was lost on gpu-07 at 11:58 UTC"


def test_a_batch_is_one_line() -> None:
    said = say(*(failed(number, group="7530", node=f"gpu-{number}") for number in range(12)))
    assert [item.words for item in said.items] == ["12 tasks of batch 7530 failed"]
    assert said.title == "[river] 12 tasks failed on 12 nodes"


def test_only_what_is_alike_is_counted_together() -> None:
    node = {"part_of": "node/gpu-07", "node": "gpu-07"}
    said = say(lost(1), lost(2), failed(3, **node), failed(4, **node), failed(5, "killed", **node))
    assert [item.words for item in said.items] == [
        "2 tasks lost on gpu-07",
        "2 tasks failed on gpu-07",
        "run-5.py was killed on gpu-07 at 11:58 UTC",
    ]


def test_things_that_are_part_of_each_other_in_a_circle_stay_themselves() -> None:
    one = failed(1, part_of="task/2")
    two = failed(2, part_of="task/1")
    own = failed(3, part_of="task/3")
    said = say(one, two, own)
    assert sorted(item.name for item in said.items) == [f"run-{n}.py" for n in (1, 2, 3)]


def test_what_rides_on_a_rider_rides_on_the_first() -> None:
    said = say(offline(), lost(2), failed(3, part_of=f"task/{lost(2).thing.split('/')[-1]}"))
    (item,) = said.items
    assert {child.name for child in item.children} == {"train-2.py", "run-3.py"}
    assert item.words.endswith("; with it: 1 task lost, 1 task failed")


def test_an_error_that_all_share_is_told_once_with_their_node() -> None:
    (item,) = say(offline(), lost(2), lost(3)).items
    assert item.error == "Node gpu-07 went offline (heartbeat timeout)."


def test_of_a_traceback_the_last_line_tells() -> None:
    trace = "Traceback (most recent call last):\n  File x\nKeyError: 'bleu'\n"
    (item,) = say(failed(1, message=trace)).items
    assert item.error == "KeyError: 'bleu'"


def test_the_worst_comes_first_then_the_newest_and_endings_last() -> None:
    said = say(*mixed().events)
    assert [item.name for item in said.items] == [
        "gpu-11", "gpu-05", "evaluate.py", "nixos:trunk:hello.x86_64-linux", "sweep-17", "gpu-07",
    ]  # fmt: skip
    assert said.severity == "critical"
    newer = replace(failed(2), at=NOON + timedelta(minutes=1))
    assert [item.name for item in say(failed(1), newer).items] == ["run-2.py", "run-1.py"]


def test_totals_count_every_thing_by_state_and_by_node() -> None:
    said = say(*mixed().events)
    assert said.statuses == (
        ("lost", 7), ("failed", 2), ("back", 1), ("offline", 1), ("stuck in pending", 1),
    )  # fmt: skip
    assert said.nodes == (("gpu-05", 7), ("gpu-01", 1), ("gpu-07", 1), ("gpu-11", 1))
    assert said.types == (("problem", 11), ("recovery", 1))


def test_ten_thousand_are_named_in_twenty_lines_and_counted_whole() -> None:
    made = digest(storm().events, {}, max_items=20, zone=UTC, now=NOON)
    assert made.title == "[river] 10,000 tasks lost on 40 nodes"
    assert len(made.items) == 20
    assert (made.things, made.hidden, made.beyond) == (10_000, 10_000, 5_000)


def test_summaries_are_lines_of_their_own_and_never_hidden() -> None:
    told = Event(
        id="e1", type="summary", at=NOON, reason="first look", thing="river/source/river",
        severity="info", text="watching 3 tasks on river",
    )  # fmt: skip
    said = say(*(failed(n) for n in range(9)), told, replace(told, id="e2"), room=1)
    assert [item.words for item in said.summaries] == ["watching 3 tasks on river"] * 2
    assert say(told).title == "[river] watching 3 tasks on river"
    assert (said.things, len(said.items)) == (9, 1)
    assert not say(told).recovery


def test_a_critical_summary_leads_the_title() -> None:
    told = Event(
        id="e1", type="summary", at=NOON, reason="reset", thing="river/source/river",
        severity="critical", text="river has another database now",
    )  # fmt: skip
    assert say(failed(1), told).title == "[river] river has another database now, run-1.py failed"


def test_the_title_counts_sources_when_they_are_many() -> None:
    events = [replace(failed(n), thing=f"{name}/task/{n}") for n, name in enumerate("abc")]
    assert say(*events[:2]).title.startswith("[a, b] ")
    assert say(*events).title.startswith("[3 sources] ")


def test_nothing_at_all_still_has_a_title() -> None:
    assert say().title == "nothing to say"


# --- times


@pytest.mark.parametrize(
    ("at", "zone", "shown"),
    [
        (NOON, UTC, "12:00 UTC"),
        (NOON, BERLIN, "13:00 CET"),
        (NOON - timedelta(hours=13, minutes=50), BERLIN, "Nov 21 23:10 CET"),
        (NOON - timedelta(days=400), UTC, "Oct 18 2025 12:00 UTC"),
        (NOON - timedelta(days=120), BERLIN, "Jul 25 14:00 CEST"),
        (NOON, ZoneInfo("Asia/Tashkent"), "17:00 UTC+05"),
        (None, UTC, ""),
    ],
)
def test_times_show_their_zone_and_the_date_when_it_is_not_today(
    at: datetime | None, zone: tzinfo, shown: str
) -> None:
    assert Clock(zone, NOON).time(at) == shown


def test_today_is_today_in_that_zone() -> None:
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    clock = Clock(BERLIN, datetime(2026, 11, 23, 0, 30, tzinfo=UTC))
    assert clock.time(late) == "00:30 CET"


def test_a_span_over_the_end_of_summer_time_shows_both_zones() -> None:
    start = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    clock = Clock(BERLIN, start)
    assert clock.span(start, start + timedelta(hours=1)) == "02:30 CEST–02:30 CET"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0 s"), (40, "40 s"), (60, "1 min"), (1740, "29 min"), (3600, "1 h"),
        (11520, "3 h 12 min"), (86400, "1 day"), (187200, "2 days 4 h"),
        (8 * 86400 + 7200, "8 days"),
    ],
)  # fmt: skip
def test_spans_are_words(seconds: int, shown: str) -> None:
    assert lasting(NOON, NOON + timedelta(seconds=seconds)) == shown


def test_a_count_knows_one_from_many() -> None:
    assert (plural(1, "task"), plural(1204, "task")) == ("1 task", "1,204 tasks")


# --- laws


@st.composite
def messages(draw: st.DrawFn) -> list[Event]:
    """Events of few things, so that everything folds with everything."""
    ids = st.integers(0, 6)
    found = []
    for number in range(draw(st.integers(0, 14))):
        kind = draw(st.sampled_from(["task", "node", "build"]))
        what = seen(
            kind, str(draw(ids)), draw(st.sampled_from(["failed", "lost", "offline", "online"])),
            name=draw(st.sampled_from(["", "train.py", "x" * 300, "@channel", "a\nb"])),
            part_of=draw(st.sampled_from(["", "node/1", "node/2", "task/3", "build/4"])),
            group=draw(st.sampled_from(["", "7530"])),
            message=draw(st.sampled_from(["", "no", "Traceback\nx"])),
            ended=draw(st.sampled_from([None, AGO])),
        )  # fmt: skip
        type_ = draw(
            st.sampled_from(
                ["problem", "recovery", "reminder", "change", "flapping_start", "flapping_end"]
            )
        )
        seen_or_not = draw(st.sampled_from([what, what, what, None]))
        found.append(
            event(
                number, type_, what, f"i-{draw(ids)}", observation=seen_or_not,
                reason=draw(st.sampled_from(["", "back", "no longer watched", "failed again"])),
                severity=draw(st.sampled_from(["critical", "warning", "info"])),
                opened=draw(st.sampled_from([None, AGO])), before=draw(st.sampled_from(["", "x"])),
            )
        )  # fmt: skip
    if draw(st.booleans()):
        told = {"type": "summary", "observation": None, "text": "watching", "incident": ""}
        found.append(event(99, "summary", seen("source", "river", "ok"), **told))
    return found


def named(item: Item) -> list[str]:
    return ([item.thing] if item.own else []) + [child.thing for child in item.children]


@settings(max_examples=100, deadline=None)
@given(events=messages(), room=st.integers(1, 8))
def test_every_thing_is_named_or_counted_exactly_once(events: list[Event], room: int) -> None:
    made = digest(events, scene(events).incidents, max_items=room, zone=UTC, now=NOON)
    shown = Counter(thing for item in made.items for thing in named(item))
    things = {event.thing for event in events if event.type != "summary"}
    assert set(shown.values()) <= {1}
    assert shown.keys() <= things
    assert len(shown) + made.hidden == len(things) == made.things
    assert made.hidden == made.beyond + sum(item.more for item in made.items)
    assert len(made.items) <= room
    assert sum(len(named(item)) for item in made.items) <= max(room, len(made.items))
    assert len(made.summaries) == sum(event.type == "summary" for event in events)


@settings(max_examples=50, deadline=None)
@given(events=messages(), room=st.integers(1, 8), less=st.integers(1, 8))
def test_a_digest_made_shorter_is_the_short_one(events: list[Event], room: int, less: int) -> None:
    known, less = scene(events).incidents, min(room, less)
    made = digest(events, known, max_items=room, zone=UTC, now=NOON)
    assert shorter(made, less) == digest(events, known, max_items=less, zone=UTC, now=NOON)


@settings(max_examples=50, deadline=None)
@given(events=messages(), room=st.integers(1, 8))
def test_it_is_the_same_each_time_and_never_without_words(events: list[Event], room: int) -> None:
    known = scene(events).incidents
    made = digest(events, known, max_items=room, zone=UTC, now=NOON)
    assert made == digest(list(events), dict(known), max_items=room, zone=UTC, now=NOON)
    assert made.title.strip()
    assert all(item.words.strip() for item in (*made.items, *made.summaries))
    assert sum(count for _, count in made.types) == made.things
