"""Notifier: a polling notification bridge for cluster managers."""

__version__ = "0.1.0"
