"""The tables of the configuration: what may stand in each, and what it is by default.

Defaults live here and nowhere else; docs/config.md is generated from these structs.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

from notifier.model import EventType
from notifier.tables import Duration

Pattern = str | list[str]
# what a route without `events` takes
USUAL: tuple[EventType, ...] = ("problem", "recovery", "flapping_start", "flapping_end", "summary")


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every configuration table."""


class SourceSettings(Table, frozen=True, kw_only=True):
    """Keys that every source has."""

    # which system it is
    type: str
    # how far apart the looks at a family are; empty: at every run
    every: dict[Literal["tasks", "nodes"], Duration] = {}
    # things that are never a problem: patterns over name, id, node, owner, group, status, kind
    ignore: list[dict[str, Pattern]] = []
    # status of a task → how long it may last before it is a problem
    stuck_after: dict[str, Duration] = {}
    # how many last lines of its log a new failure brings along, at most 200; 0: none
    log_lines: int = 0
    # a page for each thing, linked in messages: kind → URL with `{id}`, `{name}`, `{node}`
    link: dict[str, str] = {}

    def faults(self) -> Iterable[tuple[str, str]]:
        """(key, what is wrong with it) for what no type can tell; a source adds its own."""
        return ()


class ChannelSettings(Table, frozen=True, kw_only=True):
    """One destination: exactly one of `email`, `slack`, `webhook`, `url`."""

    # addresses; each is delivered on its own
    email: str | list[str] = []
    # HOST or HOST:PORT of the mail server; port 465 is implicit TLS, 587 STARTTLS
    smtp: str = "localhost"
    # who logs in there, when anybody has to
    smtp_user: str = ""
    # and with which password; never sent over clear text to another host
    smtp_password: str = ""
    # `auto`: TLS where the server offers it, and always with a password
    smtp_tls: Literal["auto", "starttls", "implicit", "none"] = "auto"
    # the sender's address, alone or as `Name <address>`; default: notifier@HOST
    sender: str = msgspec.field(default="", name="from")
    # incoming webhook URL of Slack
    slack: str = ""
    # address to which the events are POSTed as JSON (docs/webhook.md)
    webhook: str = ""
    # what a webhook is signed with; several while one takes the place of another, newest first
    secret: str | list[str] = []
    # any Apprise URL with one target
    url: str = ""
    # PEM file of the authority that signed the server's certificate
    ca_file: str = ""
    # bound of each step of an attempt: to connect, and each answer
    timeout: Duration = Duration(15)
    # what it did not take for so long is dropped, and the other channels are told; `0s`: never
    give_up_after: Duration = Duration(0)

    @property
    def kind(self) -> str:
        """Which of the four it is; empty when it is none."""
        return next((k for k in ("email", "slack", "webhook", "url") if getattr(self, k)), "")

    @property
    def addresses(self) -> list[str]:
        """The e-mail addresses, one or many."""
        return [self.email] if isinstance(self.email, str) else self.email


class Window(Table, frozen=True, kw_only=True):
    """Hours in which a route that names it in `hold` says nothing; told at its end."""

    # HH:MM; a window belongs to the day on which it starts
    begin: str = msgspec.field(name="from")
    # HH:MM; before `from` it is a time of the next day
    to: str
    # days on which it starts; default: every day
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = []
    # IANA zone; default: `run.timezone`
    timezone: str = ""


class Route(Table, frozen=True, kw_only=True):
    """Which events go to which channels, and how. The first route that names a channel decides."""

    # stands in messages of Notifier about the route; default: its number in the file
    name: str = ""
    # field → pattern; all must match. Fields: source, kind, family (tasks, nodes), type (of the
    # event), status, health, severity, id, name, node, owner, group, labels.NAME
    match: dict[str, Pattern] = {}
    # field → pattern; none may match
    not_match: dict[str, Pattern] = {}
    # default: problem, recovery, flapping_start, flapping_end, summary
    events: list[EventType] = []
    # empty: what matches is told to nobody
    channels: list[str] | None = None
    # one message of all that a run found, one per group of things, or one per thing
    digest: Literal["run", "group", "event"] = "run"
    # how many things a message names before it counts the rest
    max_items: int = 20
    # `false`: nobody here is told of an ending
    recovery: bool = True
    # pauses before the reminders of a standing problem; the last one repeats
    remind: list[Duration] = []
    # told only when it is still open, and nobody has it in hand, after this time
    escalate_after: Duration = Duration(0)
    # windows in which nothing is said here; told at their end
    hold: list[str] = []
    # name of a template of your own, NAME.txt.j2 in the template folder
    template: str = "default"


class RunSettings(Table, frozen=True, kw_only=True):
    """The run itself."""

    # polling gets three quarters of it, delivery the rest
    deadline: Duration = Duration(120)
    # what a first look does: one summary, nothing, or everything as news
    first_run: Literal["summary", "silent", "alert"] = "summary"
    # three changes of a thing within it are flapping; it ends after as long without one
    flap_window: Duration = Duration(3600)
    # a channel that fails for so long is news, told through the others
    channel_alert_after: Duration = Duration(3600)
    # IANA zone that messages show; default: the machine's
    timezone: str = ""
    # further patterns of secrets in text from a cluster: globs over one word
    redact: list[str] = []
    # folder with templates of your own, looked at before ours
    templates: str = ""
    # address of a dead man's switch (healthchecks.io and its like): asked after each run by which
    # every family was read within `max_age` and nothing is overdue; else POST of the reason to
    # `/fail` below it
    ping_url: str = ""
    # `true`: `/start` below it is asked when a run begins
    ping_start: bool = False
    # a family not read, or news not delivered, for so long is overdue
    max_age: Duration = Duration(3600)
    # file for the textfile collector of Prometheus' node_exporter, written after each run; needs
    # the extra `metrics`
    metrics_file: str = ""


class StateSettings(Table, frozen=True, kw_only=True):
    """Where the state lives and how long a run waits for its lock."""

    # the state's file; default: see above, it follows the configuration
    path: str = ""
    # how long a run waits for another one that is under way
    lock_wait: Duration = Duration(30)


class Destination(msgspec.Struct, frozen=True):
    """One row of the outbox: a channel, or one address of a channel with several."""

    row: str
    channel: str
    settings: ChannelSettings
    address: str = ""
