"""A Hydra server that lies, cuts or garbles: a run stays well and tells nothing that was not said.

`PYTHONPATH=tests python tests/test_hostile_hydra.py STORIES` plays each lie about one word, and so
many random stories.
"""

import json
import re
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import FEW, ODD, Runs, channels, long_run
from sources.hosts import Reply, Stub
from sources.hydra_server import ABORTED, DEPENDENCY, FAILED, Server, body

from notifier.errors import Exit
from notifier.model import BAD, Event
from notifier.sources._hydra_machines import _host
from notifier.sources._hydra_seen import job_id
from notifier.sources._hydra_words import outcome
from notifier.words import LEFT, UNWATCHED

CONFIG = """
[sources.ci]
type = "hydra"
url = "{url}"
kinds = ["job", "jobset", "machine", "queue", "build", "eval"]
[[routes]]
match = {{ kind = ["build", "eval"] }}
events = ["problem", "recovery", "change"]
channels = ["hook"]
[[routes]]
channels = ["ops", "hook"]
"""
JOBS = ("hello", "world", "tested", "late")
MAIN, BROKEN = "demo:main", "demo:broken"
# how a jobset fails, by the text of its error
ERRORS = {
    "fetch_failed": ("fetcherrormsg", ""),
    "evaluation_failed": ("errormsg", ""),
    "evaluator_killed": ("errormsg", "evaluation"),
    "some_jobs_failed": ("errormsg", "in job"),
}


# ---- what was said ----------------------------------------------------------------------------


class Pairs(tuple[tuple[str, Any], ...]):
    """A JSON object with all its keys, the doubled ones too."""

    def all(self, key: str) -> list[Any]:
        """All values of a key."""
        return [value for name, value in self if name == key]

    def number(self, *keys: str) -> list[float]:
        """All numbers that stand under these keys."""
        found = [value for key in keys for value in self.all(key)]
        return [one for one in found if isinstance(one, int | float) and type(one) is not bool]

    def text(self, key: str) -> list[str]:
        """All texts that stand under a key."""
        return [one for one in self.all(key) if isinstance(one, str)]


class Said(NamedTuple):
    """One answer as it went out, by the most generous reading there is."""

    path: str
    status: int
    document: Any

    def objects(self, one: Any = ...) -> Iterator[Pairs]:
        """All objects in it, at any depth."""
        one = self.document if one is ... else one
        if isinstance(one, Pairs):
            yield one
        values = (value for _, value in one) if isinstance(one, Pairs) else one
        for value in values if isinstance(one, Pairs | list) else ():
            yield from self.objects(value)


def said(path: str, reply: Reply) -> Said:
    """What an answer could be taken to say."""
    try:
        text = reply.body.decode("utf-8", "replace")
        return Said(path, reply.status, json.loads(text, object_pairs_hook=Pairs, strict=False))
    except (ValueError, RecursionError):
        return Said(path, reply.status, None)


