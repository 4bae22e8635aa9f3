"""Looks at the selected sources side by side, one host one request at a time, kindly.

What is not asked now, and why, is said: not due yet, resting after a slow answer, just looked at.
"""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from notifier import secrets, sources
from notifier.config import Config
from notifier.errors import SecretError
from notifier.look import Look
from notifier.memory import State
from notifier.model import ENDED, SOURCE_WIDE, Family, Frozen, Kind, Snapshot, Unreadable
from notifier.settings import SourceSettings
from notifier.state import LookTime

# an answer slower than this many seconds earns a pause of this many times what it took
SLOW, PAUSE = 5.0, 10.0
FAMILIES: tuple[Family, ...] = ("nodes", "tasks")


class Wish(Frozen, frozen=True, kw_only=True):
    """What a run was asked to look at. `force`: also what `every` says is not due yet."""

    families: frozenset[Family] = frozenset(FAMILIES)
    sources: tuple[str, ...] = ()
    force: bool = False


class Polled(msgspec.Struct, kw_only=True):
    """What came of it. `said` are lines for the person; `unread`: something is not readable."""

    looks: list[Look] = []
    cursors: dict[str, Any] = {}
    times: dict[str, LookTime] = {}
    said: list[str] = []
    unread: bool = False


class _Task(msgspec.Struct, kw_only=True):
    """One source to be asked for some families, and what it answered."""

    name: str
    settings: SourceSettings
    families: list[Family]
    follow: dict[str, frozenset[str]]
    cursor: Any
    answers: dict[Family, tuple[list[Snapshot | Unreadable], datetime, float]] = {}


def poll(
    config: Config,
    state: State,
    times: Mapping[str, LookTime],
    wish: Wish,
    *,
    since: datetime | None,
    budget: float,
    now: datetime,
    environ: Mapping[str, str],
) -> Polled:
    """Asks every selected source for every family that is due, within `budget` seconds.

    `since`: this run had to wait for another one's lock, and takes what was looked at since then
    as its own. Never raises for anything that a server can do.
    """
    done = Polled(cursors=dict(state.cursors), times=dict(times))
    tasks = []
    for name in wish.sources or tuple(config.sources):
        settings = config.sources[name]
        due = _due(name, settings, wish, since, now, done)
        if due:
            cursor = state.cursors.get(name)
            tasks.append(
                _Task(
                    name=name,
                    settings=settings,
                    families=due,
                    follow=follow(state, name, settings),
                    cursor=cursor,
                )
            )
    _side_by_side(config, tasks, time.monotonic() + budget, now, environ)
    for task in tasks:
        _gather(task, done, now)
    # what changes and is no problem is worth an event only where somebody wants to hear of it
    changes = any("change" in route.events and route.channels for route in config.routes)
    done.looks = [replace(look, changes=changes) for look in done.looks]
    return done


def kinds_of(config: Config) -> dict[str, str]:
    """SOURCE/KIND -> family, for every configured source."""
    return {
        f"{name}/{kind.name}": kind.family
        for name, settings in config.sources.items()
        for kind in sources.module(settings.type).KINDS.values()
    }


def families_of(config: Config) -> list[str]:
    """SOURCE/FAMILY for all that is to be looked at, in order."""
    found = {f"{key.split('/')[0]}/{family}" for key, family in kinds_of(config).items()}
    return sorted(found)


def _due(
    name: str,
    settings: SourceSettings,
    wish: Wish,
    since: datetime | None,
    now: datetime,
    done: Polled,
) -> list[Family]:
    """The families of a source to ask for now. Says why another is not."""
    known = {kind.family for kind in sources.module(settings.type).KINDS.values()}
    due: list[Family] = []
    for family in FAMILIES:
        last = done.times.get(f"{name}/{family}")
        if family not in wish.families or family not in known:
            continue
        if last is None or last.started > now:
            due.append(family)
            continue
        next_look = last.started + timedelta(seconds=settings.every.get(family, 0.0))
        if since is not None and last.started >= since:
            done.unread |= bool(last.trouble)
        elif last.rest_until and now < last.rest_until:
            done.unread |= bool(last.trouble)
            done.said.append(
                f"{name}: {family} not asked before {last.rest_until:%H:%M:%S} UTC: "
                f"the last answer took {last.took:.0f} s"
            )
        elif now < next_look and not wish.force:
            done.unread |= bool(last.trouble)
            done.said.append(f"{name}: {family} are due at {next_look:%H:%M:%S} UTC (every)")
        else:
            due.append(family)
    return due


