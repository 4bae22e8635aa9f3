"""Random histories against a reference model: whoever heard of a problem hears of its end.

The model (reference_model.py) knows what each look showed; this file knows what people decided
and what arrived. `python tests/test_histories.py STEPS` is the long run.
"""

import sys
import time
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace
from reference_model import HOUR, Model
from world import HEALTHS, KINDS, NOON, World, config, doubtful, listing, refuses, thing

from notifier import outbox, route, settle
from notifier.config import Config
from notifier.memory import State
from notifier.model import Event, Snapshot, Unreadable
from notifier.people import Ack, People, Silence
from notifier.run import decide
from notifier.settings import Route, Window
from notifier.tables import Duration

ROWS = ("ops", "chat")
NEVER = 1 << 30
# at which point between two commits a run is killed: mostly at none
KILLS = st.sampled_from((NEVER, NEVER, NEVER, NEVER, 0, 1, 2, 3, 4, 5, 6))
STATUSES = {
    "task": ("running", "pending", "failed", "lost", "killed", "completed", "cancelled"),
    "build": ("running", "failed", "completed"),
    "node": ("online", "offline", "slow"),
    "job": ("online", "offline", "running"),
    "machine": ("online", "offline"),
    "host": ("online", "offline", "slow"),
}
# what is listed: (kind, scope) -> ids; of two kinds there are two scopes, each read on its own
LISTED = {
    ("task", ""): ("1", "2", "3"),
    ("build", "x"): ("x1", "x2"),
    ("build", "y"): ("y1", "y2"),
    ("job", ""): ("1", "2"),
    ("node", ""): ("1", "2", "3"),
    ("machine", "east"): ("e1", "e2"),
    ("machine", "west"): ("w1", "w2"),
}
HOSTS = ("1", "2", "3")
NIGHT = {"night": Window(begin="22:00", to="07:00", timezone="Europe/Berlin")}
BOTH = list(ROWS)
LATER = Duration(3600)
CONFIGS: dict[str, Config] = {
    "plain": config(ROWS),
    "single": config(ROWS, [Route(name="a", channels=BOTH, digest="event", max_items=2)]),
    "reminds": config(ROWS, [Route(name="a", channels=BOTH, remind=[LATER, Duration(7200)])]),
    "held": config(ROWS, [Route(name="a", channels=BOTH, hold=["night"])], windows=NIGHT),
    "no flapping": config(ROWS, [Route(name="a", channels=BOTH, events=["problem", "recovery"])]),
    "escalates": config(
        ROWS,
        [
            Route(name="a", channels=["ops"]),
            Route(name="b", channels=["chat"], escalate_after=LATER),
        ],
    ),
    "split": config(
        ROWS,
        [
            Route(name="a", match={"kind": "task"}, channels=BOTH, digest="group"),
            Route(name="b", not_match={"kind": "task"}, channels=BOTH),
        ],
    ),
    "by weight": config(
        ROWS,
        [
            Route(name="m", match={"severity": "warning"}, channels=["chat"]),
            Route(name="c", match={"severity": "critical"}, channels=["ops"]),
        ],
    ),
    "no endings": config(
        ROWS,
        [
            Route(name="q", channels=["chat"], recovery=False),
            Route(name="a", channels=["ops"]),
        ],
    ),
    "no hosts": config(
        ROWS,
        [Route(name="x", match={"kind": "host"}, channels=[]),
         Route(name="a", not_match={"kind": "host"}, channels=BOTH)],
    ),
}  # fmt: skip
ANSWERS = {
    "well": None,
    "refuses": refuses(),
    "asks to wait": refuses("http 429", retry_after=5000.0),
    "doubtful": doubtful,
    "wrong password": refuses("auth 535", outcome="parked", blame="channel"),
    "dislikes it": refuses("http 413", outcome="parked", blame="content"),
}


def is_problem(event: Event) -> bool:
    return event.type in ("problem", "flapping_start")


