"""A disk that is full, broken or read-only at any step: nothing is lost, nothing is told too early.

strace makes one call of the run's main thread fail; two healthy runs have to put it right.
"""

import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from chaos.ends import Told
from chaos.scenarios import SCENARIOS, Scenario
from chaos.stage import Stage

MAIN = ("main", 1)
# what a run does to its files; strace counts each of these by itself
CALLS = "openat,write,fsync,fchmod,close,link,linkat,rename,renameat,renameat2,unlink,unlinkat"
DISK = ("ENOSPC", "EIO", "EROFS", "EDQUOT")
WORDS = "No space left on device|Input/output error|Read-only file system|Disk quota exceeded"
SAID = re.compile(rf"notifier: \S+: cannot be (read|written): ({WORDS})\n")


class Point(NamedTuple):
    """The `number`-th `call` of the main thread. `shown` is the call as strace writes it."""

    call: str
    number: int
    shown: str


class Act:
    """A scenario's run on its stage. `whole` is what each channel is to be told in the end."""

    def __init__(self, stage: Stage, scenario: Scenario) -> None:
        self.stage = stage
        self.command = scenario.command
        scenario.before(stage)
        stage.keep()
        stage.run(*self.command, rehearse=True)
        stage.restore()
        self.code = stage.run(*self.command)
        stage.run("check")
        self.whole = {row: heard(stage, told) for row, told in stage.told().items()}
        assert all(self.whole.values()), stage.said()


def heard(stage: Stage, told: Iterable[Told]) -> list[str]:
    """`problem THING` of each event of these messages, of a repeated one but once."""
    names = stage.hook.names
    return sorted(names.get(event, event) for one in dict.fromkeys(told) for event in one.events)


@pytest.fixture(scope="module")
def act(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Act]:
    """A run to be played again and again."""
    with Stage(tmp_path_factory.mktemp("disk")) as stage:
        found = Act(stage, SCENARIOS["one new failure"])
        assert found.code == 1
        yield found


def play(act: Act, *inject: str) -> tuple[int, str, list[str]]:
    """One run from the beginning: its exit code, what it said, its calls on the state's folder."""
    stage, log = act.stage, act.stage.folder / "log"
    stage.restore()
    before = len(stage.said())
    strace = ("-y", "-o", str(log), "-e", f"trace={CALLS}", *inject)
    code = stage.run(*act.command, thread=MAIN, strace=strace)
    lines = log.read_text().splitlines()
    return code, stage.said()[before:], [line for line in lines if str(stage.place) in line]


def points(act: Act, *, lock: bool = True) -> list[Point]:
    """Every call on a file of the state, from the lock on; without `lock` once all is read."""
    stage, found = act.stage, []
    play(act)
    counts: dict[str, int] = {}
    held = False
    for line in (stage.folder / "log").read_text().splitlines():
        call = line.partition("(")[0]
        counts[call] = counts.get(call, 0) + 1
        if (".lock" if lock else "config.toml") in line:
            held = True
        elif held and str(stage.place) in line:
            found.append(Point(call, counts[call], line.replace(str(stage.place), "")))
    return found


def fail(act: Act, point: Point, fault: str) -> list[str]:
    """Makes one call fail; what was wrong with what came of it."""
    stage = act.stage
    if "/spool" in point.shown or "/journal" in point.shown:
        return spoiled(act, point, fault)
    inject = f"inject={point.call}:{fault}:when={point.number}"
    code, said, calls = play(act, "-e", inject)
    place = next((n for n, line in enumerate(calls) if "(INJECTED)" in line), None)
    if place is None:
        # receipts that shared a commit: the run made fewer calls this time
        return [] if code == 1 else [f"not reached, and ended with {code}: {said}"]
    told = {row: len(messages) for row, messages in stage.told().items()}
    committed = any("fsync" in line and stage.place.name + ">" in line for line in calls[:place])
    # what is lost with these is nothing, and a call that did nothing yet can be made again
    harmless = "looks.json" in calls[place] or ".lock" in calls[place] or "retval" in fault
    wrong = []
    if not committed and not harmless and any(told.values()):
        wrong.append(f"told {told} though nothing was committed")
    if harmless:
        if code != 1 or "notifier:" in said:
            wrong.append(f"harmless, but ended with {code}: {said}")
    elif code != 74 or not SAID.fullmatch(said):
        wrong.append(f"ended with {code} and said {said!r}")
    return wrong + healed(act)


def healed(act: Act) -> list[str]:
    """Two more runs on a disk that is well; what is lost or repeated even so."""
    stage, wrong = act.stage, []
    if stage.state() is None:
        wrong.append("the state cannot be read")
    codes = [stage.run("check") for _ in range(2)]
    if codes[0] not in (0, 1, 4) or codes[1] != 0:
        wrong.append(f"the runs after it ended with {codes}")
    state = stage.state()
    if state is None or state.events or state.messages:
        wrong.append("something still waits")
    for row, messages in stage.told().items():
        if heard(stage, messages) != act.whole[row]:
            wrong.append(f"{row} was told {heard(stage, messages)}")
        if len(messages) > len(set(messages)) + 1:
            wrong.append(f"{row} was told {len(messages)} times")
    return wrong


