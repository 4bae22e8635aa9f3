"""`status --nagios`: one line and an exit code, as the Monitoring Plugins guidelines have it."""

from collections import Counter
from collections.abc import Iterator, Sequence

from notifier.escape import one_line
from notifier.health import Health, failing
from notifier.model import Incident
from notifier.words import plural

OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3
WORDS = {OK: "OK", WARNING: "WARNING", CRITICAL: "CRITICAL", UNKNOWN: "UNKNOWN"}
# characters of the text, and things that it names
TEXT, NAMES = 500, 3
Verdict = tuple[int, str]


def line(code: int, text: str, performance: Sequence[str] = ()) -> str:
    """The one line. No text can end it, or begin the performance data, which follows a `|`."""
    said = one_line(text[: 4 * TEXT]).replace("|", "/")
    said = said if len(said) <= TEXT else f"{said[: TEXT - 3]}..."
    data = f" | {' '.join(performance)}" if performance else ""
    return f"NOTIFIER {WORDS[code]}: {said}{data}"


def unknown(why: str) -> str:
    """What cannot be said, and why."""
    return line(UNKNOWN, why)


def answer(
    health: Health, is_open: Sequence[Incident], max_age: float, damaged: str = ""
) -> Verdict:
    """The exit code and the line for all of Notifier. Worst first; the worst decides.

    Critical: an open critical problem, a family not read for `max_age` seconds, news undelivered
    for as long. Warning: an open warning, an unreadable family, news that failed and waits, a
    state that is `damaged`.
    """
    more: list[Verdict] = [(WARNING, damaged)] if damaged else []
    found = sorted([*_verdicts(health, is_open), *more], key=lambda one: -one[0])
    code = max((code for code, _ in found), default=OK)
    looks = plural(len(health.looks), "family").replace("familys", "families")
    text = "; ".join(text for _, text in found) or f"nothing is open, {looks} read"
    return code, line(code, text, list(_performance(health, is_open, max_age)))


def _verdicts(health: Health, is_open: Sequence[Incident]) -> Iterator[Verdict]:
    for severity, code in (("critical", CRITICAL), ("warning", WARNING), ("info", OK)):
        mine = [one for one in is_open if one.severity == severity]
        if mine:
            yield code, f"{len(mine)} open {severity} ({_named(mine)})"
    for name, why in health.unread.items():
        yield CRITICAL, f"{name} {why}"
    for name, look in health.looks.items():
        if look and look.trouble and name not in health.unread:
            yield WARNING, f"{name} could not be read: {look.trouble}"
    late = Counter(one.row.split("/", 1)[0] for one in health.overdue)
    for channel, count in late.items():
        yield CRITICAL, f"{count} overdue for {channel}"
    for channel, count in (_failed(health) - late).items():
        yield WARNING, f"{count} undelivered for {channel}"


def _failed(health: Health) -> Counter[str]:
    return Counter(one.row.split("/", 1)[0] for one in health.waiting if failing(one))


def of_thing(thing: str, status: str, is_open: Sequence[Incident]) -> Verdict:
    """The exit code and the line for one thing."""
    codes = {"critical": CRITICAL, "warning": WARNING, "info": OK}
    code = max((codes[one.severity] for one in is_open), default=OK)
    text = f"{thing} is {status}" + (f" ({_named(is_open)})" if is_open else "; nothing is open")
    return code, line(code, text, [perf("open", len(is_open), warn="0", least="0")])


def _named(incidents: Sequence[Incident]) -> str:
    names = [f"{one.observation.name}: {one.observation.status}" for one in incidents[:NAMES]]
    more = f" and {len(incidents) - NAMES} more" if len(incidents) > NAMES else ""
    return ", ".join(names) + more


def _performance(health: Health, is_open: Sequence[Incident], max_age: float) -> Iterator[str]:
    severities = Counter(one.severity for one in is_open)
    yield perf("open_critical", severities["critical"], crit="0", least="0")
    yield perf("open_warning", severities["warning"], warn="0", least="0")
    yield perf("waiting", len(health.waiting), least="0")
    yield perf("undelivered", _failed(health).total(), warn="0", least="0")
    yield perf("overdue", len(health.overdue), crit="0", least="0")
    for name, look in health.looks.items():
        read = look.read_at if look else None
        age = f"{max(0, int((health.now - read).total_seconds()))}s" if read else "U"
        yield perf(f"{name}_age", age, crit=f"{max_age:.0f}", least="0")


def perf(label: str, value: int | str, *, warn: str = "", crit: str = "", least: str = "") -> str:
    """`'label'=value[UOM];[warn];[crit];[min]`: names of ours, without a quote or an `=`."""
    return f"'{label}'={value};{warn};{crit};{least}"