class Heard:
    """All answers of a play: whether some of them say what was told."""

    def __init__(self, answers: list[Said]) -> None:
        self.answers = answers

    def on(self, page: str) -> Iterator[Pairs]:
        """All objects on the pages that a pattern fits."""
        for one in self.answers:
            if re.fullmatch(page, one.path):
                yield from one.objects()

    def builds(self) -> Iterator[tuple[int | None, Pairs, list[int]]]:
        """Number asked for (or none), answer and statuses of each build that is said to be over."""
        for one in self.answers:
            asked = re.fullmatch(r"/build/(\d+)", one.path)
            if not (asked or one.path in ("/api/latestbuilds", "/eval/builds")):
                continue
            for row in one.objects():
                if asked and not any(row.all("finished")):
                    continue
                words = [int(n) for n in row.number("buildstatus") if isinstance(n, int)]
                yield int(asked[1]) if asked else None, row, words

    def jobsets(self) -> set[str]:
        """The names of all jobsets that anybody spoke of."""
        names = {name for row in self.on("/api/jobsets") for name in row.text("name")}
        return {MAIN, BROKEN} | {f"demo:{name}" for name in names}

    def job(self, ident: str) -> set[int]:
        """How the builds of a job are said to have ended."""
        return {
            word
            for _, row, words in self.builds()
            for job in row.text("job") or [""]
            for system in row.text("system") or [""]
            for jobset in self.jobsets()
            if job_id(jobset, job, system) == ident
            for word in words
        }

    def build(self, ident: str) -> set[int]:
        """How a build is said to have ended."""
        return {
            word
            for asked, row, words in self.builds()
            if ident in {str(one) for one in (asked, *row.number("id"))}
            for word in words
        }

    def fails(self, name: str, status: str) -> bool:
        """Whether a jobset is said to fail like that."""
        project, _, jobset = name.partition(":")
        rows = [*self.on(f"/jobset/{project}/{re.escape(jobset)}/errors"), *self.on("/api/jobsets")]
        if status == "disabled":
            return any(0 in row.all("enabled") for row in rows)
        key, within = ERRORS[status]
        return any(within in text and text.strip() for row in rows for text in row.text(key))

    def evaluates(self, name: str) -> bool:
        """Whether a jobset is said to be free of errors."""
        project, _, jobset = name.partition(":")
        rows = list(self.on(f"/jobset/{project}/{re.escape(jobset)}/errors"))
        return any(not str(text or "").strip() for row in rows for text in row.all("errormsg"))

    def machine(self, name: str, status: str) -> bool:
        """Whether a machine is said to be so."""
        lists = [one.document for one in self.answers if one.path == "/machines"]
        lists += [each for row in self.on("/queue-runner-status") for each in row.all("machines")]
        lists = [one for one in lists if isinstance(one, Pairs)]
        found = [[row for key, row in one if _host(key) == name] for one in lists]
        if status in ("missing", "online"):
            return any(bool(rows) == (status == "online") for rows in found)
        rows = [row for rows in found for row in rows if isinstance(row, Pairs)]
        rows += [row for one in rows for row in one.all("stats") if isinstance(row, Pairs)]
        if status == "silent":
            return any(since > 120 for row in rows for since in row.number("sinceLastPing"))
        kinds = ("store", "buildDir")
        free = [n for row in rows for kind in kinds for n in row.number(f"{kind}FreePercent")]
        least = [n for row in rows for kind in kinds for n in row.number(f"{kind}AvailThreshold")]
        return status == "full" and any(few < most for few in free for most in least)

    def queue(self, status: str) -> bool:
        """Whether the queue, or its runner, is said to be so."""
        rows = list(self.on("/queue-runner-status"))
        waits = [n for row in rows for n in row.number("nrStepsRunnable")]
        works = [n for row in rows for n in row.number("nrStepsBuilding")]
        wants = [n for row in rows for n in row.number("nrUnsupportedSteps")]
        says = {
            "down": any("unreachable" in row.text("status") for row in rows),
            "up": any("up" in row.text("status") for row in rows),
            "stuck": any(n > 0 for n in waits) and any(not int(n) for n in works),
            "moving": any(n != 0 for n in works),
            "idle": any(n <= 0 for n in waits) and any(not int(n) for n in works),
            "blocked": any(n > 0 for n in wants),
            "clear": any(n <= 0 for n in wants),
        }
        return says[status]

    def names(self, ident: str) -> bool:
        """Whether a build, an evaluation or a jobset of this name was spoken of."""
        spoken = {str(value) for one in self.answers for row in one.objects() for _, value in row}
        lists = [one for row in self.on(".*") for one in row.all("builds")]
        builds = {str(n) for one in lists if isinstance(one, list) for n in one}
        return ident in spoken | builds | self.jobsets()

    def another(self) -> bool:
        """Whether evaluations are said to be of other times, or lower, than they had been."""
        times: dict[Any, set[float]] = {}
        highest, lower = 0.0, False
        for one in self.answers:
            if not re.fullmatch(r"/jobset/.*/evals|/eval/\d+", one.path):
                continue
            for row in one.objects():
                for number in row.number("id"):
                    times.setdefault(number, set()).update(row.number("timestamp"))
            numbers = [n for row in one.objects() for n in row.number("id")]
            lower |= max(numbers, default=highest) < highest
            highest = max([highest, *numbers])
        return lower or any(len(one) > 1 for one in times.values())

    def gone(self, ident: str) -> bool:
        """Whether a job, or its jobset, is said to be there no more."""
        projects = (one for one in self.answers if one.path == "/")
        if any(
            isinstance(one.document, list)
            and not any("demo" in row.text("name") for row in one.objects())
            for one in projects
        ):
            return True
        lists = [one for one in self.answers if one.path == "/api/jobsets"]
        for one in lists:
            names = {f"demo:{name}" for row in one.objects() for name in row.text("name")}
            if isinstance(one.document, list) and not any(
                ident == name or ident.startswith(f"{name}:") for name in names
            ):
                return True
        numbers = {
            n for asked, row, _ in self.builds() for n in (asked, *row.number("id")) if row and n
            if any(ident == job_id(name, job, system) for name in self.jobsets()
                   for job in row.text("job") for system in row.text("system"))
        }  # fmt: skip
        missing = {one.path for one in self.answers if one.status == 404}
        if any(f"/build/{number}" in missing for number in numbers):
            return True
        lists_ = [
            set(one)
            for row in self.on(r"/jobset/.*/evals|/eval/\d+")
            for one in row.all("builds")
            if isinstance(one, list) and all(type(n) is int for n in one)
        ]
        return any(not one & numbers for one in lists_)


