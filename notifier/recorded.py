"""Recorded answers of a source's server, read by the source's own code, as looks of their time.

A folder holds TIME/SOURCE/PATH.json: TIME as 20261122T120000Z, PATH without its query and with
`_` for `/`, so /api/nodes is api_nodes.json. What is not there is answered with 404.
"""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from notifier import sources
from notifier.config import Config
from notifier.errors import ConfigError
from notifier.look import Look
from notifier.memory import State
from notifier.poll import follow, look_of

FORM = "%Y%m%dT%H%M%SZ"
PATIENCE = 60.0


class Recorded:
    """The looks of a folder of answers. `times` are those there are, in order."""

    def __init__(self, folder: Path, config: Config) -> None:
        self.config = config
        self._folders = dict(sorted(_dated(folder)))
        self._cursors: dict[str, Any] = {}

    @property
    def times(self) -> list[datetime]:
        """When something was recorded."""
        return list(self._folders)

    def looks(self, at: datetime, state: State) -> list[Look]:
        """What every source showed then."""
        found = []
        for name, settings in self.config.sources.items():
            folder = self._folders[at] / name
            if not folder.is_dir():
                continue
            module = sources.module(settings.type)
            families = {kind.family for kind in module.KINDS.values()}
            with sources.played(settings, folder, self.config.run.redact, at) as http:
                results, self._cursors[name] = module.poll(
                    settings, http, self._cursors.get(name), frozenset(module.KINDS),
                    follow(state, name, settings), time.monotonic() + PATIENCE, at,
                )  # fmt: skip
            found.append(look_of(name, settings, families, results))
        return found


def _dated(folder: Path) -> list[tuple[datetime, Path]]:
    found = []
    try:
        for one in folder.iterdir():
            try:
                found.append((datetime.strptime(one.name, FORM).replace(tzinfo=UTC), one))
            except ValueError:
                continue
    except OSError as error:
        raise ConfigError(f"--answers: {folder}: {error.strerror}") from None
    return found
