import json
import re
import resource
import sys
from datetime import UTC, timedelta, timezone
from pathlib import Path

import jsonschema
import pytest
from hostile import CORPUS
from msgspec.structs import replace
from scenes import (
    SCENES,
    Scene,
    config,
    destination,
    event,
    incident,
    lost,
    message,
    offline,
    one_failure,
    recovery,
    scene,
    seen,
    storm,
)

from notifier.deliver.attempt import plainest
from notifier.deliver.letter import Letter
from notifier.digest import digest
from notifier.render import Rendered, letter, plain
from notifier.settings import Route

SCHEMA = json.loads((Path(__file__).parents[1] / "docs/webhook.schema.json").read_text("utf-8"))
ROOM = (120, 30_000)


def render(
    what: Scene,
    flavour: str = "email",
    *,
    templates: str = "",
    limits: tuple[int, int] = ROOM,
    **route: object,
) -> tuple[Rendered, list[str]]:
    return letter(
        *what, destination(), route=Route(channels=["ops"], **route),  # type: ignore[arg-type]
        config=config(templates), zone=UTC, flavour=flavour, limits=limits,
    )  # fmt: skip


def shown(what: Scene, flavour: str = "email", **more: object) -> Rendered:
    """The rendering, which must give no warning."""
    done, warnings = render(what, flavour, **more)  # type: ignore[arg-type]
    assert warnings == []
    return done


# --- what every message has


@pytest.mark.parametrize("flavour", ["email", "slack", "discord", "plain", "pagerduty", "webhook"])
@pytest.mark.parametrize("name", sorted(SCENES.keys() - {"storm"}))
def test_no_message_is_empty_or_longer_than_its_destination_takes(name: str, flavour: str) -> None:
    for room in (30_000, 1_000, 300):
        done = shown(SCENES[name](), flavour, limits=(60, room))
        assert 0 < len(done.text) <= room
        assert 0 < len(done.title) <= 60
        assert "\n" not in done.title


def test_ten_thousand_lost_tasks_fit_into_three_hundred_characters() -> None:
    text = shown(storm(), "slack", limits=(120, 300)).text
    assert len(text) <= 300
    assert "more: 10,000 lost in all" in text


@pytest.mark.parametrize("flavour", ["email", "slack", "telegram", "markdown", "pagerduty"])
def test_the_footer_has_handle_key_and_the_way_to_all_of_it(flavour: str) -> None:
    text = shown(one_failure(), flavour).text
    assert "notifier ack i-1042 -m TEXT" in text
    assert "notifier status" in text
    assert "message k7v2-17" in text
    assert "repeat" not in text


def test_a_message_that_may_have_arrived_says_that_it_may_be_a_repeat() -> None:
    what = one_failure()
    again = what._replace(message=replace(what.message, unknowns=1))
    done = shown(again)
    assert "may be a repeat" in done.text
    assert "may be a repeat" in done.html


def test_a_pager_counts_as_more_only_what_no_line_counts() -> None:
    assert "more" not in shown(SCENES["node_death"](), "pagerduty").text.partition("\ni-")[0]
    assert "\nand 5,000 more\n" in shown(storm(), "opsgenie").text


def test_an_ending_that_is_repeated_says_that_it_is_bad_again() -> None:
    what = recovery()
    (ending,) = what.events
    later = replace(incident(ending), handle="i-1099", ended=None)
    over = {handle: replace(one, ended=ending.at) for handle, one in what.incidents.items()}
    known = {**over, later.handle: later}
    again = what._replace(message=replace(what.message, unknowns=1), incidents=known)
    assert "bad again since then: i-1099" in shown(again).text
    assert "bad again" not in shown(again._replace(incidents=over)).text
    assert "bad again" not in shown(what._replace(incidents=known)).text, "it comes in order"


def test_nobody_is_asked_to_acknowledge_an_ending() -> None:
    assert "notifier ack" not in shown(recovery()).text


def test_a_message_about_one_incident_carries_its_key() -> None:
    assert shown(one_failure()).incident == "k7v2/i-1042"
    assert shown(SCENES["node_death"]()).incident == "k7v2/i-1001", "and what it took with it"
    assert shown(SCENES["baseline"]()).incident == ""


def test_an_ending_answers_the_message_that_told_the_problem() -> None:
    assert shown(recovery()).thread == "k7v2-9"
    told = offline()
    known = {told.incident: incident(told, by="k7v2-9")}
    again = replace(told, type="reminder")
    assert shown(Scene(message([again]), [again], known)).thread == "k7v2-9"
    assert shown(Scene(message([told]), [told], known)).thread == ""
    itself = {told.incident: incident(told, by="k7v2-17")}
    assert shown(Scene(message([again]), [again], itself)).thread == ""
    elsewhere = replace(message([again]), channel="chat")
    assert shown(Scene(elsewhere, [again], known)).thread == ""