def steps(calls: Sequence[str], place: Path) -> list[str]:
    """The calls as `rename state.json.new state.json`; the folder itself is called `.`."""
    found = []
    for line in calls:
        call, _, rest = re.sub(r"\)\s+= .*", "", line).partition("(")
        names = re.findall(rf"{re.escape(str(place))}/?([\w.]*)", rest)
        found.append(" ".join([call, *(name or "." for name in names)]))
    return [one for one in found if one.partition(" ")[0] not in ("close", "fchmod")]


def test_a_commit_is_write_sync_keep_the_former_rename_and_sync_of_the_folder(act: Act) -> None:
    made = steps(play(act)[2], act.stage.place)
    begin = made.index("unlink state.json.new")
    assert made[begin : begin + 10] == [
        "unlink state.json.new",
        "openat state.json.new",
        "write state.json.new",
        "fsync state.json.new",
        "unlink state.json.prev.new",
        "linkat state.json state.json.prev.new",
        "rename state.json.prev.new state.json.prev",
        "rename state.json.new state.json",
        "openat .",
        "fsync .",
    ]
    commits = made.count("rename state.json.new state.json")
    # receipts that come together share a commit
    assert commits in (2, 3)
    assert made.count("fsync state.json.new") == made.count("fsync .") == commits
    assert "fsync looks.json.new" not in made


def test_no_channel_is_spoken_to_before_the_folder_was_synced(act: Act) -> None:
    stage, log = act.stage, act.stage.folder / "all"
    stage.restore()
    strace = ("-f", "-y", "-o", str(log), "-e", "trace=fsync,connect")
    assert stage.cold("check", strace=strace) == 1
    lines = log.read_text().splitlines()
    synced = next(n for n, line in enumerate(lines) if f"<{stage.place}>" in line)
    spoken = [
        min(n for n, line in enumerate(lines) if f"htons({end.port})" in line)
        for end in (stage.mail, stage.hook)
    ]
    assert synced < min(spoken)


def spoiled(act: Act, point: Point, fault: str) -> list[str]:
    """A run that need not fail where a call of it does: it ends well, or with one clear line."""
    code, said, calls = play(act, "-e", f"inject={point.call}:{fault}:when={point.number}")
    if not any("(INJECTED)" in line for line in calls):
        return []
    lines = [line for line in said.splitlines() if line.startswith("notifier:")]
    wrong = []
    # history is worth no alert; what was pushed waits where it cannot be read
    allowed = {act.code} if "/journal" in point.shown else {act.code, 3, 74}
    if code not in allowed or len(lines) > 1 or (code != act.code and not lines):
        wrong.append(f"ended with {code} and said {said!r}")
    if code != act.code and act.command != ("check",):
        act.stage.run(*act.command)
    return wrong + healed(act)


@pytest.mark.parametrize("name", ["an event is pushed", "what was pushed is taken in"])
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_what_is_pushed_outlives_a_disk_that_fails(name: str, error: str, tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        act = Act(stage, SCENARIOS[name])
        broken = [
            (point, wrong)
            for point in points(act, lock=act.command == ("check",))
            if (wrong := spoiled(act, point, f"error={error}"))
        ]
    assert not broken


@pytest.mark.parametrize("error", DISK)
def test_whatever_step_the_disk_fails_at_nothing_is_lost_and_nothing_told_too_early(
    act: Act, error: str
) -> None:
    broken = [
        (point, wrong) for point in points(act) if (wrong := fail(act, point, f"error={error}"))
    ]
    assert not broken


def test_a_write_that_takes_nothing_at_first_is_done_again(act: Act) -> None:
    writes = [point for point in points(act) if point.call == "write"]
    assert writes
    broken = [(point, wrong) for point in writes if (wrong := fail(act, point, "retval=0"))]
    assert not broken


@pytest.mark.parametrize("error", ["EPERM", "EOPNOTSUPP", "EMLINK"])
def test_without_hard_links_the_former_generation_is_a_copy(act: Act, error: str) -> None:
    stage = act.stage
    code, said, calls = play(act, "-e", f"inject=linkat:error={error}:when=1")
    assert any("(INJECTED)" in line for line in calls)
    assert (code, "notifier:" in said) == (1, False)
    made = steps(calls, stage.place)
    kept = [made.index(f"{call} state.json.prev.new") for call in ("write", "fsync")]
    assert kept[0] < kept[1] < made.index("rename state.json.new state.json")
    assert healed(act) == []


def test_a_file_system_that_cannot_sync_a_folder_is_no_error(act: Act) -> None:
    folder = next(one for one in points(act) if one.call == "fsync" and ".json" not in one.shown)
    code, said, calls = play(act, "-e", f"inject=fsync:error=EINVAL:when={folder.number}")
    assert any("(INJECTED)" in line for line in calls)
    assert (code, "notifier:" in said) == (1, False)
    assert healed(act) == []


@pytest.mark.parametrize("room", [0, 1, 1000, -1])
def test_a_file_that_fits_only_in_part_is_none(act: Act, room: int) -> None:
    """The kernel itself writes less than it was given, and then nothing more."""
    stage = act.stage
    play(act)
    full = (stage.place / "state.json").stat().st_size
    stage.restore()
    most = room if room >= 0 else full - 1

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    done = subprocess.run(
        [sys.executable, "-B", "-m", "notifier", "-c", str(stage.config), "check"],
        cwd="/",
        env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(stage.folder)},
        preexec_fn=bounded,
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = f"notifier: {stage.place}/state.json: cannot be written: File too large\n"
    assert (done.returncode, done.stdout, done.stderr) == (74, "", said)
    assert stage.told() == {"ops": [], "hook": []}
    assert healed(act) == []
