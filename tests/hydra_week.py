"""A Hydra server, the command and a receiver, run after run: what tests of its messages need."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from peers import Ran, Sink
from sources.hosts import Stub
from sources.hydra_server import Server

CONFIG = """
[run]
timezone = "UTC"
[sources.ci]
type = "hydra"
url = "{url}"
{more}
[channels.hook]
webhook = "{hook}"
[channels.rest]
webhook = "{hook}rest"
[[routes]]
match = {{ kind = ["build", "eval"] }}
events = ["problem", "recovery", "change"]
channels = ["rest"]
[[routes]]
channels = ["hook"]
"""
JOBS = {job: f"{job}-1" for job in ("hello", "world", "tested")}


class Week:
    """A server, the command, a receiver; `check` is one run, five minutes after the last."""

    def __init__(self, folder: Path, stub: Stub, sink: Sink, run: Callable[..., Ran]) -> None:
        self.now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
        self.server = Server(stub, self.now)
        self.config = folder / "config.toml"
        self.folder = folder
        self.sink = sink
        self._run = run
        self.configure()

    def configure(self, more: str = "", form: str = CONFIG) -> None:
        """Writes the configuration, with further keys of the source."""
        self.config.write_text(form.format(url=self.server.url, hook=self.sink.url, more=more))
        self.config.chmod(0o600)

    def check(self, *args: str, minutes: int = 5) -> Ran:
        """One run; the server's clock and ours are the same."""
        self.now += timedelta(minutes=minutes)
        self.server.now = self.now
        self.server.stub.asked.clear()
        self.sink.requests.clear()
        return self._run("-c", str(self.config), "check", *args)

    def doctor(self) -> Ran:
        """What the doctor finds."""
        return self._run("-c", str(self.config), "doctor")

    def told(self, *args: str, minutes: int = 5) -> list[str]:
        """What one run said of each event: its sentence and thing, without whom it told."""
        ran = self.check(*args, minutes=minutes)
        assert ran.code in (0, 1), ran
        return [line.rpartition(" [told ")[0] or line for line in ran.out.splitlines()]

    @property
    def asked(self) -> list[str]:
        """The targets of the last run's requests."""
        return self.server.stub.asked

    def events(self) -> list[dict[str, Any]]:
        """The events that the last run delivered."""
        return [event for one in self.sink.requests for event in one.json()["events"]]


def settled(week: Week) -> Server:
    """A jobset whose jobs are all well, looked at twice."""
    server = week.server
    server.add("demo:main")
    server.evaluate("demo:main", JOBS, revision="a" * 40)
    server.end(*JOBS)
    week.check()
    assert week.told() == []
    return server
