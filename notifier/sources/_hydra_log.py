"""The end of the log of a build that failed: of the very step, where the server tells which."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from notifier.model import Observation
from notifier.sources._hydra_seen import became
from notifier.sources._hydra_server import Server

if TYPE_CHECKING:
    from notifier.sources._http import Http

# bytes of the end that are kept
KEPT = 64 * 1024
_DERIVATION = re.compile(r"[\w+.?=-]{1,255}\.drv", re.ASCII)
_PAGE = (b"<!doctype", b"<html")


def tail(http: Http, observation: Observation, lines: int, deadline: float) -> str:
    """The last lines of it, for two requests; nothing for what has no log. Raises LookFailed.

    The page of a log redirects, differently on servers of every age, and a resolved step has
    none. What all of them end at is /log with the name of a derivation, which is asked for.
    """
    build = observation.labels.get("build", "") if observation.kind == "job" else observation.id
    # where nothing ran there is no such label
    if "log" not in observation.labels or not (build.isascii() and build.isdecimal()):
        return ""
    info = Server(http, deadline).info(int(build))
    name = (became(info)[0] or info.drvPath).rpartition("/")[2]
    if not _DERIVATION.fullmatch(name):
        return ""
    found = http.get(f"/log/{quote(name)}?tail={lines}", deadline, keep=KEPT).body
    # something in front of the server that asks for a login may do so with a 200
    if found.lstrip()[:9].lower().startswith(_PAGE):
        return ""
    return "\n".join(found.decode("utf-8", "replace").splitlines()[-lines:])