def test_severity_and_recovery_are_those_of_the_digest() -> None:
    done = shown(recovery())
    assert (done.severity, done.recovery) == ("critical", True)
    assert not shown(SCENES["mixed"]()).recovery


def test_only_a_mail_has_html_and_only_a_webhook_a_payload() -> None:
    mail, chat, hook = (shown(one_failure(), name) for name in ("email", "slack", "webhook"))
    assert (bool(mail.html), bool(mail.payload)) == (True, False)
    assert (bool(chat.html), bool(chat.payload)) == (False, False)
    assert (bool(hook.html), bool(hook.payload)) == (False, True)


def test_where_there_is_little_room_fewer_are_named_and_no_line_is_cut() -> None:
    done = shown(SCENES["node_death"](), limits=(120, 700))
    assert len(done.text) <= 700
    assert "cut here" not in done.text
    assert "more" in done.text


def test_what_does_not_fit_at_all_is_cut_with_a_mark() -> None:
    done = shown(one_failure(), limits=(120, 200))
    assert done.text.endswith("… cut here: notifier status")


def test_a_route_decides_how_many_are_named() -> None:
    assert shown(storm(), max_items=3).text.count(" tasks lost on ") == 3


def test_html_stays_below_what_mail_clients_show() -> None:
    long = "<&> " * 500
    tasks = [lost(number, f"n{number}", message=f"{number}{long}") for number in range(80)]
    done = shown(scene(tasks), max_items=80)
    assert 0 < len(done.html) < 100_000


def test_a_message_in_plainest_form_uses_no_template(tmp_path: Path) -> None:
    (tmp_path / "default.txt.j2").write_text("{{ nonsense }}")
    what = one_failure()
    done = shown(what._replace(message=replace(what.message, plain=True)), templates=str(tmp_path))
    assert done.html == ""
    assert done.text.startswith("train.py failed on gpu-03 at 11:58 UTC: RuntimeError: CUDA")


def test_a_secret_of_the_destination_is_out_of_reach_of_a_template(tmp_path: Path) -> None:
    (tmp_path / "default.txt.j2").write_text("{{ destination }}{{ config }}")
    done, warnings = render(one_failure(), templates=str(tmp_path))
    assert "undefined" in warnings[0]
    assert "train.py failed" in done.text


# --- hostile text


def test_nothing_of_a_hostile_cluster_runs_in_a_mail() -> None:
    for start in range(0, len(CORPUS), 20):
        what = SCENES["hostile"]()
        events = what.events[start : start + 20]
        html = shown(Scene(message(events), events, what.incidents)).html
        assert not any(bad in html for bad in ("<script", "<img", "<iframe", "<svg", "<form"))
        assert "javascript:" not in "".join(html.split('href="')[1:])[:11]


@pytest.mark.parametrize(
    "trick",
    ["{{ items[0].name | safe }}", "{% autoescape false %}{{ items[0].name }}{% endautoescape %}"],
)
def test_a_template_cannot_forget_to_escape(tmp_path: Path, trick: str) -> None:
    (tmp_path / "default.html.j2").write_text(trick)
    what = event(1, "problem", seen("task", "1", "failed", name="<script>alert(1)</script>"))
    done = shown(scene([what]), templates=str(tmp_path))
    assert done.html == "&lt;script&gt;alert(1)&lt;/script&gt;"


def test_text_from_a_cluster_is_never_a_template() -> None:
    what = event(1, "problem", seen("task", "1", "failed", name="{{ 7 * 7 }}{% raw %}"))
    assert "{{ 7 * 7 }}{% raw %}" in shown(scene([what])).text


def test_a_message_of_many_lines_cannot_forge_ours() -> None:
    forged = "oops\n\n-- \nall of it: rm -rf /\n[river] back: everything"
    what = event(1, "problem", seen("task", "1", "failed", message=forged, name="a\nb\n-- "))
    for flavour in ("email", "slack", "plain", "pagerduty"):
        lines = shown(scene([what]), flavour).text.splitlines()
        assert not any(line.startswith(("all of it: rm", "[river] back")) for line in lines)
        assert [line for line in lines if line.startswith("-- ")] in (["-- "], [])


def test_a_megabyte_in_every_field_makes_a_message_of_usual_size() -> None:
    big = "x" * 1_000_000
    what = seen("task", "1", "failed", name=big, message=big, command=big, node=big, owner=big,
                labels={big: big}, link="https://x.example/" + big)  # fmt: skip
    done = shown(scene([event(1, "problem", what)]))
    assert len(done.text) < 10_000
    assert len(done.html) < 20_000


# --- templates of one's own