# ---- the server and its watcher ---------------------------------------------------------------


class Lie(NamedTuple):
    """What is wrong with the answers on some pages: act, key, place in a thousand, value."""

    page: str
    acts: tuple[tuple[str, str, int, Any], ...]

    @property
    def is_dumb(self) -> bool:
        """Whether it makes of an answer what nobody can read."""
        return all(
            act == "cut" or (act == "refuse" and place // 100 != MISSING)
            for act, _, place, _ in self.acts
        )

    def told(self, path: str, reply: Reply) -> Reply:
        """The answer with it."""
        if not re.fullmatch(self.page, path):
            return reply
        for act, key, place, value in self.acts:
            reply = ACTS[act](reply, key, place, value)
        return reply


class Liar(Server):
    """A server whose answers are changed on their way; all of them are kept."""

    def __init__(self, stub: Stub, runs: Runs) -> None:
        self.lies: tuple[Lie, ...] = ()
        # what is meant to hurt would hurt its judge as well
        self.deaf = False
        self.answers: list[Said] = []
        super().__init__(stub, runs.now)

    def answer(self, path: str, query: dict[str, str]) -> Reply:
        reply = super().answer(path, query)
        for lie in self.lies:
            reply = lie.told(path, reply)
        if not self.deaf:
            self.answers.append(said(path, reply))
        return reply

    WORLD = (
        "jobsets", "evals", "builds", "hidden", "busy", "deleted", "runner", "machines", "answers",
    )  # fmt: skip

    def world(self) -> dict[str, Any]:
        """All there is at it."""
        return deepcopy({name: getattr(self, name) for name in self.WORLD})


class Watcher(Runs):
    """Looks at a server again and again, and judges what is told of it."""

    def __init__(self, stub: Stub, folder: Path, config: str) -> None:
        super().__init__(folder, config)
        self.server = server = Liar(stub, self)
        server.add(MAIN)
        server.evaluate(MAIN, {job: f"{job}-1" for job in JOBS})
        server.end(*JOBS)
        server.end("world", status=FAILED)
        server.add(BROKEN)
        server.checked(BROKEN, "error: undefined variable")
        assert self.run().code == Exit.OK
        assert self.run().code == Exit.OK
        self.keep()
        self.world = server.world()
        # what is bad at the end of a true story
        self.true: dict[tuple[str, ...], set[tuple[str, str]]] = {}

    def begin(self) -> None:
        """State and server are as after the first looks."""
        self.again()
        for name, one in deepcopy(self.world).items():
            setattr(self.server, name, one)
        self.server.lies, self.server.now = (), self.now + timedelta(minutes=9)

    def judged(self) -> list[Event]:
        """One run, after which nothing false was told; its events."""
        self.server.later(10)
        events = self.news()
        heard = Heard(self.server.answers)
        state = self.store.load()[0]
        for event in events:
            covered = [one for one in state.incidents.values() if one.handle in event.covers]
            for one in covered:
                assert self.is_said(heard, one.thing, one.observation.status), event
            assert event.type == "summary" or self.is_true(heard, event), event
        return events

    def is_true(self, heard: Heard, event: Event) -> bool:
        """Whether some answer says so."""
        kind, ident = event.thing.split("/", 2)[1:]
        if kind == "source":
            return bool(self.server.lies) or event.type == "recovery"
        if event.type == "change":
            return heard.names(ident)
        if event.reason == UNWATCHED:
            return heard.another()
        if event.reason == LEFT:
            return heard.gone(ident)
        assert event.observation
        return self.is_said(heard, event.thing, event.observation.status)

    def is_said(self, heard: Heard, thing: str, status: str) -> bool:
        """Whether some answer says this of a thing."""
        kind, ident = thing.split("/", 2)[1:]
        match kind:
            case "job":
                return status in {outcome(n) for n in heard.job(ident)}
            case "build":
                return status in {outcome(n) for n in heard.build(ident)}
            case "jobset" if status == "evaluated":
                return heard.evaluates(ident)
            case "jobset":
                return heard.fails(ident, status)
            case "machine":
                return heard.machine(ident, status)
            case "queue":
                return heard.queue(status)
            case "eval" if status == "failed":
                return any(heard.fails(ident, one) for one in ERRORS)
        return kind in ("source", "eval")

    def play(self, story: "Story") -> None:
        """What happens is answered with lies, then truly, after which all is quiet again.

        What could not be read has hidden nothing: what is bad is known to be. Only that a job had
        left and come again is not known where nobody could see that.
        """
        if story.happens not in self.true:
            self.true[story.happens] = self.told(story._replace(lies=()))
        bad = self.told(story)
        if all(lie.is_dumb for lie in story.lies) and "dropped" not in story.happens:
            assert bad == self.true[story.happens], (bad, self.true[story.happens])

    def told(self, story: "Story") -> set[tuple[str, str]]:
        """Plays it, and gives what is known to be bad in the end."""
        self.begin()
        for number, happening in enumerate(story.happens):
            HAPPENINGS[happening](self.server)
            self.server.lies = story.lies if number < 2 else ()
            self.judged()
        self.server.lies = ()
        # so long a list of projects is believed
        self.now += timedelta(hours=1)
        self.server.later(60)
        for _ in range(3):
            self.judged()
        assert self.judged() == []
        outcome = self.run()
        assert outcome.code == Exit.OK, outcome
        state = self.store.load()[0]
        bad = {
            (one.thing, one.observation.status)
            for one in state.incidents.values()
            if one.observation.health in BAD and not one.finite
        }
        assert not any("/source/" in thing for thing, _ in bad), bad
        return bad


@pytest.fixture(scope="module")
def watcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watcher]:
    """A watcher of a server, with mail and webhooks, that took its first looks."""
    with watching(tmp_path_factory.mktemp("hostile")) as found:
        yield found


