"""The least that a poller with these libraries can do: lock, GET, decode. `plain.py CONFIG`."""

import sys
import tomllib
from pathlib import Path

import filelock
import msgspec
import requests


class Row(msgspec.Struct, gc=False):
    task_id: str
    status: str


class Node(msgspec.Struct, gc=False):
    hostname: str
    status: str


path = Path(sys.argv[1])
url = tomllib.loads(path.read_text())["sources"]["river0"]["url"]
with filelock.FileLock(path.with_name("plain.lock")), requests.Session() as session:
    for name, wanted in (("tasks", list[Row]), ("nodes", list[Node]), ("vps", list[Row])):
        answer = session.get(f"{url}/{name}", timeout=60)
        answer.raise_for_status()
        msgspec.json.decode(answer.content, type=wanted)
