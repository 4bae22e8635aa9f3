"""What anybody could write down who watched the looks: the rules of alerting, said plainly.

It knows which looks were taken and what they showed, and nothing of how Notifier keeps its state.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from world import HEALTHS, KINDS

from notifier.model import BAD

HOUR = timedelta(hours=1)
# a task that stays pending for so long is stuck
STUCK = timedelta(hours=1)


class Known:
    """One thing, as of the last look that showed it."""

    def __init__(self) -> None:
        self.status: str | None = None
        self.attempt = ""
        # whether there is a problem that has not ended
        self.open = False
        self.stuck = False
        self.severe = self.severe_now = False
        self.bad = False
        self.bad_looks = 0
        self.pending_since: datetime | None = None
        # complete listings in a row that lacked it
        self.lacked = 0
        # when it went bad or well, or grew worse; whether that is flapping
        self.changes: list[datetime] = []
        self.flapping = False


class Model:
    def __init__(self) -> None:
        self.things: dict[str, Known] = {}
        self.scopes: set[tuple[str, str]] = set()
        self.members: dict[tuple[str, str], set[str]] = {}
        self.doubted: set[str] = set()

    def open(self) -> set[str]:
        """The things of which there is a problem that has not ended."""
        return {name for name, one in self.things.items() if one.open}

    # ---- looks ----------------------------------------------------------------------------

    def listing(
        self,
        kind: str,
        scope: str,
        shown: dict[str, tuple[str, str]],
        complete: bool,
        now: datetime,
        untold: Collection[str] = (),
    ) -> set[str]:
        """A listing: id -> (status, attempt). Returns the full names that it says something of.

        `untold` are the full names of which something waits to be told.
        """
        first = (kind, scope) not in self.scopes
        self.scopes.add((kind, scope))
        members = self.members.setdefault((kind, scope), set())
        resets = KINDS[kind].absence == "reset"
        former: set[str] = set()
        if resets and complete and members and not members & shown.keys():
            if kind not in self.doubted:
                self.doubted.add(kind)
                return {f"river/{kind}/{name}" for name in shown}
            first, former = True, {one for one in self.things if one.startswith(f"river/{kind}/")}
            for name in former:
                self.things.pop(name, None)
            members.clear()
        self.doubted.discard(kind)
        for name, (status, attempt) in shown.items():
            self._one(kind, f"river/{kind}/{name}", status, attempt, first, now, once=False)
        gone = members - shown.keys()
        if kind == "machine" and complete:
            for name in gone:
                self._standing(f"river/{kind}/{name}", "missing", "", False, now, need=2)
        members.update(shown)
        seen = members if complete else shown.keys()
        names = {f"river/{kind}/{name}" for name in seen}
        if complete and kind != "machine":
            self._left(kind, members, gone, untold)
        self._steady(names, now)
        return names | former

    def _left(self, kind: str, members: set[str], gone: set[str], untold: Collection[str]) -> None:
        """What two complete listings lack is forgotten, but not what is bad or yet to be told."""
        for name in members:
            one = self.things[f"river/{kind}/{name}"]
            one.lacked = one.lacked + 1 if name in gone else 0
        for name in sorted(gone):
            one = self.things[f"river/{kind}/{name}"]
            fact = KINDS[kind].finite and f"river/{kind}/{name}" not in untold
            if one.lacked >= 2 and (not one.open or one.stuck or fact):
                members.discard(name)
                if one.stuck:
                    self.over(f"river/{kind}/{name}")

    def stream(self, kind: str, changes: list[tuple[str, str]], now: datetime) -> set[str]:
        """Changes in order; one is enough, and what is not there has not changed."""
        members = self.members.setdefault((kind, ""), set())
        for name, status in changes:
            members.add(name)
            self._one(kind, f"river/{kind}/{name}", status, "", False, now, once=True)
        names = {f"river/{kind}/{name}" for name in members}
        self._steady(names, now)
        return names

    def source(self, parts: dict[str, bool], now: datetime) -> None:
        """Which parts of the source could be read (name -> whether) when they were asked."""
        for name, well in parts.items():
            status = "online" if well else "offline"
            self._standing(f"river/source/{name}", status, "", False, now, need=2)
        self._steady({f"river/source/{name}" for name in parts}, now)

    def over(self, name: str) -> None:
        """It is watched no longer."""
        one = self.things.setdefault(name, Known())
        one.open = one.flapping = one.stuck = one.bad = False

    def forget(self, kind: str, scope: str, name: str) -> None:
        """A person lets it be forgotten."""
        self.over(f"river/{kind}/{name}")
        self.things[f"river/{kind}/{name}"] = Known()
        self.members.get((kind, scope), set()).discard(name)

    # ---- rules ----------------------------------------------------------------------------

    def _one(
        self,
        kind: str,
        name: str,
        status: str,
        attempt: str,
        first: bool,
        now: datetime,
        once: bool,
    ) -> None:
        if KINDS[kind].finite:
            self._finite(name, status, attempt, first, now)
        else:
            need = 1 if once or first else KINDS[kind].confirm
            self._standing(name, status, attempt, first, now, need=need)

    def _finite(self, name: str, status: str, attempt: str, first: bool, now: datetime) -> None:
        one = self.things.setdefault(name, Known())
        health, before = HEALTHS[status], one.status
        moved, one.status, one.attempt = before != status, status, attempt
        if health == "failed":
            was_known = first or (before is not None and HEALTHS[before] == "failed")
            if not one.open and not was_known:
                one.open, one.severe = True, status != "killed"
            elif one.open:
                one.stuck = False
        elif health == "ok" or (one.stuck and moved):
            self.over(name)
        if status != "pending" or one.open:
            one.pending_since = None
        elif one.pending_since is None or one.pending_since > now:
            one.pending_since = now
        elif now - one.pending_since >= STUCK:
            one.open = one.stuck = True
            one.severe, one.pending_since = False, None

    def _standing(
        self, name: str, status: str, attempt: str, first: bool, now: datetime, *, need: int
    ) -> None:
        one = self.things.setdefault(name, Known())
        health = "missing" if status == "missing" else HEALTHS[status]
        if health == "active":
            return
        bad, severe = health in BAD, health in ("down", "missing")
        again = health != "missing" and attempt != one.attempt
        if health != "missing":
            one.attempt = attempt
        one.severe_now = severe
        if not bad:
            one.bad_looks = 0
            if one.open and one.bad:
                self._change(name, False, now)
        elif not one.open:
            one.bad_looks += 1
            if one.bad_looks >= need:
                one.severe = severe
                self._change(name, True, now, quiet=first)
        elif not one.bad:
            self._change(name, True, now)
        elif not one.flapping and (again or (severe and not one.severe)):
            self._change(name, True, now)
            one.severe = severe if not one.flapping else one.severe

    def _change(self, name: str, bad: bool, now: datetime, *, quiet: bool = False) -> None:
        """It went bad or well, or grew worse. The third time in an hour is flapping."""
        one = self.things[name]
        one.bad = bad
        if not quiet:
            recent = [at for at in one.changes if timedelta() <= now - at < HOUR]
            one.changes = [*recent, now]
            one.flapping = one.flapping or len(one.changes) >= 3
        one.open = bad or one.flapping

    def _steady(self, seen: set[str], now: datetime) -> None:
        """What was seen unchanged for an hour flaps no longer."""
        for name in seen & self.things.keys():
            one = self.things[name]
            if one.flapping and max(one.changes) > now:
                one.changes = [now]
            elif one.flapping and now - max(one.changes) >= HOUR:
                one.flapping = False
                one.open, one.severe = one.bad, one.severe or one.severe_now
        for one in self.things.values():
            if not one.flapping:
                one.changes = [at for at in one.changes if abs(now - at) < HOUR]