@contextmanager
def watching(folder: Path) -> Iterator[Watcher]:
    """The same in a folder of one's own."""
    stub = Stub()
    with channels() as told:
        yield Watcher(stub, folder, CONFIG.format(url=stub.url) + told)
    stub.stop()


# ---- what happens, and the lies about it ------------------------------------------------------


def evaluated(server: Server) -> None:
    """New builds of all jobs but one, which is left as it was; one has to wait."""
    number = max(server.evals) + 1
    server.evaluate(MAIN, {"tested": "tested-1", **{job: f"{job}-{number}" for job in JOBS[:2]},
                           "late": f"late-{number}"})  # fmt: skip
    server.end("hello", status=FAILED)
    server.end("world")


def dropped(server: Server) -> None:
    """A job that failed is no longer there."""
    server.evaluate(MAIN, {"hello": "hello-1", "tested": "tested-1"})


def restarted(server: Server) -> None:
    """What failed is well after a restart, and something else fails."""
    server.end("world")
    server.end("tested", status=FAILED)


def depended(server: Server) -> None:
    """Much fails at once."""
    evaluated(server)
    server.end("late", status=DEPENDENCY)
    server.end("world", status=ABORTED)


def sick(server: Server) -> None:
    """Machine, queue and inputs have their troubles."""
    server.machines["builder-1"]["stats"]["sinceLastPing"] = 999
    server.machines.pop("builder-2", None)
    server.runner["queueRunner"] = {"status": "up", "nrStepsRunnable": 5, "nrStepsBuilding": 0}
    server.unfetched(MAIN, "fatal: repository not found")


