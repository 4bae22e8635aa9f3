"""The time zone that people read times in."""

from datetime import UTC, datetime, tzinfo


def zone_of(name: str) -> tzinfo:
    """The zone of that IANA name; without one the machine's own."""
    if name:
        # slow to import, and not every configuration names a zone
        from zoneinfo import ZoneInfo

        return ZoneInfo(name)
    return datetime.now(UTC).astimezone().tzinfo or UTC