class Histories(RuleBasedStateMachine):
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.world = World(CONFIGS["plain"])
        self.world.stuck_after = {"pending": 3600.0}
        self.named = "plain"
        self.model = Model()
        self.truth = {
            where: dict.fromkeys(names, (STATUSES[where[0]][0], ""))
            for where, names in LISTED.items()
        }
        self.fresh = 10
        self.went_back = False
        self.silences: list[Silence] = []
        self.acked: set[str] = set()
        # handle -> thing; (row, handle) -> whether its end is owed there
        self.thing_of: dict[str, str] = {}
        self.owed: dict[tuple[str, str], bool] = {}
        # (row, event): what was decided and is not yet settled; what is an escalation; what was
        # in a silence for a while
        self.decided: dict[tuple[str, str], Event] = {}
        self.escalated: set[tuple[str, str]] = set()
        self.hushed: set[tuple[str, str]] = set()
        # what arrived: row -> keys; (row, event) -> keys; (row, handle) -> endings; (row, handle)
        # of which the row heard and not that it is over; (row, thing) -> when anything came; how
        # much was counted
        self.keys: dict[str, set[str]] = {}
        self.under: dict[tuple[str, str], list[str]] = {}
        self.endings: dict[tuple[str, str], set[str]] = {}
        self.belief: set[tuple[str, str]] = set()
        self.moments: dict[tuple[str, str], list[datetime]] = {}
        self.counted = 0
        self.asked: dict[str, int] = {}
        # (row, handle) of what was tried, so that it may have arrived
        self.tried: set[tuple[str, str]] = set()
        self.tried_so_far = 0

    @initialize(
        lost=st.booleans(),
        name=st.sampled_from(sorted(CONFIGS)),
        pagers=st.sampled_from(((), ("chat",), ROWS)),
    )
    def first_look(self, lost: bool, name: str, pagers: tuple[str, ...]) -> None:
        self.world.keyed = frozenset(pagers)
        self.named, self.world.config = name, CONFIGS[name]
        if lost:
            self.truth["task", ""]["1"] = ("lost", "")
            self.truth["node", ""]["2"] = ("offline", "")
        self.look(dict.fromkeys(LISTED, "whole"), hidden=set(), kill=NEVER)

    # ---- what happens ---------------------------------------------------------------------

    @rule(data=st.data(), times=st.integers(1, 3))
    def something_changes(self, data: st.DataObject, times: int) -> None:
        for _ in range(times):
            where = data.draw(st.sampled_from(sorted(LISTED)))
            name = data.draw(st.sampled_from(sorted(self.truth[where])))
            attempt = data.draw(st.sampled_from(("", "2"))) if KINDS[where[0]].attempts else ""
            self.truth[where][name] = (data.draw(st.sampled_from(STATUSES[where[0]])), attempt)

    @rule(status=st.sampled_from(STATUSES["task"]))
    def a_task_is_new(self, status: str) -> None:
        self.fresh += 1
        self.truth["task", ""][str(self.fresh)] = (status, "")

    @rule()
    def what_has_ended_leaves_the_list(self) -> None:
        tasks = self.truth["task", ""]
        for name in [
            one for one in tasks if HEALTHS[tasks[one][0]] in ("ok", "failed", "cancelled")
        ]:
            if len(tasks) > 1:
                del tasks[name]

    @rule(where=st.sampled_from((("task", ""), ("node", ""))), data=st.data())
    def the_source_gets_another_database(self, where: tuple[str, str], data: st.DataObject) -> None:
        statuses = data.draw(st.lists(st.sampled_from(STATUSES[where[0]]), min_size=1, max_size=2))
        self.truth[where] = {}
        for status in statuses:
            self.fresh += 1
            self.truth[where][str(self.fresh)] = (status, "")
        for kill in (0, NEVER, NEVER):
            self.look({where: "whole"}, hidden=set(), kill=kill)
            self.what_arrives_may()
            self.world.later(minutes=1)

    @rule(minutes=st.sampled_from((1, 20, 61, 61, 300)), kill=KILLS)
    def everything_is_looked_at(self, minutes: int, kill: int) -> None:
        self.time_passes(minutes)
        self.look(dict.fromkeys(LISTED, "whole"), hidden=set(), kill=kill)

    @rule(
        how=st.dictionaries(
            st.sampled_from(sorted(LISTED)),
            st.sampled_from(("whole", "part", "part", "sick", "slow")),
            min_size=1,
        ),
        hidden=st.sets(st.sampled_from(("1", "2", "x1", "y1", "e1", "w1", "w2")), max_size=3),
        kill=KILLS,
    )
    def look(self, how: dict[tuple[str, str], str], hidden: set[str], kill: int) -> None:
        results: list[Snapshot | Unreadable] = []
        shown: list[tuple[tuple[str, str], dict[str, tuple[str, str]], bool]] = []
        parts = {"river": True}
        for (kind, scope), what in how.items():
            family, label = KINDS[kind].family, f"/{scope}" if scope else ""
            if what in ("sick", "slow"):
                results.append(Unreadable(family=family, why=what, reason="no", scope=scope))
                parts[f"{family}{label}"] = False
                continue
            parts.setdefault(f"{family}{label}", True)
            rows = self._rows((kind, scope), hidden, what)
            complete = what == "whole" and (
                kind == "machine" or rows.keys() == self.truth[kind, scope].keys()
            )
            shown.append(((kind, scope), rows, complete))
            seen = {name: self.shown(kind, name, *one) for name, one in rows.items()}
            results.append(listing(kind, seen, complete=complete, scope=scope))
        for name in [one for one, well in parts.items() if not well and "/" in one]:
            if parts.get(name.partition("/")[0]) is False:
                # where the whole family cannot be read, a scope of it is no cause of its own
                del parts[name]
        before, were_open = self.world.state, self.model.open()
        untold = {self.thing_of[h] for one in before.events.values() for h in one.incidents}
        self.world.run(*results, kill=kill)
        if self.world.state is before and kill != NEVER:
            return
        now = self.world.now
        self.model.source(parts, now)
        looked = {f"river/source/{name}" for name in parts}
        for (kind, scope), rows, complete in sorted(
            shown, key=lambda one: not KINDS[one[0][0]].finite
        ):
            looked |= self.model.listing(kind, scope, rows, complete, now, untold)
        self.took_in(looked, were_open)

    def _rows(
        self, where: tuple[str, str], hidden: set[str], what: str
    ) -> dict[str, tuple[str, str]]:
        """What a look shows: of a part, some are hidden, but nothing that has ended."""
        there = self.truth[where]
        if what == "whole" and where[0] != "machine":
            return dict(there)
        ended = ("failed", "ok", "cancelled") if KINDS[where[0]].finite else ()
        return {
            name: one
            for name, one in there.items()
            if name not in hidden or HEALTHS[one[0]] in ended
        }

    def shown(self, kind: str, name: str, status: str, attempt: str) -> object:
        part = "node/1" if kind == "task" and name in ("1", "2") else ""
        return thing(kind, name, status, part_of=part, attempt=attempt)

    @rule(kill=KILLS)
    def the_source_cannot_be_reached(self, kill: int) -> None:
        before, were_open = self.world.state, self.model.open()
        self.world.run(
            Unreadable(family="tasks", why="unreachable", reason="refused"),
            Unreadable(family="nodes", why="unreachable", reason="refused"),
            kill=kill,
        )
        if self.world.state is not before or kill == NEVER:
            self.model.source({"river": False}, self.world.now)
            self.took_in({"river/source/river"}, were_open)

    @rule(
        changes=st.lists(
            st.tuples(st.sampled_from(HOSTS), st.sampled_from(STATUSES["host"])), max_size=3
        ),
        kill=KILLS,
    )
    def a_stream_brings(self, changes: list[tuple[str, str]], kill: int) -> None:
        observations = tuple(thing("host", name, status) for name, status in changes)
        before, were_open = self.world.state, self.model.open()
        self.world.run(replace(listing("host", {}), changes=observations), kill=kill)
        if self.world.state is before and kill != NEVER:
            return
        self.model.source({"river": True, "nodes": True}, self.world.now)
        looked = self.model.stream("host", changes, self.world.now)
        self.took_in(looked | {"river/source/river", "river/source/nodes"}, were_open)

    @rule()
    def a_run_that_looks_at_nothing(self) -> None:
        self.world.run()
        self.took_in(set(), self.model.open())

    @rule(row=st.sampled_from(ROWS), how=st.sampled_from(sorted(ANSWERS)), arrives=st.booleans())
    def a_channel_behaves(self, row: str, how: str, arrives: bool) -> None:
        self.world.arrives = arrives
        self.world.answers.pop(row, None)
        if ANSWERS[how]:
            self.world.answers[row] = ANSWERS[how]

    @rule(minutes=st.sampled_from((1, 5, 20, 61, 300, 1500)))
    def time_passes(self, minutes: int) -> None:
        if self.world.now < NOON + timedelta(days=20):
            self.world.later(minutes=minutes)

    @rule(hours=st.sampled_from((1, 30)))
    def the_clock_goes_back(self, hours: int) -> None:
        self.went_back = True
        self.world.later(hours=-hours)

    @rule(name=st.sampled_from(sorted(CONFIGS)))
    def the_configuration_changes(self, name: str) -> None:
        self.named, self.world.config = name, CONFIGS[name]

    @rule(
        kind=st.sampled_from(("", *sorted(STATUSES))), hours=st.integers(1, 5), until=st.booleans()
    )
    def somebody_silences(self, kind: str, hours: int, until: bool) -> None:
        """Or, without a kind, ends all silences."""
        if not kind:
            now = self.world.now
            self.silences = [replace(one, end=min(now, one.end)) for one in self.silences]
            made = {one.id: one for one in self.silences}
            self.world.people = replace(self.world.people, silences=made)
            return
        handles = tuple(
            handle
            for handle, one in self.world.state.incidents.items()
            if until and one.ended is None and one.thing.startswith(f"river/{kind}/")
        )
        now = self.world.now
        self.silences.append(
            Silence(
                id=f"s-{len(self.silences)}",
                begin=now,
                end=now + timedelta(hours=hours),
                author="eve",
                comment="x",
                things=(f"river/{kind}/*",),
                handles=handles,
            )
        )
        made = {one.id: one for one in self.silences}
        self.world.people = replace(self.world.people, silences=made)

    @rule()
    def somebody_takes_it_in_hand(self) -> None:
        living = [h for h, one in self.world.state.incidents.items() if one.ended is None]
        acks = {h: Ack(at=self.world.now, author="eve", comment="x") for h in living}
        self.acked.update(living)
        self.world.people = replace(self.world.people, acks={**self.world.people.acks, **acks})

    @rule(where=st.sampled_from(sorted(LISTED)), data=st.data())
    def somebody_lets_a_thing_be_forgotten(
        self, where: tuple[str, str], data: st.DataObject
    ) -> None:
        self.forgets(where, data.draw(st.sampled_from(sorted(self.truth[where]))))

    def forgets(self, where: tuple[str, str], name: str) -> None:
        (kind, scope), world = where, self.world
        before = world.state
        world.state = outbox.forgotten(before, f"river/{kind}/{name}", world.config, world.now)
        self.model.forget(kind, scope, name)
        self.note(one for name, one in world.state.events.items() if name not in before.events)

    @rule(row=st.sampled_from(ROWS))
    def somebody_tries_again(self, row: str) -> None:
        self.tries_again(row)

    def tries_again(self, row: str) -> None:
        self.asked[row] = self.asked.get(row, 0) + 1
        before = self.world.state
        self.world.state = outbox.retry(before, row)
        for name, event in before.events.items():
            for gone in event.to.keys() - self.world.state.events[name].to.keys():
                # of what may have arrived, only what is still true is said once more
                self.decided.pop((gone, name), None)
        self.note(one for name, one in self.world.state.events.items() if name not in before.events)

    @rule(row=st.sampled_from(ROWS))
    def somebody_drops_what_waits(self, row: str) -> None:
        self.drops(row)

    def drops(self, row: str) -> None:
        """Of what is dropped by hand nothing is owed any more."""
        before = self.world.state
        self.world.state = route.swept(outbox.drop(before, row=row), self.world.now)
        left = self.waiting()
        for name, event in before.events.items():
            if row in event.to and (row, name) not in left:
                self.decided.pop((row, name), None)
                if event.over:
                    self.belief.discard((row, event.incident))

    # ---- what is written down of it -------------------------------------------------------

    def took_in(self, looked: set[str], were_open: set[str]) -> None:
        """After a run that committed: it decided what the model says, and of nothing unseen."""
        news = self.world.decision.news().values()
        for event in news:
            own = event.thing.startswith("notifier/") or event.type == "summary"
            assert own or event.thing in looked, f"{event.type} {event.thing} without a look"
        self.note(news)
        now_open = self.model.open()
        for name in now_open - were_open:
            told = [e for e in news if is_problem(e) and e.thing == name]
            rows = {row for e in told for row in e.to}
            sums = [e for e in news for one in e.covers if self.thing_of[one] == name]
            named = {row for e in sums for row in e.to}
            wanted = self.audience(name, sums[0].severity if sums else "")
            # in a stream it may come and go, and grow worse, at once
            assert named | rows == wanted or len(told) > 1, (
                f"{name} is news for {wanted}, not {named | rows}"
            )
        for name in were_open - now_open:
            ends = [e for e in news if e.over and e.thing == name]
            fact = "/task/" in name and name not in self.model.things
            assert ends or fact, f"{name} is over and nobody says so"
        if Histories.steps % 5 == 0:
            self.same_inputs_give_equal_bytes()

    def audience(self, name: str, summary: str) -> set[str]:
        """Who is to hear of this problem, or of the summary (of this weight) that tells it."""
        if self.named == "by weight":
            severe = summary == "critical" or (not summary and self.model.things[name].severe)
            return {"ops"} if severe else {"chat"}
        if self.named == "no hosts" and "/host/" in name:
            return set()
        return set(ROWS)

    def same_inputs_give_equal_bytes(self) -> None:
        one = self.world.decision
        copied = msgspec.json.decode(msgspec.json.encode(one.before), type=State)
        state, due, _ = decide(
            one.config, settle.found_attempting(copied, one.now), one.looks, people=one.people,
            origin=one.origin, families=one.families, keyed=self.world.keyed, now=one.now,
        )  # fmt: skip
        assert msgspec.json.encode(state) == msgspec.json.encode(one.after)
        assert msgspec.json.encode(due) == msgspec.json.encode(one.due)

    def note(self, news: Iterable[Event]) -> None:
        for event in news:
            if event.incident:
                self.thing_of[event.incident] = event.thing
            for handle in event.covers:
                self.thing_of[handle] = self.world.decision.after.incidents[handle].thing
            for row, due in event.to.items():
                if event.type != "reminder":
                    self.decided[row, event.id] = event
                if due.at > event.at:
                    self.escalated.add((row, event.id))
                # the plan keeps what the route said when the row came into it
                for handle in event.incidents if not event.over else ():
                    owed = not (self.named == "no endings" and row == "chat")
                    self.owed.setdefault((row, handle), owed)

    def silent(self, name: str) -> bool:
        now, living = self.world.now, self.world.state.incidents
        return any(
            one.begin <= now < one.end
            and name.startswith(one.things[0][:-1])
            and (
                not one.handles or any(h in living and living[h].ended is None for h in one.handles)
            )
            for one in self.silences
        )

    def was_silent(self, event: Event) -> bool:
        """Whether a silence began and ended while the event waited, perhaps between two runs."""
        return any(
            one.begin <= self.world.now
            and event.at < one.end
            and event.thing.startswith(one.things[0][:-1])
            for one in self.silences
        )

    def waiting(self) -> dict[tuple[str, str], Event]:
        events = self.world.state.events.values()
        return {(row, event.id): event for event in events for row in event.to}

    # ---- what holds at every step ---------------------------------------------------------

    @invariant()
    def every_promise_holds(self) -> None:
        Histories.steps += 1
        self.what_arrives_may()
        self.nothing_is_repeated_but_under_its_key_and_at_most_twice()
        self.no_ending_comes_without_its_problem_or_twice()
        self.no_event_is_lost()
        self.whoever_heard_of_a_problem_hears_of_its_end_once_it_is_well()
        self.at_most_four_messages_in_any_hour_about_a_standing_thing()

    def what_arrives_may(self) -> None:
        """Counts what arrived since the last step: in no silence, reminding nobody who has it."""
        for row, events in self.world.risked[self.tried_so_far :]:
            self.tried |= {(row, one) for e in events if not e.over for one in e.incidents}
        self.tried_so_far = len(self.world.risked)
        sent, times = self.world.sent[self.counted :], self.world.times[self.counted :]
        for (row, message, events), at in zip(sent, times, strict=True):
            repeat = message.key in self.keys.setdefault(row, set())
            self.keys[row].add(message.key)
            for event in events:
                self.under.setdefault((row, event.id), []).append(message.key)
                if repeat:
                    continue
                quiet = message.tries == 1 and not event.over and event.type != "summary"
                assert not (quiet and self.silent(event.thing)), f"{event.id} came in a silence"
                taken = event.type == "reminder" and event.incident in self.acked
                assert not (taken and message.tries == 1), f"{event.id} is in somebody's hand"
                self._heard(row, event)
                if event.type != "summary":
                    self.moments.setdefault((row, event.thing), []).append(at)
        self.counted = len(self.world.sent)

    def _heard(self, row: str, event: Event) -> None:
        if event.over:
            self.endings.setdefault((row, event.incident), set()).add(event.id)
            self.belief.discard((row, event.incident))
        for handle in event.incidents if not event.over and event.type != "change" else ():
            late = (row, handle) in self.endings
            assert not late, f"{event.id} came to {row} after its ending"
            self.belief.add((row, handle))

    def nothing_is_repeated_but_under_its_key_and_at_most_twice(self) -> None:
        for (row, name), under in self.under.items():
            assert len(set(under)) == 1, f"{name} came to {row} under {under}"
            # a person who tries again asks for one more
            assert len(under) <= 3 + self.asked.get(row, 0), f"{name} came to {row} under {under}"

    def no_ending_comes_without_its_problem_or_twice(self) -> None:
        for (row, handle), names in self.endings.items():
            assert (row, handle) in self.tried, f"{row} never heard of {handle}, which ended"
            assert len(names) == 1, f"{handle} ended for {row} more than once: {names}"

    def no_event_is_lost(self) -> None:
        """What was decided waits or has arrived; dropped is only what nobody has to hear."""
        waiting = self.waiting()
        for (row, _), event in waiting.items():
            assert event.type != "reminder" or event.to[row].key, "reminders are not queued"
        for (row, name), event in list(self.decided.items()):
            if self.silent(event.thing) or self.was_silent(event):
                self.hushed.add((row, name))
            if (row, name) in waiting:
                continue
            del self.decided[row, name]
            if (row, name) in self.under:
                continue
            incident = self.world.state.incidents.get(event.incident)
            over = incident is None or incident.ended is not None
            acked = event.incident in self.acked and (row, name) in self.escalated
            unspoken = over and ((row, name) in self.hushed | self.escalated)
            ending = event.over and (row, event.incident) not in self.tried
            assert acked or unspoken or ending, f"{name} for {row} was lost: {event}"

    def whoever_heard_of_a_problem_hears_of_its_end_once_it_is_well(self) -> None:
        waits = {(row, one.incident) for (row, _), one in self.waiting().items() if one.over}
        living = {h for h, one in self.world.state.incidents.items() if one.ended is None}
        for row, handle in self.belief - waits:
            name = self.thing_of[handle]
            bad = handle in living and name in self.model.open()
            if bad or not name.startswith("river/") or self.fact_is_gone(name):
                continue
            owed = self.owed.get((row, handle), True)
            assert not owed, f"{row} is owed the end of {name}, {handle}"

    def fact_is_gone(self, name: str) -> bool:
        """Failures that left with their database are facts, and have had their word."""
        return name.startswith(("river/task/", "river/build/")) and name not in self.model.things

    def at_most_four_messages_in_any_hour_about_a_standing_thing(self) -> None:
        for (_, name), moments in self.moments.items() if not self.went_back else ():
            if name.startswith(("river/task/", "river/build/")):
                continue
            for start in set(moments):
                near = {at for at in moments if start <= at < start + HOUR}
                assert len(near) <= 4, f"{name}: {near}"

    # ---- and in the end, when all is calm -------------------------------------------------

    def teardown(self) -> None:
        world = self.world
        world.answers.clear()
        world.people = People(acks=world.people.acks)
        self.silences = []
        self.named, world.config = "plain", replace(CONFIGS["plain"])
        if world.now < NOON:
            world.now = NOON
        world.later(days=2)
        for _ in range(16):
            self.tries_again("ops")
            self.tries_again("chat")
            self.look(dict.fromkeys(LISTED, "whole"), hidden=set(), kill=NEVER)
            self.a_stream_brings(changes=[], kill=NEVER)
            self.every_promise_holds()
            world.later(minutes=10)
        assert not world.state.events, [e.id for e in world.state.events.values()]
        assert not world.state.messages


Histories.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestHistories = Histories.TestCase

# histories of one batch, and steps of one history
BATCH, LONG = 150, 50


def long_run(steps: int) -> None:
    """At least so many random steps, in batches with a new seed each; ends at what breaks.

    What breaks is shown as it was found: shortening it would take longer than finding another.
    """
    began, batches = time.monotonic(), 0
    while Histories.steps < steps:
        run_state_machine_as_test(
            Histories,
            settings=settings(
                max_examples=BATCH,
                stateful_step_count=LONG,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
        batches += 1
        took = time.monotonic() - began
        sys.stdout.write(f"{Histories.steps:,} steps in {batches} batches, {took:,.0f} s\n")
        sys.stdout.flush()
    sys.stdout.write("every promise held\n")


if __name__ == "__main__":
    long_run(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
