"""A folder of recorded answers in the place of a server: PATH.json, with `_` for `/`."""

from datetime import datetime
from pathlib import Path

from notifier.sources._failed import LookFailed
from notifier.sources._http import Answer, Http
from notifier.sources._redact import Redactor


class Played(Http):
    """Answers what was recorded, and 404 to all else. Opens no connection."""

    def __init__(self, folder: Path, at: datetime, redact: Redactor) -> None:
        super().__init__("", redact=redact)
        self._folder = folder
        self._at = at

    def get(self, path: str, deadline: float, keep: int = 0) -> Answer:
        """The recorded answer to `path`; its query counts for nothing. Raises LookFailed."""
        name = path.partition("?")[0].strip("/").replace("/", "_")
        try:
            return Answer(bytearray((self._folder / f"{name}.json").read_bytes()), self._at)
        except OSError:
            raise LookFailed("refused", "http 404: not recorded", status=404) from None