def healed(server: Server) -> None:
    """All that stands is well."""
    server.machines = body("machines")
    server.runner = body("queue_runner_status")
    server.checked(MAIN)
    server.checked(BROKEN)


def worse(server: Server) -> None:
    """The runner is down, single jobs do not evaluate."""
    server.runner = {"status": "unreachable"}
    server.checked(MAIN, "in job 'hello':\nerror: broken")


HAPPENINGS: dict[str, Callable[[Server], None]] = {
    "nothing": lambda server: None,
    **{one.__name__: one for one in (evaluated, dropped, restarted, depended, sick, healed, worse)},
}
# page -> what it says that decides on something
PAGES: dict[str, tuple[str, ...]] = {
    "/": ("name",),
    "/api/jobsets": ("name", "lastcheckedtime", "errortime", "fetcherrormsg", "nrfailed"),
    "/jobset/.*/errors": ("errormsg", "fetcherrormsg", "enabled"),
    "/jobset/.*/evals": ("id", "timestamp", "builds", "evals", "jobsetevalinputs"),
    r"/build/\d+": ("id", "job", "system", "finished", "buildstatus", "stoptime"),
    "/build/.*/get-info": ("resolvedSteps",),
    r"/eval/\d+/builds": ("id", "job", "finished", "buildstatus"),
    "/api/latestbuilds": ("id", "job", "system", "buildstatus"),
    "/api/queue": ("id", "job", "system", "finished"),
    "/status": ("id",),
    "/machines": ("builder-1", "stats", "sinceLastPing", "storeFreePercent", "enabled"),
    "/queue-runner-status": (
        "queueRunner", "status", "nrStepsRunnable", "nrStepsBuilding", "nrUnsupportedSteps",
        "machines", "stats", "sinceLastPing",
    ),
}  # fmt: skip
WRONG = [None, True, -1, 2, 1.5, "x", "", [], ["x"], {}]
VALUES = st.one_of(st.sampled_from(WRONG), ODD, st.integers(-1, 14), st.just("hello"))


class Story(NamedTuple):
    """What happens from look to look, and the lies of the first two."""

    happens: tuple[str, ...]
    lies: tuple[Lie, ...]


Place = tuple[Any, Any]


