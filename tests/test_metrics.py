"""The file for Prometheus: whole or not at all, readable to all, and without anybody's address."""

import re
import stat
import subprocess
import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from world import NOON, config, thing

from notifier import intake, metrics, sources
from notifier.health import health
from notifier.memory import ChannelState, Scope, State, Things
from notifier.metrics import Ran, Series
from notifier.model import Due, Event, Incident, Message
from notifier.outbox import waiting
from notifier.people import Ack, People, Silence
from notifier.settings import ChannelSettings
from notifier.state import LookTime

ROOT = Path(__file__).parents[1]
PROMETHEUS = ROOT / "contrib" / "prometheus"
CONFIG = replace(
    config(),
    sources={"river": sources.settings_of("hakuriver")(type="hakuriver", url="http://h/")},
    channels={
        "ops": ChannelSettings(email=["ops@example.org", "anna@example.org"]),
        "chat": ChannelSettings(webhook="http://h/"),
    },
)
LOOKS = {
    "river/nodes": LookTime(started=NOON - timedelta(minutes=2), took=0.25),
    "river/tasks": LookTime(
        started=NOON, took=60.0, trouble="no answer", read=NOON - timedelta(hours=2)
    ),
}


def incident(number: int, name: str, **more: object) -> Incident:
    seen = thing("node", name, "offline")
    values = {
        "handle": f"i-{number}", "thing": f"river/node/{name}", "finite": False,
        "severity": "critical", "observation": seen, "opened": NOON - timedelta(hours=number),
        "changed": NOON,
    }  # fmt: skip
    return Incident(**values | more)


def event(ident: str, row: str, **due: object) -> Event:
    return Event(
        id=ident, type="problem", at=NOON - timedelta(hours=3), reason="new", thing="river/node/a",
        severity="critical", incident="i-1", to={row: Due("", NOON, **due)},
    )  # fmt: skip


STATE = State(
    id="n1",
    things={
        "river/node": Things({"": Scope(since=NOON, statuses={"online": ["b"], "offline": ["a"]})}),
        "river/task": Things({"": Scope(since=NOON, statuses={"failed": ["1"], "completed": []})}),
        "river/source": Things({"": Scope(since=NOON, statuses={"ok": ["river"]})}),
        "backup/job": Things({"emit": Scope(since=NOON, statuses={"failed": ["x"]})}),
        "gone/build": Things({"": Scope(since=NOON, statuses={"odd": ["x"]})}),
    },
    incidents={
        "i-1": incident(1, "a"),
        "i-2": incident(2, "c", severity="warning"),
        "i-3": incident(3, "d", settled=NOON),
    },
    events={
        "e1": event("e1", "chat", failures=2),
        "e2": event("e2", "ops/anna@example.org"),
        "e3": event("e3", "chat", key="n1-9"),
    },
    messages={
        "n1-9": Message(
            key="n1-9", channel="chat", route="", events=("e3",), at=NOON, state="parked"
        )
    },
    channels={"chat": ChannelState(failures=2, parked="http 403", parked_at=NOON)},
)
PEOPLE = People(
    acks={"i-1": Ack(at=NOON, author="eve", comment="mine")},
    silences={
        "s-1": Silence(
            id="s-1", begin=NOON, end=NOON + timedelta(hours=1), author="eve", comment="x"
        )
    },
)


def series(ran: Ran | None = None, state: State | None = STATE) -> list[Series]:
    waits = waiting(state, CONFIG.destinations(), lambda *_: "") if state else []
    shown = health(sorted(LOOKS), LOOKS, state, waits, CONFIG.run.max_age, NOON)
    spool = intake.Waiting(files=3, aside=1)
    ran = ran or Ran(code=3, seconds=1.5, events=("problem", "problem"), letters=2)
    return list(metrics.of(CONFIG, ran, shown, PEOPLE, spool))


def samples(text: str) -> dict[str, float]:
    """`name{label="value"}` without our prefix -> value."""
    found = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(one.labels.items()))
            found[f"{one.name.removeprefix('notifier_')}{{{labels}}}"] = one.value
    return found


def written(path: Path, shown: Iterable[Series]) -> dict[str, float]:
    assert metrics.write(path, shown) == ""
    return samples(path.read_text())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notifier.prom"


