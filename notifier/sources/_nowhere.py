"""Stands for the session of a source that asks no server: it redacts, and loads no library."""

from types import TracebackType
from typing import Any, NoReturn, Self

from notifier.sources._failed import LookFailed
from notifier.sources._redact import Redactor


class Nowhere:
    """Looks like a session; there is nobody whom it could ask."""

    def __init__(self, redact: Redactor) -> None:
        self.redact = redact
        self.kept: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """There is nothing to close."""

    def get(self, path: str, deadline: float, keep: int = 0) -> NoReturn:
        """Raises LookFailed."""
        raise LookFailed("refused", f"its settings have no url: nobody can be asked for {path}")
