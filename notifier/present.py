"""Pure: how a thing stands now, why nobody was told of it, and what would make a difference."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from notifier.compose import Outlook
from notifier.config import Config
from notifier.look import Look
from notifier.model import BAD, Frozen, Incident, Observation
from notifier.rebuilt import read
from notifier.route import OWN
from notifier.story import Story
from notifier.telling import Part, handles_of, incident_now
from notifier.windows import ends
from notifier.words import Clock


class Present(Frozen, frozen=True, kw_only=True):
    """A thing as it stands: its status, how that is read today, and sentences for people."""

    thing: str
    status: str
    health: str
    finite: bool
    ignored: bool
    open: bool
    now: list[str]


def present(
    thing: str,
    status: str,
    seen: Observation | None,
    look: Look | None,
    outlook: Outlook,
    clock: Clock,
) -> Present:
    """How `thing` stands. `status` is empty where it is not known any more, `seen` is the last."""
    mine = handles_of(thing, outlook.state.incidents.values())
    kind, name = thing.split("/", 2)[1:]
    seen = mine[-1].observation if mine else seen
    shown = read(look, kind, name, status, seen) if look and status else seen
    lines = []
    if status and shown:
        health = "" if shown.health == status else f", which is read as {shown.health}"
        lines.append(f"{thing} is {status}{health}")
    elif status and kind in OWN:
        lines.append(f"{thing} is {status}")
    elif status:
        lines.append(f"{thing} is {status}; its source is not in the configuration")
    else:
        lines.append(f"{thing} is not known any more: no listing has it")
    for one in mine:
        lines.append(incident_now(one, clock))
        lines += _incident(one, outlook, clock)
    lines += _waiting(thing, outlook, clock)
    return Present(
        thing=thing,
        status=status,
        health=shown.health if shown else "",
        finite=bool(look and look.kinds[kind].finite),
        ignored=bool(look and shown and look.ignored(shown)),
        open=any(not (one.ended or one.settled) for one in mine),
        now=lines,
    )


def _incident(one: Incident, outlook: Outlook, clock: Clock) -> Iterator[str]:
    """Who has it in hand, and when the next reminders are due."""
    ack = outlook.people.acks.get(one.handle)
    if ack:
        yield f"{ack.author} has it in hand since {clock.time(ack.at)}: {ack.comment}"
    if one.ended or ack or (one.finite and not one.stuck):
        # a fact has no reminders
        return
    for row, plan in one.plan.items():
        pauses, last = outlook.there.route(plan.route).remind, plan.last or plan.told
        if pauses and last:
            pause = timedelta(seconds=pauses[min(plan.reminders, len(pauses) - 1)])
            yield f"{row}: reminded again at {clock.time(last + pause)}, if it is still bad then"


def _waiting(thing: str, outlook: Outlook, clock: Clock) -> Iterator[str]:
    """What waits, and until when."""
    for event in outlook.state.events.values():
        for row, due in event.to.items() if event.thing == thing else ():
            why = "being sent" if due.key else outlook.why(event, row)
            name = why.partition(" ")[2]
            until = ""
            if why == "escalation":
                until = f" until {clock.time(due.at)}"
            elif why.startswith("window "):
                window = outlook.config.windows[name]
                end = ends(window, outlook.now, outlook.config.run.timezone)
                until = f" until {clock.time(end)}"
            elif why.startswith("silence "):
                silence = outlook.people.silences[name]
                until = f" until {clock.time(silence.end)} ({silence.author}: {silence.comment})"
            channel = outlook.state.channels.get(row)
            why = why or (f"the channel fails: {channel.reason}" if channel else "")
            yield f"{row}: {event.type} {event.id} waits: {why or 'due at the next check'}{until}"


def unheard(one: Present, story: Story, config: Config, clock: Clock) -> list[str]:
    """Why there was never an event of this thing."""
    sights = story.sights.get(one.thing, [])
    buts = [(sight.at, sight.but) for sight in sights if sight.but]
    source, kind, _ = one.thing.split("/", 2)
    begins = [(at, it) for at, it in story.first if (it.source, it.kind) == (source, kind)]
    if one.ignored:
        return [f"`ignore` of source {source} fits it: it is seen, and never a problem"]
    if buts:
        last, but = buts[-1]
        return [f"{clock.time(last)}: {MEANING.get(but, but)}"]
    if one.health in BAD and not any(sight.how == "seen" for sight in sights):
        if begins:
            at = clock.time(begins[-1][0])
            return [
                f"it was so already at the first look ({at}), which counts and does not tell it"
            ]
        return ["it was so before the journal begins"]
    if one.health in BAD:
        return ["it is read as a problem by today's configuration, and was not when it became so"]
    if one.health:
        return [f"'{one.status}' is read as {one.health}, which is no problem"]
    return ["nothing was ever wrong with it that a look saw"]


MEANING = {
    "ignored": "`ignore` of its source fits it: it is seen, and never a problem",
    "below the floor": (
        "it had ended before what was already known (below the floor), so it is no news"
    ),
    "had failed before": "it had failed before already, and that was known",
}


def otherwise(one: Present, parts: Sequence[Part], config: Config) -> list[str]:
    """What would have made a difference, or would make one now."""
    found: dict[str, None] = {}
    for part in parts:
        for fate in part.rows:
            for line in _other(one, part, fate.end, fate.why, fate.row):
                found[line] = None
    if not parts and one.ignored:
        found["without that pattern in `ignore` it would be a problem like any other"] = None
    elif not parts and one.health in BAD:
        found['with first_run = "alert" a first look tells also what had failed before'] = None
    elif not parts and one.finite and one.health in ("ok", "cancelled"):
        source = one.thing.split("/", 1)[0]
        if hasattr(config.sources.get(source), "failed"):
            found[f"with '{one.status}' in `failed` of {source} it would be a failure"] = None
    return list(found)[:6]


def _other(one: Present, part: Part, end: str, why: str, row: str) -> Iterator[str]:
    if end in ("refused", "parked"):
        yield f"notifier outbox retry --channel {row} tries it now; outbox move sends it elsewhere"
    elif end == "waits" and "silence " in why:
        yield f"notifier silence expire {why.split('silence ')[1].split(' ')[0]} lets it go"
    elif end == "waits" and "window " in why:
        yield f"without {why.split(' (')[0]} in `hold` of its route it would not have waited"
    elif end == "unspoken" and "silence " in why:
        yield "without that silence it would have been told when it was found"
    elif end == "nothing" and ("wants" in why or "takes it" in why or "leaves out" in why):
        yield f"{row} would be told by a route that takes it, names {row} and stands first"
    elif end == "told" and part.type == "problem" and one.open and not one.finite:
        yield (
            f"notifier ack {part.incident} -m TEXT ends its reminders; notifier silence add "
            f"{one.thing} --for 2h -m TEXT keeps further news of it back"
        )
    elif end == "told" and part.type == "problem":
        yield (
            "`ignore` in its source, a silence, or an earlier route with channels = [] "
            "would have kept it back"
        )
