"""Random histories against a reference model: whoever heard of a problem hears of its end.

The model below is written plainly and on its own: it knows what each look saw and what arrived,
and nothing of how Notifier keeps its state. `python tests/test_histories.py STEPS` is the long run.
"""

import sys
from collections.abc import Iterable
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace
from world import HEALTHS, KINDS, NOON, World, config, doubtful, listing, refuses, thing

from notifier import outbox
from notifier.config import Config
from notifier.model import BAD, Event, Message, Snapshot, Unreadable
from notifier.people import Ack, People, Silence
from notifier.settings import Route, Window
from notifier.tables import Duration

ROWS = ("ops", "chat")
IDS = ("1", "2", "3")
STATUSES = {
    "task": ("running", "pending", "failed", "lost", "killed", "completed", "cancelled"),
    "node": ("online", "offline", "slow"),
    "job": ("online", "offline", "running"),
    "machine": ("online", "offline"),
    "host": ("online", "offline", "slow"),
}
LISTED = ("task", "node", "job", "machine")
HOUR = Duration(3600)
NIGHT = {"night": Window(begin="22:00", to="07:00", timezone="Europe/Berlin")}
CONFIGS: dict[str, Config] = {
    "plain": config(ROWS),
    "single": config(ROWS, [Route(name="a", channels=list(ROWS), digest="event", max_items=2)]),
    "reminds": config(ROWS, [Route(name="a", channels=list(ROWS), remind=[HOUR, Duration(7200)])]),
    "held": config(ROWS, [Route(name="a", channels=list(ROWS), hold=["night"])], windows=NIGHT),
    "no flapping": config(
        ROWS, [Route(name="a", channels=list(ROWS), events=["problem", "recovery"])]
    ),
    "escalates": config(
        ROWS,
        [
            Route(name="a", channels=["ops"]),
            Route(name="b", channels=["chat"], escalate_after=HOUR),
        ],
    ),
    "split": config(
        ROWS,
        [
            Route(name="a", match={"kind": "task"}, channels=list(ROWS), digest="group"),
            Route(name="b", not_match={"kind": "task"}, channels=list(ROWS)),
        ],
    ),
}
ANSWERS = {
    "well": None,
    "refuses": refuses(),
    "asks to wait": refuses("http 429", retry_after=5000.0),
    "doubtful": doubtful,
    "wrong password": refuses("auth 535", outcome="parked", blame="channel"),
    "dislikes it": refuses("http 413", outcome="parked", blame="content"),
}


def is_ending(event: Event) -> bool:
    return event.type == "recovery" or (event.type == "flapping_end" and event.reason == "steady")


def is_problem(event: Event) -> bool:
    return event.type in ("problem", "flapping_start")


