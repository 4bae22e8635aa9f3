"""How messages would look: what waits, events of a file, an example; and nobody gets them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hostile import CORPUS
from peers import Ran

from notifier import sources
from notifier.commands import _made_up, check
from notifier.deliver.services import FLAVOURS
from notifier.errors import Exit
from notifier.memory import ChannelState, State
from notifier.model import BAD, Due, Event, Incident, Message, Observation
from notifier.run import News, Outcome
from notifier.state import Store

NOON = datetime(2025, 11, 22, 12, 0, tzinfo=UTC)
Run = Callable[..., Ran]
Remembered = Callable[[State], Store]


def failed(number: int = 1, name: str = "train.py", **more: object) -> Event:
    seen = Observation(
        kind="task", id=f"t{number}", name=name, status="failed", health="failed",
        severity="critical", node="gpu-07", message="boom",
    )  # fmt: skip
    values = {
        "id": f"e{number}", "type": "problem", "at": NOON, "reason": "failed",
        "thing": f"river/task/t{number}", "severity": "critical", "observation": seen,
        "incident": f"i-{number}", "opened": NOON,
    }  # fmt: skip
    return Event(**{**values, **more})  # type: ignore[arg-type]


@pytest.fixture
def events(tmp_path: Path) -> Callable[..., str]:
    """Writes a file of events as `check --json` prints them."""

    def write(*found: Event) -> str:
        outcome = Outcome(code=Exit.FOUND, news=[News(event=one) for one in found])
        path = tmp_path / "events.json"
        path.write_bytes(msgspec.json.encode(check.as_json(outcome)))
        return str(path)

    return write


def test_an_example_is_shown_to_each_channel_as_it_would_get_it(run: Run, store: Store) -> None:
    ran = run("render")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == "an example; nothing of it is real; 2 messages, sent to nobody"
    assert lines[2] == "--- ops/ops@example.org (email, email)"
    assert lines[3].startswith("Subject: [river] gpu-02 is offline, ")
    assert "--- chat (webhook, webhook)" in lines
    assert '  "title": "[river] gpu-02 is offline, ' in ran.out
    assert not store.folder.joinpath("state.json").exists()


def test_the_json_has_the_documented_shape(run: Run) -> None:
    shown = json.loads(run("render", "--json").out)
    assert (shown["version"], shown["origin"], shown["warnings"]) == (1, "example", [])
    mail, post = shown["messages"]
    for one in mail, post:
        assert list(one) == [
            "channel", "kind", "flavour", "route", "events", "title", "text", "html", "payload",
        ]  # fmt: skip
    assert mail["html"].startswith("<!doctype html>")
    assert (mail["payload"], post["html"]) == (None, "")
    assert [event["thing"] for event in post["payload"]["events"]] == [
        "river/node/gpu-02", "river/task/task-2", "river/vps/vps-3",
    ]  # fmt: skip


def test_what_waits_is_shown_although_its_channel_rests_or_is_parked(
    run: Run, remembered: Remembered
) -> None:
    one = failed(to={"chat": Due("", NOON, key="n1-1"), "ops/ops@example.org": Due("", NOON)})
    incident = Incident(
        handle="i-1", thing=one.thing, observation=one.observation, finite=True,
        severity="critical", opened=NOON, changed=NOON,
    )  # type: ignore[arg-type]  # fmt: skip
    parked = Message(key="n1-1", channel="chat", route="", events=("e1",), at=NOON, state="parked")
    store = remembered(
        State(
            id="n1", counter=9, events={"e1": one}, incidents={"i-1": incident},
            messages={"n1-1": parked},
            channels={"chat": ChannelState(failing_since=NOON, parked="http 401", parked_at=NOON)},
        )
    )  # fmt: skip
    before = store.path.read_bytes()
    ran = run("render")
    assert ran.code == 0
    assert ran.out.splitlines()[0] == "what waits now; 2 messages, sent to nobody"
    assert "Subject: [river] train.py failed on gpu-07" in ran.out
    assert run("render", "--example").out.startswith("an example;")
    assert store.path.read_bytes() == before


def test_events_of_a_file_go_where_the_routes_lead_them_whatever_the_hour(
    run: Run, config: Path, events: Callable[..., str]
) -> None:
    config.write_text(
        config.read_text() + "[[routes]]\nname = 'a'\nchannels = ['chat']\nhold = ['always']\n"
        "escalate_after = '1h'\nmatch = { kind = 'task' }\n"
        "[windows.always]\nfrom = '00:00'\nto = '23:59'\n"
    )
    path = events(failed(), failed(2, "test.py"))
    shown = json.loads(run("render", path, "--json").out)
    (one,) = shown["messages"]
    assert (one["channel"], one["route"], len(one["events"])) == ("chat", "a", 2)
    ran = run("render", path, "--channel", "ops")
    assert (ran.code, ran.out) == (1, "")
    assert "no route leads these events there" in ran.err


def test_endings_are_shown_to_every_channel(run: Run, events: Callable[..., str]) -> None:
    well = failed().observation
    assert well is not None
    done = msgspec.structs.replace(well, status="completed", health="ok")
    ended = failed(type="recovery", observation=done, before="lost", reason="back")
    ran = run("render", events(ended))
    assert "Subject: [river] train.py completed after all" in ran.out


def test_the_state_itself_is_a_file_of_events(run: Run, remembered: Remembered) -> None:
    store = remembered(State(id="n1", events={"e1": failed(to={"gone": Due("", NOON)})}))
    ran = run("render", str(store.path))
    assert ran.code == 0
    assert "Subject: [river] train.py failed on gpu-07" in ran.out


@pytest.mark.parametrize("flavour", [*FLAVOURS, "plain"])
def test_every_way_of_writing_can_be_looked_at(flavour: str, run: Run) -> None:
    shown = json.loads(run("render", "--flavour", flavour, "--channel", "chat", "--json").out)
    (one,) = shown["messages"]
    assert one["flavour"] == flavour
    assert one["text"]


def test_the_html_of_a_mail_can_be_had_alone(run: Run) -> None:
    ran = run("render", "--html")
    assert ran.out.startswith("<!doctype html>")
    assert ran.out.endswith("</html>\n")
    assert run("render", "--html", "--channel", "chat") == Ran(1, "\n", "")


def test_hostile_events_do_nothing_to_a_terminal(run: Run, events: Callable[..., str]) -> None:
    path = events(*(failed(n, text[:300]) for n, text in enumerate(CORPUS, 1) if text.isascii()))
    for options in ([], ["--flavour", "slack"], ["--flavour", "webhook"]):
        ran = run("render", path, *options)
        assert ran.code == 0
        assert all(line.isprintable() for line in ran.out.split("\n"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("\xff", "not valid JSON"),
        ("[1]", "these are no events: Expected `object`, got `int`"),
        ('{"events": 3}', "these are no events: "),
        ('[{"id": "e1"}]', "these are no events: Object missing required field `type`"),
    ],
)
def test_a_file_without_events_is_named_and_is_2(
    text: str, told: str, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "odd.json"
    path.write_text(text, encoding="latin-1")
    ran = run("render", str(path))
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("text", ["[]", "{}", '{"events": []}'])
def test_no_events_are_no_message(text: str, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    path.write_text(text)
    assert run("render", str(path)).code == 1


def test_a_file_that_cannot_be_read_and_a_channel_that_is_none_are_2(run: Run) -> None:
    assert "/nowhere: cannot be read" in run("render", "/nowhere").err
    assert "did you mean 'chat'" in run("render", "--channel", "caht").err


def test_no_secret_is_resolved(run: Run, config: Path) -> None:
    config.write_text(config.read_text() + '[channels.pager]\nurl = "env:PAGER"\n')
    ran = run("render", "--channel", "pager")
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize("kind", sorted(set(sources.BUILT_IN.values())))
def test_every_type_of_source_has_an_example_of_what_can_go_wrong(
    kind: str, config: Path, run: Run
) -> None:
    settings = {field.name for field in msgspec.structs.fields(sources.settings_of(kind))}
    where = 'url = "http://127.0.0.1:9"' if "url" in settings else 'paths = ["/nowhere"]'
    config.write_text(
        f'[sources.river]\ntype = "{kind}"\n{where}\n[channels.chat]\nwebhook = "http://h/"\n'
    )
    (one,) = json.loads(run("render", "--json").out)["messages"]
    events = one["payload"]["events"]
    assert len(events) == len(sources.module(kind).KINDS)
    assert {event["health"] for event in events} <= BAD
    assert run("route", "test").code == 0


def test_an_example_has_a_failure_of_every_kind_the_source_shows(config: Path) -> None:
    from notifier.config import load

    found = _made_up.example(load(config, sources.settings_of, {}), NOON)
    assert [event.observation.health for event in found if event.observation] == [
        "down", "failed", "failed",
    ]  # fmt: skip