def test_a_template_of_ones_own_is_looked_at_first(tmp_path: Path) -> None:
    (tmp_path / "gpu.txt.j2").write_text("{% for item in items %}{{ item.name }}!{% endfor %}")
    done = shown(one_failure(), templates=str(tmp_path), template="gpu")
    assert done.text == "train.py!"
    assert "train.py failed on gpu-03" in done.html
    assert shown(one_failure(), "slack", templates=str(tmp_path)).text.startswith("train.py failed")


def test_a_template_can_build_on_ours(tmp_path: Path) -> None:
    (tmp_path / "short.txt.j2").write_text('Ops!\n{% include "slack.txt.j2" %}')
    done = shown(one_failure(), templates=str(tmp_path), template="short")
    assert done.text.startswith("Ops!\ntrain.py failed")


def test_a_folder_of_templates_is_found_beside_the_configuration() -> None:
    assert shown(one_failure(), templates="nowhere").text.startswith("train.py failed")


def test_a_template_that_nobody_wrote_is_told_and_the_usual_one_taken(tmp_path: Path) -> None:
    done, warnings = render(one_failure(), templates=str(tmp_path), template="gpu")
    assert warnings == ["template gpu: no such file; the usual one was taken"]
    assert done.text.startswith("train.py failed")


BROKEN = {
    "syntax": "{% for %}",
    "unknown name": "{{ nobody.knows }}",
    "unknown field": "{{ items[0].nonsense }}",
    "python inside": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "format": "{{ '{0.__class__}'.format(items) }}{{ ().__class__ }}",
    "changing": "{{ items.append(1) }}",
    "a file elsewhere": '{% include "/etc/passwd" %}',
    "a file above": '{% include "../secret.txt.j2" %}',
    "nothing": "{# nothing at all #}",
    "division": "{{ 1 // 0 }}",
    "recursion": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "itself": '{% include "default.txt.j2" %}',
}
BOMBS = {
    "range": "{% for i in range(10**9) %}{% endfor %}",
    "wide range": "{% for i in range(1000000000) %}x{% endfor %}",
    "loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "output": "{% for i in range(99999) %}{{ 'x' * 1 ~ '0123456789' * 1 }}{% endfor %}",
    "much output": "{% for i in range(50000) %}012345678901234567890123456789{% endfor %}",
    "times": "{{ 'x' * 1000000000 }}",
    "power": "{{ 9 ** 9 ** 9 }}",
    "filter": "{{ 'x' | center(2000000000) | length }}",
    "doubling": (
        "{% set ns = namespace(x='x' ~ 'y') %}{% for i in range(60) %}"
        "{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x | length }}"
    ),
    "generated": "{{ lipsum(n=1000000) }}",
    "mapped": "{{ range(99999) | map('string') | map('length') | list | length }}"
    "{% for i in range(99999) %}{{ range(99999) | list | length }}{% endfor %}",
}  # fmt: skip


@pytest.mark.parametrize("source", [*BROKEN.values(), *BOMBS.values()], ids=[*BROKEN, *BOMBS])
def test_a_template_that_fails_stops_no_message(tmp_path: Path, source: str) -> None:
    (tmp_path / "default.txt.j2").write_text(source)
    done, warnings = render(one_failure(), templates=str(tmp_path))
    assert len(warnings) == (0 if source == BROKEN["nothing"] else 1)
    assert all(re.match(r"template (default\.txt\.j2|\S*, line \d+): ", line) for line in warnings)
    assert all(line.endswith("; sent in plain form") for line in warnings)
    assert done.text.startswith("train.py failed on gpu-03 at 11:58 UTC: RuntimeError: CUDA")
    assert "notifier ack i-1042" in done.text
    assert "train.py failed on gpu-03" in done.html


def test_html_that_fails_leaves_a_mail_with_its_text(tmp_path: Path) -> None:
    (tmp_path / "default.html.j2").write_text("{{ nonsense }}")
    done, warnings = render(one_failure(), templates=str(tmp_path))
    assert warnings == [
        "template default.html.j2: UndefinedError: 'nonsense' is undefined; sent without HTML"
    ]
    assert (done.html, done.text[:15]) == ("", "train.py failed")


def test_the_bounds_are_wide_enough_for_our_own_templates(tmp_path: Path) -> None:
    tasks = [lost(number, f"n{number}") for number in range(300)]
    many = {"templates": str(tmp_path), "max_items": 1000, "limits": (120, 10**6)}
    assert "and 100 more" in shown(scene(tasks), "plain", **many).text
    assert len(shown(scene(tasks), **many).html) > 40_000


def test_what_bounds_a_template_is_gone_after_it(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_AS), sys.gettrace()
    (tmp_path / "default.txt.j2").write_text(BOMBS["range"])
    render(one_failure(), templates=str(tmp_path))
    assert (resource.getrlimit(resource.RLIMIT_AS), sys.gettrace()) == before


