"""Pure: a state document of an older version, made into one of today's, a step for each version."""

from collections.abc import Callable
from typing import Any

Step = Callable[[dict[str, Any]], dict[str, Any]]
# version -> what makes a document of the next one out of it; so far there has been one version
STEPS: dict[int, Step] = {}


def migrated(document: dict[str, Any], to: int) -> dict[str, Any]:
    """The document as version `to` has it. Raises KeyError where no step leads there.

    A step may take the document apart; what it makes of nonsense is refused when it is decoded.
    """
    for version in range(document["version"], to):
        document = {**STEPS[version](document), "version": version + 1}
    return document
