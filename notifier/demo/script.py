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
    yield from _a_task_fails(cluster)
    yield from _a_node_dies(cluster)
    yield from _mail_is_down(cluster, mail)


def _a_task_fails(cluster: Cluster) -> Iterator[Scene]:
    for name in ("gpu-01", "gpu-02", "gpu-03"):
        cluster.add_node(name, 32)
    night = cluster.run("gpu-03", "python backup.py", timedelta(hours=9))
    train = cluster.run("gpu-01", "python train.py --lr 3e-4", timedelta(hours=2))
    for shard in ("shard-1", "shard-2"):
        cluster.run("gpu-02", f"./embed.sh {shard}", timedelta(hours=1))
    cluster.end(night, "failed", 2, "rsync: no space left on device")
    yield Scene(
        happened="The first look. Three nodes are online; one task failed in the night.",
        notice="What had failed before anybody watched is counted, not told as news.",
    )

    cluster.wait(5)
    cluster.end(train, "failed", 1, "epoch 3: loss is nan\nRuntimeError: CUDA out of memory")
    yield Scene(happened="A training run has failed on gpu-01.")

    cluster.wait(5)
    yield Scene(
        happened="Nothing new; cron runs the same command again.",
        notice="The host still lists both failures, as it will for ever.",
    )


def _a_node_dies(cluster: Cluster) -> Iterator[Scene]:
    cluster.wait(5)
    lost = cluster.lose_node("gpu-02")
    yield Scene(
        happened="gpu-02 has died, and two tasks with it.",
        notice="Three things are wrong; each channel gets one message of them.",
    )

    cluster.wait(5)
    yield Scene(
        happened="gpu-02 is still down. Somebody asks what is broken.",
        commands=(CHECK, "status"),
    )

    cluster.wait(10)
    cluster.find_node("gpu-02")
    cluster.end(lost[0], "completed", 0)
    yield Scene(
        happened="gpu-02 is back; it turns out that one of the two tasks ran to its end.",
        notice="The mail is a reply to the one that told of the problem.",
    )


def _mail_is_down(cluster: Cluster, mail: MailServer) -> Iterator[Scene]:
    cluster.wait(10)
    mail.down = True
    render = cluster.run("gpu-03", "./render.sh --frames 240")
    cluster.end(render, "killed_oom", -9, "Killed by runner: oom")
    yield Scene(
        happened="The mail server goes down, and then a task runs out of memory.",
        commands=(CHECK, "outbox list"),
        notice="The webhook has it. The mail waits, and the exit code says so.",
    )

    cluster.wait(5)
    yield Scene(
        happened="The mail server is still down.",
        notice="The mail was tried again; the pause before the next attempt is longer.",
    )

    cluster.wait(5)
    mail.down = False
    yield Scene(
        happened="The mail server is up again.",
        commands=(CHECK, "status"),
        notice="The mail says when it happened, not when it was sent.",
    )
