"""What a run leaves for Prometheus: the textfile collector's format, replaced whole each time."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from notifier import __version__, files, intake, pushed, sources
from notifier.config import Config
from notifier.errors import StateError
from notifier.health import Health
from notifier.memory import State
from notifier.model import Frozen
from notifier.people import People, holds

# bytes of the file before, of which the counters go on
LARGEST = 1 << 20
INSTALL = "pip install 'notifier-bridge[metrics]'"
EVENTS = (
    "problem", "recovery", "reminder", "change", "flapping_start", "flapping_end", "summary",
)  # fmt: skip
Labels = tuple[str, ...]
Samples = Mapping[Labels, float]
T = TypeVar("T")


class Series(Frozen, frozen=True):
    """One family of series. `labels` name what each key of `samples` holds, in order.

    What `counts` goes on from the file before; what `stays` is as there, where it is not new.
    """

    name: str
    text: str
    labels: Labels
    samples: Samples
    counts: bool = False
    stays: bool = False

    def after(self, before: Samples) -> Samples:
        """The samples to write, after those of the file before."""
        if self.counts:
            keys = {*before, *self.samples}
            return {key: before.get(key, 0.0) + self.samples.get(key, 0.0) for key in keys}
        return {**before, **self.samples} if self.stays else self.samples


class Ran(Frozen, frozen=True, kw_only=True):
    """How a run ended. `events` are the types of its news, `letters` how many were accepted."""

    code: int
    seconds: float
    events: tuple[str, ...] = ()
    letters: int = 0


def available() -> bool:
    """Whether the extra is installed."""
    try:
        import prometheus_client  # noqa: F401
    except ImportError:
        return False
    return True


def place(config: Config) -> Path:
    """The file, which a relative name puts beside the configuration."""
    return config.path.parent / Path(config.run.metrics_file).expanduser()


def write(path: Path, series: Iterable[Series]) -> str:
    """Replaces the file. Returns what went wrong in one line, or nothing."""
    if not available():
        return f"needs prometheus-client: {INSTALL}"
    try:
        raw = rendered(series, _before(path))
        files.write(path, raw, sync=False, mode=0o644)
    except OSError as error:
        return f"{path}: cannot be written: {error.strerror}"
    return ""


def rendered(series: Iterable[Series], before: Mapping[str, Samples]) -> bytes:
    """The text. `before` is what the file had so far."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

    class Collector:
        def collect(self) -> Iterator[Metric]:
            for one in series:
                kind = CounterMetricFamily if one.counts else GaugeMetricFamily
                family = kind(f"notifier_{one.name}", one.text, labels=one.labels)
                for key, value in sorted(one.after(before.get(one.name, {})).items()):
                    family.add_metric(key, value)
                yield family

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector())
    return generate_latest(registry)


def _before(path: Path) -> dict[str, dict[Labels, float]]:
    """What the file has that is there; nothing where it is none of ours."""
    from prometheus_client.parser import text_string_to_metric_families

    found: dict[str, dict[Labels, float]] = {}
    try:
        text = files.read(path)[:LARGEST].decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                name = sample.name.removeprefix("notifier_")
                found.setdefault(name, {})[tuple(sample.labels.values())] = sample.value
    except (FileNotFoundError, StateError, ValueError):
        return {}
    return found


def of(
    config: Config, ran: Ran, health: Health, people: People, spool: intake.Waiting
) -> Iterator[Series]:
    """Everything that a run shows, and what it leaves behind where that could be read."""
    yield Series("build_info", "The version of Notifier.", ("version",), {(__version__,): 1})
    yield Series(
        "run_end_timestamp_seconds", "When the last run ended.", (), _one(health.now.timestamp())
    )
    yield Series("run_duration_seconds", "How long the last run took.", (), _one(ran.seconds))
    yield Series(
        "run_exit_code", "Exit code of the last run: 0 and 1 are good.", (), _one(ran.code)
    )
    yield Series(
        "runs_total", "Runs by exit code.", ("exit_code",), {(str(ran.code),): 1}, counts=True
    )
    events: dict[Labels, float] = {(kind,): 0 for kind in EVENTS}
    events |= {(kind,): number for kind, number in Counter(ran.events).items()}
    yield Series("events_total", "News found, by type.", ("type",), events, counts=True)
    yield Series(
        "messages_delivered_total", "Messages accepted.", (), _one(ran.letters), counts=True
    )
    yield Series(
        "max_age_seconds", "What is older is overdue (run.max_age).", (), _one(config.run.max_age)
    )
    yield Series(
        "healthy", "1: every family was read lately and nothing is overdue.", (),
        _one(not health.reasons),
    )  # fmt: skip
    yield Series(
        "healthy_timestamp_seconds", "When that was last so, at the end of a run.", (),
        {} if health.reasons else _one(health.now.timestamp()), stays=True,
    )  # fmt: skip
    yield from _looks(health)
    yield Series("spool_files", "Files pushed that were not taken in yet.", (), _one(spool.files))
    yield Series(
        "spool_set_aside", "Files pushed that could not be taken in.", (), _one(spool.aside)
    )
    if health.state is not None:
        yield from _state(config, health, health.state, people)