class Model:
    """What anybody could write down who watched the looks: one line per thing."""

    def __init__(self) -> None:
        self.status: dict[str, str] = {}
        self.bad_looks: dict[str, int] = {}
        self.bad: dict[str, bool] = {}
        self.known_kinds: set[str] = set()

    def saw(self, kind: str, ids: dict[str, str], *, complete: bool) -> None:
        first = kind not in self.known_kinds
        self.known_kinds.add(kind)
        for ident, status in ids.items():
            self._one(kind, f"river/{kind}/{ident}", status, first)
        if kind == "machine" and complete and not first:
            known = [name for name in self.status if name.startswith("river/machine/")]
            for name in known:
                if name.rsplit("/", 1)[1] not in ids:
                    self._standing(name, bad=True, need=2)

    def _one(self, kind: str, name: str, status: str, first: bool) -> None:
        health, before = HEALTHS[status], self.status.get(name)
        self.status[name] = status
        if kind == "task":
            known_failed = before is not None and HEALTHS[before] == "failed"
            if health == "failed" and not first and not known_failed:
                self.bad[name] = True
            elif health == "ok":
                self.bad[name] = False
        elif health in BAD:
            self._standing(name, bad=True, need=1 if first else KINDS[kind].confirm)
        elif health == "ok":
            self._standing(name, bad=False, need=1)

    def _standing(self, name: str, *, bad: bool, need: int) -> None:
        if not bad:
            self.bad_looks[name] = 0
            self.bad[name] = False
            return
        self.bad_looks[name] = self.bad_looks.get(name, 0) + 1
        if self.bad_looks[name] >= need:
            self.bad[name] = True


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World(CONFIGS["plain"])
        self.model = Model()
        self.truth = {kind: dict.fromkeys(IDS, words[0]) for kind, words in STATUSES.items()}
        self.silences = 0
        self.acked: set[str] = set()
        self.escalated = False
        self.went_back = False

    @initialize(lost=st.booleans())
    def first_look(self, lost: bool) -> None:
        if lost:
            self.truth["task"]["1"] = "lost"
            self.truth["node"]["2"] = "offline"
        self.look(LISTED, missing=[], refused=[], kill=1 << 30)

    # ---- what happens ---------------------------------------------------------------------

    @rule(data=st.data(), kind=st.sampled_from(LISTED), ident=st.sampled_from(IDS))
    def something_changes(self, data: st.DataObject, kind: str, ident: str) -> None:
        self.truth[kind][ident] = data.draw(st.sampled_from(STATUSES[kind]))

    @rule(status=st.sampled_from(STATUSES["task"]), number=st.integers(4, 9))
    def a_task_is_new(self, status: str, number: int) -> None:
        self.truth["task"].setdefault(str(number), status)

    @rule(
        kinds=st.lists(st.sampled_from(LISTED), min_size=1, unique=True),
        missing=st.lists(st.tuples(st.sampled_from(LISTED), st.sampled_from(IDS)), max_size=2),
        refused=st.lists(st.sampled_from(("tasks", "nodes")), max_size=1),
        kill=st.one_of(st.just(1 << 30), st.integers(0, 6)),
    )
    def look(
        self,
        kinds: Iterable[str],
        missing: list[tuple[str, str]],
        refused: list[str],
        kill: int,
    ) -> None:
        results: list[Snapshot | Unreadable] = []
        seen: list[tuple[str, dict[str, str], bool]] = []
        for kind in kinds:
            if KINDS[kind].family in refused:
                continue
            gone = {ident for what, ident in missing if what == kind}
            ids = {name: one for name, one in self.truth[kind].items() if name not in gone}
            complete = not gone or kind == "machine"
            seen.append((kind, ids, complete))
            rows = {name: self.shown(kind, name, one) for name, one in ids.items()}
            results.append(listing(kind, rows, complete=complete))
        results += [Unreadable(family=one, why="sick", reason="http 500") for one in refused]
        before = self.world.state
        self.world.run(*results, kill=kill)
        if self.world.state is not before:
            for kind, ids, complete in seen:
                self.model.saw(kind, ids, complete=complete)

    def shown(self, kind: str, name: str, status: str) -> object:
        part = "node/1" if kind == "task" and name in ("1", "2") else ""
        return thing(kind, name, status, part_of=part)

    @rule(
        changes=st.lists(
            st.tuples(st.sampled_from(IDS), st.sampled_from(STATUSES["host"])), max_size=3
        )
    )
    def a_stream_brings(self, changes: list[tuple[str, str]]) -> None:
        observations = tuple(thing("host", ident, status) for ident, status in changes)
        before = self.world.state
        self.world.run(replace(listing("host", {}), changes=observations))
        if self.world.state is before and not changes:
            return
        self.model.known_kinds.add("host")
        for ident, status in changes:
            self.truth["host"][ident] = status
            self.model.saw("host", {ident: status}, complete=False)

    @rule(row=st.sampled_from(ROWS), how=st.sampled_from(sorted(ANSWERS)), arrives=st.booleans())
    def a_channel_behaves(self, row: str, how: str, arrives: bool) -> None:
        self.world.arrives = arrives
        self.world.answers.pop(row, None)
        if ANSWERS[how]:
            self.world.answers[row] = ANSWERS[how]

    @rule(minutes=st.sampled_from((1, 5, 20, 61, 300, 1500)))
    def time_passes(self, minutes: int) -> None:
        self.world.later(minutes=minutes)

    @rule(hours=st.sampled_from((1, 30)))
    def the_clock_goes_back(self, hours: int) -> None:
        self.went_back = True
        self.world.later(hours=-hours)

    @rule(name=st.sampled_from(sorted(CONFIGS)))
    def the_configuration_changes(self, name: str) -> None:
        self.escalated |= name == "escalates"
        self.world.config = CONFIGS[name]

    @rule(kind=st.sampled_from(sorted(STATUSES)), hours=st.integers(1, 5))
    def somebody_silences(self, kind: str, hours: int) -> None:
        self.silences += 1
        name, now = f"s-{self.silences}", self.world.now
        made = Silence(
            id=name, begin=now, end=now + timedelta(hours=hours), author="eve", comment="x",
            things=(f"river/{kind}/*",),
        )  # fmt: skip
        people = self.world.people
        self.world.people = replace(people, silences={**people.silences, name: made})

    @rule()
    def somebody_takes_it_in_hand(self) -> None:
        living = [h for h, one in self.world.state.incidents.items() if one.ended is None]
        acks = {h: Ack(at=self.world.now, author="eve", comment="x") for h in living}
        self.acked.update(living)
        self.world.people = replace(self.world.people, acks=acks)

    # ---- what holds at every step ---------------------------------------------------------

    def arrived(self, row: str) -> list[tuple[Message, list[Event]]]:
        return [(message, events) for there, message, events in self.world.sent if there == row]

    @invariant()
    def nothing_is_repeated_but_under_its_key_and_at_most_twice(self) -> None:
        for row in ROWS:
            keys: dict[str, list[str]] = {}
            for message, events in self.arrived(row):
                for event in events:
                    keys.setdefault(event.id, []).append(message.key)
            for name, under in keys.items():
                assert len(set(under)) == 1, f"{name} came to {row} under {under}"
                assert len(under) <= 3

    @invariant()
    def no_ending_without_its_problem_and_no_problem_after_its_ending(self) -> None:
        for row in ROWS:
            tried = {
                handle
                for there, events in self.world.risked
                if there == row
                for event in events
                if not is_ending(event)
                for handle in (event.incident, *event.covers)
            }
            ended: set[str] = set()
            said: set[str] = set()
            for message, events in self.arrived(row):
                repeat = message.key in said
                said.add(message.key)
                for event in events:
                    if is_problem(event) and not repeat:
                        assert event.incident not in ended, f"{event.id} after its ending on {row}"
                    if is_ending(event):
                        assert event.incident in tried, f"{event.id} ends what {row} never heard of"
                ended |= {event.incident for event in events if is_ending(event)}

    @invariant()
    def at_most_four_messages_in_any_hour_about_a_standing_thing(self) -> None:
        if self.went_back:
            return
        times: dict[tuple[str, str], list] = {}
        said: set[str] = set()
        for (row, message, events), at in zip(self.world.sent, self.world.times, strict=True):
            if message.key in said:
                continue
            said.add(message.key)
            for name in {event.thing for event in events}:
                if not name.startswith(("river/task", "river/source")):
                    times.setdefault((row, name), []).append(at)
        for what, moments in times.items():
            for start in moments:
                near = [at for at in moments if start <= at < start + timedelta(hours=1)]
                assert len(near) <= 4, f"{what}: {near}"

    # ---- and in the end, when all is calm -------------------------------------------------

    def teardown(self) -> None:
        world = self.world
        world.answers.clear()
        world.people = People(acks=world.people.acks)
        world.config = replace(CONFIGS["plain"])
        if world.now < NOON:
            world.now = NOON
        world.later(days=2)
        for _ in range(16):
            world.state = outbox.retry(world.state)
            self.look(LISTED, missing=[], refused=[], kill=1 << 30)
            self.a_stream_brings(changes=[])
            world.later(minutes=10)
        assert not world.state.events, [e.id for e in world.state.events.values()]
        assert not world.state.messages
        for row in ROWS:
            self.heard_in_the_end(row)

    def heard_in_the_end(self, row: str) -> None:
        last: dict[str, Event] = {}
        handles: dict[str, str] = {}
        for _, events in self.arrived(row):
            for event in events:
                for handle in event.covers:
                    if handle in self.world.state.incidents:
                        last[self.world.state.incidents[handle].thing] = event
                last[event.thing] = event
                handles[event.thing] = event.incident
        for name, bad in self.model.bad.items():
            event = last.get(name)
            if bad and self._excused(name, row):
                continue
            if bad:
                assert event is not None, f"{row} never heard of {name}"
                assert not is_ending(event), f"{row} believes that {name} is well"
            elif event is not None:
                assert is_ending(event), f"{row} never heard of the end of {name}: {event}"

    def _excused(self, name: str, row: str) -> bool:
        """An escalation that somebody had in hand before it was due is never told."""
        handle = next((h for h, one in self.world.state.incidents.items() if one.thing == name), "")
        return self.escalated and row == "chat" and handle in self.acked


Histories.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestHistories = Histories.TestCase


def long_run(steps: int) -> None:
    """`steps` random steps in histories of sixty, with a new seed every time."""
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=max(1, steps // 60),
            stateful_step_count=60,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    sys.stdout.write(f"about {steps} steps: every promise held\n")


if __name__ == "__main__":
    long_run(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
