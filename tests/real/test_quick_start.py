"""The quick start of the README, played: from nothing to a first alert, as it is written there."""

import time
from pathlib import Path

from peers import Mailbox
from real import quick_start
from real.lab import Lab


def test_the_quick_start_of_the_readme_is_what_happens_and_takes_less_than_five_minutes(
    host: Lab, mailbox: Mailbox, tmp_path: Path
) -> None:
    began = time.monotonic()
    played = quick_start.play(host, mailbox, tmp_path / "notifier")
    assert time.monotonic() - began < 300
    hint = "run: PYTHONPATH=tests python -m real.quick_start"
    assert played == quick_start.normal(quick_start.kept()), hint


def test_the_first_alert_names_what_failed_where_and_why() -> None:
    shown = quick_start.kept()
    assert "train.py failed on gpu-01" in shown
    assert "RuntimeError: CUDA out of memory" in shown
    steps = ["config init", "$ notifier doctor", "$ notifier channel test ops", "$ notifier check"]
    assert [shown.index(step) for step in steps] == sorted(shown.index(step) for step in steps)
