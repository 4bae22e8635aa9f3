"""Every exit code and every error that has one.

Each room raises its own subclass; `cli.main` turns it into one line and the code.
"""

from enum import IntEnum


class Exit(IntEnum):
    """What a run tells its caller (the highest of UNDELIVERED > UNREADABLE > FOUND wins)."""

    OK = 0
    FOUND = 1
    USAGE = 2
    UNREADABLE = 3
    UNDELIVERED = 4
    BUG = 70
    STATE = 74
    LOCKED = 75


class NotifierError(Exception):
    """Base of all errors that a person is told in one line."""

    code: Exit = Exit.BUG


class ConfigError(NotifierError):
    """The configuration or the command line is wrong; nothing was polled.

    `problems` has one line for each thing that is wrong, all found in one reading.
    """

    code = Exit.USAGE

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class StateError(NotifierError):
    """The state could not be read or written; nothing was sent that is not committed."""

    code = Exit.STATE


class LockedError(NotifierError):
    """Another run holds the lock and did not let go of it in time."""

    code = Exit.LOCKED


class SecretError(NotifierError):
    """A secret reference (`env:`, `file:`, `credential:`) could not be resolved.

    The text names the reference, never a value.
    """

    code = Exit.USAGE


class TemplateError(NotifierError):
    """A template of the user's could not be rendered."""

    code = Exit.USAGE
