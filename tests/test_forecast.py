"""A forecast is what a run would do: checked against the rules that runs go by."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from world import config, thing

from notifier.compose import Outlook
from notifier.forecast import forecast
from notifier.memory import State
from notifier.model import Event, Incident
from notifier.people import People, Silence
from notifier.reminders import decided
from notifier.route import address
from notifier.settings import Route, Window
from notifier.tables import Duration

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
TIMES = st.integers(0, 14 * 24 * 60).map(lambda minutes: NOON + timedelta(minutes=minutes))
CLOCK = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 59]))
WINDOWS = st.builds(
    lambda begin, to, days: Window(begin=begin, to=to, days=days),
    CLOCK,
    CLOCK,
    st.lists(st.sampled_from(["mon", "tue", "wed", "sat", "sun"]), max_size=3),
).filter(lambda window: window.begin != window.to)


@st.composite
def silences(draw: st.DrawFn) -> Silence:
    begin, long = draw(TIMES), draw(st.integers(1, 3000))
    return Silence(
        id="s-1", begin=begin, end=begin + timedelta(minutes=long), author="anna",
        comment="new fan", things=("gpu-*",),
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    at=TIMES, windows=st.lists(WINDOWS, max_size=2), silence=st.none() | silences(),
    escalate=st.sampled_from(["0s", "30m", "9h"]),
)  # fmt: skip
def test_it_is_told_when_the_forecast_says_and_not_a_second_earlier(
    at: datetime, windows: list[Window], silence: Silence | None, escalate: str
) -> None:
    names = [f"w{number}" for number in range(len(windows))]
    route = Route(
        name="gpu", channels=["ops"], hold=names, escalate_after=Duration.parse(escalate)
    )  # fmt: skip
    chosen = config(
        routes=[route], windows=dict(zip(names, windows, strict=True)), **utc()
    )  # fmt: skip
    seen = thing("node", "gpu-1", "offline")
    event = Event(
        id="e1", type="problem", at=at, reason="down", thing="river/node/gpu-1",
        severity="critical", observation=seen, incident="i-1",
    )  # fmt: skip
    incident = Incident(
        handle="i-1", thing=event.thing, observation=seen, finite=False, severity="critical",
        opened=at, changed=at,
    )  # fmt: skip
    people = People(silences={"s-1": silence} if silence else {})
    (row,) = forecast(event, chosen, people, State(), {}, at).rows
    state = address(State(incidents={"i-1": incident}), [event], chosen, {})

    def why(now: datetime) -> str:
        then = decided(state, people, {"river/node/gpu-1"}, now)
        return Outlook(then, chosen, people, {}, now).why(then.events["e1"], "ops")

    assert why(row.at) == "" or row.trouble == "its windows and silences leave no time"
    if row.at > at:
        assert why(row.at - timedelta(seconds=1)) != ""
    else:
        assert row.waits == ()


def test_windows_that_leave_no_time_are_said() -> None:
    windows = {"a": Window(begin="00:00", to="12:00"), "b": Window(begin="12:00", to="00:00")}
    route = Route(name="gpu", channels=["ops"], hold=["a", "b"])
    event = Event(
        id="e1", type="problem", at=NOON, reason="down", thing="river/node/gpu-1",
        severity="critical", observation=thing("node", "gpu-1", "offline"),
    )  # fmt: skip
    chosen = config(routes=[route], windows=windows, **utc())
    (row,) = forecast(event, chosen, People(), State(), {}, NOON).rows
    assert row.trouble == "its windows and silences leave no time"


def utc() -> dict[str, object]:
    from notifier.settings import RunSettings

    return {"run": RunSettings(timezone="UTC")}
