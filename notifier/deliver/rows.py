"""Sends the rows of the outbox side by side, the letters of one row in order, within a budget."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from queue import Empty, SimpleQueue

from notifier.deliver.letter import Letter
from notifier.model import Receipt

LATE = "no answer before the run's deadline"
Arrival = tuple[str, Receipt]


def post(
    letters: Mapping[str, Iterable[Letter]], send: Callable[[Letter], Receipt], budget: float
) -> Iterator[list[Receipt]]:
    """Yields receipts as they come, all that are there together; row -> its letters in order.

    A row's next letter is taken and started only when the consumer asks for the next batch, so
    that its former receipt is on disk by then. After `retry`, `unknown` or a parked channel the
    row ends: order holds per channel and incident. When `budget` (seconds) is over, what is in
    flight is `unknown` and the generator ends. Daemon threads may hang on; what they bring later
    is heard by nobody. A letter that was never begun has no receipt.
    """
    deadline = time.monotonic() + budget
    arrivals: SimpleQueue[Arrival] = SimpleQueue()
    waiting = {row: iter(some) for row, some in letters.items()}
    in_flight: dict[str, str] = {}

    def begin(row: str) -> None:
        letter = next(waiting[row], None)
        if letter is not None:
            in_flight[row] = letter.key
            carry = threading.Thread(
                target=_carry, args=(row, letter, send, arrivals), name="post", daemon=True
            )
            carry.start()

    for row in waiting:
        begin(row)
    while in_flight:
        batch = _next_batch(arrivals, deadline)
        if not batch:
            yield [Receipt(key=key, outcome="unknown", reason=LATE) for key in in_flight.values()]
            return
        for row, _ in batch:
            del in_flight[row]
        yield [receipt for _, receipt in batch]
        for row, receipt in batch:
            if _goes_on(receipt) and time.monotonic() < deadline:
                begin(row)


def _carry(
    row: str, letter: Letter, send: Callable[[Letter], Receipt], arrivals: SimpleQueue[Arrival]
) -> None:
    try:
        receipt = send(letter)
    except BaseException as error:
        # a bug, and nobody can say how far it came; its text may hold a secret
        reason = f"internal error: {type(error).__name__}"
        receipt = Receipt(key=letter.key, outcome="unknown", reason=reason)
    arrivals.put((row, receipt))


def _next_batch(arrivals: SimpleQueue[Arrival], deadline: float) -> list[Arrival]:
    """Waits for the first arrival and takes all that are there; empty after the deadline."""
    batch: list[Arrival] = []
    try:
        batch.append(arrivals.get(timeout=max(0.0, deadline - time.monotonic())))
        while True:
            batch.append(arrivals.get_nowait())
    except Empty:
        return batch


def _goes_on(receipt: Receipt) -> bool:
    return receipt.outcome == "delivered" or receipt.blame == "content"
