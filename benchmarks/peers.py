"""The same quiet check with what people use in our place: urlwatch, webchanges, curl with jq.

`python -m benchmarks.peers [FOLDER]` writes the second table of docs/performance.md. FOLDER
(default .cache/peers) gets an environment with urlwatch and webchanges; curl and jq are the
system's. Each watches the same three lists for a change of any status, as its own manual says.
"""

import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from benchmarks import page
from benchmarks.host import Host
from benchmarks.measure import Took, command, configured, median, pairs, ratio, run

ROOT = Path(__file__).parents[1]
PACKAGES = ("urlwatch==2.29", "webchanges==3.37.0")
LISTS = ("tasks", "nodes", "vps")
# what is compared: a line for each thing, by the key of its id
KEYS = {"tasks": "task_id", "nodes": "hostname", "vps": "task_id"}
SHELL = """\
set -eu
cd "$1"
for list in tasks nodes vps; do
  case $list in nodes) id=hostname ;; *) id=task_id ;; esac
  curl -fsS --max-time 60 "$2/$list" | jq -r ".[]|[.$id,.status]|@tsv" >"$list.new"
  cmp -s "$list.new" "$list" || { [ ! -e "$list" ] || diff "$list" "$list.new" || true; }
  mv "$list.new" "$list"
done
"""


def installed(folder: Path) -> Path:
    """The folder of their commands; made on first use, from the package index."""
    there = folder / "bin"
    if not (there / "webchanges").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([there / "pip", "install", "-q", *PACKAGES], check=True)
    return there


def urlwatch(there: Path, folder: Path, url: str) -> list[str]:
    """Its command line, with a job for each list."""
    jobs = folder / "urls.yaml"
    jobs.write_text("---\n".join(_job(name, url, "shellpipe", folder) for name in LISTS))
    for name in ("urlwatch.yaml", "hooks.py"):
        (folder / name).write_text("{}\n" if name.endswith("yaml") else "")
    return [
        str(there / "urlwatch"), "--urls", str(jobs), "--config", str(folder / "urlwatch.yaml"),
        "--hooks", str(folder / "hooks.py"), "--cache", str(folder / "urlwatch.db"),
    ]  # fmt: skip


def webchanges(there: Path, folder: Path, url: str) -> list[str]:
    """Its command line, with a job for each list."""
    jobs = folder / "jobs.yaml"
    jobs.write_text("---\n".join(_job(name, url, "execute", folder) for name in LISTS))
    (folder / "webchanges.yaml").write_text("{}\n")
    return [
        str(there / "webchanges"), "--jobs", str(jobs), "--config", str(folder / "webchanges.yaml"),
        "--hooks", str(folder / "none.py"), "--database", str(folder / "webchanges.db"),
    ]  # fmt: skip


def _job(name: str, url: str, tool: str, folder: Path) -> str:
    """A list as lines of id and status, by way of jq as both manuals have it for JSON."""
    script = folder / f"{name}.sh"
    script.write_text(f"#!/bin/sh\nexec jq -r '.[]|[.{KEYS[name]},.status]|@tsv'\n")
    script.chmod(0o700)
    return f"name: {name}\nurl: {url}/{name}\nfilter:\n  - {tool}: {script}\n"


def shell(folder: Path, url: str) -> list[str]:
    """curl and jq, and cmp with what was there before."""
    script = folder / "check.sh"
    script.write_text(SHELL)
    return ["/bin/sh", str(script), str(folder), url]


def compare(rows: int, count: int, there: Path) -> list[str]:
    """A line of the table for each of them, on a host with so many tasks."""
    lines = []
    with Host(rows, min(200, rows // 10)) as host, tempfile.TemporaryDirectory() as name:
        url, ours = host.urls[0], command(configured(Path(name), host.urls))
        for peer, made in _peers(there, url).items():
            folder = Path(name, peer.split(" ")[0])
            folder.mkdir()
            theirs = made(folder)
            # the first look of each learns, and may print what it found
            for line in (ours, theirs):
                run(line, quiet=False)
            found = pairs(partial(_silent, theirs), partial(run, ours), count)
            lines.append(_line(f"{rows:,} tasks", peer, *found))
    return lines


def _silent(command: list[str]) -> Took:
    """One run that finds nothing new. Of warnings about itself a peer may speak."""
    took = run(command, quiet=False)
    if took.code or any(word in took.said.lower() for word in (b"changed:", b"error", b"< ")):
        raise RuntimeError(f"{command}: {took.said.decode()}")
    return took


def _peers(there: Path, url: str) -> Mapping[str, Callable[[Path], list[str]]]:
    return {
        "urlwatch 2.29": lambda folder: urlwatch(there, folder, url),
        "webchanges 3.37": lambda folder: webchanges(there, folder, url),
        "curl, jq and cmp": lambda folder: shell(folder, url),
    }


def _line(what: str, peer: str, theirs: list[Took], ours: list[Took]) -> str:
    ms = [median([took.wall for took in each]) * 1e3 for each in (theirs, ours)]
    mb = [max(took.peak for took in each) / 1e6 for each in (theirs, ours)]
    times = f"{ms[0]:,.0f} ms | {ms[1]:,.0f} ms | {median(ratio(theirs, ours)):.2f}"
    return f"| {what} | {peer} | {times} | {mb[0]:,.0f} MB | {mb[1]:,.0f} MB |"


def main(argv: list[str]) -> int:
    """Measures and writes the table; with --print it only prints it."""
    only_print = "--print" in argv
    folders = [one for one in argv if not one.startswith("-")]
    there = installed(Path(folders[0] if folders else ROOT / ".cache" / "peers").absolute())
    lines = [
        "| quiet check of | beside | theirs | ours | ours : theirs | their peak | our peak |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *compare(200, 21, there),
        *compare(20_000, 9, there),
    ]
    text = "\n".join(lines)
    print(text)
    if not only_print:
        page.put("peers", text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
