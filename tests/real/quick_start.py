"""The quick start of README.md, played against a real host and a real mail server.

`PYTHONPATH=tests python -m real.quick_start` writes it into README.md anew.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from peers import Mailbox
from real.lab import Lab

README = Path(__file__).parents[2] / "README.md"
MARKS = ("<!-- quick start: begin -->", "<!-- quick start: end -->")
HOST, MAIL = "river.example:8000", "mail.example.org:25"
# what differs from one time and machine to the next, and what stands in its place
VARYING = [
    (r"\b\d\d:\d\d UTC", "12:04 UTC"),
    (r"it is \d\d:\d\d there", "it is 12:04 there"),
    (r"\d+ s ago, took [\d.]+ s", "9 s ago, took 0.0 s"),
    (r"\b\d{19}\b", "7530223553740800002"),
    (r"\bn[0-9a-f]{8}-(\d+)", r"n1ff649cd-\1"),
    (r"test-\d{14}", "test-20261122120400"),
    (r"owner [\w-]+(?: \d+)?", "owner anna"),
    (r"file system: [\w.]+, [\d,.]+ [GM]B free", "file system: ext4, 77.1 GB free"),
    (r"\([\d,]+ kB\)", "(2 kB)"),
]


def play(lab: Lab, mailbox: Mailbox, folder: Path) -> str:
    """The whole session, as it looks in a terminal; AssertionError where it goes another way."""
    environ = {
        "PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "TZ": "UTC",
        "LANG": "C.UTF-8", "NOTIFIER_CONFIG": str(folder / "config.toml"),
    }  # fmt: skip
    session = ["$ export NOTIFIER_CONFIG=~/notifier/config.toml"]

    def run(line: str, code: int) -> None:
        real = line.replace(HOST, lab.url.removeprefix("http://")).replace(MAIL, mailbox.address)
        done = subprocess.run(
            [sys.executable, "-m", "notifier", *real.split()], cwd="/", env=environ, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout
        session.extend(["", f"$ notifier {line}", *done.stdout.splitlines()])

    for node in ("gpu-01", "gpu-02"):
        lab.add_node(node)
    train = lab.run("gpu-01", "train.py")
    run(f"config init {HOST} --name river --email ops@example.org --smtp {MAIL}", 0)
    run("doctor", 0)
    run("channel test ops", 0)
    run("check", 0)
    session += ["", "# then a task fails on the cluster"]
    lab.update_status(train, "failed", exit_code=1, message="RuntimeError: CUDA out of memory")
    run("check", 1)
    told = mailbox.mails[-1]
    session += ["", "# and this is the mail", f"To: {told.recipients[0]}"]
    session += [f"Subject: {told.subject.strip()}", ""]
    session += [line.rstrip() for line in told.text.strip().splitlines()]
    assert len(mailbox.mails) == 4, "two of the test, the first look, the failure"
    text = "\n".join(session)
    there = {
        lab.url.removeprefix("http://"): HOST,
        mailbox.address: MAIL,
        str(folder): "~/notifier",
    }
    for real, shown in there.items():
        text = text.replace(real, shown)
    return normal(text)


def normal(text: str) -> str:
    """The session without what is another time's or another machine's."""
    for pattern, shown in VARYING:
        text = re.sub(pattern, shown, text)
    return text


def kept() -> str:
    """What stands in README.md."""
    block = README.read_text(encoding="utf-8").partition(MARKS[0])[2].partition(MARKS[1])[0]
    return re.sub(r"^```\w*\n|^```$", "", block.strip(), flags=re.MULTILINE).strip()


def main(start: Callable[[], Path]) -> None:
    """Plays it and writes it into README.md."""
    mailbox = Mailbox()
    mailbox.start()
    with tempfile.TemporaryDirectory(prefix="notifier-") as name, closing(Lab(start())) as lab:
        lab.start()
        text = play(lab, mailbox, Path(name) / "notifier")
    mailbox.stop()
    page = README.read_text(encoding="utf-8")
    block = f"{MARKS[0]}\n```text\n{text}\n```\n{MARKS[1]}"
    page = re.sub(f"{MARKS[0]}.*?{MARKS[1]}", lambda _: block, page, flags=re.DOTALL)
    README.write_text(page, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    from real.conftest import CACHE, install

    main(lambda: install(Path(os.environ.get("NOTIFIER_TEST_CACHE") or CACHE) / "hakuriver-0.3.0"))
