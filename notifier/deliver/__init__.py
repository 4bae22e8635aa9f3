"""The delivery room: one attempt per letter, and a receipt for it.

Light to import: Apprise, requests and smtplib are loaded by the first `send` or `check`.
"""

from typing import TYPE_CHECKING

from notifier.deliver.letter import DeliverError, Letter
from notifier.deliver.rows import post
from notifier.deliver.services import flavour, limits
from notifier.model import Receipt
from notifier.settings import ChannelSettings, Destination

if TYPE_CHECKING:
    from notifier.deliver.reachable import Reached

__all__ = ["DeliverError", "Letter", "check", "flavour", "limits", "post", "reach", "send"]


def check(settings: ChannelSettings) -> None:
    """Raises DeliverError, in a sentence without secrets, when nothing could ever be sent.

    Nothing is asked over the network. What is still a reference to a secret is taken for good.
    """
    from notifier.deliver import attempt

    attempt.check(settings)


def reach(there: Destination, timeout: float) -> "Reached":
    """Whether the server of a row answers, while nothing is sent. Never raises."""
    from notifier.deliver import reachable

    return reachable.reach(there, timeout)


def send(letter: Letter, timeout: float) -> Receipt:
    """One attempt in the calling thread, within about `timeout` seconds. Never raises."""
    from notifier.deliver import attempt

    return attempt.send(letter, timeout)
