"""Runs the command from one warm interpreter: every run is a process of its own, forked from here.

Reads one order as a JSON line from stdin, answers it with one line on stdout. A run that is to be
watched stops at the beginning of one of its threads until strace has hold of that thread.
"""

import gc
import importlib
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from notifier import cli

_run = threading.Thread.run


def kind(name: str) -> str:
    """What a thread is for: `Thread-3 (_work)` is `_work`."""
    return name.partition("(")[2].rstrip(")") if name.startswith("Thread-") else name


def child(order: dict[str, Any], tell: int, go: int) -> None:
    """The run itself. Never returns."""
    gate = tuple(order["thread"])
    begun: Counter[str] = Counter()
    began = threading.Lock()

    def at(name: str) -> None:
        with began:
            begun[name] += 1
            number = begun[name]
        if order["threads"]:
            with open(order["threads"], "a") as file:
                file.write(json.dumps([name, number]) + "\n")
        if gate == (name, number):
            os.write(tell, str(threading.get_native_id()).encode())
            os.read(go, 1)

    def run(thread: threading.Thread) -> None:
        at(kind(thread.name))
        _run(thread)

    threading.Thread.run = run  # type: ignore[method-assign]
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    out = os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    at("main")
    cli.run(order["argv"])


def serve(order: dict[str, Any]) -> int:
    """Runs one order to its end; the exit code, negative for a signal."""
    tell_out, tell = os.pipe()
    go, go_in = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(tell_out)
        os.close(go_in)
        child(order, tell, go)
    os.close(tell)
    os.close(go)
    tracer = None
    # nothing comes from a run that ends without that thread
    if tid := os.read(tell_out, 20):
        command = ["strace", "-p", tid.decode(), *order["strace"]]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert tracer.stderr
        while "attached" not in (line := tracer.stderr.readline()):
            if not line:
                raise RuntimeError("strace could not attach")
        # a run may end while one of its threads still waits for strace
        with suppress(BrokenPipeError):
            os.write(go_in, b".")
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if tracer:
        tracer.communicate()
    os.close(tell_out)
    os.close(go_in)
    return code


def rehearse(order: dict[str, Any]) -> int:
    """Runs one order in this very process: what it reads and compiles, no fork has to."""
    with open(order["out"], "a") as out, redirect_stdout(out), redirect_stderr(out):
        code = cli.main(order["argv"], os.environ)
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(10)
    # what never changes again is not copied for every fork
    gc.freeze()
    return code


def main() -> None:
    """Serves until stdin ends. `--tomorrow`: the runs are those of a later version."""
    if "--tomorrow" in sys.argv:
        sys.path.insert(0, str(Path(__file__).parents[1]))
        tomorrow = importlib.import_module("chaos.tomorrow")
        tomorrow.arrive()
    for line in sys.stdin:
        order = json.loads(line)
        code = rehearse(order) if order["rehearse"] else serve(order)
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
