"""The day that is played: what happens on the cluster, and which commands are run then."""

from collections.abc import Iterator
from datetime import timedelta

import msgspec

from notifier.demo.cluster import Cluster
from notifier.demo.receivers import MailServer

CHECK = "check"


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What has just happened, the command lines to run now, and what to notice in the result."""

    happened: str
    commands: tuple[str, ...] = (CHECK,)
    notice: str = ""


def day(cluster: Cluster, mail: MailServer) -> Iterator[Scene]:
    """Plays it: between two scenes the cluster, the mail server and the clock have moved on."""
    noon = cluster.now

    def later(minutes: int) -> None:
        cluster.now = noon + timedelta(minutes=minutes)

    for name in ("gpu-01", "gpu-02", "gpu-03"):
        cluster.add_node(name, 32)
    night = cluster.run("gpu-03", "python backup.py", timedelta(hours=9))
    train = cluster.run("gpu-01", "python train.py --lr 3e-4", timedelta(hours=2))
    shard1 = cluster.run("gpu-02", "./embed.sh shard-1", timedelta(hours=1))
    cluster.run("gpu-02", "./embed.sh shard-2", timedelta(minutes=59))
    cluster.end(night, "failed", 2, "rsync: no space left on device")
    yield Scene(
        happened="The first look. Three nodes are online; one task failed in the night.",
        notice="What had failed before anybody watched is counted, not told as news.",
    )

    later(5)
    cluster.end(train, "failed", 1, "epoch 3: loss is nan\nRuntimeError: CUDA out of memory")
    yield Scene(happened="A training run has failed on gpu-01.")

    later(10)
    yield Scene(
        happened="Nothing new; cron runs the same command again.",
        notice="The host still lists both failures, as it will for ever.",
    )

    later(15)
    cluster.lose_node("gpu-02")
    yield Scene(
        happened="gpu-02 has died, and two tasks with it.",
        notice="Three things are wrong; each channel gets one message of them.",
    )

    later(20)
    yield Scene(
        happened="gpu-02 is still down. Somebody asks what is broken.",
        commands=(CHECK, "status"),
    )

    later(30)
    cluster.find_node("gpu-02")
    cluster.end(shard1, "completed", 0)
    yield Scene(
        happened="gpu-02 is back; it turns out that one of the two tasks ran to its end.",
        notice="The mail is a reply to the one that told of the problem.",
    )

    later(40)
    mail.down = True
    render = cluster.run("gpu-03", "./render.sh --frames 240")
    cluster.end(render, "killed_oom", -9, "Killed by runner: oom")
    yield Scene(
        happened="The mail server goes down, and then a task runs out of memory.",
        commands=(CHECK, "outbox list"),
        notice="The webhook has it. The mail waits, and the exit code says so.",
    )

    later(45)
    yield Scene(
        happened="The mail server is still down.",
        notice="The mail was tried again; the pause before the next attempt is longer.",
    )

    later(50)
    mail.down = False
    yield Scene(
        happened="The mail server is up again.",
        commands=(CHECK, "status"),
        notice="The mail says when it happened, not when it was sent.",
    )
