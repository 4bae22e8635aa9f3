"""The samples in docs/sources/hydra.md: `PYTHONPATH=tests python -m hydra_samples` writes them."""

import contextlib
import io
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

from hydra_week import JOBS, Week, settled
from peers import Mailbox, Ran, Sink
from sources.hosts import Reply, Stub
from sources.hydra_server import DEPENDENCY, FAILED, Server, body

from notifier import cli

PAGE = Path(__file__).parents[1] / "docs" / "sources" / "hydra.md"
START, END = "<!-- samples -->\n", "<!-- end -->\n"
CONFIG = """
[run]
timezone = "UTC"
[sources.ci]
type = "hydra"
url = "{url}"
kinds = ["job", "jobset", "machine", "queue", "build", "eval"]
{more}
[channels.ops]
email = "ops@example.org"
smtp = "SMTP"
[channels.none]
webhook = "{hook}"
[[routes]]
match = {{ kind = KINDS }}
events = EVENTS
channels = ["ops"]
[[routes]]
channels = []
"""
USUAL = '["job", "jobset", "machine", "queue", "source"]', '["problem", "recovery", "summary"]'
EVALS = '["eval"]', '["change"]'
CHANGES = '["build", "eval"]', '["problem", "recovery", "change"]'
Scene = Callable[[Server, Week], None]


def look(week: Week, minutes: int = 5) -> None:
    week.check(minutes=minutes)


def first(server: Server, week: Week) -> None:
    server.add("demo:main")
    server.evaluate("demo:main", JOBS)
    server.end("hello", "world")
    server.end("tested", status=FAILED)


def broke(server: Server, week: Week) -> None:
    server.evaluate("demo:main", {job: f"{job}-2" for job in JOBS}, revision="b" * 40)
    server.end("hello", status=FAILED)
    server.end("world", "tested", status=DEPENDENCY)


def alone(server: Server, week: Week) -> None:
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"}, revision="b" * 40)
    server.end("hello", status=FAILED)
    terminal = {"buildId": 4, "stepnr": 3, "status": FAILED, "busy": 0}
    path = "0123456789abcdfghijklmnpqrsvwxyz-libfoo-1.2.drv"
    resolved = {"stepnr": 1, "resolvedDrvPath": path, "terminal": terminal}
    server.newest("hello")["steps"] = [resolved, {**resolved, "stepnr": 2}]


def fixed(server: Server, week: Week) -> None:
    broke(server, week)
    look(week)
    server.evaluate("demo:main", {job: f"{job}-3" for job in JOBS}, revision="c" * 40)
    server.end("hello", "tested")
    server.end("world", status=FAILED)


def left(server: Server, week: Week) -> None:
    alone(server, week)
    look(week)
    server.evaluate("demo:main", {"world": "world-1"})


def evaluation(server: Server, week: Week) -> None:
    server.checked("demo:main", "error: undefined variable 'foo'\nat /nix/store/…/release.nix:4:1")


def another(server: Server, week: Week) -> None:
    evaluation(server, week)
    look(week)
    server.checked("demo:main", "error: attribute 'bar' missing\nat /nix/store/…/release.nix:9:2")
    look(week, 65)


def single(server: Server, week: Week) -> None:
    server.checked("demo:main", "in job 'world':\nerror: Package 'world-1.0' is marked as broken")


def killed(server: Server, week: Week) -> None:
    server.checked("demo:main", "evaluation failed due to signal 9 (Killed)")


def unfetched(server: Server, week: Week) -> None:
    text = "error fetching latest change from git repo at `https://example.org/demo.git':\nfatal: "
    server.unfetched("demo:main", f"{text}repository not found")


def evaluates(server: Server, week: Week) -> None:
    evaluation(server, week)
    look(week)
    server.checked("demo:main")


def disabled(server: Server, week: Week) -> None:
    server.jobsets["demo:main"]["enabled"] = 0
    look(week, 90)


def runner(server: Server, week: Week) -> None:
    server.runner = body("queue_runner_status_down")
    look(week)


def power(server: Server, week: Week) -> None:
    server.machines, server.runner["machines"] = {}, {}
    look(week)


def full(server: Server, week: Week) -> None:
    server.runner["machines"]["builder-1"]["stats"]["storeFreePercent"] = 3.5
    look(week)


def stuck(server: Server, week: Week) -> None:
    server.runner["queueRunner"] |= {"nrStepsRunnable": 5, "nrStepsBuilding": 0}
    look(week)


def unsupported(server: Server, week: Week) -> None:
    server.runner["queueRunner"] |= {"nrUnsupportedSteps": 3}
    look(week)


def private(server: Server, week: Week) -> None:
    server.private = True
    look(week)


def sick(server: Server, week: Week) -> None:
    server.sick["/api/jobsets"] = Reply(b'{"error":"DBI Exception: SELECT ..."}', 500)
    look(week)


