"""Things that are made up, to be routed or rendered: they look like those of the configuration."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from notifier import pushed, sources
from notifier.config import Config
from notifier.errors import ConfigError
from notifier.intake import kinds_for
from notifier.model import BAD, Event, Health, Kind, Observation, Severity
from notifier.spool import SOURCE as NAME
from notifier.tables import nearest

# words that some kind of some system calls a problem
WORDS = ("failed", "offline", "down", "unreachable", "lost", "dead")
# things of our own: the sources themselves, and the channels of the source `notifier`
SOURCE, CHANNEL = Kind("source", "nodes", finite=False), Kind("channel", "nodes", finite=False)
OURS: Mapping[str, tuple[str, Health, Severity]] = {
    "source": ("unreachable", "down", "critical"),
    "channel": ("failing", "down", "critical"),
}


def kinds(config: Config, source: str) -> Mapping[str, Kind]:
    """What a source shows, and what can be pushed in its name.

    Raises ConfigError where the name looks like a slip, or can be nobody's.
    """
    if source == "notifier":
        return {"channel": CHANNEL}
    near = nearest(source, config.sources)
    if source not in config.sources and (near or not NAME.fullmatch(source)):
        raise ConfigError(f"no source is named '{source}'{near}")
    settings = config.sources.get(source)
    own = sources.module(settings.type).KINDS if settings else {}
    # its own first: of these one is meant where none is named
    return {**own, **kinds_for(config, source), "source": SOURCE}


def seen(config: Config, source: str, kind: str, status: str, ident: str) -> Observation:
    """A thing as that source would show it; without a status, in the first that is a problem."""
    word, health, severity = OURS.get(kind) or _bad(config, source, kind)
    if status and kind not in OURS:
        word, (health, severity) = status, _means(config, source, kind, status)
    return Observation(
        kind=kind, id=ident, name=ident, status=word, health=health, severity=severity
    )


def _bad(config: Config, source: str, kind: str) -> tuple[str, Health, Severity]:
    """A word that is a problem there; where none of the usual ones is, it is bad all the same."""
    for word in WORDS:
        health, severity = _means(config, source, kind, word)
        if health in BAD:
            return word, health, severity
    ends = kinds(config, source)[kind].finite
    return ("failed", "failed", "critical") if ends else ("down", "down", "critical")


def _means(config: Config, source: str, kind: str, word: str) -> pushed.Meaning:
    settings = config.sources.get(source)
    module = sources.module(settings.type) if settings else None
    if module and kind in module.KINDS:
        return module.classify(settings, kind, word)
    return pushed.meaning(pushed.KINDS[kind], word)


def example(config: Config, now: datetime) -> list[Event]:
    """A failure of each kind that the first source shows, those that end on what stands."""
    source = next(iter(config.sources))
    known = list(sources.module(config.sources[source].type).KINDS.values())
    standing = next((kind for kind in known if not kind.finite and kind.family == "nodes"), None)
    place = "gpu-02" if standing else ""
    events = []
    for number, kind in enumerate(sorted(known, key=lambda one: one.finite), 1):
        ident = place if kind is standing else f"{kind.name}-{number}"
        one = replace(
            seen(config, source, kind.name, "", ident),
            node=place,
            part_of=f"{standing.name}/{place}" if standing and kind is not standing else "",
            message="made up, to show how a message looks",
            owner="" if kind is standing else "anna",
            ended=now - timedelta(minutes=2) if kind.finite else None,
        )
        events.append(
            Event(
                id=f"e{number}", type="problem", at=now, reason=one.health,
                thing=f"{source}/{kind.name}/{ident}", severity=one.severity, observation=one,
                incident=f"i-{number}", opened=now - timedelta(minutes=2),
            )
        )  # fmt: skip
    return events
