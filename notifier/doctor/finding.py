"""One thing that was looked at: whether it is well, and if not, what to do."""

from typing import Literal

from notifier.errors import SecretError
from notifier.model import Frozen

Mark = Literal["ok", "warn", "fail"]


class Finding(Frozen, frozen=True, kw_only=True, omit_defaults=False):
    """`fix` is one line, empty where nothing is to be done."""

    group: str
    name: str
    mark: Mark
    said: str
    fix: str = ""


def well(group: str, name: str, said: str) -> Finding:
    """It is as it should be."""
    return Finding(group=group, name=name, mark="ok", said=said)


def odd(group: str, name: str, said: str, fix: str) -> Finding:
    """It may be meant so."""
    return Finding(group=group, name=name, mark="warn", said=said, fix=fix)


def bad(group: str, name: str, said: str, fix: str) -> Finding:
    """It does not work."""
    return Finding(group=group, name=name, mark="fail", said=said, fix=fix)


def secretless(group: str, name: str, what: str, error: SecretError, fix: str) -> Finding:
    """A secret that is not there: no failure where only systemd's unit has it."""
    text = f"{what}: {error}"
    if "$CREDENTIALS_DIRECTORY is not set" in text:
        return odd(
            group, name, text, "nothing, if the unit has it (LoadCredential=): not seen here"
        )
    return bad(group, name, text, fix)
