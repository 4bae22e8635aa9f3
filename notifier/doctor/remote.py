"""The servers: each source is asked once what it is, each channel as far as nothing is sent."""

import importlib
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from notifier import deliver, secrets, sources
from notifier.config import Config
from notifier.dispatch import Post
from notifier.doctor.finding import Finding, bad, odd, secretless, well
from notifier.errors import SecretError
from notifier.escape import one_line
from notifier.poll import host_of
from notifier.settings import Destination, SourceSettings
from notifier.state import LookTime
from notifier.tables import Duration

# seconds for all that is asked together, and for one server
PATIENCE, EACH = 25.0, 10.0
# seconds by which two clocks may differ: news is then dated wrongly, and no more
APART = 30.0
FIXES = {
    "unreachable": "is the host up, and can this machine reach it? See url",
    "slow": "the host is busy, or something between drops packets; see timeout",
    "tls": "is it https at all? See url, ca_file, and whether the certificate is for this name",
    "refused": "see url and token",
    "sick": "look at the host's own log; or does url lead to something else, such as a login?",
}
Work = Callable[[], list[Finding]]


def servers(
    config: Config,
    looks: Mapping[str, LookTime],
    cursors: Mapping[str, Any],
    environ: Mapping[str, str],
    now: datetime,
) -> list[Finding]:
    """All of them side by side, one host one question at a time, within about PATIENCE seconds.

    `cursors` are what the sources remember of former looks.
    """
    # loaded here: threads that load parts of one another would find some of them half made
    for name in ("notifier.deliver.reachable", "notifier.sources._http"):
        importlib.import_module(name)
    deadline = time.monotonic() + PATIENCE
    found: list[Finding] = []
    hosts: dict[str, list[tuple[str, SourceSettings]]] = {}
    for name, settings in config.sources.items():
        rests = _resting(name, looks, now)
        if rests:
            found.append(rests)
        else:
            hosts.setdefault(host_of(name, settings), []).append((name, settings))
    work: dict[tuple[str, str], Work] = {}
    for host, some in hosts.items():
        work["sources", host] = lambda some=some: [  # type: ignore[misc]
            one
            for name, settings in some
            for one in _source(config, name, settings, cursors.get(name), deadline, environ)
        ]
    post = Post(config, environ, lambda: now, 0.0)
    for row, there in config.destinations().items():
        work["channels", row] = lambda there=there: [_channel(post, there)]  # type: ignore[misc]
    return [*found, *_side_by_side(work, deadline)]


def _resting(name: str, looks: Mapping[str, LookTime], now: datetime) -> Finding | None:
    """A source that is busy with an answer is left in peace."""
    rests = [look.rest_until for key, look in looks.items() if key.split("/")[0] == name]
    until = max((rest for rest in rests if rest), default=None)
    if until is None or until <= now:
        return None
    said = f"rests after a slow answer until {until:%H:%M:%S} UTC, and is not asked"
    return odd("sources", name, said, "notifier doctor after that")


def _side_by_side(work: Mapping[tuple[str, str], Work], deadline: float) -> list[Finding]:
    """What each found, in order; a thread that is late is left behind, and that is a finding."""
    done: dict[tuple[str, str], list[Finding]] = {}

    def run(key: tuple[str, str], one: Work) -> None:
        try:
            done[key] = one()
        except Exception as error:
            # a fault of ours in one must not hide the others; its text may hold a secret
            where = traceback.extract_tb(error.__traceback__)[-1]
            said = f"a bug: {type(error).__name__} in {where.filename}, line {where.lineno}"
            done[key] = [bad(*key, said, "report it")]

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in work.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()) + 0.5)
    late = "no answer in time"
    return [one for key in work for one in done.get(key, [bad(*key, late, FIXES["slow"])])]


def _source(
    config: Config,
    name: str,
    settings: SourceSettings,
    cursor: Any,
    deadline: float,
    environ: Mapping[str, str],
) -> list[Finding]:
    about: Any = getattr(sources.module(settings.type), "about", None)
    if about is None:
        said = f"a source of type {settings.type} cannot say what it is"
        return [odd("sources", name, said, f"notifier check --dry-run --source {name}")]
    try:
        settings = secrets.revealed(settings, environ)
    except SecretError as error:
        return [secretless("sources", name, "token", error, "see the secrets above")]
    if hasattr(settings, "timeout"):
        settings = replace(settings, timeout=Duration(min(settings.timeout, EACH)))
    with sources.connect(settings, config.run.redact) as http:
        try:
            said = one_line(about(settings, http, cursor, min(deadline, time.monotonic() + EACH)))
        except sources.LookFailed as failed:
            return [bad("sources", name, one_line(failed.reason), FIXES[failed.why])]
        found = [well("sources", name, said[:200])]
        # what is read from files has no clock
        ahead = getattr(http, "ahead", None)
        return found if ahead is None else [*found, _clock(name, ahead)]


def _clock(name: str, ahead: float) -> Finding:
    # the header has whole seconds, and was on its way for a moment
    apart = abs(ahead)
    if apart <= APART:
        return well("clock", name, "its clock and ours agree")
    how = "ahead of" if ahead > 0 else "behind"
    said = f"its clock is {apart:,.0f} s {how} ours"
    return odd("clock", name, said, "set both by NTP: times in messages and windows go by them")


def _channel(post: Post, there: Destination) -> Finding:
    try:
        resolved = post.resolved(there)
    except SecretError as error:
        return secretless("channels", there.row, "secret", error, "see the secrets above")
    reached = deliver.reach(resolved, EACH)
    if reached.well is None:
        return odd("channels", there.row, reached.said, f"notifier channel test {there.channel}")
    if reached.well:
        return well("channels", there.row, reached.said)
    key = {"email": "smtp, smtp_user and smtp_password"}.get(there.settings.kind)
    return bad(
        "channels", there.row, reached.said, f"see {key or there.settings.kind} of this channel"
    )