# --- without any template


def test_the_plain_form_names_and_counts_everything() -> None:
    what = SCENES["node_death"]()
    made = digest(what.events, what.incidents, max_items=4, zone=UTC, now=what.message.at)
    assert plain(made).splitlines() == [
        "gpu-07 is offline since 11:58 UTC; it took 30 tasks with it: "
        "Node gpu-07 went offline (heartbeat timeout). [river/node/gpu-07, i-1001]",
        *(
            f"  train-{n}.py was lost on gpu-07 at 11:58 UTC: Node gpu-07 went offline (heartbeat "
            f"timeout). [{what.events[n - 1].thing}, i-{1000 + n}]"
            for n in (2, 3, 4)
        ),
        "  and 27 more",
    ]
    made = digest(storm().events, {}, max_items=1, zone=UTC, now=what.message.at)
    assert plain(made).splitlines()[-1] == "and 9,750 more"


def test_the_plain_form_of_a_terminal_holds_no_escape_sequence() -> None:
    what = seen("task", "1", "failed", name="\x1b[2Jx", message="\x1b]0;t\x07y")
    what = event(1, "problem", what)
    made = digest([what], {}, max_items=4, zone=UTC, now=what.at)
    assert plain(made) == "x failed at 12:00 UTC: y [river/task/1, i-1001]"


def test_the_plain_form_of_nothing_is_not_empty() -> None:
    assert plain(digest([], {}, max_items=1, zone=UTC, now=offline().at)) == "nothing to say"


# --- the body of a webhook


@pytest.mark.parametrize("name", ["python train.py", "train"])
def test_a_command_that_is_the_name_already_is_not_told_twice(name: str) -> None:
    failed = [
        seen("task", str(number), "failed", name=name, command="python train.py", message="no")
        for number in range(2)
    ]
    for some in failed[:1], failed:
        done = shown(scene([event(number, "problem", one) for number, one in enumerate(some)]))
        told = name == "train"
        assert ("$ python train.py" in done.text) is told
        assert ("$ </span>python train.py" in done.html) is told


def body(what: Scene, **more: object) -> dict[str, object]:
    """The body, which must be as documented."""
    found = json.loads(shown(what, "webhook", **more).payload)
    jsonschema.validate(found, SCHEMA, format_checker=jsonschema.FormatChecker())
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", SCENES)
def test_every_body_is_as_documented(name: str) -> None:
    found = body(SCENES[name]())
    assert found["title"]


def test_a_body_has_every_event_with_all_that_is_known() -> None:
    found = body(one_failure())
    assert (found["key"], found["channel"], found["omitted"]) == ("k7v2-17", "ops", 0)
    (told,) = found["events"]
    assert told["thing"] == "river/task/7530120526514094081"
    assert told["started"] == "2026-11-22T06:48:00Z"
    assert told["submitted"] is None
    assert told["labels"] == {"exit_code": "1", "gpus": "2, 3"}
    assert told["message"].count("\n") == 5


def test_text_in_a_body_is_clean_and_not_escaped() -> None:
    what = seen("task", "1", "failed", name="<b>\u202e&\x00", link="javascript:alert(1)")
    (told,) = body(scene([event(1, "problem", what)]))["events"]
    assert (told["name"], told["link"]) == ("<b>&␀", "")


def test_times_in_a_body_are_utc_whatever_zone_people_read() -> None:
    there = timezone(timedelta(hours=9))
    what = replace(offline(), at=offline().at.astimezone(there))
    found = body(Scene(message([what], at=what.at), [what], {}))
    assert found["at"] == found["events"][0]["at"] == "2026-11-22T12:00:00Z"


def test_a_body_stays_below_what_servers_take_and_counts_what_it_leaves_out() -> None:
    done = shown(storm(), "webhook").payload
    found = json.loads(done)
    assert 800_000 < len(done) < 1_000_000
    assert found["omitted"] == 10_000 - len(found["events"]) > 0


def test_a_body_in_plainest_form_is_small() -> None:
    what = storm()
    done = shown(what._replace(message=replace(what.message, plain=True)), "webhook").payload
    assert len(json.loads(done)["events"]) == 100


def test_the_body_that_follows_a_refusal_is_documented_too() -> None:
    done = shown(one_failure(), "webhook")
    sent = Letter(
        key="k7v2-17", destination=destination(webhook="http://h/"), title=done.title,
        text=done.text, payload=done.payload, at=offline().at, events=("e42",),
    )  # fmt: skip
    jsonschema.validate(json.loads(plainest(sent).payload), SCHEMA)


def test_the_schema_itself_is_valid_and_refuses_what_is_not_documented() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    found = body(one_failure())
    for wrong in ({**found, "more": 1}, {k: v for k, v in found.items() if k != "key"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, SCHEMA)
