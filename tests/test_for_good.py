"""The README's "For good" and the install of contrib/systemd, typed by root as they stand.

All that they write goes to layers above /etc, /opt, /usr/local and /var that end with the test.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from peers import Mailbox
from sources.hosts import Stub, dialect_a

ROOT = Path(__file__).parents[1]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# /etc/hosts and /etc/resolv.conf may be mounts of a container, which a layer does not show
LAYERS = """
set -eu
mount --make-rprivate /
mount -t tmpfs none /mnt
cp /etc/hosts /etc/resolv.conf /mnt
for folder in /etc /opt /usr/local /var; do
    mkdir -p /mnt/above$folder /mnt/work$folder
    mount -t overlay -o lowerdir=$folder,upperdir=/mnt/above$folder,workdir=/mnt/work$folder \\
        overlay $folder
done
cp /mnt/hosts /mnt/resolv.conf /etc
echo "127.0.0.1 river.example mail.example.org" >>/etc/hosts
sudo() {
    if [ "$1" = -u ]; then local user=$2; shift 2; as "$user" "$@"; else "$@"; fi
}
as() {
    local user=$1; shift
    env -i PATH="$PATH" HOME=/var/lib/notifier setpriv --reuid "$user" --regid "$user" \\
        --init-groups "$@"
}
# root of a machine where everything is closed by default
umask 077
"""
# what cron makes of its file
CRON = """
set -f
set -- $(grep -v '^#' /etc/cron.d/notifier | grep -v '^[A-Z]*=')
user=$6
shift 6
set +f
PATH=$(sed -n 's/^PATH=//p' /etc/cron.d/notifier) as "$user" /bin/sh -c "$*"
"""
# what systemd makes of the unit, but for its restrictions, which tests/chaos/test_units.py has
SYSTEMCTL = """
systemctl() {
    [ "$1" = start ] || return 0
    local unit=/etc/systemd/system/$2
    value() { sed -n "s/^$1=//p" "$unit"; }
    install -d -m "$(value StateDirectoryMode)" -o "$(value User)" -g "$(value Group)" \\
        "/var/lib/$(value StateDirectory)"
    as "$(value User)" $(value ExecStart)
}
"""
SHOWN = """
stat -c '%a %U:%G %n' /etc/notifier /etc/notifier/* /var/lib/notifier /var/lib/notifier/state.json
"""


def possible() -> bool:
    """Whether this is root on a machine without a Notifier, where layers can be mounted."""
    ready = ["python3", "-c", "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"]
    mounts = ["unshare", "-m", "bash", "-c", LAYERS]
    return (
        os.geteuid() == 0
        and not Path("/etc/notifier").exists()
        and subprocess.run(ready, env={"PATH": PATH}, capture_output=True).returncode == 0
        and subprocess.run(mounts, capture_output=True).returncode == 0
    )


pytestmark = [
    pytest.mark.wheel,
    pytest.mark.skipif(not possible(), reason="not root, or nothing can be mounted here"),
]


@pytest.fixture
def host() -> Iterator[Stub]:
    server = Stub()
    dialect_a(server)
    yield server
    server.stop()


def block(page: Path, head: str) -> list[str]:
    """The lines of the first shell block below a heading."""
    text = page.read_text(encoding="utf-8").partition(f"\n## {head}\n")[2]
    found = re.search(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found, head
    return found[1].splitlines()


FOR_GOOD = block(ROOT / "README.md", "For good")


def typed(lines: list[str], host: Stub, mailbox: Mailbox) -> list[str]:
    """What is printed by it; the two servers are where the text says, on ports of this test."""
    text = "\n".join(lines).replace("river.example:8000", f"river.example:{host.port}")
    text = text.replace("--smtp mail.example.org", f"--smtp mail.example.org:{mailbox.port}")
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", f"{LAYERS}{text}"],
        env={**pip, "PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"},
        capture_output=True, text=True, cwd=ROOT, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_the_lines_under_for_good_come_to_a_mail_that_cron_sends(
    host: Stub, mailbox: Mailbox
) -> None:
    said = typed([*FOR_GOOD, CRON, SHOWN], host, mailbox)
    assert any(re.fullmatch(r"\d+ well, \d warnings, 0 failed", line) for line in said)
    # the state is that user's, and root would be refused
    first = said.index("now, as that user:") + 1
    assert said[first : first + 3] == [
        "  sudo -u notifier notifier doctor            # is all in place?",
        "  sudo -u notifier notifier channel test ops  # does a message arrive?",
        "  sudo -u notifier notifier check             # the first look",
    ]
    assert "  ok    cron: /etc/cron.d/notifier: */2 * * * * notifier notifier check -q" in said
    assert said[-4:] == [
        "755 root:root /etc/notifier",
        "640 root:notifier /etc/notifier/config.toml",
        "700 notifier:notifier /var/lib/notifier",
        "600 notifier:notifier /var/lib/notifier/state.json",
    ]
    (mail,) = mailbox.mails
    assert mail.subject.startswith("[river] watching 12 tasks")


def test_the_lines_of_the_units_come_to_a_mail_that_the_service_sends(
    host: Stub, mailbox: Mailbox
) -> None:
    program = FOR_GOOD[: next(i for i, line in enumerate(FOR_GOOD) if "useradd" in line)]
    units = block(ROOT / "contrib" / "systemd" / "README.md", "Install")
    said = typed([*program, "cd contrib/systemd", SYSTEMCTL, *units, SHOWN], host, mailbox)
    assert any(re.fullmatch(r"\d+ well, \d warnings, 0 failed", line) for line in said)
    assert said[-4:] == [
        "750 root:notifier /etc/notifier",
        "640 root:notifier /etc/notifier/config.toml",
        "700 notifier:notifier /var/lib/notifier",
        "600 notifier:notifier /var/lib/notifier/state.json",
    ]
    (mail,) = mailbox.mails
    assert mail.subject.startswith("[river] watching 12 tasks")