def reset(server: Server, week: Week) -> None:
    alone(server, week)
    look(week)
    server.clear()
    server.add("demo:main")
    server.later(60)
    server.evaluate("demo:main", {"other": "other-1"})
    server.end("other", status=FAILED)


def added(server: Server, week: Week) -> None:
    server.evaluate("demo:main", {**JOBS, "hello": "hello-2"}, revision="b" * 40)


def completed(server: Server, week: Week) -> None:
    added(server, week)
    look(week)
    server.end("hello")


def superseded(server: Server, week: Week) -> None:
    server.evaluate("demo:main", {job: f"{job}-2" for job in JOBS}, revision="b" * 40)
    server.end("hello", status=FAILED)
    look(week)
    jobs = {"hello": "hello-3", "world": "world-2", "tested": "tested-3"}
    server.evaluate("demo:main", jobs, revision="c" * 40)
    server.end("tested")
    server.builds[6] |= {"finished": 1, "buildstatus": 0, "stoptime": server.time}


def build(server: Server, week: Week) -> None:
    added(server, week)
    server.end("hello", status=FAILED)


def again(server: Server, week: Week) -> None:
    build(server, week)
    look(week)
    server.restart("hello")
    server.end("hello", status=FAILED)


def cached(server: Server, week: Week) -> None:
    server.same("demo:main")


def started(server: Server, week: Week) -> None:
    server.jobsets["demo:main"]["starttime"] = server.time


SCENES: dict[str, tuple[Scene, tuple[str, str]]] = {
    "A first look": (first, USUAL),
    "A job broke": (alone, USUAL),
    "A job broke, and what depends on it": (broke, USUAL),
    "One evaluation: fixed, and newly broken by itself": (fixed, USUAL),
    "A job left its jobset": (left, USUAL),
    "An evaluation failed": (evaluation, USUAL),
    "It fails at something else": (another, USUAL),
    "Single jobs do not evaluate": (single, USUAL),
    "The evaluator was killed": (killed, USUAL),
    "An input cannot be fetched": (unfetched, USUAL),
    "It evaluates again": (evaluates, USUAL),
    "Somebody switched a jobset off": (disabled, USUAL),
    "The queue runner is down": (runner, USUAL),
    "All machines are gone while the queue runner is up": (power, USUAL),
    "A machine is full": (full, USUAL),
    "The queue is stuck": (stuck, USUAL),
    "Steps that no machine can take": (unsupported, USUAL),
    "A private server": (private, USUAL),
    "A sick server": (sick, USUAL),
    "Another database": (reset, USUAL),
    "Change: an evaluation was added, a build queued": (added, CHANGES),
    "Change: both are done": (completed, CHANGES),
    "Change: the digest of an evaluation": (fixed, EVALS),
    "Change: a newer evaluation took over": (superseded, EVALS),
    "Change: an evaluation was started": (started, CHANGES),
    "Change: the inputs were checked and are the same": (cached, CHANGES),
    "A build failed (kind build)": (build, CHANGES),
    "It was restarted and failed again (kind build)": (again, CHANGES),
}


def samples() -> Iterator[tuple[str, str]]:
    """(heading, the text of the mail) for each scene."""
    for title, (scene, (kinds, events)) in SCENES.items():
        yield title, _play(scene, kinds, events)


def _play(scene: Scene, kinds: str, events: str) -> str:
    stub, sink, box = Stub(), Sink(), Mailbox()
    box.start()
    form = CONFIG.replace("SMTP", box.address).replace("KINDS", kinds).replace("EVENTS", events)
    with tempfile.TemporaryDirectory() as folder:
        week = Week(Path(folder), stub, sink, _run)
        week.configure(form=form)
        with mock.patch.object(cli.Context, "clock", lambda _: week.now):
            if scene is not first:
                settled(week)
                box.mails.clear()
            scene(week.server, week)
            look(week)
    box.stop()
    stub.stop()
    mail = box.mails[-1]
    text = mail.text.partition("\n-- \n")[0].strip().replace(stub.url, "https://hydra.example.org")
    return f"Subject: {mail.subject}\n\n{text}"


def _run(*args: str) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(args, {})
    return Ran(code, out.getvalue(), err.getvalue())


def section() -> str:
    """All samples as they stand in the page."""
    parts = []
    for title, text in samples():
        block = re.sub(r"(?m)^(?=.)", "    ", text)
        parts.append(f"### {title}\n\n{block}\n")
    return "\n".join(parts)


def written(page: str) -> str:
    """The samples that a page has."""
    return page.partition(START)[2].partition(END)[0]


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    head, tail = page.partition(START)[0], page.partition(END)[2]
    PAGE.write_text(f"{head}{START}{section()}{END}{tail}", encoding="utf-8")
    sys.stdout.write(f"{PAGE.name}: {len(SCENES)} samples\n")
