"""The real host behaves as the tests that lean on it assume."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from real.lab import Lab, until


def test_a_silent_node_goes_offline_and_what_ran_there_is_lost(host: Lab) -> None:
    host.add_node("node-a")
    host.add_node("node-b")
    kept, running, waiting = host.run("node-a"), host.run("node-b"), host.submit("node-b")
    paused = host.run("node-b")
    host.update_status(paused, "paused")
    host.stop_beating("node-b")
    host.wait_node("node-b", "offline")
    host.wait_node("node-a", "online")
    lost = {running: "lost", waiting: "lost", paused: "paused", kept: "running"}
    until(lambda: host.statuses() == lost, "the tasks of node-b to be lost")
    host.start_beating("node-b")
    host.wait_node("node-b", "online")
    assert host.statuses() == lost


def test_every_ending_shows_in_the_listing(host: Lab) -> None:
    host.add_node("node-a")
    ok, bad, killed, oom, stopped = (host.run("node-a") for _ in range(5))
    host.update_status(ok, "completed", exit_code=0)
    host.update_status(bad, "failed", exit_code=3, message="boom")
    host.kill(killed)
    host.beat("node-a", killed=[(oom, "oom")])
    host.update_status(stopped, "stopped", exit_code=-1)
    assert host.statuses() == {
        ok: "completed",
        bad: "failed",
        killed: "killed",
        oom: "killed_oom",
        stopped: "stopped",
    }
    (row,) = (task for task in host.request("GET", "/tasks").json() if task["task_id"] == bad)
    assert (row["exit_code"], row["error_message"], row["assigned_node"]) == (3, "boom", "node-a")


def test_a_host_that_was_stopped_comes_back_with_what_it_knew(host: Lab) -> None:
    host.add_node("node-a")
    task = host.run("node-a")
    pid = host.process.pid if host.process else 0
    host.stop_host()
    assert not Path(f"/proc/{pid}").exists()
    host.start()
    host.wait_node("node-a", "online")
    assert host.statuses() == {task: "running"}


def test_filled_tasks_are_listed_by_age_below_those_that_came_later(host: Lab) -> None:
    host.add_node("node-a")
    young = host.fill(200, "running", node="node-a", age=timedelta(0))
    old = host.fill(300, "failed", node="node-a")
    new = host.submit("node-a")
    listed = host.request("GET", "/tasks").json()
    assert [task["task_id"] for task in listed] == [new, *reversed(young), *reversed(old)]
    assert {task["assigned_node"] for task in listed} == {"node-a"}
    assert all(task["completed_at"] for task in listed if task["status"] == "failed")


def test_two_hosts_live_side_by_side_in_their_own_time_zones(
    make_host: Callable[..., Lab],
) -> None:
    tokyo, kolkata = make_host(timezone="Asia/Tokyo"), make_host(timezone="Asia/Kolkata")
    for lab in (tokyo, kolkata):
        lab.add_node("node-a")
    (east,), (west,) = (lab.request("GET", "/nodes").json() for lab in (tokyo, kolkata))
    hours = [int(node["last_heartbeat"][11:13]) for node in (east, west)]
    assert (hours[0] - hours[1]) % 24 in (3, 4)


def test_a_closed_host_leaves_no_process_and_no_folder(hakuriver_python: Path) -> None:
    lab = Lab(hakuriver_python)
    lab.start()
    lab.add_node("node-a")
    pid = lab.process.pid if lab.process else 0
    lab.close()
    assert not lab.root.exists()
    assert not Path(f"/proc/{pid}").exists()


def test_a_host_that_ends_by_itself_says_so_to_whoever_asks(host: Lab) -> None:
    assert host.process
    host.process.kill()
    host.process.wait()
    with pytest.raises(RuntimeError, match=r"the host ended with -9:\n(?s:.*)starting up"):
        host.statuses()
