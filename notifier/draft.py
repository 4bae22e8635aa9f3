"""A state in the making: cheap to begin, and identical to the old one where nothing changed."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from notifier.memory import State, Things, Watch
from notifier.model import ENDED, RANK, Event, EventType, Incident, Observation, Severity
from notifier.words import LEFT, UNWATCHED

# so many changes within the window are flapping
FLAPS = 3


class Draft:
    """Working copies of what diff changes, and the numbers that new handles and ids come from."""

    def __init__(self, state: State, now: datetime, flap_window: float = 3600.0) -> None:
        self.state = state
        self.now = now
        self.flap_window = timedelta(seconds=flap_window)
        self.counter = state.counter
        self.things: dict[str, Things] = dict(state.things)
        self.watched: dict[str, Watch] = dict(state.watched)
        self.incidents: dict[str, Incident] = dict(state.incidents)
        self.events: list[Event] = []
        self.open: dict[str, str] = {
            incident.thing: handle
            for handle, incident in state.incidents.items()
            if incident.ended is None
        }

    def done(self) -> State:
        """The new state without the new events; equal to the old one when nothing changed."""
        return replace(
            self.state,
            counter=self.counter,
            things=self.things,
            watched=self.watched,
            incidents=self.incidents,
        )

    def number(self) -> int:
        """The next number of the counter, which never goes back."""
        self.counter += 1
        return self.counter

    def incident(self, thing: str) -> Incident | None:
        """The incident of `thing` that has not ended."""
        handle = self.open.get(thing)
        return self.incidents[handle] if handle else None

    def changed(self, thing: str) -> bool:
        """Notes that a standing thing went bad or well; whether it is flapping by that."""
        watch = self.watched.get(thing, Watch(since=self.now))
        recent = [at for at in watch.changes if timedelta() <= self.now - at < self.flap_window]
        self.watched[thing] = replace(watch, looks=0, changes=(*recent, self.now))
        return len(recent) + 1 >= FLAPS

    def unwatch(self, thing: str) -> None:
        """Ends the counting of bad looks; when it lately changed stays known."""
        watch = self.watched.get(thing)
        if watch is not None and watch.changes:
            self.watched[thing] = replace(watch, looks=0)
        else:
            self.watched.pop(thing, None)

    def below(self, prefix: str) -> list[str]:
        """The things under `SOURCE/KIND/` that have an incident."""
        return [thing for thing in self.open if thing.startswith(prefix)]

    def say(
        self,
        kind: EventType,
        reason: str,
        thing: str,
        severity: Severity,
        *,
        incident: Incident | None = None,
        observation: Observation | None = None,
        before: str = "",
        text: str = "",
        covers: tuple[str, ...] = (),
    ) -> None:
        """Adds an event that was decided now."""
        self.events.append(
            Event(
                id=f"e{self.number()}",
                type=kind,
                at=self.now,
                reason=reason,
                thing=thing,
                severity=severity,
                incident=incident.handle if incident else "",
                observation=observation,
                before=before,
                opened=_began(incident) if incident else None,
                text=text,
                covers=covers,
            )
        )

    def open_incident(
        self, thing: str, observation: Observation, *, finite: bool, since: datetime | None = None
    ) -> Incident:
        """Opens the incident of `thing`, without a word."""
        incident = Incident(
            handle=f"i-{self.number()}",
            thing=thing,
            observation=observation,
            finite=finite,
            severity=observation.severity,
            opened=since or self.now,
            changed=self.now,
        )
        self.incidents[incident.handle] = incident
        self.open[thing] = incident.handle
        return incident

    def problem(
        self,
        thing: str,
        observation: Observation,
        *,
        finite: bool,
        before: str = "",
        since: datetime | None = None,
        reason: str | None = None,
    ) -> None:
        """Opens the incident of `thing` and says so."""
        incident = self.open_incident(thing, observation, finite=finite, since=since)
        self.say(
            "problem",
            reason or observation.health,
            thing,
            observation.severity,
            incident=incident,
            observation=observation,
            before=before,
        )

    def bad_again(self, incident: Incident, observation: Observation, reason: str) -> None:
        """An open incident grew worse, or the thing failed once more: news for everyone."""
        before = incident.observation.status
        worse = replace(
            incident,
            observation=observation,
            severity=observation.severity,
            changed=self.now,
            settled=None,
            stuck=False,
        )
        self.incidents[incident.handle] = worse
        self.say(
            "problem",
            reason,
            incident.thing,
            observation.severity,
            incident=worse,
            observation=observation,
            before=before,
        )

    def update(self, incident: Incident, observation: Observation) -> None:
        """What an open incident looks like now, without a word."""
        if incident.observation != observation:
            self.incidents[incident.handle] = replace(incident, observation=observation)

    def flap(self, incident: Incident, observation: Observation, before: str) -> None:
        """An incident that comes and goes: one word for that, and quiet until it is steady."""
        flapping = replace(incident, observation=observation, flapping=self.now)
        self.incidents[incident.handle] = flapping
        self.say(
            "flapping_start",
            "flapping",
            incident.thing,
            incident.severity,
            incident=flapping,
            observation=observation,
            before=before,
        )

    def end(
        self,
        incident: Incident,
        observation: Observation | None,
        reason: str,
        kind: EventType = "recovery",
    ) -> None:
        """Ends an incident; whoever was told of it is owed a word."""
        self.incidents[incident.handle] = ended = replace(incident, ended=self.now)
        del self.open[incident.thing]
        self.say(
            kind,
            reason,
            incident.thing,
            incident.severity,
            incident=ended,
            observation=observation or incident.observation,
            before=incident.observation.status,
        )

    def still_bad(self, incident: Incident) -> None:
        """It is steady again, and not well: the incident goes on."""
        worst = max(incident.severity, incident.observation.severity, key=lambda one: RANK[one])
        steady = replace(incident, flapping=None, severity=worst)
        self.incidents[incident.handle] = steady
        self.say(
            "flapping_end",
            "steady, not well",
            incident.thing,
            worst,
            incident=steady,
            observation=incident.observation,
            before=incident.observation.status,
        )

    def stuck(self, thing: str, observation: Observation, since: datetime) -> None:
        """Opens the incident of a finite thing that stays in one status too long."""
        shown = replace(observation, health="degraded", severity="warning")
        incident = self.open_incident(thing, shown, finite=True, since=since)
        self.incidents[incident.handle] = stuck = replace(incident, stuck=True)
        self.say("problem", "stuck", thing, "warning", incident=stuck, observation=shown)

    def unwatched(self, incident: Incident) -> None:
        """The thing is not looked at any more: an open one has its ending, a mere fact goes."""
        if incident.settled is None:
            self.end(incident, None, UNWATCHED)
        else:
            self.drop(incident)

    def drop(self, incident: Incident) -> None:
        """Without a trace of an incident that nobody is to be told anything more of."""
        del self.incidents[incident.handle]
        self.open.pop(incident.thing, None)

    def forget(self, incident: Incident) -> None:
        """The thing is gone: a stuck one has its ending, a settled fact has had its word."""
        if incident.stuck:
            self.end(incident, None, LEFT)


def worse(incident: Incident, observation: Observation) -> str:
    """Why what is seen now is news on an open incident; nothing when it is none."""
    if RANK[observation.severity] > RANK[incident.severity]:
        return "worse"
    return "failed again" if observation.attempt != incident.observation.attempt else ""


def _began(incident: Incident) -> datetime:
    """When the problem began: a failure knows that itself, everything else since it was seen."""
    fact = incident.finite and not incident.stuck
    return (incident.observation.ended if fact else None) or incident.opened


def began(observation: Observation, now: datetime) -> datetime:
    """Since when a standing thing is as it is now; never in the future, whatever a source says."""
    return min(observation.since or now, now)


def has_ended(health: str) -> bool:
    """Whether a finite thing of this health has ended, well or badly."""
    return health in ENDED