def places(document: Any) -> Iterator[Place]:
    """Every place in a JSON document, as container and key."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        yield document, key
        if isinstance(value, dict | list):
            yield from places(value)


def within(act: Callable[[Any, Any, Any], None], *, every: bool = False) -> Callable[..., Reply]:
    """An act on a place in the JSON of an answer, or on `every` one, by the name of a key."""

    def acts(reply: Reply, key: str, place: int, value: Any) -> Reply:
        try:
            document = [json.loads(reply.body)]
        except (ValueError, RecursionError):
            return reply
        # without a name any place will do
        found = [one for one in places(document) if one[1] == key or not key]
        if not found:
            return reply
        start = place * len(found) // 1000
        for one in found if every and key else found[start : start + 1]:
            act(*one, value)
        whole = json.dumps(document[0], ensure_ascii=not place % 2) if document else ""
        return replace(reply, body=whole.encode("utf-8", "surrogatepass"))

    return acts


def put(container: Any, key: Any, value: Any) -> None:
    """Another value."""
    container[key] = value


def lose(container: Any, key: Any, value: Any) -> None:
    """Nothing there."""
    del container[key]


def twice(container: Any, key: Any, value: Any) -> None:
    """The row, or all of the list, once more; the key by another name."""
    if isinstance(container, list):
        container.insert(key, deepcopy(container[key]))
    else:
        container[str(value)] = container[key]


def swap(container: Any, key: Any, value: Any) -> None:
    """What stands beside it."""
    keys = list(container) if isinstance(container, dict) else range(len(container))
    other = list(keys)[value % len(keys) if isinstance(value, int) else 0]
    container[key], container[other] = container[other], container[key]


def cut(reply: Reply, key: str, place: int, value: Any) -> Reply:
    """Only its beginning."""
    return replace(reply, body=reply.body[: place * len(reply.body) // 1000])


PIECES = [b"\xff", b"\0", b'"', b"]", b"[", b"}", b",", b"NaN", b"[" * 2000, b"\\ud800"]
DOUBLED = [b'"buildstatus":1,', b'"buildstatus":0,', b'"finished":1,', b'"id":1,', b'"job":"x",',
           b'"builds":[],', b'"errormsg":"x",', b'"status":"up",']  # fmt: skip


def spoil(reply: Reply, key: str, place: int, value: Any) -> Reply:
    """Foreign bytes in it."""
    at = place * len(reply.body) // 1000
    piece = PIECES[place % len(PIECES)]
    return replace(reply, body=reply.body[:at] + piece + reply.body[at:])


def double(reply: Reply, key: str, place: int, value: Any) -> Reply:
    """A key that is there already."""
    starts = [found.end() for found in re.finditer(rb"\{(?!\})", reply.body)]
    if not starts:
        return reply
    at = starts[place * len(starts) // 1000]
    piece = DOUBLED[place % len(DOUBLED)]
    return replace(reply, body=reply.body[:at] + piece + reply.body[at:])


STATUSES = (204, 206, 302, 400, 401, 403, 404, 429, 500, 503)
MISSING = STATUSES.index(404)


def refuse(reply: Reply, key: str, place: int, value: Any) -> Reply:
    """Another status."""
    return replace(reply, status=STATUSES[place // 100])


ACTS: dict[str, Callable[[Reply, str, int, Any], Reply]] = {
    **{one.__name__: within(one) for one in (put, lose, twice, swap)},
    **{f"{one.__name__} every": within(one, every=True) for one in (put, lose)},
    **{one.__name__: one for one in (cut, spoil, double, refuse)},
}
USUAL = sorted(ACTS)


@st.composite
def lies(draw: st.DrawFn) -> Lie:
    """Something wrong with one page, mostly with what decides."""
    page = draw(st.sampled_from([*PAGES, ".*"]))
    keys = st.sampled_from([*PAGES.get(page, ()), ""])
    acts = st.tuples(st.sampled_from(USUAL), keys, st.integers(0, 999), VALUES)
    return Lie(page, tuple(draw(st.lists(acts, min_size=1, max_size=2))))


DUMB = st.builds(
    Lie,
    st.sampled_from([*PAGES, ".*"]),
    st.tuples(
        st.tuples(st.sampled_from(["cut", "refuse"]), st.just(""), st.integers(0, 999), st.none())
    ),
)
STORIES = st.builds(
    Story,
    st.lists(st.sampled_from(sorted(HAPPENINGS)), min_size=2, max_size=3).map(tuple),
    st.one_of(*[st.lists(one, min_size=1, max_size=3).map(tuple) for one in (lies(), DUMB)]),
)


# every word that decides, lost or of a wrong type, at every happening
SINGLE = [
    Story((happening, "nothing"), (Lie(page, ((act, key, 0, value),)),))
    for happening in ("evaluated", "dropped", "sick")
    for page, keys in PAGES.items()
    for key in keys
    for act, values in (("put every", WRONG), ("lose every", [None]))
    for value in values
]


@given(story=st.one_of(st.sampled_from(SINGLE), STORIES))
@settings(derandomize=True, max_examples=8, **FEW)
def test_nothing_is_told_that_the_server_did_not_say(watcher: Watcher, story: Story) -> None:
    watcher.play(story)


TEN = "x" * 10 * 2**20
LOUD: dict[str, tuple[str, Any]] = {
    "nested": ("/jobset/.*/evals", b"[" * 100_000),
    "nested in what is passed over": (r"/build/\d+", b'{"x":' + b"[" * 100_000),
    "nested builds": ("/jobset/.*/evals", ("builds", b"[" * 50_000 + b"]" * 50_000)),
    "a job's name of 10 MB": (r"/build/\d+", ("job", json.dumps(TEN).encode())),
    "an error of 10 MB": ("/jobset/.*/errors", ("errormsg", json.dumps(TEN).encode())),
    "a jobset's name of 10 MB": ("/api/jobsets", ("name", json.dumps(TEN).encode())),
    "a number of a million digits": (r"/build/\d+", ("buildstatus", b"9" * 10**6)),
    "a machine's counter of a million digits": (
        "/queue-runner-status", ("nrStepsBuilding", b"9" * 10**6),
    ),
    "many keys of one name": (r"/build/\d+", ("nixname", b'"x"' + b',"nixname":"x"' * 100_000)),
    "no text": ("/api/jobsets", b"\0" * 2**20),
    "a huge queue": ("/api/queue", b"[" + b",".join([b'{"id":1}'] * 100_000) + b"]"),
}  # fmt: skip


def loud(reply: Reply, key: str, place: int, value: bytes) -> Reply:
    """The whole answer, or what stands under a key in it."""
    if not key:
        return replace(reply, body=value)
    told = re.sub(rb'("%s": )("[^"]*"|\[[^]]*\]|\w+)' % key.encode(), rb"\1@@", reply.body)
    return replace(reply, body=told.replace(b"@@", value))


ACTS["loud"] = loud


@pytest.mark.parametrize(("page", "told"), LOUD.values(), ids=LOUD)
def test_an_answer_that_is_meant_to_hurt_costs_little_and_is_over_with_the_next(
    watcher: Watcher, page: str, told: Any
) -> None:
    key, value = told if isinstance(told, tuple) else ("", told)
    watcher.begin()
    watcher.now += timedelta(hours=1)
    watcher.server.later(60)
    evaluated(watcher.server)
    watcher.server.lies = (Lie(page, (("loud", key, 0, value),)),)
    before = len(watcher.server.stub.asked)
    watcher.server.deaf = True
    tracemalloc.start()
    try:
        watcher.news()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        watcher.server.deaf = False
    assert len(watcher.server.stub.asked) - before < 100
    assert peak < 12 * len(value) + 24 * 2**20
    watcher.server.lies = ()
    # the text of an error is believed until the next evaluation
    watcher.now += timedelta(hours=1)
    watcher.server.later(60)
    watcher.server.checked(MAIN)
    for _ in range(3):
        watcher.server.later(10)
        watcher.news()
    assert watcher.news() == []
    bad = {one.thing for one in watcher.store.load()[0].incidents.values() if not one.finite}
    assert bad == {"ci/jobset/demo:broken", "ci/job/demo:main:hello:x86_64-linux"}


if __name__ == "__main__":
    long_run(watching, STORIES, Watcher.play, SINGLE)
