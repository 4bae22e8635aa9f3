"""What is going on when a run is killed."""

import re
from collections.abc import Callable
from typing import NamedTuple

from chaos import tomorrow
from chaos.stage import Stage

# two runs after the killed one have to put everything right
TWICE = (("check",), ("check",))


def nothing(stage: Stage) -> None:
    """No more happens."""


class Scenario(NamedTuple):
    """`before` leaves the workplace as the killed run finds it; `after` comes before `rest`."""

    name: str
    before: Callable[[Stage], None]
    command: tuple[str, ...] = ("check",)
    after: Callable[[Stage], None] = nothing
    rest: tuple[tuple[str, ...], ...] = TWICE
    # whether the killed run itself has something to send
    tells: bool = True
    # whether the killed run, and those after it, are of a later version
    later_version: bool = False


def _first_run(stage: Stage) -> None:
    stage.host.show(a="running", b="failed")


def _one_failure(stage: Stage) -> None:
    stage.host.show(a="running", b="running")
    stage.run("check")
    stage.host.show(a="failed", b="running")


def _one_more(stage: Stage) -> None:
    stage.host.show(a="failed", b="failed")


def _death(stage: Stage) -> None:
    stage.host.show(a="running", b="running", c="running")
    stage.run("check")
    stage.host.show("offline", a="lost", b="lost", c="lost")


def _return(stage: Stage) -> None:
    _death(stage)
    stage.run("check")
    stage.host.show("online", a="lost", b="lost", c="completed")


def _waiting(stage: Stage) -> None:
    stage.mail.well = stage.hook.well = False
    _one_failure(stage)
    stage.run("check")
    stage.mail.well = stage.hook.well = True


def _waited(stage: Stage) -> None:
    _waiting(stage)
    stage.later(minutes=30)


def _hook_down(stage: Stage) -> None:
    _one_failure(stage)
    stage.hook.well = False


def _hook_up(stage: Stage) -> None:
    stage.hook.well = True


def _attempting(stage: Stage) -> None:
    _one_failure(stage)
    # the third fsync is the first one of a receipt: both messages are on their way
    kill = ("-e", "trace=fsync", "-e", "inject=fsync:signal=SIGKILL:when=3")
    stage.run("check", thread=("main", 1), strace=kill)
    state = stage.state()
    assert state and {one.state for one in state.messages.values()} == {"attempting"}


def _fifty(stage: Stage) -> None:
    names = [f"shard-{number}" for number in range(50)]
    stage.host.show(**dict.fromkeys(names, "running"))
    stage.run("check")
    stage.host.show(**dict.fromkeys(names, "failed"))


def _reminder(stage: Stage) -> None:
    stage.configure(
        """[[routes]]
name = "all"
channels = ["ops", "hook"]
remind = ["1h"]"""
    )
    stage.host.show(a="running")
    stage.run("check")
    stage.host.show("offline", a="running")
    stage.run("check")
    stage.later(hours=2)


def _silence_over(stage: Stage) -> None:
    stage.host.show(a="running")
    stage.run("check")
    stage.run("silence", "add", "river/node/*", "--for", "1h", "-m", "a new fan")
    stage.host.show("offline", a="running")
    stage.run("check")
    stage.later(hours=2)


def _older_state(stage: Stage) -> None:
    _death(stage)
    # as a run of the version before would have left it; one of today's would refuse what is newer
    stage.rewrite(tomorrow.older)


def _two_sources(stage: Stage) -> None:
    stage.configure(f'[sources.lake]\ntype = "hakuriver"\nurl = "{stage.lake.url}"')
    for host in (stage.host, stage.lake):
        host.show(a="running")
    stage.run("check")
    stage.lake.well = False
    stage.host.show(a="failed")
    stage.lake.show(a="failed")


def _readable_again(stage: Stage) -> None:
    stage.lake.well = True


PUSH = ("emit", "--source", "backup", "--kind", "job", "--id", "nightly", "--failed")


def _pushed(stage: Stage) -> None:
    _one_failure(stage)
    stage.run(*PUSH, "-m", "disk is full")
    stage.run("emit", "--source", "web", "--kind", "service", "--id", "nginx", "--down")


def _stream(stage: Stage) -> None:
    folder = stage.folder / "events"
    folder.mkdir()
    stage.configure(f'[sources.lab]\ntype = "lucifer"\npaths = ["{folder}/*.events"]')
    stage.host.show(a="running")
    file = folder / "7.events"
    file.write_text("starting\nrunning\ntest_passed a\n")
    stage.run("check")
    with file.open("a") as more:
        more.write("test_failed b\n")
    # rotated: what is left of the old file comes before the new one
    file.rename(folder / "7.events.1")
    file.write_text("test_failed c\nhost_needs_repair dut-7\ncompleted\n")


def _old_journal(stage: Stage) -> None:
    _one_failure(stage)
    path = stage.place / "journal.jsonl"
    first, rest = path.read_bytes().split(b"\n", 1)
    # begun so long ago that the next line goes into a new file
    path.write_bytes(re.sub(rb'"at":"2\d{3}', b'"at":"2001', first, count=1) + b"\n" + rest)


SCENARIOS = {
    one.name: one
    for one in (
        Scenario("one new failure", _one_failure),
        Scenario("a node dies with its tasks", _death),
        Scenario("what waited is delivered", _waited),
        Scenario("the first run", _first_run),
        Scenario("the node is back", _return),
        Scenario("another one fails meanwhile", _one_failure, after=_one_more),
        Scenario("found attempting", _attempting),
        Scenario(
            "a silence is added",
            _one_failure,
            command=("silence", "add", "gpu-99", "--for", "1h", "-m", "elsewhere"),
            rest=(("check",), ("silence", "list"), ("check",)),
            tells=False,
        ),
        Scenario(
            "outbox retry",
            _waiting,
            command=("outbox", "retry"),
            rest=(("outbox", "retry"), ("check",)),
        ),
        Scenario(
            "one of two channels is down",
            _hook_down,
            after=_hook_up,
            rest=(("check",), ("outbox", "retry"), ("check",)),
        ),
        Scenario("an event is pushed", _one_failure, PUSH, rest=(PUSH, *TWICE), tells=False),
        Scenario("what was pushed is taken in", _pushed),
        Scenario("the journal begins a new file", _old_journal),
        Scenario("a stream grew and was rotated", _stream),
        Scenario("a digest of fifty", _fifty),
        Scenario("a reminder", _reminder),
        Scenario("a silence is over", _silence_over),
        Scenario("the state of an older version", _older_state, later_version=True),
        Scenario("one of two sources is unreadable", _two_sources, after=_readable_again),
    )
}