def follow(state: State, name: str, settings: SourceSettings) -> dict[str, frozenset[str]]:
    """kind -> ids that are owed an ending or had not ended when last seen."""
    prefix = f"{name}/"
    follow = {
        kind.name: _active(state, name, settings, kind)
        for kind in sources.module(settings.type).KINDS.values()
        if kind.finite
    }
    for incident in state.incidents.values():
        if incident.thing.startswith(prefix) and incident.ended is None:
            _, kind, ident = incident.thing.split("/", 2)
            follow.setdefault(kind, set()).add(ident)
    return {kind: frozenset(ids) for kind, ids in follow.items()}


def _active(state: State, name: str, settings: SourceSettings, kind: Kind) -> set[str]:
    module = sources.module(settings.type)
    things = state.things.get(f"{name}/{kind.name}")
    return {
        ident
        for scope in (things.scopes.values() if things else ())
        for status, ids in scope.statuses.items()
        if module.classify(settings, kind.name, status)[0] not in ENDED
        for ident in ids
    }


def host_of(name: str, settings: SourceSettings) -> str:
    """HOST:PORT of a source, which is asked one thing at a time; its name where it has none."""
    return urlsplit(getattr(settings, "url", "")).netloc.rpartition("@")[2] or name


def _side_by_side(
    config: Config,
    tasks: Sequence[_Task],
    deadline: float,
    now: datetime,
    environ: Mapping[str, str],
) -> None:
    """One thread per host; a thread that outlives the deadline is left behind."""
    hosts: dict[str, list[_Task]] = {}
    for task in tasks:
        hosts.setdefault(host_of(task.name, task.settings), []).append(task)

    def ask_all(mine: Sequence[_Task]) -> None:
        for task in mine:
            _ask(config, task, deadline, now, environ)

    if len(hosts) == 1:
        ask_all(tasks)
        return
    threads = [
        threading.Thread(target=ask_all, args=(mine,), daemon=True) for mine in hosts.values()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()) + 0.5)


def _ask(
    config: Config, task: _Task, deadline: float, now: datetime, environ: Mapping[str, str]
) -> None:
    """Asks one source for its families in turn; the second is spared a host that is gone."""
    module = sources.module(task.settings.type)
    try:
        settings = secrets.revealed(task.settings, environ)
    except SecretError as error:
        for family in task.families:
            refused = Unreadable(family=family, why="refused", reason=f"secret {error}")
            task.answers[family] = ([refused], now, 0.0)
        return
    with sources.connect(settings, config.run.redact) as http:
        for family in task.families:
            want = frozenset(kind.name for kind in module.KINDS.values() if kind.family == family)
            began = time.monotonic()
            results, task.cursor = module.poll(
                settings, http, task.cursor, want, task.follow, deadline, now
            )
            task.answers[family] = (results, now, time.monotonic() - began)
            if any(isinstance(one, Unreadable) and one.why in SOURCE_WIDE for one in results):
                break


def _gather(task: _Task, done: Polled, now: datetime) -> None:
    """Turns the answers of one source into a look, and notes times, pauses and odd rows."""
    answers = dict(task.answers)
    results: list[Snapshot | Unreadable] = []
    for family in task.families:
        if family not in answers:
            if any(isinstance(one, Unreadable) and one.why in SOURCE_WIDE for one in results):
                continue
            late = Unreadable(family=family, why="slow", reason="no answer before the deadline")
            answers[family] = ([late], now, SLOW)
        found, started, took = answers[family]
        results += found
        trouble = next((one.reason for one in found if isinstance(one, Unreadable)), "")
        rest = started + timedelta(seconds=took * (1 + PAUSE)) if took >= SLOW else None
        before = done.times.get(f"{task.name}/{family}")
        done.times[f"{task.name}/{family}"] = LookTime(
            started=started,
            took=round(took, 3),
            rest_until=rest,
            trouble=trouble,
            read=before.read_at if trouble and before else None,
        )
        done.unread |= bool(trouble)
        done.said += [
            f"{task.name}: {note}"
            for one in found
            if isinstance(one, Snapshot)
            for note in one.notes
        ]
        if rest:
            done.said.append(
                f"{task.name}: {family} took {took:.0f} s; not asked again before "
                f"{rest:%H:%M:%S} UTC"
            )
        if trouble:
            done.said.append(f"{task.name}: {family} cannot be read: {trouble}")
    if task.cursor is not None:
        done.cursors[task.name] = task.cursor
    done.looks.append(look_of(task.name, task.settings, task.families, results))


def look_of(
    name: str,
    settings: SourceSettings,
    families: Iterable[Family],
    results: Iterable[Snapshot | Unreadable],
) -> Look:
    """What was seen of a source, to be read by these settings."""
    module = sources.module(settings.type)
    return Look(
        source=name,
        kinds=module.KINDS,
        classify=lambda kind, status: module.classify(settings, kind, status),
        families=frozenset(families),
        results=tuple(results),
        ignore=settings.ignore,
        stuck_after=settings.stuck_after,
    )