EXPECTED = """
run_exit_code{} 3
run_duration_seconds{} 1.5
run_end_timestamp_seconds{} 1795348800
runs_total{exit_code=3} 1
events_total{type=problem} 2
events_total{type=recovery} 0
messages_delivered_total{} 2
healthy{} 0
max_age_seconds{} 3600
look_unreadable{family=tasks,source=river} 1
look_overdue{family=tasks,source=river} 1
look_overdue{family=nodes,source=river} 0
look_duration_seconds{family=nodes,source=river} 0.25
look_timestamp_seconds{family=tasks,source=river} 1795348800
last_success_timestamp_seconds{family=nodes,source=river} 1795348680
last_success_timestamp_seconds{family=tasks,source=river} 1795341600
spool_files{} 3
spool_set_aside{} 1
incidents_open{kind=node,severity=critical,source=river} 1
incidents_open{kind=node,severity=warning,source=river} 1
incidents_acknowledged{} 1
incident_oldest_timestamp_seconds{severity=critical} 1795345200
silences_active{} 1
things{health=ok,kind=node,source=river} 1
things{health=down,kind=node,source=river} 1
things{health=failed,kind=task,source=river} 1
things{health=ok,kind=source,source=river} 1
things{health=failed,kind=job,source=backup} 1
things{health=unknown,kind=build,source=gone} 1
outbox_waiting{channel=chat} 2
outbox_waiting{channel=ops} 1
outbox_overdue{channel=chat} 1
outbox_overdue{channel=ops} 0
outbox_oldest_timestamp_seconds{channel=ops} 1795338000
channel_failures{channel=chat} 2
channel_failures{channel=ops} 0
channel_parked{channel=chat} 1
messages_parked{} 1
"""


def test_what_a_run_shows_is_all_there(path: Path) -> None:
    found = written(path, series())
    expected = dict(line.split() for line in EXPECTED.strip().splitlines())
    assert {key: found.get(key) for key in expected} == {
        key: float(value) for key, value in expected.items()
    }


def test_there_are_many_series_and_each_says_what_it_is(path: Path) -> None:
    metrics.write(path, series())
    families = list(text_string_to_metric_families(path.read_text()))
    assert len(families) >= 25
    assert all(len(one.documentation) > 10 and one.name.startswith("notifier_") for one in families)


def test_no_address_of_a_person_is_in_a_file_that_all_may_read(path: Path) -> None:
    metrics.write(path, series())
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert "@" not in path.read_text()
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_counters_go_on_and_the_last_good_run_stays_known(path: Path) -> None:
    written(path, series())
    found = written(path, series(Ran(code=0, seconds=1.0, events=("recovery",), letters=1)))
    assert found["runs_total{exit_code=3}"] == found["runs_total{exit_code=0}"] == 1
    assert found["events_total{type=problem}"] == 2
    assert found["events_total{type=recovery}"] == 1
    assert found["messages_delivered_total{}"] == 3
    assert "healthy_timestamp_seconds{}" not in found
    good = Series("healthy_timestamp_seconds", "x", (), {(): 5.0}, stays=True)
    written(path, [good])
    assert written(path, series())["healthy_timestamp_seconds{}"] == 5.0


@pytest.mark.parametrize(
    "before", [b"", b"\xff\xfe", b"notifier_runs_total{ 1\n", b"# TYPE x counter\nx nan\n" * 9]
)
def test_a_file_that_is_none_of_ours_is_replaced(before: bytes, path: Path) -> None:
    path.write_bytes(before)
    assert written(path, series())["runs_total{exit_code=3}"] == 1


def test_without_a_state_the_run_itself_is_still_told(path: Path) -> None:
    found = written(path, series(Ran(code=74, seconds=0.1), state=None))
    assert found["run_exit_code{}"] == 74
    assert not any(key.startswith(("things", "incidents", "outbox")) for key in found)


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "no" / "n.prom"
    assert metrics.write(path, []) == f"{path}: cannot be written: No such file or directory"


def test_without_the_extra_it_is_one_clear_line(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['prometheus_client'] = None\n"
        "from pathlib import Path; from notifier import metrics\n"
        f"print(metrics.write(Path({str(tmp_path / 'n.prom')!r}), []))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "needs prometheus-client: pip install 'notifier-bridge[metrics]'\n"
    assert list(tmp_path.iterdir()) == []


# ---- the sample rules -----------------------------------------------------------------------


def test_the_page_has_every_series_that_there_is() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (.*?) \| (.*) \|$", (PROMETHEUS / "README.md").read_text(), re.M
    )
    shown = [
        (one.name, ", ".join(f"`{label}`" for label in one.labels), one.text) for one in series()
    ]
    assert [(name, labels, text) for name, labels, text in rows] == shown


def test_the_rules_are_about_series_that_there_are() -> None:
    (group,) = yaml.safe_load((PROMETHEUS / "notifier.rules.yml").read_text())["groups"]
    names = {f"notifier_{one.name}" for one in series()}
    assert len(group["rules"]) >= 8
    for rule in group["rules"]:
        used = set(re.findall(r"notifier_\w+", rule["expr"]))
        assert used
        assert used <= names, rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))) <= {
            "instance", "source", "family", "channel",
        }  # fmt: skip
