"""`notifier demo`: the whole day in a process of its own, and a host that answers as a real one."""

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grimp
import pytest
import requests
from peers import MEASURED

from notifier.demo.cluster import Cluster

FIXTURES = Path(__file__).parent / "fixtures" / "hakuriver"
# tells of every name that is looked up, and of every end of a connection that is not loopback
WATCHED = """
import os, sys
def watch(event, args):
    if event in ("socket.connect", "socket.bind", "socket.sendto"):
        host = args[1][0] if isinstance(args[1], tuple) else args[1]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = args[0]
    else:
        return
    if host not in ("127.0.0.1", "::1"):
        os.write(2, f"{event} {host}\\n".encode())
sys.addaudithook(watch)
from notifier.cli import run
run(sys.argv[1:])
"""


class Stage:
    """Runs the demonstration with a home and a temporary folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("home", "tmp", "here"):
            (root / name).mkdir()
        self.environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(root / "home"),
            "TMPDIR": str(root / "tmp"),
            "TZ": "UTC",
            "LANG": "C.UTF-8",
            # whoever uses it finds nobody
            "http_proxy": "http://127.0.0.1:9",
            **MEASURED,
        }

    def start(self, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", WATCHED, "demo", *args],
            cwd=self.root / "here",
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def left(self) -> list[Path]:
        return [path for path in self.root.rglob("*") if path.parent != self.root]


class Played:
    """What one whole run printed."""

    def __init__(self, stage: Stage, *args: str) -> None:
        process = stage.start(*args)
        self.out, self.err = process.communicate(timeout=60)
        self.code = process.returncode
        self.left = stage.left()

    def scene(self, time: str) -> str:
        found = re.search(rf"^{time}  .*?(?=^\S|\Z)", self.out, re.MULTILINE | re.DOTALL)
        assert found, f"nothing happens at {time}"
        return found[0]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return Played(Stage(tmp_path_factory.mktemp("demo")))


def test_the_day_ends_well_and_nothing_is_left_behind(played: Played) -> None:
    assert (played.code, played.left) == (0, [])


def test_nothing_but_loopback_is_asked_and_no_name_is_looked_up(played: Played) -> None:
    assert played.err == ""


def test_every_message_is_shown_once_under_a_key_of_its_own(played: Played) -> None:
    assert (played.out.count("mail to"), played.out.count("webhook-id:")) == (5, 5)
    keys = Counter(re.findall(r"\bn[0-9a-f]{8}-\d+\b", played.out))
    assert list(keys.values()) == [1] * 10
    assert "nothing was told twice" in " ".join(played.out.split())


def test_each_command_ends_with_the_code_that_the_story_asks_for(played: Played) -> None:
    ran = re.findall(
        r"^ +\$ notifier (.*?)$.*?\(exit code (\d+)", played.out, re.MULTILINE | re.DOTALL
    )
    assert ran == [
        ("check", "0"),
        ("check", "1"),
        ("check", "0"),
        ("check", "1"),
        ("check", "0"),
        ("status", "1"),
        ("check", "1"),
        ("check", "4"),
        ("outbox list", "1"),
        ("check", "4"),
        ("check", "0"),
        ("status", "0"),
    ]


def test_nothing_new_is_told_to_nobody_and_the_demo_says_what_was_not_repeated(
    played: Played,
) -> None:
    quiet = played.scene("12:10")
    assert "mail to" not in quiet
    assert "webhook-id" not in quiet
    assert "not repeated: python train.py --lr 3e-4: failed (told 12:05)" in quiet


def test_a_node_and_its_tasks_are_one_message_and_so_is_their_ending(played: Played) -> None:
    bad, well = played.scene("12:15"), played.scene("12:30")
    assert (bad.count("mail to"), bad.count("webhook-id")) == (1, 1)
    assert "[river] gpu-02 is offline, 2 tasks lost" in bad
    assert (well.count("mail to"), well.count("webhook-id")) == (1, 1)
    assert "[river] back: gpu-02 (15 min)" in well


def test_the_channel_that_was_down_gets_its_message_later_and_the_other_no_second_one(
    played: Played,
) -> None:
    down, still, up = (played.scene(time) for time in ("12:40", "12:45", "12:50"))
    assert (down.count("mail to"), down.count("webhook-id")) == (0, 1)
    assert (still.count("mail to"), still.count("webhook-id")) == (0, 0)
    assert (up.count("mail to"), up.count("webhook-id")) == (1, 0)
    assert "./render.sh --frames 240: killed_oom (hook was told 12:40)" in up


def test_it_fits_a_terminal_and_is_plain_where_there_is_none(played: Played) -> None:
    assert max(map(len, played.out.splitlines())) <= 80
    assert "\x1b" not in played.out


def test_colour_is_there_when_it_is_asked_for(stage: Stage) -> None:
    # without a home, too
    del stage.environment["HOME"]
    played = Played(stage, "--color", "always")
    assert (played.code, played.err) == (0, "")
    assert "\x1b[1m$ notifier check\x1b[0m" in played.out


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_stopped_half_way_it_leaves_nothing(stage: Stage, name: str) -> None:
    process = stage.start()
    assert process.stdout
    while not process.stdout.readline().startswith("12:05"):
        assert process.poll() is None
    process.send_signal(signal.Signals[name])
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "notifier: stopped\n")
    assert stage.left() == []


def test_a_reader_who_leaves_ends_it_without_a_word(stage: Stage) -> None:
    process = stage.start()
    assert process.stdout
    assert process.stderr
    assert "A day of a cluster" in process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == ""
    process.stderr.close()
    assert stage.left() == []


def recorded(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


def shape(rows: list[dict[str, Any]]) -> tuple[list[str], dict[str, set[type]]]:
    """The keys of the rows in their order, and the types that each one has."""
    types: dict[str, set[type]] = {}
    for row in rows:
        for key, value in row.items():
            types.setdefault(key, set()).add(type(value))
    return list(rows[0]), types


@pytest.mark.parametrize(
    ("path", "recordings"),
    [("nodes", ["m01_nodes", "m05_nodes"]), ("tasks", ["m03_tasks", "m05_tasks"])],
)
def test_the_host_of_the_demo_answers_in_the_shape_of_the_real_one(
    path: str, recordings: list[str]
) -> None:
    now = datetime(2026, 3, 4, 12, tzinfo=UTC)
    with Cluster(now) as cluster:
        cluster.add_node("node-a", 8)
        cluster.add_node("node-b", 4)
        cluster.end(cluster.run("node-a", "true"), "failed", 1, "boom")
        cluster.run("node-a", "sleep 9")
        cluster.run("node-b", "sleep 9")
        cluster.lose_node("node-b")
        answer = requests.get(f"{cluster.url}/{path}?limit=9", timeout=10)
    keys, types = shape(answer.json())
    real_keys, real_types = shape([row for name in recordings for row in recorded(name)])
    assert keys == real_keys
    assert {key: found - real_types[key] for key, found in types.items()} == {
        key: set() for key in keys
    }
    assert answer.headers["date"] == "Wed, 04 Mar 2026 12:00:00 GMT"


def test_the_host_of_the_demo_has_its_api_at_the_root_alone() -> None:
    with Cluster(datetime(2026, 3, 4, 12, tzinfo=UTC)) as cluster:
        answer = requests.get(f"{cluster.url}/api/nodes", timeout=10)
    assert (answer.status_code, answer.json()) == (404, recorded("e_not_found"))


def test_nothing_but_the_command_itself_uses_the_demo() -> None:
    graph = grimp.build_graph("notifier", cache_dir=None)
    parts = {"notifier.demo", *graph.find_descendants("notifier.demo")}
    users = {user for part in parts for user in graph.find_modules_that_directly_import(part)}
    assert users - parts == {"notifier.commands.demo"}
