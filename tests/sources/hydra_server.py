"""A Hydra server that plays what a test says, in the shapes and with the traps of recordings."""

import json
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from sources.hosts import FIXTURES, Reply, Stub

RECORDED = FIXTURES / "hydra"
FAILED, DEPENDENCY, ABORTED, CANCELLED, TIMED_OUT = 1, 2, 3, 4, 7
PAGE = 20


def body(name: str) -> Any:
    """A recorded answer."""
    return json.loads((RECORDED / f"{name}.json").read_bytes())


class _Everything(dict[str, Any]):
    """Asks the server for every path; what a test put in by itself comes first."""

    def __init__(self, server: "Server") -> None:
        super().__init__()
        self.server = server

    def get(self, path: str, default: Any = None) -> Any:
        return super().get(path) or (lambda query: self.server.answer(path, query))


class Server:
    """Projects, jobsets, evaluations, builds and machines. `now` is the server's clock.

    A jobset is named PROJECT:JOBSET, a job by its name alone; everything is for x86_64-linux.
    """

    def __init__(self, stub: Stub, now: datetime) -> None:
        self.stub = stub
        stub.routes = _Everything(self)
        self.url = stub.url
        self.now = now
        self.private = False
        # a server that writes true and false where today's writes 1 and 0
        self.booleans = False
        self.sick: dict[str, Reply] = {}
        self.runner: Any = body("queue_runner_status")
        self.machines: dict[str, Any] = body("machines")
        self.clear()

    def clear(self) -> None:
        """An empty database, whose numbers begin anew."""
        self.jobsets: dict[str, dict[str, Any]] = {}
        self.evals: dict[int, dict[str, Any]] = {}
        self.builds: dict[int, dict[str, Any]] = {}
        self.hidden: set[int] = set()
        self.busy: list[int] = []
        self.deleted: set[int] = set()

    @property
    def time(self) -> int:
        """Seconds since 1970."""
        return int(self.now.timestamp())

    def later(self, minutes: int = 5) -> None:
        """Time passes."""
        self.now += timedelta(minutes=minutes)

    # ---- what happens there -------------------------------------------------------------------

    def add(self, name: str, **more: Any) -> None:
        """A new jobset that was never evaluated."""
        row = {"lastcheckedtime": None, "errortime": None, "starttime": None, "triggertime": None}
        more = {"fetcherrormsg": None, "errormsg": "", "enabled": 1, "checkinterval": 300, **more}
        self.jobsets[name] = {**row, **more}

    def evaluate(
        self, name: str, jobs: dict[str, str], revision: str = "", error: str = "", number: int = 0
    ) -> int:
        """A completed evaluation: job -> derivation; a known derivation is the known build.

        `error` are those of single jobs. Returns its number.
        """
        self.checked(name, error)
        number = number or max(self.evals, default=0) + 1
        ids = [self._build(name, job, drv, number) for job, drv in jobs.items()]
        source = {"uri": "https://example.org/demo.git", "type": "git", "value": None}
        flag = {"uri": None, "type": "boolean", "value": "false", "revision": None}
        revision = revision or f"{number:040x}"
        self.evals[number] = {
            "jobset": name,
            "answer": {
                "id": number, "timestamp": self.time, "checkouttime": 2, "evaltime": 7,
                "hasnewbuilds": self._flag(True), "flake": None, "builds": ids,
                "jobsetevalinputs": {
                    "src": {**source, "revision": revision, "dependency": None},
                    "officialRelease": {**flag, "dependency": None},
                },
            },
        }  # fmt: skip
        return number

    def checked(self, name: str, error: str = "") -> None:
        """The evaluator ran to its end; it writes the time of an error in any case."""
        clocks = {"lastcheckedtime": self.time, "errortime": self.time, "errormsg": error}
        self.jobsets[name] |= {**clocks, "fetcherrormsg": None, "starttime": None}

    def same(self, name: str) -> None:
        """The inputs were checked and are the same: no evaluation."""
        self.jobsets[name] |= {"lastcheckedtime": self.time, "fetcherrormsg": None}

    def unfetched(self, name: str, error: str) -> None:
        """An input could not be fetched; the time of errors stays."""
        self.jobsets[name] |= {"lastcheckedtime": self.time, "fetcherrormsg": error}

    def end(self, *jobs: str, status: int = 0, jobset: str = "", stop: int = 0) -> None:
        """The newest builds of these jobs end, all at one moment."""
        for job in jobs:
            build = self.newest(job, jobset)
            build |= {"finished": 1, "buildstatus": status, "releasename": None}
            build |= {"starttime": build["timestamp"], "stoptime": stop or self.time}

    def newest(self, job: str, jobset: str = "") -> dict[str, Any]:
        """The newest build of a job."""
        found = (b for _, b in sorted(self.builds.items(), reverse=True) if b["job"] == job)
        return next(b for b in found if not jobset or f"{b['project']}:{b['jobset']}" == jobset)

    def restart(self, job: str) -> None:
        """A build is queued again; all that it was stays written."""
        self.newest(job)["finished"] = 0

    def cancel(self, job: str) -> None:
        """A person cancels a build that waits."""
        status = {"finished": 1, "buildstatus": CANCELLED}
        self.newest(job).update({**status, "starttime": self.time, "stoptime": self.time})

    def _build(self, name: str, job: str, drv: str, evaluation: int) -> int:
        path = f"/nix/store/{drv}.drv"
        project, _, jobset = name.partition(":")
        for build in self.builds.values():
            mine = (build["project"], build["jobset"], build["job"]) == (project, jobset, job)
            if mine and build["drvpath"] == path:
                build["jobsetevals"].append(evaluation)
                return int(build["id"])
        number = max(self.builds, default=0) + 1
        self.builds[number] = body("build_queued") | {
            "id": number, "project": project, "jobset": jobset, "job": job, "drvpath": path,
            "nixname": f"{job}-1.0", "system": "x86_64-linux", "timestamp": self.time,
            "jobsetevals": [evaluation], "finished": 0,
        }  # fmt: skip
        return number

    # ---- what it answers ----------------------------------------------------------------------

    def answer(self, path: str, query: dict[str, str]) -> Reply:
        """The answer to a GET."""
        if path in self.sick:
            return self.sick[path]
        if self.private:
            return self._reply({"error": "This page requires you to sign in."}, 403)
        parts = path.strip("/").split("/")
        found = self._whole(path, query) if len(parts) < 2 or parts[0] == "api" else None
        if found is None and parts[0] == "jobset" and f"{parts[1]}:{parts[2]}" in self.jobsets:
            found = self._jobset(f"{parts[1]}:{parts[2]}", parts[3:], query)
        if found is None and parts[0] == "build" and int(parts[1]) in self._there():
            found = self._one(self.builds[int(parts[1])], parts[2:])
        if found is None and parts[0] == "eval" and int(parts[1]) in self.evals:
            found = self.evals[int(parts[1])]["answer"]
            if parts[2:] == ["builds"]:
                found = [self._shown(self.builds[number]) for number in found["builds"]]
        if found is None:
            return self._reply({"error": "Page not found."}, 404)
        return self._reply(found)

    def _reply(self, found: Any, status: int = 200) -> Reply:
        date = {"Date": format_datetime(self.now, usegmt=True)}
        return Reply(json.dumps(found).encode(), status, {**date, "Set-Cookie": "hydra_session=1"})

    def _whole(self, path: str, query: dict[str, str]) -> Any:
        match path:
            case "/":
                names = dict.fromkeys(name.partition(":")[0] for name in self.jobsets)
                return [body("project") | {"name": name} for name in names]
            case "/api/jobsets":
                return [
                    self._row(name)
                    for name in self.jobsets
                    if name.startswith(f"{query['project']}:")
                ]
            case "/api/latestbuilds":
                return self._latest(query)
            case "/api/queue":
                rows = [self._short(b, "priority") for b in self._there().values()]
                return [row for row in rows if not row["finished"]][: int(query["nr"])]
            case "/machines":
                return self.machines if self.runner.get("queueRunner") else {}
            case "/queue-runner-status":
                return self.runner
            case "/status":
                # one entry for each busy step
                return [self._shown(self.builds[number]) for number in self.busy]
        return None

    def _there(self) -> dict[int, dict[str, Any]]:
        hidden = {n for one in self.hidden for n in self.evals[one]["answer"]["builds"]}
        gone = hidden | self.deleted
        return {number: build for number, build in self.builds.items() if number not in gone}

    def _latest(self, query: dict[str, str]) -> Any:
        asked = {key: query[key] for key in ("project", "jobset", "job", "system") if key in query}
        rows = [
            self._short(build, "buildstatus")
            for _, build in sorted(self._there().items(), reverse=True)
            if build["finished"] and all(build[key] == one for key, one in asked.items())
        ]
        return rows[: int(query["nr"])]

    def _short(self, build: dict[str, Any], last: str) -> dict[str, Any]:
        keys = ("id", "project", "jobset", "job", "system", "nixname", "finished", "timestamp")
        return {key: self._shown(build)[key] for key in (*keys, last)}

    def _row(self, name: str) -> dict[str, Any]:
        project, _, jobset = name.partition(":")
        newest = max((n for n in self._evals(name)), default=0)
        current = self.evals[newest]["answer"]["builds"] if newest else []
        builds = [self.builds[number] for number in current if number in self._there()]
        ended = [build for build in builds if build["finished"]]
        well = [build for build in ended if build["buildstatus"] == 0]
        keys = ("lastcheckedtime", "errortime", "starttime", "triggertime", "fetcherrormsg")
        return {
            "project": project, "name": jobset, "haserrormsg": False,
            "checkinterval": self.jobsets[name]["checkinterval"],
            "nrtotal": len(builds), "nrscheduled": len(builds) - len(ended),
            "nrsucceeded": len(well), "nrfailed": len(ended) - len(well),
            **{key: self.jobsets[name][key] for key in keys},
        }  # fmt: skip

    def _evals(self, name: str) -> list[int]:
        return [
            n for n, one in self.evals.items() if one["jobset"] == name and n not in self.hidden
        ]

    def _jobset(self, name: str, rest: list[str], query: dict[str, str]) -> Any:
        if rest[:1] == ["evals"]:
            page = int(query.get("page", "1"))
            numbers = sorted(self._evals(name), reverse=True)
            shown = numbers[(page - 1) * PAGE : page * PAGE]
            last = f"?page={-(-len(numbers) // PAGE)}"
            found = {"first": "?page=1", "last": last}
            found["evals"] = [self.evals[number]["answer"] for number in shown]  # type: ignore[assignment]
            return found | ({"next": f"?page={page + 1}"} if numbers[page * PAGE :] else {})
        one, (project, _, jobset) = self.jobsets[name], name.partition(":")
        found = body("jobset_main") | {
            "project": project,
            "name": jobset,
            "enabled": one["enabled"],
        }
        keys = ("lastcheckedtime", "errortime", "starttime", "triggertime")
        found |= {key: one[key] for key in keys} | {"fetcherrormsg": one["fetcherrormsg"] or ""}
        return found | {"errormsg": one["errormsg"] if rest == ["errors"] else ""}

    def _one(self, build: dict[str, Any], rest: list[str]) -> Any:
        if rest == ["api", "get-info"]:
            steps = build.get("steps", [])
            info = {"buildId": build["id"], "drvPath": build["drvpath"], "outPath": "/nix/store/o"}
            return info | ({"resolvedSteps": steps} if steps else {})
        return None if rest else self._shown(build)

    def _shown(self, build: dict[str, Any]) -> dict[str, Any]:
        finished = self._flag(bool(build["finished"]))
        return {key: one for key, one in build.items() if key != "steps"} | {"finished": finished}

    def _flag(self, on: bool) -> int | bool:
        return on if self.booleans else int(on)