def _one(value: float) -> Samples:
    return {(): float(value)}


def _looks(health: Health) -> Iterator[Series]:
    looks = {tuple(name.split("/")): look for name, look in health.looks.items()}
    found = {key: look for key, look in looks.items() if look}
    labels = ("source", "family")
    yield Series(
        "look_timestamp_seconds", "When a family was last looked at.", labels,
        {key: look.started.timestamp() for key, look in found.items()},
    )  # fmt: skip
    yield Series(
        "last_success_timestamp_seconds", "When a family last could be read.", labels,
        {key: at.timestamp() for key, look in found.items() if (at := look.read_at)},
    )  # fmt: skip
    yield Series(
        "look_duration_seconds", "How long the last look at a family took.", labels,
        {key: look.took for key, look in found.items()},
    )  # fmt: skip
    yield Series(
        "look_unreadable", "1: the last look at a family could not be read.", labels,
        {key: float(bool(look.trouble)) for key, look in found.items()},
    )  # fmt: skip
    yield Series(
        "look_overdue", "1: a family was not read for run.max_age.", labels,
        {key: float("/".join(key) in health.unread) for key in looks},
    )  # fmt: skip


def _state(config: Config, health: Health, state: State, people: People) -> Iterator[Series]:
    now = health.now
    is_open = [one for one in state.incidents.values() if not one.ended and not one.settled]
    yield Series(
        "incidents_open", "Open problems.", ("source", "kind", "severity"),
        _counted((*one.thing.split("/", 2)[:2], one.severity) for one in is_open),
    )  # fmt: skip
    yield Series(
        "incidents_acknowledged", "Open problems that somebody has in hand.", (),
        _one(sum(people.acked(one.handle) for one in is_open)),
    )  # fmt: skip
    yield Series(
        "incident_oldest_timestamp_seconds", "When the oldest open problem began.", ("severity",),
        _oldest(is_open, lambda one: (one.severity,), lambda one: one.opened),
    )  # fmt: skip
    yield Series(
        "silences_active", "Silences in force.", (),
        _one(sum(holds(one, state, now) for one in people.silences.values())),
    )  # fmt: skip
    yield Series(
        "things", "Things known, by how they are.", ("source", "kind", "health"),
        things(config, state),
    )  # fmt: skip
    yield from _channels(config, health, state)


def _channels(config: Config, health: Health, state: State) -> Iterator[Series]:
    """By channel, not by row: a row's name may be somebody's address."""
    names: dict[Labels, float] = {(name,): 0.0 for name in config.channels}
    labels = ("channel",)
    yield Series(
        "outbox_waiting", "News that waits, for its time or for the channel.", labels,
        names | _counted((_channel(one.row),) for one in health.waiting),
    )  # fmt: skip
    yield Series(
        "outbox_overdue", "News that could not be delivered for run.max_age.", labels,
        names | _counted((_channel(one.row),) for one in health.overdue),
    )  # fmt: skip
    yield Series(
        "outbox_oldest_timestamp_seconds", "Since when the oldest of them waits.", labels,
        _oldest(health.waiting, lambda one: (_channel(one.row),), lambda one: one.since),
    )  # fmt: skip
    failures, parked = dict(names), dict(names)
    for row, channel in state.channels.items():
        key = (_channel(row),)
        failures[key] = max(failures.get(key, 0.0), channel.failures)
        parked[key] = max(parked.get(key, 0.0), float(bool(channel.parked)))
    yield Series("channel_failures", "Failures in a row.", labels, failures)
    yield Series("channel_parked", "1: it is tried but once a day.", labels, parked)
    yield Series(
        "messages_parked", "Messages that a person has to look at.", (),
        _one(sum(one.state == "parked" for one in state.messages.values())),
    )  # fmt: skip


def things(config: Config, state: State) -> dict[Labels, float]:
    """(source, kind, health) -> how many things are so, as today's configuration has it."""
    counts: Counter[Labels] = Counter()
    for key, known in state.things.items():
        source, kind = key.split("/", 1)
        classify = _classify(config, source, kind)
        for scope in known.scopes.values():
            for status, names in scope.statuses.items():
                counts[source, kind, classify(status)] += len(names)
    return dict(counts)


def _classify(config: Config, source: str, kind: str) -> Callable[[str], str]:
    settings = config.sources.get(source)
    module = sources.module(settings.type) if settings else None
    if module and kind in module.KINDS:
        return lambda word: module.classify(settings, kind, word)[0]
    if kind in pushed.KINDS:
        return lambda word: pushed.health_of(pushed.KINDS[kind], word)
    return lambda word: "ok" if word == "ok" else "down" if kind == "source" else "unknown"


def _channel(row: str) -> str:
    return row.split("/", 1)[0]


def _counted(keys: Iterable[Labels]) -> dict[Labels, float]:
    return {key: float(count) for key, count in Counter(keys).items()}


def _oldest(
    items: Iterable[T], key: Callable[[T], Labels], when: Callable[[T], datetime]
) -> dict[Labels, float]:
    oldest: dict[Labels, float] = {}
    for one in items:
        at = when(one).timestamp()
        oldest[key(one)] = min(at, oldest.get(key(one), at))
    return oldest
